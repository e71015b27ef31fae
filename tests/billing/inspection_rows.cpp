#include "tests/billing/inspection_rows.h"

#include <utility>

#include "libs/base/check.h"
#include "libs/base/status.h"

namespace holdfast::test {

using namespace std::chrono_literals;
using storage::PgResult;

PgResult MustQuery(storage::PgPool& pool, std::string_view sql) {
  absl::StatusOr<PgResult> rows = pool.Query(Deadline::After(5min), sql);
  if (!rows.ok()) CheckFailed(__FILE__, __LINE__, ToString(rows.status()));
  return *std::move(rows);
}

std::map<std::string, std::int64_t> CountBy(storage::PgPool& pool, std::string_view sql) {
  std::map<std::string, std::int64_t> counts;
  const PgResult rows = MustQuery(pool, sql);
  for (int row = 0; row < rows.rows(); ++row) {
    counts[std::string(rows.Text(row, 0))] = rows.Int(row, 1);
  }
  return counts;
}

}  // namespace holdfast::test

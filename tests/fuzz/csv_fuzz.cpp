// A table as an operator uploads it: any text, from the cells to the decided import and back.
#include <cstdint>
#include <string>

#include "libs/base/check.h"
#include "services/middleware/domain/csv.h"
#include "services/middleware/domain/lineup_csv.h"
#include "services/middleware/domain/lineup_changes.h"
#include "services/middleware/domain/lineup_import.h"

namespace holdfast::middleware {
namespace {

void CheckTable(const std::string& text) {
  const CsvLimits limits{.rows = 100, .cells = 16, .cell_bytes = 4096};
  const CsvTable table = ParseCsv(text, limits);
  HOLDFAST_CHECK(table.rows.size() <= limits.rows);
  std::string written = "a,b\n";  // decides the separator
  for (const CsvRow& row : table.rows) {
    HOLDFAST_CHECK(row.line >= 1 && row.cells.size() <= limits.cells);
    AppendCsvRow(written, row.cells);
  }
  const CsvTable again = ParseCsv(written, {.rows = 100, .cells = 16, .cell_bytes = 8192});
  HOLDFAST_CHECK(again.problem.empty() && again.rows.size() == table.rows.size());
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    HOLDFAST_CHECK(again.rows[i].cells == table.rows[i].cells);
  }
}

void CheckImport(const std::string& text) {
  const auto list = ListOfCsv(text);
  if (!list.ok()) return;
  const WallTime now = FromEpochSeconds(1767348000);
  const auto plan = PlanImport({}, *list, LargeRemoval::kAllow, now);
  if (!plan.ok()) return;
  HOLDFAST_CHECK(plan->added == static_cast<int>(plan->put_channels.size()));
  const StoredLineup stored{.channels = plan->put_channels, .genres = plan->put_genres};
  HOLDFAST_CHECK(DescribeChanges({}, *plan, 10'000).size() <= plan->put_channels.size());
  // Every channel finds itself in its own export.
  const auto exported = ListOfCsv(ExportCsv(Lineup(stored.channels, stored.genres, 1)));
  HOLDFAST_CHECK(exported.ok());
  const auto same = PlanImport(stored, *exported, LargeRemoval::kRefuse, now);
  HOLDFAST_CHECK(same.ok() && same->added == 0 && same->removed == 0);
}

}  // namespace
}  // namespace holdfast::middleware

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  holdfast::middleware::CheckTable(text);
  holdfast::middleware::CheckImport(text);
  return 0;
}

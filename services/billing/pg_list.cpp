#include "services/billing/pg_list.h"

#include "libs/base/status.h"

namespace holdfast::billing {

PgList& PgList::Where(std::string_view condition) {
  sql_ += first_ ? " WHERE " : " AND ";
  sql_ += condition;
  first_ = false;
  return *this;
}

PgList& PgList::Where(std::string_view condition, const storage::PgParam& value) {
  values_.push_back(value);
  std::string numbered;
  for (const char c : condition) {
    numbered += c;
    if (c == '$') numbered += std::to_string(values_.size());
  }
  return Where(numbered);
}

PgList& PgList::WhereSet(std::string_view condition, const std::string& value) {
  return value.empty() ? *this : Where(condition, value);
}

PgList& PgList::Behind(std::string_view columns, const TimeCursor& cursor) {
  if (!cursor.at) return *this;
  values_.emplace_back(*cursor.at);
  values_.emplace_back(cursor.id);
  return Where(fmt::format("({}) < (${}, ${})", columns, values_.size() - 1, values_.size()));
}

absl::StatusOr<storage::PgResult> PgList::Run(storage::PgPool& pool, Deadline deadline,
                                              std::string_view order, int limit) {
  sql_ += fmt::format(" ORDER BY {}", order);
  if (limit > 0) {
    values_.emplace_back(limit);
    sql_ += fmt::format(" LIMIT ${}", values_.size());
  }
  return pool.Run(deadline, sql_, values_);
}

}  // namespace holdfast::billing

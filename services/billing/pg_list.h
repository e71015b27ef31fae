// A SELECT of a list, written for the filters that are set, so that each of the few texts that come
// of it is planned for its own index. Inside pg_*.cpp only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libs/storage/pg_pool.h"
#include "services/billing/store_lists.h"

namespace holdfast::billing {

class PgList {
 public:
  explicit PgList(std::string_view select) : sql_(select) {}

  // "$" stands for the value: "s.account_id = $". Conditions are our own text, values never are.
  PgList& Where(std::string_view condition, const storage::PgParam& value);
  PgList& Where(std::string_view condition);
  // The same if the text is not empty.
  PgList& WhereSet(std::string_view condition, const std::string& value);
  // Behind the cursor in the order of `columns` ("s.started_at, s.subscription_id"), descending.
  PgList& Behind(std::string_view columns, const TimeCursor& cursor);

  absl::StatusOr<storage::PgResult> Run(storage::PgPool& pool, Deadline deadline,
                                        std::string_view order, int limit);

 private:
  std::string sql_;
  std::vector<storage::PgParam> values_;
  bool first_ = true;
};

}  // namespace holdfast::billing

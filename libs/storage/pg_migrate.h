// Schema changes: numbered files that only go forward. Release N works with the schema before, of
// and after its own migration, so instances may restart in any order.
#pragma once

#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "libs/storage/pg_pool.h"

namespace holdfast::storage {

struct Migration {
  std::string_view name;  // "0001_accounts"
  std::string_view sql;
};

// Applies what is missing, in order, each in its own transaction, under an advisory lock so that
// instances that start together do it once. FAILED_PRECONDITION if an applied file was changed
// since (its checksum is recorded).
absl::Status Migrate(PgPool& pool, std::span<const Migration> migrations, Deadline deadline);

}  // namespace holdfast::storage

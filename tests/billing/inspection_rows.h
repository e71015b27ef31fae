// What the files of the inspection read the database with.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "libs/storage/pg_pool.h"

namespace holdfast::test {

inline constexpr std::size_t kShow = 5;  // findings of a kind

// The rows, or the end of the test: a database that cannot be read proves nothing.
storage::PgResult MustQuery(storage::PgPool& pool, std::string_view sql);
// Of rows of a name and a number.
std::map<std::string, std::int64_t> CountBy(storage::PgPool& pool, std::string_view sql);

}  // namespace holdfast::test

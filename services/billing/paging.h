// Lists in pages: what a request asks for, whether there is another page, and where that begins.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "services/billing/store_lists.h"

namespace holdfast::billing {

// Page tokens are opaque to callers. Parse functions answer INVALID_ARGUMENT to what is not one of
// ours; the empty token is the first page.
std::string TokenAfter(std::string_view id);
absl::StatusOr<std::string> ParseToken(const std::string& token);
std::string TokenAfter(WallTime at, std::string_view id);
absl::StatusOr<TimeCursor> ParseTimeToken(const std::string& token);

// INVALID_ARGUMENT unless it is 0 to 1000. 0 becomes `otherwise`; of that, 0 is everything.
inline constexpr int kUsualPage = 50;
inline constexpr int kEverything = 0;
absl::StatusOr<int> ParsePageSize(int page_size, int otherwise = kUsualPage);

template <class Row>
struct Page {
  std::vector<Row> rows;
  bool more = false;  // there is another page

  // Of the last row, for the next page; empty: this is the last page.
  template <class TokenOf>
  std::string NextToken(const TokenOf& token_of) const {
    return more ? token_of(rows.back()) : std::string();
  }
};

// `list` answers up to `limit` rows of a filter; one more than the page tells whether there is
// another one.
template <class Filter, class List>
auto FetchPage(Filter filter, const List& list) {
  using Rows = typename std::invoke_result_t<const List&, const Filter&>::value_type;
  using Row = typename Rows::value_type;
  const auto size = static_cast<std::size_t>(filter.limit);
  if (size > 0) ++filter.limit;
  absl::StatusOr<Rows> rows = list(std::as_const(filter));
  if (!rows.ok()) return absl::StatusOr<Page<Row>>(rows.status());
  Page<Row> page{.rows = *std::move(rows)};
  page.more = size > 0 && page.rows.size() > size;
  if (page.more)
    page.rows.erase(page.rows.begin() + static_cast<std::ptrdiff_t>(size), page.rows.end());
  return absl::StatusOr<Page<Row>>(std::move(page));
}

}  // namespace holdfast::billing

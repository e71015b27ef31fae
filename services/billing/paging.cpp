#include "services/billing/paging.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "libs/base/encoding.h"
#include "libs/base/status.h"
#include "services/billing/domain/ids.h"

namespace holdfast::billing {
namespace {

constexpr int kLargestPage = 1000;
constexpr std::size_t kLongestKey = 300;
constexpr std::int64_t kYear2200 = 7'258'118'400;  // epoch seconds

absl::Status NotOurs() { return InvalidArgument("page_token is not one of ours"); }

std::int64_t Micros(WallTime t) {
  return std::chrono::floor<std::chrono::microseconds>(t).time_since_epoch().count();
}

}  // namespace

std::string TokenAfter(std::string_view id) { return ToBase64Url(id); }

absl::StatusOr<std::string> ParseToken(const std::string& token) {
  if (token.empty()) return std::string();
  std::optional<std::string> key = FromBase64Url(token);
  if (!key || key->empty() || key->size() > kLongestKey) return NotOurs();
  const auto printable = [](char c) { return c >= ' ' && c <= '~'; };  // as all ids are
  if (!std::all_of(key->begin(), key->end(), printable)) return NotOurs();
  return *std::move(key);
}

std::string TokenAfter(WallTime at, std::string_view id) {
  return ToBase64Url(fmt::format("{} {}", Micros(at), id));
}

absl::StatusOr<TimeCursor> ParseTimeToken(const std::string& token) {
  if (token.empty()) return TimeCursor{};
  HOLDFAST_ASSIGN_OR_RETURN(const std::string key, ParseToken(token));
  const std::size_t space = key.find(' ');
  if (space == key.npos) return NotOurs();
  std::int64_t micros = 0;
  const char* const end = key.data() + space;
  const auto [stop, error] = std::from_chars(key.data(), end, micros);
  if (error != std::errc() || stop != end || micros < 0 || micros > kYear2200 * 1'000'000) {
    return NotOurs();
  }
  return TimeCursor{WallTime(std::chrono::microseconds(micros)), key.substr(space + 1)};
}

absl::StatusOr<int> ParsePageSize(int page_size, int otherwise) {
  if (page_size < 0 || page_size > kLargestPage) {
    return InvalidArgument("page_size must be 0 to {}", kLargestPage);
  }
  return page_size == 0 ? otherwise : page_size;
}

}  // namespace holdfast::billing

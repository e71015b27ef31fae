#include "services/middleware/rest_pages.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/base/encoding.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr auto kClocksDiffer = 2min;  // a device's clock may be ahead of ours by that
constexpr std::size_t kLongestTime = 40;
constexpr std::int64_t kHighestSequence = std::int64_t{1} << 53;

std::optional<ItemPosition> PositionIn(std::string_view cursor) {
  const std::optional<std::string> text = FromBase64Url(cursor);
  if (!text) return std::nullopt;
  const std::size_t comma = std::min(text->find(','), text->size());
  ItemPosition position;
  const auto [end, error] = std::from_chars(text->data(), text->data() + comma, position.at_ms);
  if (error != std::errc() || end != text->data() + comma || comma == text->size()) {
    return std::nullopt;
  }
  position.key = text->substr(comma + 1);
  if (!IsItemKey(position.key)) return std::nullopt;
  return position;
}

// Milliseconds of "2026-01-02T10:00:00.250Z", or with an offset; nothing for any other form.
std::optional<std::int64_t> InstantOf(std::string_view text) {
  // Abseil also takes words for infinite times, and spaces.
  if (text.empty() || text.size() > kLongestTime || text[0] < '0' || text[0] > '9') {
    return std::nullopt;
  }
  absl::Time time;
  if (!absl::ParseTime(absl::RFC3339_full, std::string(text), &time, nullptr)) return std::nullopt;
  return absl::ToUnixMillis(time);
}

}  // namespace

PageWish WishForPage(const RestCall& call, std::int64_t limit, std::int64_t highest_limit) {
  PageWish wish;
  const auto asked = NumberBetween(call, "limit", limit, 1, highest_limit);
  if (!asked) {
    wish.problem = FieldProblem(400, "bad-limit", "limit",
                                absl::StrCat("limit is not from 1 to ", highest_limit));
    return wish;
  }
  wish.limit = static_cast<std::size_t>(*asked);
  const std::string_view cursor = call.Get("cursor");
  if (cursor.empty()) return wish;
  wish.after = PositionIn(cursor);
  if (!wish.after) {
    wish.problem = FieldProblem(400, "bad-cursor", "cursor", "cursor is none of this list");
  }
  return wish;
}

std::string CursorOf(const ItemPosition& position) {
  return ToBase64Url(absl::StrCat(position.at_ms, ",", position.key));
}

void EndPage(JsonWriter& json, const std::optional<ItemPosition>& last_if_more) {
  json.Key("next_cursor");
  if (last_if_more) {
    json.String(CursorOf(*last_if_more));
  } else {
    json.Null();
  }
  json.EndObject();
}

DeviceTime DeviceTimeIn(const rapidjson::Value& body, WallTime now) {
  DeviceTime time;
  const bool says_when = body.HasMember("at");
  if (says_when) {
    const auto at = InstantOf(TextIn(body, "at"));
    if (!at || *at <= 0 || *at > EpochMillis(now + kClocksDiffer)) return {.wrong = "at"};
    time.at_ms = *at;
  }
  const auto sequence = body.FindMember("sequence");
  if (sequence == body.MemberEnd()) return time;
  const bool good = says_when && sequence->value.IsInt64() && sequence->value.GetInt64() >= 0 &&
                    sequence->value.GetInt64() <= kHighestSequence;
  if (!good) return {.wrong = "sequence"};
  time.sequence = sequence->value.GetInt64();
  return time;
}

http::Response WrongDeviceTime(const DeviceTime& time) {
  return FieldProblem(400, "bad-time", time.wrong,
                      time.wrong == "at"
                          ? "at is no time of RFC 3339, or later than two minutes from now"
                          : "sequence is no whole number from 0 on, or has no at beside it");
}

}  // namespace holdfast::middleware

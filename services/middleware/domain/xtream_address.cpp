#include "services/middleware/domain/xtream_address.h"

#include <charconv>
#include <chrono>

namespace holdfast::middleware {
namespace {

constexpr std::int64_t kFirstSecond = 946'684'800;   // 2000
constexpr std::int64_t kLastSecond = 4'102'444'800;  // 2100
constexpr std::int64_t kLongestMinutes = 24 * 60;
constexpr std::int64_t kLargestId = 999'999'999'999;

std::optional<std::int64_t> WholeNumber(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

// Takes exactly `digits` digits off the front; nothing, and `good` becomes false, if they are not.
int TakeDigits(std::string_view& text, std::size_t digits, bool& good) {
  int number = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (text.empty() || text.front() < '0' || text.front() > '9') {
      good = false;
      return 0;
    }
    number = number * 10 + (text.front() - '0');
    text.remove_prefix(1);
  }
  return number;
}

bool TakeOneOf(std::string_view& text, std::string_view choices) {
  if (text.empty() || choices.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

// "", "Z", "+02:00", "-0330": seconds to take off.
std::optional<std::int64_t> ParseOffset(std::string_view text) {
  if (text.empty() || text == "Z" || text == "z") return 0;
  const bool east = text.front() == '+';
  if (!TakeOneOf(text, "+-")) return std::nullopt;
  bool good = true;
  const int hours = TakeDigits(text, 2, good);
  TakeOneOf(text, ":");
  const int minutes = TakeDigits(text, 2, good);
  if (!good || !text.empty() || hours > 14 || minutes > 59) return std::nullopt;
  const std::int64_t seconds = hours * 3600 + minutes * 60;
  return east ? seconds : -seconds;
}

std::optional<std::int64_t> ParseCivil(std::string_view text) {
  using namespace std::chrono;
  bool good = true;
  const year y(TakeDigits(text, 4, good));
  good = good && TakeOneOf(text, "-");
  const month m(static_cast<unsigned>(TakeDigits(text, 2, good)));
  good = good && TakeOneOf(text, "-");
  const day d(static_cast<unsigned>(TakeDigits(text, 2, good)));
  const year_month_day date(y, m, d);
  good = good && TakeOneOf(text, ":_ T");
  const int hour = TakeDigits(text, 2, good);
  good = good && TakeOneOf(text, "-:");
  const int minute = TakeDigits(text, 2, good);
  int second = 0;
  // A '-' or ':' with two digits behind it is the seconds; "-0330" with more is an offset.
  if (good && text.size() >= 3 &&
      (text.front() == ':' || (text.front() == '-' && text.size() == 3))) {
    text.remove_prefix(1);
    second = TakeDigits(text, 2, good);
    if (TakeOneOf(text, ".")) {
      while (TakeOneOf(text, "0123456789")) {
      }
    }
  }
  const std::optional<std::int64_t> offset = ParseOffset(text);
  if (!good || !offset || !date.ok() || hour > 23 || minute > 59 || second > 60) {
    return std::nullopt;
  }
  return sys_seconds(sys_days(date)).time_since_epoch().count() + hour * 3600 + minute * 60 +
         second - *offset;
}

std::optional<std::int64_t> IfPlausible(std::optional<std::int64_t> seconds) {
  if (!seconds || *seconds < kFirstSecond || *seconds >= kLastSecond) return std::nullopt;
  return seconds;
}

}  // namespace

std::optional<StreamFile> ParseStreamFile(std::string_view file) {
  StreamFile parsed;
  const std::size_t dot = file.find('.');
  if (dot != std::string_view::npos) {
    const std::string_view extension = file.substr(dot + 1);
    if (extension == "m3u8") {
      parsed.form = StreamForm::kHls;
    } else if (extension == "ts") {
      parsed.form = StreamForm::kTs;
    } else {
      return std::nullopt;
    }
  }
  const std::optional<std::int64_t> id = WholeNumber(file.substr(0, dot));
  if (!id || *id == 0 || *id > kLargestId) return std::nullopt;
  parsed.id = ChannelId(*id);
  return parsed;
}

std::optional<std::int64_t> ParseCatchUpStart(std::string_view text) {
  if (const auto number = WholeNumber(text)) {
    return IfPlausible(*number >= kLastSecond ? *number / 1000 : *number);
  }
  return IfPlausible(ParseCivil(text));
}

std::optional<std::int64_t> ParseCatchUpMinutes(std::string_view text) {
  const std::optional<std::int64_t> minutes = WholeNumber(text);
  if (!minutes || *minutes < 1 || *minutes > kLongestMinutes) return std::nullopt;
  return minutes;
}

}  // namespace holdfast::middleware

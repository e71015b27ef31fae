#include "services/middleware/domain/catch_up.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace holdfast::middleware {
namespace {

constexpr std::int64_t kSecondsPerHour = 3600;

void AppendPadded(std::string& out, std::int64_t value, std::size_t digits) {
  const std::string text = std::to_string(value);
  if (text.size() < digits) out.append(digits - text.size(), '0');
  out += text;
}

// One letter of a time format; false if it is none.
bool AppendTimePart(std::string& out, char letter, std::int64_t epoch_seconds) {
  const absl::CivilSecond t =
      absl::ToCivilSecond(absl::FromUnixSeconds(epoch_seconds), absl::UTCTimeZone());
  switch (letter) {
    case 'Y':
      AppendPadded(out, t.year(), 4);
      return true;
    case 'm':
      AppendPadded(out, t.month(), 2);
      return true;
    case 'd':
      AppendPadded(out, t.day(), 2);
      return true;
    case 'H':
      AppendPadded(out, t.hour(), 2);
      return true;
    case 'M':
      AppendPadded(out, t.minute(), 2);
      return true;
    case 'S':
      AppendPadded(out, t.second(), 2);
      return true;
    default:
      return false;
  }
}

std::optional<std::int64_t> PositiveNumber(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value <= 0) return std::nullopt;
  return value;
}

// What stands between the braces, filled in; nothing if it is no placeholder.
class Placeholders {
 public:
  Placeholders(const AirTime& air_time, std::int64_t now, std::string_view programme_id)
      : air_time_(air_time), now_(now), programme_id_(programme_id) {}

  std::optional<std::string> Fill(std::string_view word) const {
    const std::size_t colon = word.find(':');
    const std::string_view name = word.substr(0, colon);
    const std::string_view argument =
        colon == std::string_view::npos ? std::string_view() : word.substr(colon + 1);
    if (name == "utc" || name == "start") return Time(air_time_.start, argument);
    if (name == "utcend" || name == "end") return Time(air_time_.stop, argument);
    if (name == "lutc" || name == "now" || name == "timestamp") return Time(now_, argument);
    if (name == "duration") return Divided(air_time_.duration(), argument);
    if (name == "offset") return Divided(now_ - air_time_.start, argument);
    if (name == "catchup-id") return std::string(programme_id_);
    std::string part;
    if (word.size() == 1 && AppendTimePart(part, word.front(), air_time_.start)) return part;
    return std::nullopt;
  }

 private:
  static std::optional<std::string> Divided(std::int64_t seconds, std::string_view by) {
    if (by.empty()) return std::to_string(seconds);
    const std::optional<std::int64_t> divisor = PositiveNumber(by);
    if (!divisor) return std::nullopt;
    return std::to_string(seconds / *divisor);
  }

  static std::optional<std::string> Time(std::int64_t epoch_seconds, std::string_view format) {
    if (format.empty()) return std::to_string(epoch_seconds);
    std::string text;
    for (const char letter : format) {
      if (!AppendTimePart(text, letter, epoch_seconds)) text += letter;
    }
    return text;
  }

  const AirTime& air_time_;
  const std::int64_t now_;
  const std::string_view programme_id_;
};

}  // namespace

CatchUpVerdict DecideCatchUp(const Channel& channel, const AirTime& air_time, std::int64_t now) {
  if (channel.catch_up_hours <= 0) return CatchUpVerdict::kNoArchive;
  if (air_time.start > now) return CatchUpVerdict::kNotYet;
  if (air_time.start <= now - channel.catch_up_hours * kSecondsPerHour ||
      air_time.stop <= channel.catch_up_since) {
    return CatchUpVerdict::kTooOld;
  }
  return CatchUpVerdict::kAllowed;
}

std::int64_t ArchiveBegins(const Channel& channel, std::int64_t now) {
  return std::max(channel.catch_up_since, now - channel.catch_up_hours * kSecondsPerHour + 1);
}

AirTime KeptPart(const Channel& channel, const AirTime& air_time, std::int64_t now) {
  AirTime kept = air_time;
  kept.start = std::min(std::max(kept.start, ArchiveBegins(channel, now)), now);
  return kept;
}

CatchUpPlace PlaceOfCatchUp(std::string_view catch_up_source) {
  if (catch_up_source.empty()) return CatchUpPlace::kEdge;
  return catch_up_source.find("://") != std::string_view::npos ? CatchUpPlace::kAddress
                                                               : CatchUpPlace::kBehindLive;
}

std::string ArchiveFile(const AirTime& air_time) {
  return absl::StrCat("index-", air_time.start, "-", air_time.duration(), ".m3u8");
}

std::string FillTemplate(std::string_view text, const AirTime& air_time, std::int64_t now,
                         std::string_view programme_id) {
  const Placeholders placeholders(air_time, now, programme_id);
  std::string filled;
  while (!text.empty()) {
    const std::size_t open = text.find('{');
    const std::size_t close = open == std::string_view::npos ? open : text.find('}', open);
    if (close == std::string_view::npos) break;
    const auto value = placeholders.Fill(text.substr(open + 1, close - open - 1));
    const bool dollar = value && open > 0 && text[open - 1] == '$';
    filled.append(text.substr(0, dollar ? open - 1 : open));
    if (value) {
      filled.append(*value);
      text.remove_prefix(close + 1);
    } else {
      filled += '{';  // perhaps a placeholder begins behind it
      text.remove_prefix(open + 1);
    }
  }
  return filled.append(text);
}

}  // namespace holdfast::middleware

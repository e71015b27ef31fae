#include <array>
#include <charconv>

#include "absl/strings/ascii.h"
#include "services/epg/domain/xmltv.h"

namespace holdfast::epg {
namespace {

struct NamedZone {
  std::string_view name;
  int minutes_east;
};
// Abbreviations that feeds use. Ambiguous ones (IST, CST) are left out on purpose: a guide at the
// wrong hour is worse than none.
constexpr NamedZone kZones[] = {
    {"Z", 0},       {"UTC", 0},     {"GMT", 0},     {"WET", 0},    {"BST", 60},   {"WEST", 60},
    {"CET", 60},    {"MEZ", 60},    {"CEST", 120},  {"MESZ", 120}, {"EET", 120},  {"EEST", 180},
    {"MSK", 180},   {"NZST", 720},  {"NZDT", 780},  {"AEST", 600}, {"AEDT", 660}, {"JST", 540},
    {"EST", -300},  {"EDT", -240},  {"CDT", -300},  {"MST", -420}, {"MDT", -360}, {"PST", -480},
    {"PDT", -420},  {"AKST", -540}, {"AKDT", -480}, {"HST", -600}, {"BRT", -180}, {"ART", -180},
};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

int Number(std::string_view digits) {
  int value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

std::string_view Strip(std::string_view text) {
  const absl::string_view s = absl::StripAsciiWhitespace(absl::string_view(text.data(), text.size()));
  return {s.data(), s.size()};
}

std::optional<int> ZoneMinutes(std::string_view zone) {
  if (zone.front() == '+' || zone.front() == '-') {
    const int sign = zone.front() == '-' ? -1 : 1;
    std::string digits;
    for (const char c : zone.substr(1)) {
      if (c == ':') continue;
      if (!IsDigit(c)) return std::nullopt;
      digits.push_back(c);
    }
    if (digits.size() != 4) return std::nullopt;
    const int hours = Number(std::string_view(digits).substr(0, 2));
    const int minutes = Number(std::string_view(digits).substr(2, 2));
    if (hours > 15 || minutes > 59) return std::nullopt;
    return sign * (hours * 60 + minutes);
  }
  for (const NamedZone& known : kZones) {
    if (known.name == zone) return known.minutes_east;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::int64_t> ParseXmltvTime(std::string_view text, const TimeZone& default_zone) {
  text = Strip(text);
  std::size_t digits = 0;
  while (digits < text.size() && IsDigit(text[digits])) ++digits;
  // The year, then whole pairs: month, day, hour, minute, second.
  if (digits < 4 || digits > 14 || digits % 2 != 0) return std::nullopt;

  std::array<int, 6> part = {Number(text.substr(0, 4)), 1, 1, 0, 0, 0};
  for (std::size_t at = 4, field = 1; at < digits; at += 2, ++field) {
    part[field] = Number(text.substr(at, 2));
  }
  if (part[0] < 1970 || part[0] > 2200) return std::nullopt;
  // Abseil carries "month 13" into the next year; a guide that says so is broken.
  const absl::CivilSecond civil(part[0], part[1], part[2], part[3], part[4], part[5]);
  if (civil.month() != part[1] || civil.day() != part[2] || civil.hour() != part[3] ||
      civil.minute() != part[4] || civil.second() != part[5]) {
    return std::nullopt;
  }

  const std::string_view zone = Strip(text.substr(digits));
  if (zone.empty()) return absl::ToUnixSeconds(absl::FromCivil(civil, default_zone.absl_zone()));
  const std::optional<int> minutes = ZoneMinutes(zone);
  if (!minutes) return std::nullopt;
  return absl::ToUnixSeconds(absl::FromCivil(civil, absl::UTCTimeZone())) - *minutes * 60;
}

}  // namespace holdfast::epg

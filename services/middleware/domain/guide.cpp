#include "services/middleware/domain/guide.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/time/civil_time.h"

namespace holdfast::middleware {
namespace {

// Digits only; -1 for anything else.
int Number(std::string_view digits) {
  int value = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return error == std::errc() && end == digits.data() + digits.size() ? value : -1;
}

std::int64_t StartOf(absl::CivilDay day, const TimeZone& zone) {
  return absl::ToUnixSeconds(zone.absl_zone().At(absl::CivilSecond(day)).trans);
}

}  // namespace

ChannelSchedule::ChannelSchedule(std::vector<Programme> programmes,
                                 std::vector<std::shared_ptr<const void>> owners)
    : owners_(std::move(owners)) {
  std::stable_sort(programmes.begin(), programmes.end(),
                   [](const Programme& a, const Programme& b) { return a.start < b.start; });
  programmes_.reserve(programmes.size());
  for (const Programme& p : programmes) {
    if (p.stop <= p.start) continue;
    if (!programmes_.empty() && p.start < programmes_.back().stop) continue;
    programmes_.push_back(p);
  }
}

std::span<const Programme> ChannelSchedule::Between(std::int64_t from, std::int64_t to) const {
  const auto first = std::partition_point(programmes_.begin(), programmes_.end(),
                                          [&](const Programme& p) { return p.stop <= from; });
  const auto last = std::partition_point(first, programmes_.end(),
                                         [&](const Programme& p) { return p.start < to; });
  return {first, last};
}

const Programme* ChannelSchedule::At(std::int64_t t) const {
  const std::span<const Programme> here = Between(t, t + 1);
  return here.empty() ? nullptr : &here.front();
}

const Programme* ChannelSchedule::StartingAt(std::int64_t start) const {
  const Programme* programme = At(start);
  return programme != nullptr && programme->start == start ? programme : nullptr;
}

std::optional<TimeWindow> LocalDay(std::string_view date, const TimeZone& zone) {
  if (date.size() != 10 || date[4] != '-' || date[7] != '-') return std::nullopt;
  const int year = Number(date.substr(0, 4));
  const int month = Number(date.substr(5, 2));
  const int day = Number(date.substr(8, 2));
  if (year < 1970 || month < 1 || day < 1) return std::nullopt;
  const absl::CivilDay civil(year, month, day);
  // CivilDay turns the 31st of February into March; such a date was not meant.
  if (civil.month() != month || civil.day() != day) return std::nullopt;
  return TimeWindow{StartOf(civil, zone), StartOf(civil + 1, zone)};
}

std::vector<CalendarDay> DaysAround(WallTime now, const TimeZone& zone, int days_before,
                                    int days_after) {
  const absl::CivilDay today(absl::ToCivilSecond(absl::FromChrono(now), zone.absl_zone()));
  std::vector<CalendarDay> days;
  for (absl::CivilDay day = today - days_before; day <= today + days_after; ++day) {
    // Noon: there is one in every zone on every day.
    const absl::Time noon = absl::FromCivil(absl::CivilHour(day) + 12, absl::UTCTimeZone());
    CalendarDay calendar_day;
    calendar_day.date = absl::FormatTime("%Y-%m-%d", noon, absl::UTCTimeZone());
    calendar_day.spoken = absl::FormatTime("%a %d ", noon, absl::UTCTimeZone()) +
                          absl::AsciiStrToUpper(absl::FormatTime("%B", noon, absl::UTCTimeZone()));
    calendar_day.today = day == today;
    days.push_back(std::move(calendar_day));
  }
  return days;
}

}  // namespace holdfast::middleware

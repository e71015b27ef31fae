#include "services/billing/domain/period.h"

#include <algorithm>

#include "absl/time/civil_time.h"
#include "libs/base/status.h"

namespace holdfast::billing {
namespace {

using std::chrono::days;
using std::chrono::year_month_day;
using std::chrono::year_month_day_last;

constexpr std::int64_t kLongestDays = 3660;

absl::CivilDay Civil(sys_days day) {
  return absl::CivilDay(1970, 1, 1) + day.time_since_epoch().count();
}

sys_days FromCivil(absl::CivilDay day) { return sys_days(days(day - absl::CivilDay(1970, 1, 1))); }

// The same day of another month, or that month's last one.
sys_days AddMonths(sys_days day, int months) {
  const year_month_day date(day);
  const auto month = date.year() / date.month() + std::chrono::months(months);
  const year_month_day wanted = month / date.day();
  return wanted.ok() ? sys_days(wanted) : sys_days(month / std::chrono::last);
}

int LongestCount(Period::Unit unit) {
  switch (unit) {
    case Period::Unit::kDays:
      return kLongestDays;
    case Period::Unit::kMonths:
      return 120;
    case Period::Unit::kYears:
      return 10;
  }
  return 0;
}

// Not more than the periods between them, and near: where the search begins.
int AboutHowMany(sys_days anchor, const Period& period, sys_days day) {
  const std::int64_t between = (day - anchor).count();
  const std::int64_t longest = period.unit == Period::Unit::kDays     ? 1
                               : period.unit == Period::Unit::kMonths ? 31
                                                                      : 366;
  const std::int64_t about = between / (longest * period.count);
  return static_cast<int>(about) - (between < 0 ? 1 : 0);
}

}  // namespace

std::string ShowDay(sys_days day) { return absl::FormatCivilTime(Civil(day)); }

sys_days DayOf(WallTime t, const TimeZone& zone) {
  return FromCivil(absl::ToCivilDay(absl::FromChrono(t), zone.absl_zone()));
}

WallTime StartOf(sys_days day, const TimeZone& zone) {
  // A midnight that a clock change skips is the moment of the change.
  return absl::ToChronoTime(absl::FromCivil(Civil(day), zone.absl_zone()));
}

absl::Status CheckClocks(WallTime here, WallTime there) {
  constexpr auto kMayDiffer = std::chrono::minutes(5);
  if (std::max(here - there, there - here) <= kMayDiffer) return absl::OkStatus();
  return Unavailable("wrong_clock: our clock and the database's differ by {} s",
                     std::chrono::floor<std::chrono::seconds>(here - there).count());
}

absl::Status CheckPeriod(const Period& period, Alignment alignment) {
  if (period.count < 0 || period.count > LongestCount(period.unit)) {
    return InvalidArgument("period must be 0 to {} {}", LongestCount(period.unit),
                           period.unit == Period::Unit::kDays     ? "days"
                           : period.unit == Period::Unit::kMonths ? "months"
                                                                  : "years");
  }
  if (alignment == Alignment::kCalendar && period.unit == Period::Unit::kDays) {
    return InvalidArgument("only months and years can follow the calendar");
  }
  return absl::OkStatus();
}

sys_days Boundary(sys_days anchor, const Period& period, int n) {
  switch (period.unit) {
    case Period::Unit::kDays:
      return anchor + days(static_cast<std::int64_t>(period.count) * n);
    case Period::Unit::kMonths:
      return AddMonths(anchor, period.count * n);
    case Period::Unit::kYears:
      return AddMonths(anchor, 12 * period.count * n);
  }
  return anchor;
}

Days PeriodAround(sys_days anchor, const Period& period, sys_days day) {
  int n = AboutHowMany(anchor, period, day);
  while (Boundary(anchor, period, n) > day) --n;
  while (Boundary(anchor, period, n + 1) <= day) ++n;
  return {Boundary(anchor, period, n), Boundary(anchor, period, n + 1)};
}

sys_days AnchorFor(sys_days start, const Period& period, Alignment alignment) {
  if (alignment == Alignment::kAnniversary || period.unit == Period::Unit::kDays) return start;
  const year_month_day date(start);
  const auto month = period.unit == Period::Unit::kYears ? std::chrono::January : date.month();
  return sys_days(date.year() / month / 1);
}

}  // namespace holdfast::billing

// The calendar of billing: days, and the periods that are sold.
//
// A day is a calendar day of the operator's time zone. Everything that is counted, paid and
// compared is whole days; only what is shown to others as a moment (an entitlement's end) goes
// through the zone. So a day of 23 or 25 hours is a day.
#pragma once

#include <chrono>
#include <string>

#include "absl/status/status.h"
#include "libs/base/time_zone.h"

namespace holdfast::billing {

using std::chrono::sys_days;

// "2026-03-10"
std::string ShowDay(sys_days day);

// The day that the zone's calendar shows at `t`, and the moment at which a day begins there.
sys_days DayOf(WallTime t, const TimeZone& zone);
WallTime StartOf(sys_days day, const TimeZone& zone);

// That this machine's clock and another one show about the same time: a wrong one would charge
// everybody, or end everybody's service. UNAVAILABLE if they differ: another instance may be right.
absl::Status CheckClocks(WallTime here, WallTime there);

// How long what is sold lasts until it is paid for again.
struct Period {
  enum class Unit { kDays, kMonths, kYears };
  Unit unit = Unit::kDays;
  int count = 0;  // 0: open-ended

  Period() = default;
  Period(Unit u, int n) : unit(u), count(n) {}
  Period(std::chrono::days days) : count(static_cast<int>(days.count())) {}

  bool open_ended() const { return count == 0; }
  friend bool operator==(const Period&, const Period&) = default;
};

// Whether periods begin where a subscription began, or on the first of a month or year.
enum class Alignment { kAnniversary, kCalendar };

// INVALID_ARGUMENT: negative, or longer than ten years; days that should begin on the first.
absl::Status CheckPeriod(const Period& period, Alignment alignment);

// `anchor` and `n` periods. Months are counted from the anchor, so that what began on the 31st ends
// on the last day of short months and on the 31st of long ones: 31 Jan, 28 Feb, 31 Mar.
sys_days Boundary(sys_days anchor, const Period& period, int n);

// From the first day, up to the first day that is not in it.
struct Days {
  sys_days from;
  sys_days to;

  std::int64_t count() const { return (to - from).count(); }
  friend bool operator==(const Days&, const Days&) = default;
};

// The whole period that holds `day`, by boundaries counted from `anchor`. The period must have an
// end.
Days PeriodAround(sys_days anchor, const Period& period, sys_days day);

// From where the periods of something that begins on `start` are counted.
sys_days AnchorFor(sys_days start, const Period& period, Alignment alignment);

}  // namespace holdfast::billing

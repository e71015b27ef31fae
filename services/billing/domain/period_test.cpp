#include "services/billing/domain/period.h"

#include <gtest/gtest.h>

#include "libs/base/random.h"
#include "libs/testing/status_matchers.h"

namespace holdfast::billing {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;
using test::HasMessage;
using test::IsOk;

constexpr sys_days Day(int year, unsigned month, unsigned day) {
  return std::chrono::year(year) / static_cast<int>(month) / static_cast<int>(day);
}

const Period kMonthly{Period::Unit::kMonths, 1};
const Period kQuarterly{Period::Unit::kMonths, 3};
const Period kYearly{Period::Unit::kYears, 1};

TEST(PeriodTest, WhatBeganOnThe31stEndsOnTheLastDayOfShortMonths) {
  const sys_days anchor = Day(2026, 1, 31);
  EXPECT_EQ(Boundary(anchor, kMonthly, 1), Day(2026, 2, 28));
  EXPECT_EQ(Boundary(anchor, kMonthly, 2), Day(2026, 3, 31));
  EXPECT_EQ(Boundary(anchor, kMonthly, 3), Day(2026, 4, 30));
  EXPECT_EQ(Boundary(anchor, kMonthly, 13), Day(2027, 2, 28));
  EXPECT_EQ(Boundary(anchor, kMonthly, 25), Day(2028, 2, 29));
  EXPECT_EQ(Boundary(anchor, kQuarterly, 1), Day(2026, 4, 30));
}

TEST(PeriodTest, WhatBeganOn29FebruaryComesBackToItInLeapYears) {
  const sys_days anchor = Day(2024, 2, 29);
  EXPECT_EQ(Boundary(anchor, kYearly, 1), Day(2025, 2, 28));
  EXPECT_EQ(Boundary(anchor, kYearly, 4), Day(2028, 2, 29));
}

TEST(PeriodTest, ADayBelongsToOnePeriod) {
  const sys_days anchor = Day(2026, 1, 31);
  EXPECT_EQ(PeriodAround(anchor, kMonthly, Day(2026, 2, 27)),
            (Days{Day(2026, 1, 31), Day(2026, 2, 28)}));
  EXPECT_EQ(PeriodAround(anchor, kMonthly, Day(2026, 2, 28)),
            (Days{Day(2026, 2, 28), Day(2026, 3, 31)}));
  EXPECT_EQ(PeriodAround(anchor, kMonthly, Day(2025, 12, 31)),
            (Days{Day(2025, 12, 31), Day(2026, 1, 31)}));
  EXPECT_EQ(PeriodAround(anchor, Period(days(30)), Day(2026, 3, 2)),
            (Days{Day(2026, 3, 2), Day(2026, 4, 1)}));
}

TEST(PeriodTest, PeriodsFollowEachOtherWithoutHoleOrOverlap) {
  const std::uint64_t seed = SecureSeed();
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  for (int round = 0; round < 2000; ++round) {
    const sys_days anchor = Day(2020, 1, 1) + days(random.Below(4000));
    const auto unit = static_cast<Period::Unit>(random.Below(3));
    const Period period(unit,
                        static_cast<int>(1 + random.Below(unit == Period::Unit::kDays     ? 90
                                                          : unit == Period::Unit::kMonths ? 12
                                                                                          : 3)));
    const Days one = PeriodAround(anchor, period, anchor + days(random.Below(3000)));
    const Days next = PeriodAround(anchor, period, one.to);
    ASSERT_LT(one.from, one.to);
    ASSERT_EQ(next.from, one.to);
    ASSERT_EQ(PeriodAround(anchor, period, one.to - days(1)), one);
    ASSERT_EQ(PeriodAround(anchor, period, one.from), one);
  }
}

TEST(PeriodTest, TheCalendarBeginsOnTheFirst) {
  EXPECT_EQ(AnchorFor(Day(2026, 3, 10), kMonthly, Alignment::kCalendar), Day(2026, 3, 1));
  EXPECT_EQ(AnchorFor(Day(2026, 3, 10), kYearly, Alignment::kCalendar), Day(2026, 1, 1));
  EXPECT_EQ(AnchorFor(Day(2026, 3, 10), kMonthly, Alignment::kAnniversary), Day(2026, 3, 10));
}

TEST(PeriodTest, APeriodThatNobodyCouldWantIsRefused) {
  EXPECT_THAT(CheckPeriod(kMonthly, Alignment::kCalendar), IsOk());
  EXPECT_THAT(CheckPeriod(Period(days(30)), Alignment::kAnniversary), IsOk());
  EXPECT_THAT(CheckPeriod(Period(days(30)), Alignment::kCalendar), HasMessage("months and years"));
  EXPECT_THAT(CheckPeriod({Period::Unit::kMonths, -1}, Alignment::kAnniversary),
              HasMessage("0 to 120 months"));
  EXPECT_THAT(CheckPeriod({Period::Unit::kYears, 11}, Alignment::kAnniversary),
              HasMessage("0 to 10 years"));
}

TEST(PeriodTest, ADayBeginsWhereTheOperatorIs) {
  const TimeZone bangkok = *TimeZone::Load("Asia/Bangkok");   // +7
  const TimeZone bogota = *TimeZone::Load("America/Bogota");  // -5
  const WallTime evening = WallTime(Day(2026, 3, 10)) + 20h;  // UTC
  EXPECT_EQ(DayOf(evening, TimeZone::Utc()), Day(2026, 3, 10));
  EXPECT_EQ(DayOf(evening, bangkok), Day(2026, 3, 11));
  EXPECT_EQ(DayOf(WallTime(Day(2026, 3, 10)) + 4h, bogota), Day(2026, 3, 9));
  EXPECT_EQ(StartOf(Day(2026, 3, 11), bangkok), WallTime(Day(2026, 3, 10)) + 17h);
  EXPECT_EQ(StartOf(Day(2026, 3, 11), bogota), WallTime(Day(2026, 3, 11)) + 5h);
}

TEST(PeriodTest, ADayOf23Or25HoursIsADay) {
  const TimeZone berlin = *TimeZone::Load("Europe/Berlin");
  EXPECT_EQ(StartOf(Day(2026, 3, 30), berlin) - StartOf(Day(2026, 3, 29), berlin), 23h);
  EXPECT_EQ(StartOf(Day(2026, 10, 26), berlin) - StartOf(Day(2026, 10, 25), berlin), 25h);
  for (const sys_days day : {Day(2026, 3, 29), Day(2026, 10, 25)}) {
    EXPECT_EQ(DayOf(StartOf(day, berlin), berlin), day);
    EXPECT_EQ(DayOf(StartOf(day + days(1), berlin) - 1s, berlin), day);
  }
  // In Beirut and Santiago clocks change at midnight: that day begins at one.
  const TimeZone santiago = *TimeZone::Load("America/Santiago");
  for (sys_days day = Day(2025, 1, 1); day < Day(2027, 1, 1); day += days(1)) {
    ASSERT_EQ(DayOf(StartOf(day, santiago), santiago), day) << ShowDay(day);
  }
}

}  // namespace
}  // namespace holdfast::billing

#include "services/middleware/domain/guide.h"

#include <gmock/gmock.h>

namespace holdfast::middleware {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::int64_t> Starts(std::span<const Programme> programmes) {
  std::vector<std::int64_t> starts;
  for (const Programme& p : programmes) starts.push_back(p.start);
  return starts;
}

ChannelSchedule Example() {
  return ChannelSchedule(
      {{.start = 300, .stop = 400}, {.start = 100, .stop = 200}, {.start = 200, .stop = 250}}, {});
}

TEST(ScheduleTest, AWindowHoldsWhatOverlapsIt) {
  const ChannelSchedule schedule = Example();
  EXPECT_THAT(Starts(schedule.Between(150, 300)), ElementsAre(100, 200));
  EXPECT_THAT(Starts(schedule.Between(200, 301)), ElementsAre(200, 300));
  EXPECT_THAT(Starts(schedule.Between(250, 300)), IsEmpty());
  EXPECT_THAT(Starts(schedule.Between(400, 9999)), IsEmpty());
  EXPECT_THAT(Starts(schedule.Between(500, 100)), IsEmpty());
}

TEST(ScheduleTest, NowIsNullInAGap) {
  const ChannelSchedule schedule = Example();
  EXPECT_EQ(schedule.At(199)->start, 100);
  EXPECT_EQ(schedule.At(200)->start, 200);
  EXPECT_EQ(schedule.At(260), nullptr);
  EXPECT_EQ(schedule.StartingAt(300)->stop, 400);
  EXPECT_EQ(schedule.StartingAt(301), nullptr);
}

TEST(ScheduleTest, BackwardAndOverlappingProgrammesAreLeftOut) {
  const ChannelSchedule schedule({{.start = 100, .stop = 200},
                                  {.start = 150, .stop = 160},
                                  {.start = 300, .stop = 300},
                                  {.start = 400, .stop = 390}},
                                 {});
  EXPECT_THAT(Starts(schedule.all()), ElementsAre(100));
}

TEST(LocalDayTest, ADayFollowsTheZone) {
  const TimeZone berlin = *TimeZone::Load("Europe/Berlin");
  const auto winter = LocalDay("2026-01-02", berlin);
  ASSERT_TRUE(winter.has_value());
  EXPECT_EQ(winter->from, 1767308400);  // 2026-01-01 23:00 UTC
  EXPECT_EQ(winter->to - winter->from, 86400);
}

TEST(LocalDayTest, DaysOfClockChangesAreShorterAndLonger) {
  const TimeZone berlin = *TimeZone::Load("Europe/Berlin");
  const auto spring = LocalDay("2026-03-29", berlin);
  const auto autumn = LocalDay("2026-10-25", berlin);
  EXPECT_EQ(spring->to - spring->from, 23 * 3600);
  EXPECT_EQ(autumn->to - autumn->from, 25 * 3600);
}

TEST(LocalDayTest, OtherTextIsNoDay) {
  for (const char* text : {"", "2026-1-2", "2026-02-31", "20260102", "2026-13-01", "undefined",
                           "2026/01/02", "-026-01-02"}) {
    EXPECT_FALSE(LocalDay(text, TimeZone::Utc()).has_value()) << text;
  }
}

TEST(CalendarTest, ExactlyOneDayIsToday) {
  const auto days = DaysAround(FromEpochSeconds(1767348000), TimeZone::Utc(), 1, 2);
  ASSERT_EQ(days.size(), 4u);
  EXPECT_EQ(days[0].date, "2026-01-01");
  EXPECT_EQ(days[1].date, "2026-01-02");
  EXPECT_EQ(days[1].spoken, "Fri 02 JANUARY");
  EXPECT_FALSE(days[0].today);
  EXPECT_TRUE(days[1].today);
}

TEST(CalendarTest, TodayIsTheViewersDay) {
  // 23:30 UTC on the 2nd is already the 3rd in Berlin.
  const WallTime late = FromEpochSeconds(1767396600);
  EXPECT_EQ(DaysAround(late, *TimeZone::Load("Europe/Berlin"), 0, 0).front().date, "2026-01-03");
  EXPECT_EQ(DaysAround(late, TimeZone::Utc(), 0, 0).front().date, "2026-01-02");
}

}  // namespace
}  // namespace holdfast::middleware

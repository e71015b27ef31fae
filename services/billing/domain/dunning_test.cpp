#include "services/billing/domain/dunning.h"

#include <gtest/gtest.h>

#include "libs/testing/status_matchers.h"

namespace holdfast::billing {
namespace {

using std::chrono::days;
using test::IsOk;

const sys_days kDue = std::chrono::year(2026) / 2 / 27;

TEST(DunningTest, TheFirstReminderComesWithTheFirstDayOfDelay) {
  const DunningSchedule schedule = *ParseDunningSchedule("1,7,14");
  EXPECT_EQ(DunningStep(schedule, kDue, kDue), 0);
  EXPECT_EQ(DunningStep(schedule, kDue, kDue + days(1)), 1);
  EXPECT_EQ(DunningStep(schedule, kDue, kDue + days(6)), 1);
  EXPECT_EQ(DunningStep(schedule, kDue, kDue + days(7)), 2);
  EXPECT_EQ(DunningStep(schedule, kDue, kDue + days(400)), 3);
}

TEST(DunningTest, AScheduleGrows) {
  EXPECT_THAT(ParseDunningSchedule("1"), IsOk());
  for (const char* wrong : {"", "0", "x", "1,", ",1", "7,1", "1,1", "366", "1 ,2", "-1",
                            "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21"}) {
    EXPECT_FALSE(ParseDunningSchedule(wrong).ok()) << wrong;
  }
}

TEST(EventTest, TextsAreQuotedForJson) {
  const Event event{
      .id = "e\"1", .kind = "k", .account = AccountId("ann"), .fields = {{"reason", "a\\b\n"}}};
  EXPECT_EQ(ToJson(event),
            R"({"event_id":"e\"1","kind":"k","account_id":"ann","reason":"a\\b\u000a"})");
}

TEST(EventTest, TriesAreFurtherAndFurtherApart) {
  EXPECT_EQ(PauseBeforeTry(1), std::chrono::seconds(5));
  EXPECT_EQ(PauseBeforeTry(2), std::chrono::seconds(10));
  EXPECT_EQ(PauseBeforeTry(1000), std::chrono::hours(1));
}

}  // namespace
}  // namespace holdfast::billing

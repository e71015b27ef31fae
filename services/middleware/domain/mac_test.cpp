#include "services/middleware/domain/mac.h"

#include <gtest/gtest.h>

#include "services/middleware/domain/timeslot.h"

namespace holdfast::middleware {
namespace {

TEST(MacTest, EitherCaseAndEitherSeparatorGiveOneForm) {
  EXPECT_EQ(Mac::Parse("00:1a:79:12:ab:5F")->text(), "00:1A:79:12:AB:5F");
  EXPECT_EQ(Mac::Parse("00-1A-79-12-AB-5F")->text(), "00:1A:79:12:AB:5F");
}

TEST(MacTest, OtherFormsAreRefused) {
  for (const char* text :
       {"", "00:1A:79:12:34", "00:1A:79:12:34:5", "00:1A:79:12:34:5G", "00:1A-79:12:34:56",
        "001A79123456", "00:1A:79:12:34:56:", "00 1A 79 12 34 56", "\xff\xff:1A:79:12:34:56"}) {
    EXPECT_FALSE(Mac::Parse(text).has_value()) << text;
  }
  EXPECT_FALSE(Mac::Parse(std::string(100'000, ':')).has_value());
}

TEST(MacTest, BoxRangeIsKnown) {
  EXPECT_TRUE(Mac::Parse("00:1A:79:12:34:56")->in_box_range());
  EXPECT_FALSE(Mac::Parse("00:1B:79:12:34:56")->in_box_range());
}

Mac Numbered(int n) {
  char text[18];
  std::snprintf(text, sizeof(text), "00:1A:79:00:%02X:%02X", n / 256, n % 256);
  return *Mac::Parse(text);
}

TEST(TimeslotTest, StaysBetweenTenSecondsAndTheHeartbeat) {
  for (int n = 0; n < 2000; ++n) {
    const Timeslot slot = TimeslotOf(Numbered(n), std::chrono::seconds(120));
    ASSERT_GE(slot.seconds, 10);
    ASSERT_LE(slot.seconds, 120);
    ASSERT_GT(slot.ratio, 0);
    ASSERT_LE(slot.ratio, 1);
  }
}

TEST(TimeslotTest, NeighbouringBoxesAreSpreadEvenly) {
  int quarters[4] = {};
  for (int n = 0; n < 4000; ++n) {
    const double seconds = TimeslotOf(Numbered(n), std::chrono::seconds(120)).seconds;
    ++quarters[std::min(3, static_cast<int>((seconds - 10) / 27.5))];
  }
  for (const int quarter : quarters) EXPECT_NEAR(quarter, 1000, 120);
}

TEST(TimeslotTest, AHeartbeatThatIsTooShortStillGivesTenSeconds) {
  EXPECT_EQ(TimeslotOf(Numbered(1), std::chrono::seconds(1)).seconds, 10);
}

}  // namespace
}  // namespace holdfast::middleware

#include "tests/sim/timeline.h"

#include <gtest/gtest.h>

#include <utility>

#include "tests/sim/dice.h"

namespace holdfast::sim {
namespace {

using namespace std::chrono_literals;

class TimelineTest : public testing::Test, public Actor {
 public:
  void Act(std::uint32_t what, std::uint64_t) override {
    lived_.emplace_back(timeline_.elapsed(), what);
  }

 protected:
  Timeline timeline_;
  std::vector<std::pair<Duration, std::uint32_t>> lived_;
};

TEST_F(TimelineTest, ThingsHappenInTheOrderOfTheirTimes) {
  timeline_.In(30min, *this, 4);
  timeline_.In(2s, *this, 3);
  timeline_.In(1us, *this, 1);
  timeline_.In(5ms, *this, 2);
  timeline_.RunFor(1h);
  ASSERT_EQ(lived_.size(), 4u);
  for (std::uint32_t i = 0; i < lived_.size(); ++i) EXPECT_EQ(lived_[i].second, i + 1);
  EXPECT_EQ(lived_[3].first, 30min);
}

TEST_F(TimelineTest, WhatIsPostponedHappensLaterAndNothingElseDoes) {
  struct Other final : public Actor {
    void Act(std::uint32_t, std::uint64_t) override { ++lived; }
    int lived = 0;
  } other;
  for (const Duration wait : {Duration(10us), Duration(5ms), Duration(3s), Duration(30min)}) {
    timeline_.In(wait, *this, 1);
    timeline_.In(wait, other, 1);
  }
  timeline_.Postpone([this](const Actor& actor) { return &actor == this; }, 1h);
  timeline_.RunFor(1h);
  EXPECT_TRUE(lived_.empty());
  EXPECT_EQ(other.lived, 4);
  timeline_.RunFor(1h);
  ASSERT_EQ(lived_.size(), 4u);
  EXPECT_EQ(lived_[0].first, 1h + 10us);
  EXPECT_EQ(lived_[3].first, 90min);
}

TEST_F(TimelineTest, ThingsOfOneMomentHappenInTheOrderInWhichTheyWereAskedFor) {
  for (std::uint32_t i = 0; i < 100; ++i) timeline_.In(1500ms, *this, i);
  timeline_.RunFor(2s);
  for (std::uint32_t i = 0; i < 100; ++i) EXPECT_EQ(lived_[i].second, i);
}

TEST_F(TimelineTest, WhatLiesBeyondTheCalendarHappensInTime) {
  timeline_.In(5h, *this, 1);
  timeline_.RunFor(5h - 1ns);
  EXPECT_TRUE(lived_.empty());
  timeline_.RunFor(1ns);
  EXPECT_EQ(lived_.size(), 1u);
}

TEST_F(TimelineTest, NothingHappensBeforeItsTime) {
  timeline_.In(10ms, *this, 1);
  timeline_.RunFor(10ms - 1ns);
  EXPECT_TRUE(lived_.empty());
  timeline_.RunFor(1ns);
  EXPECT_EQ(lived_.size(), 1u);
}

TEST_F(TimelineTest, ChanceTimesAreLivedInOrder) {
  Dice dice(7);
  for (int i = 0; i < 20'000; ++i) timeline_.In(dice.Exponential(20s), *this, 0);
  timeline_.RunFor(1h);
  ASSERT_EQ(lived_.size(), 20'000u);
  for (std::size_t i = 1; i < lived_.size(); ++i) ASSERT_LE(lived_[i - 1].first, lived_[i].first);
}

TEST_F(TimelineTest, TheDigestTellsRunsApart) {
  Timeline same;
  Timeline other;
  for (Timeline* timeline : {&timeline_, &same, &other}) {
    timeline->In(timeline == &other ? 6ms : 5ms, *this, 1, 2);
    timeline->RunFor(1s);
  }
  EXPECT_EQ(timeline_.digest(), same.digest());
  EXPECT_NE(timeline_.digest(), other.digest());
}

TEST(Dice, LatenciesHaveTheTailThatIsPromised) {
  Dice dice(1);
  int above_three = 0;
  int above_median = 0;
  for (int i = 0; i < 100'000; ++i) {
    const Duration time = dice.Latency(1ms);
    above_median += time > 1ms;
    above_three += time > 3200us;
  }
  EXPECT_NEAR(above_median, 50'000, 2000);
  EXPECT_NEAR(above_three, 1000, 400);
}

TEST(Dice, ArrivalsHaveTheirMean) {
  Dice dice(2);
  Duration sum = {};
  for (int i = 0; i < 100'000; ++i) sum += dice.Exponential(1ms);
  EXPECT_NEAR(std::chrono::duration<double>(sum).count(), 100, 2);
}

}  // namespace
}  // namespace holdfast::sim

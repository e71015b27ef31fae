#include "libs/admission/load_level.h"

#include <gtest/gtest.h>

#include <string>

#include "libs/admission/delay_watch.h"
#include "libs/admission/retry_advice.h"

namespace holdfast::admission {
namespace {

using namespace std::chrono_literals;
using enum Criticality;

class LoadLevelTest : public testing::Test {
 protected:
  double PartAdmitted(Criticality criticality) const {
    int admitted = 0;
    for (int i = 0; i < 2000; ++i) admitted += level_.Admits(criticality, Box(i)) ? 1 : 0;
    return admitted / 2000.0;
  }
  static std::string Box(int i) { return "00:1A:79:00:00:" + std::to_string(i); }

  SeededRandom random_{3};
  LoadLevel level_{{}, random_};
};

TEST_F(LoadLevelTest, WithoutPressureEverythingIsAdmitted) {
  for (int i = 0; i < 100; ++i) level_.Update(0.9);
  for (const Criticality c : {kCritical, kInteractive, kBackground, kBulk}) {
    EXPECT_EQ(PartAdmitted(c), 1) << NameOf(c);
  }
}

TEST_F(LoadLevelTest, RefusesFromTheBottomAndNeverTheCritical) {
  double before[kCriticalities] = {1, 1, 1, 1};
  for (int i = 0; i < 100; ++i) {
    level_.Update(2);
    for (const Criticality c : {kInteractive, kBackground}) {
      const auto below = static_cast<Criticality>(IndexOf(c) + 1);
      if (PartAdmitted(c) < 1) {
        EXPECT_EQ(PartAdmitted(below), 0) << NameOf(c);
      }
    }
    for (const Criticality c : {kInteractive, kBackground, kBulk}) {
      EXPECT_LE(PartAdmitted(c), before[IndexOf(c)]) << NameOf(c);
      before[IndexOf(c)] = PartAdmitted(c);
    }
  }
  EXPECT_EQ(PartAdmitted(kInteractive), 0);
  EXPECT_EQ(PartAdmitted(kCritical), 1);
}

TEST_F(LoadLevelTest, ThoseThatAreServedStayServed) {
  for (int i = 0; i < 10; ++i) level_.Update(2);
  const double part = PartAdmitted(kInteractive);
  ASSERT_NEAR(part, 0.5, 0.1);
  std::string served;
  for (int i = 0; served.empty(); ++i) {
    if (level_.Admits(kInteractive, Box(i))) served = Box(i);
  }
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(level_.Admits(kInteractive, served));
}

TEST_F(LoadLevelTest, TheNextOverloadPicksOthers) {
  std::string first, second;
  for (std::string* pattern : {&first, &second}) {
    for (int i = 0; i < 10; ++i) level_.Update(2);
    for (int i = 0; i < 64; ++i) *pattern += level_.Admits(kInteractive, Box(i)) ? '1' : '0';
    while (level_.level() > 0) level_.Update(0);
  }
  EXPECT_NE(first, second);
}

TEST_F(LoadLevelTest, IsBackToNormalWithinSeconds) {
  for (int i = 0; i < 1000; ++i) level_.Update(10);
  int updates = 0;
  while (level_.level() > 0) level_.Update(0), ++updates;
  EXPECT_LE(updates, 61) << "windows of 100 ms";
}

class DelayWatchTest : public testing::Test {
 protected:
  // Calls for a while, each so late.
  void Call(Duration delay, Duration length) {
    for (const SteadyTime end = now_ + length; now_ < end; now_ += 1ms) watch_.Observe(delay, now_);
  }

  SeededRandom random_{3};
  SteadyTime now_ = SteadyTime(1h);
  LoadLevel level_{{}, random_};
  DelayWatch watch_{{.right = 5ms}, level_};
};

TEST_F(DelayWatchTest, SmallDelaysAreNoLoad) {
  Call(4ms, 10s);
  EXPECT_EQ(level_.level(), 0);
}

TEST_F(DelayWatchTest, LateCallsRaiseTheLevelAndPunctualOnesLowerIt) {
  Call(20ms, 2s);
  EXPECT_EQ(level_.level(), 3);
  Call(0ms, 7s);
  EXPECT_EQ(level_.level(), 0);
}

TEST_F(DelayWatchTest, OneLateCallAmongManySaysLittle) {
  for (int i = 0; i < 100; ++i) {
    Call(100us, 99ms);
    watch_.Observe(200ms, now_);
  }
  EXPECT_EQ(level_.level(), 0);
}

TEST_F(DelayWatchTest, TimeWithoutCallsLowersTheLevelToo) {
  Call(20ms, 2s);
  now_ += 10s;
  Call(0ms, 200ms);
  EXPECT_LT(level_.level(), 2.5);
}

TEST(RetryAdviceTest, SpreadsWhoWasRefusedTogether) {
  SeededRandom random(5);
  for (const Criticality c : {kCritical, kInteractive, kBackground, kBulk}) {
    const std::int64_t shortest = 50 << IndexOf(c);
    bool low = false, high = false;
    for (int i = 0; i < 1000; ++i) {
      const auto pushback = RetryPushback(c, random).count();
      ASSERT_GE(pushback, shortest);
      ASSERT_LE(pushback, 3 * shortest);
      low = low || pushback < shortest * 3 / 2;
      high = high || pushback > shortest * 5 / 2;
      ASSERT_GE(RetryAfter(c, random).count(), 1);
      ASSERT_LE(RetryAfter(c, random).count(), 60);
    }
    EXPECT_TRUE(low && high);
  }
}

}  // namespace
}  // namespace holdfast::admission

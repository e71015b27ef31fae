#include "libs/rpc/retry_budget.h"

#include <gtest/gtest.h>

#include "libs/base/random.h"
#include "libs/testing/fake_clock.h"

namespace holdfast::rpc {
namespace {

using namespace std::chrono_literals;

class RetryBudgetTest : public testing::Test {
 protected:
  void Calls(int count) {
    for (int i = 0; i < count; ++i) budget_.RecordCall();
  }
  int TakeAll() {
    int taken = 0;
    while (budget_.TryTakeRetry()) ++taken;
    return taken;
  }

  test::FakeClock clock_;
  RetryBudget budget_{{.share = 0.2, .min_per_second = 1, .window = 10s}, clock_};
};

TEST_F(RetryBudgetTest, AQuietServiceMayRetryALittle) { EXPECT_EQ(TakeAll(), 10); }

TEST_F(RetryBudgetTest, WhatDidNotStartIsGivenBack) {
  EXPECT_EQ(TakeAll(), 10);
  budget_.GiveBack();
  budget_.GiveBack();
  EXPECT_EQ(TakeAll(), 2);
  clock_.Advance(1s);  // another slot of the window
  budget_.GiveBack();
  EXPECT_EQ(TakeAll(), 1);
}

TEST_F(RetryBudgetTest, GrowsWithTheTraffic) {
  Calls(1000);
  EXPECT_EQ(TakeAll(), 210);
}

TEST_F(RetryBudgetTest, IsGivenBackWhenTheWindowHasPassed) {
  Calls(100);
  EXPECT_EQ(TakeAll(), 30);
  clock_.Advance(9s);
  EXPECT_EQ(TakeAll(), 0);
  clock_.Advance(1s);
  EXPECT_EQ(TakeAll(), 10);
}

TEST_F(RetryBudgetTest, SurvivesALongPause) {
  Calls(100);
  clock_.Advance(24h);
  EXPECT_EQ(TakeAll(), 10);
}

// One of three instances hangs at 200 calls/s. Until it is out of the choice, a third of all calls
// needs one retry: with the defaults that must not run dry within 3 seconds.
TEST_F(RetryBudgetTest, LastsUntilAHungInstanceHasBeenNoticed) {
  RetryBudget budget(RetryBudget::Options(), clock_);
  const auto second = [&](bool fault) {
    for (int call = 0; call < 200; ++call) {
      budget.RecordCall();
      ASSERT_TRUE(!fault || call % 3 != 0 || budget.TryTakeRetry());
      clock_.Advance(5ms);
    }
  };
  for (int i = 0; i < 10; ++i) second(false);
  for (int i = 0; i < 3; ++i) second(true);
}

TEST(RetryBudgetPropertyTest, NeverAllowsMoreThanItsShareOverAnyWindow) {
  const std::uint64_t seed = SecureSeed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededRandom random(seed);
  test::FakeClock clock;
  RetryBudget budget({.share = 0.2, .min_per_second = 2, .window = 10s}, clock);
  std::int64_t calls = 0;
  std::int64_t retries = 0;
  for (int step = 0; step < 100000; ++step) {
    clock.Advance(std::chrono::microseconds(random.Below(10000)));
    budget.RecordCall();
    ++calls;
    while (random.Below(3) != 0 && budget.TryTakeRetry()) ++retries;
  }
  const double seconds =
      std::chrono::duration<double>(clock.SteadyNow().time_since_epoch() - std::chrono::hours(1000))
          .count();
  const double allowed = 0.2 * static_cast<double>(calls) + 2 * (seconds + 10);
  EXPECT_LE(static_cast<double>(retries), allowed);
  EXPECT_GE(static_cast<double>(retries), 0.8 * allowed);
}

}  // namespace
}  // namespace holdfast::rpc

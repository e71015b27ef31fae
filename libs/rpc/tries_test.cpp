#include "libs/rpc/tries.h"

#include <gtest/gtest.h>

#include "libs/testing/fake_clock.h"

namespace holdfast::rpc {
namespace {

using std::chrono::milliseconds;

constexpr Verdict kRetry = {.instance = TryOutcome::kFailed, .retry = true};
constexpr Verdict kNoRetry = {.instance = TryOutcome::kFailed, .retry = false};

class TriesTest : public testing::Test {
 protected:
  Tries Make(bool idempotent, std::size_t instances) {
    return Tries(
        {.timeout = milliseconds(500), .try_timeout = milliseconds(200), .idempotent = idempotent},
        Deadline::After(milliseconds(500), clock_), instances);
  }

  test::FakeClock clock_;
};

TEST_F(TriesTest, ATryLeavesTimeForAnother) {
  Tries tries = Make(/*idempotent=*/true, 3);
  const auto first = tries.Begin(0, clock_);
  EXPECT_EQ(first.overdue_after, milliseconds(200));
  EXPECT_EQ(first.time, milliseconds(500)) << "it is not given up meanwhile";
  clock_.Advance(milliseconds(200));
  const auto second = tries.Begin(1, clock_);
  EXPECT_EQ(second.overdue_after, milliseconds(150));
  EXPECT_EQ(second.time, milliseconds(300));
}

TEST_F(TriesTest, TheOnlyTryGetsAllTheTime) {
  EXPECT_EQ(Make(/*idempotent=*/false, 3).Begin(0, clock_).overdue_after, milliseconds(500));
  EXPECT_EQ(Make(/*idempotent=*/true, 1).Begin(0, clock_).overdue_after, milliseconds(500));
}

TEST_F(TriesTest, AShortenedTryIsNoFairOne) {
  Tries tries = Make(/*idempotent=*/true, 3);
  EXPECT_TRUE(tries.Begin(0, clock_).fair);
  clock_.Advance(milliseconds(400));
  EXPECT_FALSE(tries.Begin(1, clock_).fair);
}

TEST_F(TriesTest, ThereIsNoFourthTry) {
  Tries tries = Make(/*idempotent=*/true, 9);
  for (std::size_t index = 0; index < kMaxTries; ++index) {
    EXPECT_TRUE(index == 0 || tries.MayTryAgain(kRetry, clock_));
    tries.Begin(index, clock_);
  }
  EXPECT_FALSE(tries.MayTryAgain(kRetry, clock_));
  EXPECT_EQ(tries.tried().size(), kMaxTries);
}

TEST_F(TriesTest, ThereIsNoOtherTryWithoutReasonOrTime) {
  Tries tries = Make(/*idempotent=*/true, 3);
  tries.Begin(0, clock_);
  EXPECT_FALSE(tries.MayTryAgain(kNoRetry, clock_));
  clock_.Advance(milliseconds(499));
  EXPECT_FALSE(tries.MayTryAgain(kRetry, clock_));
}

TEST_F(TriesTest, OnlyACallThatNobodyAnsweredCountsAgainstTheNeighbour) {
  CircuitBreaker breaker({.failures_to_open = 1}, clock_);
  auto report = [&](const Verdict& last) {
    auto permit = breaker.TryAcquire();
    Tries::Report(last, *permit);
  };
  report({.instance = TryOutcome::kFailed, .neighbour_answered = true});
  report({.instance = TryOutcome::kUnknown, .neighbour_answered = false});
  EXPECT_EQ(breaker.state(), CircuitBreaker::State::kClosed);
  report({.instance = TryOutcome::kFailed, .neighbour_answered = false});
  EXPECT_EQ(breaker.state(), CircuitBreaker::State::kOpen);
}

}  // namespace
}  // namespace holdfast::rpc

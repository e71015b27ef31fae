#include "libs/rpc/circuit_breaker.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "libs/base/random.h"
#include "libs/testing/fake_clock.h"

namespace holdfast::rpc {
namespace {

using namespace std::chrono_literals;
using State = CircuitBreaker::State;

class CircuitBreakerTest : public testing::Test {
 protected:
  void Fail(int times) {
    for (int i = 0; i < times; ++i) breaker_.TryAcquire()->Failed();
  }
  void Succeed() { breaker_.TryAcquire()->Succeeded(); }
  bool LetsCallsThrough() { return breaker_.TryAcquire().has_value(); }
  void OpenAndWait() {
    Fail(3);
    clock_.Advance(2s);
  }

  test::FakeClock clock_;
  std::vector<std::string> heard_;
  CircuitBreaker breaker_{
      {.failures_to_open = 3, .probes_to_close = 2, .open_for = 2s, .permit_lease = 30s},
      clock_,
      [this](State next, std::string_view) { heard_.emplace_back(Name(next)); }};
};

TEST_F(CircuitBreakerTest, LetsCallsThroughAtStart) { EXPECT_TRUE(LetsCallsThrough()); }

TEST_F(CircuitBreakerTest, OpensAfterFailuresInARow) {
  Fail(2);
  EXPECT_EQ(breaker_.state(), State::kClosed);
  Fail(1);
  EXPECT_EQ(breaker_.state(), State::kOpen);
  EXPECT_FALSE(LetsCallsThrough());
}

TEST_F(CircuitBreakerTest, OneSuccessForgivesEarlierFailures) {
  Fail(2);
  Succeed();
  Fail(2);
  EXPECT_TRUE(LetsCallsThrough());
}

TEST_F(CircuitBreakerTest, ACallThatWasGivenUpProvesNothing) {
  Fail(2);
  { auto given_up = breaker_.TryAcquire(); }
  EXPECT_EQ(breaker_.state(), State::kClosed);
  Fail(1);
  EXPECT_EQ(breaker_.state(), State::kOpen);
}

TEST_F(CircuitBreakerTest, LetsOnlyAsManyProbesThroughAsItNeeds) {
  OpenAndWait();
  auto first = breaker_.TryAcquire();
  auto second = breaker_.TryAcquire();
  EXPECT_TRUE(first && second);
  EXPECT_FALSE(LetsCallsThrough());
  first->Succeeded();
  EXPECT_FALSE(LetsCallsThrough());
  second->Succeeded();
  EXPECT_EQ(breaker_.state(), State::kClosed);
}

TEST_F(CircuitBreakerTest, StaysOpenUntilItIsTimeToLookAgain) {
  Fail(3);
  clock_.Advance(1999ms);
  EXPECT_EQ(breaker_.refuses_for(), 1ms);
  EXPECT_FALSE(LetsCallsThrough());
  clock_.Advance(1ms);
  EXPECT_TRUE(LetsCallsThrough());
}

TEST_F(CircuitBreakerTest, AFailedProbeStartsTheWaitAgain) {
  OpenAndWait();
  Fail(1);
  EXPECT_EQ(breaker_.state(), State::kOpen);
  clock_.Advance(1999ms);
  EXPECT_FALSE(LetsCallsThrough());
  clock_.Advance(1ms);
  EXPECT_TRUE(LetsCallsThrough());
}

TEST_F(CircuitBreakerTest, ADroppedProbeGivesItsPlaceBack) {
  OpenAndWait();
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(LetsCallsThrough()) << i;  // each permit is dropped
  EXPECT_EQ(breaker_.state(), State::kHalfOpen);
}

TEST_F(CircuitBreakerTest, AProbeThatNeverReturnsLosesItsPlace) {
  OpenAndWait();
  auto lost = breaker_.TryAcquire();
  auto lost_too = breaker_.TryAcquire();
  clock_.Advance(29s);
  EXPECT_FALSE(LetsCallsThrough());
  clock_.Advance(1s);
  EXPECT_TRUE(LetsCallsThrough());
  lost->Failed();  // too late to count
  EXPECT_EQ(breaker_.state(), State::kHalfOpen);
}

TEST_F(CircuitBreakerTest, AnAnswerFromBeforeTheOutageDoesNotCloseIt) {
  auto slow_call = breaker_.TryAcquire();
  Fail(3);
  slow_call->Succeeded();
  EXPECT_EQ(breaker_.state(), State::kOpen);
}

TEST_F(CircuitBreakerTest, LooksAgainAtOnceWhenTheDependencyWasSeenAlive) {
  Fail(3);
  breaker_.LookAgain();
  Succeed();
  Succeed();
  EXPECT_EQ(breaker_.state(), State::kClosed);
  breaker_.LookAgain();
  EXPECT_EQ(breaker_.state(), State::kClosed);
}

TEST_F(CircuitBreakerTest, TellsEveryChangeInOrder) {
  OpenAndWait();
  Succeed();
  Succeed();
  EXPECT_EQ(heard_, (std::vector<std::string>{"open", "half-open", "closed"}));
}

TEST_F(CircuitBreakerTest, AMovedPermitReportsOnce) {
  Fail(2);
  auto permit = breaker_.TryAcquire();
  CircuitBreaker::Permit moved = *std::move(permit);
  permit.reset();
  moved.Failed();
  moved.Failed();
  EXPECT_EQ(heard_, (std::vector<std::string>{"open"}));
}

// Whatever calls do, in whatever order: the breaker opens only for a reason, refuses only while it
// may, and after the dependency is well again it closes within a bounded time.
TEST(CircuitBreakerPropertyTest, AlwaysComesBack) {
  const std::uint64_t seed = SecureSeed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededRandom random(seed);
  for (int run = 0; run < 200; ++run) {
    test::FakeClock clock;
    const CircuitBreaker::Options options{
        .failures_to_open = 1 + static_cast<int>(random.Below(6)),
        .probes_to_close = 1 + static_cast<int>(random.Below(4)),
        .open_for = std::chrono::milliseconds(1 + random.Below(5000)),
        .permit_lease = 10s};
    CircuitBreaker breaker(options, clock);
    std::vector<CircuitBreaker::Permit> under_way;
    std::uint64_t reported_failures = 0;
    for (int step = 0; step < 300; ++step) {
      clock.Advance(std::chrono::milliseconds(random.Below(300)));
      if (auto permit = breaker.TryAcquire()) under_way.push_back(*std::move(permit));
      if (!under_way.empty() && random.Below(2) == 0) {
        std::swap(under_way[random.Below(under_way.size())], under_way.back());
        const auto outcome = random.Below(3);
        if (outcome == 0) under_way.back().Succeeded();
        if (outcome == 1) {
          under_way.back().Failed();
          ++reported_failures;
        }
        under_way.pop_back();  // outcome 2: dropped without a word
      }
      ASSERT_TRUE(reported_failures > 0 || breaker.state() == State::kClosed);
    }
    // The rest never comes back. From now on the dependency is well.
    clock.Advance(options.open_for + options.permit_lease);
    for (int i = 0; i < options.probes_to_close; ++i) {
      auto permit = breaker.TryAcquire();
      ASSERT_TRUE(permit) << "run " << run;
      permit->Succeeded();
    }
    EXPECT_EQ(breaker.state(), State::kClosed) << "run " << run;
  }
}

}  // namespace
}  // namespace holdfast::rpc

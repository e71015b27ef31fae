#include "libs/rpc/circuit_breaker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
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
      [this](const CircuitBreaker::Change& c) { heard_.emplace_back(Name(c.next)); }};
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

// Nothing but the shares decides here.
class BreakerWindowTest : public testing::Test {
 protected:
  using Outcome = void (CircuitBreaker::Permit::*)();

  void Calls(int count, Outcome outcome) {
    for (int i = 0; i < count; ++i) {
      auto permit = breaker_.TryAcquire();
      ASSERT_TRUE(permit);
      ((*permit).*outcome)();
    }
  }
  bool open() const { return breaker_.state() == State::kOpen; }

  test::FakeClock clock_;
  CircuitBreaker breaker_{{.failures_to_open = 0,
                           .failure_ratio = 0.5,
                           .slow_ratio = 0.8,
                           .min_calls = 10,
                           .window = 10s,
                           .probes_to_close = 1,
                           .open_for = 1s,
                           .open_for_max = 4s},
                          clock_};
  static constexpr Outcome kGood = &CircuitBreaker::Permit::Succeeded;
  static constexpr Outcome kSlow = &CircuitBreaker::Permit::SucceededSlowly;
  static constexpr Outcome kBad = &CircuitBreaker::Permit::Failed;
};

TEST_F(BreakerWindowTest, OpensWhenHalfOfTheCallsFail) {
  Calls(10, kGood);
  Calls(9, kBad);
  EXPECT_FALSE(open());
  Calls(1, kBad);
  EXPECT_TRUE(open());
  EXPECT_EQ(breaker_.why(), "failure ratio");
}

TEST_F(BreakerWindowTest, AFewCallsSayNothing) {
  Calls(9, kBad);
  EXPECT_FALSE(open());
  Calls(1, kBad);
  EXPECT_TRUE(open());
}

TEST_F(BreakerWindowTest, OpensWhenMostCallsAreSlow) {
  Calls(5, kGood);
  Calls(19, kSlow);
  EXPECT_FALSE(open());
  Calls(1, kSlow);
  EXPECT_TRUE(open());
  EXPECT_EQ(breaker_.why(), "slow ratio");
}

TEST_F(BreakerWindowTest, ForgetsWhatIsOlderThanTheWindow) {
  Calls(9, kBad);
  clock_.Advance(10s);
  Calls(9, kBad);
  EXPECT_FALSE(open());
  EXPECT_EQ(breaker_.counts().calls, 9);
}

TEST_F(BreakerWindowTest, AGoodCallNeverOpens) {
  Calls(9, kBad);
  Calls(1, kGood);
  EXPECT_FALSE(open()) << "the tenth call makes the ratio count, but it was good";
}

TEST_F(BreakerWindowTest, ASlowProbeDoesNotClose) {
  Calls(10, kBad);
  clock_.Advance(1s);
  Calls(1, kSlow);
  EXPECT_TRUE(open());
  EXPECT_EQ(breaker_.why(), "probe slow");
}

TEST_F(BreakerWindowTest, EachFailedReturnDoublesTheWaitUpToABound) {
  Calls(10, kBad);
  for (const Duration wait : {1s, 2s, 4s, 4s}) {
    EXPECT_EQ(breaker_.refuses_for(), wait);
    clock_.Advance(wait);
    Calls(1, kBad);
  }
}

TEST_F(BreakerWindowTest, TheWaitIsShortAgainAfterAGoodWhile) {
  Calls(10, kBad);
  clock_.Advance(1s);
  Calls(1, kBad);
  clock_.Advance(2s);
  Calls(1, kGood);
  clock_.Advance(4s);
  Calls(10, kBad);
  EXPECT_EQ(breaker_.refuses_for(), 1s);
}

TEST_F(BreakerWindowTest, NewOptionsCountFromTheNextCall) {
  Calls(5, kBad);
  breaker_.SetOptions({.failures_to_open = 1});
  EXPECT_FALSE(open());
  Calls(1, kBad);
  EXPECT_TRUE(open());
}

TEST_F(BreakerWindowTest, OpensAtOnceForWhoSeesMoreThanItDoes) {
  Calls(100, kGood);
  auto permit = breaker_.TryAcquire();
  permit->SlowOnceTooOften();
  EXPECT_TRUE(open());
  EXPECT_EQ(breaker_.why(), "slow in a row");
  clock_.Advance(1s);
  auto canary = breaker_.TryAcquire();
  canary->SlowOnceTooOften();
  EXPECT_EQ(breaker_.why(), "probe slow");
}

// Whatever calls do, in whatever order: the state moves along the drawing and no other way, leaves
// CLOSED only for a bad report and OPEN only when it is time, and HALF_OPEN never has more probes
// under way than it may.
TEST(CircuitBreakerPropertyTest, MovesAlongTheDrawing) {
  const std::uint64_t seed = SecureSeed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededRandom random(seed);
  for (int run = 0; run < 200; ++run) {
    test::FakeClock clock;
    const CircuitBreaker::Options options{
        .failures_to_open = static_cast<int>(random.Below(6)),
        .failure_ratio = random.Uniform(),
        .slow_ratio = random.Uniform(),
        .min_calls = 1 + static_cast<int>(random.Below(20)),
        .probes_to_close = 1 + static_cast<int>(random.Below(4)),
        .open_for = std::chrono::milliseconds(100 + random.Below(2000)),
        .open_for_max = std::chrono::milliseconds(random.Below(8000)),
        .permit_lease = 1h};
    enum class Step { kAcquire, kGood, kBad, kUnknown, kLook } step = Step::kAcquire;
    State state = State::kClosed;
    SteadyTime may_return = SteadyTime::min();
    int half_open_since = 0;  // permits given out before are not probes
    int number = 0;
    CircuitBreaker breaker(options, clock, [&](const CircuitBreaker::Change& change) {
      EXPECT_NE(change.next, state);
      switch (change.next) {
        case State::kOpen:
          EXPECT_EQ(step, Step::kBad);
          EXPECT_GE(change.refuses_for, options.open_for);
          may_return = clock.SteadyNow() + change.refuses_for;
          break;
        case State::kHalfOpen:
          EXPECT_EQ(state, State::kOpen);
          EXPECT_TRUE(step == Step::kLook ||
                      (step == Step::kAcquire && clock.SteadyNow() >= may_return));
          half_open_since = number;
          break;
        case State::kClosed:
          EXPECT_EQ(state, State::kHalfOpen);
          EXPECT_TRUE(step == Step::kGood || options.slow_ratio == 0);
          break;
      }
      state = change.next;
    });
    // Permits and their numbers; a permit must not outlive its breaker.
    std::vector<std::pair<CircuitBreaker::Permit, int>> under_way;
    for (int i = 0; i < 500 && !testing::Test::HasFailure(); ++i) {
      clock.Advance(std::chrono::milliseconds(random.Below(200)));
      step = Step::kAcquire;
      if (auto permit = breaker.TryAcquire()) {
        EXPECT_NE(state, State::kOpen);
        under_way.emplace_back(*std::move(permit), ++number);
      }
      if (state == State::kHalfOpen) {
        const auto probes =
            std::count_if(under_way.begin(), under_way.end(),
                          [&](const auto& each) { return each.second > half_open_since; });
        EXPECT_LE(probes, options.probes_to_close);
      }
      if (random.Below(50) == 0) {
        step = Step::kLook;
        breaker.LookAgain();
      }
      if (under_way.empty() || random.Below(3) == 0) continue;
      std::swap(under_way[random.Below(under_way.size())], under_way.back());
      CircuitBreaker::Permit permit = std::move(under_way.back().first);
      under_way.pop_back();
      switch (random.Below(5)) {
        case 0:
          step = Step::kGood;
          permit.Succeeded();
          break;
        case 1:
          step = Step::kBad;
          permit.Failed();
          break;
        case 2:
          step = Step::kBad;
          permit.SucceededSlowly();
          break;
        case 3:
          step = Step::kBad;
          permit.SlowOnceTooOften();
          break;
        default:
          step = Step::kUnknown;
      }
    }
    ASSERT_EQ(breaker.state(), state) << "run " << run;
    ASSERT_FALSE(testing::Test::HasFailure()) << "run " << run;
  }
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
        .failures_to_open = static_cast<int>(random.Below(6)),
        .failure_ratio = random.Uniform(),
        .slow_ratio = random.Uniform(),
        .min_calls = 1 + static_cast<int>(random.Below(20)),
        .window = std::chrono::milliseconds(100 + random.Below(20000)),
        .probes_to_close = 1 + static_cast<int>(random.Below(4)),
        .open_for = std::chrono::milliseconds(1 + random.Below(5000)),
        .open_for_max = std::chrono::milliseconds(random.Below(10000)),
        .permit_lease = 10s};
    CircuitBreaker breaker(options, clock);
    std::vector<CircuitBreaker::Permit> under_way;
    std::uint64_t reported_troubles = 0;
    for (int step = 0; step < 300; ++step) {
      clock.Advance(std::chrono::milliseconds(random.Below(300)));
      if (auto permit = breaker.TryAcquire()) under_way.push_back(*std::move(permit));
      if (!under_way.empty() && random.Below(2) == 0) {
        std::swap(under_way[random.Below(under_way.size())], under_way.back());
        const auto outcome = random.Below(5);
        if (outcome == 0) under_way.back().Succeeded();
        if (outcome == 1) under_way.back().Failed();
        if (outcome == 2) under_way.back().SucceededSlowly();
        if (outcome == 3) under_way.back().SlowOnceTooOften();
        if (outcome >= 1 && outcome <= 3) ++reported_troubles;
        under_way.pop_back();  // outcome 4: dropped without a word
      }
      ASSERT_TRUE(reported_troubles > 0 || breaker.state() == State::kClosed);
      const CircuitBreaker::Counts counts = breaker.counts();
      ASSERT_LE(counts.failed + counts.slow, counts.calls);
      ASSERT_LE(breaker.refuses_for(), std::max(options.open_for, options.open_for_max));
    }
    // The rest never comes back. From now on the dependency is well.
    clock.Advance(std::max(options.open_for, options.open_for_max) + options.permit_lease);
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

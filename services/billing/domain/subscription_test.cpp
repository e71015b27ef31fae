#include "services/billing/domain/subscription.h"

#include <gtest/gtest.h>

#include "libs/testing/status_matchers.h"

namespace holdfast::billing {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;
using test::HasCode;
using test::HasMessage;
using test::IsOk;
using State = Subscription::State;

constexpr sys_days kToday{std::chrono::year(2026) / 3 / 10};

class SubscriptionTest : public testing::Test {
 protected:
  Holding Held(State state, std::optional<sys_days> valid_until) {
    Holding held;
    held.subscription.id = SubscriptionId("s");
    held.subscription.account = AccountId("a");
    held.subscription.state = state;
    held.subscription.valid_until = valid_until;
    held.plan = plan_;
    return held;
  }

  const Account account_{.id = AccountId("a")};
  const TariffPlan plan_{.id = TariffPlanId("basic"), .period = days(30), .grace = days(7)};
};

TEST_F(SubscriptionTest, RunsForOnePeriodFromTheDayItStarts) {
  ASSERT_OK_AND_ASSIGN(
      const Subscription started,
      DecideStart(account_, plan_, SubscriptionId("s"), std::nullopt, WallTime(kToday) + 23h));
  EXPECT_EQ(started.state, State::kActive);
  EXPECT_EQ(started.valid_until, kToday + days(30));
  EXPECT_EQ(started.started_at, WallTime(kToday) + 23h);
  EXPECT_EQ(started.revision, 1u);
}

TEST_F(SubscriptionTest, OfAPlanWithoutPeriodIsOpenEnded) {
  TariffPlan open = plan_;
  open.period = days(0);
  EXPECT_EQ(DecideStart(account_, open, SubscriptionId("s"), std::nullopt, kToday)->valid_until,
            std::nullopt);
}

TEST_F(SubscriptionTest, ThatIsBroughtAlongStartsWhereTheCalendarSays) {
  const auto started_until = [&](sys_days until) {
    return DecideStart(account_, plan_, SubscriptionId("s"), until, kToday);
  };
  EXPECT_EQ(started_until(kToday + days(1))->state, State::kActive);
  EXPECT_EQ(started_until(kToday)->state, State::kGrace);
  EXPECT_EQ(started_until(kToday - days(6))->state, State::kGrace);
  EXPECT_THAT(started_until(kToday - days(7)), HasMessage("would be over since 2026-03-03"));
}

TEST_F(SubscriptionTest, IsNotStartedForAClosedAccount) {
  const Account closed{.id = AccountId("a"), .state = Account::State::kClosed};
  EXPECT_THAT(DecideStart(closed, plan_, SubscriptionId("s"), std::nullopt, kToday),
              HasCode(absl::StatusCode::kFailedPrecondition));
}

TEST_F(SubscriptionTest, TheCalendarMovesItAtMidnightUtcOfTheFirstUnpaidDay) {
  const Holding active = Held(State::kActive, kToday);
  EXPECT_EQ(DecideByDate(active, kToday - days(1)), std::nullopt);
  EXPECT_EQ(DecideByDate(active, kToday)->state, State::kGrace);
  EXPECT_EQ(DecideByDate(active, kToday + days(6))->state, State::kGrace);
  EXPECT_EQ(DecideByDate(active, kToday + days(7))->state, State::kExpired);

  const Holding grace = Held(State::kGrace, kToday);
  EXPECT_EQ(DecideByDate(grace, kToday + days(6)), std::nullopt);
  EXPECT_EQ(DecideByDate(grace, kToday + days(7))->state, State::kExpired);
}

TEST_F(SubscriptionTest, WithoutGraceExpiresAtOnce) {
  Holding held = Held(State::kActive, kToday);
  held.plan.grace = days(0);
  EXPECT_EQ(DecideByDate(held, kToday)->state, State::kExpired);
}

TEST_F(SubscriptionTest, TheCalendarLeavesTheOtherStatesAlone) {
  for (const State state : {State::kSuspended, State::kCancelled, State::kExpired}) {
    EXPECT_EQ(DecideByDate(Held(state, kToday), kToday + days(1000)), std::nullopt);
  }
  EXPECT_EQ(DecideByDate(Held(State::kActive, std::nullopt), kToday + days(1000)), std::nullopt);
}

TEST_F(SubscriptionTest, AClockSetBackGivesNothingBack) {
  EXPECT_EQ(DecideByDate(Held(State::kGrace, kToday), kToday - days(5)), std::nullopt);
}

TEST_F(SubscriptionTest, ARenewalCountsFromTheEndOfWhatWasPaid) {
  EXPECT_EQ(DecideRenewal(Held(State::kActive, kToday + days(3)), kToday)->valid_until,
            kToday + days(33));
  ASSERT_OK_AND_ASSIGN(const Subscription late,
                       DecideRenewal(Held(State::kGrace, kToday - days(3)), kToday));
  EXPECT_EQ(late.valid_until, kToday + days(27));
  EXPECT_EQ(late.state, State::kActive);
  EXPECT_EQ(late.revision, 2u);
}

TEST_F(SubscriptionTest, ARenewalDoesNotEndASuspension) {
  EXPECT_EQ(DecideRenewal(Held(State::kSuspended, kToday), kToday)->state, State::kSuspended);
}

TEST_F(SubscriptionTest, ARenewalTakesACancellationAtTheEndBack) {
  Holding held = Held(State::kActive, kToday + days(1));
  held.subscription.cancel_at_end = true;
  EXPECT_FALSE(DecideRenewal(held, kToday)->cancel_at_end);
}

TEST_F(SubscriptionTest, WhatHasEndedOrHasNoEndCannotBeRenewed) {
  EXPECT_THAT(DecideRenewal(Held(State::kExpired, kToday), kToday), HasMessage("is expired"));
  EXPECT_THAT(DecideRenewal(Held(State::kCancelled, kToday), kToday), HasMessage("is cancelled"));
  EXPECT_THAT(DecideRenewal(Held(State::kActive, std::nullopt), kToday), HasMessage("open-ended"));
}

TEST_F(SubscriptionTest, IsSuspendedOnlyWhileItGivesService) {
  EXPECT_EQ(DecideSuspension(Held(State::kActive, kToday).subscription, "key")->state,
            State::kSuspended);
  EXPECT_EQ(DecideSuspension(Held(State::kGrace, kToday).subscription, "key")->state,
            State::kSuspended);
  for (const State state : {State::kSuspended, State::kCancelled, State::kExpired}) {
    EXPECT_THAT(DecideSuspension(Held(state, kToday).subscription, "key"),
                HasCode(absl::StatusCode::kFailedPrecondition));
  }
}

TEST_F(SubscriptionTest, IsResumedToWhatTheCalendarSays) {
  EXPECT_EQ(DecideResumption(Held(State::kSuspended, kToday + days(1)), kToday)->state,
            State::kActive);
  EXPECT_EQ(DecideResumption(Held(State::kSuspended, kToday), kToday)->state, State::kGrace);
  EXPECT_THAT(DecideResumption(Held(State::kSuspended, kToday - days(7)), kToday),
              HasMessage("is not paid since 2026-03-03: renew it first"));
  EXPECT_THAT(DecideResumption(Held(State::kActive, kToday), kToday), HasMessage("is active"));
}

TEST_F(SubscriptionTest, CancelledAtTheEndRunsToItsEndAndHasNoGrace) {
  const Holding held = Held(State::kActive, kToday + days(5));
  ASSERT_OK_AND_ASSIGN(const Subscription cancelled,
                       DecideCancellation(held.subscription, CancelWhen::kEndOfTerm, kToday));
  EXPECT_EQ(cancelled.state, State::kActive);
  EXPECT_EQ(DecideByDate({cancelled, plan_}, kToday + days(4)), std::nullopt);
  EXPECT_EQ(DecideByDate({cancelled, plan_}, kToday + days(5))->state, State::kCancelled);
}

TEST_F(SubscriptionTest, CancelledNowEndsNow) {
  for (const State state : {State::kActive, State::kGrace, State::kSuspended}) {
    EXPECT_EQ(DecideCancellation(Held(state, kToday + days(5)).subscription,
                                 CancelWhen::kImmediately, kToday)
                  ->state,
              State::kCancelled);
  }
  EXPECT_THAT(DecideCancellation(Held(State::kExpired, kToday).subscription,
                                 CancelWhen::kImmediately, kToday),
              HasMessage("is expired"));
}

TEST_F(SubscriptionTest, OpenEndedHasNoEndToBeCancelledAt) {
  EXPECT_THAT(DecideCancellation(Held(State::kActive, std::nullopt).subscription,
                                 CancelWhen::kEndOfTerm, kToday),
              HasMessage("can only end now"));
}

TEST_F(SubscriptionTest, CancelledAtTheEndWhileSuspendedEndsThere) {
  Holding held = Held(State::kSuspended, kToday);
  held.subscription.cancel_at_end = true;
  EXPECT_EQ(DecideByDate(held, kToday)->state, State::kCancelled);
}

}  // namespace
}  // namespace holdfast::billing

// What we charge: when, for which days, how much, and what unpaid days do.
#include "services/billing/domain/charge.h"

#include <gtest/gtest.h>

#include "libs/testing/status_matchers.h"

namespace holdfast::billing {
namespace {

using std::chrono::days;
using test::HasMessage;
using test::IsOk;
using State = Subscription::State;

constexpr sys_days Day(int year, unsigned month, unsigned day) {
  return std::chrono::year(year) / static_cast<int>(month) / static_cast<int>(day);
}
constexpr sys_days kToday = Day(2026, 3, 10);

class ChargeTest : public testing::Test {
 protected:
  ChargeTest() {
    plan_.id = TariffPlanId("basic");
    plan_.name = "Basic";
    plan_.price = *Money::Make(3100, "EUR");
    plan_.period = {Period::Unit::kMonths, 1};
    plan_.grace = days(5);
  }
  Holding Held(State state, std::optional<sys_days> valid_until) const {
    Holding held{.plan = plan_};
    held.subscription.id = SubscriptionId("s");
    held.subscription.state = state;
    held.subscription.valid_until = valid_until;
    held.subscription.charging = Charging::kPrepaid;
    held.subscription.currency = "EUR";
    held.subscription.anchor = Day(2026, 1, 10);
    return held;
  }
  Subscription Started(const TariffPlan& plan, sys_days day) const {
    const Account account{.id = AccountId("a"), .charging = Charging::kPrepaid, .currency = "EUR"};
    return *DecideStart(account, plan, SubscriptionId("s"), std::nullopt, WallTime(day));
  }

  TariffPlan plan_;
};

// -- When, and for which days ---------------------------------------------------------------------

TEST_F(ChargeTest, ATermFollowsTheOneBefore) {
  EXPECT_EQ(TermDue(Held(State::kActive, kToday + days(1)), kToday), std::nullopt);
  const auto term = TermDue(Held(State::kActive, kToday), kToday);
  EXPECT_EQ(term->days, (Days{kToday, Day(2026, 4, 10)}));
  EXPECT_EQ(TermDue(Held(State::kGrace, Day(2026, 3, 6)), kToday)->days.from, Day(2026, 3, 6));
}

TEST_F(ChargeTest, WhatBeganOnThe31stIsChargedWithoutHoles) {
  Subscription s = Started(plan_, Day(2026, 1, 31));
  std::vector<sys_days> ends;
  Holding held{s, plan_};
  sys_days today = Day(2026, 1, 31);
  for (int i = 0; i < 5; ++i) {
    const auto term = TermDue(held, today);
    ASSERT_TRUE(term.has_value());
    if (i > 0) {
      EXPECT_EQ(term->days.from, ends.back());
    }
    held.subscription = BeginTerm(held.subscription, *term);
    today = *held.subscription.valid_until;
    ends.push_back(today);
  }
  EXPECT_THAT(ends, testing::ElementsAre(Day(2026, 2, 28), Day(2026, 3, 31), Day(2026, 4, 30),
                                         Day(2026, 5, 31), Day(2026, 6, 30)));
}

TEST_F(ChargeTest, AfterSuspensionForDebtATermBeginsToday) {
  Holding held = Held(State::kSuspended, Day(2026, 2, 10));
  EXPECT_EQ(TermDue(held, kToday), std::nullopt);  // a person suspended it
  held.subscription.suspended_by = "debt-s-2026-02-10";
  const auto term = TermDue(held, kToday);
  EXPECT_EQ(term->days, (Days{kToday, Day(2026, 4, 10)}));
  EXPECT_EQ(BeginTerm(held.subscription, *term).suspended_by, "");
}

TEST_F(ChargeTest, NothingIsChargedForWhatEndsOrGivesNoService) {
  Holding held = Held(State::kActive, kToday);
  held.subscription.cancel_at_end = true;
  EXPECT_EQ(TermDue(held, kToday), std::nullopt);
  held = Held(State::kActive, kToday);
  held.subscription.cancel_on = kToday;
  EXPECT_EQ(TermDue(held, kToday), std::nullopt);
  held.subscription.cancel_on = kToday + days(7);
  EXPECT_EQ(TermDue(held, kToday)->days.count(), 7);
  held = Held(State::kActive, kToday);
  held.subscription.charging = Charging::kElsewhere;
  EXPECT_EQ(TermDue(held, kToday), std::nullopt);
  for (const State state : {State::kPaused, State::kCancelled, State::kExpired}) {
    EXPECT_EQ(TermDue(Held(state, kToday), kToday), std::nullopt);
  }
}

TEST_F(ChargeTest, AFailedChargeWaitsUntilTomorrow) {
  Holding held = Held(State::kActive, kToday);
  held.subscription = ChargeFailed(held.subscription, kToday);
  EXPECT_EQ(TermDue(held, kToday), std::nullopt);
  EXPECT_TRUE(TermDue(held, kToday + days(1)).has_value());
}

TEST_F(ChargeTest, AStartWaitsForMoneyOrIsATrial) {
  EXPECT_EQ(Started(plan_, kToday).state, State::kPendingActivation);
  plan_.trial = days(14);
  const Subscription trial = Started(plan_, kToday);
  EXPECT_EQ(trial.state, State::kTrialing);
  EXPECT_EQ(trial.valid_until, kToday + days(14));
  EXPECT_EQ(TermDue({trial, plan_}, kToday + days(13)), std::nullopt);
  EXPECT_EQ(TermDue({trial, plan_}, kToday + days(14))->days.from, kToday + days(14));
}

// -- How much -------------------------------------------------------------------------------------

TEST_F(ChargeTest, PartOfAPeriodCostsItsPart) {
  const Days march{Day(2026, 3, 1), Day(2026, 4, 1)};
  const NextTerm term{{kToday, march.to}, march, march.from};
  ASSERT_OK_AND_ASSIGN(const auto lines,
                       LinesFor(Held(State::kActive, kToday), term, SetupFeeIs::kCharged));
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].quoted, 2200);  // 22 of 31 days
}

TEST_F(ChargeTest, TheSetupFeeIsChargedOnce) {
  plan_.setup_fees = {*Money::Make(500, "EUR")};
  const Holding held = Held(State::kActive, kToday);
  const NextTerm term = *TermDue(held, kToday);
  EXPECT_EQ(LinesFor(held, term, SetupFeeIs::kCharged)->size(), 2u);
  EXPECT_EQ(LinesFor(held, term, SetupFeeIs::kPaidBefore)->size(), 1u);
}

TEST_F(ChargeTest, APriceIsThatOfTheCurrencyOnTheFirstDay) {
  plan_.prices = {{*Money::Make(900, "USD"), Day(2026, 1, 1)},
                  {*Money::Make(3300, "EUR"), Day(2026, 3, 10)},
                  {*Money::Make(3500, "EUR"), Day(2026, 5, 1)}};
  EXPECT_EQ(PriceOn(plan_, "EUR", Day(2026, 3, 9))->minor_units(), 3100);
  EXPECT_EQ(PriceOn(plan_, "EUR", Day(2026, 3, 10))->minor_units(), 3300);
  EXPECT_EQ(PriceOn(plan_, "EUR", Day(2030, 1, 1))->minor_units(), 3500);
  EXPECT_EQ(PriceOn(plan_, "USD", Day(2026, 3, 9))->minor_units(), 900);
  EXPECT_THAT(PriceOn(plan_, "USD", Day(2025, 12, 31)), HasMessage("no_price"));
  EXPECT_THAT(PriceOn(plan_, "CHF", kToday), HasMessage("no_price"));
}

TEST_F(ChargeTest, AChangeKeepsTheDaysOfTheSamePeriod) {
  Holding changed = Held(State::kActive, Day(2026, 4, 10));
  const Days term{kToday, Day(2026, 4, 10)};
  TariffPlan to = plan_;
  const PaidDays paid{term, 30};  // the price of 30 days: a pause moved the end
  const NextTerm same = TermAfterChange(paid, changed, to, Day(2026, 3, 20));
  EXPECT_EQ(same.days, (Days{Day(2026, 3, 20), Day(2026, 4, 10)}));
  EXPECT_EQ(same.whole, term);
  EXPECT_EQ(same.period_days, 30);
  to.period = {Period::Unit::kYears, 1};
  EXPECT_EQ(TermAfterChange(paid, changed, to, Day(2026, 3, 20)).days,
            (Days{Day(2026, 3, 20), Day(2027, 3, 20)}));
  EXPECT_EQ(TermAfterChange(std::nullopt, changed, plan_, Day(2026, 3, 20)).days,
            (Days{Day(2026, 3, 20), Day(2026, 4, 20)}));  // what was open-ended
  to = plan_;
  to.alignment = Alignment::kCalendar;
  EXPECT_EQ(TermAfterChange(paid, changed, to, Day(2026, 3, 20)).days,
            (Days{Day(2026, 3, 20), Day(2026, 4, 1)}));
  changed.subscription.cancel_on = Day(2026, 3, 25);
  EXPECT_EQ(TermAfterChange(paid, changed, to, Day(2026, 3, 20)).days,
            (Days{Day(2026, 3, 20), Day(2026, 3, 25)}));
}

// Of 1 January to 1 February 29 days were left when a pause began, and it ended in February.
TEST_F(ChargeTest, AChangeKeepsTheDaysThatAPauseSavedOfALongerMonth) {
  Holding changed = Held(State::kActive, Day(2026, 3, 6));
  changed.subscription.anchor = Day(2026, 3, 6);  // as a resumption leaves it
  const PaidDays paid{{Day(2026, 1, 1), Day(2026, 3, 6)}, 31};
  const NextTerm next = TermAfterChange(paid, changed, plan_, Day(2026, 2, 5));
  EXPECT_EQ(next.days, (Days{Day(2026, 2, 5), Day(2026, 3, 6)}));
  EXPECT_EQ(next.days.count(), 29);
  EXPECT_EQ(next.period_days, 31);
  EXPECT_EQ(next.anchor, Day(2026, 3, 6));
  EXPECT_EQ(next.whole.to, Day(2026, 3, 6));
  // Of an older release, which did not write down how many days the price pays for: never more than
  // the price.
  const PaidDays old{paid.days, 0};
  EXPECT_EQ(TermAfterChange(old, changed, plan_, Day(2026, 2, 5)).period_days, 29);
  // A cancellation in between ends it as ever.
  changed.subscription.cancel_on = Day(2026, 3, 2);
  EXPECT_EQ(TermAfterChange(paid, changed, plan_, Day(2026, 2, 5)).days.to, Day(2026, 3, 2));
}

// -- What unpaid days do --------------------------------------------------------------------------

TEST_F(ChargeTest, UnpaidIsGraceThenSuspensionThenTheEnd) {
  EXPECT_EQ(DecideByDate(Held(State::kActive, kToday), kToday)->state, State::kGrace);
  EXPECT_EQ(DecideByDate(Held(State::kTrialing, kToday), kToday)->state, State::kGrace);
  const Holding grace = Held(State::kGrace, kToday);
  EXPECT_EQ(DecideByDate(grace, kToday + days(4)), std::nullopt);
  Holding blocked{*DecideByDate(grace, kToday + days(5)), plan_};
  EXPECT_EQ(blocked.subscription.state, State::kSuspended);
  EXPECT_EQ(blocked.subscription.suspended_by, "debt-s-2026-03-10-2");
  EXPECT_EQ(DecideByDate(blocked, kToday + days(64)), std::nullopt);
  EXPECT_EQ(DecideByDate(blocked, kToday + days(65))->state, State::kExpired);
}

TEST_F(ChargeTest, TheFirstPaymentIsWaitedForAWeek) {
  const Holding held{Started(plan_, kToday), plan_};
  EXPECT_EQ(DecideByDate(held, kToday + days(6)), std::nullopt);
  EXPECT_EQ(DecideByDate(held, kToday + days(7))->state, State::kExpired);
}

TEST_F(ChargeTest, ADayOfCancellationEndsWhateverLives) {
  for (const State state : {State::kActive, State::kGrace, State::kTrialing, State::kSuspended,
                            State::kPendingActivation}) {
    Holding held = Held(state, kToday + days(20));
    held.subscription.cancel_on = kToday;
    EXPECT_EQ(DecideByDate(held, kToday - days(1)), std::nullopt);
    EXPECT_EQ(DecideByDate(held, kToday)->state, State::kCancelled);
  }
}

TEST_F(ChargeTest, PostpaidFollowsItsOldestUnpaidInvoice) {
  Holding held = Held(State::kActive, kToday + days(20));
  held.subscription.charging = Charging::kPostpaid;
  EXPECT_EQ(DecideByDebt(held, std::nullopt, kToday), std::nullopt);
  EXPECT_EQ(DecideByDebt(held, kToday, kToday), std::nullopt);  // may be paid today
  EXPECT_EQ(DecideByDebt(held, kToday - days(1), kToday)->state, State::kGrace);
  EXPECT_EQ(DecideByDebt(held, kToday - days(5), kToday)->state, State::kSuspended);
  held.subscription.state = State::kGrace;
  EXPECT_EQ(DecideByDebt(held, std::nullopt, kToday)->state, State::kActive);
  held.subscription.state = State::kSuspended;
  EXPECT_EQ(DecideByDebt(held, std::nullopt, kToday), std::nullopt);  // a person suspended it
  held.subscription.suspended_by = "debt-s";
  EXPECT_EQ(DecideByDebt(held, std::nullopt, kToday)->state, State::kActive);
  held.subscription.valid_until = kToday - days(3);
  EXPECT_EQ(DecideByDebt(held, std::nullopt, kToday)->state, State::kPendingActivation);
}

TEST_F(ChargeTest, PrepaidHasNoDebts) {
  EXPECT_EQ(DecideByDebt(Held(State::kActive, kToday), kToday - days(90), kToday), std::nullopt);
}

// -- Pausing, planning ----------------------------------------------------------------------------

TEST_F(ChargeTest, APauseGivesItsDaysBack) {
  const Holding held = Held(State::kActive, kToday + days(10));
  ASSERT_OK_AND_ASSIGN(const Subscription paused, DecidePause(held.subscription, kToday));
  EXPECT_EQ(DecideByDate({paused, plan_}, kToday + days(300)), std::nullopt);
  ASSERT_OK_AND_ASSIGN(const Subscription back,
                       DecideResumption({paused, plan_}, kToday + days(100)));
  EXPECT_EQ(back.state, State::kActive);
  EXPECT_EQ(back.valid_until, kToday + days(110));
  EXPECT_EQ(back.anchor, back.valid_until);
  EXPECT_EQ(back.paused_on, std::nullopt);
}

TEST_F(ChargeTest, PausesDoNotOverlapWithPlans) {
  Holding held = Held(State::kActive, kToday + days(10));
  held.subscription.cancel_at_end = true;
  EXPECT_THAT(DecidePause(held.subscription, kToday), HasMessage("revoke it first"));
  EXPECT_THAT(DecidePause(Held(State::kGrace, kToday).subscription, kToday),
              HasMessage("is in grace"));
}

TEST_F(ChargeTest, WhatIsPlannedCanBeRevokedUntilItHappens) {
  const Subscription s = Held(State::kActive, kToday + days(10)).subscription;
  EXPECT_THAT(RevokePlanned(s), HasMessage("has nothing planned"));
  ASSERT_OK_AND_ASSIGN(const Subscription planned,
                       PlanChange(s, {TariffPlanId("gold"), kToday + days(3)}, kToday));
  EXPECT_EQ(RevokePlanned(planned)->change, std::nullopt);
  EXPECT_THAT(PlanChange(s, {TariffPlanId("gold"), kToday}, kToday), HasMessage("is over"));
  ASSERT_OK_AND_ASSIGN(const Subscription cancelled,
                       DecideCancellationOn(s, kToday + days(3), kToday));
  EXPECT_EQ(cancelled.state, State::kActive);
  EXPECT_EQ(RevokePlanned(cancelled)->cancel_on, std::nullopt);
  EXPECT_EQ(DecideCancellationOn(s, kToday, kToday)->state, State::kCancelled);
}

}  // namespace
}  // namespace holdfast::billing

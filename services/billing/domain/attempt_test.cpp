#include "services/billing/domain/attempt.h"

#include <gtest/gtest.h>

#include "libs/testing/status_matchers.h"

namespace holdfast::billing {
namespace {

using namespace std::chrono_literals;
using State = PaymentAttempt::State;
using News = GatewayNews::State;
using test::HasMessage;

const WallTime kNow = FromEpochSeconds(1'767'225'600);

PaymentAttempt In(State state) {
  PaymentAttempt attempt;
  attempt.id = AttemptId("a");
  attempt.account = AccountId("ann");
  attempt.gateway = "card";
  attempt.amount = *Money::Make(999, "EUR");
  attempt.state = state;
  attempt.created_at = kNow - 1min;
  return attempt;
}
GatewayNews Paid() { return {.state = News::kPaid, .reference = "r-1"}; }

State After(State state, const GatewayNews& news, WallTime now = kNow) {
  const auto next = Learn(In(state), news, now);
  EXPECT_TRUE(next.ok());
  return next.ok() && *next ? (*next)->state : state;
}

TEST(AttemptTest, MoneyThatTheGatewayHasIsTakenInWhateverWasThoughtBefore) {
  for (const State state : {State::kStarted, State::kPending, State::kDeclined, State::kAbsent}) {
    EXPECT_EQ(After(state, Paid()), State::kPaid);
  }
}

TEST(AttemptTest, NothingTakesAPaymentBack) {
  for (const News news : {News::kPaid, News::kDeclined, News::kPending, News::kAbsent}) {
    const auto next = Learn(In(State::kPaid), {.state = news, .reference = "r-2"}, kNow);
    ASSERT_TRUE(next.ok());
    EXPECT_FALSE(next->has_value());
  }
}

TEST(AttemptTest, ADeclinedOneDoesNotBecomePendingByALateMessage) {
  EXPECT_EQ(After(State::kDeclined, {.state = News::kPending}), State::kDeclined);
}

TEST(AttemptTest, IsAbsentOnlyWhenNoRequestCanBeUnderWayAnyMore) {
  const GatewayNews absent{.state = News::kAbsent};
  EXPECT_EQ(After(State::kStarted, absent), State::kStarted);
  EXPECT_EQ(After(State::kStarted, absent, kNow + kNeverArrivedAfter), State::kAbsent);
  EXPECT_EQ(After(State::kPending, absent, kNow + kNeverArrivedAfter), State::kPending);
}

TEST(AttemptTest, AnotherAmountOrNoReferenceIsForAPersonToLookAt) {
  GatewayNews news = Paid();
  news.amount = *Money::Make(1, "EUR");
  EXPECT_THAT(Learn(In(State::kStarted), news, kNow).status(), HasMessage("wrong_amount"));
  news = Paid();
  news.reference.clear();
  EXPECT_THAT(Learn(In(State::kStarted), news, kNow).status(), HasMessage("no_reference"));
}

TEST(AttemptTest, TheGatewayIsAskedLessAndLessOften) {
  for (int looks = 0; looks < 10; ++looks) {
    EXPECT_LE(PauseBeforeLook(looks), PauseBeforeLook(looks + 1));
  }
  EXPECT_EQ(PauseBeforeLook(0), 30s);
  EXPECT_EQ(PauseBeforeLook(1000), 24h);
}

}  // namespace
}  // namespace holdfast::billing

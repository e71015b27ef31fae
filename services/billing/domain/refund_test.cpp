#include "services/billing/domain/refund.h"

#include <gmock/gmock.h>

#include "libs/testing/status_matchers.h"

namespace holdfast::billing {
namespace {

using namespace std::chrono_literals;
using test::HasMessage;
using test::IsOk;
using News = GatewayNews::State;
using State = GatewayRefund::State;

const WallTime kNow = FromEpochSeconds(1'767'225'600);

GatewayRefund In(State state) {
  GatewayRefund refund{.id = RefundId("r"),
                       .payment = PaymentId("p"),
                       .account = AccountId("ann"),
                       .gateway = "card",
                       .charge = "c",
                       .amount = *Money::Make(500, "EUR"),
                       .state = state,
                       .created_at = kNow - 1h};
  refund.held = refund.open();
  return refund;
}

std::optional<State> After(State state, News news) {
  const auto next = Learn(In(state), {.state = news}, kNow);
  EXPECT_THAT(next, IsOk());
  if (!next.ok() || !*next) return std::nullopt;
  return (*next)->state;
}

TEST(GatewayRefund, NewsMoveItAlongTheDrawing) {
  EXPECT_EQ(After(State::kStarted, News::kPending), State::kPending);
  for (const State open : {State::kStarted, State::kPending}) {
    EXPECT_EQ(After(open, News::kPaid), State::kSent);
    EXPECT_EQ(After(open, News::kDeclined), State::kRefused);
  }
  EXPECT_EQ(After(State::kStarted, News::kAbsent), State::kAbsent);
}

TEST(GatewayRefund, MoneyThatLeftIsBelievedInEveryState) {
  EXPECT_EQ(After(State::kRefused, News::kPaid), State::kSent);
  EXPECT_EQ(After(State::kAbsent, News::kPaid), State::kSent);
}

TEST(GatewayRefund, LateNewsChangeNothing) {
  EXPECT_EQ(After(State::kPending, News::kAbsent), std::nullopt);
  EXPECT_EQ(After(State::kPending, News::kPending), std::nullopt);
  EXPECT_EQ(After(State::kRefused, News::kPending), std::nullopt);
  EXPECT_EQ(After(State::kAbsent, News::kDeclined), std::nullopt);
  for (const News news : {News::kPaid, News::kPending, News::kAbsent}) {
    EXPECT_EQ(After(State::kSent, news), std::nullopt);
  }
}

TEST(GatewayRefund, WhatCannotBeBelievedIsForAPerson) {
  EXPECT_THAT(Learn(In(State::kSent), {.state = News::kDeclined}, kNow).status(),
              HasMessage("not_open"));
  EXPECT_THAT(
      Learn(In(State::kStarted), {.state = News::kPaid, .amount = *Money::Make(499, "EUR")}, kNow)
          .status(),
      HasMessage("wrong_amount"));
}

TEST(GatewayRefund, WhatMayStillBeUnderWayIsNotGivenUp) {
  GatewayRefund refund = In(State::kStarted);
  refund.sent_at = kNow - 14min;
  const auto next = Learn(refund, {.state = News::kAbsent}, kNow);
  ASSERT_THAT(next, IsOk());
  EXPECT_FALSE(next->has_value());
}

TEST(GatewayRefund, ItsMoneyIsHeldThenLeavesOrStays) {
  const GatewayRefund refund = In(State::kStarted);
  const Transfer hold = HoldFor(refund).transfers.front();
  LedgerAccount wallet{.id = hold.debit, .credits_posted = 500, .overdraft = 0};
  ASSERT_THAT(Apply(hold, wallet), IsOk());
  EXPECT_EQ(wallet.available(), 0);
  LedgerAccount after = wallet;
  ASSERT_OK_AND_ASSIGN(const Entry sent, EndHold(refund, hold, RefundEnd::kSent));
  ASSERT_THAT(Apply(sent.transfers.front(), after), IsOk());
  EXPECT_EQ(after.balance(), 0);
  EXPECT_EQ(after.debits_pending, 0);
  ASSERT_OK_AND_ASSIGN(const Entry kept, EndHold(refund, hold, RefundEnd::kNotSent));
  ASSERT_THAT(Apply(kept.transfers.front(), wallet), IsOk());
  EXPECT_EQ(wallet.available(), 500);
}

TEST(GatewayRefund, WhatLeftLateIsTheOperatorsLossAsFarAsTheWalletHoldsNothing) {
  const auto amounts = [](std::int64_t holds) {
    std::vector<std::string> moved;
    for (const Transfer& t : TakeLate(In(State::kSent), holds).transfers) {
      moved.push_back(fmt::format("{} {}", t.debit.ToString(), t.amount));
    }
    return moved;
  };
  EXPECT_THAT(amounts(9999), testing::ElementsAre("wallet/ann/EUR 500"));
  EXPECT_THAT(amounts(200),
              testing::ElementsAre("wallet/ann/EUR 200", "promotion/refunds/EUR 300"));
  EXPECT_THAT(amounts(-5), testing::ElementsAre("promotion/refunds/EUR 500"));
}

}  // namespace
}  // namespace holdfast::billing

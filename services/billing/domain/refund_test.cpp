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
  GatewayRefund refund;
  refund.id = RefundId("r");
  refund.payment = PaymentId("p");
  refund.account = AccountId("ann");
  refund.gateway = "card";
  refund.charge = "c";
  refund.amount = *Money::Make(500, "EUR");
  refund.state = state;
  refund.created_at = kNow - 1h;
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

TEST(GatewayRefund, WhatCameBackIsBelievedInEveryStateAndLeftByNone) {
  for (const State state :
       {State::kStarted, State::kPending, State::kSent, State::kRefused, State::kAbsent}) {
    EXPECT_EQ(After(state, News::kBounced), State::kBounced);
  }
  for (const News news :
       {News::kPaid, News::kDeclined, News::kPending, News::kAbsent, News::kBounced}) {
    EXPECT_EQ(After(State::kBounced, news), std::nullopt);
  }
  EXPECT_THAT(BounceByHand(In(State::kSent), "seen"), IsOk());
  for (const State state :
       {State::kStarted, State::kPending, State::kRefused, State::kAbsent, State::kBounced}) {
    EXPECT_THAT(BounceByHand(In(state), "seen").status(), HasMessage("not_sent"));
  }
}

TEST(GatewayRefund, WhatCameBackUndoesWhatTookItOut) {
  const GatewayRefund refund = In(State::kSent);
  for (const std::int64_t holds : {0, 200, 500}) {
    const Entry sent = TakeLate(refund, holds);
    EXPECT_EQ(sent.id, SentEntryOf(refund.id, Sent::kLate));
    ASSERT_OK_AND_ASSIGN(const Entry back, Bounce(refund, sent));
    ASSERT_EQ(back.transfers.size(), sent.transfers.size());
    for (std::size_t i = 0; i < sent.transfers.size(); ++i) {
      EXPECT_EQ(back.transfers[i].debit, sent.transfers[i].credit);
      EXPECT_EQ(back.transfers[i].credit, sent.transfers[i].debit);
      EXPECT_EQ(back.transfers[i].amount, sent.transfers[i].amount);
      EXPECT_EQ(back.transfers[i].reverses, sent.transfers[i].id);
    }
  }
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

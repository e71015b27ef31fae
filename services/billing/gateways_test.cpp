// The payment gateway: whatever it answers, and whenever, its money is taken in once.
#include <gmock/gmock.h>

#include "libs/testing/eventually.h"
#include "services/billing/billing_gateway_test.h"

namespace holdfast::billing {
namespace {

using namespace std::chrono_literals;
using test::HasMessage;
using test::IsOk;
using testing::IsEmpty;
using A = v1::PaymentAttempt;

TEST_F(GatewaysTest, MoneyThatWasCollectedIsInTheWallet) {
  gateway_.answers = {Paid()};
  const auto attempt = Collect(Ask(500));
  EXPECT_EQ(attempt.state(), A::STATE_PAID);
  EXPECT_EQ(Wallet("ann"), 500);
  EXPECT_THAT(WhatIsWrong(), IsEmpty());
}

TEST_F(GatewaysTest, AnAttemptIsWrittenDownBeforeTheGatewayIsAsked) {
  const auto attempt = Collect(Ask(500));  // no answer
  EXPECT_EQ(attempt.state(), A::STATE_STARTED);
  EXPECT_EQ(StateOf(attempt), A::STATE_STARTED);
  EXPECT_EQ(Wallet("ann"), 0);
}

TEST_F(GatewaysTest, ARepetitionChargesTheSameAttemptAgainAndNoOther) {
  const v1::CollectRequest request = Ask(500);
  Collect(request);
  gateway_.answers = {Paid()};
  EXPECT_EQ(Collect(request).state(), A::STATE_PAID);
  EXPECT_EQ(Collect(request).state(), A::STATE_PAID);  // not asked any more
  ASSERT_EQ(gateway_.charged.size(), 2u);
  EXPECT_EQ(gateway_.charged[0], gateway_.charged[1]);
  EXPECT_EQ(Wallet("ann"), 500);
}

TEST_F(GatewaysTest, TheJanitorFindsOutWhatBecameOfALostAnswer) {
  const auto attempt = Collect(Ask(500));
  gateway_.answers = {Paid()};
  Look();  // too early
  EXPECT_EQ(gateway_.found, 0);
  clock_.Advance(31s);
  Look();
  EXPECT_EQ(StateOf(attempt), A::STATE_PAID);
  EXPECT_EQ(Wallet("ann"), 500);
  clock_.Advance(48h);
  Look();
  EXPECT_EQ(gateway_.found, 1);
}

TEST_F(GatewaysTest, TheJanitorGoesOnAskingAndGivesUpOnlyWhatNeverArrived) {
  const auto attempt = Collect(Ask(500));
  for (int i = 0; i < 6; ++i) {
    gateway_.answers = {GatewayNews{.state = GatewayNews::State::kAbsent}};
    clock_.Advance(31s);
    Look();
  }
  EXPECT_EQ(StateOf(attempt), A::STATE_STARTED);
  clock_.Advance(1h);
  gateway_.answers = {GatewayNews{.state = GatewayNews::State::kAbsent}};
  Look();
  EXPECT_EQ(StateOf(attempt), A::STATE_ABSENT);
  EXPECT_EQ(Webhook(PaidMessage(attempt, "e-1")), 200);  // it arrived after all
  EXPECT_EQ(StateOf(attempt), A::STATE_PAID);
}

TEST_F(GatewaysTest, ADeclinedAttemptSaysWhy) {
  gateway_.answers = {
      GatewayNews{.state = GatewayNews::State::kDeclined, .reason = "card expired"}};
  const auto attempt = Collect(Ask(500));
  EXPECT_EQ(attempt.state(), A::STATE_DECLINED);
  EXPECT_EQ(attempt.reason(), "card expired");
  EXPECT_EQ(Wallet("ann"), 0);
}

TEST_F(GatewaysTest, AWebhookIsTakenOnceHoweverOftenItComes) {
  gateway_.answers = {GatewayNews{.state = GatewayNews::State::kPending}};
  const auto attempt = Collect(Ask(500));
  EXPECT_EQ(attempt.state(), A::STATE_PENDING);
  for (const char* event : {"e-1", "e-1", "e-2"}) {
    EXPECT_EQ(Webhook(PaidMessage(attempt, event)), 200);
  }
  EXPECT_EQ(Wallet("ann"), 500);
  EXPECT_THAT(WhatIsWrong(), IsEmpty());
}

TEST_F(GatewaysTest, AWebhookThatIsNotSignedOrNotUnderstoodChangesNothing) {
  const auto attempt = Collect(Ask(500));
  EXPECT_EQ(Webhook(PaidMessage(attempt, "e-1"), "other secret"), 401);
  EXPECT_EQ(Webhook("{"), 400);
  EXPECT_EQ(Webhook("[]"), 400);
  EXPECT_EQ(Webhook(R"({"attempt_id":"a/b","state":"paid"})"), 400);
  EXPECT_EQ(Webhook(fmt::format(R"({{"attempt_id":"{}","state":"lost"}})", attempt.attempt_id())),
            400);
  EXPECT_EQ(Webhook(R"({"attempt_id":"unknown","state":"pending"})"), 404);
  EXPECT_EQ(Webhook(PaidMessage(attempt, "e-1", 1)), 409);  // another amount
  EXPECT_EQ(StateOf(attempt), A::STATE_STARTED);
  EXPECT_EQ(Wallet("ann"), 0);
  EXPECT_EQ(Webhook(PaidMessage(attempt, "e-1")), 200);  // the refused one left no trace
  EXPECT_EQ(Wallet("ann"), 500);
}

TEST_F(GatewaysTest, AWebhookIsToldToComeAgainWhenTheDatabaseIsAway) {
  const auto attempt = Collect(Ask(500));
  gate_.Cut();
  EXPECT_EQ(Webhook(PaidMessage(attempt, "e-1")), 503);
  gate_.Open();
  EXPECT_TRUE(test::Eventually([&] { return Webhook(PaidMessage(attempt, "e-1")) == 200; }));
  EXPECT_EQ(Wallet("ann"), 500);
}

TEST_F(GatewaysTest, WhatWasRecordedByHandIsNotTakenASecondTime) {
  const auto attempt = Collect(Ask(500));
  v1::RecordPaymentRequest by_hand;
  by_hand.set_idempotency_key(NewKey());
  by_hand.set_account_id("ann");
  *by_hand.mutable_amount() = ToProto(*holdfast::Money::Make(500, "EUR"));
  by_hand.set_method("card");
  by_hand.set_reference("r-" + attempt.attempt_id());
  ASSERT_THAT(payments_.RecordPayment(Call(), by_hand), IsOk());
  EXPECT_EQ(Webhook(PaidMessage(attempt, "e-1")), 200);
  EXPECT_EQ(StateOf(attempt), A::STATE_PAID);
  EXPECT_EQ(Wallet("ann"), 500);
}

TEST_F(GatewaysTest, WithoutAGatewayNothingIsCollected) {
  GatewaysService none({store_, entitlements_, metrics_, clock_});
  EXPECT_THAT(none.Collect(Call(), Ask(500)).status(), HasMessage("no_gateway"));
}

TEST_F(GatewaysTest, TheEntitlementTellsWhatTheWalletHolds) {
  gateway_.answers = {Paid()};
  Collect(Ask(500));
  const auto entitlement = EntitlementOf("ann");
  ASSERT_THAT(entitlement, IsOk());
  EXPECT_EQ(entitlement->balance_minor_units(), 500);
  EXPECT_EQ(entitlement->currency(), "EUR");
}

TEST_F(GatewaysTest, MoneyWithTheReferenceOfOtherMoneyDoesNotVanish) {
  const auto attempt = Collect(Ask(500));
  v1::RecordPaymentRequest by_hand;
  by_hand.set_idempotency_key(NewKey());
  by_hand.set_account_id("ann");
  *by_hand.mutable_amount() = ToProto(*holdfast::Money::Make(1, "EUR"));
  by_hand.set_method("card");
  by_hand.set_reference("r-" + attempt.attempt_id());
  ASSERT_THAT(payments_.RecordPayment(Call(), by_hand), IsOk());
  EXPECT_EQ(Webhook(PaidMessage(attempt, "e-1")), 409);
  EXPECT_EQ(StateOf(attempt), A::STATE_STARTED);  // a person has to look
  EXPECT_THAT(registry_.Scrape(), testing::HasSubstr("result=\"unbelievable\"} 1"));

  by_hand.set_idempotency_key(NewKey());
  *by_hand.mutable_amount() = ToProto(*holdfast::Money::Make(500, "EUR"));
  by_hand.set_reference("the gateway's statement, line 7");
  ASSERT_OK_AND_ASSIGN(const v1::Payment found, payments_.RecordPayment(Call(), by_hand));
  v1::CloseAttemptRequest close;
  close.set_idempotency_key(NewKey());
  close.set_attempt_id(attempt.attempt_id());
  close.set_payment_id(found.payment_id());
  EXPECT_THAT(gateways_.CloseAttempt(Call(), close).status(), HasMessage("reason is empty"));
  close.set_reason("compared with the statement");
  ASSERT_THAT(gateways_.CloseAttempt(Call(), close).status(), IsOk());
  EXPECT_EQ(StateOf(attempt), A::STATE_PAID);
  EXPECT_EQ(Wallet("ann"), 501);
  close.set_idempotency_key(NewKey());
  EXPECT_THAT(gateways_.CloseAttempt(Call(), close).status(), HasMessage("not_open"));
}

TEST_F(GatewaysTest, TwoAttemptsAreNotPaidByOnePayment) {
  gateway_.answers = {Paid("same"), Paid("same")};
  EXPECT_EQ(Collect(Ask(500)).state(), A::STATE_PAID);
  EXPECT_EQ(Collect(Ask(500)).state(), A::STATE_STARTED);
  EXPECT_EQ(Wallet("ann"), 500);
}

TEST_F(GatewaysTest, AnAttemptThatWasJustSentAgainIsNotGivenUp) {
  const v1::CollectRequest request = Ask(500);
  const auto attempt = Collect(request);
  clock_.Advance(14min);
  Collect(request);  // under way once more
  clock_.Advance(2min);
  gateway_.answers = {GatewayNews{.state = GatewayNews::State::kAbsent}};
  Look();
  EXPECT_EQ(StateOf(attempt), A::STATE_STARTED);
  clock_.Advance(2h);
  gateway_.answers = {GatewayNews{.state = GatewayNews::State::kAbsent}};
  Look();
  EXPECT_EQ(StateOf(attempt), A::STATE_ABSENT);
}

TEST_F(GatewaysTest, ARepetitionDoesNotChargeAtAnotherGateway) {
  const v1::CollectRequest request = Ask(500);
  const auto attempt = Collect(request);
  ScriptedGateway other("bank-card");
  other.answers = {Paid()};
  GatewaysService renamed({store_, entitlements_, metrics_, clock_, &other});
  ASSERT_OK_AND_ASSIGN(const v1::PaymentAttempt again, renamed.Collect(Call(), request));
  EXPECT_EQ(again.attempt_id(), attempt.attempt_id());
  EXPECT_EQ(again.state(), A::STATE_STARTED);
  EXPECT_THAT(other.charged, IsEmpty());
}

TEST_F(GatewaysTest, AttemptsOfAGatewayThatIsGoneAreCountedAndCanBeClosed) {
  const auto attempt = Collect(Ask(500));
  GatewaysService none({store_, entitlements_, metrics_, clock_});
  ASSERT_THAT(none.LookAfterOpenAttempts(Soon()), IsOk());
  EXPECT_THAT(registry_.Scrape(), testing::HasSubstr("holdfast_billing_payment_attempts_stuck 0"));
  clock_.Advance(25h);
  ASSERT_THAT(none.LookAfterOpenAttempts(Soon()), IsOk());
  EXPECT_THAT(registry_.Scrape(), testing::HasSubstr("holdfast_billing_payment_attempts_stuck 1"));
  v1::CloseAttemptRequest close;
  close.set_idempotency_key(NewKey());
  close.set_attempt_id(attempt.attempt_id());
  close.set_reason("the gateway is gone");
  ASSERT_OK_AND_ASSIGN(const v1::PaymentAttempt closed, none.CloseAttempt(Call(), close));
  EXPECT_EQ(closed.state(), A::STATE_DECLINED);
  ASSERT_THAT(none.LookAfterOpenAttempts(Soon()), IsOk());
  EXPECT_THAT(registry_.Scrape(), testing::HasSubstr("holdfast_billing_payment_attempts_stuck 0"));
}

}  // namespace
}  // namespace holdfast::billing

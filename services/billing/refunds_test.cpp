// Refunds through the gateway: money leaves once or not at all, whatever the gateway answers and
// whenever, and is nobody's to spend while that is not known.
#include <gmock/gmock.h>

#include "services/billing/billing_gateway_test.h"

namespace holdfast::billing {
namespace {

using namespace std::chrono_literals;
using test::HasCode;
using test::HasMessage;
using test::IsOk;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using R = v1::Refund;

const GatewayNews kSent{.state = GatewayNews::State::kPaid, .reference = "back-1"};
const GatewayNews kRefused{.state = GatewayNews::State::kDeclined, .reason = "account closed"};
const GatewayNews kPending{.state = GatewayNews::State::kPending};
const GatewayNews kAbsent{.state = GatewayNews::State::kAbsent};

class RefundsTest : public GatewaysTest {
 protected:
  void SetUp() override {
    gateway_.answers = {Paid("charge-1")};
    payment_ = Collect(Ask(500)).payment_id();
    ASSERT_EQ(Wallet("ann"), 500);
  }
  void TearDown() override { EXPECT_THAT(WhatIsWrong(), IsEmpty()); }

  v1::SendRefundRequest Of(const std::string& payment, std::int64_t minor_units = 0) {
    v1::SendRefundRequest request;
    request.set_idempotency_key(NewKey());
    request.set_payment_id(payment);
    request.set_minor_units(minor_units);
    return request;
  }
  v1::Refund Send(const v1::SendRefundRequest& request) {
    const auto refund = gateways_.SendRefund(Call(), request);
    EXPECT_THAT(refund, IsOk());
    return refund.value_or(v1::Refund());
  }
  v1::Refund NowOf(const v1::Refund& refund) {
    v1::GetRefundRequest request;
    request.set_refund_id(refund.refund_id());
    return *gateways_.GetRefund(Call(), request);
  }
  v1::Payment PaymentNow() {
    v1::ListPaymentsRequest request;
    request.set_account_id("ann");
    return payments_.ListPayments(Call(), request)->payments(0);
  }
  // What may be spent.
  std::int64_t Free() { return EntitlementOf("ann")->balance_minor_units(); }
  void LookForRefunds() { (void)gateways_.LookAfterOpenRefunds(Soon()); }
  static std::string Message(const v1::Refund& refund, const std::string& state,
                             const std::string& event, std::int64_t minor_units) {
    return fmt::format(
        R"({{"refund_id":"{}","state":"{}","reference":"back","reason":"no","event_id":)"
        R"("{}","minor_units":{},"currency":"EUR"}})",
        refund.refund_id(), state, event, minor_units);
  }
  absl::StatusOr<v1::Refund> Close(const v1::Refund& refund, bool sent) {
    v1::CloseRefundRequest request;
    request.set_idempotency_key(NewKey());
    request.set_refund_id(refund.refund_id());
    request.set_sent(sent);
    request.set_reason("compared with the statement");
    return gateways_.CloseRefund(Call(), request);
  }

  std::string payment_;
};

TEST_F(RefundsTest, WhatTheGatewaySentHasLeftTheWallet) {
  gateway_.answers = {kSent};
  const v1::Refund refund = Send(Of(payment_));
  EXPECT_EQ(refund.state(), R::STATE_SENT);
  EXPECT_EQ(refund.reference(), "back-1");
  EXPECT_THAT(gateway_.refunded, ElementsAre(refund.refund_id() + " charge-1 500"));
  EXPECT_EQ(Wallet("ann"), 0);
  EXPECT_EQ(Balance("clearing/card/EUR"), 0);
  EXPECT_EQ(PaymentNow().refunded(), 500);
  EXPECT_EQ(PaymentNow().refunding(), 0);
}

TEST_F(RefundsTest, PartsOfAPaymentGoBackAndNoMoreThanWasPaid) {
  gateway_.answers = {kSent, kSent};
  EXPECT_EQ(Send(Of(payment_, 200)).state(), R::STATE_SENT);
  ASSERT_THAT(Pay("ann", 1000), IsOk());
  EXPECT_THAT(gateways_.SendRefund(Call(), Of(payment_, 301)).status(),
              HasMessage("refund_too_large: 300 are left"));
  EXPECT_EQ(Send(Of(payment_)).amount().minor_units(), 300);
  EXPECT_THAT(gateways_.SendRefund(Call(), Of(payment_)).status(), HasMessage("refund_too_large"));
  EXPECT_EQ(Wallet("ann"), 1000);
}

TEST_F(RefundsTest, ItIsWrittenDownAndItsMoneyHeldBeforeTheGatewayIsAsked) {
  const v1::Refund refund = Send(Of(payment_, 400));  // no answer
  EXPECT_EQ(NowOf(refund).state(), R::STATE_STARTED);
  EXPECT_EQ(Wallet("ann"), 500);
  EXPECT_EQ(Free(), 100);
  EXPECT_EQ(PaymentNow().refunding(), 400);
  // Neither spent, nor given back a second time, by whatever way.
  EXPECT_THAT(Adjust("ann", -101).status(), HasMessage("insufficient_funds"));
  EXPECT_THAT(
      gateways_.SendRefund(Call(), Of(payment_, 101)).status(),
      HasMessage("refund_too_large: 100 are left of payment " + payment_ + ", 400 are under way"));
  v1::RefundPaymentRequest by_hand;
  by_hand.set_idempotency_key(NewKey());
  by_hand.set_payment_id(payment_);
  by_hand.set_minor_units(101);
  EXPECT_THAT(payments_.RefundPayment(Call(), by_hand), HasMessage("refund_too_large"));
  v1::RecordChargebackRequest chargeback;
  chargeback.set_idempotency_key(NewKey());
  chargeback.set_payment_id(payment_);
  chargeback.set_minor_units(101);
  chargeback.set_reason("bank");
  EXPECT_THAT(payments_.RecordChargeback(Call(), chargeback), HasMessage("chargeback_too_large"));
  // Nor is it anybody's hold.
  const std::string hold = "refund-" + refund.refund_id() + ".hold";
  EXPECT_THAT(Release(hold).status(), HasMessage("belongs_to_document"));
}

TEST_F(RefundsTest, ARepetitionSendsTheSameRefundAgainAndNoOther) {
  const v1::SendRefundRequest request = Of(payment_, 200);
  Send(request);
  gateway_.answers = {kSent};
  EXPECT_EQ(Send(request).state(), R::STATE_SENT);
  EXPECT_EQ(Send(request).state(), R::STATE_SENT);  // not asked any more
  ASSERT_THAT(gateway_.refunded, SizeIs(2));
  EXPECT_EQ(gateway_.refunded[0], gateway_.refunded[1]);
  EXPECT_EQ(Wallet("ann"), 300);
  v1::SendRefundRequest other = request;
  other.set_minor_units(100);
  EXPECT_THAT(gateways_.SendRefund(Call(), other).status(), HasMessage("key_reused"));
}

TEST_F(RefundsTest, ARefusedRefundLeavesTheBooksAsTheyWere) {
  gateway_.answers = {kRefused};
  const v1::Refund refund = Send(Of(payment_));
  EXPECT_EQ(refund.state(), R::STATE_REFUSED);
  EXPECT_EQ(refund.reason(), "account closed");
  EXPECT_EQ(Free(), 500);
  EXPECT_EQ(PaymentNow().refunded(), 0);
  EXPECT_EQ(PaymentNow().refunding(), 0);
  gateway_.answers = {kSent};  // may be tried again
  EXPECT_EQ(Send(Of(payment_)).state(), R::STATE_SENT);
}

TEST_F(RefundsTest, WhatComesBackPaysWhatWaitedForIt) {
  ASSERT_THAT(Put(Monthly("basic", 400)), IsOk());
  const v1::Refund refund = Send(Of(payment_));
  ASSERT_OK_AND_ASSIGN(const v1::Subscription bought, Buy("ann", "basic", "", true));
  EXPECT_EQ(bought.state(), v1::Subscription::STATE_PENDING_ACTIVATION);
  EXPECT_EQ(Webhook(Message(refund, "refused", "e-1", 0)), 200);
  EXPECT_EQ(Find("ann", bought.subscription_id()).state(), v1::Subscription::STATE_ACTIVE);
  EXPECT_EQ(Wallet("ann"), 100);
}

TEST_F(RefundsTest, TheJanitorFindsOutWhatBecameOfALostAnswer) {
  const v1::Refund refund = Send(Of(payment_));
  gateway_.answers = {kPending, kSent};
  LookForRefunds();  // too early
  EXPECT_EQ(gateway_.found, 0);
  clock_.Advance(31s);
  LookForRefunds();
  EXPECT_EQ(NowOf(refund).state(), R::STATE_PENDING);
  clock_.Advance(2min);
  LookForRefunds();
  EXPECT_EQ(NowOf(refund).state(), R::STATE_SENT);
  clock_.Advance(48h);
  LookForRefunds();
  EXPECT_EQ(gateway_.found, 2);
  EXPECT_EQ(Wallet("ann"), 0);
}

TEST_F(RefundsTest, OnlyWhatNeverArrivedIsGivenUp) {
  const v1::SendRefundRequest request = Of(payment_);
  const v1::Refund refund = Send(request);
  clock_.Advance(14min);
  Send(request);  // under way once more
  clock_.Advance(2min);
  gateway_.answers = {kAbsent};
  LookForRefunds();
  EXPECT_EQ(NowOf(refund).state(), R::STATE_STARTED);
  clock_.Advance(2h);
  gateway_.answers = {kAbsent};
  LookForRefunds();
  EXPECT_EQ(NowOf(refund).state(), R::STATE_ABSENT);
  EXPECT_EQ(Free(), 500);
}

// The gateway had it after all: the payer has the money, so the wallet has not.
TEST_F(RefundsTest, MoneyThatLeftAfterItWasGivenUpIsTakenFromWhatThereIs) {
  const v1::Refund refund = Send(Of(payment_));
  clock_.Advance(16min);
  gateway_.answers = {kAbsent};
  LookForRefunds();
  ASSERT_THAT(Adjust("ann", -150), IsOk());
  EXPECT_EQ(Webhook(Message(refund, "pending", "e-0", 0)), 200);  // followed again
  EXPECT_EQ(NowOf(refund).state(), R::STATE_PENDING);
  for (const char* event : {"e-1", "e-1", "e-2"}) {
    EXPECT_EQ(Webhook(Message(refund, "refunded", event, 500)), 200);
  }
  EXPECT_EQ(NowOf(refund).state(), R::STATE_SENT);
  EXPECT_EQ(Wallet("ann"), 0);
  EXPECT_EQ(Balance("promotion/refunds/EUR"), -150);
  EXPECT_EQ(PaymentNow().refunded(), 500);
}

TEST_F(RefundsTest, ButNotIfItWentBackByAnotherWayMeanwhile) {
  const v1::Refund refund = Send(Of(payment_));
  clock_.Advance(16min);
  gateway_.answers = {kAbsent};
  LookForRefunds();
  gateway_.answers = {kSent};
  EXPECT_EQ(Send(Of(payment_)).state(), R::STATE_SENT);
  EXPECT_EQ(Webhook(Message(refund, "refunded", "e-1", 500)), 409);  // a person has to look
  EXPECT_THAT(registry_.Scrape(), HasSubstr("result=\"unbelievable\"} 1"));
  EXPECT_EQ(PaymentNow().refunded(), 500);
}

TEST_F(RefundsTest, WebhooksAreTakenOnceHoweverLateAndOften) {
  const v1::Refund refund = Send(Of(payment_, 200));
  EXPECT_EQ(Webhook(Message(refund, "refunded", "e-0", 201)), 409);  // another amount
  EXPECT_EQ(NowOf(refund).state(), R::STATE_STARTED);
  for (const char* event : {"e-1", "e-1", "e-2"}) {
    EXPECT_EQ(Webhook(Message(refund, "refunded", event, 200)), 200);
  }
  EXPECT_EQ(Webhook(Message(refund, "pending", "e-3", 0)), 200);  // out of order
  EXPECT_EQ(NowOf(refund).state(), R::STATE_SENT);
  EXPECT_EQ(Wallet("ann"), 300);
  // A late word of before, or a bounce by a wrong name: a person has to look.
  EXPECT_EQ(Webhook(Message(refund, "refused", "e-4", 0)), 409);
  EXPECT_EQ(Webhook(Message(refund, "paid", "e-5", 200)), 400);  // of charges
  EXPECT_EQ(Webhook(R"({"attempt_id":"a","refund_id":"b","state":"pending"})"), 400);
  EXPECT_EQ(Webhook(R"({"refund_id":"unknown","state":"pending"})"), 404);
  EXPECT_EQ(Wallet("ann"), 300);
}

// -- What was sent and came back ------------------------------------------------------------------

TEST_F(RefundsTest, WhatBouncedIsTheWalletsAgainOnceHoweverOftenItIsTold) {
  gateway_.answers = {kSent};
  const v1::Refund refund = Send(Of(payment_, 200));
  ASSERT_EQ(Wallet("ann"), 300);
  EXPECT_EQ(Webhook(Message(refund, "bounced", "e-0", 199)), 409);  // another amount
  for (const char* event : {"e-1", "e-1", "e-2"}) {
    EXPECT_EQ(Webhook(Message(refund, "bounced", event, 200)), 200);
  }
  for (const char* late : {"refunded", "pending", "refused"}) {  // of before
    EXPECT_EQ(Webhook(Message(refund, late, std::string("e-") + late, 200)), 200);
  }
  EXPECT_EQ(NowOf(refund).state(), R::STATE_BOUNCED);
  EXPECT_EQ(NowOf(refund).reason(), "no");
  EXPECT_EQ(Wallet("ann"), 500);
  EXPECT_EQ(Free(), 500);
  EXPECT_EQ(Balance("clearing/card/EUR"), -500);
  EXPECT_EQ(PaymentNow().refunded(), 0);
  EXPECT_THAT(WhatIsWrong(), IsEmpty());
  gateway_.answers = {kSent};  // to another account of the payer
  EXPECT_EQ(Send(Of(payment_)).state(), R::STATE_SENT);
  EXPECT_EQ(Wallet("ann"), 0);
}

TEST_F(RefundsTest, WhatBouncedBeforeItWasKnownToBeSentHasNeverLeft) {
  const v1::Refund refund = Send(Of(payment_));  // no answer
  clock_.Advance(31s);
  gateway_.answers = {GatewayNews{.state = GatewayNews::State::kBounced, .reason = "closed"}};
  LookForRefunds();
  EXPECT_EQ(NowOf(refund).state(), R::STATE_BOUNCED);
  EXPECT_EQ(Free(), 500);
  EXPECT_EQ(PaymentNow().refunding(), 0);
  EXPECT_EQ(Webhook(Message(refund, "refunded", "e-1", 500)), 200);  // late
  EXPECT_EQ(Free(), 500);
}

TEST_F(RefundsTest, WhatTheOperatorLostByItIsTheOperatorsAgain) {
  const v1::Refund refund = Send(Of(payment_));
  clock_.Advance(16min);
  gateway_.answers = {kAbsent};
  LookForRefunds();
  ASSERT_THAT(Adjust("ann", -150), IsOk());
  EXPECT_EQ(Webhook(Message(refund, "refunded", "e-1", 500)), 200);
  ASSERT_EQ(Balance("promotion/refunds/EUR"), -150);
  EXPECT_EQ(Webhook(Message(refund, "bounced", "e-2", 500)), 200);
  EXPECT_EQ(Balance("promotion/refunds/EUR"), 0);
  EXPECT_EQ(Wallet("ann"), 350);
  EXPECT_EQ(PaymentNow().refunded(), 0);
}

TEST_F(RefundsTest, APersonRecordsABounceThatTheGatewayDoesNotTell) {
  v1::RecordBounceRequest request;
  request.set_idempotency_key(NewKey());
  request.set_acting_person("operator:ada");
  request.set_reason("seen on the statement");
  const auto record = [&] { return gateways_.RecordBounce(Call(), request); };
  request.set_refund_id("unknown");
  EXPECT_THAT(record().status(), HasCode(absl::StatusCode::kNotFound));
  const v1::Refund refund = Send(Of(payment_, 400));
  request.set_refund_id(refund.refund_id());
  EXPECT_THAT(record().status(), HasMessage("not_sent: refund " + refund.refund_id()));
  EXPECT_EQ(Webhook(Message(refund, "refunded", "e-1", 400)), 200);
  // What comes back pays what waits for it.
  ASSERT_THAT(Put(Monthly("basic", 450)), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::Subscription bought, Buy("ann", "basic", "", true));
  for (int i = 0; i < 2; ++i) {  // once, however often it is asked
    ASSERT_OK_AND_ASSIGN(const v1::Refund bounced, record());
    EXPECT_EQ(bounced.state(), R::STATE_BOUNCED);
    EXPECT_EQ(bounced.reason(), "came back: seen on the statement");
  }
  EXPECT_EQ(Find("ann", bought.subscription_id()).state(), v1::Subscription::STATE_ACTIVE);
  EXPECT_EQ(Wallet("ann"), 50);
  request.set_idempotency_key(NewKey());
  EXPECT_THAT(record().status(), HasMessage("not_sent"));
  EXPECT_EQ(Webhook(Message(refund, "bounced", "e-2", 400)), 200);  // the gateway tells after all
  EXPECT_EQ(Wallet("ann"), 50);
  request.clear_reason();
  EXPECT_THAT(record().status(), HasMessage("reason is empty"));
}

TEST_F(RefundsTest, ABounceIsListedToldAndProved) {
  PgStore telling(pool_, Events::kWritten);
  GatewaysService gateways({telling, entitlements_, metrics_, clock_, &gateway_});
  gateway_.answers = {kSent, kRefused};
  ASSERT_OK_AND_ASSIGN(const v1::Refund refund, gateways.SendRefund(Call(), Of(payment_, 100)));
  ASSERT_THAT(gateways.SendRefund(Call(), Of(payment_, 200)), IsOk());
  const std::string body = Message(refund, "bounced", "e-1", 100);
  EXPECT_EQ(gateways.TakeWebhook(Posted(body, SignMessage("secret", body, clock_.Now())), "secret")
                .status,
            200);
  v1::ListRefundsRequest list;
  list.set_state(R::STATE_BOUNCED);
  ASSERT_THAT(gateways.ListRefunds(Call(), list)->refunds(), SizeIs(1));
  EXPECT_EQ(gateways.ListRefunds(Call(), list)->refunds(0).refund_id(), refund.refund_id());
  list.set_state(R::STATE_REFUSED);
  EXPECT_THAT(gateways.ListRefunds(Call(), list)->refunds(), SizeIs(1));  // the other one
  v1::ListWebhookEventsRequest events;
  events.set_kind("refund.bounced");
  ASSERT_OK_AND_ASSIGN(const auto told, books_.ListWebhookEvents(Call(), events));
  ASSERT_THAT(told.events(), SizeIs(1));
  EXPECT_THAT(told.events(0).body(), HasSubstr(R"("reason":"no")"));
  // The proof sees one that is said to have bounced and did not, and the other way round.
  const std::string of = " WHERE refund_id = '" + refund.refund_id() + "'";
  ASSERT_THAT(Sql("UPDATE refund SET bounced = false, state = 'sent'" + of), IsOk());
  EXPECT_THAT(WhatIsWrong(), testing::Contains(HasSubstr("refunds_are_held_or_resolved")));
  ASSERT_THAT(Sql("UPDATE refund SET bounced = false, state = 'refused'" + of), IsOk());
  EXPECT_THAT(WhatIsWrong(), testing::Contains(HasSubstr("refunds_are_held_or_resolved")));
  ASSERT_THAT(Sql("UPDATE refund SET bounced = true" + of), IsOk());
}

TEST_F(RefundsTest, OnlyWhatCameThroughTheGatewayGoesBackThroughIt) {
  ASSERT_OK_AND_ASSIGN(const v1::Payment cash, Pay("ann", 100));
  EXPECT_THAT(gateways_.SendRefund(Call(), Of(cash.payment_id())).status(),
              HasMessage("no_gateway: payment " + cash.payment_id() + " came by bank"));
  EXPECT_THAT(gateways_.SendRefund(Call(), Of("unknown")).status(),
              HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(gateways_.SendRefund(Call(), Of(payment_, -1)).status(),
              HasMessage("minor_units is negative"));
  GatewaysService none({store_, entitlements_, metrics_, clock_});
  EXPECT_THAT(none.SendRefund(Call(), Of(payment_)).status(), HasMessage("no_gateway: none"));
  EXPECT_THAT(gateway_.refunded, IsEmpty());
}

TEST_F(RefundsTest, ByHandIsSaidByWhoDoesIt) {
  PaymentsService payments(store_, entitlements_, clock_, "card");
  v1::RefundPaymentRequest request;
  request.set_idempotency_key(NewKey());
  request.set_payment_id(payment_);
  EXPECT_THAT(payments.RefundPayment(Call(), request), HasMessage("by_hand_needed"));
  request.set_by_hand(true);
  ASSERT_OK_AND_ASSIGN(const v1::Payment refunded, payments.RefundPayment(Call(), request));
  EXPECT_EQ(refunded.refunded(), 500);
  EXPECT_EQ(Wallet("ann"), 0);
  EXPECT_THAT(gateway_.refunded, IsEmpty());
  ASSERT_OK_AND_ASSIGN(const v1::Payment cash, Pay("ann", 100));  // there is no other way
  v1::RefundPaymentRequest of_cash = request;
  of_cash.set_idempotency_key(NewKey());
  of_cash.set_payment_id(cash.payment_id());
  of_cash.set_by_hand(false);
  EXPECT_THAT(payments.RefundPayment(Call(), of_cash), IsOk());
}

TEST_F(RefundsTest, ARepetitionDoesNotSendThroughAnotherGateway) {
  const v1::SendRefundRequest request = Of(payment_);
  Send(request);
  ScriptedGateway other("bank-card");
  other.answers = {kSent};
  GatewaysService renamed({store_, entitlements_, metrics_, clock_, &other});
  EXPECT_EQ(renamed.SendRefund(Call(), request)->state(), R::STATE_STARTED);
  EXPECT_THAT(other.refunded, IsEmpty());
}

TEST_F(RefundsTest, APersonEndsWhatTheGatewayNeverWill) {
  const v1::Refund first = Send(Of(payment_, 200));
  const v1::Refund second = Send(Of(payment_, 300));
  GatewaysService none({store_, entitlements_, metrics_, clock_});  // it is gone
  clock_.Advance(25h);
  ASSERT_THAT(none.LookAfterOpenAttempts(Soon()), IsOk());
  EXPECT_THAT(registry_.Scrape(), HasSubstr("holdfast_billing_payment_attempts_stuck 2"));
  EXPECT_EQ(Close(first, true)->state(), R::STATE_SENT);
  EXPECT_EQ(Close(second, false)->state(), R::STATE_REFUSED);
  EXPECT_THAT(Close(second, true).status(), HasMessage("not_open"));
  EXPECT_EQ(Wallet("ann"), 300);
  EXPECT_EQ(Free(), 300);
  EXPECT_EQ(PaymentNow().refunded(), 200);
}

TEST_F(RefundsTest, TheyAreListedAndLeaveALineAndAnEvent) {
  PgStore telling(pool_, Events::kWritten);
  GatewaysService gateways({telling, entitlements_, metrics_, clock_, &gateway_});
  gateway_.answers = {kSent, kRefused};
  for (const std::int64_t part : {100, 200}) {
    ASSERT_THAT(gateways.SendRefund(Call(), Of(payment_, part)).status(), IsOk());
    clock_.Advance(1s);
  }
  v1::ListRefundsRequest list;
  list.set_payment_id(payment_);
  list.set_page_size(1);
  std::vector<std::int64_t> amounts;
  do {
    ASSERT_OK_AND_ASSIGN(const auto page, gateways.ListRefunds(Call(), list));
    for (const v1::Refund& refund : page.refunds()) {
      amounts.push_back(refund.amount().minor_units());
    }
    list.set_page_token(page.next_page_token());
  } while (!list.page_token().empty());
  EXPECT_THAT(amounts, ElementsAre(200, 100));
  list.set_state(R::STATE_SENT);
  EXPECT_THAT(gateways.ListRefunds(Call(), list)->refunds(), SizeIs(1));
  list.set_state(static_cast<R::State>(77));
  EXPECT_THAT(gateways.ListRefunds(Call(), list).status(), HasMessage("state 77 is unknown"));

  v1::ListAuditRequest audit;
  audit.set_method("EndRefund");
  EXPECT_THAT(books_.ListAudit(Call(), audit)->entries(), SizeIs(2));
  v1::ListWebhookEventsRequest events;
  events.set_kind("refund.refused");
  ASSERT_OK_AND_ASSIGN(const auto told, books_.ListWebhookEvents(Call(), events));
  ASSERT_THAT(told.events(), SizeIs(1));
  EXPECT_THAT(told.events(0).body(), HasSubstr(R"("reason":"account closed")"));
  events.set_kind("refund.sent");
  EXPECT_THAT(books_.ListWebhookEvents(Call(), events)->events(), SizeIs(1));
}

TEST_F(RefundsTest, TheProofOfTheBooksSeesWrongRefunds) {
  Send(Of(payment_, 200));
  const auto with = [&](const std::string& damage, const std::string& repair) {
    EXPECT_THAT(Sql(damage), IsOk());
    const std::vector<std::string> wrong = WhatIsWrong();
    EXPECT_THAT(Sql(repair), IsOk());
    return wrong;
  };
  EXPECT_THAT(with("UPDATE payment SET refunding = 0", "UPDATE payment SET refunding = 200"),
              ElementsAre(HasSubstr("payments_count_refunds_under_way")));
  EXPECT_THAT(with("UPDATE refund SET state = 'sent', held = false",
                   "UPDATE refund SET state = 'started', held = true"),
              testing::Contains(HasSubstr("refunds_are_held_or_resolved")));
  EXPECT_THAT(with("UPDATE refund SET amount = 201", "UPDATE refund SET amount = 200"),
              testing::Contains(HasSubstr("refunds_are_held_or_resolved")));
}

}  // namespace
}  // namespace holdfast::billing

// The audit log: who did what about which id, and that nobody changes it.
#include "services/billing/billing_money_test.h"

namespace holdfast::billing {
namespace {

using test::HasMessage;
using test::IsOk;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

class AuditTest : public MoneyTest {
 protected:
  std::vector<v1::AuditEntry> About(const std::string& subject) {
    v1::ListAuditRequest request;
    request.set_subject(subject);
    return Ask(request);
  }
  std::vector<v1::AuditEntry> Unasked() {
    v1::ListAuditRequest request;
    request.set_caller("billing");
    return Ask(request);
  }
  std::vector<v1::AuditEntry> Ask(v1::ListAuditRequest request) {
    std::vector<v1::AuditEntry> all;
    request.set_page_size(2);
    for (bool more = true; more;) {
      const auto answer = books_.ListAudit(Call(), request);
      EXPECT_THAT(answer, IsOk());
      if (!answer.ok()) break;
      all.insert(all.end(), answer->entries().begin(), answer->entries().end());
      request.set_after_position(answer->last_position());
      more = answer->more();
    }
    return all;
  }
  static std::vector<std::string> Methods(const std::vector<v1::AuditEntry>& entries) {
    std::vector<std::string> methods;
    for (const auto& entry : entries) methods.push_back(entry.method());
    return methods;
  }
};

TEST_F(AuditTest, EveryCommandIsAboutSomething) {
  ASSERT_THAT(Put(Monthly("basic", 1000)), IsOk());
  PutTax("de", 19);
  v1::CreateAccountRequest without_id;
  without_id.set_idempotency_key(NewKey());
  without_id.set_region("de");
  ASSERT_OK_AND_ASSIGN(const v1::Account made, service_.CreateAccount(Call(), without_id));
  v1::PutResellerRequest reseller;
  reseller.set_idempotency_key(NewKey());
  reseller.mutable_reseller()->set_reseller_id("city");
  reseller.mutable_reseller()->set_name("City");
  reseller.mutable_reseller()->set_currency("EUR");
  ASSERT_THAT(payments_.PutReseller(Call(), reseller), IsOk());
  v1::FundResellerRequest fund;
  fund.set_idempotency_key(NewKey());
  fund.set_reseller_id("city");
  *fund.mutable_amount() = ToProto(*holdfast::Money::Make(500, "EUR"));
  ASSERT_THAT(payments_.FundReseller(Call(), fund), IsOk());
  v1::IssueCouponRequest coupon;
  coupon.set_idempotency_key(NewKey());
  coupon.mutable_coupon()->set_coupon_id("spring");
  coupon.mutable_coupon()->set_name("Spring");
  coupon.mutable_coupon()->set_parts_per_million(100'000);
  ASSERT_THAT(payments_.IssueCoupon(Call(), coupon), IsOk());

  EXPECT_THAT(Methods(About("base")), ElementsAre("PutPackage"));
  EXPECT_THAT(Methods(About("basic")), ElementsAre("PutTariffPlan"));
  EXPECT_THAT(Methods(About("de")), ElementsAre("PutTaxRate")) << "not the account's";
  EXPECT_THAT(Methods(About(made.account_id())), ElementsAre("CreateAccount"));
  EXPECT_THAT(Methods(About("city")), ElementsAre("PutReseller", "FundReseller"));
  EXPECT_THAT(Methods(About("spring")), ElementsAre("IssueCoupon"));
  for (const v1::AuditEntry& entry : About("")) EXPECT_NE(entry.subject(), "") << entry.method();
}

TEST_F(AuditTest, PasswordsAndVouchersAreNotReadInIt) {
  v1::CreateAccountRequest request = NewAccount("ann");
  request.set_login("ann");
  request.set_password("a-secret-word");
  ASSERT_THAT(service_.CreateAccount(Call(), request), IsOk());
  Open("bob", v1::CHARGING_PREPAID);
  v1::CreateVoucherBatchRequest make;
  make.set_idempotency_key(NewKey());
  make.set_batch_id("spring");
  make.set_count(1);
  *make.mutable_value() = ToProto(*holdfast::Money::Make(500, "EUR"));
  make.set_expires_on("2026-12-31");
  ASSERT_OK_AND_ASSIGN(const v1::VoucherBatch batch, payments_.CreateVoucherBatch(Call(), make));
  v1::RedeemVoucherRequest redeem;
  redeem.set_idempotency_key(NewKey());
  redeem.set_account_id("bob");
  redeem.set_code(batch.codes(0));
  ASSERT_THAT(payments_.RedeemVoucher(Call(), redeem), IsOk());

  const std::vector<v1::AuditEntry> all = About("");
  for (const v1::AuditEntry& entry : all) {
    EXPECT_THAT(entry.request(), Not(HasSubstr("a-secret-word")));
    EXPECT_THAT(entry.request(), Not(HasSubstr(batch.codes(0))));
  }
  EXPECT_THAT(About("ann").front().request(), HasSubstr("\"password\":\"***\""));
  EXPECT_THAT(About("bob").back().request(),
              HasSubstr("\"code\":\"***" + batch.codes(0).substr(15) + "\""));
  EXPECT_THAT(Methods(About("spring")), ElementsAre("CreateVoucherBatch"));
}

TEST_F(AuditTest, ThePersonBehindAProgramIsKnownIfItSaysWho) {
  rpc::Call portal(Deadline::After(std::chrono::seconds(10)),
                   telemetry::TraceContext::Start(random_), Criticality::kInteractive,
                   "middleware");
  v1::CreateAccountRequest by_ada = NewAccount("ann");
  by_ada.set_acting_person("operator:ada");
  ASSERT_THAT(service_.CreateAccount(portal, by_ada), IsOk());
  v1::CreateAccountRequest by_bob = NewAccount("bob");
  by_bob.set_acting_person("operator:bob");
  ASSERT_THAT(service_.CreateAccount(portal, by_bob), IsOk());
  ASSERT_THAT(service_.CreateAccount(portal, NewAccount("eve")), IsOk());  // nobody told it to

  const std::vector<v1::AuditEntry> ann = About("ann");
  ASSERT_THAT(ann, SizeIs(1));
  EXPECT_EQ(ann[0].caller(), "middleware");
  EXPECT_EQ(ann[0].person(), "operator:ada");
  EXPECT_THAT(ann[0].request(), Not(HasSubstr("ada")));
  EXPECT_EQ(About("eve").front().person(), "");
  v1::ListAuditRequest of_bob;
  of_bob.set_person("operator:bob");
  of_bob.set_caller("middleware");
  const std::vector<v1::AuditEntry> bobs = Ask(of_bob);
  ASSERT_THAT(bobs, SizeIs(1));
  EXPECT_EQ(bobs[0].subject(), "bob");
  of_bob.set_caller("epg");
  EXPECT_THAT(Ask(of_bob), SizeIs(0));
}

TEST_F(AuditTest, AnotherPersonDoesNotMakeAnotherCommandOfARepetition) {
  v1::CreateAccountRequest request = NewAccount("ann");
  request.set_acting_person("operator:ada");
  ASSERT_THAT(service_.CreateAccount(Call(), request), IsOk());
  request.set_acting_person("operator:bob");
  ASSERT_THAT(service_.CreateAccount(Call(), request), IsOk());
  ASSERT_THAT(About("ann"), SizeIs(1));
  EXPECT_EQ(About("ann").front().person(), "operator:ada");
}

TEST_F(AuditTest, APersonHasAName) {
  v1::CreateAccountRequest request = NewAccount("ann");
  for (const std::string& wrong :
       {std::string("a\nb"), std::string(201, 'a'), std::string(" ada"), std::string("ada ")}) {
    request.set_acting_person(wrong);
    EXPECT_THAT(service_.CreateAccount(Call(), request), HasMessage("acting_person")) << wrong;
  }
  request.set_acting_person(std::string(200, 'a'));
  EXPECT_THAT(service_.CreateAccount(Call(), request), IsOk());
  v1::ListAuditRequest list;
  list.set_person("a\nb");
  EXPECT_THAT(books_.ListAudit(Call(), list), HasMessage("person"));
}

// Whatever command is added: each of them can say who wanted it.
TEST_F(AuditTest, EveryCommandMayNameItsPerson) {
  const auto* pool = google::protobuf::DescriptorPool::generated_pool();
  int commands = 0;
  for (const char* name : {"Billing", "Books", "Payments", "Gateways"}) {
    const auto* service = pool->FindServiceByName(std::string("holdfast.billing.v1.") + name);
    ASSERT_NE(service, nullptr);
    for (int i = 0; i < service->method_count(); ++i) {
      const auto* request = service->method(i)->input_type();
      if (request->FindFieldByName("idempotency_key") == nullptr) continue;
      ++commands;
      const auto* person = request->FindFieldByName("acting_person");
      ASSERT_NE(person, nullptr) << request->name();
      EXPECT_EQ(person->number(), 100) << request->name();
    }
  }
  EXPECT_GE(commands, 40);
}

TEST_F(AuditTest, WhatWasRefusedLeavesNoLine) {
  CreateAccount("ann");
  EXPECT_FALSE(service_.CreateAccount(Call(), NewAccount("ann")).ok());
  EXPECT_THAT(About("ann"), SizeIs(1));
}

TEST_F(AuditTest, NobodyChangesIt) {
  CreateAccount("ann");
  for (const char* sql :
       {"UPDATE audit_log SET caller = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log"}) {
    EXPECT_THAT(pool_.Execute(Soon(), sql), HasMessage("never changed")) << sql;
  }
  EXPECT_THAT(About("ann"), SizeIs(1));
}

TEST_F(AuditTest, ServiceThatIsTakenAwayUnaskedLeavesOneLineEach) {
  ASSERT_THAT(Put(Monthly("basic", 1000)), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(Pay("ann", 1000), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::Subscription bought, Buy("ann", "basic"));
  LiveUntil(Day(2026, 3, 20));  // grace is over on 7 March
  ASSERT_EQ(Find("ann", bought.subscription_id()).state(), v1::Subscription::STATE_SUSPENDED);
  const std::vector<v1::AuditEntry> lines = Unasked();
  ASSERT_THAT(Methods(lines), ElementsAre("SuspendSubscription"));
  EXPECT_EQ(lines[0].subject(), bought.subscription_id());
  EXPECT_EQ(lines[0].idempotency_key(), Find("ann", bought.subscription_id()).suspended_by());
  EXPECT_THAT(lines[0].request(), HasSubstr("\"before\":\"grace\""));
  LiveUntil(Day(2026, 5, 20));
  EXPECT_THAT(Methods(Unasked()), ElementsAre("SuspendSubscription", "ExpireSubscription"));
  // Renewals, of which there are many, leave none: invoices tell of them.
}

TEST_F(AuditTest, MoneyThatAGatewayTellsOfLeavesALine) {
  Open("ann", v1::CHARGING_PREPAID);
  const Payment payment{.id = PaymentId("gw-1"),
                        .account = AccountId("ann"),
                        .amount = *holdfast::Money::Make(700, "EUR"),
                        .method = "card",
                        .reference = "ref-1"};
  ASSERT_THAT(store_.Transact(Soon(), [&](Transaction& tx) { return tx.AddPayment(payment); }),
              IsOk());
  const std::vector<v1::AuditEntry> lines = Unasked();
  ASSERT_THAT(Methods(lines), ElementsAre("TakePayment"));
  EXPECT_EQ(lines[0].subject(), "ann");
  EXPECT_THAT(lines[0].request(), HasSubstr("\"minor_units\":700"));
  ASSERT_THAT(Pay("ann", 5), IsOk());
  EXPECT_THAT(Unasked(), SizeIs(1)) << "a command has its own line";
  EXPECT_THAT(pool_.Execute(Soon(), "DELETE FROM payment WHERE payment_id = 'gw-1'"), IsOk());
}

}  // namespace
}  // namespace holdfast::billing

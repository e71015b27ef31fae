// The primary dies under load, its synchronous standby is promoted: nothing that was acknowledged
// is lost, what was not acknowledged is there whole or not at all, billing finds the new primary by
// itself, and the time without answers is printed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <sstream>
#include <thread>

#include "libs/telemetry/log.h"
#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"
#include "tests/billing/inspection.h"
#include "tests/billing/replicated_postgres.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;
namespace v1 = billing::v1;

constexpr int kCallers = 4;
constexpr int kAccounts = 8;
constexpr std::string_view kPay = "holdfast.billing.v1.Payments/RecordPayment";

double Seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

class FailoverTest : public testing::Test {
 protected:
  void SetUp() override {
    telemetry::InitLogging({.service = "test", .minimum = telemetry::Level::kError});
    ASSERT_TRUE(billing_.WaitUntilReady(60s));
    for (int i = 0; i < kAccounts; ++i) {
      v1::CreateAccountRequest request;
      request.set_idempotency_key("account-" + std::to_string(i));
      request.set_account_id("ann-" + std::to_string(i));
      request.set_charging(v1::CHARGING_PREPAID);
      request.set_currency("EUR");
      ASSERT_THAT(caller_.AskUntilAnswered("holdfast.billing.v1.Billing/CreateAccount", request,
                                           Deadline::After(30s)),
                  IsOk());
    }
    Sell();
  }
  void TearDown() override { StopPaying(); }

  void Sell() {
    v1::PutPackageRequest package;
    package.set_idempotency_key("package");
    package.mutable_package()->set_package_id("base");
    package.mutable_package()->set_name("Base");
    v1::PutTariffPlanRequest plan;
    plan.set_idempotency_key("plan");
    plan.mutable_tariff_plan()->set_tariff_plan_id("weekly");
    plan.mutable_tariff_plan()->set_name("Weekly");
    plan.mutable_tariff_plan()->add_package_ids("base");
    plan.mutable_tariff_plan()->mutable_price()->set_minor_units(10);
    plan.mutable_tariff_plan()->mutable_price()->set_currency("EUR");
    plan.mutable_tariff_plan()->set_period_days(7);
    v1::CreateAccountRequest account;
    account.set_idempotency_key("buyer");
    account.set_account_id("buyer");
    account.set_charging(v1::CHARGING_POSTPAID);
    account.set_currency("EUR");
    const Deadline soon = Deadline::After(30s);
    for (const auto& [method, request] :
         std::initializer_list<std::pair<std::string_view, const google::protobuf::Message*>>{
             {"PutPackage", &package}, {"PutTariffPlan", &plan}, {"CreateAccount", &account}}) {
      ASSERT_THAT(caller_.AskUntilAnswered(fmt::format("holdfast.billing.v1.Billing/{}", method),
                                           *request, soon),
                  IsOk());
    }
  }

  // Commands that nobody waits for and nobody repeats: payments, and now and then a purchase, which
  // writes a subscription, an invoice, its term and transfers.
  void GiveUpSome(int caller, int n) {
    SeededRandom chance(SecureSeed());
    const auto patience = std::chrono::milliseconds(1 + chance.Below(40));
    const std::string key = fmt::format("lost-{}-{}-{}", round_.load(), caller, n);
    absl::Status status;
    if (n % 5 == 0) {
      v1::StartSubscriptionRequest buy;
      buy.set_idempotency_key(key);
      buy.set_account_id("buyer");
      buy.set_tariff_plan_id("weekly");
      status = caller_.Ask("holdfast.billing.v1.Billing/StartSubscription", buy, patience).status();
    } else {
      status = caller_.Ask(kPay, Payment(key, n), patience).status();
    }
    absl::MutexLock lock(&mutex_);
    if (status.ok()) {
      if (n % 5 != 0) acknowledged_.push_back(key);
    } else if (MustRepeat(status)) {
      given_up_.push_back(key);
    } else {
      refused_.push_back(ToString(status));
    }
  }
  static v1::RecordPaymentRequest Payment(const std::string& key, int n) {
    v1::RecordPaymentRequest request;
    request.set_idempotency_key(key);
    request.set_account_id("ann-" + std::to_string(n % kAccounts));
    request.mutable_amount()->set_minor_units(100);
    request.mutable_amount()->set_currency("EUR");
    request.set_method("bank");
    request.set_reference(key);
    return request;
  }

  // Payments without end from several callers; each notes what was acknowledged, and when.
  void StartPaying() {
    for (int i = 0; i < kCallers; ++i) callers_.emplace_back([this, i] { Pay(i); });
  }
  void StopPaying() {
    stop_ = true;
    for (std::thread& caller : callers_) caller.join();
    callers_.clear();
    stop_ = false;
  }
  void Pay(int caller) {
    for (int n = 0; !stop_; ++n) {
      GiveUpSome(caller, n);
      const v1::RecordPaymentRequest request =
          Payment(fmt::format("pay-{}-{}-{}", round_.load(), caller, n), n);
      const auto answer = caller_.AskUntilAnswered(kPay, request, Deadline::After(60s));
      const SteadyTime now = std::chrono::steady_clock::now();
      absl::MutexLock lock(&mutex_);
      if (!answer.ok()) {
        refused_.push_back(ToString(answer.status()));
        continue;
      }
      acknowledged_.push_back(request.idempotency_key());
      longest_silence_ = std::max(longest_silence_, now - last_answer_);
      last_answer_ = now;
    }
  }
  std::size_t acknowledged() {
    absl::MutexLock lock(&mutex_);
    return acknowledged_.size();
  }
  void WaitForMore(std::size_t n) {
    const std::size_t before = acknowledged();
    EXPECT_TRUE(Eventually([&] { return acknowledged() >= before + n; }, 60s));
  }
  // Acknowledged payments that a server does not have.
  std::vector<std::string> MissingOn(int server) {
    std::set<std::string> there;
    const std::string all = postgres_.Ask(
        server, "SELECT coalesce(string_agg(reference, ' '), '') FROM payment", database_);
    std::istringstream words(all);
    for (std::string word; words >> word;) there.insert(word);
    std::vector<std::string> missing;
    absl::MutexLock lock(&mutex_);
    for (const std::string& key : acknowledged_) {
      if (!there.contains(key)) missing.push_back(key);
    }
    return missing;
  }
  // Commands, whoever sent them and whatever he heard of them, that are there in part: a payment is
  // a kept answer, a payment, a transfer and a line of the audit log; a purchase is an answer, a
  // line, and, all in the same number, subscriptions, terms, invoices, their transfers.
  std::string ThereInPart(int server) {
    return postgres_.Ask(server, R"sql(
      WITH parts AS (
        SELECT idempotency_key AS key, 'answer' AS part FROM command WHERE answer IS NOT NULL
        UNION ALL SELECT idempotency_key, 'audit' FROM audit_log
        UNION ALL SELECT reference, 'payment' FROM payment
        UNION ALL SELECT substr(reason, 9), 'transfer' FROM ledger_transfer
                   WHERE reason LIKE 'payment %'
      ), bought AS (
        SELECT 'answers' AS part, count(*) AS n FROM command
         WHERE idempotency_key IN (SELECT idempotency_key FROM audit_log
                                    WHERE method = 'StartSubscription')
        UNION ALL SELECT 'subscriptions', count(*) FROM subscription
        UNION ALL SELECT 'terms', count(*) FROM subscription_term
        UNION ALL SELECT 'invoices', count(*) FROM invoice
        UNION ALL SELECT 'transfers', count(*) FROM ledger_transfer
                   WHERE debit_account = 'receivable/buyer/EUR'
      )
      SELECT coalesce(string_agg(what, '; '), '') FROM (
        SELECT p.key || ' has ' || string_agg(p.part, ',' ORDER BY p.part) AS what FROM parts p
         WHERE p.key LIKE 'pay-%' OR p.key LIKE 'lost-%'
         GROUP BY p.key
        HAVING string_agg(p.part, ',' ORDER BY p.part) <> 'answer,audit,payment,transfer'
           AND NOT (string_agg(p.part, ',' ORDER BY p.part) = 'answer,audit'
                    AND p.key IN (SELECT idempotency_key FROM audit_log
                                   WHERE method = 'StartSubscription'))
        UNION ALL
        SELECT string_agg(part || ' ' || n, ', ') FROM bought
        HAVING count(DISTINCT n) > 1) x)sql",
                         database_);
  }
  // How many of those that were given up are there.
  std::size_t GivenUpAndDone(int server) {
    std::set<std::string> there;
    std::istringstream words(postgres_.Ask(
        server, "SELECT coalesce(string_agg(idempotency_key, ' '), '') FROM command", database_));
    for (std::string word; words >> word;) there.insert(word);
    absl::MutexLock lock(&mutex_);
    return static_cast<std::size_t>(
        std::count_if(given_up_.begin(), given_up_.end(),
                      [&](const std::string& key) { return there.contains(key); }));
  }
  std::vector<std::string> WhatIsWrongInTheBooks() {
    const auto report = caller_.Get<v1::VerifyBooksResponse>(
        "holdfast.billing.v1.Books/VerifyBooks", v1::VerifyBooksRequest(), Deadline::After(60s));
    EXPECT_THAT(report, IsOk());
    std::vector<std::string> wrong;
    for (const auto& problem : report->problems()) {
      wrong.push_back(problem.check() + ": " + problem.what());
    }
    return wrong;
  }

  ReplicatedPostgres postgres_;
  const std::string database_ = postgres_.NewDatabase();
  BillingPair billing_{
      {.postgres_hosts = postgres_.hosts(), .database = database_, .user = postgres_.user()}};
  BillingCaller caller_{billing_.discovery()};
  std::vector<std::thread> callers_;
  std::atomic<bool> stop_ = false;
  std::atomic<int> round_ = 0;

  absl::Mutex mutex_;
  std::vector<std::string> acknowledged_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> refused_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> given_up_ ABSL_GUARDED_BY(mutex_);  // nobody knows what became of them
  SteadyTime last_answer_ ABSL_GUARDED_BY(mutex_) = std::chrono::steady_clock::now();
  Duration longest_silence_ ABSL_GUARDED_BY(mutex_){};
};

TEST_F(FailoverTest, NothingAcknowledgedIsLostWhenTheStandbyIsPromotedUnderLoad) {
  StartPaying();
  WaitForMore(50);
  {
    absl::MutexLock lock(&mutex_);
    longest_silence_ = {};
  }

  const SteadyTime killed = std::chrono::steady_clock::now();
  postgres_.Kill(0);
  postgres_.Promote();
  const Duration promotion = std::chrono::steady_clock::now() - killed;
  WaitForMore(50);
  StopPaying();

  EXPECT_THAT(MissingOn(1), IsEmpty());  // RPO 0
  EXPECT_EQ(ThereInPart(1), "");
  EXPECT_THAT(WhatIsWrongInTheBooks(), IsEmpty());
  const std::size_t done = GivenUpAndDone(1);
  absl::MutexLock lock(&mutex_);
  EXPECT_THAT(refused_, IsEmpty());
  EXPECT_FALSE(given_up_.empty());
  fmt::print(
      "{} payments acknowledged; {} commands given up, of which {} were done, {} are absent; "
      "promoted after {:.2f} s, longest time without an answer {:.2f} s\n",
      acknowledged_.size(), given_up_.size(), done, given_up_.size() - done, Seconds(promotion),
      Seconds(longest_silence_));
}

// The proof of the proof: what is there in part is seen.
TEST_F(FailoverTest, CommandsThatAreThereInPartAreSeen) {
  StartPaying();
  WaitForMore(30);
  StopPaying();
  ASSERT_EQ(ThereInPart(0), "");
  const auto damage = [&](const std::string& sql, const std::string& repair) {
    (void)postgres_.Ask(0, sql + " RETURNING 1", database_);
    const std::string seen = ThereInPart(0);
    (void)postgres_.Ask(0, repair + " RETURNING 1", database_);
    EXPECT_EQ(ThereInPart(0), "");
    return seen;
  };
  const std::string one =
      " = (SELECT max(idempotency_key) FROM command WHERE idempotency_key LIKE 'pay-%')";
  EXPECT_THAT(
      damage("UPDATE payment SET reference = 'x' || reference WHERE reference" + one,
             "UPDATE payment SET reference = substr(reference, 2) WHERE reference LIKE 'x%'"),
      testing::HasSubstr("has answer,audit,transfer"));
  EXPECT_THAT(damage("UPDATE command SET idempotency_key = 'x' || idempotency_key"
                     " WHERE idempotency_key" +
                         one,
                     "UPDATE command SET idempotency_key = substr(idempotency_key, 2)"
                     " WHERE idempotency_key LIKE 'x%'"),
              testing::HasSubstr("has audit,payment,transfer"));
  // A purchase without its term.
  v1::StartSubscriptionRequest buy;
  buy.set_idempotency_key("lost-bought");
  buy.set_account_id("buyer");
  buy.set_tariff_plan_id("weekly");
  ASSERT_THAT(caller_.AskUntilAnswered("holdfast.billing.v1.Billing/StartSubscription", buy,
                                       Deadline::After(30s)),
              IsOk());
  ASSERT_EQ(ThereInPart(0), "");
  (void)postgres_.Ask(0, "DELETE FROM subscription_term RETURNING 1", database_);
  EXPECT_THAT(ThereInPart(0), testing::HasSubstr("terms 0"));
}

// Also not by repeating it, when the primary came back from a crash and shows what it had not
// handed on: a failover would still lose it.
TEST_F(FailoverTest, NothingIsAcknowledgedThatOnlyThePrimaryHas) {
  postgres_.Kill(1);
  const v1::RecordPaymentRequest request = Payment("lonely", 0);
  const auto first = caller_.Ask(kPay, request, 2s);
  EXPECT_TRUE(MustRepeat(first.status())) << ToString(first.status());

  postgres_.Kill(0);
  postgres_.Start(0);
  const std::string there = "SELECT count(*) FROM payment WHERE reference = 'lonely'";
  ASSERT_EQ(postgres_.Ask(0, there, database_), "1");
  // Both instances are connected again; what they read shows the payment.
  for (int i = 0; i < BillingPair::kInstances; ++i) {
    BillingCaller one(billing_.discovery(i));
    v1::ListPaymentsRequest list;
    list.set_account_id("ann-0");
    const auto seen = one.Get<v1::ListPaymentsResponse>("holdfast.billing.v1.Payments/ListPayments",
                                                        list, Deadline::After(30s));
    ASSERT_THAT(seen, IsOk());
    ASSERT_EQ(seen->payments_size(), 1);
  }
  for (int i = 0; i < 4; ++i) {
    const auto again = caller_.Ask(kPay, request, 1s);
    EXPECT_TRUE(MustRepeat(again.status())) << ToString(again.status());
  }
  // With the standby back it is handed on and acknowledged, once.
  postgres_.Start(1);
  EXPECT_THAT(caller_.AskUntilAnswered(kPay, request, Deadline::After(30s)), IsOk());
  EXPECT_TRUE(Eventually([&] { return postgres_.Ask(1, there, database_) == "1"; }, 10s));
}

TEST_F(FailoverTest, TheOldPrimaryJoinsAgainAndBothHoldTheSame) {
  postgres_.Kill(0);
  postgres_.Promote();
  postgres_.Rejoin();
  StartPaying();
  WaitForMore(30);
  StopPaying();
  EXPECT_THAT(MissingOn(1), IsEmpty());
  // It has every commit on its disk; shown a moment later.
  EXPECT_TRUE(Eventually([&] { return MissingOn(0).empty(); }, 10s));
  EXPECT_EQ(ThereInPart(1), "");
  EXPECT_THAT(WhatIsWrongInTheBooks(), IsEmpty());
}

}  // namespace
}  // namespace holdfast::test

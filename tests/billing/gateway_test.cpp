// Real billing against a real process that plays a payment gateway at its worst, while billing is
// killed: what the gateway took is in the wallets once, what it sent back has left them once, what
// bounced of that is in them again, and nothing else is or has.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

#include "libs/http/client.h"
#include "libs/telemetry/log.h"
#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/test_postgres.h"
#include "tests/billing/inspection.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;
namespace v1 = billing::v1;

constexpr int kCallers = 4;
constexpr int kCollections = 25;  // of each caller
constexpr int kRefunds = 12;      // the same
constexpr std::string_view kSendRefund = "holdfast.billing.v1.Gateways/SendRefund";
constexpr char kSecret[] = "a secret of both";

class GatewayTest : public testing::Test {
 protected:
  void SetUp() override {
    telemetry::InitLogging({.service = "test", .minimum = telemetry::Level::kError});
    fmt::print("seed {}\n", seed_);
    ASSERT_TRUE(billing_.WaitUntilReady(60s));
    for (int i = 0; i < kCallers; ++i) {
      v1::CreateAccountRequest request;
      request.set_idempotency_key("account-" + std::to_string(i));
      request.set_account_id("ann-" + std::to_string(i));
      request.set_charging(v1::CHARGING_PREPAID);
      request.set_currency("EUR");
      ASSERT_THAT(caller_.AskUntilAnswered("holdfast.billing.v1.Billing/CreateAccount", request,
                                           Deadline::After(60s)),
                  IsOk());
    }
  }

  std::string WriteSecret() {
    std::ofstream(dir_.File("secret")) << kSecret;
    return dir_.File("secret");
  }
  Process StartGateway() {
    std::vector<std::string> command = {HOLDFAST_BIN_DIR "/simulated_gateway",
                                        "--port",
                                        std::to_string(gateway_port_),
                                        "--secret",
                                        kSecret,
                                        "--seed",
                                        std::to_string(seed_)};
    for (int i = 0; i < BillingPair::kInstances; ++i) {
      command.push_back("--webhook");
      command.push_back(billing_.http_url(i) + "/webhooks/gateway");
    }
    absl::StatusOr<Process> started = Process::Start({.command = command});
    EXPECT_THAT(started, IsOk());
    return *std::move(started);
  }

  // Some are asked once with little patience: the janitor has to find out about them.
  void Collect(int caller) {
    SeededRandom chance(seed_ + static_cast<std::uint64_t>(caller));
    for (int n = 0; n < kCollections; ++n) {
      v1::CollectRequest request;
      request.set_idempotency_key(fmt::format("collect-{}-{}", caller, n));
      request.set_account_id("ann-" + std::to_string(caller));
      request.mutable_amount()->set_minor_units(100 + n);
      request.mutable_amount()->set_currency("EUR");
      constexpr std::string_view kCollect = "holdfast.billing.v1.Gateways/Collect";
      if (chance.Below(3) == 0) {
        caller_.Ask(kCollect, request, 200ms).status().IgnoreError();
      } else {
        EXPECT_THAT(caller_.AskUntilAnswered(kCollect, request, Deadline::After(120s)), IsOk());
      }
    }
  }

  // Sends back some of what has come, whole or in part; some twice at once, some with little
  // patience.
  void SendBack(int caller) {
    SeededRandom chance(seed_ + 50 + static_cast<std::uint64_t>(caller));
    v1::ListPaymentsRequest list;
    list.set_account_id("ann-" + std::to_string(caller));
    for (int n = 0; n < kRefunds; ++n) {
      const auto paid = caller_.Get<v1::ListPaymentsResponse>(
          "holdfast.billing.v1.Payments/ListPayments", list, Deadline::After(60s));
      if (!paid.ok() || paid->payments().empty()) continue;
      const v1::Payment& payment = paid->payments(
          static_cast<int>(chance.Below(static_cast<std::uint64_t>(paid->payments_size()))));
      v1::SendRefundRequest request;
      request.set_idempotency_key(fmt::format("back-{}-{}", caller, n));
      request.set_payment_id(payment.payment_id());
      if (chance.Below(2) == 0) {
        request.set_minor_units(static_cast<std::int64_t>(1 + chance.Below(120)));
      }
      const std::uint64_t how = chance.Below(4);
      if (how == 0) {
        caller_.Ask(kSendRefund, request, 200ms).status().IgnoreError();
        continue;
      }
      std::thread twin;
      if (how == 1) twin = std::thread([&] { AskForRefund(request); });
      AskForRefund(request);
      if (twin.joinable()) twin.join();
    }
  }
  // It may be more than is left.
  void AskForRefund(const v1::SendRefundRequest& request) {
    const auto answer = caller_.AskUntilAnswered(kSendRefund, request, Deadline::After(120s));
    EXPECT_TRUE(answer.ok() || absl::IsFailedPrecondition(answer.status()))
        << ToString(answer.status());
  }

  // Attempt and amount of what the gateway took; refund and negative amount of what it sent back.
  std::map<std::string, std::int64_t> Truth() {
    const auto page = http::Fetch({.url = fmt::format("http://127.0.0.1:{}/truth", gateway_port_)},
                                  Deadline::After(5s));
    std::map<std::string, std::int64_t> truth;
    if (!page.ok()) return truth;
    std::istringstream lines(page->body);
    std::string id;
    std::int64_t amount = 0;
    while (lines >> id >> amount) truth[id] = amount;
    return truth;
  }
  // The same as billing has it.
  std::map<std::string, std::int64_t> Booked() {
    const auto rows = pool_.Query(Deadline::After(10s), R"sql(
      SELECT a.attempt_id, p.amount FROM payment p JOIN payment_attempt a USING (payment_id)
      UNION ALL SELECT refund_id, -amount FROM refund WHERE state = 'sent')sql");
    std::map<std::string, std::int64_t> booked;
    for (int row = 0; rows.ok() && row < rows->rows(); ++row) {
      booked[std::string(rows->Text(row, 0))] = rows->Int(row, 1);
    }
    return booked;
  }
  std::int64_t Ask(std::string_view sql) {
    const auto rows = pool_.Query(Deadline::After(10s), sql);
    return rows.ok() ? rows->Int(0, 0) : -1;
  }
  // The simulated gateway has told everything it had to tell, and nobody is left in doubt but what
  // never arrived.
  bool Settled() {
    for (const std::string table : {"payment_attempt", "refund"}) {
      if (Ask("SELECT count(*) FROM " + table +
              " WHERE state = 'pending' OR (state = 'started' AND looks < 1)") != 0) {
        return false;
      }
    }
    return Booked() == Truth();
  }

  const std::uint64_t seed_ = SecureSeed() % 1'000'000;
  TempDir dir_;
  const std::uint16_t gateway_port_ = FreePort();
  std::unique_ptr<TestPostgres> postgres_ = TestPostgres::Start();
  const std::string database_ = postgres_->NewDatabase();
  const std::string hosts_ = postgres_->host() + ":" + std::to_string(postgres_->port());
  telemetry::Metrics registry_;
  storage::PgPool pool_{{.hosts = hosts_, .database = database_, .user = postgres_->user()},
                        registry_};
  BillingPair billing_{{.postgres_hosts = hosts_,
                        .database = database_,
                        .user = postgres_->user(),
                        .flags = {fmt::format("--gateway_url=http://127.0.0.1:{}", gateway_port_),
                                  "--gateway_secret_file=" + WriteSecret(), "--gateway_timeout=1s",
                                  "--gateway_first_look=2s"}}};
  BillingCaller caller_{billing_.discovery()};
};

TEST_F(GatewayTest, WhatTheGatewayTookAndSentBackIsInTheBooksOnce) {
  const Process gateway = StartGateway();
  std::atomic<int> busy = kCallers;
  std::vector<std::thread> callers;
  for (int i = 0; i < kCallers; ++i) {
    callers.emplace_back([&, i] {
      Collect(i);
      SendBack(i);
      --busy;
    });
  }
  SeededRandom chance(seed_ + 100);
  int kills = 0;
  while (!Eventually([&] { return busy == 0; }, 2s)) {
    const int instance = static_cast<int>(chance.Below(2));
    billing_.Kill(instance);
    billing_.Start(instance);
    ++kills;
  }
  for (std::thread& caller : callers) caller.join();

  EXPECT_TRUE(Eventually([&] { return Settled(); }, 120s));
  EXPECT_EQ(Booked(), Truth());
  std::int64_t taken = 0, payments = 0, refunds = 0;
  for (const auto& [id, amount] : Truth()) {
    taken += amount;
    ++(amount > 0 ? payments : refunds);
  }
  EXPECT_EQ(Ask("SELECT count(*) FROM payment"), payments);
  EXPECT_EQ(Ask("SELECT coalesce(sum(refunded), 0)::bigint FROM payment"),
            Ask("SELECT coalesce(sum(amount), 0)::bigint FROM refund WHERE state = 'sent'"));
  // What never arrived is still held: nobody knows that it will not.
  EXPECT_EQ(Ask("SELECT coalesce(sum(debits_pending), 0)::bigint FROM ledger_account"
                " WHERE kind = 'wallet'"),
            Ask("SELECT coalesce(sum(amount), 0)::bigint FROM refund WHERE state = 'started'"));
  EXPECT_EQ(Ask("SELECT coalesce(sum(credits_posted - debits_posted), 0)::bigint "
                "FROM ledger_account WHERE kind = 'wallet'"),
            taken);
  const auto report = caller_.Get<v1::VerifyBooksResponse>(
      "holdfast.billing.v1.Books/VerifyBooks", v1::VerifyBooksRequest(), Deadline::After(60s));
  ASSERT_THAT(report, IsOk());
  EXPECT_TRUE(report->right()) << report->DebugString();
  EXPECT_GT(payments, 0);
  EXPECT_GT(refunds, 0);
  const std::int64_t bounced = Ask("SELECT count(*) FROM refund WHERE bounced");
  EXPECT_GT(bounced, 0);
  fmt::print("{} refunds, {} sent, {} refused, {} bounced, {} never arrived\n",
             Ask("SELECT count(*) FROM refund"), refunds,
             Ask("SELECT count(*) FROM refund WHERE state = 'refused' AND NOT bounced"), bounced,
             Ask("SELECT count(*) FROM refund WHERE state IN ('started', 'absent')"));
  fmt::print(
      "{} attempts, {} paid, {} declined, {} never arrived; {} webhooks taken, {} instances "
      "killed\n",
      Ask("SELECT count(*) FROM payment_attempt"), payments,
      Ask("SELECT count(*) FROM payment_attempt WHERE state = 'declined'"),
      Ask("SELECT count(*) FROM payment_attempt WHERE state IN ('started', 'absent')"),
      Ask("SELECT count(*) FROM gateway_event"), kills);
}

}  // namespace
}  // namespace holdfast::test

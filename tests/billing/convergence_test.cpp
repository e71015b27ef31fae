// How long after a commit a follower of the feed knows of it: real processes, the command sent to
// one instance, the follower at the other.
//
//   HOLDFAST_CONVERGENCE_CHANGES    how many commands (60)
//   HOLDFAST_CONVERGENCE_LIMIT_MS   fails if the 99th percentile is above; absent: only prints
//
// tests/billing/run --convergence is the long version.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "libs/telemetry/log.h"
#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/test_postgres.h"
#include "tests/billing/feed_follower.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;
namespace v1 = billing::v1;

constexpr int kAccounts = 10;

std::int64_t FromEnvironment(const char* name, std::int64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoll(value, nullptr, 10);
}

class ConvergenceTest : public testing::Test {
 protected:
  void SetUp() override {
    telemetry::InitLogging({.service = "test", .minimum = telemetry::Level::kError});
    ASSERT_TRUE(billing_.WaitUntilReady());
    // Of accounts that were there before, the feed tells only that they are to be asked for.
    ASSERT_TRUE(Eventually([&] { return follower_.follows(); }, 30s));
    for (int i = 0; i < kAccounts; ++i) {
      v1::CreateAccountRequest request;
      request.set_idempotency_key("account-" + std::to_string(i));
      request.set_account_id(Account(i));
      request.set_charging(v1::CHARGING_PREPAID);
      request.set_currency("EUR");
      ASSERT_THAT(writer_.AskUntilAnswered("holdfast.billing.v1.Billing/CreateAccount", request,
                                           Deadline::After(30s)),
                  IsOk());
      // From here on the follower knows it by a revision.
      ASSERT_TRUE(Eventually([&] { return follower_.RevisionOf(Account(i)) > 0; }, 30s));
    }
  }
  static std::string Account(std::int64_t n) { return "ann-" + std::to_string(n % kAccounts); }

  // Milliseconds from the answer of a payment until the follower has been told of it.
  double PayAndWait(std::int64_t n) {
    const std::uint64_t before = follower_.RevisionOf(Account(n));
    v1::RecordPaymentRequest request;
    request.set_idempotency_key("pay-" + std::to_string(n));
    request.set_account_id(Account(n));
    request.mutable_amount()->set_minor_units(100);
    request.mutable_amount()->set_currency("EUR");
    request.set_method("bank");
    EXPECT_THAT(writer_.AskUntilAnswered("holdfast.billing.v1.Payments/RecordPayment", request,
                                         Deadline::After(30s)),
                IsOk());
    const SteadyTime committed = std::chrono::steady_clock::now();
    const Deadline patience = Deadline::After(60s);
    while (follower_.RevisionOf(Account(n)) <= before && !patience.Passed()) {
      std::this_thread::sleep_for(1ms);
    }
    EXPECT_GT(follower_.RevisionOf(Account(n)), before) << Account(n) << " was never told of";
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - committed)
        .count();
  }

  std::unique_ptr<TestPostgres> postgres_ = TestPostgres::Start();
  BillingPair billing_{
      {.postgres_hosts = postgres_->host() + ":" + std::to_string(postgres_->port()),
       .database = postgres_->NewDatabase(),
       .user = postgres_->user()}};
  BillingCaller writer_{billing_.discovery(0)};
  BillingCaller reader_{billing_.discovery(1)};
  FeedFollower follower_{reader_};
};

TEST_F(ConvergenceTest, EveryCommitReachesAFollowerOfAnotherInstance) {
  const std::int64_t changes = FromEnvironment("HOLDFAST_CONVERGENCE_CHANGES", 60);
  std::vector<double> waits;
  for (std::int64_t n = 0; n < changes && !HasFailure(); ++n) waits.push_back(PayAndWait(n));
  ASSERT_EQ(static_cast<std::int64_t>(waits.size()), changes);
  EXPECT_EQ(follower_.went_back(), 0u);
  std::sort(waits.begin(), waits.end());
  const auto at = [&](double part) {
    return waits[static_cast<std::size_t>(part * static_cast<double>(waits.size() - 1))];
  };
  fmt::print("{} commits reached a follower after {:.0f} ms (p50), {:.0f} ms (p99), {:.0f} ms\n",
             changes, at(0.5), at(0.99), waits.back());
  const std::int64_t limit = FromEnvironment("HOLDFAST_CONVERGENCE_LIMIT_MS", 0);
  if (limit > 0) {
    EXPECT_LE(at(0.99), static_cast<double>(limit));
  }
}

}  // namespace
}  // namespace holdfast::test

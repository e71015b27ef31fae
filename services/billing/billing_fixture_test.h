// Billing on a real, empty database, for its tests.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "libs/base/random.h"
#include "libs/rpc/call.h"
#include "libs/testing/fake_clock.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/tcp_gate.h"
#include "libs/testing/test_postgres.h"
#include "services/billing/pg_store.h"
#include "services/billing/service.h"

namespace holdfast::billing {

// A new one each time; HOLDFAST_SEED=17 in the environment plays one again.
inline std::uint64_t NewSeed() {
  const char* told = std::getenv("HOLDFAST_SEED");
  return told == nullptr ? SecureSeed() : std::strtoull(told, nullptr, 10);
}

inline Deadline Soon() { return Deadline::After(std::chrono::seconds(10)); }

class StoreTest : public testing::Test {
 protected:
  StoreTest() { EXPECT_THAT(storage::Migrate(pool_, Migrations(), Soon()), test::IsOk()); }

  test::TestPostgres& server_ = test::TestPostgres::Shared();
  test::TcpGate gate_{server_.port()};
  telemetry::Metrics registry_;
  const storage::PgOptions options_{
      .hosts = gate_.address(), .database = server_.NewDatabase(), .user = server_.user()};
  storage::PgPool pool_{options_, registry_};
  PgStore store_{pool_};
};

// And the service, with helpers that ask it as a caller would.
class ServiceTest : public StoreTest {
 protected:
  rpc::Call Call(Duration patience = std::chrono::seconds(10)) {
    return rpc::Call(Deadline::After(patience), telemetry::TraceContext::Start(random_));
  }
  std::string NewKey() { return "key-" + std::to_string(++keys_); }

  void PutPackage(const std::string& id) {
    v1::PutPackageRequest request;
    request.set_idempotency_key(NewKey());
    request.mutable_package()->set_package_id(id);
    request.mutable_package()->set_name("Package " + id);
    EXPECT_THAT(service_.PutPackage(Call(), request), test::IsOk());
  }
  absl::StatusOr<v1::TariffPlan> PutPlan(const std::string& id,
                                         const std::vector<std::string>& packages,
                                         int period_days = 30) {
    v1::PutTariffPlanRequest request;
    request.set_idempotency_key(NewKey());
    v1::TariffPlan& plan = *request.mutable_tariff_plan();
    plan.set_tariff_plan_id(id);
    plan.set_name("Plan " + id);
    plan.mutable_package_ids()->Assign(packages.begin(), packages.end());
    plan.mutable_price()->set_minor_units(999);
    plan.mutable_price()->set_currency("EUR");
    plan.set_period_days(period_days);
    plan.set_max_streams(2);
    return service_.PutTariffPlan(Call(), request);
  }
  v1::CreateAccountRequest NewAccount(const std::string& id) {
    v1::CreateAccountRequest request;
    request.set_idempotency_key(NewKey());
    request.set_account_id(id);
    return request;
  }
  void CreateAccount(const std::string& id) {
    EXPECT_THAT(service_.CreateAccount(Call(), NewAccount(id)), test::IsOk());
  }
  // With packages base and sport in plan "basic".
  void CreateAccountAndPlan(const std::string& id) {
    PutPackage("base");
    PutPackage("sport");
    EXPECT_THAT(PutPlan("basic", {"base", "sport"}), test::IsOk());
    CreateAccount(id);
  }
  absl::StatusOr<v1::Subscription> Start(const std::string& account, const std::string& plan,
                                         std::optional<sys_days> valid_until = std::nullopt) {
    v1::StartSubscriptionRequest request;
    request.set_idempotency_key(NewKey());
    request.set_account_id(account);
    request.set_tariff_plan_id(plan);
    if (valid_until) request.mutable_valid_until()->set_seconds(EpochSeconds(*valid_until));
    return service_.StartSubscription(Call(), request);
  }
  template <class Request, class Method>
  auto Ask(Method method, const std::string& subscription) {
    Request request;
    request.set_idempotency_key(NewKey());
    request.set_subscription_id(subscription);
    return (service_.*method)(Call(), request);
  }
  absl::StatusOr<v1::Entitlement> EntitlementOf(const std::string& account) {
    v1::GetEntitlementRequest request;
    request.set_account_id(account);
    return service_.GetEntitlement(Call(std::chrono::seconds(2)), request);
  }
  sys_days Today() { return std::chrono::floor<std::chrono::days>(clock_.Now()); }

  SeededRandom random_{1};
  int keys_ = 0;
  test::FakeClock clock_{std::chrono::system_clock::now()};
  Metrics metrics_{registry_};
  WorkerPool workers_{{.threads = 1}};
  Entitlements entitlements_{{store_, metrics_, workers_, clock_, registry_}, ""};
  Service service_{store_, entitlements_, metrics_, clock_};
};

}  // namespace holdfast::billing

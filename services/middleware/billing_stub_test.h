// A billing that rents films as a test tells it to, over gRPC, for portals in tests.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "holdfast/billing/v1/billing.pb.h"
#include "libs/base/random.h"
#include "libs/rpc/error_info.h"
#include "libs/rpc/server.h"
#include "libs/testing/status_matchers.h"

namespace holdfast::middleware {

// Thread-safe.
class BillingStub {
 public:
  BillingStub() {
    rpc::ServiceTable table("holdfast.billing.v1.Billing");
    Register(table);
    server_.Register(table);
    EXPECT_THAT(server_.Start(), test::IsOk());
  }
  ~BillingStub() { server_.Drain(Duration(0), Deadline::After(std::chrono::seconds(1))); }

  std::string address() const { return "127.0.0.1:" + std::to_string(server_.port()); }

  using Rent = std::function<absl::StatusOr<billing::v1::RentFilmResponse>(
      const billing::v1::RentFilmRequest&)>;
  void OnRent(Rent rent) {
    absl::MutexLock lock(&mutex_);
    rent_ = std::move(rent);
  }
  // Rented until then, and told by GetEntitlement from now on.
  void Rents(std::int64_t until, std::uint64_t revision, bool already_rented = false) {
    OnRent([=, this](const billing::v1::RentFilmRequest& request) {
      billing::v1::Entitlement entitlement;
      entitlement.set_account_id(request.account_id());
      entitlement.set_revision(revision);
      entitlement.set_status(billing::v1::Entitlement::STATUS_ACTIVE);
      entitlement.add_package_ids("basic");
      entitlement.set_currency("EUR");
      entitlement.add_rentals()->set_item_id(request.item_id());
      entitlement.mutable_rentals(0)->mutable_until()->set_seconds(until);
      {
        absl::MutexLock lock(&mutex_);
        entitlement_ = entitlement;
      }
      billing::v1::RentFilmResponse response;
      response.mutable_rental()->mutable_until()->set_seconds(until);
      response.set_already_rented(already_rented);
      return response;
    });
  }
  void Refuses(const std::string& reason) {
    OnRent([reason](const billing::v1::RentFilmRequest&) {
      return absl::StatusOr<billing::v1::RentFilmResponse>(
          rpc::WithReason(FailedPrecondition("refused"), {reason, "billing.holdfast"}));
    });
  }
  std::vector<billing::v1::RentFilmRequest> asked() const {
    absl::MutexLock lock(&mutex_);
    return asked_;
  }

 private:
  template <class Request, class Response>
  absl::StatusOr<Response> Nothing(const rpc::Call&, const Request&) {
    return Unavailable("not told");
  }
  absl::StatusOr<billing::v1::RentFilmResponse> RentFilm(
      const rpc::Call&, const billing::v1::RentFilmRequest& request) {
    Rent rent;
    {
      absl::MutexLock lock(&mutex_);
      asked_.push_back(request);
      rent = rent_;
    }
    if (!rent) return Unavailable("not told");
    return rent(request);
  }
  absl::StatusOr<billing::v1::Entitlement> GetEntitlement(
      const rpc::Call&, const billing::v1::GetEntitlementRequest& request) {
    absl::MutexLock lock(&mutex_);
    if (entitlement_.account_id() != request.account_id()) return Unavailable("not told");
    return entitlement_;
  }

  // A server serves every method of its proto.
  void Register(rpc::ServiceTable& table) {
    namespace v1 = billing::v1;
    table.Worker("RentFilm", *this, &BillingStub::RentFilm);
    table.Worker("GetEntitlement", *this, &BillingStub::GetEntitlement);
    const auto none = [&](std::string_view name, auto method) {
      table.Worker(name, *this, method);
    };
#define HOLDFAST_NONE(name, response) \
  none(#name, &BillingStub::Nothing<v1::name##Request, v1::response>)
    HOLDFAST_NONE(Authenticate, AuthenticateResponse);
    HOLDFAST_NONE(CreateAccount, Account);
    HOLDFAST_NONE(GetAccount, Account);
    HOLDFAST_NONE(ListAccounts, ListAccountsResponse);
    HOLDFAST_NONE(SetPassword, Account);
    HOLDFAST_NONE(UpdateAccount, Account);
    HOLDFAST_NONE(CloseAccount, Account);
    HOLDFAST_NONE(ListParkedAccounts, ListParkedAccountsResponse);
    HOLDFAST_NONE(UnparkAccount, Account);
    HOLDFAST_NONE(PutPackage, Package);
    HOLDFAST_NONE(ListPackages, ListPackagesResponse);
    HOLDFAST_NONE(PutTariffPlan, TariffPlan);
    HOLDFAST_NONE(ListTariffPlans, ListTariffPlansResponse);
    HOLDFAST_NONE(ListPlanVersions, ListPlanVersionsResponse);
    HOLDFAST_NONE(PutTaxRate, TaxRate);
    HOLDFAST_NONE(ListTaxRates, ListTaxRatesResponse);
    HOLDFAST_NONE(StartSubscription, Subscription);
    HOLDFAST_NONE(RenewSubscription, Subscription);
    HOLDFAST_NONE(SuspendSubscription, Subscription);
    HOLDFAST_NONE(ResumeSubscription, Subscription);
    HOLDFAST_NONE(CancelSubscription, Subscription);
    HOLDFAST_NONE(ChangeSubscription, Subscription);
    HOLDFAST_NONE(RevokePlanned, Subscription);
    HOLDFAST_NONE(PauseSubscription, Subscription);
    HOLDFAST_NONE(ListSubscriptions, ListSubscriptionsResponse);
    HOLDFAST_NONE(ListRentals, ListRentalsResponse);
    none("PreviewChange",
         &BillingStub::Nothing<v1::ChangeSubscriptionRequest, v1::PreviewChangeResponse>);
#undef HOLDFAST_NONE
  }

  SeededRandom random_{3};
  telemetry::Metrics metrics_;
  rpc::Server server_{rpc::ServerOptions(), SystemClock::Get(), random_, metrics_};
  mutable absl::Mutex mutex_;
  Rent rent_ ABSL_GUARDED_BY(mutex_);
  std::vector<billing::v1::RentFilmRequest> asked_ ABSL_GUARDED_BY(mutex_);
  billing::v1::Entitlement entitlement_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace holdfast::middleware

// What billing offers over gRPC: parse, load, decide, save, answer. The rules are in domain/.
#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "holdfast/billing/v1/billing.pb.h"
#include "libs/base/clock.h"
#include "libs/rpc/call.h"
#include "libs/rpc/service.h"
#include "services/billing/entitlements.h"
#include "services/billing/store.h"

namespace holdfast::billing {

// Thread-safe; every method is a worker method: all may ask the database. What it was made from
// must outlive it.
class Service {
 public:
  static constexpr char kServiceName[] = "holdfast.billing.v1.Billing";

  Service(Store& store, Entitlements& entitlements, Metrics& metrics, const Clock& clock)
      : store_(store), entitlements_(entitlements), metrics_(metrics), clock_(clock) {}

  void Register(rpc::ServiceTable& table);

  absl::StatusOr<v1::Entitlement> GetEntitlement(const rpc::Call& call,
                                                 const v1::GetEntitlementRequest& request);
  absl::StatusOr<v1::AuthenticateResponse> Authenticate(const rpc::Call& call,
                                                        const v1::AuthenticateRequest& request);

  // service_accounts.cpp
  absl::StatusOr<v1::Account> CreateAccount(const rpc::Call& call,
                                            const v1::CreateAccountRequest& request);
  absl::StatusOr<v1::Account> GetAccount(const rpc::Call& call,
                                         const v1::GetAccountRequest& request);
  absl::StatusOr<v1::ListAccountsResponse> ListAccounts(const rpc::Call& call,
                                                        const v1::ListAccountsRequest& request);
  absl::StatusOr<v1::Account> SetPassword(const rpc::Call& call,
                                          const v1::SetPasswordRequest& request);
  absl::StatusOr<v1::Account> UpdateAccount(const rpc::Call& call,
                                            const v1::UpdateAccountRequest& request);
  absl::StatusOr<v1::Account> CloseAccount(const rpc::Call& call,
                                           const v1::CloseAccountRequest& request);

  absl::StatusOr<v1::ListParkedAccountsResponse> ListParkedAccounts(
      const rpc::Call& call, const v1::ListParkedAccountsRequest& request);
  absl::StatusOr<v1::Account> UnparkAccount(const rpc::Call& call,
                                            const v1::UnparkAccountRequest& request);

  // service_catalogue.cpp
  absl::StatusOr<v1::Package> PutPackage(const rpc::Call& call,
                                         const v1::PutPackageRequest& request);
  absl::StatusOr<v1::ListPackagesResponse> ListPackages(const rpc::Call& call,
                                                        const v1::ListPackagesRequest& request);
  absl::StatusOr<v1::TariffPlan> PutTariffPlan(const rpc::Call& call,
                                               const v1::PutTariffPlanRequest& request);
  absl::StatusOr<v1::ListTariffPlansResponse> ListTariffPlans(
      const rpc::Call& call, const v1::ListTariffPlansRequest& request);
  absl::StatusOr<v1::ListPlanVersionsResponse> ListPlanVersions(
      const rpc::Call& call, const v1::ListPlanVersionsRequest& request);
  absl::StatusOr<v1::TaxRate> PutTaxRate(const rpc::Call& call,
                                         const v1::PutTaxRateRequest& request);
  absl::StatusOr<v1::ListTaxRatesResponse> ListTaxRates(const rpc::Call& call,
                                                        const v1::ListTaxRatesRequest& request);

  // service_subscriptions.cpp
  absl::StatusOr<v1::Subscription> StartSubscription(const rpc::Call& call,
                                                     const v1::StartSubscriptionRequest& request);
  absl::StatusOr<v1::Subscription> RenewSubscription(const rpc::Call& call,
                                                     const v1::RenewSubscriptionRequest& request);
  absl::StatusOr<v1::Subscription> SuspendSubscription(
      const rpc::Call& call, const v1::SuspendSubscriptionRequest& request);
  absl::StatusOr<v1::Subscription> ResumeSubscription(const rpc::Call& call,
                                                      const v1::ResumeSubscriptionRequest& request);
  absl::StatusOr<v1::Subscription> CancelSubscription(const rpc::Call& call,
                                                      const v1::CancelSubscriptionRequest& request);
  absl::StatusOr<v1::Subscription> ChangeSubscription(const rpc::Call& call,
                                                      const v1::ChangeSubscriptionRequest& request);
  absl::StatusOr<v1::PreviewChangeResponse> PreviewChange(
      const rpc::Call& call, const v1::ChangeSubscriptionRequest& request);
  absl::StatusOr<v1::Subscription> RevokePlanned(const rpc::Call& call,
                                                 const v1::RevokePlannedRequest& request);
  absl::StatusOr<v1::Subscription> PauseSubscription(const rpc::Call& call,
                                                     const v1::PauseSubscriptionRequest& request);
  absl::StatusOr<v1::ListSubscriptionsResponse> ListSubscriptions(
      const rpc::Call& call, const v1::ListSubscriptionsRequest& request);

  // service_rentals.cpp
  absl::StatusOr<v1::RentFilmResponse> RentFilm(const rpc::Call& call,
                                                const v1::RentFilmRequest& request);
  absl::StatusOr<v1::ListRentalsResponse> ListRentals(const rpc::Call& call,
                                                      const v1::ListRentalsRequest& request);

 private:
  // See service_once.h.
  template <class Request, class Effect>
  auto Once(const rpc::Call& call, const Request& request, Secrecy secrecy, const Effect& effect);

  // Loads the subscription that the request names, lets `decide` say what becomes of it, saves it.
  template <class Request>
  absl::StatusOr<v1::Subscription> Change(
      const rpc::Call& call, const Request& request,
      const std::function<absl::StatusOr<Subscription>(const Holding&)>& decide);
  // The same where money moves too: `act` saves what it does. `plan`: that it asks for, if any.
  using Act =
      std::function<absl::StatusOr<Subscription>(Transaction&, const Account&, const Holding&)>;
  template <class Request>
  absl::StatusOr<v1::Subscription> ActOn(const rpc::Call& call, const Request& request,
                                         const Act& act, const TariffPlanId& plan = {});

  sys_days Today() const { return DayOf(clock_.Now(), entitlements_.zone()); }

  Store& store_;
  Entitlements& entitlements_;
  Metrics& metrics_;
  const Clock& clock_;
};

}  // namespace holdfast::billing

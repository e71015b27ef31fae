#include "services/billing/service.h"

#include "libs/base/status.h"
#include "services/billing/passwords.h"
#include "services/billing/refusal.h"

namespace holdfast::billing {

void Service::Register(rpc::ServiceTable& table) {
  table.Worker("GetEntitlement", *this, &Service::GetEntitlement);
  table.Worker("Authenticate", *this, &Service::Authenticate);
  table.Worker("CreateAccount", *this, &Service::CreateAccount);
  table.Worker("GetAccount", *this, &Service::GetAccount);
  table.Worker("ListAccounts", *this, &Service::ListAccounts);
  table.Worker("SetPassword", *this, &Service::SetPassword);
  table.Worker("UpdateAccount", *this, &Service::UpdateAccount);
  table.Worker("CloseAccount", *this, &Service::CloseAccount);
  table.Worker("ListParkedAccounts", *this, &Service::ListParkedAccounts);
  table.Worker("UnparkAccount", *this, &Service::UnparkAccount);
  table.Worker("PutPackage", *this, &Service::PutPackage);
  table.Worker("ListPackages", *this, &Service::ListPackages);
  table.Worker("PutTariffPlan", *this, &Service::PutTariffPlan);
  table.Worker("ListTariffPlans", *this, &Service::ListTariffPlans);
  table.Worker("ListPlanVersions", *this, &Service::ListPlanVersions);
  table.Worker("PutTaxRate", *this, &Service::PutTaxRate);
  table.Worker("ListTaxRates", *this, &Service::ListTaxRates);
  table.Worker("ChangeSubscription", *this, &Service::ChangeSubscription);
  table.Worker("PreviewChange", *this, &Service::PreviewChange);
  table.Worker("RevokePlanned", *this, &Service::RevokePlanned);
  table.Worker("PauseSubscription", *this, &Service::PauseSubscription);
  table.Worker("StartSubscription", *this, &Service::StartSubscription);
  table.Worker("RenewSubscription", *this, &Service::RenewSubscription);
  table.Worker("SuspendSubscription", *this, &Service::SuspendSubscription);
  table.Worker("ResumeSubscription", *this, &Service::ResumeSubscription);
  table.Worker("CancelSubscription", *this, &Service::CancelSubscription);
  table.Worker("RentFilm", *this, &Service::RentFilm);
  table.Worker("ListRentals", *this, &Service::ListRentals);
  table.Worker("ListSubscriptions", *this, &Service::ListSubscriptions);
}

absl::StatusOr<v1::Entitlement> Service::GetEntitlement(const rpc::Call& call,
                                                        const v1::GetEntitlementRequest& request) {
  HOLDFAST_RETURN_IF_ERROR(CheckId("account id", request.account_id()));
  return entitlements_.Get(AccountId(request.account_id()), call.deadline());
}

absl::StatusOr<v1::AuthenticateResponse> Service::Authenticate(
    const rpc::Call& call, const v1::AuthenticateRequest& request) {
  HOLDFAST_RETURN_IF_ERROR(CheckLogin(request.login()));
  HOLDFAST_RETURN_IF_ERROR(CheckNewPassword(request.password()));

  const auto found = store_.FindCredentials(call.deadline(), request.login());
  if (!found.ok() && !absl::IsNotFound(found.status())) return found.status();
  const bool matches = found.ok() ? MatchesSlowly(request.password(), found->password_hash)
                                  : MatchesNothing(request.password());
  if (!matches) {
    metrics_.logins.With({"wrong"}).Add();
    return Unauthenticated("login or password is wrong");
  }
  if (found->state == Account::State::kClosed) {
    metrics_.logins.With({"closed"}).Add();
    return Explained(
        PermissionDenied("account_closed: account {} is closed", found->account.value()));
  }
  metrics_.logins.With({"ok"}).Add();
  v1::AuthenticateResponse response;
  response.set_account_id(found->account.value());
  return response;
}

}  // namespace holdfast::billing

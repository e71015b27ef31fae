#include "libs/base/random.h"
#include "services/billing/service.h"
#include "services/billing/service_once.h"

namespace holdfast::billing {

// -- What is sold ---------------------------------------------------------------------------------

absl::StatusOr<v1::Package> Service::PutPackage(const rpc::Call& call,
                                                const v1::PutPackageRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const Package package, ParsePackage(request.package()));
  return Once(call, request, Secrecy::kNone, [&](Transaction& tx) -> absl::StatusOr<v1::Package> {
    HOLDFAST_RETURN_IF_ERROR(tx.PutPackage(package));
    return ToProto(package);
  });
}

absl::StatusOr<v1::ListPackagesResponse> Service::ListPackages(const rpc::Call& call,
                                                               const v1::ListPackagesRequest&) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Package> packages,
                            store_.ListPackages(call.deadline()));
  v1::ListPackagesResponse response;
  for (const Package& package : packages) *response.add_packages() = ToProto(package);
  return response;
}

absl::StatusOr<v1::TariffPlan> Service::PutTariffPlan(const rpc::Call& call,
                                                      const v1::PutTariffPlanRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const TariffPlan plan, ParsePlan(request.tariff_plan()));
  return Once(call, request, Secrecy::kNone,
              [&](Transaction& tx) -> absl::StatusOr<v1::TariffPlan> {
                HOLDFAST_RETURN_IF_ERROR(tx.PutTariffPlan(plan));
                return ToProto(plan);
              });
}

absl::StatusOr<v1::ListTariffPlansResponse> Service::ListTariffPlans(
    const rpc::Call& call, const v1::ListTariffPlansRequest&) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<TariffPlan> plans,
                            store_.ListTariffPlans(call.deadline()));
  v1::ListTariffPlansResponse response;
  for (const TariffPlan& plan : plans) *response.add_tariff_plans() = ToProto(plan);
  return response;
}

// -- Subscriptions --------------------------------------------------------------------------------

absl::StatusOr<v1::Subscription> Service::StartSubscription(
    const rpc::Call& call, const v1::StartSubscriptionRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::optional<sys_days> valid_until, ParseValidUntil(request));
  const AccountId account_id(request.account_id());
  auto answer =
      Once(call, request, Secrecy::kNone, [&](Transaction& tx) -> absl::StatusOr<v1::Subscription> {
        HOLDFAST_ASSIGN_OR_RETURN(const TariffPlan plan,
                                  tx.FindTariffPlan(TariffPlanId(request.tariff_plan_id())));
        HOLDFAST_ASSIGN_OR_RETURN(const Account account, tx.FindAccount(account_id));
        HOLDFAST_ASSIGN_OR_RETURN(
            const Subscription started,
            DecideStart(account, plan, SubscriptionId(SecureHex(8)), valid_until, clock_.Now()));
        HOLDFAST_RETURN_IF_ERROR(tx.AddSubscription(started));
        return ToProto(started);
      });
  if (answer.ok()) entitlements_.Refresh(account_id, call.deadline());
  return answer;
}

template <class Request>
absl::StatusOr<v1::Subscription> Service::Change(
    const rpc::Call& call, const Request& request,
    const std::function<absl::StatusOr<Subscription>(const Holding&)>& decide) {
  auto answer =
      Once(call, request, Secrecy::kNone, [&](Transaction& tx) -> absl::StatusOr<v1::Subscription> {
        HOLDFAST_ASSIGN_OR_RETURN(const Holding held,
                                  tx.FindHolding(SubscriptionId(request.subscription_id())));
        HOLDFAST_ASSIGN_OR_RETURN(const Subscription next, decide(held));
        HOLDFAST_RETURN_IF_ERROR(tx.SaveSubscription(next));
        return ToProto(next);
      });
  if (answer.ok()) entitlements_.Refresh(AccountId(answer->account_id()), call.deadline());
  return answer;
}

absl::StatusOr<v1::Subscription> Service::RenewSubscription(
    const rpc::Call& call, const v1::RenewSubscriptionRequest& request) {
  return Change(call, request, [&](const Holding& held) { return DecideRenewal(held, Today()); });
}

absl::StatusOr<v1::Subscription> Service::SuspendSubscription(
    const rpc::Call& call, const v1::SuspendSubscriptionRequest& request) {
  return Change(call, request,
                [](const Holding& held) { return DecideSuspension(held.subscription); });
}

absl::StatusOr<v1::Subscription> Service::ResumeSubscription(
    const rpc::Call& call, const v1::ResumeSubscriptionRequest& request) {
  return Change(call, request,
                [&](const Holding& held) { return DecideResumption(held, Today()); });
}

absl::StatusOr<v1::Subscription> Service::CancelSubscription(
    const rpc::Call& call, const v1::CancelSubscriptionRequest& request) {
  return Change(call, request, [&](const Holding& held) {
    return DecideCancellation(held.subscription, ParseWhen(request.when()), Today());
  });
}

absl::StatusOr<v1::ListSubscriptionsResponse> Service::ListSubscriptions(
    const rpc::Call& call, const v1::ListSubscriptionsRequest& request) {
  const AccountId account(request.account_id());
  HOLDFAST_RETURN_IF_ERROR(store_.FindAccount(call.deadline(), account).status());
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Subscription> subscriptions,
                            store_.ListSubscriptions(call.deadline(), account));
  v1::ListSubscriptionsResponse response;
  for (const Subscription& subscription : subscriptions) {
    *response.add_subscriptions() = ToProto(subscription);
  }
  return response;
}

}  // namespace holdfast::billing

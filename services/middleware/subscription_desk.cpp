#include "services/middleware/subscription_desk.h"

#include <algorithm>

#include "libs/base/status.h"

namespace holdfast::middleware {
namespace {

namespace bv1 = billing::v1;

bv1::StartSubscriptionRequest StartOf(const AccountId& account, std::string_view plan) {
  bv1::StartSubscriptionRequest request;
  request.set_account_id(account.value());
  request.set_tariff_plan_id(std::string(plan));
  return request;
}

bool IsBase(const bv1::Subscription& subscription) {
  return subscription.base_subscription_id().empty();
}

}  // namespace

absl::StatusOr<AccountSubscriptions> SubscriptionDesk::Load(const AccountId& account,
                                                            Deadline deadline) {
  AccountSubscriptions now;
  HOLDFAST_ASSIGN_OR_RETURN(now.held, billing_.Held(account, deadline));
  HOLDFAST_ASSIGN_OR_RETURN(now.plans, billing_.Plans(deadline));
  HOLDFAST_ASSIGN_OR_RETURN(now.packages, billing_.Packages(deadline));
  return now;
}

absl::StatusOr<bool> SubscriptionDesk::SwitchOn(const AccountSubscriptions& now, bool on,
                                                const Errand& errand) {
  if (now.Base() == nullptr) {
    return FailedPrecondition("status: the account has no tariff plan that could be switched");
  }
  bool changed = false;
  for (const bv1::Subscription& subscription : now.held) {
    if (!IsBase(subscription)) continue;  // add-ons follow their base
    const std::string& id = subscription.subscription_id();
    if (on && IsSwitchedOff(subscription)) {
      HOLDFAST_RETURN_IF_ERROR(billing_.Resume(id, errand.Step("resume-" + id)));
      changed = true;
    } else if (!on && GivesService(subscription)) {
      HOLDFAST_RETURN_IF_ERROR(billing_.Suspend(id, errand.Step("suspend-" + id)));
      changed = true;
    }
  }
  return changed;
}

absl::StatusOr<bool> SubscriptionDesk::MoveTo(const AccountId& account,
                                              const AccountSubscriptions& now,
                                              std::string_view plan, const Errand& errand) {
  const bv1::TariffPlan* wanted = now.Plan(plan);
  if (wanted == nullptr || wanted->add_on()) return NotFound("Tariff plan {} not found", plan);
  const bv1::Subscription* base = now.Base();
  if (base == nullptr) {
    HOLDFAST_RETURN_IF_ERROR(billing_.Start(StartOf(account, plan), errand.Step("plan")).status());
    return true;
  }
  if (base->tariff_plan_id() == plan) return false;
  HOLDFAST_RETURN_IF_ERROR(
      billing_.Change(base->subscription_id(), std::string(plan), errand.Step("plan")));
  return true;
}

absl::StatusOr<bool> SubscriptionDesk::EndAt(const AccountId& account,
                                             const AccountSubscriptions& now, std::int64_t end,
                                             const Errand& errand) {
  const bv1::Subscription* base = now.Base();
  if (base == nullptr) return FailedPrecondition("end_date: the account has no tariff plan");
  if (base->charging() != bv1::CHARGING_ELSEWHERE) {
    return FailedPrecondition("end_date: the account is charged by Holdfast: payments renew it");
  }
  if (base->has_valid_until() && base->valid_until().seconds() == end) return false;

  // First the new, then the old: whatever happens between, nobody loses service.
  bv1::StartSubscriptionRequest request = StartOf(account, base->tariff_plan_id());
  request.mutable_valid_until()->set_seconds(end);
  HOLDFAST_ASSIGN_OR_RETURN(const bv1::Subscription fresh,
                            billing_.Start(request, errand.Step("end")));
  for (const bv1::Subscription& held : now.held) {
    if (held.base_subscription_id() != base->subscription_id()) continue;
    request = StartOf(account, held.tariff_plan_id());
    request.set_base_subscription_id(fresh.subscription_id());
    request.mutable_valid_until()->set_seconds(end);
    HOLDFAST_RETURN_IF_ERROR(
        billing_.Start(request, errand.Step("end-" + held.subscription_id())).status());
  }
  const bool was_off = IsSwitchedOff(*base);
  for (const bv1::Subscription& held : now.held) {
    if (!IsBase(held)) continue;  // ends with its base
    const std::string& id = held.subscription_id();
    HOLDFAST_RETURN_IF_ERROR(billing_.Cancel(id, errand.Step("old-" + id)));
  }
  if (was_off) {
    HOLDFAST_RETURN_IF_ERROR(billing_.Suspend(fresh.subscription_id(), errand.Step("off")));
  }
  return true;
}

absl::StatusOr<bool> SubscriptionDesk::Add(const AccountId& account,
                                           const AccountSubscriptions& now, std::string_view add_on,
                                           const Errand& errand) {
  const std::vector<Offer> offers = OffersOf(now);
  const auto offer =
      std::find_if(offers.begin(), offers.end(), [&](const Offer& o) { return o.id == add_on; });
  if (offer == offers.end()) return NotFound("Package {} is not offered to the account", add_on);
  if (!offer->optional || offer->subscribed) return false;
  bv1::StartSubscriptionRequest request = StartOf(account, add_on);
  request.set_base_subscription_id(now.Base()->subscription_id());
  HOLDFAST_RETURN_IF_ERROR(
      billing_.Start(request, errand.Step("add-" + std::string(add_on))).status());
  return true;
}

absl::StatusOr<bool> SubscriptionDesk::Drop(const AccountSubscriptions& now,
                                            std::string_view add_on, const Errand& errand) {
  const bv1::Subscription* held = now.AddOn(add_on);
  if (held == nullptr) return false;
  HOLDFAST_RETURN_IF_ERROR(
      billing_.Cancel(held->subscription_id(), errand.Step("drop-" + std::string(add_on))));
  return true;
}

}  // namespace holdfast::middleware

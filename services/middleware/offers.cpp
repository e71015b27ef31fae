#include "services/middleware/offers.h"

#include <algorithm>

#include "libs/base/money.h"

namespace holdfast::middleware {
namespace {

namespace bv1 = billing::v1;

std::string NameOfPackage(const AccountSubscriptions& sold, const std::string& id) {
  for (const bv1::Package& package : sold.packages) {
    if (package.package_id() == id) return package.name();
  }
  return id;
}

Offer OfferOf(const bv1::TariffPlan& add_on) {
  return {.id = add_on.tariff_plan_id(),
          .name = add_on.name(),
          .optional = true,
          .price = SpokenPrice(add_on.price()),
          .packages = {add_on.package_ids().begin(), add_on.package_ids().end()}};
}

}  // namespace

const bv1::TariffPlan* AccountSubscriptions::Plan(std::string_view id) const {
  const auto it = std::find_if(plans.begin(), plans.end(), [&](const bv1::TariffPlan& plan) {
    return plan.tariff_plan_id() == id;
  });
  return it == plans.end() ? nullptr : &*it;
}

const bv1::Subscription* AccountSubscriptions::Base() const {
  const bv1::Subscription* best = nullptr;
  for (const bv1::Subscription& subscription : held) {  // the newest first
    if (!subscription.base_subscription_id().empty()) continue;
    if (GivesService(subscription)) return &subscription;
    if (best == nullptr) best = &subscription;
  }
  return best;
}

const bv1::Subscription* AccountSubscriptions::AddOn(std::string_view plan_id) const {
  for (const bv1::Subscription& subscription : held) {
    if (!subscription.base_subscription_id().empty() && subscription.tariff_plan_id() == plan_id) {
      return &subscription;
    }
  }
  return nullptr;
}

bool GivesService(const bv1::Subscription& subscription) {
  return subscription.state() == bv1::Subscription::STATE_ACTIVE ||
         subscription.state() == bv1::Subscription::STATE_GRACE ||
         subscription.state() == bv1::Subscription::STATE_TRIALING;
}

bool IsSwitchedOff(const bv1::Subscription& subscription) {
  return subscription.state() == bv1::Subscription::STATE_SUSPENDED ||
         subscription.state() == bv1::Subscription::STATE_PAUSED;
}

bool IsBlocked(const std::vector<bv1::Subscription>& held) {
  return std::none_of(held.begin(), held.end(), GivesService) &&
         std::any_of(held.begin(), held.end(), IsSwitchedOff);
}

bool FitsOn(const bv1::TariffPlan& add_on, std::string_view base_plan_id) {
  if (!add_on.add_on()) return false;
  const auto& bases = add_on.allowed_bases();
  return bases.empty() || std::find(bases.begin(), bases.end(), base_plan_id) != bases.end();
}

std::vector<Offer> OffersOf(const bv1::TariffPlan& plan, const AccountSubscriptions& sold) {
  std::vector<Offer> offers;
  for (const std::string& id : plan.package_ids()) {
    offers.push_back({.id = id, .name = NameOfPackage(sold, id), .packages = {id}});
  }
  for (const bv1::TariffPlan& other : sold.plans) {
    if (FitsOn(other, plan.tariff_plan_id())) offers.push_back(OfferOf(other));
  }
  return offers;
}

std::vector<Offer> OffersOf(const AccountSubscriptions& account) {
  const bv1::Subscription* base = account.Base();
  const bv1::TariffPlan* plan = base == nullptr ? nullptr : account.Plan(base->tariff_plan_id());
  if (plan == nullptr) return {};
  std::vector<Offer> offers = OffersOf(*plan, account);
  for (Offer& offer : offers) {
    offer.subscribed = !offer.optional || account.AddOn(offer.id) != nullptr;
  }
  return offers;
}

std::vector<Offer> RentalsOf(const AccountSubscriptions& sold) {
  std::vector<Offer> offers;
  for (const bv1::Package& package : sold.packages) {
    if (package.service_type() != bv1::Package::SERVICE_TYPE_SINGLE) continue;
    offers.push_back(
        {.id = package.package_id(),
         .name = package.name(),
         .optional = true,
         .price = package.rental_prices().empty() ? "" : SpokenPrice(package.rental_prices(0)),
         .packages = {package.package_id()},
         .rental_seconds = package.rental_seconds()});
  }
  return offers;
}

std::string DecimalOf(const bv1::Money& price) {
  const auto money = holdfast::Money::Make(price.minor_units(), price.currency());
  if (!money.ok()) return "0";
  const std::string text = money->ToString();
  return text.substr(0, text.find(' '));
}

std::string SpokenPrice(const bv1::Money& price) {
  if (price.minor_units() == 0) return "";
  return DecimalOf(price) + " " + price.currency();
}

}  // namespace holdfast::middleware

// What an account has and could add, in the words of the portal protocol: a tariff plan with
// packages that belong to it and packages that may be added. In billing the latter are tariff plans
// of their own (add-ons).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/billing/v1/billing.pb.h"

namespace holdfast::middleware {

struct Offer {
  std::string id;  // of the package, or of the add-on
  std::string name;
  bool optional = false;  // may be added and dropped by itself
  bool subscribed = false;
  std::string price;                  // "1.50 EUR"; "" if it costs nothing by itself
  std::vector<std::string> packages;  // what it opens
  std::int64_t rental_seconds = 0;    // of what is rented one by one; 0: sold by the period
};

// All that billing says about one account. A value.
struct AccountSubscriptions {
  std::vector<billing::v1::Subscription> held;
  std::vector<billing::v1::TariffPlan> plans;
  std::vector<billing::v1::Package> packages;

  const billing::v1::TariffPlan* Plan(std::string_view id) const;  // null if unknown
  // The subscription that all others stand on: the newest that gives service, else the newest that
  // waits or is suspended. Null if there is none.
  const billing::v1::Subscription* Base() const;
  const billing::v1::Subscription* AddOn(std::string_view plan_id) const;  // null if not held
};

bool GivesService(const billing::v1::Subscription& subscription);
bool IsSwitchedOff(const billing::v1::Subscription& subscription);  // suspended or paused
// No service, though something is subscribed: as the OSS API's `status` 0.
bool IsBlocked(const std::vector<billing::v1::Subscription>& held);

// Whether the add-on may stand on that plan.
bool FitsOn(const billing::v1::TariffPlan& add_on, std::string_view base_plan_id);

// Packages of the base plan, then add-ons that fit on it; nothing without a base.
std::vector<Offer> OffersOf(const AccountSubscriptions& account);
// The same for a plan that nobody holds.
std::vector<Offer> OffersOf(const billing::v1::TariffPlan& plan, const AccountSubscriptions& sold);

// Packages whose items everybody who is charged by us may rent one by one, at their first price.
std::vector<Offer> RentalsOf(const AccountSubscriptions& sold);

// "1.50 EUR", or "" for nothing.
std::string SpokenPrice(const billing::v1::Money& price);
// "1.50"
std::string DecimalOf(const billing::v1::Money& price);

}  // namespace holdfast::middleware

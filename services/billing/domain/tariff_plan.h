// What is sold: packages of channels, and tariff plans that hold packages for a price.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/money.h"
#include "services/billing/domain/ids.h"
#include "services/billing/domain/period.h"

namespace holdfast::billing {

inline constexpr std::chrono::days kDefaultGrace{7};

struct Package {
  enum class ServiceType {
    kPeriodic,  // part of tariff plans
    kSingle,    // its items are rented one by one (rental.h); in no plan
  };
  PackageId id;
  std::string name;
  ServiceType service_type = ServiceType::kPeriodic;
  std::vector<Money> rental_prices{};      // kSingle: of one item, one per currency
  std::chrono::seconds rental_length{0};  // kSingle
};

// A price from a day on, until a later one of the same currency takes its place.
struct DatedPrice {
  Money amount;
  sys_days valid_from;
  friend bool operator==(const DatedPrice&, const DatedPrice&) = default;
};

// Packages and limits are the same for all subscribers of a plan, at once. Its terms - all that is
// about money and time - are not: a plan whose terms change gets the next version, and who bought
// before keeps those he bought.
struct TariffPlan {
  TariffPlanId id;
  std::string name;
  std::vector<PackageId> packages;
  Money price;                              // of one period, from ever on
  Period period;                            // open-ended: paid once
  int max_streams = 0;                      // 0: unlimited
  int max_devices = 0;                      // 0: unlimited
  std::chrono::days grace = kDefaultGrace;  // service goes on for so long after the paid time
  Alignment alignment = Alignment::kAnniversary;
  std::chrono::days trial{0};      // free, before the first period
  std::vector<DatedPrice> prices;  // of other currencies, or of later days
  std::vector<Money> setup_fees;   // once, with the first period; one per currency
  bool add_on = false;
  std::vector<TariffPlanId> allowed_bases;  // of an add-on; empty: any
  int version = 1;                          // of the terms
};

bool SameTerms(const TariffPlan& a, const TariffPlan& b);

// The price of one period that begins on `day`. FAILED_PRECONDITION ("no_price: ...") if the plan
// is not sold in that currency then.
absl::StatusOr<Money> PriceOn(const TariffPlan& plan, const std::string& currency, sys_days day);
// 0 if there is none.
std::int64_t SetupFee(const TariffPlan& plan, const std::string& currency);

// Null: it is not rented in that currency.
const Money* RentalPriceIn(const Package& package, const std::string& currency);

// INVALID_ARGUMENT names the field at fault.
absl::Status CheckPackage(const Package& package);
absl::Status CheckTariffPlan(const TariffPlan& plan);

}  // namespace holdfast::billing

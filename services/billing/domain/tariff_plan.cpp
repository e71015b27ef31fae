#include "services/billing/domain/tariff_plan.h"

#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "libs/base/status.h"

namespace holdfast::billing {
namespace {

constexpr std::size_t kLongestName = 200;
constexpr std::size_t kMostPackages = 1000;
constexpr std::chrono::days kLongestPeriod{3660};
constexpr std::size_t kMostPrices = 500;
constexpr std::chrono::seconds kShortestRental{60};
constexpr std::chrono::seconds kLongestRental = std::chrono::days(366);
constexpr int kLargestLimit = 10'000;

absl::Status CheckDays(std::string_view what, std::chrono::days days) {
  if (days < std::chrono::days(0) || days > kLongestPeriod) {
    return InvalidArgument("{} must be 0 to {} days", what, kLongestPeriod.count());
  }
  return absl::OkStatus();
}

absl::Status CheckLimit(std::string_view what, int limit) {
  if (limit < 0 || limit > kLargestLimit) {
    return InvalidArgument("{} must be 0 (unlimited) to {}", what, kLargestLimit);
  }
  return absl::OkStatus();
}

absl::Status CheckName(std::string_view name) {
  if (name.empty()) return InvalidArgument("name is empty");
  return CheckText("name", name, kLongestName);
}

absl::Status CheckPrices(const TariffPlan& plan) {
  if (plan.price.negative()) return InvalidArgument("price is negative");
  if (plan.prices.size() + plan.setup_fees.size() > kMostPrices) {
    return InvalidArgument("more than {} prices", kMostPrices);
  }
  std::set<std::pair<std::string, sys_days>> seen;
  for (const DatedPrice& price : plan.prices) {
    if (price.amount.negative()) return InvalidArgument("price is negative");
    if (!seen.emplace(price.amount.currency(), price.valid_from).second) {
      return InvalidArgument("two prices in {} from {}", price.amount.currency(),
                             ShowDay(price.valid_from));
    }
  }
  std::set<std::string> currencies;
  for (const Money& fee : plan.setup_fees) {
    if (fee.negative()) return InvalidArgument("setup fee is negative");
    if (!currencies.insert(fee.currency()).second) {
      return InvalidArgument("two setup fees in {}", fee.currency());
    }
  }
  return absl::OkStatus();
}

absl::Status CheckRentals(const Package& package) {
  if (package.service_type == Package::ServiceType::kPeriodic) {
    if (!package.rental_prices.empty()) {
      return InvalidArgument("rental_prices of a package that is not single");
    }
    if (package.rental_length.count() != 0) {
      return InvalidArgument("rental_seconds of a package that is not single");
    }
    return absl::OkStatus();
  }
  if (package.rental_prices.empty()) {
    return InvalidArgument("rental_prices of a single package are empty");
  }
  if (package.rental_prices.size() > kMostPrices) {
    return InvalidArgument("rental_prices are more than {}", kMostPrices);
  }
  std::set<std::string> currencies;
  for (const Money& price : package.rental_prices) {
    if (price.negative()) return InvalidArgument("a price of rental_prices is negative");
    if (!currencies.insert(price.currency()).second) {
      return InvalidArgument("two rental_prices in {}", price.currency());
    }
  }
  if (package.rental_length < kShortestRental || package.rental_length > kLongestRental) {
    return InvalidArgument("rental_seconds must be {} to {}", kShortestRental.count(),
                           kLongestRental.count());
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckPackage(const Package& package) {
  HOLDFAST_RETURN_IF_ERROR(CheckId("package id", package.id.value()));
  HOLDFAST_RETURN_IF_ERROR(CheckName(package.name));
  return CheckRentals(package);
}

const Money* RentalPriceIn(const Package& package, const std::string& currency) {
  for (const Money& price : package.rental_prices) {
    if (price.currency() == currency) return &price;
  }
  return nullptr;
}

absl::Status CheckTariffPlan(const TariffPlan& plan) {
  HOLDFAST_RETURN_IF_ERROR(CheckId("tariff plan id", plan.id.value()));
  HOLDFAST_RETURN_IF_ERROR(CheckName(plan.name));
  HOLDFAST_RETURN_IF_ERROR(CheckPeriod(plan.period, plan.alignment));
  HOLDFAST_RETURN_IF_ERROR(CheckDays("grace", plan.grace));
  HOLDFAST_RETURN_IF_ERROR(CheckDays("trial", plan.trial));
  HOLDFAST_RETURN_IF_ERROR(CheckPrices(plan));
  HOLDFAST_RETURN_IF_ERROR(CheckLimit("max streams", plan.max_streams));
  HOLDFAST_RETURN_IF_ERROR(CheckLimit("max devices", plan.max_devices));
  if (plan.packages.size() > kMostPackages) return InvalidArgument("too many packages");
  for (const TariffPlanId& base : plan.allowed_bases) {
    HOLDFAST_RETURN_IF_ERROR(CheckId("allowed base", base.value()));
    if (!plan.add_on) return InvalidArgument("only an add-on has allowed bases");
  }
  std::set<PackageId> seen;
  for (const PackageId& package : plan.packages) {
    HOLDFAST_RETURN_IF_ERROR(CheckId("package id", package.value()));
    if (!seen.insert(package).second) {
      return InvalidArgument("package {} is named twice", package.value());
    }
  }
  return absl::OkStatus();
}

bool SameTerms(const TariffPlan& a, const TariffPlan& b) {
  const auto terms = [](const TariffPlan& p) {
    return std::tie(p.price, p.period, p.grace, p.alignment, p.trial, p.prices, p.setup_fees);
  };
  return terms(a) == terms(b);
}

absl::StatusOr<Money> PriceOn(const TariffPlan& plan, const std::string& currency, sys_days day) {
  std::optional<DatedPrice> best;
  if (plan.price.currency() == currency) best = DatedPrice{plan.price, sys_days::min()};
  for (const DatedPrice& price : plan.prices) {
    if (price.amount.currency() != currency || price.valid_from > day) continue;
    if (!best || price.valid_from > best->valid_from) best = price;
  }
  if (best) return best->amount;
  return FailedPrecondition("no_price: tariff plan {} is not sold in {} on {}", plan.id.value(),
                            currency, ShowDay(day));
}

std::int64_t SetupFee(const TariffPlan& plan, const std::string& currency) {
  for (const Money& fee : plan.setup_fees) {
    if (fee.currency() == currency) return fee.minor_units();
  }
  return 0;
}

}  // namespace holdfast::billing

#include "services/billing/domain/tariff_plan.h"

#include <set>

#include "libs/base/status.h"

namespace holdfast::billing {
namespace {

constexpr std::size_t kLongestName = 200;
constexpr std::size_t kMostPackages = 1000;
constexpr std::chrono::days kLongestPeriod{3660};
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

}  // namespace

absl::Status CheckPackage(const Package& package) {
  HOLDFAST_RETURN_IF_ERROR(CheckId("package id", package.id.value()));
  return CheckName(package.name);
}

absl::Status CheckTariffPlan(const TariffPlan& plan) {
  HOLDFAST_RETURN_IF_ERROR(CheckId("tariff plan id", plan.id.value()));
  HOLDFAST_RETURN_IF_ERROR(CheckName(plan.name));
  HOLDFAST_RETURN_IF_ERROR(CheckDays("period", plan.period));
  HOLDFAST_RETURN_IF_ERROR(CheckDays("grace", plan.grace));
  HOLDFAST_RETURN_IF_ERROR(CheckLimit("max streams", plan.max_streams));
  HOLDFAST_RETURN_IF_ERROR(CheckLimit("max devices", plan.max_devices));
  if (plan.price.negative()) return InvalidArgument("price is negative");
  if (plan.packages.size() > kMostPackages) return InvalidArgument("too many packages");
  std::set<PackageId> seen;
  for (const PackageId& package : plan.packages) {
    HOLDFAST_RETURN_IF_ERROR(CheckId("package id", package.value()));
    if (!seen.insert(package).second) {
      return InvalidArgument("package {} is named twice", package.value());
    }
  }
  return absl::OkStatus();
}

}  // namespace holdfast::billing

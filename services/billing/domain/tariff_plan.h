// What is sold: packages of channels, and tariff plans that hold packages for a price.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "libs/base/money.h"
#include "services/billing/domain/ids.h"

namespace holdfast::billing {

inline constexpr std::chrono::days kDefaultGrace{7};

struct Package {
  PackageId id;
  std::string name;
};

struct TariffPlan {
  TariffPlanId id;
  std::string name;
  std::vector<PackageId> packages;
  Money price;                              // of one period
  std::chrono::days period{0};              // 0: open-ended
  int max_streams = 0;                      // 0: unlimited
  int max_devices = 0;                      // 0: unlimited
  std::chrono::days grace = kDefaultGrace;  // service goes on for so long after the paid time
};

// INVALID_ARGUMENT names the field at fault.
absl::Status CheckPackage(const Package& package);
absl::Status CheckTariffPlan(const TariffPlan& plan);

}  // namespace holdfast::billing

// A share of an amount whose currency stands beside it.
#pragma once

#include <cstdint>

#include "libs/base/check.h"
#include "libs/base/money.h"

namespace holdfast::billing {

inline constexpr int kMillion = 1'000'000;  // parts per million

// amount x part / whole in minor units, rounded as Prorate does. `whole` must be positive. For
// amounts that were checked when they came in (CheckEntry, CheckTariffPlan, CheckCoupon): it cannot
// overflow.
inline std::int64_t PartOf(std::int64_t amount, std::int64_t part, std::int64_t whole) {
  const auto money = Prorate(*Money::Make(amount, "XXX"), part, whole);  // "no currency"
  HOLDFAST_CHECK(money.ok());
  return money->minor_units();
}

}  // namespace holdfast::billing

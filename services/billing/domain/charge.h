// What a term of a subscription costs: the lines of its invoice.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "services/billing/domain/coupon.h"
#include "services/billing/domain/invoice.h"
#include "services/billing/domain/subscription.h"

namespace holdfast::billing {

enum class SetupFeeIs { kCharged, kPaidBefore };

// The price of the plan on the first day, in proportion to the days of the whole period, what the
// coupon (null: none) takes off it, and the setup fee when it is the first charge.
// FAILED_PRECONDITION ("no_price: ...").
absl::StatusOr<std::vector<InvoiceLine>> LinesFor(const Holding& held, const NextTerm& term,
                                                  SetupFeeIs setup_fee,
                                                  const Coupon* coupon = nullptr);

// The rest of what is paid that a change of plan on `today` leaves to the new plan: the same days,
// as the same part of a period, when both are sold for the same periods; else a period of the new
// plan from today. Never beyond the day of a cancellation, which must be later than today.
// `current`: nothing of what is open-ended.
struct PaidDays {
  Days days;
  std::int64_t period_days = 0;  // so many the price of the old plan pays for; 0: not known
};
NextTerm TermAfterChange(const std::optional<PaidDays>& current, const Holding& held,
                         const TariffPlan& to, sys_days today);

}  // namespace holdfast::billing

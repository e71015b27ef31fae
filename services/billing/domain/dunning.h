// Reminders of what is not paid. The first one comes with the first day of delay, not when service
// is already gone; each step is told once, and a job that was late tells the step of today only.
// Taking service away is another matter: domain/subscription.h, DecideByDebt.
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/billing/domain/event.h"
#include "services/billing/domain/invoice.h"

namespace holdfast::billing {

// Days after the due day, ascending.
using DunningSchedule = std::vector<std::chrono::days>;

// "1,7,14". INVALID_ARGUMENT: not 1 to 20 growing numbers from 1 to 365.
absl::StatusOr<DunningSchedule> ParseDunningSchedule(std::string_view text);

// How many steps have been reached.
int DunningStep(const DunningSchedule& schedule, sys_days due_on, sys_days today);

struct OverdueInvoice {
  Invoice invoice;
  int told = 0;  // the last step that was told
};

Event DunningNotice(const Invoice& invoice, int step);
// The first time that a subscription could not be charged.
Event ChargeRefused(const Subscription& subscription);
// A planned change that would be refused on its day, and is dropped.
Event ChangeRefused(const Subscription& subscription, std::string_view why);

}  // namespace holdfast::billing

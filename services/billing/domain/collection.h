// Collecting what is due without being asked, from accounts that left a way of paying: on the due
// day and then on each step of the reminders' schedule, once each, as long as something is open.
//
// One attempt asks for all that is due of an account. While the end of any attempt of the account
// is unknown no other begins: it might be charged twice. A step whose attempt never reached the
// gateway is taken again.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "services/billing/domain/dunning.h"
#include "services/billing/domain/invoice.h"

namespace holdfast::billing {

struct PaymentMethod {
  AccountId account;
  std::string source;    // a token of the gateway's
  bool collects = true;  // due invoices, without being asked
};

// INVALID_ARGUMENT names the field at fault.
absl::Status CheckPaymentMethod(const PaymentMethod& method);

// An open invoice whose due day has come.
struct DueInvoice {
  Invoice invoice;
  int tried = -1;  // the last step at which it was collected; -1: never
};

struct CollectionOrder {
  struct Step {
    InvoiceId invoice;
    int step = 0;
  };
  Money amount;
  std::vector<Step> steps;  // that it is for
};

// Nothing: no invoice in this currency has reached a step that was not tried.
std::optional<CollectionOrder> DecideCollection(const std::vector<DueInvoice>& due,
                                                const std::string& currency,
                                                const DunningSchedule& schedule, sys_days today);

}  // namespace holdfast::billing

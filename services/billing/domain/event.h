// What other systems are told by webhooks, and when one that was not taken is sent again.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/base/clock.h"
#include "services/billing/domain/attempt.h"
#include "services/billing/domain/invoice.h"
#include "services/billing/domain/refund.h"
#include "services/billing/domain/rental.h"
#include "services/billing/domain/subscription.h"

namespace holdfast::billing {

// Its id follows from what it is about, so that telling the same thing twice is one event.
struct Event {
  std::string id;
  std::string kind;  // "subscription.changed", "invoice.issued", ...
  AccountId account;
  std::vector<std::pair<std::string_view, std::string>> fields;
};

Event SubscriptionChanged(const Subscription& subscription);
// What took its service away: the event that `suspended_by` names.
Event SubscriptionSuspended(const Subscription& subscription);
Event InvoiceIssued(const Invoice& invoice);
Event RentalBegan(const Rental& rental);
Event PaymentTaken(const AccountId& account, const PaymentId& id, const Money& amount,
                   std::string_view method);
Event AttemptDeclined(const PaymentAttempt& attempt);
// "refund.sent", or "refund.refused" of one that was refused or never arrived.
Event RefundEnded(const GatewayRefund& refund);

// {"event_id":..,"kind":..,"account_id":.., fields}; all values are texts.
std::string ToJson(const Event& event);

// The pause before the try after `tries` of them: 5 s, 10 s, ... up to an hour.
std::chrono::seconds PauseBeforeTry(int tries);
// An event that nobody took for so long is given up.
inline constexpr std::chrono::hours kGiveUpEventAfter{72};

}  // namespace holdfast::billing

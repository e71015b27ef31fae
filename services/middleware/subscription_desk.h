// What can be changed about an account's subscriptions, in the words of the portal protocol, done
// by billing's commands. Every function compares first: asking for what is so already changes
// nothing.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/middleware/billing_office.h"
#include "services/middleware/offers.h"

namespace holdfast::middleware {

// Thread-safe: no state of its own. Blocks: worker threads and jobs. The errand is that
// of the request; each command that it takes is a step of it. Refusals of billing come as they are.
class SubscriptionDesk {
 public:
  explicit SubscriptionDesk(BillingOffice& billing) : billing_(billing) {}

  absl::StatusOr<AccountSubscriptions> Load(const AccountId& account, Deadline deadline);

  // The answer of all of these: whether anything changed.

  // Suspends what gives service, or takes it up again. FAILED_PRECONDITION: nothing is subscribed.
  absl::StatusOr<bool> SwitchOn(const AccountSubscriptions& now, bool on, const Errand& errand);
  // The base becomes this tariff plan. NOT_FOUND: there is none.
  absl::StatusOr<bool> MoveTo(const AccountId& account, const AccountSubscriptions& now,
                              std::string_view plan, const Errand& errand);
  // What is paid ends with the day before `end` (epoch seconds). A new subscription of the same
  // plan takes the place of the present one, with its add-ons; only what is charged elsewhere.
  absl::StatusOr<bool> EndAt(const AccountId& account, const AccountSubscriptions& now,
                             std::int64_t end, const Errand& errand);
  // NOT_FOUND: the account is not offered such an add-on.
  absl::StatusOr<bool> Add(const AccountId& account, const AccountSubscriptions& now,
                           std::string_view add_on, const Errand& errand);
  absl::StatusOr<bool> Drop(const AccountSubscriptions& now, std::string_view add_on,
                            const Errand& errand);

 private:
  BillingOffice& billing_;
};

}  // namespace holdfast::middleware

// What billing does unasked.
#pragma once

#include "absl/status/status.h"
#include "libs/base/clock.h"
#include "libs/base/deadline.h"
#include "libs/replica/publication.h"
#include "services/billing/entitlements.h"
#include "services/billing/jobs_accounts.h"
#include "services/billing/metrics.h"
#include "services/billing/store.h"

namespace holdfast::billing {

// Reads the outbox and tells followers (the feed "entitlements") and the own cache. Runs on every
// instance: each serves its own followers. Not thread-safe: one job thread.
class EntitlementFeed {
 public:
  EntitlementFeed(Store& store, Entitlements& entitlements, Metrics& metrics)
      : store_(store), entitlements_(entitlements), metrics_(metrics) {}

  replica::Publication& publication() { return publication_; }

  // Publishes all that is new.
  absl::Status Run(Deadline deadline);

 private:
  absl::Status Begin(Deadline deadline);
  absl::Status Publish(Deadline deadline, const std::vector<EntitlementChange>& changes);

  Store& store_;
  Entitlements& entitlements_;
  Metrics& metrics_;
  replica::Publication publication_{
      {.name = "entitlements", .kind = replica::Publication::Kind::kFeed, .epoch = "billing"}};
  bool begun_ = false;
  std::uint64_t position_ = 0;  // the last revision published
};

// The operator's day, if the machine's clock and the database's agree: a wrong clock would charge
// everybody or end everybody's subscription. UNAVAILABLE if they differ.
absl::StatusOr<sys_days> AgreedToday(Store& store, const Clock& clock, const TimeZone& zone,
                                     Deadline deadline);

// Charges what is due, lets unpaid invoices have their consequences, and serves accounts that
// waited for their reseller's money. May run twice, late or on two instances: each works on
// accounts that it has locked, and a day is charged once (subscription_term).
class RenewalJob {
 public:
  RenewalJob(Store& store, Metrics& metrics, const Clock& clock, const TimeZone& zone)
      : store_(store), metrics_(metrics), clock_(clock), zone_(zone) {}

  // More to do: the next run goes on. Until then nobody may lose service by the calendar.
  absl::StatusOr<Progress> Run(Deadline deadline);
  // What Run does on that day.
  absl::StatusOr<Progress> RunFor(sys_days today, Deadline deadline);

 private:
  absl::StatusOr<Progress> Charge(sys_days today, Deadline deadline);
  absl::StatusOr<Progress> FollowDebts(sys_days today, Deadline deadline);
  absl::StatusOr<Progress> Revive(sys_days today, Deadline deadline);

  Store& store_;
  Metrics& metrics_;
  const Clock& clock_;
  const TimeZone zone_;
};

// Moves subscriptions on whose paid time or grace is over. On one instance at a time, and safe on
// two: each works on accounts that it has locked. Run it after the renewals, so that nobody loses
// service because a job was late.
class ExpiryJob {
 public:
  ExpiryJob(Store& store, Metrics& metrics, const Clock& clock, const TimeZone& zone = {})
      : store_(store), metrics_(metrics), clock_(clock), zone_(zone) {}

  absl::StatusOr<Progress> Run(Deadline deadline);
  absl::StatusOr<Progress> RunFor(sys_days today, Deadline deadline);

 private:
  Store& store_;
  Metrics& metrics_;
  const Clock& clock_;
  const TimeZone zone_;
};

// Forgets commands and outbox entries that nobody will ask for again.
class ForgetJob {
 public:
  explicit ForgetJob(Store& store) : store_(store) {}

  absl::Status Run(Deadline deadline);

 private:
  Store& store_;
};

}  // namespace holdfast::billing

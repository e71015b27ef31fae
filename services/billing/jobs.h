// What billing does unasked.
#pragma once

#include "absl/status/status.h"
#include "libs/base/clock.h"
#include "libs/base/deadline.h"
#include "libs/replica/publication.h"
#include "services/billing/entitlements.h"
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

// Moves subscriptions on whose paid time or grace is over. On one instance at a time, and safe on
// two: each works on accounts that it has locked. Refuses to run when the machine's clock and the
// database's disagree, because a wrong clock would end everybody's subscription.
class ExpiryJob {
 public:
  ExpiryJob(Store& store, Metrics& metrics, const Clock& clock)
      : store_(store), metrics_(metrics), clock_(clock) {}

  absl::Status Run(Deadline deadline);

 private:
  Store& store_;
  Metrics& metrics_;
  const Clock& clock_;
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

// What billing does unasked about rentals, and the model "packages" that says what may be rented.
#pragma once

#include "absl/status/status.h"
#include "libs/base/clock.h"
#include "libs/base/deadline.h"
#include "libs/replica/publication.h"
#include "services/billing/store.h"

namespace holdfast::billing {

// Ends rentals whose time is over, so that entitlements do not tell of them for ever. Nothing waits
// for it: who serves a rental looks at its `until`. Safe on two instances.
class RentalExpiryJob {
 public:
  RentalExpiryJob(Store& store, const Clock& clock) : store_(store), clock_(clock) {}

  absl::Status Run(Deadline deadline);

 private:
  Store& store_;
  const Clock& clock_;
};

// Publishes all packages, for the revisions that the database gives them. For one thread (a job).
class PackageFeed {
 public:
  explicit PackageFeed(Store& store) : store_(store) {}

  replica::Publication& publication() { return publication_; }

  absl::Status Run(Deadline deadline);

 private:
  Store& store_;
  replica::Publication publication_{
      {.name = "packages", .kind = replica::Publication::Kind::kModel, .epoch = "billing"}};
  std::uint64_t known_ = 0;
};

}  // namespace holdfast::billing

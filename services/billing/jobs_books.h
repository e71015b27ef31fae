// What billing does unasked with its books.
#pragma once

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "libs/base/deadline.h"
#include "services/billing/metrics.h"
#include "services/billing/store.h"

namespace holdfast::billing {

// Verifies the books, counts what is wrong in holdfast_billing_books_unbalanced and logs each
// problem as an error.
absl::StatusOr<BooksReport> Verify(Store& store, Metrics& metrics, const Clock& clock,
                                   Deadline deadline);

// Proves the books. On one instance at a time: it reads everything.
class VerifyJob {
 public:
  VerifyJob(Store& store, Metrics& metrics, const Clock& clock)
      : store_(store), metrics_(metrics), clock_(clock) {}

  absl::Status Run(Deadline deadline) {
    return Verify(store_, metrics_, clock_, deadline).status();
  }

 private:
  Store& store_;
  Metrics& metrics_;
  const Clock& clock_;
};

// Gives money back that was held for too long, which may then pay for something. Safe on two
// instances: a hold is resolved once.
class HoldExpiryJob {
 public:
  HoldExpiryJob(Store& store, const Clock& clock, const TimeZone& zone = {})
      : store_(store), clock_(clock), zone_(zone) {}

  absl::Status Run(Deadline deadline);

 private:
  absl::Status GiveBack(const Transfer& held, Deadline deadline);

  Store& store_;
  const Clock& clock_;
  const TimeZone zone_;
};

}  // namespace holdfast::billing

// Makes epochs: days ahead by itself, at once when an operator says so.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "libs/base/deadline.h"
#include "services/drm/domain/epoch_plan.h"
#include "services/drm/epoch_keeper.h"
#include "services/drm/metrics.h"
#include "services/drm/store.h"

namespace holdfast::drm {

// Thread-safe; calls block on the database. What it refers to must outlive it. Two instances that
// make epochs at the same time are safe: one of them gets ABORTED.
class EpochMaker {
 public:
  EpochMaker(Store& store, EpochKeeper& keeper, const EpochPolicy& policy, const Periods& periods,
             const Clock& clock, Metrics& metrics);

  // Reads the database into the keeper.
  absl::Status Refresh(Deadline deadline);

  // Refreshes, gives the database back what it lost, wraps old epochs with the newest KEK and makes
  // what is missing ahead.
  absl::Status Maintain(Deadline deadline);

  // A new epoch before the next planned one; for a repeated `command_id` the one it made.
  absl::StatusOr<EpochId> Rotate(Deadline deadline, const std::string& command_id);

 private:
  absl::StatusOr<std::vector<StoredEpoch>> Read(Deadline deadline);
  StoredEpoch NewEpoch(WallTime valid_from) const;

  Store& store_;
  EpochKeeper& keeper_;
  const EpochPolicy policy_;
  const Periods periods_;
  const Clock& clock_;
  Metrics& metrics_;
};

}  // namespace holdfast::drm

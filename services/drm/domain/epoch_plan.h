// When new epochs begin.
#pragma once

#include <chrono>
#include <vector>

#include "services/drm/domain/epoch.h"

namespace holdfast::drm {

struct EpochPolicy {
  std::chrono::seconds epoch_length = std::chrono::hours(24);
  int epochs_ahead = 7;
  // By then every instance that can reach the database has read a new epoch.
  std::chrono::seconds lead = std::chrono::minutes(2);
};

// The earliest moment at which an epoch made now may begin. Keys are given out up to one period
// ahead, so an epoch begins a period after everybody knows of it: no key that somebody fetched is
// made wrong.
WallTime EarliestBeginning(const EpochPolicy& policy, const Periods& periods, WallTime now);

// Beginnings of the epochs to make so that `epochs_ahead` lie in the future. The very first epoch
// begins at once.
std::vector<WallTime> PlanEpochs(const KeyRing& ring, const EpochPolicy& policy,
                                 const Periods& periods, WallTime now);

// The beginning of an epoch that an operator asked for, between the planned ones.
WallTime PlanRotation(const KeyRing& ring, const EpochPolicy& policy, const Periods& periods,
                      WallTime now);

}  // namespace holdfast::drm

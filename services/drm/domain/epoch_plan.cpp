#include "services/drm/domain/epoch_plan.h"

#include <algorithm>

namespace holdfast::drm {

WallTime EarliestBeginning(const EpochPolicy& policy, const Periods& periods, WallTime now) {
  return periods.AlignUp(now + policy.lead) + periods.length();
}

std::vector<WallTime> PlanEpochs(const KeyRing& ring, const EpochPolicy& policy,
                                 const Periods& periods, WallTime now) {
  std::vector<WallTime> beginnings;
  if (ring.empty()) beginnings.push_back(periods.StartOf(periods.At(now)));
  WallTime last = ring.empty() ? beginnings.back() : ring.epochs().back().valid_from;
  const WallTime earliest = EarliestBeginning(policy, periods, now);
  for (int ahead = ring.BeginningAfter(now); ahead < policy.epochs_ahead; ++ahead) {
    last = std::max(periods.AlignUp(last + policy.epoch_length), earliest);
    beginnings.push_back(last);
  }
  return beginnings;
}

WallTime PlanRotation(const KeyRing& ring, const EpochPolicy& policy, const Periods& periods,
                      WallTime now) {
  WallTime beginning = EarliestBeginning(policy, periods, now);
  const auto taken = [&] {
    return std::ranges::find(ring.epochs(), beginning, &Epoch::valid_from) != ring.epochs().end();
  };
  while (taken()) beginning += periods.length();
  return beginning;
}

}  // namespace holdfast::drm

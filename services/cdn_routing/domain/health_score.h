// Whether an edge may get viewers, from what its probes saw.
//
//   UNKNOWN --first probe--> UP or DOWN
//
//          failures_to_down failures in a row
//     UP ---------------------------------------> DOWN
//      ^                                           |
//      +-------------------------------------------+
//        successes_to_up successes in a row; twice as many for each earlier fall within flap_memory
//        (at most 16 times), so that an edge that flaps does not take viewers down each time
//
// Beside that an edge that is up may be DEGRADED: slow_to_degrade slow successes in a row cost it
// most of its weight, fast_to_restore fast ones give it back. Players never leave a slow edge on
// their own, so new sessions must not be sent to one.
#pragma once

#include <vector>

#include "libs/base/clock.h"

namespace holdfast::cdn_routing {

// Not thread-safe. Reads no clock: time is an argument.
class HealthScore {
 public:
  enum class Health { kUnknown, kUp, kDown };

  struct Options {
    int failures_to_down = 2;
    int successes_to_up = 2;
    Duration slow_after = std::chrono::milliseconds(200);
    int slow_to_degrade = 3;
    int fast_to_restore = 5;
    int degraded_percent = 10;  // of the weight
    Duration flap_memory = std::chrono::minutes(1);
  };

  struct Probe {
    bool ok = false;
    Duration took{};
  };

  explicit HealthScore(const Options& options) : options_(options) {}

  // True if health() or degraded() changed.
  bool Observe(const Probe& probe, SteadyTime now);

  Health health() const { return health_; }
  bool degraded() const { return degraded_; }

  // The share of new sessions it deserves, at least 1.
  int WeightOf(int full_weight) const;

 private:
  bool ObserveFailure(SteadyTime now);
  bool ObserveSuccess(SteadyTime now);
  bool ObserveSpeed(Duration took);
  int SuccessesNeeded(SteadyTime now) const;

  Options options_;
  Health health_ = Health::kUnknown;
  bool degraded_ = false;
  int failures_ = 0;               // in a row, while up
  int successes_ = 0;              // in a row, while down
  int slow_ = 0;                   // slow successes in a row
  int fast_ = 0;                   // fast successes in a row, while degraded
  std::vector<SteadyTime> falls_;  // from up to down, within flap_memory of the last
};

}  // namespace holdfast::cdn_routing

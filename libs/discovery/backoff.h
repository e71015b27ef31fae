// How long to wait before the next try: exponential with full jitter, so that a fleet that lost its
// etcd together does not come back together.
#pragma once

#include <algorithm>

#include "libs/base/clock.h"
#include "libs/base/random.h"

namespace holdfast::discovery {

// Not thread-safe.
class Backoff {
 public:
  Backoff(Duration first, Duration most, Random& random)
      : first_(first), most_(most), random_(random), ceiling_(first) {}

  // Between a quarter of the ceiling and the ceiling, which doubles each time.
  Duration Next() {
    const Duration wait =
        std::chrono::duration_cast<Duration>(ceiling_ * (0.25 + 0.75 * random_.Uniform()));
    ceiling_ = std::min(ceiling_ * 2, most_);
    return wait;
  }
  void Reset() { ceiling_ = first_; }

 private:
  const Duration first_;
  const Duration most_;
  Random& random_;
  Duration ceiling_;
};

}  // namespace holdfast::discovery

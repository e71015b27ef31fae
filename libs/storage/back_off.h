// How long to wait after the n-th failure in a row: half to all of 100 ms, 200 ms ... 1 s, by
// chance, so that instances that failed together do not come back together.
#pragma once

#include <algorithm>
#include <chrono>

#include "libs/base/clock.h"
#include "libs/base/random.h"

namespace holdfast::storage {

// Not thread-safe.
class BackOff {
 public:
  explicit BackOff(Random& random) : random_(random) {}

  // The time to wait now.
  Duration Failed() {
    const Duration longest = std::min(kFirst * (1 << std::min(failures_++, 10)), kLast);
    return std::chrono::duration_cast<Duration>(longest * (0.5 + random_.Uniform() / 2));
  }
  void Succeeded() { failures_ = 0; }

 private:
  static constexpr Duration kFirst = std::chrono::milliseconds(100);
  static constexpr Duration kLast = std::chrono::seconds(1);

  Random& random_;
  int failures_ = 0;  // in a row
};

}  // namespace holdfast::storage

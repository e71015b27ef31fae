// How long an answer is still wanted. Travels with every call that does I/O.
#pragma once

#include <algorithm>
#include <chrono>

#include "libs/base/clock.h"

namespace holdfast {

// A point on the steady clock. A value; copy freely.
class Deadline {
 public:
  explicit Deadline(SteadyTime at) : at_(at) {}

  static Deadline After(Duration wait, const Clock& clock = SystemClock::Get()) {
    return Deadline(clock.SteadyNow() + wait);
  }
  static Deadline Never() { return Deadline(SteadyTime::max()); }

  SteadyTime at() const { return at_; }
  bool Passed(const Clock& clock = SystemClock::Get()) const { return clock.SteadyNow() >= at_; }

  // Zero when passed, never negative, and whatever the ends of the clock: the times are compared before they are
  // subtracted. `Never()` answers a day, so that sums do not overflow.
  Duration Remaining(const Clock& clock = SystemClock::Get()) const {
    if (at_ == SteadyTime::max()) return std::chrono::hours(24);
    const SteadyTime now = clock.SteadyNow();
    return at_ <= now ? Duration::zero() : at_ - now;
  }

  // The earlier of this and `wait` from now: a step may use less than the whole, never more.
  Deadline AtMost(Duration wait, const Clock& clock = SystemClock::Get()) const {
    return Deadline(std::min(at_, clock.SteadyNow() + wait));
  }

 private:
  SteadyTime at_;
};

}  // namespace holdfast

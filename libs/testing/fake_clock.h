// A clock that a test moves by hand. Wall and steady time move together unless told otherwise.
#pragma once

#include "absl/synchronization/mutex.h"
#include "libs/base/clock.h"

namespace holdfast::test {

// Thread-safe.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(WallTime start = FromEpochSeconds(1767348000)) : wall_(start) {}

  WallTime Now() const override {
    absl::MutexLock lock(&mutex_);
    return wall_;
  }
  SteadyTime SteadyNow() const override {
    absl::MutexLock lock(&mutex_);
    return steady_;
  }

  void Advance(Duration by) {
    absl::MutexLock lock(&mutex_);
    wall_ += std::chrono::duration_cast<WallTime::duration>(by);
    steady_ += by;
  }
  // An operator or NTP set the clock.
  void JumpWall(Duration by) {
    absl::MutexLock lock(&mutex_);
    wall_ += std::chrono::duration_cast<WallTime::duration>(by);
  }

 private:
  mutable absl::Mutex mutex_;
  WallTime wall_ ABSL_GUARDED_BY(mutex_);
  SteadyTime steady_ ABSL_GUARDED_BY(mutex_) = SteadyTime(std::chrono::hours(1000));
};

}  // namespace holdfast::test

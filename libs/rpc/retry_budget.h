// How many calls to a neighbour may be tried again: a share of the calls of the last seconds, plus
// a little so that quiet services can retry at all.
//
// Sized in seconds of traffic on purpose. A budget of a few calls turns one hung instance into
// failed calls before anybody has noticed it; no budget turns an overload into a storm. With the
// defaults one third of the traffic can be retried for six seconds, long after a hung instance has
// left the choice, and in the long run the neighbour sees at most 1.2 times the calls.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "absl/synchronization/mutex.h"
#include "libs/base/clock.h"

namespace holdfast::rpc {

// Thread-safe. Owns no thread; time is read from the Clock.
class RetryBudget {
 public:
  struct Options {
    double share = 0.2;          // retries per call
    double min_per_second = 10;  // allowed whatever the traffic
    Duration window = std::chrono::seconds(10);
  };

  RetryBudget(const Options& options, const Clock& clock) : options_(options), clock_(clock) {}

  void RecordCall();                  // a first try starts
  [[nodiscard]] bool TryTakeRetry();  // true: one more try may start, and is counted

 private:
  static constexpr std::size_t kSlots = 10;
  struct Slot {
    std::int64_t number = -1;  // which tenth of a window since the clock's start
    std::int64_t calls = 0;
    std::int64_t retries = 0;
  };

  Slot& Current() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  const Clock& clock_;
  absl::Mutex mutex_;
  std::array<Slot, kSlots> slots_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace holdfast::rpc

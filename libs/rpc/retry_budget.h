// How many calls to a neighbour may be tried again: a share of the calls of the last seconds, plus
// a little so that quiet services can retry at all. Hedges have a budget of the same kind.
//
// Sized in seconds of traffic on purpose. A budget of a few calls turns one hung instance into
// failed calls before anybody has noticed it; no budget turns an overload into a storm. With the
// defaults one third of the traffic can be retried for six seconds, long after a hung instance has
// left the choice, and in the long run the neighbour sees at most 1.2 times the calls.
#pragma once

#include <chrono>
#include <cstdint>

#include "absl/synchronization/mutex.h"
#include "libs/base/clock.h"
#include "libs/rpc/sliding_window.h"

namespace holdfast::rpc {

// Thread-safe. Owns no thread; time is read from the Clock.
class RetryBudget {
 public:
  struct Options {
    double share = 0.2;          // retries per call
    double min_per_second = 10;  // allowed whatever the traffic
    Duration window = std::chrono::seconds(10);
  };

  RetryBudget(const Options& options, const Clock& clock)
      : clock_(clock), options_(options), window_(options.window) {}

  void RecordCall() { RecordCall(clock_.SteadyNow()); }
  void RecordCall(SteadyTime now);  // a first try starts
  // True: one more try may start, and is counted. `part` of the budget is open to this call: the
  // unimportant ones must not leave nothing for those that matter.
  [[nodiscard]] bool TryTakeRetry(double part = 1.0);
  void GiveBack();  // it has not started after all

  void SetOptions(const Options& options);
  double left() const;  // retries that may start now

 private:
  struct Counts {
    std::int64_t calls = 0;
    std::int64_t retries = 0;

    Counts& operator+=(const Counts& other) {
      calls += other.calls;
      retries += other.retries;
      return *this;
    }
  };

  double Allowed(const Counts& total) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);

  const Clock& clock_;
  mutable absl::Mutex mutex_;
  Options options_ ABSL_GUARDED_BY(mutex_);
  SlidingWindow<Counts> window_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace holdfast::rpc

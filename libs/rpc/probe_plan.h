// When to ask an instance for its health, and how long to wait for the answer.
//
//   asked every interval, with an interval to answer
//     missed ---> asked again at once, with half an interval, until enough are missed in a row
//     missed, but noticed late: it was us who had no CPU; asked again at once, and nothing is said
//
// So an instance that stops answering has missed two probes after 1.5 to 2.5 intervals.
#pragma once

#include <optional>

#include "absl/synchronization/mutex.h"
#include "libs/base/clock.h"

namespace holdfast::rpc {

// Thread-safe: probes begin on one thread and end on another. Owns no thread; one probe at a time.
class ProbePlan {
 public:
  struct Options {
    Duration interval = std::chrono::milliseconds(250);
    int misses = 2;  // in a row, that mean something
  };

  explicit ProbePlan(const Clock& clock) : clock_(clock) {}

  // How long the probe may take that begins now. Nothing: it is not time yet, or one is under way.
  std::optional<Duration> TryBegin(const Options& options);

  // The probe was answered, whatever the answer was.
  void Answered();
  // It was not. True: that says something about the instance.
  bool Missed();

  // Something has happened: do not wait for the interval.
  void Hurry();

  // The next one begins then; far away while one is under way, which sets it anew.
  SteadyTime next() const;

 private:
  bool NoticedLate(SteadyTime now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Duration ShortTime() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock& clock_;

  mutable absl::Mutex mutex_;
  Options options_ ABSL_GUARDED_BY(mutex_);  // of the last probe, as are the next two
  SteadyTime began_ ABSL_GUARDED_BY(mutex_) = SteadyTime::min();
  Duration allowed_ ABSL_GUARDED_BY(mutex_) = {};
  bool under_way_ ABSL_GUARDED_BY(mutex_) = false;
  SteadyTime next_ ABSL_GUARDED_BY(mutex_) = SteadyTime::min();
  Duration slowest_ ABSL_GUARDED_BY(mutex_) = {};  // answer lately
  int misses_ ABSL_GUARDED_BY(mutex_) = 0;         // in a row
  int excused_ ABSL_GUARDED_BY(mutex_) = 0;        // in a row, for our own lateness
  bool again_ ABSL_GUARDED_BY(mutex_) = false;     // the next one has less time
};

}  // namespace holdfast::rpc

// How many jobs may run together, learnt from how long they take: when jobs slow down while many of
// them run, something behind them is full (a database, a disk, the processor), and running fewer
// gives the same throughput with less waiting.
//
// Each window of time compares the jobs of each kind with what that kind usually takes, so that a
// change of the mix is not mistaken for load:
//
//   ratio    = mean over the window of (time taken / usual time of the kind)
//   gradient = clamp(tolerance / ratio, 0.5, 1)
//   limit   += smoothing * (limit * gradient + sqrt(limit) / 2 - limit)
//
// Slowness that running fewer does not cure is not our doing: when the limit has come down by a
// quarter and jobs are hardly faster, or when it has come down to the floor, the present time is
// accepted as usual and the limit grows again. Faster jobs are the usual at once. So neither a
// dependency that has become slow for good nor a busy machine holds the limit down, and calls are
// never held back in order to measure.
//
// The limit can come to rest before it has come down so far, where shrinking and growing are even
// and jobs 1.5 to 2 times as slow as usual. When it has rested for ten seconds, it is raised by
// half for one: when jobs are hardly slower for that, their slowness is not our doing either. When
// they are, the limit goes back to where it was and is tried again later, each time twice as late.
//
// Not thread-safe. Reads no clock.
#pragma once

#include <cstddef>
#include <vector>

#include "libs/base/clock.h"

namespace holdfast::admission {

class ConcurrencyLimit {
 public:
  struct Options {
    std::size_t floor = 2;    // at least one
    std::size_t ceiling = 8;  // where it starts
    double tolerance = 1.5;   // times the usual: no reason to run fewer
    double smoothing = 0.2;
    Duration window = std::chrono::milliseconds(100);
    std::size_t window_samples = 10;  // a window lasts until it has as many
  };

  explicit ConcurrencyLimit(const Options& options);

  std::size_t limit() const { return static_cast<std::size_t>(limit_ + 0.5); }

  // A job ended that took so long; `running` with it, when it ended.
  void Observe(std::size_t kind, Duration took, std::size_t running, SteadyTime now);

 private:
  struct Kind {
    double usual = 0;  // seconds; zero: never seen
    double sum = 0;    // of this window
    std::size_t samples = 0;
  };

  // Slowness that has come to stay, and the limit with it. Ratios are means of the last windows.
  struct Rest {
    double ratio = 1;
    std::size_t windows = 0;     // since it is slow
    std::size_t next_trial = 0;  // in `windows`; zero: as early as any
  };
  // The limit is raised for a moment.
  struct Trial {
    std::size_t from = 0;  // limit before it; zero: there is none
    std::size_t windows = 0;
    std::size_t counted = 0;  // in which more ran together than before
    double ratios = 0;        // of these, summed up
  };
  enum class Doing { kOurs, kNotOurs };

  void CloseWindow();
  double Ratio() const;
  Doing Judge(double ratio);
  Doing JudgeBySinking(double ratio);
  void NoteRest(double ratio);
  bool TrialIsDue() const;
  void BeginTrial();
  Doing GoOnWithTrial(double ratio);
  Doing EndTrial();
  void LearnUsual(bool accept_slower);
  void Move(double ratio);

  const Options options_;
  double limit_;
  double slow_from_limit_ = 0;  // where the present slowness was judged last; zero: not slow
  double slow_from_ratio_ = 0;
  Rest rest_;
  Trial trial_;
  std::vector<Kind> kinds_;
  SteadyTime window_start_ = {};
  std::size_t samples_ = 0;       // of this window
  std::size_t most_running_ = 0;  // in this window
};

}  // namespace holdfast::admission

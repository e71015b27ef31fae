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
// The usual time follows faster jobs at once, slower ones only while no more run than the floor:
// then slowness cannot be our own doing. So load is never taken for the usual, and a dependency
// that has become slow for good brings the limit down to the floor once, is accepted there, and the
// limit grows again. Calls are never held back in order to measure.
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

  std::size_t limit() const { return static_cast<std::size_t>(limit_); }

  // A job ended that took so long; `running` with it, when it ended.
  void Observe(std::size_t kind, Duration took, std::size_t running, SteadyTime now);

 private:
  struct Kind {
    double usual = 0;  // seconds; zero: never seen
    double sum = 0;    // of this window
    std::size_t samples = 0;
  };

  void CloseWindow();
  double Ratio() const;
  void LearnUsual();
  void Move(double ratio);

  const Options options_;
  double limit_;
  std::vector<Kind> kinds_;
  SteadyTime window_start_ = {};
  std::size_t samples_ = 0;       // of this window
  std::size_t most_running_ = 0;  // in this window
};

}  // namespace holdfast::admission

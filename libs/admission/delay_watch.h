// Feeds a LoadLevel with how late things are done that should be done at once, where no queue of
// ours lies between: the time from the arrival of a call to the start of its handler.
//
// Thread-safe; two relaxed additions per observation.
#pragma once

#include <atomic>
#include <cstdint>

#include "libs/admission/load_level.h"
#include "libs/base/clock.h"

namespace holdfast::admission {

class DelayWatch {
 public:
  struct Options {
    Duration right = std::chrono::milliseconds(5);  // mean delay at which the level rises
    Duration window = std::chrono::milliseconds(100);
  };

  DelayWatch(const Options& options, LoadLevel& level) : options_(options), level_(level) {}

  void Observe(Duration delay, SteadyTime now) {
    sum_.fetch_add(delay.count(), std::memory_order_relaxed);
    count_.fetch_add(1, std::memory_order_relaxed);
    if (now.time_since_epoch().count() >= window_end_.load(std::memory_order_relaxed)) {
      CloseWindow(now);
    }
  }

 private:
  void CloseWindow(SteadyTime now);

  const Options options_;
  LoadLevel& level_;
  std::atomic<std::int64_t> sum_ = 0;  // of this window, ns
  std::atomic<std::int64_t> count_ = 0;
  std::atomic<std::int64_t> window_end_ = 0;  // ns on the steady clock
};

}  // namespace holdfast::admission

// How long calls of one kind usually take: quantiles over the last seconds.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "absl/synchronization/mutex.h"
#include "libs/base/clock.h"
#include "libs/rpc/sliding_window.h"

namespace holdfast::rpc {

// Thread-safe. Owns no thread; time is read from the Clock. Reading takes no lock.
class LatencyWindow {
 public:
  // Calls in the window before anything is said about them.
  static constexpr std::int64_t kMinCalls = 50;

  explicit LatencyWindow(const Clock& clock, Duration window = std::chrono::seconds(10))
      : clock_(clock), window_(window) {}

  void Record(Duration took);

  // As of the last tenth of a second in which something was recorded; up to a quarter too high.
  // Nothing while too few calls were seen.
  std::optional<Duration> median() const { return Known(median_); }
  std::optional<Duration> p95() const { return Known(p95_); }

 private:
  // Four buckets an octave, from 20 us to some minutes.
  static constexpr std::size_t kBuckets = 96;
  struct Counts {
    std::int64_t calls = 0;
    std::array<std::uint32_t, kBuckets> buckets = {};

    Counts& operator+=(const Counts& other);
    Duration Quantile(double share) const;
  };

  static std::size_t BucketOf(Duration took);
  static Duration UpperBound(std::size_t bucket);
  static std::optional<Duration> Known(const std::atomic<Duration>& value);

  const Clock& clock_;
  std::atomic<Duration> median_ = Duration::zero();  // zero: not known yet
  std::atomic<Duration> p95_ = Duration::zero();

  absl::Mutex mutex_;
  SlidingWindow<Counts> window_ ABSL_GUARDED_BY(mutex_);
  SteadyTime computed_at_ ABSL_GUARDED_BY(mutex_) = SteadyTime::min();
};

}  // namespace holdfast::rpc

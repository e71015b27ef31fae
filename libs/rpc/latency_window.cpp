#include "libs/rpc/latency_window.h"

#include <algorithm>
#include <bit>

namespace holdfast::rpc {

namespace {

constexpr Duration kUnit = std::chrono::microseconds(5);
constexpr Duration kComputeEvery = std::chrono::milliseconds(100);

}  // namespace

LatencyWindow::Counts& LatencyWindow::Counts::operator+=(const Counts& other) {
  calls += other.calls;
  for (std::size_t i = 0; i < kBuckets; ++i) buckets[i] += other.buckets[i];
  return *this;
}

Duration LatencyWindow::Counts::Quantile(double share) const {
  const double wanted = share * static_cast<double>(calls);
  double seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += buckets[i];
    if (seen >= wanted) return UpperBound(i);
  }
  return UpperBound(kBuckets - 1);
}

void LatencyWindow::Record(Duration took) {
  const SteadyTime now = clock_.SteadyNow();
  absl::MutexLock lock(&mutex_);
  Counts& slot = window_.At(now);
  ++slot.calls;
  ++slot.buckets[BucketOf(took)];
  if (computed_at_ != SteadyTime::min() && now - computed_at_ < kComputeEvery) return;
  const Counts total = window_.Total(now);
  if (total.calls < kMinCalls) return;
  computed_at_ = now;
  median_.store(total.Quantile(0.5), std::memory_order_relaxed);
  p95_.store(total.Quantile(0.95), std::memory_order_relaxed);
}

std::size_t LatencyWindow::BucketOf(Duration took) {
  const auto units = static_cast<std::uint64_t>(std::max<std::int64_t>(took / kUnit, 4));
  const auto octave = static_cast<std::size_t>(std::bit_width(units) - 1);  // at least 2
  const std::size_t quarter = (units >> (octave - 2)) & 3;
  return std::min((octave - 2) * 4 + quarter, kBuckets - 1);
}

Duration LatencyWindow::UpperBound(std::size_t bucket) {
  return kUnit * static_cast<std::int64_t>((4 + bucket % 4 + 1) << (bucket / 4));
}

std::optional<Duration> LatencyWindow::Known(const std::atomic<Duration>& value) {
  const Duration known = value.load(std::memory_order_relaxed);
  if (known == Duration::zero()) return std::nullopt;
  return known;
}

}  // namespace holdfast::rpc

#include "libs/rpc/probe_plan.h"

#include <algorithm>
#include <utility>

namespace holdfast::rpc {

namespace {

// A machine that is short of CPU for long must not keep a hung instance in use for long.
constexpr int kExcusedInARow = 2;

}  // namespace

std::optional<Duration> ProbePlan::TryBegin(const Options& options) {
  absl::MutexLock lock(&mutex_);
  const SteadyTime now = clock_.SteadyNow();
  if (under_way_ || now < next_) return std::nullopt;
  options_ = options;
  under_way_ = true;
  began_ = now;
  next_ = now + options.interval;
  allowed_ = std::exchange(again_, false) ? ShortTime() : options.interval;
  return allowed_;
}

void ProbePlan::Answered() {
  absl::MutexLock lock(&mutex_);
  const Duration took = clock_.SteadyNow() - began_;
  slowest_ = std::max<Duration>(took, slowest_ - slowest_ / 10);
  under_way_ = false;
  misses_ = excused_ = 0;
}

bool ProbePlan::Missed() {
  absl::MutexLock lock(&mutex_);
  const SteadyTime now = clock_.SteadyNow();
  under_way_ = false;
  if (NoticedLate(now) && excused_ < kExcusedInARow) {
    ++excused_;
    next_ = now;
    return false;
  }
  excused_ = 0;
  ++misses_;
  // What failed long before its time was refused, and would be again in this moment.
  again_ = misses_ < options_.misses && now - began_ > allowed_ / 2;
  if (again_) next_ = now;
  return true;
}

void ProbePlan::Hurry() {
  absl::MutexLock lock(&mutex_);
  next_ = SteadyTime::min();
}

SteadyTime ProbePlan::next() const {
  absl::MutexLock lock(&mutex_);
  return under_way_ ? SteadyTime::max() : next_;
}

// The end of its time was noticed when half as much again had passed. Its answer may have been
// there in time, with nobody to read it.
bool ProbePlan::NoticedLate(SteadyTime now) const { return now - began_ - allowed_ > allowed_ / 2; }

// Four times the slowest answer of late, and at least half of an interval: where answers take long,
// because the machine is busy, the second look is no shorter than the first.
Duration ProbePlan::ShortTime() const {
  return std::clamp<Duration>(4 * slowest_, options_.interval / 2, options_.interval);
}

}  // namespace holdfast::rpc

#include "libs/rpc/retry_budget.h"

#include <algorithm>

namespace holdfast::rpc {

void RetryBudget::RecordCall(SteadyTime now) {
  absl::MutexLock lock(&mutex_);
  ++window_.At(now).calls;
}

bool RetryBudget::TryTakeRetry(double part) {
  const SteadyTime now = clock_.SteadyNow();
  absl::MutexLock lock(&mutex_);
  const Counts total = window_.Total(now);
  if (static_cast<double>(total.retries) + 1 > part * Allowed(total)) return false;
  ++window_.At(now).retries;
  return true;
}

void RetryBudget::GiveBack() {
  const SteadyTime now = clock_.SteadyNow();
  absl::MutexLock lock(&mutex_);
  --window_.At(now).retries;  // less than none, where it was taken in the slot before
}

void RetryBudget::SetOptions(const Options& options) {
  absl::MutexLock lock(&mutex_);
  options_ = options;
  window_.SetWidth(options.window);
}

double RetryBudget::left() const {
  const SteadyTime now = clock_.SteadyNow();
  absl::MutexLock lock(&mutex_);
  const Counts total = window_.Total(now);
  return std::max(0.0, Allowed(total) - static_cast<double>(total.retries));
}

double RetryBudget::Allowed(const Counts& total) const {
  const double seconds = std::chrono::duration<double>(options_.window).count();
  return options_.share * static_cast<double>(total.calls) + options_.min_per_second * seconds;
}

}  // namespace holdfast::rpc

#include "libs/rpc/retry_budget.h"

namespace holdfast::rpc {

void RetryBudget::RecordCall() {
  absl::MutexLock lock(&mutex_);
  ++Current().calls;
}

bool RetryBudget::TryTakeRetry() {
  absl::MutexLock lock(&mutex_);
  Slot& current = Current();
  std::int64_t calls = 0;
  std::int64_t retries = 0;
  for (const Slot& slot : slots_) {
    if (slot.number + static_cast<std::int64_t>(kSlots) <= current.number) continue;  // too old
    calls += slot.calls;
    retries += slot.retries;
  }
  const double seconds = std::chrono::duration<double>(options_.window).count();
  const double allowed =
      options_.share * static_cast<double>(calls) + options_.min_per_second * seconds;
  if (static_cast<double>(retries) + 1 > allowed) return false;
  ++current.retries;
  return true;
}

RetryBudget::Slot& RetryBudget::Current() {
  const Duration width = options_.window / kSlots;
  const std::int64_t number = clock_.SteadyNow().time_since_epoch() / width;
  Slot& slot = slots_[static_cast<std::size_t>(number) % kSlots];
  if (slot.number != number) slot = Slot{.number = number};
  return slot;
}

}  // namespace holdfast::rpc

#include "libs/rpc/cancellation.h"

namespace holdfast::rpc {

Cancellation::Hook::~Hook() {
  if (const auto cancellation = cancellation_.lock()) cancellation->Remove(number_);
}

void Cancellation::Cancel() {
  std::vector<std::pair<std::uint64_t, std::function<void()>>> hooks;
  {
    absl::MutexLock lock(&mutex_);
    if (std::exchange(cancelled_, true)) return;
    hooks.swap(hooks_);
  }
  for (const auto& [number, then] : hooks) then();
}

bool Cancellation::cancelled() const {
  absl::MutexLock lock(&mutex_);
  return cancelled_;
}

Cancellation::Hook Cancellation::OnCancel(std::function<void()> then) {
  {
    absl::MutexLock lock(&mutex_);
    if (!cancelled_) {
      hooks_.emplace_back(++next_, std::move(then));
      return Hook(weak_from_this(), next_);
    }
  }
  then();
  return Hook();
}

void Cancellation::Remove(std::uint64_t number) {
  std::function<void()> removed;  // destroyed without the lock
  absl::MutexLock lock(&mutex_);
  for (auto& hook : hooks_) {
    if (hook.first != number) continue;
    std::swap(hook, hooks_.back());
    removed = std::move(hooks_.back().second);
    hooks_.pop_back();
    return;
  }
}

}  // namespace holdfast::rpc

#include "services/middleware/attempt_limiter.h"

namespace holdfast::middleware {

void AttemptLimiter::ForgetExpired(SteadyTime now) {
  if (now < next_sweep_) return;  // a flood of keys must not cost a look at all of them each time
  next_sweep_ = now + options_.window / 8;
  absl::erase_if(windows_, [&](const auto& entry) { return Expired(entry.second, now); });
}

AttemptLimiter::Window& AttemptLimiter::WindowOf(std::string_view key, SteadyTime now) {
  const auto found = windows_.find(key);
  if (found != windows_.end()) return found->second;
  if (windows_.size() >= options_.max_keys) ForgetExpired(now);
  if (windows_.size() < options_.max_keys) {
    return windows_.emplace(std::string(key), Window{.since = now}).first->second;
  }
  if (shared_.empty()) shared_.resize(kShared, Window{.since = now});
  return shared_[StringHash()(key) % kShared];
}

bool AttemptLimiter::Allow(std::string_view key) {
  const SteadyTime now = clock_.SteadyNow();
  absl::MutexLock lock(&mutex_);
  Window& window = WindowOf(key, now);
  if (Expired(window, now)) window = {.since = now};
  if (window.used >= options_.attempts) return false;
  ++window.used;
  return true;
}

bool AttemptLimiter::Exhausted(std::string_view key) const {
  const SteadyTime now = clock_.SteadyNow();
  absl::MutexLock lock(&mutex_);
  const auto found = windows_.find(key);
  const Window* window = found == windows_.end() ? nullptr : &found->second;
  if (window == nullptr && !shared_.empty() && windows_.size() >= options_.max_keys) {
    window = &shared_[StringHash()(key) % kShared];
  }
  return window != nullptr && !Expired(*window, now) && window->used >= options_.attempts;
}

}  // namespace holdfast::middleware

#include "services/middleware/attempt_limiter.h"

namespace holdfast::middleware {

bool AttemptLimiter::Allow(std::string_view key) {
  const SteadyTime now = clock_.SteadyNow();
  absl::MutexLock lock(&mutex_);
  if (windows_.size() >= options_.max_keys && !windows_.contains(key)) windows_.clear();
  Window& window = windows_.try_emplace(std::string(key), Window{.since = now}).first->second;
  if (now - window.since >= options_.window) window = {.since = now};
  return ++window.used <= options_.attempts;
}

}  // namespace holdfast::middleware

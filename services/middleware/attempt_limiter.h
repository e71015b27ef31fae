// Slows down whoever guesses: at most so many attempts in a while for one key (an address, a MAC).
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "libs/base/clock.h"
#include "libs/base/string_map.h"

namespace holdfast::middleware {

// Thread-safe. Local to this instance: with n instances a guesser has n times as many attempts,
// which is still few. Keys are bounded. While there are too many, keys that have no place of their
// own share one with others: whoever changes keys all the time gains little by it, and nobody's
// count is forgotten before its time.
class AttemptLimiter {
 public:
  struct Options {
    int attempts = 10;
    std::chrono::seconds window{60};
    std::size_t max_keys = 100'000;
  };

  AttemptLimiter(const Options& options, const Clock& clock) : options_(options), clock_(clock) {}

  // Counts this attempt; false if it is one too many.
  bool Allow(std::string_view key);

  // Whether the next attempt would be one too many: for limits of what failed, see Allow.
  bool Exhausted(std::string_view key) const;

 private:
  struct Window {
    SteadyTime since;
    int used = 0;
  };
  static constexpr std::size_t kShared = 1024;

  Window& WindowOf(std::string_view key, SteadyTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ForgetExpired(SteadyTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Expired(const Window& window, SteadyTime now) const {
    return now - window.since >= options_.window;
  }

  const Options options_;
  const Clock& clock_;
  mutable absl::Mutex mutex_;
  StringMap<Window> windows_ ABSL_GUARDED_BY(mutex_);
  std::vector<Window> shared_ ABSL_GUARDED_BY(mutex_);  // empty until there were too many keys
  SteadyTime next_sweep_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace holdfast::middleware

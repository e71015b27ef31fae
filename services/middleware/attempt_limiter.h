// Slows down whoever guesses: at most so many attempts in a while for one key (an address, a MAC).
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "absl/synchronization/mutex.h"
#include "libs/base/clock.h"
#include "libs/base/string_map.h"

namespace holdfast::middleware {

// Thread-safe. Local to this instance: with n instances a guesser has n times as many attempts,
// which is still few. Keys are bounded: when there are too many, all begin anew.
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

 private:
  struct Window {
    SteadyTime since;
    int used = 0;
  };

  const Options options_;
  const Clock& clock_;
  absl::Mutex mutex_;
  StringMap<Window> windows_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace holdfast::middleware

// Events between their acceptance and the next flush, and the ids accepted lately, so that a
// repeated report does not even reach the database.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "services/analytics/domain/event.h"

namespace holdfast::analytics {

// Thread-safe; nothing blocks but the lock.
class EventBuffer {
 public:
  struct Options {
    std::size_t max_events = 200'000;
    std::size_t remembered_ids = 1'000'000;
  };
  struct Outcome {
    std::vector<PlaybackEvent> accepted;
    int duplicates = 0;
  };

  explicit EventBuffer(const Options& options) : options_(options) {}

  // RESOURCE_EXHAUSTED, and nothing of the batch is taken, when it does not fit.
  absl::StatusOr<Outcome> Offer(const std::vector<PlaybackEvent>& events);

  // The oldest events, at most `max`.
  std::vector<PlaybackEvent> Take(std::size_t max);

  std::size_t size() const;

 private:
  bool Remember(const EventId& id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);  // false: known

  const Options options_;
  mutable absl::Mutex mutex_;
  std::deque<PlaybackEvent> events_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_set<EventId> known_ ABSL_GUARDED_BY(mutex_);
  std::deque<EventId> known_in_order_ ABSL_GUARDED_BY(mutex_);  // oldest first
};

}  // namespace holdfast::analytics

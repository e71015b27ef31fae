#include "services/analytics/event_buffer.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "libs/base/status.h"

namespace holdfast::analytics {

absl::StatusOr<EventBuffer::Outcome> EventBuffer::Offer(const std::vector<PlaybackEvent>& events) {
  absl::MutexLock lock(&mutex_);
  if (events.size() > options_.max_events - events_.size()) {
    return ResourceExhausted("{} events are waiting to be counted", events_.size());
  }
  Outcome outcome;
  for (const PlaybackEvent& event : events) {
    if (!Remember(event.id)) {
      ++outcome.duplicates;
      continue;
    }
    events_.push_back(event);
    outcome.accepted.push_back(event);
  }
  return outcome;
}

bool EventBuffer::Remember(const EventId& id) {
  if (!known_.insert(id).second) return false;
  known_in_order_.push_back(id);
  if (known_in_order_.size() > options_.remembered_ids) {
    known_.erase(known_in_order_.front());
    known_in_order_.pop_front();
  }
  return true;
}

std::vector<PlaybackEvent> EventBuffer::Take(std::size_t max) {
  absl::MutexLock lock(&mutex_);
  const auto end = events_.begin() + static_cast<std::ptrdiff_t>(std::min(max, events_.size()));
  std::vector<PlaybackEvent> taken(std::make_move_iterator(events_.begin()),
                                   std::make_move_iterator(end));
  events_.erase(events_.begin(), end);
  return taken;
}

std::size_t EventBuffer::size() const {
  absl::MutexLock lock(&mutex_);
  return events_.size();
}

}  // namespace holdfast::analytics

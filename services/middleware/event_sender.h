// Puts an event for boxes where every instance follows it; boxes get it with their next heartbeat.
#pragma once

#include <chrono>
#include <string>

#include "absl/status/statusor.h"
#include "holdfast/middleware/v1/middleware.pb.h"
#include "holdfast/middleware/v1/replica_items.pb.h"
#include "libs/base/clock.h"
#include "libs/base/deadline.h"
#include "services/middleware/store.h"

namespace holdfast::middleware {

inline const std::string kEventTopic = "box_event";

// Thread-safe. Blocks for PostgreSQL. What it is given outlives it.
class EventSender {
 public:
  // `heartbeat`: how often boxes look for events.
  EventSender(Store& store, const Clock& clock, std::chrono::milliseconds heartbeat)
      : store_(store), clock_(clock), heartbeat_(heartbeat) {}

  // The event as stored; the first one of that idempotency key. INVALID_ARGUMENT names the field.
  absl::StatusOr<v1::BoxEvent> Send(const v1::SendEventRequest& request, Deadline deadline);

 private:
  Store& store_;
  const Clock& clock_;
  const std::chrono::milliseconds heartbeat_;
};

}  // namespace holdfast::middleware

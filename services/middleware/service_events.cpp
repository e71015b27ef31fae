// Events that operators send to boxes.
#include <utility>

#include "libs/base/status.h"
#include "services/middleware/convert.h"
#include "services/middleware/convert_items.h"
#include "services/middleware/event_sender.h"
#include "services/middleware/service.h"

namespace holdfast::middleware {

absl::StatusOr<v1::BoxEventInfo> Service::SendEvent(const rpc::Call& call,
                                                    const v1::SendEventRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const v1::BoxEvent event, sender_.Send(request, call.deadline()));
  return InfoOf(event);
}

absl::StatusOr<v1::ListEventsResponse> Service::ListEvents(const rpc::Call&,
                                                           const v1::ListEventsRequest&) {
  v1::ListEventsResponse response;
  for (const auto& event : events_.Events()) {
    if (event->expires_at_ms > EpochMillis(clock_.Now())) {
      *response.add_events() = InfoOf(ToProto(*event));
    }
  }
  return response;
}

absl::StatusOr<v1::CancelEventResponse> Service::CancelEvent(
    const rpc::Call& call, const v1::CancelEventRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto items, store_.ItemsSince(call.deadline(), kEventTopic, 0));
  for (const StoredItem& item : items) {
    v1::BoxEvent event;
    if (!item.content || !event.ParseFromString(*item.content)) continue;
    if (event.event_id() != request.event_id()) continue;
    HOLDFAST_RETURN_IF_ERROR(
        store_.PutItems(call.deadline(), kEventTopic, {{.key = item.key, .content = {}}}));
    return v1::CancelEventResponse();
  }
  return NotFound("event {} unknown", request.event_id());
}

}  // namespace holdfast::middleware

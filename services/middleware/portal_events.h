// Actions of type "watchdog": the heartbeat, and events for the box.
#pragma once

#include <string>

#include "services/middleware/event_board.h"
#include "services/middleware/portal_call.h"
#include "services/middleware/presence.h"
#include "services/middleware/read_models.h"
#include "services/middleware/reporter.h"
#include "services/middleware/stream_slots.h"
#include "services/middleware/viewer_writes.h"

namespace holdfast::middleware {

// Thread-safe: no state of its own. From memory; only that a box has been cut off, or is no longer,
// is written down by a worker.
class WatchdogActions {
 public:
  struct Parts {
    Presence& presence;
    ReadModels& models;
    Reporter& reporter;
    EventBoard& events;
    ViewerWrites& writes;
    StreamSlots& streams;
  };

  explicit WatchdogActions(const Parts& parts) : parts_(parts) {}

  void AddTo(ActionTable& table);

 private:
  PortalOutcome GetEvents(PortalCall& call);
  PortalOutcome CutOff(const PortalCall& call);
  PortalAnswer ConfirmEvent(PortalCall& call);
  void ReportPlaying(const PortalCall& call);

  const Parts parts_;
};

}  // namespace holdfast::middleware

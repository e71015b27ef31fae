// Actions of type "watchdog" (the heartbeat, and events for the box) and "account_info".
#pragma once

#include "services/middleware/entitlements.h"
#include "services/middleware/portal_call.h"
#include "services/middleware/presence.h"
#include "services/middleware/read_models.h"
#include "services/middleware/reporter.h"
#include "services/middleware/zones.h"

namespace holdfast::middleware {

// Thread-safe: no state of its own. From memory.
class WatchdogActions {
 public:
  WatchdogActions(Presence& presence, ReadModels& models, Reporter& reporter)
      : presence_(presence), models_(models), reporter_(reporter) {}

  void AddTo(ActionTable& table);

 private:
  PortalAnswer GetEvents(PortalCall& call);

  Presence& presence_;
  ReadModels& models_;
  Reporter& reporter_;
};

// Thread-safe: no state of its own. From memory.
class AccountActions {
 public:
  AccountActions(Entitlements& entitlements, Zones& zones)
      : entitlements_(entitlements), zones_(zones) {}

  void AddTo(ActionTable& table);

 private:
  PortalAnswer GetMainInfo(PortalCall& call);

  Entitlements& entitlements_;
  Zones& zones_;
};

}  // namespace holdfast::middleware

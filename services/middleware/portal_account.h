// Actions of type "account_info".
#pragma once

#include "services/middleware/entitlements.h"
#include "services/middleware/portal_call.h"
#include "services/middleware/zones.h"

namespace holdfast::middleware {

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

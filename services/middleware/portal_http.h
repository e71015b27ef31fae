// The portal's HTTP side: every address under which boxes look for it, what a request says, who
// sends it, whether they may, and the envelope around the answer (portal protocol, sections 1 to
// 4).
//
// Boxes always get HTTP 200: any other status makes some of them lose their channel list for the
// whole session, and one kind ends its process.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "libs/base/worker_pool.h"
#include "libs/http/server.h"
#include "services/middleware/box_guard.h"
#include "services/middleware/device_table.h"
#include "services/middleware/entitlements.h"
#include "services/middleware/metrics.h"
#include "services/middleware/pin_gate.h"
#include "services/middleware/portal_call.h"
#include "services/middleware/sessions.h"
#include "services/middleware/store.h"
#include "services/middleware/viewer_writes.h"

namespace holdfast::middleware {

// What the portal works with; all of it outlives it.
struct PortalParts {
  const ActionTable& actions;
  DeviceTable& devices;
  Entitlements& entitlements;
  Sessions& sessions;
  Store& store;
  const DatabaseHealth& database;
  WorkerPool& workers;
  BoxGuard& guard;
  PinGate& pins;
  Metrics& metrics;
  const Clock& clock;
};

// Thread-safe: no state of its own. Handle runs on I/O threads and never blocks.
class PortalHttp {
 public:
  // `when_unknown`: what an account may watch of which nobody has ever told.
  PortalHttp(const PortalParts& parts, SharedEntitlement when_unknown)
      : parts_(parts), when_unknown_(std::move(when_unknown)) {}

  void AddRoutes(http::Router& router);

  void Handle(const http::Request& request, http::Reply reply);

 private:
  // An answer instead of the action, if the call may not go on.
  enum class Admission { kGoOn, kAuthorizationFailed, kAccessDenied, kLookUpDevice };

  PortalCall Parse(const http::Request& request) const;
  void Identify(PortalCall& call) const;
  Admission Admit(const PortalCall& call, Access access) const;
  PortalAnswer Refuse(Admission admission) const;
  PortalOutcome Act(PortalCall& call, const ActionTable::Entry& entry) const;
  // Runs the action now, blocking if it must.
  PortalAnswer RunHere(PortalCall& call, const ActionTable::Entry& entry) const;
  // The device may have been registered through another instance a moment ago.
  PortalAnswer LookUpAndRun(PortalCall& call, const ActionTable::Entry& entry) const;
  void RunLater(PortalCall call, const ActionTable::Entry& entry, Later later,
                const http::Request& request, http::Reply reply);
  http::Response Respond(PortalAnswer answer, const PortalCall& call) const;
  void AddDegradations(http::Response& response, const PortalAnswer& answer,
                       const PortalCall& call) const;

  const PortalParts parts_;
  const SharedEntitlement when_unknown_;
};

}  // namespace holdfast::middleware

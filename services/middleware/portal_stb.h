// Actions of type "stb": the start of a box, its login, and the small things it asks for.
//
//   handshake    a token; the one it offers if that is still good
//   get_profile  registers an unknown box, records the start, tells the box who it is
//   do_auth      asks billing whose login it is and binds the box to that account
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "services/middleware/attempt_limiter.h"
#include "services/middleware/box_guard.h"
#include "services/middleware/config.h"
#include "services/middleware/device_table.h"
#include "services/middleware/entitlements.h"
#include "services/middleware/metrics.h"
#include "services/middleware/oss_hooks.h"
#include "services/middleware/peers.h"
#include "services/middleware/portal_call.h"
#include "services/middleware/read_models.h"
#include "services/middleware/reporter.h"
#include "services/middleware/sessions.h"
#include "services/middleware/store.h"
#include "services/middleware/stream_slots.h"
#include "services/middleware/viewer_writes.h"
#include "services/middleware/zones.h"

namespace holdfast::middleware {

// What the actions work with; all of it outlives them.
struct StbParts {
  Store& store;
  const DatabaseHealth& database;
  DeviceTable& devices;
  Entitlements& entitlements;
  Sessions& sessions;
  Billing& billing;
  ReadModels& models;
  ViewerWrites& writes;
  Reporter& reporter;
  StreamSlots& streams;
  OssHooks& hooks;
  Zones& zones;
  BoxGuard& guard;
  Metrics& metrics;
  const Clock& clock;
};

// Thread-safe.
class StbActions {
 public:
  StbActions(const PortalConfig& config, const StbParts& parts);

  void AddTo(ActionTable& table);

 private:
  // portal_stb.cpp
  PortalOutcome Handshake(PortalCall& call);
  PortalAnswer HandshakeAnswer(const PortalCall& call, const Entitlement* entitlement);
  PortalAnswer Log(PortalCall& call);
  void NoteStream(const PortalCall& call, PlaybackReport::Kind kind);
  PortalAnswer ReportStreamError(PortalCall& call);
  void AddSmallAnswers(ActionTable& table);

  // portal_stb_start.cpp
  PortalOutcome GetProfile(PortalCall& call);
  PortalAnswer RegisterAndStart(PortalCall& call);
  PortalAnswer RecordAndStart(PortalCall& call);
  PortalAnswer Profile(PortalCall& call);
  PortalOutcome DoAuth(PortalCall& call);
  PortalAnswer LogIn(PortalCall& call);
  PortalOutcome LogOut(PortalCall& call);
  // The answer for a box that may not start here, whoever it is; nothing if it may.
  std::optional<PortalAnswer> TurnAway(const PortalCall& call);
  PortalAnswer Refuse(Refused reason, std::string_view message, std::string_view html);
  bool InRange(const PortalCall& call) const;
  bool StartIsNews(const PortalCall& call) const;
  void BeginSession(PortalCall& call) const;
  // What billing says of the account, and how many boxes it may have.
  DeviceLimit LimitOf(const AccountId& account, Deadline deadline) const;
  bool ConflictsWithHardware(const PortalCall& call) const;
  void NoteHardware(const PortalCall& call);

  const PortalConfig config_;
  const StbParts parts_;
  AttemptLimiter logins_by_mac_;
  AttemptLimiter logins_by_address_;
};

}  // namespace holdfast::middleware

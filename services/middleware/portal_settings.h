// Actions of type "stb" by which a viewer sets up the box: kept for the box, and part of its next
// profile.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "services/middleware/attempt_limiter.h"
#include "services/middleware/config.h"
#include "services/middleware/portal_call.h"
#include "services/middleware/viewer_writes.h"

namespace holdfast::middleware {

// Thread-safe. Answers when a setting is durable: in PostgreSQL, or on local disk while it is away.
class SettingsActions {
 public:
  SettingsActions(const PortalConfig& config, ViewerWrites& writes, const Clock& clock);

  void AddTo(ActionTable& table);

 private:
  using Values = std::vector<std::pair<std::string, std::string>>;

  PortalAnswer Save(const PortalCall& call, const Values& values);
  PortalAnswer SetAspect(const PortalCall& call);
  PortalAnswer SetPin(const PortalCall& call, std::string_view setting);
  PortalAnswer SetTimeShift(const PortalCall& call);
  PortalAnswer SetCensored(const PortalCall& call, std::string_view value);
  PortalAnswer GetAspects(PortalCall& call);
  PortalAnswer GetSettings(PortalCall& call);
  PortalAnswer GetLocales(PortalCall& call);
  // portal_places.cpp
  void AddPlaces(ActionTable& table);

  const PortalConfig config_;
  ViewerWrites& writes_;
  AttemptLimiter pins_by_mac_;
};

}  // namespace holdfast::middleware

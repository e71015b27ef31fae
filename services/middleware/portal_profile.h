// The profile: everything a box wants to know about itself and the portal when it starts. The keys
// and their types are the protocol's (section 5.2); clients die of a missing or null text.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "services/middleware/config.h"
#include "services/middleware/domain/device.h"
#include "services/middleware/domain/entitlement.h"
#include "services/middleware/portal_call.h"
#include "services/middleware/zones.h"

namespace holdfast::middleware {

struct ProfileFacts {
  const PortalConfig& config;
  const Device& device;
  const Entitlement& entitlement;
  const AccountPage& account;  // empty texts where nothing is known
  const NamedZone& zone;       // of the box
  const NamedZone& default_zone;
};

// The js of a full profile (status "0").
std::string FullProfile(const ProfileFacts& facts, const PortalCall& call);

// {"status":1, ...}: the box shows the text and goes no further. An empty `reason` is left out.
std::string BlockedProfile(std::string_view reason, std::string_view html);
// The portal is closed: the box asks stb/check_portal_status each minute and starts again on true.
std::string ClosedProfile(std::string_view html);

// "02.01.2027 (365 days)", or nothing for an open-ended entitlement.
std::optional<std::string> SpokenEnd(const Entitlement& entitlement, WallTime now,
                                     const TimeZone& zone);

}  // namespace holdfast::middleware

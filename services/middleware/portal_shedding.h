// Which portal calls may be given up when there is more to do than this instance can, and what the
// box is told then. HTTP 200 and the shape of the action: a box that meets another status may lose
// its lists for the whole session, or end its process (portal protocol, section 13). But for the
// guide block: an empty one would be believed until the box asks again, which is in hours; after a
// 503 Kodi asks again within seconds.
//
//   critical     a zap; what a box asks for once at its start and never again
//   interactive  the heartbeat, guide pages, settings: asked again soon, or seen to have failed
//   background   the guide block, what boxes only tell
#pragma once

#include <string_view>

#include "libs/base/criticality.h"

namespace holdfast::middleware {

struct Shedding {
  Criticality criticality = Criticality::kInteractive;
  std::string_view js = "false";  // the payload for a box that is turned away
  // The action is called nevertheless (PortalCall::admitted) and gives what costs next to nothing.
  bool looks_itself = false;
};

Shedding SheddingOf(std::string_view type, std::string_view action);

}  // namespace holdfast::middleware

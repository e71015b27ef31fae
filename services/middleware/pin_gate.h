// Whether a box may have links to what is locked: adult channels and films, and channels that its
// viewer locked. Boxes ask for the PIN themselves; an operator may want it shown here, too.
#pragma once

#include <string_view>

#include "services/middleware/attempt_limiter.h"
#include "services/middleware/domain/lineup.h"
#include "services/middleware/portal_call.h"

namespace holdfast::middleware {

// Thread-safe; never blocks.
class PinGate {
 public:
  // `required`: the PIN has to come with the call. Otherwise everything is open.
  PinGate(bool required, const Clock& clock)
      : required_(required),
        wrong_by_mac_({.attempts = 10, .window = std::chrono::seconds(60)}, clock) {}

  // Whether the call shows the PIN of its (known) device, as `pin` or `parent_password`. After ten
  // wrong ones in a minute not even the right one does.
  bool Opens(const PortalCall& call);

 private:
  const bool required_;
  AttemptLimiter wrong_by_mac_;
};

// Links to what is locked are asked for by these alone.
bool AsksForLink(std::string_view action);

bool IsLocked(const Channel& channel, const BoxSettings& settings);

}  // namespace holdfast::middleware

// Turns boxes away before anything is asked, stored or signed for them, and counts it: whoever
// tries MACs one after the other costs no query and is seen.
//
//   registrations   a row in PostgreSQL for each box that nobody knows
//   tokens          a signature for each handshake of such a box
//   look-ups        a query for each call with a token of a box that this instance does not know
//
// Each is limited for an address and for this instance.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/synchronization/mutex.h"
#include "libs/base/clock.h"
#include "libs/base/string_map.h"
#include "libs/telemetry/metrics.h"
#include "services/middleware/attempt_limiter.h"
#include "services/middleware/config.h"
#include "services/middleware/domain/hardware.h"

namespace holdfast::middleware {

enum class Refused { kUnknown, kMacRange, kHardware, kFirmware, kTooMany, kBlocked, kClosed };

// Thread-safe; never blocks.
class BoxGuard {
 public:
  BoxGuard(const PortalConfig& config, telemetry::Metrics& metrics, const Clock& clock);

  // False: one too many from that address or of all, and counted as such.
  bool MayRegister(std::string_view address) { return Allow(registrations_, address); }
  bool MayHaveToken(std::string_view address) { return Allow(tokens_, address); }
  bool MayBeLookedUp(std::string_view address) { return Allow(look_ups_, address); }

  void Count(Refused reason);

  // A box started whose ids look like another box's.
  void Suspect(CloneSign sign) { suspected_.With({NameOf(sign)}).Add(); }

  // A box began a session. When its former one began a moment ago at another address, two boxes
  // are taking turns: counted.
  void SessionBegan(std::string_view mac, std::string_view address, WallTime now);

 private:
  struct Allowance {
    bool limited = false;
    AttemptLimiter by_address;
    AttemptLimiter of_all;
  };
  struct Start {
    std::string address;
    std::int64_t at = 0;  // epoch seconds
  };

  bool Allow(Allowance& allowance, std::string_view address);

  const std::int64_t turn_seconds_;  // within which two boxes of one MAC take turns
  telemetry::CounterFamily refused_, suspected_;
  Allowance registrations_, tokens_, look_ups_;

  // Starts of this and of the former while: older ones prove nothing.
  absl::Mutex mutex_;
  StringMap<Start> starts_ ABSL_GUARDED_BY(mutex_);
  StringMap<Start> former_starts_ ABSL_GUARDED_BY(mutex_);
  std::int64_t starts_since_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace holdfast::middleware

// Knobs of how many devices of an account may play at once.
#pragma once

#include <algorithm>
#include <chrono>
#include <string>

#include "libs/config/knobs.h"
#include "services/middleware/stream_slots.h"

namespace holdfast::middleware {

struct StreamsConfig {
  std::string limit = "enforce";
  std::chrono::milliseconds lease = std::chrono::minutes(5);
  std::chrono::milliseconds silent_lease = std::chrono::minutes(10);
  std::chrono::milliseconds reload_lease = std::chrono::seconds(90);

  void Describe(config::Knobs& k) {
    using namespace std::chrono_literals;
    k.Choice("limit", limit, {"enforce", "count", "off"},
             "What becomes of a device beyond the streams that the tariff plan allows at once: it "
             "is refused, it is only counted, or nobody is counted.");
    k.Duration("lease", lease, {.min = 1min, .max = 12h},
               "How long a device counts as playing after its last sign, where it gives signs: "
               "boxes that log what they play. Never less than two and a half heartbeats.");
    k.Duration("silent_lease", silent_lease, {.min = 1min, .max = 48h},
               "The same after its last link, for players that give no sign while they play: Kodi, "
               "and apps that play on from where they were sent. Longer counts more of them, and "
               "lets a household wait longer for the place of one that was switched off.");
    k.Duration("reload_lease", reload_lease, {.min = 15s, .max = 1h},
               "The same after the last reload, for players that come back for each reload of a "
               "live playlist.");
  }

  // `shared`: there is a Redis through which instances tell one another.
  StreamSlots::Options Options(std::chrono::milliseconds heartbeat, bool shared) const {
    using Mode = StreamSlots::Mode;
    return {.mode = limit == "off"     ? Mode::kOff
                    : limit == "count" ? Mode::kCount
                                       : Mode::kEnforce,
            .leases = {.lease = std::max(lease, heartbeat * 5 / 2),
                       .silent_lease = silent_lease,
                       .reload_lease = reload_lease},
            .shared = shared};
  }
};

}  // namespace holdfast::middleware

// Who may have which content key.
#pragma once

#include <chrono>
#include <string_view>

#include "absl/status/status.h"
#include "services/drm/domain/epoch.h"

namespace holdfast::drm {

struct KeyPolicy {
  std::chrono::seconds oldest = std::chrono::hours(24 * 8);  // how far back catch-up may go
};

// OK if the key of that period may leave now. NOT_FOUND for a period further ahead than the next
// one, or too long ago.
absl::Status CheckPeriod(std::int64_t period, const KeyPolicy& policy, const Periods& periods,
                         WallTime now);

// PERMISSION_DENIED unless the play token was made for this very channel.
absl::Status CheckChannel(const ChannelId& wanted, std::string_view channel_of_token);

}  // namespace holdfast::drm

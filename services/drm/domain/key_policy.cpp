#include "services/drm/domain/key_policy.h"

#include "libs/base/status.h"

namespace holdfast::drm {

absl::Status CheckPeriod(std::int64_t period, const KeyPolicy& policy, const Periods& periods,
                         WallTime now) {
  // Compared as numbers: the start of a period that somebody made up may lie outside of time.
  if (period > periods.At(now) + 1) return NotFound("period {} is in the future", period);
  if (period < periods.At(now - policy.oldest)) return NotFound("period {} is too old", period);
  return absl::OkStatus();
}

absl::Status CheckChannel(const ChannelId& wanted, std::string_view channel_of_token) {
  if (wanted.value() == channel_of_token) return absl::OkStatus();
  return PermissionDenied("the play token is for another channel than {}", wanted.value());
}

}  // namespace holdfast::drm

#include "services/drm/jobs.h"

namespace holdfast::drm {

absl::Status RefreshJob::Run(Deadline deadline) {
  const absl::Status keys = play_keys_.Reload();
  const absl::Status epochs = maker_.Refresh(deadline);
  return keys.ok() ? epochs : keys;
}

}  // namespace holdfast::drm

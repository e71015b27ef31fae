#include "services/drm/play_keys.h"

#include "libs/base/status.h"

namespace holdfast::drm {

absl::Status PlayKeys::Reload() {
  absl::StatusOr<security::KeySet> loaded = security::KeySet::Load(folder_);
  if (!loaded.ok()) return Annotate(loaded.status(), "play keys");
  auto keys = std::make_shared<const security::KeySet>(*std::move(loaded));
  absl::MutexLock lock(&mutex_);
  keys_ = std::move(keys);
  return absl::OkStatus();
}

}  // namespace holdfast::drm

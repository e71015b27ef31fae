#include "libs/security/key_folder.h"

#include "libs/base/status.h"

namespace holdfast::security {

absl::Status KeyFolder::Reload() {
  if (!configured()) return absl::OkStatus();
  HOLDFAST_ASSIGN_OR_RETURN(KeySet loaded, KeySet::Load(folder_));
  if (need_ == Need::kToSign && loaded.signing_key_id().empty()) {
    return NotFound("{}: holds public keys only, and no .key to sign with", folder_);
  }
  auto keys = std::make_shared<const KeySet>(std::move(loaded));
  absl::MutexLock lock(&mutex_);
  keys_ = std::move(keys);
  return absl::OkStatus();
}

}  // namespace holdfast::security

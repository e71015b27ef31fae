// The keys that play tokens are verified with, read again while we run so that a rotation needs no
// restart.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "libs/security/key_set.h"

namespace holdfast::drm {

// Thread-safe. Reload blocks on disk: start-up and job threads.
class PlayKeys {
 public:
  explicit PlayKeys(std::string folder) : folder_(std::move(folder)) {}

  // An error keeps the keys there were.
  absl::Status Reload();

  std::shared_ptr<const security::KeySet> Current() const {  // never null
    absl::MutexLock lock(&mutex_);
    return keys_;
  }

 private:
  const std::string folder_;
  mutable absl::Mutex mutex_;
  std::shared_ptr<const security::KeySet> keys_ ABSL_GUARDED_BY(mutex_) =
      std::make_shared<security::KeySet>();
};

}  // namespace holdfast::drm

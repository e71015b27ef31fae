// A folder of keys that is read again while we run, so that a rotation needs no restart.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "libs/security/key_set.h"

namespace holdfast::security {

// Thread-safe. Reload blocks on disk: start-up and job threads.
class KeyFolder {
 public:
  enum class Need { kToVerify, kToSign };

  // Holds no key before the first Reload. An empty `folder`: never any.
  KeyFolder(std::string folder, Need need) : folder_(std::move(folder)), need_(need) {}

  // An error names the folder or the file and keeps the keys there were: a file half written, or
  // the one that signs taken away, changes nothing.
  absl::Status Reload();

  bool configured() const { return !folder_.empty(); }

  std::shared_ptr<const KeySet> Current() const {  // never null
    absl::MutexLock lock(&mutex_);
    return keys_;
  }

 private:
  const std::string folder_;
  const Need need_;
  mutable absl::Mutex mutex_;
  std::shared_ptr<const KeySet> keys_ ABSL_GUARDED_BY(mutex_) = std::make_shared<KeySet>();
};

}  // namespace holdfast::security

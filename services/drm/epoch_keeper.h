// The epochs of this instance: in memory for key requests, on disk (wrapped) for a start without
// the database.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/deadline.h"
#include "libs/security/key_set.h"
#include "services/drm/domain/epoch.h"
#include "services/drm/store.h"

namespace holdfast::drm {

// Thread-safe. Ring() never blocks; LoadFromDisk and Take block on disk: worker and job threads.
//
// Epochs are only ever added. A database that lost some (restored from a backup) does not make us
// forget them; MissingFrom says what it should get back.
class EpochKeeper {
 public:
  using Ring = std::shared_ptr<const KeyRing>;

  // `keks` wrap and unwrap; the newest wraps. `file`: the copy on disk.
  EpochKeeper(security::KeySet keks, std::string file);

  Ring ring() const;  // never null
  bool loaded() const { return !ring()->empty(); }

  // False if there are still no epochs at the deadline.
  bool WaitUntilLoaded(Deadline deadline) const;

  // NOT_FOUND: no copy. DATA_LOSS: damaged, or wrapped with a KEK that is not held.
  absl::Status LoadFromDisk();

  // Takes what the database holds and saves the copy if that was news. An epoch that cannot be
  // unwrapped refuses all of it: a gap would make us derive other keys than our neighbours.
  absl::Status Take(const std::vector<StoredEpoch>& epochs);

  // What we hold and `epochs` lacks.
  std::vector<StoredEpoch> MissingFrom(const std::vector<StoredEpoch>& epochs) const;

  StoredEpoch Wrap(const Epoch& epoch) const;
  // Nothing for an epoch that is wrapped with the newest KEK already.
  std::optional<StoredEpoch> WithNewestKek(const StoredEpoch& epoch) const;

 private:
  using StoredById = std::map<EpochId, StoredEpoch>;

  absl::StatusOr<KeyRing> Unwrap(const StoredById& stored) const;
  absl::Status Adopt(StoredById stored);

  const security::KeySet keks_;
  const std::string file_;
  mutable absl::Mutex update_mutex_;  // one update at a time, including its disk write
  StoredById stored_ ABSL_GUARDED_BY(update_mutex_);
  bool saved_ ABSL_GUARDED_BY(update_mutex_) = true;
  mutable absl::Mutex ring_mutex_;  // held for a pointer copy
  Ring ring_ ABSL_GUARDED_BY(ring_mutex_) = std::make_shared<KeyRing>();
};

}  // namespace holdfast::drm

// What happens unasked: the inventory is followed. (Probing has its own thread, see edge_prober.h.)
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/clock.h"
#include "libs/base/deadline.h"
#include "services/cdn_routing/domain/inventory.h"
#include "services/cdn_routing/metrics.h"
#include "services/cdn_routing/store.h"

namespace holdfast::cdn_routing {

// This instance's copy of the inventory: in memory, on disk, and as fresh as the database allows.
// Thread-safe. Borrows the store and the rest, which outlive it.
class InventoryFollower {
 public:
  // Told at each change, on the thread that noticed it, one call at a time.
  using OnChange = std::function<void(const Inventory&)>;

  InventoryFollower(Store& store, std::string file, OnChange on_change, const Metrics& metrics,
                    const Clock& clock);

  // What an earlier process left; before anything else. A missing or damaged file is no news.
  void LoadFromDisk();

  // Looks at the database and takes what changed. An error leaves everything as it was.
  absl::Status Refresh(Deadline deadline);

  std::shared_ptr<const Inventory> current() const;  // never null
  bool known() const;    // from the database or from disk, if only as "there is nothing yet"
  Duration age() const;  // since the database last confirmed it, or since the start

 private:
  void Take(Inventory inventory) ABSL_EXCLUSIVE_LOCKS_REQUIRED(refreshing_);
  void Confirm();

  Store& store_;
  const std::string file_;
  const OnChange on_change_;
  const Metrics& metrics_;
  const Clock& clock_;

  absl::Mutex refreshing_;  // one at a time; held while the database is asked
  mutable absl::Mutex mutex_ ABSL_ACQUIRED_AFTER(refreshing_);
  std::shared_ptr<const Inventory> current_ ABSL_GUARDED_BY(mutex_);
  bool known_ ABSL_GUARDED_BY(mutex_) = false;
  SteadyTime confirmed_at_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace holdfast::cdn_routing

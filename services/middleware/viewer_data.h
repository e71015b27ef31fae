// What belongs to viewers: resume points, history, favourite films and stations, reminders. Golden:
// a write is acknowledged when PostgreSQL has it, or when it is on local disk and will be replayed.
//
// Read from PostgreSQL when it can be used; otherwise the last copy that this instance has, with
// what waits on its disk merged in. The later write by time and sequence wins wherever two meet, so
// replays and late arrivals do no harm.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "libs/base/string_map.h"
#include "libs/base/worker_pool.h"
#include "libs/replica/stale_cache.h"
#include "libs/storage/disk_spool.h"
#include "services/middleware/domain/viewer_item.h"
#include "services/middleware/store.h"
#include "services/middleware/viewer_writes.h"

namespace holdfast::middleware {

// Thread-safe. Load and Save block (worker threads); Flush is for one job thread.
class ViewerData {
 public:
  struct Options {
    std::string file;      // copies on disk; empty: none
    std::string instance;  // makes history ids differ between instances
  };
  struct Loaded {
    std::shared_ptr<const ViewerItems> items;  // never null
    bool degraded = false;                     // PostgreSQL could not be asked
  };
  enum class Path {
    kDatabaseFirst,  // another instance sees it at once
    kDiskFirst,      // within a second: for what comes often
  };

  ViewerData(const Options& options, Store& store, storage::DiskSpool& spool,
             const DatabaseHealth& database, WorkerPool& workers, const Clock& clock,
             telemetry::Metrics& metrics);

  Loaded Load(const std::string& viewer, Deadline deadline);
  // What this instance last read or wrote of the viewer, from memory: never blocks. Null: nothing.
  std::shared_ptr<const ViewerItems> Known(const std::string& viewer);

  // Gives the items their time and sequence. RESOURCE_EXHAUSTED when neither PostgreSQL nor the
  // disk takes them.
  absl::Status Save(const std::string& viewer, std::vector<ViewerItem> items, Path path,
                    Deadline deadline);

  // A number that no other entry of this viewer has, and that boxes can read.
  std::int64_t NewHistoryId();

  // Before the first request: copies on disk, and what an earlier run left in the spool.
  void LoadFromDisk();
  absl::Status SaveToDisk() { return cache_.SaveToDisk(); }
  absl::Status Flush(Deadline deadline);

 private:
  std::shared_ptr<ViewerItems> WithPending(const std::string& viewer, const SharedBytes& bytes);
  absl::Status Spool(const std::string& viewer, const std::vector<ViewerItem>& items);
  void ForgetPending(const std::vector<ViewerItemWrite>& delivered);

  Store& store_;
  storage::DiskSpool& spool_;
  const DatabaseHealth& database_;
  const Clock& clock_;
  replica::StaleCache cache_;
  std::atomic<std::int64_t> sequence_;

  absl::Mutex mutex_;
  StringMap<std::vector<ViewerItem>> pending_ ABSL_GUARDED_BY(mutex_);  // spooled, by viewer
};

}  // namespace holdfast::middleware

// What belongs to viewers: resume points, history, favourite films and stations, reminders. Golden:
// a write is acknowledged when PostgreSQL has it, or when it is on local disk and will be replayed.
//
// Read from PostgreSQL when it can be used; otherwise the last copy that this instance has, with
// what waits on its disk merged in. The later write by time and sequence wins wherever two meet, so
// replays and late arrivals do no harm. The time is the device's where it tells one (apps); boxes
// do not, and theirs is when the instance was asked.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
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

  struct Written {
    bool degraded = false;         // it waits on disk for a database that cannot be used
    std::vector<ViewerItem> held;  // what is held of each item now, in their order: not what was
                                   // written where something newer was there
  };
  struct HistoryPage {
    std::vector<ViewerItem> items;
    bool more = false;
    bool degraded = false;  // of what this instance has; further entries may be in PostgreSQL
  };

  ViewerData(const Options& options, Store& store, storage::DiskSpool& spool,
             const DatabaseHealth& database, WorkerPool& workers, const Clock& clock,
             telemetry::Metrics& metrics);

  Loaded Load(const std::string& viewer, Deadline deadline);
  // What this instance last read of the viewer, and what it wrote since, from memory: never blocks.
  // Null: nothing.
  std::shared_ptr<const ViewerItems> Known(const std::string& viewer);
  // Entries that are there behind `after`; all of them, not only the newest.
  HistoryPage History(const std::string& viewer, const ItemPosition& after, std::size_t limit,
                      Deadline deadline);

  // Items without a time get ours, and are the newest; those with one (all of a call) have the
  // device's. A removal of what is known not to be there writes nothing.
  //
  //   INVALID_ARGUMENT     a key or a text that cannot be kept
  //   FAILED_PRECONDITION  the viewer would have more than kMaxViewerItems
  //   RESOURCE_EXHAUSTED   neither PostgreSQL nor the disk takes it
  absl::StatusOr<Written> Save(const std::string& viewer, std::vector<ViewerItem> items, Path path,
                               Deadline deadline);

  // A number that no other entry of this viewer has, and that boxes can read.
  std::int64_t NewHistoryId();

  // Before the first request: copies on disk, and what an earlier run left in the spool.
  void LoadFromDisk();
  absl::Status SaveToDisk() { return cache_.SaveToDisk(); }
  absl::Status Flush(Deadline deadline);
  // Removals that are older than every write that may still come: a job, now and then.
  absl::Status ForgetRemoved(Deadline deadline);

 private:
  // Guards changes of copies in the cache: they are read, changed and put back.
  struct Stripe {
    absl::Mutex mutex;
    std::uint64_t writes ABSL_GUARDED_BY(mutex) = 0;  // of viewers of this stripe
  };
  static constexpr std::size_t kStripes = 64;

  Stripe& StripeOf(const std::string& viewer);
  std::vector<ViewerItem> PendingOf(const std::string& viewer);
  std::shared_ptr<ViewerItems> WithPending(const std::string& viewer, const SharedBytes& bytes);
  // Takes what was just read from PostgreSQL as the copy; `writes`: of the stripe, before reading.
  ViewerItems KeepCopy(const std::string& viewer, std::vector<ViewerItem> stored,
                       std::uint64_t writes);
  // Into the copy, if there is one: a few items must not be taken for the whole.
  void MergeIntoCopy(const std::string& viewer, const std::vector<ViewerItem>& items);
  absl::StatusOr<Written> SaveToSpool(const std::string& viewer, std::vector<ViewerItem> items,
                                      ItemTimes times);
  absl::Status Spool(const std::string& viewer, const std::vector<ViewerItem>& items);
  absl::Status Deliver(const std::vector<ViewerItemWrite>& writes, Deadline deadline);
  void ForgetPending(const std::vector<ViewerItemWrite>& delivered);

  Store& store_;
  storage::DiskSpool& spool_;
  const DatabaseHealth& database_;
  const Clock& clock_;
  replica::StaleCache cache_;
  std::array<Stripe, kStripes> stripes_;
  std::atomic<std::int64_t> sequence_;

  absl::Mutex mutex_;
  StringMap<std::vector<ViewerItem>> pending_ ABSL_GUARDED_BY(mutex_);  // spooled, by viewer
};

}  // namespace holdfast::middleware

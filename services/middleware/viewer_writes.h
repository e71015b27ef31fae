// What viewers change from the box: favourites and the last channel. Shown at once, stored soon,
// never lost by an outage of PostgreSQL.
//
//   favourites    answered when PostgreSQL has them or when they are on local disk (then replayed
//                 when PostgreSQL returns). The last writer wins by time, so replays and late
//                 arrivals do no harm.
//   last channel  remembered in memory and stored in batches: a crash loses seconds of it.
#pragma once

#include <atomic>
#include <string>

#include "absl/synchronization/mutex.h"
#include "libs/base/clock.h"
#include "libs/base/string_map.h"
#include "libs/storage/disk_spool.h"
#include "services/middleware/device_table.h"
#include "services/middleware/store.h"

namespace holdfast::middleware {

// Whether PostgreSQL answered lately; written by the follower, read before a call that would only
// wait. Thread-safe.
class DatabaseHealth {
 public:
  bool usable() const { return usable_.load(std::memory_order_relaxed); }
  void Set(bool usable) { usable_.store(usable, std::memory_order_relaxed); }

 private:
  std::atomic<bool> usable_ = true;  // hope first: the first call tells
};

// Thread-safe. SaveFavourites blocks (worker threads); Flush is for one job thread.
class ViewerWrites {
 public:
  ViewerWrites(Store& store, DeviceTable& devices, storage::DiskSpool& spool,
               const DatabaseHealth& database, const Clock& clock);

  // What was spooled by an earlier run is shown again. Before the first request.
  void ShowPending();

  // RESOURCE_EXHAUSTED when neither PostgreSQL nor the disk takes it.
  absl::Status SaveFavourites(const Device& device, std::vector<ChannelId> favourites,
                              Deadline deadline);

  void NoteLastChannel(const Device& device, ChannelId channel);

  // Replays the spool and stores last channels. Quiet while PostgreSQL is away.
  absl::Status Flush(Deadline deadline);

 private:
  absl::Status FlushLastChannels(Deadline deadline);
  absl::Status ReplaySpool(Deadline deadline);

  Store& store_;
  DeviceTable& devices_;
  storage::DiskSpool& spool_;
  const DatabaseHealth& database_;
  const Clock& clock_;

  absl::Mutex mutex_;
  StringMap<LastChannelWrite> last_channels_ ABSL_GUARDED_BY(mutex_);  // newest of each device
};

}  // namespace holdfast::middleware

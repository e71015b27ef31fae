// What viewers change from the box: favourites, settings, the last channel, the session. Shown at
// once, stored soon, never lost by an outage of PostgreSQL.
//
//   favourites, settings   answered when PostgreSQL has them or when they are on local disk (then
//                          replayed when PostgreSQL returns). The last writer wins by time, so
//                          replays and late arrivals do no harm.
//   last channel, session, firmware
//                          remembered in memory and stored in batches: a crash loses seconds.
#pragma once

#include <atomic>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

// The setting that says what the box runs; viewers cannot set it.
inline constexpr std::string_view kFirmware = "box.firmware";

// Thread-safe. What saves blocks (worker threads); what notes does not; Flush is for one job
// thread.
class ViewerWrites {
 public:
  struct Spools {
    storage::DiskSpool& favourites;
    storage::DiskSpool& settings;
  };

  ViewerWrites(Store& store, DeviceTable& devices, const Spools& spools,
               const DatabaseHealth& database, const Clock& clock);

  // What was spooled by an earlier run is shown again. Before the first request.
  void ShowPending();

  // RESOURCE_EXHAUSTED when neither PostgreSQL nor the disk takes it.
  absl::Status SaveFavourites(const Device& device, std::vector<ChannelId> favourites,
                              Deadline deadline);

  // By name. RESOURCE_EXHAUSTED likewise.
  absl::Status SaveSettings(const Device& device,
                            const std::vector<std::pair<std::string, std::string>>& values,
                            Deadline deadline);

  void NoteLastChannel(const Device& device, ChannelId channel);
  // What the box says of itself (kFirmware, ...). Kept where settings are, under a name that
  // viewers cannot set.
  void NoteOfBox(const Device& device, std::string_view name, std::string_view value);
  // The box loaded its profile with a token of ours made at `since` (epoch seconds).
  void NoteSession(const Device& device, std::int64_t since);

  // Replays the spools and stores what was noted. Quiet while PostgreSQL is away.
  absl::Status Flush(Deadline deadline);

 private:
  // Stores what was noted in one of the maps below; what cannot be stored is noted again.
  template <class Write>
  absl::Status FlushNoted(StringMap<Write> ViewerWrites::*noted,
                          absl::Status (Store::*save)(Deadline, const std::vector<Write>&),
                          Deadline deadline);

  Store& store_;
  DeviceTable& devices_;
  const Spools spools_;
  const DatabaseHealth& database_;
  const Clock& clock_;

  absl::Mutex mutex_;
  StringMap<LastChannelWrite> last_channels_ ABSL_GUARDED_BY(mutex_);  // newest of each device
  StringMap<SessionWrite> sessions_ ABSL_GUARDED_BY(mutex_);           // likewise
  StringMap<SettingsWrite> of_boxes_ ABSL_GUARDED_BY(mutex_);          // likewise
};

}  // namespace holdfast::middleware

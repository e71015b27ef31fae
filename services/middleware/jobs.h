// What middleware does without being asked.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "libs/replica/replica.h"
#include "services/middleware/account_notes.h"
#include "services/middleware/device_table.h"
#include "services/middleware/event_board.h"
#include "services/middleware/item_follower.h"
#include "services/middleware/store.h"
#include "services/middleware/viewer_writes.h"

namespace holdfast::middleware {

// Keeps the lineup and the devices in memory like those in PostgreSQL: every second it asks for the
// two revisions, and reads only what is beyond those it holds. While PostgreSQL is away, everything
// stays as it is and grows old.
//
// Follow is for one thread (a job); the rest is thread-safe.
class DatabaseFollower {
 public:
  DatabaseFollower(Store& store, replica::ReplicaBase& lineup, DeviceTable& devices,
                   EventBoard& events, replica::ReplicaBase& catalogue,
                   replica::ReplicaBase& account_notes, DatabaseHealth& health, const Clock& clock)
      : store_(store),
        lineup_(lineup),
        devices_(devices),
        events_(events),
        follow_events_(store, "box_event", events.replica()),
        catalogue_(catalogue),
        follow_catalogue_(store, "catalogue", catalogue),
        account_notes_(account_notes),
        follow_account_notes_(store, std::string(kAccountNoteTopic), account_notes),
        health_(health),
        clock_(clock) {}

  // Copies on disk, if there are any: what is served until PostgreSQL answers.
  void LoadFromDisk();

  absl::Status Follow(Deadline deadline);

 private:
  absl::Status FollowLineup(const Position& position, Deadline deadline);
  absl::Status FollowDevices(const Position& position, Deadline deadline);
  absl::Status FollowReceipts(const Position& position, Deadline deadline);
  absl::Status ReadAllDevices(const Position& position, Deadline deadline);
  absl::Status ReadChangedDevices(const Position& position, Deadline deadline);
  void Save();

  Store& store_;
  replica::ReplicaBase& lineup_;
  DeviceTable& devices_;
  EventBoard& events_;
  ItemFollower follow_events_;
  replica::ReplicaBase& catalogue_;
  ItemFollower follow_catalogue_;
  replica::ReplicaBase& account_notes_;
  ItemFollower follow_account_notes_;
  std::uint64_t receipts_seen_ = 0;
  std::string receipts_seen_life_;
  DatabaseHealth& health_;
  const Clock& clock_;
  std::uint64_t devices_seen_ = 0;  // the counter when the last change was read
  std::string devices_seen_life_;
  SteadyTime devices_saved_at_;
};

// Something to be repeated; see app::Runtime::Repeat.
struct Job {
  std::string name;
  std::chrono::milliseconds interval{0};
  std::function<absl::Status(Deadline)> body;
};

}  // namespace holdfast::middleware

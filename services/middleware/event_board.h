// Events for boxes, in the memory of every instance: what operators sent, and which box is done
// with what. A heartbeat is answered from here.
//
// Events and receipts are followed from PostgreSQL like the lineup; events have a copy on disk.
// What a box confirms counts here at once, is stored in batches, and reaches the other instances
// within a second: until then a box may be shown an event a second time. Commands are idempotent.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/string_map.h"
#include "libs/replica/replica.h"
#include "services/middleware/domain/box_event.h"
#include "services/middleware/snapshot.h"
#include "services/middleware/store.h"

namespace holdfast::middleware {

// Thread-safe; Find and Done never block. Flush is for one job thread.
class EventBoard {
 public:
  struct Found {
    std::shared_ptr<const BoxEvent> event;  // null: nothing to do
    int waiting = 0;                        // how many there are, this one included
  };

  EventBoard(std::string file, const Clock& clock, telemetry::Metrics& metrics);
  ~EventBoard();

  Found Find(const EventReceiver& receiver, WallTime now) const;

  // The box confirmed it, or got it and need not confirm it.
  void Done(std::int64_t event_id, std::string_view mac, WallTime now);

  // Fed by the follower: replica items of topic "box_event".
  replica::ReplicaBase& replica();
  void TakeReceipts(const std::vector<EventReceipt>& receipts);

  // Stores what boxes confirmed since the last call.
  absl::Status Flush(Store& store, Deadline deadline);

  std::vector<std::shared_ptr<const BoxEvent>> Events() const;

 private:
  struct Index {
    absl::flat_hash_set<std::int64_t> ids;
    std::vector<std::shared_ptr<const BoxEvent>> wide;  // for more than named boxes, in order
    StringMap<std::vector<std::shared_ptr<const BoxEvent>>> by_mac;  // in order
  };
  class Replica;
  struct Shard {
    mutable absl::Mutex mutex;
    StringMap<absl::flat_hash_set<std::int64_t>> done ABSL_GUARDED_BY(mutex);  // by MAC
  };
  static constexpr std::size_t kShards = 16;

  void Build(std::vector<std::shared_ptr<const BoxEvent>> events);
  void ForgetReceiptsOfGoneEvents(const absl::flat_hash_set<std::int64_t>& present);
  Shard& ShardOf(std::string_view mac);
  const Shard& ShardOf(std::string_view mac) const;

  Snapshot<Index> index_;
  std::unique_ptr<Replica> replica_;
  std::array<Shard, kShards> shards_;
  absl::Mutex mutex_;
  std::vector<EventReceipt> unsaved_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace holdfast::middleware

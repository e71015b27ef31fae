// All devices, by MAC, in the memory of every instance: a replica of the table in PostgreSQL (see
// DatabaseFollower) with a copy on disk, so that a box is known while the database is away.
//
// A million devices: not one immutable picture but shards, each with its own lock; a device itself
// is immutable and shared.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "libs/base/string_map.h"
#include "libs/replica/replica.h"
#include "services/middleware/domain/device.h"

namespace holdfast::middleware {

using SharedDevice = std::shared_ptr<const Device>;

// Find and Put: any thread. What comes from ReplicaBase: the following thread only.
class DeviceTable final : public replica::ReplicaBase {
 public:
  DeviceTable(const replica::ReplicaOptions& options, const Clock& clock,
              telemetry::Metrics& metrics);

  // Null if unknown.
  SharedDevice Find(std::string_view mac) const;

  // What this instance has just written, so that the box's next request sees it. An older row than
  // the one held is ignored.
  void Put(Device device);

  // Changes the viewer's own data before the database has them (see Merge). Nothing happens for an
  // unknown device or an older change.
  void SetFavourites(std::string_view mac, std::vector<ChannelId> favourites, std::int64_t at_ms);
  void SetLastChannel(std::string_view mac, ChannelId channel, std::int64_t at_ms);
  void SetSettings(std::string_view mac, const BoxSettings& settings);
  // A session begins with a token of ours: one that the box made up is worthless from now on.
  void SetSession(std::string_view mac, std::int64_t since);

  // `left` is called for a device as it was before it left its account or its tokens were revoked.
  // Set before anything else is called; must not call back.
  void WhenLeft(std::function<void(const Device&)> left) { left_ = std::move(left); }

  std::size_t size() const;
  std::vector<std::string> Macs() const;

 protected:
  absl::Status ApplyItems(bool full,
                          const std::vector<std::pair<std::string, SharedBytes>>& items) override;
  std::vector<std::pair<std::string, SharedBytes>> AllItems() const override;

 private:
  struct Shard {
    mutable absl::Mutex mutex;
    StringMap<SharedDevice> devices ABSL_GUARDED_BY(mutex);
  };
  static constexpr std::size_t kShards = 64;

  Shard& ShardOf(std::string_view mac);
  const Shard& ShardOf(std::string_view mac) const;
  void Compare(const Device& before, const Device& after) const;
  template <class Change>
  void ChangeHeld(std::string_view mac, const Change& change);

  std::array<Shard, kShards> shards_;
  std::function<void(const Device&)> left_;
};

}  // namespace holdfast::middleware

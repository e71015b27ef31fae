#include "services/middleware/device_table.h"

#include <utility>

#include "libs/base/status.h"
#include "services/middleware/convert.h"

namespace holdfast::middleware {

DeviceTable::DeviceTable(const replica::ReplicaOptions& options, const Clock& clock,
                         telemetry::Metrics& metrics)
    : ReplicaBase(options, clock, metrics) {}

DeviceTable::Shard& DeviceTable::ShardOf(std::string_view mac) {
  return shards_[StringHash()(mac) % kShards];
}
const DeviceTable::Shard& DeviceTable::ShardOf(std::string_view mac) const {
  return shards_[StringHash()(mac) % kShards];
}

SharedDevice DeviceTable::Find(std::string_view mac) const {
  const Shard& shard = ShardOf(mac);
  absl::ReaderMutexLock lock(&shard.mutex);
  const SharedDevice* found = holdfast::Find(shard.devices, mac);
  return found == nullptr ? nullptr : *found;
}

void DeviceTable::Compare(const Device& before, const Device& after) const {
  if (left_ && (after.account != before.account || after.generation > before.generation)) {
    left_(before);
  }
}

void DeviceTable::Put(Device device) {
  Shard& shard = ShardOf(device.mac);
  absl::MutexLock lock(&shard.mutex);
  SharedDevice& held = shard.devices[device.mac];
  if (held != nullptr) {
    if (held->revision > device.revision) return;
    Compare(*held, device);
    device = Merge(*held, std::move(device));
  }
  held = std::make_shared<const Device>(std::move(device));
}

template <class Change>
void DeviceTable::ChangeHeld(std::string_view mac, const Change& change) {
  Shard& shard = ShardOf(mac);
  absl::MutexLock lock(&shard.mutex);
  SharedDevice* held = holdfast::Find(shard.devices, mac);
  if (held == nullptr) return;
  auto next = std::make_shared<Device>(**held);
  change(*next);
  *held = std::move(next);
}

void DeviceTable::SetFavourites(std::string_view mac, std::vector<ChannelId> favourites,
                                std::int64_t at_ms) {
  ChangeHeld(mac, [&](Device& device) {
    if (device.favourites_at_ms >= at_ms) return;
    device.favourites = std::move(favourites);
    device.favourites_at_ms = at_ms;
  });
}

void DeviceTable::SetLastChannel(std::string_view mac, ChannelId channel, std::int64_t at_ms) {
  ChangeHeld(mac, [&](Device& device) {
    if (device.last_channel_at_ms >= at_ms) return;
    device.last_channel = channel;
    device.last_channel_at_ms = at_ms;
  });
}

void DeviceTable::SetSettings(std::string_view mac, const BoxSettings& settings) {
  ChangeHeld(mac, [&](Device& device) { MergeNewer(device.settings, settings); });
}

void DeviceTable::SetSession(std::string_view mac, std::int64_t since) {
  ChangeHeld(mac, [&](Device& device) {
    if (device.session_since >= since) return;
    device.session_since = since;
    device.chosen_token_hash.clear();
  });
}

std::size_t DeviceTable::size() const {
  std::size_t count = 0;
  for (const Shard& shard : shards_) {
    absl::ReaderMutexLock lock(&shard.mutex);
    count += shard.devices.size();
  }
  return count;
}

std::vector<std::string> DeviceTable::Macs() const {
  std::vector<std::string> macs;
  for (const Shard& shard : shards_) {
    absl::ReaderMutexLock lock(&shard.mutex);
    for (const auto& [mac, device] : shard.devices) macs.push_back(mac);
  }
  return macs;
}

absl::Status DeviceTable::ApplyItems(
    bool full, const std::vector<std::pair<std::string, SharedBytes>>& items) {
  std::array<std::vector<std::pair<std::string, SharedDevice>>, kShards> incoming;
  for (const auto& [mac, bytes] : items) {
    SharedDevice device;  // null: deleted
    if (bytes != nullptr) {
      v1::DeviceItem item;
      if (!item.ParseFromString(*bytes)) return DataLoss("device {} cannot be parsed", mac);
      device = std::make_shared<const Device>(FromItem(mac, item));
    }
    incoming[StringHash()(mac) % kShards].emplace_back(mac, std::move(device));
  }
  for (std::size_t i = 0; i < kShards; ++i) {
    Shard& shard = shards_[i];
    if (!full && incoming[i].empty()) continue;
    absl::MutexLock lock(&shard.mutex);
    StringMap<SharedDevice> before;
    if (full) before.swap(shard.devices);
    const StringMap<SharedDevice>& known = full ? before : shard.devices;
    for (auto& [mac, device] : incoming[i]) {
      if (device == nullptr) {
        const SharedDevice* gone = holdfast::Find(known, mac);
        if (gone != nullptr && *gone != nullptr && left_) left_(**gone);
        shard.devices.erase(mac);
        continue;
      }
      const SharedDevice* held = holdfast::Find(known, mac);
      if (held != nullptr && *held != nullptr) {
        // A delta may have been read before a row that Put already brought.
        if (!full && (*held)->revision > device->revision) continue;
        Compare(**held, *device);
        device = std::make_shared<const Device>(Merge(**held, *device));
      }
      shard.devices[mac] = std::move(device);
    }
  }
  return absl::OkStatus();
}

std::vector<std::pair<std::string, SharedBytes>> DeviceTable::AllItems() const {
  std::vector<std::pair<std::string, SharedBytes>> all;
  for (const Shard& shard : shards_) {
    absl::ReaderMutexLock lock(&shard.mutex);
    for (const auto& [mac, device] : shard.devices) {
      all.emplace_back(mac, MakeShared(ToItem(*device).SerializeAsString()));
    }
  }
  return all;
}

}  // namespace holdfast::middleware

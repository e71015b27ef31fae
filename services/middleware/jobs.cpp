#include "services/middleware/jobs.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "libs/base/status.h"
#include "libs/telemetry/log.h"
#include "services/middleware/convert.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;
using replica::Update;

constexpr auto kWhereTimeout = 1s;
constexpr auto kReadTimeout = 20s;
constexpr auto kSaveDevicesEvery = 10s;
constexpr int kDevicesPerPage = 5000;

SharedBytes Bytes(const google::protobuf::MessageLite& message) {
  return MakeShared(message.SerializeAsString());
}

std::vector<std::pair<std::string, SharedBytes>> LineupItems(const StoredLineup& lineup,
                                                             Update::Kind kind) {
  std::vector<std::pair<std::string, SharedBytes>> items;
  for (const Genre& genre : lineup.genres) {
    v1::LineupItem item;
    *item.mutable_genre() = ToProto(genre);
    items.emplace_back("g" + std::to_string(genre.id.value()), Bytes(item));
  }
  for (const Channel& channel : lineup.channels) {
    std::string key = "c" + std::to_string(channel.id.value());
    if (channel.removed) {
      if (kind == Update::Kind::kDelta) items.emplace_back(std::move(key), nullptr);
      continue;
    }
    v1::LineupItem item;
    *item.mutable_channel() = ToProto(channel);
    items.emplace_back(std::move(key), Bytes(item));
  }
  return items;
}

void AddDevices(const std::vector<Device>& devices, Update& update) {
  for (const Device& device : devices) {
    update.items.emplace_back(device.mac, Bytes(ToItem(device)));
    update.revision = std::max(update.revision, device.revision);
  }
}

}  // namespace

void DatabaseFollower::LoadFromDisk() {
  for (replica::ReplicaBase* replica : {&lineup_, static_cast<replica::ReplicaBase*>(&devices_),
                                        &events_.replica(), &catalogue_, &account_notes_}) {
    const absl::Status status = replica->LoadFromDisk();
    if (!status.ok() && !absl::IsNotFound(status)) {
      telemetry::Log(telemetry::Warning, "copy on disk not usable",
                     {{"replica", replica->name()}, {"error", ToString(status)}});
    }
  }
}

absl::Status DatabaseFollower::Follow(Deadline deadline) {
  const absl::StatusOr<Position> position = store_.Where(deadline.AtMost(kWhereTimeout, clock_));
  health_.Set(position.ok());
  if (!position.ok()) return position.status();
  const auto time = [&] { return deadline.AtMost(kReadTimeout, clock_); };
  // What cannot be followed must not hold up the rest.
  absl::Status followed = FollowLineup(*position, time());
  followed.Update(FollowDevices(*position, time()));
  followed.Update(follow_events_.Follow(position->life, position->events, time()));
  followed.Update(FollowReceipts(*position, time()));
  followed.Update(follow_catalogue_.Follow(position->life, position->catalogue, time()));
  followed.Update(follow_account_notes_.Follow(position->life, position->account_notes, time()));
  Save();
  return followed;
}

absl::Status DatabaseFollower::FollowLineup(const Position& position, Deadline deadline) {
  Update update{.epoch = position.life, .revision = position.lineup};
  const bool same_life = lineup_.loaded() && lineup_.epoch() == position.life;
  if (same_life && lineup_.revision() == position.lineup) {
    update.kind = Update::Kind::kHeartbeat;
    return lineup_.Apply(update);
  }
  HOLDFAST_ASSIGN_OR_RETURN(const StoredLineup lineup, store_.LoadLineup(deadline));
  // In the same life the database may be believed when channels go; a new one has to prove itself
  // (see ReplicaOptions::refuse_shrink_below).
  update.kind = same_life ? Update::Kind::kDelta : Update::Kind::kFull;
  update.revision = lineup.revision;
  update.items = LineupItems(lineup, update.kind);
  HOLDFAST_RETURN_IF_ERROR(lineup_.Apply(update));
  return lineup_.SaveToDisk();
}

absl::Status DatabaseFollower::FollowDevices(const Position& position, Deadline deadline) {
  const bool same_life = devices_.loaded() && devices_.epoch() == position.life;
  if (!same_life || devices_.revision() > position.devices) {
    return ReadAllDevices(position, deadline);
  }
  if (devices_seen_life_ == position.life && devices_seen_ == position.devices) {
    return devices_.Apply({.kind = Update::Kind::kHeartbeat,
                           .epoch = position.life,
                           .revision = devices_.revision()});
  }
  return ReadChangedDevices(position, deadline);
}

absl::Status DatabaseFollower::ReadAllDevices(const Position& position, Deadline deadline) {
  Update update{.kind = Update::Kind::kFull, .epoch = position.life};
  while (true) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Device> page,
                              store_.DevicesSince(deadline, update.revision, kDevicesPerPage));
    if (page.empty()) break;
    AddDevices(page, update);
  }
  HOLDFAST_RETURN_IF_ERROR(devices_.Apply(update));
  devices_seen_ = position.devices;
  devices_seen_life_ = position.life;
  return absl::OkStatus();
}

absl::Status DatabaseFollower::ReadChangedDevices(const Position& position, Deadline deadline) {
  while (true) {
    Update update{
        .kind = Update::Kind::kDelta, .epoch = position.life, .revision = devices_.revision()};
    HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Device> page,
                              store_.DevicesSince(deadline, update.revision, kDevicesPerPage));
    if (page.empty()) break;
    AddDevices(page, update);
    HOLDFAST_RETURN_IF_ERROR(devices_.Apply(update));
  }
  devices_seen_ = position.devices;
  devices_seen_life_ = position.life;
  return absl::OkStatus();
}

absl::Status DatabaseFollower::FollowReceipts(const Position& position, Deadline deadline) {
  const bool same_life = receipts_seen_life_ == position.life;
  if (same_life && receipts_seen_ == position.receipts) return absl::OkStatus();
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<EventReceipt> receipts,
                            store_.ReceiptsSince(deadline, same_life ? receipts_seen_ : 0));
  events_.TakeReceipts(receipts);
  receipts_seen_ = position.receipts;
  receipts_seen_life_ = position.life;
  return absl::OkStatus();
}

void DatabaseFollower::Save() {
  // All devices go into the file: not after each change of one.
  if (clock_.SteadyNow() - devices_saved_at_ < kSaveDevicesEvery) return;
  devices_saved_at_ = clock_.SteadyNow();
  const absl::Status saved = devices_.SaveToDisk();
  if (!saved.ok() && telemetry::ShouldLog("devices not saved")) {
    telemetry::Log(telemetry::Warning, "devices not saved to disk", {{"error", ToString(saved)}});
  }
}

}  // namespace holdfast::middleware

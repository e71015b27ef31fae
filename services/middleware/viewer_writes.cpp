#include "services/middleware/viewer_writes.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include "libs/base/status.h"
#include "services/middleware/convert.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr auto kStoreTimeout = 700ms;  // the box waits
constexpr int kReplayBatch = 500;
constexpr std::size_t kMaxNoted = 500'000;

// What a spool holds of one kind; records that cannot be read are left out.
template <class Write, class Proto>
std::vector<Write> Parse(const std::vector<std::string>& records) {
  std::vector<Write> writes;
  for (const std::string& record : records) {
    Proto write;
    if (write.ParseFromString(record)) writes.push_back(FromProto(write));
  }
  return writes;
}

constexpr auto ParseFavouritesWrites = Parse<FavouritesWrite, v1::FavouritesWrite>;
constexpr auto ParseSettingsWrites = Parse<SettingsWrite, v1::SettingsWrite>;

// Looks at all records and forgets none: an error keeps them.
void LookAt(storage::DiskSpool& spool,
            const std::function<void(const std::vector<std::string>&)>& look) {
  spool
      .Drain(std::numeric_limits<int>::max(),
             [&](const std::vector<std::string>& records) -> absl::Status {
               look(records);
               return Unavailable("only looking");
             })
      .IgnoreError();
}

absl::Status Replay(storage::DiskSpool& spool,
                    const std::function<absl::Status(const std::vector<std::string>&)>& deliver) {
  while (spool.pending_records() > 0) {
    HOLDFAST_ASSIGN_OR_RETURN(const int delivered, spool.Drain(kReplayBatch, deliver));
    if (delivered == 0) break;
  }
  return absl::OkStatus();
}

}  // namespace

ViewerWrites::ViewerWrites(Store& store, DeviceTable& devices, const Spools& spools,
                           const DatabaseHealth& database, const Clock& clock)
    : store_(store), devices_(devices), spools_(spools), database_(database), clock_(clock) {}

void ViewerWrites::ShowPending() {
  LookAt(spools_.favourites, [this](const std::vector<std::string>& records) {
    for (FavouritesWrite& w : ParseFavouritesWrites(records)) {
      devices_.SetFavourites(w.mac, std::move(w.channels), w.at_ms);
    }
  });
  LookAt(spools_.settings, [this](const std::vector<std::string>& records) {
    for (const SettingsWrite& w : ParseSettingsWrites(records)) {
      devices_.SetSettings(w.mac, w.settings);
    }
  });
}

absl::Status ViewerWrites::SaveFavourites(const Device& device, std::vector<ChannelId> favourites,
                                          Deadline deadline) {
  // Never before the change that is shown, whatever the clocks of the instances say.
  const std::int64_t at_ms = std::max(EpochMillis(clock_.Now()), device.favourites_at_ms + 1);
  FavouritesWrite write{.mac = device.mac, .channels = std::move(favourites), .at_ms = at_ms};
  if (!database_.usable() ||
      !store_.SaveFavourites(deadline.AtMost(kStoreTimeout, clock_), {write}).ok()) {
    HOLDFAST_RETURN_IF_ERROR(spools_.favourites.Append(ToProto(write).SerializeAsString()));
  }
  devices_.SetFavourites(write.mac, std::move(write.channels), at_ms);
  return absl::OkStatus();
}

absl::Status ViewerWrites::SaveSettings(
    const Device& device, const std::vector<std::pair<std::string, std::string>>& values,
    Deadline deadline) {
  SettingsWrite write{.mac = device.mac};
  for (const auto& [name, value] : values) {
    const auto held = device.settings.find(name);
    const std::int64_t shown_at_ms = held == device.settings.end() ? 0 : held->second.at_ms;
    write.settings[name] = {value.substr(0, kLongestSetting),
                            std::max(EpochMillis(clock_.Now()), shown_at_ms + 1)};
  }
  if (!database_.usable() ||
      !store_.SaveSettings(deadline.AtMost(kStoreTimeout, clock_), {write}).ok()) {
    HOLDFAST_RETURN_IF_ERROR(spools_.settings.Append(ToProto(write).SerializeAsString()));
  }
  devices_.SetSettings(write.mac, write.settings);
  return absl::OkStatus();
}

void ViewerWrites::NoteSession(const Device& device, std::int64_t since) {
  devices_.SetSession(device.mac, since);
  absl::MutexLock lock(&mutex_);
  if (sessions_.size() >= kMaxNoted && !sessions_.contains(device.mac)) return;
  SessionWrite& write = sessions_[device.mac];
  write.mac = device.mac;
  write.since = std::max(write.since, since);
}

void ViewerWrites::NoteOfBox(const Device& device, std::string_view name, std::string_view value) {
  const std::string said(value.substr(0, kLongestSetting));
  if (said.empty() || SettingOr(device.settings, name, "") == said) return;
  BoxSettings settings;
  settings[std::string(name)] = {said, EpochMillis(clock_.Now())};
  devices_.SetSettings(device.mac, settings);
  absl::MutexLock lock(&mutex_);
  if (of_boxes_.size() >= kMaxNoted && !of_boxes_.contains(device.mac)) return;
  SettingsWrite& write = of_boxes_[device.mac];
  write.mac = device.mac;
  MergeNewer(write.settings, settings);
}

void ViewerWrites::NoteLastChannel(const Device& device, ChannelId channel) {
  const std::int64_t at_ms = std::max(EpochMillis(clock_.Now()), device.last_channel_at_ms + 1);
  devices_.SetLastChannel(device.mac, channel, at_ms);
  absl::MutexLock lock(&mutex_);
  if (last_channels_.size() >= kMaxNoted && !last_channels_.contains(device.mac)) return;
  last_channels_[device.mac] = {.mac = device.mac, .channel = channel, .at_ms = at_ms};
}

template <class Write>
absl::Status ViewerWrites::FlushNoted(StringMap<Write> ViewerWrites::*noted,
                                      absl::Status (Store::*save)(Deadline,
                                                                  const std::vector<Write>&),
                                      Deadline deadline) {
  StringMap<Write> taken;
  {
    absl::MutexLock lock(&mutex_);
    taken.swap(this->*noted);
  }
  if (taken.empty()) return absl::OkStatus();
  std::vector<Write> writes;
  for (const auto& [mac, write] : taken) writes.push_back(write);
  absl::Status status = (store_.*save)(deadline, writes);
  if (!status.ok()) {
    absl::MutexLock lock(&mutex_);
    for (auto& [mac, write] : taken) {
      const auto [kept, added] = (this->*noted).try_emplace(mac, write);
      if constexpr (std::is_same_v<Write, SettingsWrite>) {
        if (!added) MergeNewer(kept->second.settings, write.settings);
      }
    }
  }
  return status;
}

absl::Status ViewerWrites::Flush(Deadline deadline) {
  if (!database_.usable()) return absl::OkStatus();
  HOLDFAST_RETURN_IF_ERROR(Replay(spools_.favourites, [&](const std::vector<std::string>& records) {
    return store_.SaveFavourites(deadline, ParseFavouritesWrites(records));
  }));
  HOLDFAST_RETURN_IF_ERROR(Replay(spools_.settings, [&](const std::vector<std::string>& records) {
    return store_.SaveSettings(deadline, ParseSettingsWrites(records));
  }));
  HOLDFAST_RETURN_IF_ERROR(FlushNoted(&ViewerWrites::sessions_, &Store::SaveSessions, deadline));
  HOLDFAST_RETURN_IF_ERROR(FlushNoted(&ViewerWrites::of_boxes_, &Store::SaveSettings, deadline));
  return FlushNoted(&ViewerWrites::last_channels_, &Store::SaveLastChannels, deadline);
}

}  // namespace holdfast::middleware

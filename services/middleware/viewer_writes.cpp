#include "services/middleware/viewer_writes.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "libs/base/status.h"
#include "services/middleware/convert.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr auto kStoreTimeout = 700ms;  // the box waits
constexpr int kReplayBatch = 500;
constexpr std::size_t kMaxLastChannels = 500'000;

std::vector<FavouritesWrite> Parse(const std::vector<std::string>& records) {
  std::vector<FavouritesWrite> writes;
  for (const std::string& record : records) {
    v1::FavouritesWrite write;
    if (write.ParseFromString(record)) writes.push_back(FromProto(write));
  }
  return writes;
}

}  // namespace

ViewerWrites::ViewerWrites(Store& store, DeviceTable& devices, storage::DiskSpool& spool,
                           const DatabaseHealth& database, const Clock& clock)
    : store_(store), devices_(devices), spool_(spool), database_(database), clock_(clock) {}

void ViewerWrites::ShowPending() {
  // Looks at all records and forgets none: an error keeps them.
  spool_
      .Drain(std::numeric_limits<int>::max(),
             [this](const std::vector<std::string>& records) -> absl::Status {
               for (FavouritesWrite& w : Parse(records)) {
                 devices_.SetFavourites(w.mac, std::move(w.channels), w.at_ms);
               }
               return Unavailable("only looking");
             })
      .IgnoreError();
}

absl::Status ViewerWrites::SaveFavourites(const Device& device, std::vector<ChannelId> favourites,
                                          Deadline deadline) {
  // Never before the change that is shown, whatever the clocks of the instances say.
  const std::int64_t at_ms = std::max(EpochMillis(clock_.Now()), device.favourites_at_ms + 1);
  FavouritesWrite write{.mac = device.mac, .channels = std::move(favourites), .at_ms = at_ms};
  if (!database_.usable() ||
      !store_.SaveFavourites(deadline.AtMost(kStoreTimeout, clock_), {write}).ok()) {
    HOLDFAST_RETURN_IF_ERROR(spool_.Append(ToProto(write).SerializeAsString()));
  }
  devices_.SetFavourites(write.mac, std::move(write.channels), at_ms);
  return absl::OkStatus();
}

void ViewerWrites::NoteLastChannel(const Device& device, ChannelId channel) {
  const std::int64_t at_ms = std::max(EpochMillis(clock_.Now()), device.last_channel_at_ms + 1);
  devices_.SetLastChannel(device.mac, channel, at_ms);
  absl::MutexLock lock(&mutex_);
  if (last_channels_.size() >= kMaxLastChannels && !last_channels_.contains(device.mac)) return;
  last_channels_[device.mac] = {.mac = device.mac, .channel = channel, .at_ms = at_ms};
}

absl::Status ViewerWrites::Flush(Deadline deadline) {
  if (!database_.usable()) return absl::OkStatus();
  HOLDFAST_RETURN_IF_ERROR(ReplaySpool(deadline));
  return FlushLastChannels(deadline);
}

absl::Status ViewerWrites::ReplaySpool(Deadline deadline) {
  while (spool_.pending_records() > 0) {
    HOLDFAST_ASSIGN_OR_RETURN(
        const int delivered,
        spool_.Drain(kReplayBatch, [&](const std::vector<std::string>& records) {
          return store_.SaveFavourites(deadline, Parse(records));
        }));
    if (delivered == 0) break;
  }
  return absl::OkStatus();
}

absl::Status ViewerWrites::FlushLastChannels(Deadline deadline) {
  StringMap<LastChannelWrite> taken;
  {
    absl::MutexLock lock(&mutex_);
    taken.swap(last_channels_);
  }
  if (taken.empty()) return absl::OkStatus();
  std::vector<LastChannelWrite> writes;
  for (const auto& [mac, write] : taken) writes.push_back(write);
  absl::Status status = store_.SaveLastChannels(deadline, writes);
  if (!status.ok()) {
    absl::MutexLock lock(&mutex_);
    for (auto& [mac, write] : taken) last_channels_.try_emplace(mac, std::move(write));
  }
  return status;
}

}  // namespace holdfast::middleware

// What viewers change from the box, in PostgreSQL. The newer of two writes stays.
#include <algorithm>

#include "libs/base/status.h"
#include "libs/base/string_map.h"
#include "services/middleware/pg_store.h"
#include "services/middleware/pg_store_rows.h"

namespace holdfast::middleware {

using storage::PgResult;
using storage::PgTransaction;

// $1 revision, then arrays side by side: $2 mac, $3 favourites as "{1,2}", $4 at.
constexpr std::string_view kSaveFavourites = R"sql(
  UPDATE device
     SET favourites = w.channels::bigint[], favourites_at_ms = w.at_ms, revision = $1
    FROM unnest($2::text[], $3::text[], $4::bigint[]) AS w (mac, channels, at_ms)
   WHERE device.mac = w.mac AND device.favourites_at_ms < w.at_ms
)sql";

absl::Status PgStore::SaveFavourites(Deadline deadline,
                                     const std::vector<FavouritesWrite>& writes) {
  // One statement may touch a row once only: the newest write of each device goes in.
  OrderedStringMap<const FavouritesWrite*> newest;
  for (const FavouritesWrite& w : writes) {
    const FavouritesWrite*& slot = newest[w.mac];
    if (slot == nullptr || slot->at_ms < w.at_ms) slot = &w;
  }
  std::vector<std::string> macs, channels;
  std::vector<std::int64_t> at;
  for (const auto& [mac, w] : newest) {
    macs.push_back(mac);
    at.push_back(w->at_ms);
    std::string list = "{";
    for (const ChannelId id : w->channels)
      list += (list.size() > 1 ? "," : "") + std::to_string(id.value());
    channels.push_back(list + "}");
  }
  if (macs.empty()) return absl::OkStatus();
  return pool_.Transact(deadline, [&](PgTransaction& tx) -> absl::Status {
    HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t revision, NextRevision(tx, "device"));
    return tx.Query(kSaveFavourites, revision, macs, channels, at).status();
  });
}

// $1 revision, then arrays side by side: $2 mac, $3 channel, $4 at.
constexpr std::string_view kSaveLastChannels = R"sql(
  UPDATE device
     SET last_channel = w.channel, last_channel_at_ms = w.at_ms, revision = $1
    FROM unnest($2::text[], $3::bigint[], $4::bigint[]) AS w (mac, channel, at_ms)
   WHERE device.mac = w.mac AND device.last_channel_at_ms < w.at_ms
)sql";

absl::Status PgStore::SaveLastChannels(Deadline deadline,
                                       const std::vector<LastChannelWrite>& writes) {
  OrderedStringMap<const LastChannelWrite*> newest;
  for (const LastChannelWrite& w : writes) {
    const LastChannelWrite*& slot = newest[w.mac];
    if (slot == nullptr || slot->at_ms < w.at_ms) slot = &w;
  }
  std::vector<std::string> macs;
  std::vector<std::int64_t> channels, at;
  for (const auto& [mac, w] : newest) {
    macs.push_back(mac);
    channels.push_back(w->channel.value());
    at.push_back(w->at_ms);
  }
  if (macs.empty()) return absl::OkStatus();
  return pool_.Transact(deadline, [&](PgTransaction& tx) -> absl::Status {
    HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t revision, NextRevision(tx, "device"));
    return tx.Query(kSaveLastChannels, revision, macs, channels, at).status();
  });
}

// $1 mac.
constexpr std::string_view kLockSettings = "SELECT settings FROM device WHERE mac = $1 FOR UPDATE";
// $1 mac, $2 settings, $3 revision.
constexpr std::string_view kPutSettings =
    "UPDATE device SET settings = $2, revision = $3 WHERE mac = $1";

absl::Status PgStore::SaveSettings(Deadline deadline, const std::vector<SettingsWrite>& writes) {
  OrderedStringMap<BoxSettings> by_mac;  // in one order, so that two batches cannot deadlock
  for (const SettingsWrite& w : writes) MergeNewer(by_mac[w.mac], w.settings);
  if (by_mac.empty()) return absl::OkStatus();
  return pool_.Transact(deadline, [&](PgTransaction& tx) -> absl::Status {
    HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t revision, NextRevision(tx, "device"));
    for (const auto& [mac, newer] : by_mac) {
      HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx.Query(kLockSettings, mac));
      if (rows.rows() == 0) continue;
      BoxSettings settings = ParseSettings(rows.Bytes(0, 0));
      MergeNewer(settings, newer);
      HOLDFAST_RETURN_IF_ERROR(
          tx.Query(kPutSettings, mac, storage::PgParam::Bytes(SettingsBytes(settings)), revision)
              .status());
    }
    return absl::OkStatus();
  });
}

// $1 revision, then arrays side by side: $2 mac, $3 since.
constexpr std::string_view kSaveSessions = R"sql(
  UPDATE device
     SET session_since = w.since, chosen_token_hash = '', revision = $1
    FROM unnest($2::text[], $3::bigint[]) AS w (mac, since)
   WHERE device.mac = w.mac AND device.session_since < w.since
)sql";

absl::Status PgStore::SaveSessions(Deadline deadline, const std::vector<SessionWrite>& writes) {
  OrderedStringMap<std::int64_t> newest;
  for (const SessionWrite& w : writes) {
    std::int64_t& since = newest[w.mac];
    since = std::max(since, w.since);
  }
  std::vector<std::string> macs;
  std::vector<std::int64_t> since;
  for (const auto& [mac, at] : newest) {
    macs.push_back(mac);
    since.push_back(at);
  }
  if (macs.empty()) return absl::OkStatus();
  return pool_.Transact(deadline, [&](PgTransaction& tx) -> absl::Status {
    HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t revision, NextRevision(tx, "device"));
    return tx.Query(kSaveSessions, revision, macs, since).status();
  });
}

}  // namespace holdfast::middleware

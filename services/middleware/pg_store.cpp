#include "services/middleware/pg_store.h"

#include <utility>

#include "libs/base/status.h"
#include "libs/base/string_map.h"

namespace holdfast::middleware {
namespace {

using storage::PgParam;
using storage::PgResult;
using storage::PgTransaction;

#define HOLDFAST_DEVICE_COLUMNS                                                            \
  "mac, device_id, coalesce(account_id, ''), generation, chosen_token_hash, started, "     \
  "hardware_id, model, array_to_string(favourites, ','), favourites_at_ms, last_channel, " \
  "last_channel_at_ms, revision"

Device DeviceAt(const PgResult& rows, int row) {
  Device device;
  device.mac = rows.Text(row, 0);
  device.id = rows.Int(row, 1);
  device.account = AccountId(std::string(rows.Text(row, 2)));
  device.generation = static_cast<std::uint32_t>(rows.Int(row, 3));
  device.chosen_token_hash = rows.Text(row, 4);
  device.started = rows.Bool(row, 5);
  device.hardware_id = rows.Text(row, 6);
  device.model = rows.Text(row, 7);
  device.favourites = ParseFavourites(rows.Text(row, 8));
  device.favourites_at_ms = rows.Int(row, 9);
  device.last_channel = ChannelId(rows.Int(row, 10));
  device.last_channel_at_ms = rows.Int(row, 11);
  device.revision = static_cast<std::uint64_t>(rows.Int(row, 12));
  return device;
}

std::vector<Device> AllDevices(const PgResult& rows) {
  std::vector<Device> devices;
  devices.reserve(static_cast<std::size_t>(rows.rows()));
  for (int row = 0; row < rows.rows(); ++row) devices.push_back(DeviceAt(rows, row));
  return devices;
}

// NULL for no account.
PgParam AccountParam(const AccountId& account) {
  return account.value().empty() ? PgParam(std::nullopt) : PgParam(account.value());
}

// $1 topic. The row stays locked until the transaction ends: revisions commit in their order.
constexpr std::string_view kNextRevision = R"sql(
  UPDATE change_counter SET revision = revision + 1 WHERE topic = $1 RETURNING revision
)sql";

absl::StatusOr<std::uint64_t> NextRevision(PgTransaction& tx, std::string_view topic) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx.Query(kNextRevision, topic));
  if (rows.rows() != 1) return Internal("no change counter for {}", topic);
  return static_cast<std::uint64_t>(rows.Int(0, 0));
}

}  // namespace

// -- Following --------------------------------------------------------------------------------

constexpr std::string_view kWhere = R"sql(
  SELECT life,
         (SELECT revision FROM change_counter WHERE topic = 'lineup'),
         (SELECT revision FROM change_counter WHERE topic = 'device')
    FROM database_life
)sql";

absl::StatusOr<Position> PgStore::Where(Deadline deadline) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, pool_.Query(deadline, kWhere));
  if (rows.rows() != 1) return Internal("the database has no life of its own");
  Position position;
  position.life = rows.Text(0, 0);
  position.lineup = static_cast<std::uint64_t>(rows.Int(0, 1));
  position.devices = static_cast<std::uint64_t>(rows.Int(0, 2));
  return position;
}

constexpr std::string_view kAllGenres = "SELECT genre_id, title FROM genre ORDER BY genre_id";

constexpr std::string_view kAllChannels = R"sql(
  SELECT channel_id, number, name, guide_id, logo, genre_id, directory, package_id, encrypted,
         adult, catch_up_hours, modified_at, removed
    FROM channel
   ORDER BY channel_id
)sql";

absl::StatusOr<StoredLineup> PgStore::LoadLineup(Deadline deadline) {
  StoredLineup lineup;
  const absl::Status status = pool_.Transact(deadline, [&](PgTransaction& tx) -> absl::Status {
    // One picture of three statements.
    HOLDFAST_RETURN_IF_ERROR(tx.Query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").status());
    HOLDFAST_ASSIGN_OR_RETURN(const PgResult where, tx.Query(kWhere));
    HOLDFAST_ASSIGN_OR_RETURN(const PgResult genres, tx.Query(kAllGenres));
    HOLDFAST_ASSIGN_OR_RETURN(const PgResult channels, tx.Query(kAllChannels));
    lineup = {};
    lineup.revision = static_cast<std::uint64_t>(where.Int(0, 1));
    for (int row = 0; row < genres.rows(); ++row) {
      lineup.genres.push_back({GenreId(genres.Int(row, 0)), std::string(genres.Text(row, 1))});
    }
    for (int row = 0; row < channels.rows(); ++row) {
      Channel& c = lineup.channels.emplace_back();
      c.id = ChannelId(channels.Int(row, 0));
      c.number = static_cast<int>(channels.Int(row, 1));
      c.name = channels.Text(row, 2);
      c.guide_id = channels.Text(row, 3);
      c.logo = channels.Text(row, 4);
      c.genre = GenreId(channels.Int(row, 5));
      c.directory = channels.Text(row, 6);
      c.package = PackageId(std::string(channels.Text(row, 7)));
      c.encrypted = channels.Bool(row, 8);
      c.adult = channels.Bool(row, 9);
      c.catch_up_hours = static_cast<int>(channels.Int(row, 10));
      c.modified_at = channels.Int(row, 11);
      c.removed = channels.Bool(row, 12);
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return lineup;
}

// $1 revision, $2 how many. The inner query finds the revision at which the page may end.
constexpr std::string_view kDevicesSince = "SELECT " HOLDFAST_DEVICE_COLUMNS R"sql(
    FROM device
   WHERE revision > $1
     AND revision <= coalesce((SELECT revision FROM device WHERE revision > $1
                                ORDER BY revision OFFSET $2::bigint - 1 LIMIT 1),
                              9223372036854775807)
   ORDER BY revision, mac
)sql";

absl::StatusOr<std::vector<Device>> PgStore::DevicesSince(Deadline deadline, std::uint64_t revision,
                                                          int limit) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows,
                            pool_.Query(deadline, kDevicesSince, revision, limit));
  return AllDevices(rows);
}

// -- Lineup -----------------------------------------------------------------------------------

// $1 genre, $2 title.
constexpr std::string_view kPutGenre = R"sql(
  INSERT INTO genre (genre_id, title) VALUES ($1, $2)
  ON CONFLICT (genre_id) DO UPDATE SET title = excluded.title
)sql";

// $1 channel, then the columns in their order.
constexpr std::string_view kPutChannel = R"sql(
  INSERT INTO channel (channel_id, number, name, guide_id, logo, genre_id, directory, package_id,
                       encrypted, adult, catch_up_hours, modified_at, removed)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
  ON CONFLICT (channel_id) DO UPDATE
     SET number = excluded.number, name = excluded.name, guide_id = excluded.guide_id,
         logo = excluded.logo, genre_id = excluded.genre_id, directory = excluded.directory,
         package_id = excluded.package_id, encrypted = excluded.encrypted, adult = excluded.adult,
         catch_up_hours = excluded.catch_up_hours, modified_at = excluded.modified_at,
         removed = excluded.removed
)sql";

absl::Status PgStore::Apply(Deadline deadline, const LineupImport& plan) {
  return pool_.Transact(deadline, [&](PgTransaction& tx) -> absl::Status {
    HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t revision, NextRevision(tx, "lineup"));
    if (revision != plan.based_on + 1) {
      return Aborted("the lineup moved from revision {} to {} meanwhile", plan.based_on,
                     revision - 1);
    }
    for (const Genre& g : plan.put_genres) {
      HOLDFAST_RETURN_IF_ERROR(tx.Query(kPutGenre, g.id.value(), g.title).status());
    }
    for (const Channel& c : plan.put_channels) {
      HOLDFAST_RETURN_IF_ERROR(tx.Query(kPutChannel, c.id.value(), c.number, c.name, c.guide_id,
                                        c.logo, c.genre.value(), c.directory, c.package.value(),
                                        c.encrypted, c.adult, c.catch_up_hours, c.modified_at,
                                        c.removed)
                                   .status());
    }
    return absl::OkStatus();
  });
}

// -- Devices ----------------------------------------------------------------------------------

// $1 mac.
constexpr std::string_view kFindDevice =
    "SELECT " HOLDFAST_DEVICE_COLUMNS " FROM device WHERE mac = $1";

absl::StatusOr<std::optional<Device>> PgStore::FindDevice(Deadline deadline, const Mac& mac) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, pool_.Query(deadline, kFindDevice, mac.text()));
  if (rows.rows() == 0) return std::optional<Device>();
  return std::optional<Device>(DeviceAt(rows, 0));
}

absl::StatusOr<Device> PgStore::ChangeDevice(Deadline deadline, std::string_view sql,
                                             std::vector<PgParam> parameters, const Mac& mac) {
  std::optional<Device> changed;
  const absl::Status status = pool_.Transact(deadline, [&](PgTransaction& tx) -> absl::Status {
    HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t revision, NextRevision(tx, "device"));
    std::vector<PgParam> all = {PgParam(revision)};
    all.insert(all.end(), parameters.begin(), parameters.end());
    HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx.Run(sql, all));
    if (rows.rows() == 0) return NotFound("device {} unknown", mac.text());
    changed = DeviceAt(rows, 0);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return *std::move(changed);
}

// $1 revision, $2 mac, $3 account, $4 model. A conflict returns no row.
constexpr std::string_view kRegister = R"sql(
  INSERT INTO device (revision, mac, account_id, model) VALUES ($1, $2, $3, $4)
  ON CONFLICT (mac) DO NOTHING
  RETURNING )sql" HOLDFAST_DEVICE_COLUMNS;

absl::StatusOr<Device> PgStore::Register(Deadline deadline, const NewDevice& device) {
  absl::StatusOr<Device> created = ChangeDevice(
      deadline, kRegister,
      {PgParam(device.mac.text()), AccountParam(device.account), PgParam(device.model)},
      device.mac);
  if (!absl::IsNotFound(created.status())) return created;
  // Another instance, or an earlier try of this call, was first.
  HOLDFAST_ASSIGN_OR_RETURN(std::optional<Device> existing, FindDevice(deadline, device.mac));
  if (!existing) return Aborted("device {} appeared and vanished", device.mac.text());
  return *std::move(existing);
}

// $1 revision, $2 mac, $3 account.
constexpr std::string_view kPutDevice = R"sql(
  INSERT INTO device (revision, mac, account_id) VALUES ($1, $2, $3)
  ON CONFLICT (mac) DO UPDATE SET account_id = excluded.account_id, revision = excluded.revision
  RETURNING )sql" HOLDFAST_DEVICE_COLUMNS;

absl::StatusOr<Device> PgStore::PutDevice(Deadline deadline, const Mac& mac,
                                          const AccountId& account) {
  return ChangeDevice(deadline, kPutDevice, {PgParam(mac.text()), AccountParam(account)}, mac);
}

// $1 revision, $2 mac, $3 account, $4 hash or ''.
constexpr std::string_view kLogIn = R"sql(
  INSERT INTO device (revision, mac, account_id, chosen_token_hash) VALUES ($1, $2, $3, $4)
  ON CONFLICT (mac) DO UPDATE
     SET account_id = excluded.account_id, revision = excluded.revision,
         chosen_token_hash = coalesce(nullif(excluded.chosen_token_hash, ''),
                                      device.chosen_token_hash)
  RETURNING )sql" HOLDFAST_DEVICE_COLUMNS;

absl::StatusOr<Device> PgStore::LogIn(Deadline deadline, const Mac& mac, const AccountId& account,
                                      const std::string& chosen_token_hash) {
  return ChangeDevice(deadline, kLogIn,
                      {PgParam(mac.text()), AccountParam(account), PgParam(chosen_token_hash)},
                      mac);
}

// $1 revision, $2 mac, $3 model, $4 hardware id, $5 hash; '' keeps what is there.
constexpr std::string_view kRecordStart = R"sql(
  UPDATE device
     SET revision = $1, started = true,
         model = coalesce(nullif($3, ''), model),
         hardware_id = coalesce(nullif(hardware_id, ''), $4),
         chosen_token_hash = coalesce(nullif($5, ''), chosen_token_hash)
   WHERE mac = $2
  RETURNING )sql" HOLDFAST_DEVICE_COLUMNS;

absl::StatusOr<Device> PgStore::RecordStart(Deadline deadline, const Mac& mac,
                                            const DeviceStart& start) {
  return ChangeDevice(deadline, kRecordStart,
                      {PgParam(mac.text()), PgParam(start.model), PgParam(start.hardware_id),
                       PgParam(start.chosen_token_hash)},
                      mac);
}

// $1 revision, $2 mac.
constexpr std::string_view kLogOut = R"sql(
  UPDATE device
     SET revision = $1, account_id = NULL, hardware_id = '', chosen_token_hash = '',
         started = false, generation = generation + 1
   WHERE mac = $2
  RETURNING )sql" HOLDFAST_DEVICE_COLUMNS;

absl::StatusOr<Device> PgStore::LogOut(Deadline deadline, const Mac& mac) {
  return ChangeDevice(deadline, kLogOut, {PgParam(mac.text())}, mac);
}

// $1 revision, $2 mac. `started` stays, so that a token that a client makes up is not good either.
constexpr std::string_view kRevoke = R"sql(
  UPDATE device
     SET revision = $1, generation = generation + 1, chosen_token_hash = '', started = true
   WHERE mac = $2
  RETURNING )sql" HOLDFAST_DEVICE_COLUMNS;

absl::StatusOr<Device> PgStore::Revoke(Deadline deadline, const Mac& mac) {
  return ChangeDevice(deadline, kRevoke, {PgParam(mac.text())}, mac);
}

// $1 account or '', $2 first mac, $3 how many.
constexpr std::string_view kListDevices = "SELECT " HOLDFAST_DEVICE_COLUMNS R"sql(
    FROM device
   WHERE ($1 = '' OR account_id = $1) AND mac >= $2
   ORDER BY mac LIMIT $3
)sql";

absl::StatusOr<DevicePage> PgStore::ListDevices(Deadline deadline, const AccountId& account,
                                                const std::string& first_mac, int limit) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult rows,
      pool_.Query(deadline, kListDevices, account.value(), first_mac, limit + 1));
  DevicePage page;
  page.devices = AllDevices(rows);
  if (page.devices.size() > static_cast<std::size_t>(limit)) {
    page.next_mac = page.devices.back().mac;
    page.devices.pop_back();
  }
  return page;
}

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

}  // namespace holdfast::middleware

#include "services/middleware/pg_store.h"

#include <utility>

#include "libs/base/status.h"
#include "services/middleware/pg_store_rows.h"

namespace holdfast::middleware {
namespace {

using storage::PgResult;
using storage::PgTransaction;

}  // namespace

// -- Following --------------------------------------------------------------------------------

// A topic that the schema does not know yet stands at 0.
constexpr std::string_view kWhere = R"sql(
  SELECT life,
         (SELECT revision FROM change_counter WHERE topic = 'lineup'),
         (SELECT revision FROM change_counter WHERE topic = 'device'),
         coalesce((SELECT revision FROM change_counter WHERE topic = 'box_event'), 0),
         coalesce((SELECT revision FROM change_counter WHERE topic = 'event_receipt'), 0),
         coalesce((SELECT revision FROM change_counter WHERE topic = 'catalogue'), 0),
         coalesce((SELECT revision FROM change_counter WHERE topic = 'account_note'), 0)
    FROM database_life
)sql";

absl::StatusOr<Position> PgStore::Where(Deadline deadline) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, pool_.Query(deadline, kWhere));
  if (rows.rows() != 1) return Internal("the database has no life of its own");
  Position position;
  position.life = rows.Text(0, 0);
  position.lineup = static_cast<std::uint64_t>(rows.Int(0, 1));
  position.devices = static_cast<std::uint64_t>(rows.Int(0, 2));
  position.events = static_cast<std::uint64_t>(rows.Int(0, 3));
  position.receipts = static_cast<std::uint64_t>(rows.Int(0, 4));
  position.catalogue = static_cast<std::uint64_t>(rows.Int(0, 5));
  position.account_notes = static_cast<std::uint64_t>(rows.Int(0, 6));
  return position;
}

constexpr std::string_view kAllGenres = "SELECT genre_id, title FROM genre ORDER BY genre_id";

constexpr std::string_view kAllChannels = R"sql(
  SELECT channel_id, number, name, guide_id, logo, genre_id, directory, package_id, encrypted,
         adult, catch_up_hours, modified_at, removed, catch_up_source, catch_up_since, hd,
         array_to_string(other_genre_ids, ','), down, monitoring_changed_at
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
      c.catch_up_source = channels.Text(row, 13);
      c.catch_up_since = channels.Int(row, 14);
      c.hd = channels.Bool(row, 15);
      for (const ChannelId id : ParseFavourites(channels.Text(row, 16))) {
        c.other_genres.emplace_back(id.value());
      }
      c.monitoring = {channels.Bool(row, 17), channels.Int(row, 18)};
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
                       encrypted, adult, catch_up_hours, modified_at, removed, catch_up_source,
                       catch_up_since, hd, other_genre_ids, down, monitoring_changed_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17::text::bigint[],
          $18, $19)
  ON CONFLICT (channel_id) DO UPDATE
     SET number = excluded.number, name = excluded.name, guide_id = excluded.guide_id,
         logo = excluded.logo, genre_id = excluded.genre_id, directory = excluded.directory,
         package_id = excluded.package_id, encrypted = excluded.encrypted, adult = excluded.adult,
         catch_up_hours = excluded.catch_up_hours, modified_at = excluded.modified_at,
         removed = excluded.removed, catch_up_source = excluded.catch_up_source,
         catch_up_since = excluded.catch_up_since, hd = excluded.hd,
         other_genre_ids = excluded.other_genre_ids, down = excluded.down,
         monitoring_changed_at = excluded.monitoring_changed_at
)sql";

namespace {

// "{1,2}"
std::string ArrayOf(const std::vector<GenreId>& ids) {
  std::string text = "{";
  for (const GenreId id : ids) text += (text.size() > 1 ? "," : "") + std::to_string(id.value());
  return text + "}";
}

}  // namespace

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
      HOLDFAST_RETURN_IF_ERROR(
          tx.Query(kPutChannel, c.id.value(), c.number, c.name, c.guide_id, c.logo, c.genre.value(),
                   c.directory, c.package.value(), c.encrypted, c.adult, c.catch_up_hours,
                   c.modified_at, c.removed, c.catch_up_source, c.catch_up_since, c.hd,
                   ArrayOf(c.other_genres), c.monitoring.down, c.monitoring.changed_at)
              .status());
    }
    return absl::OkStatus();
  });
}

}  // namespace holdfast::middleware

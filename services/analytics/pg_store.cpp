#include "services/analytics/pg_store.h"

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "libs/base/status.h"

namespace holdfast::analytics {
namespace {

using storage::PgResult;

// $1 ids, $2 kinds, $3 channels, $4 edges, $5 errors, $6 times in epoch milliseconds: one batch.
// Rows are inserted in key order, so that two instances wait for each other and never in a circle.
constexpr std::string_view kRecord = R"sql(
  WITH batch AS (
    SELECT DISTINCT ON (event_id)
           event_id, kind, channel_id, edge_id, error, to_timestamp(at_ms / 1000.0) AS at
      FROM unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::text[], $6::bigint[])
           AS e (event_id, kind, channel_id, edge_id, error, at_ms)
     ORDER BY event_id
  ), fresh AS (
    INSERT INTO counted_event (event_id, at)
    SELECT event_id, at FROM batch ORDER BY event_id
    ON CONFLICT (event_id) DO NOTHING
    RETURNING event_id
  ), event AS (
    SELECT batch.*, date_trunc('minute', at, 'UTC') AS minute, date_trunc('hour', at, 'UTC') AS hour
      FROM batch JOIN fresh USING (event_id)
  ), by_channel AS (
    INSERT INTO channel_minute AS t (minute, channel_id, plays, stops, heartbeats, errors, zaps)
    SELECT minute, channel_id,
           count(*) FILTER (WHERE kind = 1), count(*) FILTER (WHERE kind = 2),
           count(*) FILTER (WHERE kind = 3), count(*) FILTER (WHERE kind = 4),
           count(*) FILTER (WHERE kind = 5)
      FROM event GROUP BY minute, channel_id ORDER BY minute, channel_id
    ON CONFLICT (minute, channel_id) DO UPDATE
       SET plays = t.plays + excluded.plays, stops = t.stops + excluded.stops,
           heartbeats = t.heartbeats + excluded.heartbeats, errors = t.errors + excluded.errors,
           zaps = t.zaps + excluded.zaps
  ), by_edge AS (
    INSERT INTO edge_minute AS t (minute, edge_id, plays, stops, heartbeats, errors, zaps)
    SELECT minute, edge_id,
           count(*) FILTER (WHERE kind = 1), count(*) FILTER (WHERE kind = 2),
           count(*) FILTER (WHERE kind = 3), count(*) FILTER (WHERE kind = 4),
           count(*) FILTER (WHERE kind = 5)
      FROM event WHERE edge_id <> '' GROUP BY minute, edge_id ORDER BY minute, edge_id
    ON CONFLICT (minute, edge_id) DO UPDATE
       SET plays = t.plays + excluded.plays, stops = t.stops + excluded.stops,
           heartbeats = t.heartbeats + excluded.heartbeats, errors = t.errors + excluded.errors,
           zaps = t.zaps + excluded.zaps
  ), by_error AS (
    INSERT INTO error_minute AS t (minute, error, count)
    SELECT minute, error, count(*)
      FROM event WHERE kind = 4 GROUP BY minute, error ORDER BY minute, error
    ON CONFLICT (minute, error) DO UPDATE SET count = t.count + excluded.count
  ), by_hour AS (
    INSERT INTO channel_hour AS t (hour, channel_id, plays)
    SELECT hour, channel_id, count(*)
      FROM event WHERE kind = 1 GROUP BY hour, channel_id ORDER BY hour, channel_id
    ON CONFLICT (hour, channel_id) DO UPDATE SET plays = t.plays + excluded.plays
  )
  SELECT count(*) FROM fresh
)sql";

// $1 the first hour.
constexpr std::string_view kPlaysSince = R"sql(
  SELECT channel_id, hour, plays FROM channel_hour WHERE hour >= $1
)sql";

// $1 from, $2 to, $3 rows; the same for both tables.
constexpr std::string_view kCountByChannel = R"sql(
  SELECT channel_id, sum(plays)::bigint, sum(stops)::bigint, sum(heartbeats)::bigint,
         sum(errors)::bigint, sum(zaps)::bigint
    FROM channel_minute WHERE minute >= $1 AND minute < $2
   GROUP BY channel_id ORDER BY 2 DESC, channel_id LIMIT $3
)sql";
constexpr std::string_view kCountByEdge = R"sql(
  SELECT edge_id, sum(plays)::bigint, sum(stops)::bigint, sum(heartbeats)::bigint,
         sum(errors)::bigint, sum(zaps)::bigint
    FROM edge_minute WHERE minute >= $1 AND minute < $2
   GROUP BY edge_id ORDER BY 2 DESC, edge_id LIMIT $3
)sql";
constexpr std::string_view kCountErrors = R"sql(
  SELECT error, sum(count)::bigint
    FROM error_minute WHERE minute >= $1 AND minute < $2
   GROUP BY error ORDER BY 2 DESC, error LIMIT $3
)sql";

// A minute belongs to the report when it starts in it.
WallTime MinuteOf(WallTime t) { return std::chrono::floor<std::chrono::minutes>(t); }

absl::StatusOr<std::vector<CountsRow>> ReadCounts(storage::PgPool& pool, Deadline deadline,
                                                  std::string_view sql, const ReportRange& range) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, pool.Query(deadline, sql, MinuteOf(range.from),
                                                            MinuteOf(range.to), range.limit));
  std::vector<CountsRow> counts;
  for (int row = 0; row < rows.rows(); ++row) {
    counts.push_back({.key = std::string(rows.Text(row, 0)),
                      .counts = {.plays = rows.Int(row, 1),
                                 .stops = rows.Int(row, 2),
                                 .heartbeats = rows.Int(row, 3),
                                 .errors = rows.Int(row, 4),
                                 .zaps = rows.Int(row, 5)}});
  }
  return counts;
}

// Deletes in portions, so that no statement holds locks or a deadline for long.
absl::Status DeletePortions(storage::PgPool& pool, Deadline deadline, const std::string& table,
                            const std::string& column, WallTime before) {
  constexpr std::int64_t kPortion = 10000;
  const std::string sql = fmt::format(
      "DELETE FROM {0} WHERE ctid = ANY (ARRAY("
      "SELECT ctid FROM {0} WHERE {1} < $1 LIMIT {2}))",
      table, column, kPortion);
  while (true) {
    HOLDFAST_ASSIGN_OR_RETURN(const PgResult deleted, pool.Query(deadline, sql, before));
    if (deleted.affected() < kPortion || deadline.Remaining() < std::chrono::seconds(5)) {
      return absl::OkStatus();
    }
  }
}

}  // namespace

absl::StatusOr<int> PgStore::Record(Deadline deadline, const std::vector<PlaybackEvent>& events) {
  if (events.empty()) return 0;
  std::vector<std::string> ids, channels, edges, errors;
  std::vector<std::int64_t> kinds, times;
  for (const PlaybackEvent& event : events) {
    ids.push_back(event.id.value());
    kinds.push_back(static_cast<int>(event.kind));
    channels.push_back(event.channel.value());
    edges.push_back(event.edge.value());
    errors.push_back(event.error);
    times.push_back(EpochMillis(event.at));
  }
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult counted, pool_.Query(deadline, kRecord, ids, kinds,
                                                                channels, edges, errors, times));
  return static_cast<int>(counted.Int(0, 0));
}

absl::StatusOr<std::vector<HourPlays>> PgStore::PlaysSince(Deadline deadline, WallTime since) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, pool_.Query(deadline, kPlaysSince, since));
  std::vector<HourPlays> plays;
  plays.reserve(static_cast<std::size_t>(rows.rows()));
  for (int row = 0; row < rows.rows(); ++row) {
    plays.push_back({.channel = ChannelId(std::string(rows.Text(row, 0))),
                     .hour = rows.Time(row, 1),
                     .plays = rows.Int(row, 2)});
  }
  return plays;
}

absl::StatusOr<std::vector<CountsRow>> PgStore::CountByChannel(Deadline deadline,
                                                               const ReportRange& range) {
  return ReadCounts(pool_, deadline, kCountByChannel, range);
}

absl::StatusOr<std::vector<CountsRow>> PgStore::CountByEdge(Deadline deadline,
                                                            const ReportRange& range) {
  return ReadCounts(pool_, deadline, kCountByEdge, range);
}

absl::StatusOr<std::vector<ErrorCount>> PgStore::CountErrors(Deadline deadline,
                                                             const ReportRange& range) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult rows,
      pool_.Query(deadline, kCountErrors, MinuteOf(range.from), MinuteOf(range.to), range.limit));
  std::vector<ErrorCount> counts;
  for (int row = 0; row < rows.rows(); ++row) {
    counts.push_back({.error = std::string(rows.Text(row, 0)), .count = rows.Int(row, 1)});
  }
  return counts;
}

absl::Status PgStore::RemoveBefore(Deadline deadline, WallTime ids, WallTime sums) {
  HOLDFAST_RETURN_IF_ERROR(DeletePortions(pool_, deadline, "counted_event", "at", ids));
  for (const char* table : {"channel_minute", "edge_minute", "error_minute"}) {
    HOLDFAST_RETURN_IF_ERROR(DeletePortions(pool_, deadline, table, "minute", sums));
  }
  return DeletePortions(pool_, deadline, "channel_hour", "hour", sums);
}

}  // namespace holdfast::analytics

#include "services/epg/pg_store.h"

#include <utility>

#include "libs/base/status.h"
#include "services/epg/convert.h"

namespace holdfast::epg {
namespace {

using storage::PgParam;
using storage::PgResult;
using storage::PgTransaction;

constexpr std::string_view kSourceColumns =
    "name, uri, default_zone, languages, shift_minutes, disabled, last_import_at, last_programmes, "
    "last_digest, last_error";

Source SourceOf(const PgResult& rows, int row) {
  return {.name = std::string(rows.Text(row, 0)),
          .uri = std::string(rows.Text(row, 1)),
          .default_zone = std::string(rows.Text(row, 2)),
          .languages = rows.TextArray(row, 3),
          .shift_minutes = static_cast<int>(rows.Int(row, 4)),
          .disabled = rows.Bool(row, 5),
          .last_import_at = rows.IsNull(row, 6) ? 0 : EpochSeconds(rows.Time(row, 6)),
          .last_programmes = static_cast<int>(rows.Int(row, 7)),
          .last_digest = std::string(rows.Text(row, 8)),
          .last_error = std::string(rows.Text(row, 9))};
}

// $1 name, $2 uri, $3 zone, $4 languages, $5 shift, $6 disabled. Another address is another feed:
// its digest must not make the first import look unchanged.
constexpr std::string_view kPutSource = R"sql(
  INSERT INTO guide_source (name, uri, default_zone, languages, shift_minutes, disabled)
  VALUES ($1, $2, $3, $4, $5, $6)
  ON CONFLICT (name) DO UPDATE
     SET uri = $2, default_zone = $3, languages = $4, shift_minutes = $5, disabled = $6,
         last_digest = ''
)sql";

// Taken first in every writing transaction; waits for the writer before us.
constexpr std::string_view kNextRevision = R"sql(
  UPDATE guide_revision SET revision = revision + 1 RETURNING revision
)sql";

// $1 channel.
constexpr std::string_view kPagesOfChannel = R"sql(
  SELECT day, page FROM guide_page WHERE channel = $1 AND page IS NOT NULL ORDER BY day
)sql";

// $1 channel, $2 day, $3 page, $4 revision.
constexpr std::string_view kPutPage = R"sql(
  INSERT INTO guide_page (channel, day, page, revision) VALUES ($1, $2, $3, $4)
  ON CONFLICT (channel, day) DO UPDATE SET page = $3, revision = $4
)sql";

// $1 source, $2 programmes, $3 digest.
constexpr std::string_view kNoteImport = R"sql(
  UPDATE guide_source
     SET last_import_at = now(), last_programmes = $2, last_digest = $3, last_error = ''
   WHERE name = $1
)sql";

GuidePage PageOf(const PgResult& rows, int row) {
  GuidePage page{.channel = std::string(rows.Text(row, 0)), .day = std::string(rows.Text(row, 1))};
  v1::GuideDay day;
  if (!rows.IsNull(row, 2) && day.ParseFromString(rows.Bytes(row, 2))) {
    page.programmes = FromProto(day).programmes;
  }
  return page;
}

// Writes the pages of one channel that differ from what is stored; counts them in `changed`.
absl::Status TakeOverChannel(PgTransaction& tx, const std::string& channel, const Schedule& fresh,
                             std::int64_t revision, int& changed) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx.Query(kPagesOfChannel, channel));
  Schedule old;
  std::map<std::string, std::string> stored;  // by day
  for (int row = 0; row < rows.rows(); ++row) {
    std::string& bytes = stored[std::string(rows.Text(row, 0))] = rows.Bytes(row, 1);
    v1::GuideDay day;
    if (!day.ParseFromString(bytes)) continue;  // a damaged page is simply replaced
    for (const v1::Programme& programme : day.programmes()) old.push_back(FromProto(programme));
  }

  std::map<std::string, std::string> wanted;
  for (SchedulePage& page : SplitIntoDays(MergeSchedule(old, fresh))) {
    const GuidePage guide_page{
        .channel = channel, .day = page.day, .programmes = std::move(page.programmes)};
    wanted[page.day] = ToProto(guide_page).SerializeAsString();
  }
  for (const auto& [day, bytes] : wanted) {
    const auto before = stored.find(day);
    if (before != stored.end() && before->second == bytes) continue;
    HOLDFAST_RETURN_IF_ERROR(
        tx.Query(kPutPage, channel, day, PgParam::Bytes(bytes), revision).status());
    ++changed;
  }
  for (const auto& [day, bytes] : stored) {
    if (wanted.contains(day)) continue;
    HOLDFAST_RETURN_IF_ERROR(
        tx.Query(kPutPage, channel, day, PgParam(std::nullopt), revision).status());
    ++changed;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<Source>> PgStore::ListSources(Deadline deadline) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult rows,
      pool_.Query(deadline, fmt::format("SELECT {} FROM guide_source ORDER BY name", kSourceColumns)));
  std::vector<Source> sources;
  for (int row = 0; row < rows.rows(); ++row) sources.push_back(SourceOf(rows, row));
  return sources;
}

absl::StatusOr<Source> PgStore::FindSource(Deadline deadline, std::string_view name) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult rows,
      pool_.Query(deadline, fmt::format("SELECT {} FROM guide_source WHERE name = $1", kSourceColumns),
                  name));
  if (rows.rows() == 0) return NotFound("guide source {} unknown", name);
  return SourceOf(rows, 0);
}

absl::Status PgStore::PutSource(Deadline deadline, const Source& source) {
  return pool_
      .Query(deadline, kPutSource, source.name, source.uri, source.default_zone, source.languages,
             source.shift_minutes, source.disabled)
      .status();
}

absl::Status PgStore::NoteImportError(Deadline deadline, std::string_view source,
                                      std::string_view error) {
  return pool_
      .Query(deadline, "UPDATE guide_source SET last_error = $2 WHERE name = $1", source, error)
      .status();
}

absl::StatusOr<GuideChanges> PgStore::ChangesSince(Deadline deadline, std::uint64_t revision) {
  // Both reads in one statement, so that the revision belongs to the rows.
  constexpr std::string_view kChanges = R"sql(
    SELECT p.channel, p.day, p.page, r.revision
      FROM guide_revision r LEFT JOIN guide_page p ON p.revision > $1
  )sql";
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, pool_.Query(deadline, kChanges, revision));
  GuideChanges changes{.revision = revision};
  for (int row = 0; row < rows.rows(); ++row) {
    changes.revision = static_cast<std::uint64_t>(rows.Int(row, 3));
    if (!rows.IsNull(row, 0)) changes.pages.push_back(PageOf(rows, row));
  }
  return changes;
}

absl::StatusOr<int> PgStore::TakeOver(Deadline deadline,
                                      const std::map<std::string, Schedule>& fresh,
                                      const ImportOutcome& outcome) {
  int changed = 0;
  const auto body = [&](PgTransaction& tx) -> absl::Status {
    changed = 0;
    HOLDFAST_ASSIGN_OR_RETURN(const PgResult next, tx.Query(kNextRevision));
    for (const auto& [channel, schedule] : fresh) {
      HOLDFAST_RETURN_IF_ERROR(TakeOverChannel(tx, channel, schedule, next.Int(0, 0), changed));
    }
    return tx.Query(kNoteImport, outcome.source, outcome.programmes, outcome.digest).status();
  };
  HOLDFAST_RETURN_IF_ERROR(pool_.Transact(deadline, body));
  return changed;
}

absl::StatusOr<int> PgStore::RemoveBefore(Deadline deadline, std::string_view day) {
  int removed = 0;
  const auto body = [&](PgTransaction& tx) -> absl::Status {
    HOLDFAST_ASSIGN_OR_RETURN(const PgResult next, tx.Query(kNextRevision));
    HOLDFAST_ASSIGN_OR_RETURN(
        const PgResult emptied,
        tx.Query("UPDATE guide_page SET page = NULL, revision = $2 WHERE day < $1 AND page IS NOT NULL",
                 day, next.Int(0, 0)));
    removed = static_cast<int>(emptied.affected());
    return absl::OkStatus();
  };
  HOLDFAST_RETURN_IF_ERROR(pool_.Transact(deadline, body));
  return removed;
}

}  // namespace holdfast::epg

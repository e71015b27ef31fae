#include "services/middleware/audit_log.h"

#include "libs/base/status.h"
#include "services/middleware/domain/m3u.h"

namespace holdfast::middleware {
namespace {

constexpr std::size_t kLongestText = 1000;

// What the database takes as text, and not more of it than anybody reads.
std::string Kept(const std::string& text) { return CleanUtf8(text.substr(0, kLongestText)); }

constexpr std::string_view kAppend = R"sql(
  INSERT INTO audit_entry (actor, source, action, subject, detail, outcome)
  VALUES ($1, $2, $3, $4, $5, $6)
)sql";

constexpr std::string_view kList = R"sql(
  SELECT position, extract(epoch FROM at)::bigint, actor, source, action, subject, detail, outcome
    FROM audit_entry
   WHERE position > $1
   ORDER BY position
   LIMIT $2
)sql";

}  // namespace

absl::Status AuditLog::Append(Deadline deadline, const AuditEntry& entry) {
  return pool_
      .Query(deadline, kAppend, Kept(entry.actor), Kept(entry.source), Kept(entry.action),
             Kept(entry.subject), Kept(entry.detail), Kept(entry.outcome))
      .status();
}

absl::StatusOr<std::vector<AuditEntry>> AuditLog::List(Deadline deadline, std::int64_t after,
                                                       int limit) {
  HOLDFAST_ASSIGN_OR_RETURN(const storage::PgResult rows,
                            pool_.Query(deadline, kList, after, limit));
  std::vector<AuditEntry> entries;
  for (int row = 0; row < rows.rows(); ++row) {
    entries.push_back({.position = rows.Int(row, 0),
                       .at = rows.Int(row, 1),
                       .actor = std::string(rows.Text(row, 2)),
                       .source = std::string(rows.Text(row, 3)),
                       .action = std::string(rows.Text(row, 4)),
                       .subject = std::string(rows.Text(row, 5)),
                       .detail = std::string(rows.Text(row, 6)),
                       .outcome = std::string(rows.Text(row, 7))});
  }
  return entries;
}

}  // namespace holdfast::middleware

#include "services/middleware/pg_store_admin.h"

#include <utility>

#include "libs/base/status.h"

namespace holdfast::middleware {
namespace {

using storage::PgResult;
using storage::PgTransaction;

// $1 at, $2 actor, $3 address, $4 action, $5 object, $6 request.
constexpr std::string_view kBegin = R"sql(
  INSERT INTO operator_change (at_ms, actor, address, action, object, request)
  VALUES ($1, $2, $3, $4, $5, $6) RETURNING entry_id
)sql";

// $1 entry, $2 outcome.
constexpr std::string_view kEnd = R"sql(
  INSERT INTO operator_change_outcome (entry_id, outcome) VALUES ($1, $2) ON CONFLICT (entry_id) DO NOTHING
)sql";

// $1 actor, $2 action, $3 object, $4 since, $5 until, $6 before entry, $7 how many.
constexpr std::string_view kList = R"sql(
  SELECT e.entry_id, at_ms, actor, address, action, object, request, coalesce(outcome, '')
    FROM operator_change e LEFT JOIN operator_change_outcome o ON o.entry_id = e.entry_id
   WHERE ($1 = '' OR actor = $1) AND ($2 = '' OR action = $2) AND ($3 = '' OR object = $3)
     AND at_ms >= $4::bigint AND ($5::bigint = 0 OR at_ms < $5::bigint)
     AND ($6::bigint = 0 OR e.entry_id < $6::bigint)
   ORDER BY e.entry_id DESC LIMIT $7
)sql";

// $1 operator, $2 key, $3 answers older than, $4 unanswered ones of that key older than.
constexpr std::string_view kForget = R"sql(
  DELETE FROM admin_answer
   WHERE begun_at_ms < $3::bigint
      OR (operator = $1 AND key = $2 AND status IS NULL AND begun_at_ms < $4::bigint)
)sql";

// $1 operator, $2 key, $3 hash, $4 now.
constexpr std::string_view kTake = R"sql(
  INSERT INTO admin_answer (operator, key, request_hash, begun_at_ms) VALUES ($1, $2, $3, $4)
  ON CONFLICT (operator, key) DO NOTHING
)sql";

// $1 operator, $2 key.
constexpr std::string_view kFindAnswer =
    "SELECT request_hash, status, body FROM admin_answer WHERE operator = $1 AND key = $2";

// $1 operator, $2 key, $3 status, $4 body.
constexpr std::string_view kKeepAnswer =
    "UPDATE admin_answer SET status = $3, body = $4 WHERE operator = $1 AND key = $2";

// $1 operator, $2 key.
constexpr std::string_view kRelease =
    "DELETE FROM admin_answer WHERE operator = $1 AND key = $2 AND status IS NULL";

}  // namespace

absl::StatusOr<std::int64_t> PgAuditStore::Begin(Deadline deadline, const ChangeRecord& entry) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows,
                            pool_.Query(deadline, kBegin, entry.at_ms, entry.actor, entry.address,
                                        entry.action, entry.object, entry.request));
  return rows.Int(0, 0);
}

absl::Status PgAuditStore::End(Deadline deadline, std::int64_t id, const std::string& outcome) {
  return pool_.Query(deadline, kEnd, id, outcome).status();
}

absl::StatusOr<std::vector<ChangeRecord>> PgAuditStore::List(Deadline deadline,
                                                             const AuditQuery& query) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult rows,
      pool_.Query(deadline, kList, query.actor, query.action, query.object, query.since_ms,
                  query.until_ms, query.before_id, query.limit));
  std::vector<ChangeRecord> entries;
  for (int row = 0; row < rows.rows(); ++row) {
    entries.push_back({.id = rows.Int(row, 0),
                       .at_ms = rows.Int(row, 1),
                       .actor = std::string(rows.Text(row, 2)),
                       .address = std::string(rows.Text(row, 3)),
                       .action = std::string(rows.Text(row, 4)),
                       .object = std::string(rows.Text(row, 5)),
                       .request = std::string(rows.Text(row, 6)),
                       .outcome = std::string(rows.Text(row, 7))});
  }
  return entries;
}

absl::StatusOr<KeyedAnswer> PgAuditStore::TakeKey(Deadline deadline, const KeyedRequest& request,
                                                  std::int64_t now_ms, std::int64_t stale_before_ms,
                                                  std::int64_t forget_before_ms) {
  KeyedAnswer answer;
  const absl::Status status = pool_.Transact(deadline, [&](PgTransaction& tx) -> absl::Status {
    HOLDFAST_RETURN_IF_ERROR(
        tx.Query(kForget, request.op, request.key, forget_before_ms, stale_before_ms).status());
    HOLDFAST_ASSIGN_OR_RETURN(const PgResult taken,
                              tx.Query(kTake, request.op, request.key, request.hash, now_ms));
    if (taken.affected() == 1) return absl::OkStatus();
    HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx.Query(kFindAnswer, request.op, request.key));
    if (rows.rows() == 0) return Aborted("the key was given back meanwhile");
    if (rows.Text(0, 0) != request.hash) {
      answer.state = KeyedAnswer::State::kMisused;
    } else if (rows.IsNull(0, 1)) {
      answer.state = KeyedAnswer::State::kUnderWay;
    } else {
      answer = {.state = KeyedAnswer::State::kAnswered,
                .status = static_cast<int>(rows.Int(0, 1)),
                .body = std::string(rows.Text(0, 2))};
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return answer;
}

absl::Status PgAuditStore::KeepAnswer(Deadline deadline, const KeyedRequest& request, int status,
                                      const std::string& body) {
  return pool_.Query(deadline, kKeepAnswer, request.op, request.key, status, body).status();
}

absl::Status PgAuditStore::ReleaseKey(Deadline deadline, const KeyedRequest& request) {
  return pool_.Query(deadline, kRelease, request.op, request.key).status();
}

}  // namespace holdfast::middleware

// The outbox of events and the reminders that were told, in PostgreSQL.
#include "libs/base/status.h"
#include "services/billing/pg_list.h"
#include "services/billing/pg_rows.h"
#include "services/billing/pg_store.h"
#include "services/billing/pg_transaction.h"

namespace holdfast::billing {

using storage::PgParam;
using storage::PgResult;

void PgBillingTransaction::Tell(Event event) {
  if (tells_) events_.push_back(std::move(event));
}

constexpr std::string_view kWriteEvents = R"sql(
  INSERT INTO event (event_id, kind, account_id, body, given_up_at)
  SELECT *, CASE WHEN $5 THEN NULL ELSE now() END
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) ON CONFLICT DO NOTHING
)sql";

absl::Status PgBillingTransaction::WriteEvents() {
  if (events_.empty()) return absl::OkStatus();
  std::vector<std::string> ids, kinds, accounts, bodies;
  for (const Event& event : events_) {
    ids.push_back(event.id);
    kinds.push_back(event.kind);
    accounts.push_back(event.account.value());
    bodies.push_back(ToJson(event));
  }
  return tx_.Query(kWriteEvents, ids, kinds, accounts, bodies, tells_).status();
}

constexpr std::string_view kEventsToSend = R"sql(
  SELECT event_id, body, tries, created_at, try_at FROM event
   WHERE delivered_at IS NULL AND given_up_at IS NULL AND try_at <= $1
   ORDER BY try_at LIMIT $2
)sql";

absl::StatusOr<std::vector<StoredEvent>> PgStore::EventsToSend(Deadline deadline, WallTime now,
                                                               int limit) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, pool_.Query(deadline, kEventsToSend, now, limit));
  std::vector<StoredEvent> events;
  for (int row = 0; row < rows.rows(); ++row) {
    events.push_back({.id = std::string(rows.Text(row, 0)),
                      .body = std::string(rows.Text(row, 1)),
                      .tries = static_cast<int>(rows.Int(row, 2)),
                      .created_at = rows.Time(row, 3),
                      .try_at = rows.Time(row, 4)});
  }
  return events;
}

absl::StatusOr<std::vector<StoredEvent>> PgStore::ListEvents(Deadline deadline,
                                                             const EventFilter& filter) {
  PgList list(
      "SELECT event_id, kind, account_id, body, tries, created_at, try_at, delivered_at,"
      "       given_up_at FROM event");
  list.WhereSet("account_id = $", filter.account).WhereSet("kind = $", filter.kind);
  if (filter.state == EventFilter::State::kWaiting) {
    list.Where("delivered_at IS NULL AND given_up_at IS NULL");
  } else if (filter.state == EventFilter::State::kDelivered) {
    list.Where("delivered_at IS NOT NULL");
  } else if (filter.state == EventFilter::State::kGivenUp) {
    list.Where("given_up_at IS NOT NULL");
  }
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult rows,
      list.Behind("created_at, event_id", filter.before)
          .Run(pool_, deadline, "created_at DESC, event_id DESC", filter.limit));
  const auto time = [&](int row, int column) {
    return rows.IsNull(row, column) ? std::nullopt : std::optional(rows.Time(row, column));
  };
  std::vector<StoredEvent> events;
  for (int row = 0; row < rows.rows(); ++row) {
    events.push_back({.id = std::string(rows.Text(row, 0)),
                      .kind = std::string(rows.Text(row, 1)),
                      .account = AccountId(std::string(rows.Text(row, 2))),
                      .body = std::string(rows.Text(row, 3)),
                      .tries = static_cast<int>(rows.Int(row, 4)),
                      .created_at = rows.Time(row, 5),
                      .try_at = rows.Time(row, 6),
                      .delivered_at = time(row, 7),
                      .given_up_at = time(row, 8)});
  }
  return events;
}

constexpr std::string_view kSaveEvent = R"sql(
  UPDATE event SET tries = $2, try_at = $3, delivered_at = $4, given_up_at = $5 WHERE event_id = $1
)sql";

absl::Status PgStore::SaveEvents(Deadline deadline, std::span<const StoredEvent> events) {
  const auto time = [](const std::optional<WallTime>& t) {
    return t ? PgParam(*t) : PgParam(std::nullopt);
  };
  return pool_.Transact(deadline, [&](storage::PgTransaction& tx) -> absl::Status {
    for (const StoredEvent& event : events) {
      HOLDFAST_RETURN_IF_ERROR(tx.Query(kSaveEvent, event.id, event.tries, event.try_at,
                                        time(event.delivered_at), time(event.given_up_at))
                                   .status());
    }
    return absl::OkStatus();
  });
}

// -- What was done unasked, in the audit log ------------------------------------------------------

void PgBillingTransaction::Note(std::string method, std::string subject, std::string key,
                                std::string shown) {
  if (asked_ == Asked::kYes) return;  // the command's own line says it
  notes_.push_back({.method = std::move(method),
                    .subject = std::move(subject),
                    .request = std::move(shown),
                    .key = std::move(key)});
}

constexpr std::string_view kWriteNotes = R"sql(
  INSERT INTO audit_log (caller, method, subject, request, idempotency_key)
  SELECT 'billing', x.method, x.subject, x.request, x.key
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
           AS x (method, subject, request, key)
)sql";

absl::Status PgBillingTransaction::WriteNotes() {
  if (notes_.empty()) return absl::OkStatus();
  std::vector<std::string> methods, subjects, requests, keys;
  for (const AuditEntry& note : notes_) {
    methods.push_back(note.method);
    subjects.push_back(note.subject);
    requests.push_back(note.request);
    keys.push_back(note.key);
  }
  return tx_.Query(kWriteNotes, methods, subjects, requests, keys).status();
}

// -- Reminders ------------------------------------------------------------------------------------

absl::StatusOr<bool> PgBillingTransaction::AddDunningNotice(const InvoiceId& invoice, int step,
                                                            sys_days today) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult added,
      tx_.Query("INSERT INTO dunning_notice (invoice_id, step, sent_on) "
                "VALUES ($1, $2, DATE '1970-01-01' + $3::int) ON CONFLICT DO NOTHING",
                invoice.value(), step, DayParam(today)));
  return added.affected() == 1;
}

}  // namespace holdfast::billing

// The outbox of events and the reminders that were told, in PostgreSQL.
#include "libs/base/status.h"
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

absl::Status PgStore::SaveEvent(Deadline deadline, const StoredEvent& event) {
  const auto time = [](const std::optional<WallTime>& t) {
    return t ? PgParam(*t) : PgParam(std::nullopt);
  };
  return pool_
      .Query(deadline,
             "UPDATE event SET tries = $2, try_at = $3, delivered_at = $4, given_up_at = $5 "
             "WHERE event_id = $1",
             event.id, event.tries, event.try_at, time(event.delivered_at), time(event.given_up_at))
      .status();
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

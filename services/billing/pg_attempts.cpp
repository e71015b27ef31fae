// Attempts to collect money, and the webhooks that told of them, in PostgreSQL.
#include "libs/base/status.h"
#include "services/billing/pg_followed.h"
#include "services/billing/pg_store.h"
#include "services/billing/pg_transaction.h"

namespace holdfast::billing {
namespace {

using storage::PgParam;
using storage::PgResult;

void TakeOwn(const PgResult& rows, int row, PaymentAttempt& attempt) {
  attempt.id = AttemptId(std::string(rows.Text(row, kFollowedColumns)));
  attempt.source = rows.Text(row, kFollowedColumns + 1);
  if (rows.IsNull(row, kFollowedColumns + 2)) return;
  attempt.payment = PaymentId(std::string(rows.Text(row, kFollowedColumns + 2)));
}

const FollowedTable<PaymentAttempt>& Attempts() {
  static const FollowedTable<PaymentAttempt> kTable(
      {.name = "payment attempt",
       .table = "payment_attempt",
       .id = "attempt_id",
       .state = "state",
       .select = HOLDFAST_FOLLOWED_COLUMNS("state") ", attempt_id, source, payment_id",
       .state_of = AttemptStateOf,
       .take_own = TakeOwn});
  return kTable;
}

}  // namespace

constexpr std::string_view kAddAttempt = R"sql(
  INSERT INTO payment_attempt (attempt_id, account_id, gateway, currency, amount, source, state,
                               look_at, created_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
)sql";

absl::Status PgBillingTransaction::AddAttempt(const PaymentAttempt& a) {
  return tx_
      .Query(kAddAttempt, a.id.value(), a.account.value(), a.gateway, a.amount.currency(),
             a.amount.minor_units(), a.source, NameOf(a.state), a.look_at, a.created_at)
      .status();
}

absl::StatusOr<PaymentAttempt> PgBillingTransaction::FindAttempt(const AttemptId& id) {
  const auto query = [&](const std::string& sql, const std::string& value) {
    return tx_.Query(sql, value);
  };
  HOLDFAST_ASSIGN_OR_RETURN(const PaymentAttempt found, Attempts().Find(id, query));
  HOLDFAST_RETURN_IF_ERROR(FindAccount(found.account).status());  // locks it
  return Attempts().Find(id, query);
}

constexpr std::string_view kSaveAttempt = R"sql(
  UPDATE payment_attempt SET state = $2, reference = $3, reason = $4, payment_id = $5, looks = $6,
         look_at = $7, sent_at = $8
   WHERE attempt_id = $1
)sql";

absl::Status PgBillingTransaction::SaveAttempt(const PaymentAttempt& a) {
  if (a.state == PaymentAttempt::State::kDeclined) Tell(AttemptDeclined(a));
  const PgParam payment = a.payment ? PgParam(a.payment->value()) : PgParam(std::nullopt);
  return tx_
      .Query(kSaveAttempt, a.id.value(), NameOf(a.state), a.reference, a.reason, payment, a.looks,
             a.look_at, a.sent_at)
      .status();
}

absl::StatusOr<bool> PgBillingTransaction::IsTakenByAttempt(const PaymentId& payment,
                                                            const AttemptId& other_than) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult rows,
      tx_.Query("SELECT 1 FROM payment_attempt WHERE account_id = (SELECT account_id FROM payment"
                " WHERE payment_id = $1) AND payment_id = $1 AND attempt_id <> $2",
                payment.value(), other_than.value()));
  return rows.rows() > 0;
}

absl::StatusOr<bool> PgBillingTransaction::AddGatewayEvent(const std::string& gateway,
                                                           const std::string& event_id) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult added,
      tx_.Query("INSERT INTO gateway_event (gateway, event_id) VALUES ($1, $2) "
                "ON CONFLICT DO NOTHING",
                gateway, event_id));
  return added.affected() == 1;
}

absl::StatusOr<PaymentAttempt> PgStore::FindAttempt(Deadline deadline, const AttemptId& id) {
  return Attempts().Find(id, [&](const std::string& sql, const std::string& value) {
    return pool_.Query(deadline, sql, value);
  });
}

absl::StatusOr<std::vector<PaymentAttempt>> PgStore::ListAttempts(Deadline deadline,
                                                                  const AttemptFilter& filter) {
  return Attempts().Run(Attempts().List(filter), pool_, deadline, filter.limit);
}

absl::StatusOr<std::vector<PaymentAttempt>> PgStore::AttemptsToLookAt(Deadline deadline,
                                                                      const std::string& gateway,
                                                                      WallTime now, int limit) {
  return Attempts().ToLookAt(pool_, deadline, gateway, now, limit);
}

absl::StatusOr<std::int64_t> PgStore::CountOpenAttempts(Deadline deadline, WallTime before) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult rows, pool_.Query(deadline,
                                       "SELECT count(*) FROM (SELECT state, created_at FROM"
                                       " payment_attempt UNION ALL SELECT state, created_at FROM"
                                       " refund) a"
                                       " WHERE state IN ('started', 'pending') AND created_at < $1",
                                       before));
  return rows.Int(0, 0);
}

}  // namespace holdfast::billing

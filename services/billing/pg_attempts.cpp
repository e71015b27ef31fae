// Attempts to collect money, and the webhooks that told of them, in PostgreSQL.
#include "libs/base/check.h"
#include "libs/base/status.h"
#include "services/billing/pg_list.h"
#include "services/billing/pg_rows.h"
#include "services/billing/pg_store.h"
#include "services/billing/pg_transaction.h"

namespace holdfast::billing {
namespace {

using storage::PgParam;
using storage::PgResult;

constexpr std::string_view kSelect =
    "SELECT attempt_id, account_id, gateway, currency, amount, source, state, reference, reason,"
    "       payment_id, looks, look_at, created_at, sent_at FROM payment_attempt ";

PaymentAttempt AttemptAt(const PgResult& rows, int row) {
  absl::StatusOr<Money> amount = Money::Make(rows.Int(row, 4), rows.Text(row, 3));
  HOLDFAST_CHECK(amount.ok());
  const std::optional<PaymentAttempt::State> state = AttemptStateOf(rows.Text(row, 6));
  HOLDFAST_CHECK(state.has_value());
  PaymentAttempt attempt{.id = AttemptId(std::string(rows.Text(row, 0))),
                         .account = AccountId(std::string(rows.Text(row, 1))),
                         .gateway = std::string(rows.Text(row, 2)),
                         .amount = *std::move(amount),
                         .source = std::string(rows.Text(row, 5)),
                         .state = *state,
                         .reference = std::string(rows.Text(row, 7)),
                         .reason = std::string(rows.Text(row, 8)),
                         .looks = static_cast<int>(rows.Int(row, 10)),
                         .look_at = rows.Time(row, 11),
                         .created_at = rows.Time(row, 12)};
  if (!rows.IsNull(row, 13)) attempt.sent_at = rows.Time(row, 13);
  if (!rows.IsNull(row, 9)) attempt.payment = PaymentId(std::string(rows.Text(row, 9)));
  return attempt;
}

std::vector<PaymentAttempt> AllAttempts(const PgResult& rows) {
  std::vector<PaymentAttempt> attempts;
  for (int row = 0; row < rows.rows(); ++row) attempts.push_back(AttemptAt(rows, row));
  return attempts;
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
  static const std::string kFind = std::string(kSelect) + "WHERE attempt_id = $1";
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult found, tx_.Query(kFind, id.value()));
  if (found.rows() == 0) return NotFound("payment attempt {} unknown", id.value());
  HOLDFAST_RETURN_IF_ERROR(FindAccount(AttemptAt(found, 0).account).status());  // locks it
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx_.Query(kFind, id.value()));
  return AttemptAt(rows, 0);
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
             a.look_at, a.sent_at ? PgParam(*a.sent_at) : PgParam(std::nullopt))
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
  static const std::string kFind = std::string(kSelect) + "WHERE attempt_id = $1";
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, pool_.Query(deadline, kFind, id.value()));
  if (rows.rows() == 0) return NotFound("payment attempt {} unknown", id.value());
  return AttemptAt(rows, 0);
}

absl::StatusOr<std::vector<PaymentAttempt>> PgStore::ListAttempts(Deadline deadline,
                                                                  const AttemptFilter& filter) {
  PgList list(kSelect);
  if (filter.state) list.Where("state = $", NameOf(*filter.state));
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult rows,
      list.WhereSet("account_id = $", filter.account)
          .Behind("created_at, attempt_id", filter.before)
          .Run(pool_, deadline, "created_at DESC, attempt_id DESC", filter.limit));
  return AllAttempts(rows);
}

absl::StatusOr<std::vector<PaymentAttempt>> PgStore::AttemptsToLookAt(Deadline deadline,
                                                                      const std::string& gateway,
                                                                      WallTime now, int limit) {
  static const std::string kList =
      std::string(kSelect) +
      "WHERE state IN ('started', 'pending') AND look_at <= $1 AND gateway = $2"
      " ORDER BY look_at LIMIT $3";
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, pool_.Query(deadline, kList, now, gateway, limit));
  return AllAttempts(rows);
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

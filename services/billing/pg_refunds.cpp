// Refunds that go through a gateway, in PostgreSQL.
#include "libs/base/status.h"
#include "services/billing/pg_followed.h"
#include "services/billing/pg_store.h"
#include "services/billing/pg_transaction.h"

namespace holdfast::billing {
namespace {

using storage::PgResult;

// One that bounced is 'refused' to older releases.
#define HOLDFAST_REFUND_STATE "CASE WHEN bounced THEN 'bounced' ELSE state END"

void TakeOwn(const PgResult& rows, int row, GatewayRefund& refund) {
  refund.id = RefundId(std::string(rows.Text(row, kFollowedColumns)));
  refund.payment = PaymentId(std::string(rows.Text(row, kFollowedColumns + 1)));
  refund.charge = rows.Text(row, kFollowedColumns + 2);
  refund.held = rows.Bool(row, kFollowedColumns + 3);
}

const FollowedTable<GatewayRefund>& Refunds() {
  static const FollowedTable<GatewayRefund> kTable(
      {.name = "refund",
       .table = "refund",
       .id = "refund_id",
       .state = HOLDFAST_REFUND_STATE,
       .select =
           HOLDFAST_FOLLOWED_COLUMNS(HOLDFAST_REFUND_STATE) ", refund_id, payment_id, charge, held",
       .state_of = RefundStateOf,
       .take_own = TakeOwn});
  return kTable;
}

}  // namespace

constexpr std::string_view kAddRefund = R"sql(
  INSERT INTO refund (refund_id, payment_id, account_id, gateway, charge, currency, amount, state,
                      held, look_at, created_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
)sql";

absl::Status PgBillingTransaction::AddRefund(const GatewayRefund& r) {
  return tx_
      .Query(kAddRefund, r.id.value(), r.payment.value(), r.account.value(), r.gateway, r.charge,
             r.amount.currency(), r.amount.minor_units(), NameOf(r.state), r.held, r.look_at,
             r.created_at)
      .status();
}

absl::StatusOr<GatewayRefund> PgBillingTransaction::FindRefund(const RefundId& id) {
  const auto query = [&](const std::string& sql, const std::string& value) {
    return tx_.Query(sql, value);
  };
  HOLDFAST_ASSIGN_OR_RETURN(const GatewayRefund found, Refunds().Find(id, query));
  HOLDFAST_RETURN_IF_ERROR(FindAccount(found.account).status());  // locks it
  return Refunds().Find(id, query);
}

constexpr std::string_view kSaveRefund = R"sql(
  UPDATE refund SET state = CASE WHEN $2::text = 'bounced' THEN 'refused' ELSE $2 END,
         bounced = $2 = 'bounced', reference = $3, reason = $4, held = $5, looks = $6,
         look_at = $7, sent_at = $8
   WHERE refund_id = $1
)sql";

absl::Status PgBillingTransaction::SaveRefund(const GatewayRefund& r) {
  if (!r.open()) {
    Note("EndRefund", r.account.value(), r.id.value(),
         fmt::format(R"({{"payment_id":"{}","minor_units":{},"currency":"{}","state":"{}"}})",
                     r.payment.value(), r.amount.minor_units(), r.amount.currency(),
                     NameOf(r.state)));
    Tell(RefundEnded(r));
  }
  return tx_
      .Query(kSaveRefund, r.id.value(), NameOf(r.state), r.reference, r.reason, r.held, r.looks,
             r.look_at, r.sent_at)
      .status();
}

absl::StatusOr<GatewayRefund> PgStore::FindRefund(Deadline deadline, const RefundId& id) {
  return Refunds().Find(id, [&](const std::string& sql, const std::string& value) {
    return pool_.Query(deadline, sql, value);
  });
}

absl::StatusOr<std::vector<GatewayRefund>> PgStore::ListRefunds(Deadline deadline,
                                                                const RefundFilter& filter) {
  PgList list = Refunds().List(filter);
  list.WhereSet("payment_id = $", filter.payment);
  return Refunds().Run(std::move(list), pool_, deadline, filter.limit);
}

absl::StatusOr<std::vector<GatewayRefund>> PgStore::RefundsToLookAt(Deadline deadline,
                                                                    const std::string& gateway,
                                                                    WallTime now, int limit) {
  return Refunds().ToLookAt(pool_, deadline, gateway, now, limit);
}

}  // namespace holdfast::billing

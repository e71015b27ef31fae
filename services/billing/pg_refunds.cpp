// Refunds that go through a gateway, in PostgreSQL.
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
    "SELECT refund_id, payment_id, account_id, gateway, charge, currency, amount, state, reference,"
    "       reason, held, looks, look_at, created_at, sent_at FROM refund ";

GatewayRefund RefundAt(const PgResult& rows, int row) {
  absl::StatusOr<Money> amount = Money::Make(rows.Int(row, 6), rows.Text(row, 5));
  HOLDFAST_CHECK(amount.ok());
  const std::optional<GatewayRefund::State> state = RefundStateOf(rows.Text(row, 7));
  HOLDFAST_CHECK(state.has_value());
  GatewayRefund refund{.id = RefundId(std::string(rows.Text(row, 0))),
                       .payment = PaymentId(std::string(rows.Text(row, 1))),
                       .account = AccountId(std::string(rows.Text(row, 2))),
                       .gateway = std::string(rows.Text(row, 3)),
                       .charge = std::string(rows.Text(row, 4)),
                       .amount = *std::move(amount),
                       .state = *state,
                       .reference = std::string(rows.Text(row, 8)),
                       .reason = std::string(rows.Text(row, 9)),
                       .held = rows.Bool(row, 10),
                       .looks = static_cast<int>(rows.Int(row, 11)),
                       .look_at = rows.Time(row, 12),
                       .created_at = rows.Time(row, 13)};
  if (!rows.IsNull(row, 14)) refund.sent_at = rows.Time(row, 14);
  return refund;
}

std::vector<GatewayRefund> AllRefunds(const PgResult& rows) {
  std::vector<GatewayRefund> refunds;
  for (int row = 0; row < rows.rows(); ++row) refunds.push_back(RefundAt(rows, row));
  return refunds;
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
  static const std::string kFind = std::string(kSelect) + "WHERE refund_id = $1";
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult found, tx_.Query(kFind, id.value()));
  if (found.rows() == 0) return NotFound("refund {} unknown", id.value());
  HOLDFAST_RETURN_IF_ERROR(FindAccount(RefundAt(found, 0).account).status());  // locks it
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx_.Query(kFind, id.value()));
  return RefundAt(rows, 0);
}

constexpr std::string_view kSaveRefund = R"sql(
  UPDATE refund SET state = $2, reference = $3, reason = $4, held = $5, looks = $6, look_at = $7,
         sent_at = $8
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
             r.look_at, r.sent_at ? PgParam(*r.sent_at) : PgParam(std::nullopt))
      .status();
}

absl::StatusOr<GatewayRefund> PgStore::FindRefund(Deadline deadline, const RefundId& id) {
  static const std::string kFind = std::string(kSelect) + "WHERE refund_id = $1";
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, pool_.Query(deadline, kFind, id.value()));
  if (rows.rows() == 0) return NotFound("refund {} unknown", id.value());
  return RefundAt(rows, 0);
}

absl::StatusOr<std::vector<GatewayRefund>> PgStore::ListRefunds(Deadline deadline,
                                                                const RefundFilter& filter) {
  PgList list(kSelect);
  if (filter.state) list.Where("state = $", NameOf(*filter.state));
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult rows,
      list.WhereSet("account_id = $", filter.account)
          .WhereSet("payment_id = $", filter.payment)
          .Behind("created_at, refund_id", filter.before)
          .Run(pool_, deadline, "created_at DESC, refund_id DESC", filter.limit));
  return AllRefunds(rows);
}

absl::StatusOr<std::vector<GatewayRefund>> PgStore::RefundsToLookAt(Deadline deadline,
                                                                    const std::string& gateway,
                                                                    WallTime now, int limit) {
  static const std::string kList =
      std::string(kSelect) +
      "WHERE state IN ('started', 'pending') AND look_at <= $1 AND gateway = $2"
      " ORDER BY look_at LIMIT $3";
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, pool_.Query(deadline, kList, now, gateway, limit));
  return AllRefunds(rows);
}

}  // namespace holdfast::billing

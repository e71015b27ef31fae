// Payments in PostgreSQL.
#include <utility>

#include "libs/base/check.h"
#include "libs/base/status.h"
#include "services/billing/pg_list.h"
#include "services/billing/pg_rows.h"
#include "services/billing/pg_store.h"
#include "services/billing/pg_transaction.h"

namespace holdfast::billing {
namespace {

using storage::PgResult;

constexpr std::string_view kSelectPayment =
    "SELECT payment_id, account_id, currency, amount, method, reference, refunded, refunds,"
    "       created_at, charged_back, chargebacks, refunding FROM payment ";

Payment PaymentAt(const PgResult& rows, int row) {
  absl::StatusOr<Money> amount = Money::Make(rows.Int(row, 3), rows.Text(row, 2));
  HOLDFAST_CHECK(amount.ok());
  return {.id = PaymentId(std::string(rows.Text(row, 0))),
          .account = AccountId(std::string(rows.Text(row, 1))),
          .amount = *std::move(amount),
          .method = std::string(rows.Text(row, 4)),
          .reference = std::string(rows.Text(row, 5)),
          .refunded = rows.Int(row, 6),
          .refunds = static_cast<int>(rows.Int(row, 7)),
          .charged_back = rows.Int(row, 9),
          .chargebacks = static_cast<int>(rows.Int(row, 10)),
          .refunding = rows.Int(row, 11),
          .created_at = rows.Time(row, 8)};
}

}  // namespace

constexpr std::string_view kAddPayment = R"sql(
  INSERT INTO payment (payment_id, account_id, currency, amount, method, reference)
  VALUES ($1, $2, $3, $4, $5, $6)
)sql";

absl::Status PgBillingTransaction::AddPayment(const Payment& p) {
  Note("TakePayment", p.account.value(), p.id.value(),
       fmt::format(R"({{"payment_id":"{}","minor_units":{},"currency":"{}","method":"{}"}})",
                   p.id.value(), p.amount.minor_units(), p.amount.currency(), p.method));
  Tell(PaymentTaken(p.account, p.id, p.amount, p.method));
  const absl::Status status =
      tx_.Query(kAddPayment, p.id.value(), p.account.value(), p.amount.currency(),
                p.amount.minor_units(), p.method, p.reference)
          .status();
  if (!absl::IsAlreadyExists(status)) return status;
  return AlreadyExists("already_paid: {} {} was recorded before", p.method, p.reference);
}

absl::StatusOr<std::optional<PaymentId>> PgBillingTransaction::FindPaymentOf(
    const std::string& method, const std::string& reference) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult rows,
      tx_.Query("SELECT payment_id FROM payment WHERE method = $1 AND reference = $2", method,
                reference));
  if (rows.rows() == 0) return std::optional<PaymentId>();
  return std::optional(PaymentId(std::string(rows.Text(0, 0))));
}

absl::StatusOr<Payment> PgBillingTransaction::FindPayment(const PaymentId& id) {
  static const std::string kFind = std::string(kSelectPayment) + "WHERE payment_id = $1";
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult found, tx_.Query(kFind, id.value()));
  if (found.rows() == 0) return NotFound("payment {} unknown", id.value());
  HOLDFAST_RETURN_IF_ERROR(FindAccount(PaymentAt(found, 0).account).status());  // locks it
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx_.Query(kFind, id.value()));
  return PaymentAt(rows, 0);
}

absl::Status PgBillingTransaction::SavePayment(const Payment& p) {
  return tx_
      .Query(
          "UPDATE payment SET refunded = $2, refunds = $3, charged_back = $4, chargebacks = $5,"
          " refunding = $6 WHERE payment_id = $1",
          p.id.value(), p.refunded, p.refunds, p.charged_back, p.chargebacks, p.refunding)
      .status();
}

absl::StatusOr<std::vector<Payment>> PgStore::ListPayments(Deadline deadline,
                                                           const PaymentFilter& filter) {
  PgList list(kSelectPayment);
  list.WhereSet("account_id = $", filter.account).WhereSet("method = $", filter.method);
  if (filter.from) list.Where("created_at >= $", *filter.from);
  if (filter.until) list.Where("created_at < $", *filter.until);
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult rows,
      list.Behind("created_at, payment_id", filter.before)
          .Run(pool_, deadline, "created_at DESC, payment_id DESC", filter.limit));
  std::vector<Payment> payments;
  for (int row = 0; row < rows.rows(); ++row) payments.push_back(PaymentAt(rows, row));
  return payments;
}

}  // namespace holdfast::billing

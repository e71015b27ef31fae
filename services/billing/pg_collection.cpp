// Ways of paying and the collection of what is due, in PostgreSQL.
#include <map>

#include "libs/base/status.h"
#include "services/billing/pg_rows.h"
#include "services/billing/pg_store.h"
#include "services/billing/pg_transaction.h"

namespace holdfast::billing {
namespace {

using storage::PgResult;

constexpr std::string_view kFindMethod =
    "SELECT source, collects FROM payment_method WHERE account_id = $1";

std::optional<PaymentMethod> MethodIn(const PgResult& rows, const AccountId& account) {
  if (rows.rows() == 0) return std::nullopt;
  return PaymentMethod{account, std::string(rows.Text(0, 0)), rows.Bool(0, 1)};
}

}  // namespace

constexpr std::string_view kPutMethod = R"sql(
  INSERT INTO payment_method (account_id, source, collects) VALUES ($1, $2, $3)
  ON CONFLICT (account_id) DO UPDATE SET source = $2, collects = $3
)sql";

absl::Status PgBillingTransaction::PutPaymentMethod(const PaymentMethod& method) {
  return tx_.Query(kPutMethod, method.account.value(), method.source, method.collects).status();
}

absl::Status PgBillingTransaction::RemovePaymentMethod(const AccountId& account) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult removed,
      tx_.Query("DELETE FROM payment_method WHERE account_id = $1", account.value()));
  if (removed.affected() == 0) return NotFound("account {} has no payment method", account.value());
  return absl::OkStatus();
}

absl::StatusOr<std::optional<PaymentMethod>> PgBillingTransaction::FindPaymentMethod(
    const AccountId& account) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx_.Query(kFindMethod, account.value()));
  return MethodIn(rows, account);
}

absl::StatusOr<std::optional<PaymentMethod>> PgStore::FindPaymentMethod(Deadline deadline,
                                                                        const AccountId& account) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows,
                            pool_.Query(deadline, kFindMethod, account.value()));
  return MethodIn(rows, account);
}

#define HOLDFAST_LAST_TRY                                       \
  "(SELECT coalesce(max(c.step), -1) FROM invoice_collection c" \
  " JOIN payment_attempt p USING (attempt_id)"                  \
  " WHERE c.invoice_id = i.invoice_id AND p.state <> 'absent')"

// $1 today, $2 the days of the schedule, $3 limit.
constexpr std::string_view kAccountsToCollectFrom =
    "SELECT " HOLDFAST_ACCOUNT_COLUMNS
    " FROM account a WHERE a.state = 'open' AND a.account_id IN ("
    "SELECT i.account_id FROM invoice i JOIN payment_method m USING (account_id)"
    " WHERE i.net + i.tax - i.credited - i.settled + i.returned > 0"
    " AND i.due_on <= DATE '1970-01-01' + $1::int AND m.collects"
    " AND " HOLDFAST_LAST_TRY
    " < (SELECT count(*) FROM unnest($2::int[]) AS days"
    "     WHERE i.due_on + days <= DATE '1970-01-01' + $1::int)"
    " AND i.currency = (SELECT o.currency FROM account o WHERE o.account_id = i.account_id))"
    " AND NOT EXISTS (SELECT 1 FROM payment_attempt p WHERE p.account_id = a.account_id"
    " AND p.state IN ('started', 'pending'))"
    " ORDER BY a.account_id LIMIT $3 FOR UPDATE OF a SKIP LOCKED";

absl::StatusOr<std::vector<Account>> PgBillingTransaction::AccountsToCollectFrom(
    sys_days today, const DunningSchedule& schedule, int max_accounts) {
  std::vector<std::int64_t> days;
  for (const std::chrono::days after : schedule) days.push_back(after.count());
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows,
                            tx_.Query(kAccountsToCollectFrom, DayParam(today), days, max_accounts));
  std::vector<Account> accounts;
  for (int row = 0; row < rows.rows(); ++row) accounts.push_back(AccountAt(rows, row));
  return accounts;
}

absl::StatusOr<bool> PgBillingTransaction::HasOpenAttempt(const AccountId& account) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows,
                            tx_.Query("SELECT 1 FROM payment_attempt WHERE account_id = $1"
                                      " AND state IN ('started', 'pending') LIMIT 1",
                                      account.value()));
  return rows.rows() > 0;
}

constexpr std::string_view kLastTries =
    "SELECT i.invoice_id, " HOLDFAST_LAST_TRY
    " FROM invoice i WHERE i.account_id = $1"
    " AND i.net + i.tax - i.credited - i.settled + i.returned > 0";

absl::StatusOr<std::vector<DueInvoice>> PgBillingTransaction::DueInvoices(const AccountId& account,
                                                                          sys_days today) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx_.Query(kLastTries, account.value()));
  std::map<std::string, int, std::less<>> tried;
  for (int row = 0; row < rows.rows(); ++row) {
    tried[std::string(rows.Text(row, 0))] = static_cast<int>(rows.Int(row, 1));
  }
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Invoice> open, OpenInvoices(account));
  std::vector<DueInvoice> due;
  for (const Invoice& invoice : open) {
    if (invoice.due_on <= today) due.push_back({invoice, tried[invoice.id.value()]});
  }
  return due;
}

constexpr std::string_view kAddCollection = R"sql(
  INSERT INTO invoice_collection (invoice_id, step, attempt_id) VALUES ($1, $2, $3)
  ON CONFLICT (invoice_id, step) DO UPDATE SET attempt_id = $3
)sql";

absl::Status PgBillingTransaction::AddCollection(const CollectionOrder::Step& step,
                                                 const AttemptId& attempt) {
  return tx_.Query(kAddCollection, step.invoice.value(), step.step, attempt.value()).status();
}

}  // namespace holdfast::billing

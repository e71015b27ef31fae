// Vouchers and resellers in PostgreSQL.
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

Reseller ResellerAt(const PgResult& rows, int row) {
  return {.id = ResellerId(std::string(rows.Text(row, 0))),
          .name = std::string(rows.Text(row, 1)),
          .parent = ResellerId(std::string(rows.Text(row, 2))),
          .currency = std::string(rows.Text(row, 3)),
          .credit = rows.Int(row, 4),
          .max_accounts = static_cast<int>(rows.Int(row, 5))};
}

constexpr std::string_view kSelectReseller =
    "SELECT reseller_id, name, coalesce(parent_id, ''), currency, credit, max_accounts"
    "  FROM reseller ";

}  // namespace

// -- Vouchers -------------------------------------------------------------------------------------

constexpr std::string_view kAddBatch = R"sql(
  INSERT INTO voucher_batch (batch_id, currency, value, tariff_plan_id, expires_on)
  VALUES ($1, $2, $3, nullif($4, ''), DATE '1970-01-01' + $5::int)
  ON CONFLICT DO NOTHING
)sql";
constexpr std::string_view kAddVouchers = R"sql(
  INSERT INTO voucher (code_hash, batch_id) SELECT unnest($2::text[]), $1
)sql";

absl::Status PgBillingTransaction::AddVoucherBatch(const VoucherBatch& batch,
                                                   const std::vector<std::string>& code_hashes) {
  const std::string& id = batch.id.value();
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult added,
      tx_.Query(kAddBatch, id, batch.value.currency(), batch.value.minor_units(),
                batch.plan.value(), DayParam(batch.expires_on)));
  if (added.affected() == 0)
    return AlreadyExists("batch_exists: voucher batch {} exists already", id);
  return tx_.Query(kAddVouchers, id, code_hashes).status();
}

constexpr std::string_view kFindVoucher = R"sql(
  SELECT b.batch_id, b.currency, b.value, coalesce(b.tariff_plan_id, ''),
         b.expires_on - DATE '1970-01-01', b.cancelled, v.redeemed_by
    FROM voucher v JOIN voucher_batch b USING (batch_id)
   WHERE v.code_hash = $1 FOR UPDATE OF v
)sql";

absl::StatusOr<Voucher> PgBillingTransaction::FindVoucher(const std::string& code_hash) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx_.Query(kFindVoucher, code_hash));
  if (rows.rows() == 0) return NotFound("no voucher has this code");
  absl::StatusOr<Money> value = Money::Make(rows.Int(0, 2), rows.Text(0, 1));
  HOLDFAST_CHECK(value.ok());
  Voucher voucher{.code_hash = code_hash,
                  .batch = {.id = VoucherBatchId(std::string(rows.Text(0, 0))),
                            .value = *std::move(value),
                            .plan = TariffPlanId(std::string(rows.Text(0, 3))),
                            .expires_on = *DayAt(rows, 0, 4),
                            .cancelled = rows.Bool(0, 5)}};
  if (!rows.IsNull(0, 6)) voucher.redeemed_by = AccountId(std::string(rows.Text(0, 6)));
  return voucher;
}

constexpr std::string_view kMarkRedeemed = R"sql(
  UPDATE voucher SET redeemed_by = $2, redeemed_at = now()
   WHERE code_hash = $1 AND redeemed_by IS NULL
)sql";

absl::Status PgBillingTransaction::MarkRedeemed(const std::string& code_hash,
                                                const AccountId& account) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult marked,
                            tx_.Query(kMarkRedeemed, code_hash, account.value()));
  if (marked.affected() == 0) return Aborted("the voucher was redeemed meanwhile");
  return absl::OkStatus();
}

absl::Status PgBillingTransaction::CancelVoucherBatch(const VoucherBatchId& id) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult cancelled,
      tx_.Query("UPDATE voucher_batch SET cancelled = true WHERE batch_id = $1", id.value()));
  if (cancelled.affected() == 0) return NotFound("voucher batch {} unknown", id.value());
  return absl::OkStatus();
}

// -- Resellers ------------------------------------------------------------------------------------

constexpr std::string_view kPutReseller = R"sql(
  INSERT INTO reseller (reseller_id, name, parent_id, currency, credit, max_accounts)
  VALUES ($1, $2, nullif($3, ''), $4, $5, $6)
  ON CONFLICT (reseller_id) DO UPDATE
     SET name = $2, parent_id = nullif($3, ''), credit = $5, max_accounts = $6,
         funded = reseller.funded + (CASE WHEN $5 > reseller.credit THEN 1 ELSE 0 END)
)sql";
// The limit stands in the ledger, where it is enforced.
constexpr std::string_view kSetOverdraft = R"sql(
  INSERT INTO ledger_account (ledger_account_id, kind, owner, currency, overdraft)
  VALUES ('reseller/' || $1 || '/' || $2, 'reseller', $1, $2, $3)
  ON CONFLICT (ledger_account_id) DO UPDATE SET overdraft = $3
)sql";

absl::Status PgBillingTransaction::PutReseller(const Reseller& r) {
  HOLDFAST_RETURN_IF_ERROR(tx_.Query(kPutReseller, r.id.value(), r.name, r.parent.value(),
                                     r.currency, r.credit, r.max_accounts)
                               .status());
  const absl::Status status = tx_.Query(kSetOverdraft, r.id.value(), r.currency, r.credit).status();
  if (absl::IsFailedPrecondition(status)) {
    return FailedPrecondition("credit_in_use: reseller {} owes more than {}", r.id.value(),
                              r.credit);
  }
  return status;
}

absl::StatusOr<Reseller> PgBillingTransaction::FindReseller(const ResellerId& id) {
  static const std::string kFind =
      std::string(kSelectReseller) + "WHERE reseller_id = $1 FOR UPDATE";
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx_.Query(kFind, id.value()));
  if (rows.rows() == 0) return NotFound("reseller {} unknown", id.value());
  return ResellerAt(rows, 0);
}

// $1 reseller.
constexpr std::string_view kCountAccounts = R"sql(
  WITH RECURSIVE below AS (
    SELECT $1::text AS reseller_id
    UNION
    SELECT r.reseller_id FROM reseller r JOIN below b ON r.parent_id = b.reseller_id
  )
  SELECT count(*) FROM account a JOIN below USING (reseller_id)
   WHERE a.reseller_id <> '' AND a.state = 'open'
)sql";

absl::StatusOr<std::int64_t> PgBillingTransaction::CountAccounts(const ResellerId& id) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx_.Query(kCountAccounts, id.value()));
  return rows.Int(0, 0);
}

// -- Money that came to resellers
// ------------------------------------------------------------------

absl::Status PgBillingTransaction::CountFunding() {
  if (funded_.empty()) return absl::OkStatus();
  std::vector<std::string> ids;
  for (const ResellerId& id : funded_) ids.push_back(id.value());
  return tx_
      .Query("UPDATE reseller SET funded = funded + 1 WHERE reseller_id = ANY($1::text[])", ids)
      .status();
}

absl::StatusOr<Transaction::Funding> PgBillingTransaction::FundedResellers() {
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult rows,
      tx_.Query("SELECT reseller_id, funded FROM reseller WHERE funded > served"));
  Funding funding;
  for (int row = 0; row < rows.rows(); ++row) {
    funding.emplace_back(ResellerId(std::string(rows.Text(row, 0))), rows.Int(row, 1));
  }
  return funding;
}

absl::Status PgBillingTransaction::MarkServed(const Funding& funding) {
  for (const auto& [id, funded] : funding) {
    HOLDFAST_RETURN_IF_ERROR(
        tx_.Query("UPDATE reseller SET served = greatest(served, $2) WHERE reseller_id = $1",
                  id.value(), funded)
            .status());
  }
  return absl::OkStatus();
}

// $1 resellers, $2 today, $3 after, $4 how many.
constexpr std::string_view kWaitingFor =
    "SELECT " HOLDFAST_ACCOUNT_COLUMNS
    " FROM account a WHERE a.reseller_id = ANY($1::text[]) AND a.reseller_pays"
    " AND a.state = 'open' AND a.parked_since IS NULL AND a.account_id > $3"
    " AND EXISTS (SELECT 1 FROM subscription s WHERE s.account_id = a.account_id"
    " AND (s.state = 'pending_activation'"
    " OR (s.state = 'suspended' AND s.suspended_by LIKE 'debt-%')"
    " OR (s.state IN ('active', 'trialing', 'grace')"
    " AND s.valid_until <= DATE '1970-01-01' + $2::int)))"
    " ORDER BY a.account_id LIMIT $4 FOR UPDATE OF a";

absl::StatusOr<std::vector<Account>> PgBillingTransaction::AccountsWaitingFor(
    const Funding& funding, sys_days today, const AccountId& after, int max_accounts) {
  std::vector<std::string> resellers;
  for (const auto& [id, funded] : funding) resellers.push_back(id.value());
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx_.Query(kWaitingFor, resellers, DayParam(today),
                                                           after.value(), max_accounts));
  std::vector<Account> accounts;
  for (int row = 0; row < rows.rows(); ++row) accounts.push_back(AccountAt(rows, row));
  return accounts;
}

// -- Lists ----------------------------------------------------------------------------------------

absl::StatusOr<std::vector<ListedVoucherBatch>> PgStore::ListVoucherBatches(
    Deadline deadline, const VoucherBatchFilter& filter) {
  PgList list(
      "SELECT b.batch_id, b.currency, b.value, coalesce(b.tariff_plan_id, ''),"
      "       b.expires_on - DATE '1970-01-01', b.cancelled, n.vouchers, n.redeemed"
      "  FROM voucher_batch b CROSS JOIN LATERAL (SELECT count(*) AS vouchers,"
      "       count(v.redeemed_by) AS redeemed FROM voucher v WHERE v.batch_id = b.batch_id) n");
  if (filter.redeemable_on) {
    list.Where("NOT b.cancelled AND b.expires_on > DATE '1970-01-01' + $::int",
               DayParam(filter.redeemable_on));
  }
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows,
                            list.WhereSet("b.batch_id > $", filter.after)
                                .Run(pool_, deadline, "b.batch_id", filter.limit));
  std::vector<ListedVoucherBatch> batches;
  for (int row = 0; row < rows.rows(); ++row) {
    absl::StatusOr<Money> value = Money::Make(rows.Int(row, 2), rows.Text(row, 1));
    HOLDFAST_CHECK(value.ok());
    batches.push_back({.batch = {.id = VoucherBatchId(std::string(rows.Text(row, 0))),
                                 .value = *std::move(value),
                                 .plan = TariffPlanId(std::string(rows.Text(row, 3))),
                                 .expires_on = *DayAt(rows, row, 4),
                                 .cancelled = rows.Bool(row, 5)},
                       .vouchers = static_cast<int>(rows.Int(row, 6)),
                       .redeemed = static_cast<int>(rows.Int(row, 7))});
  }
  return batches;
}

absl::StatusOr<std::vector<ListedVoucher>> PgStore::ListVouchers(Deadline deadline,
                                                                 const VoucherFilter& filter) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult rows,
      PgList("SELECT code_hash, batch_id, redeemed_by, redeemed_at FROM voucher")
          .WhereSet("batch_id = $", filter.batch)
          .WhereSet("redeemed_by = $", filter.redeemed_by)
          .WhereSet("code_hash > $", filter.after)
          .Run(pool_, deadline, "code_hash", filter.limit));
  std::vector<ListedVoucher> vouchers;
  for (int row = 0; row < rows.rows(); ++row) {
    ListedVoucher voucher{.code_hash = std::string(rows.Text(row, 0)),
                          .batch = VoucherBatchId(std::string(rows.Text(row, 1)))};
    if (!rows.IsNull(row, 2)) {
      voucher.redeemed_by = AccountId(std::string(rows.Text(row, 2)));
      voucher.redeemed_at = rows.Time(row, 3);
    }
    vouchers.push_back(std::move(voucher));
  }
  return vouchers;
}

absl::StatusOr<std::vector<Reseller>> PgStore::ListResellers(Deadline deadline,
                                                             const ResellerFilter& filter) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows,
                            PgList(kSelectReseller)
                                .WhereSet("parent_id = $", filter.parent)
                                .WhereSet("reseller_id > $", filter.after)
                                .Run(pool_, deadline, "reseller_id", filter.limit));
  std::vector<Reseller> resellers;
  for (int row = 0; row < rows.rows(); ++row) resellers.push_back(ResellerAt(rows, row));
  return resellers;
}

}  // namespace holdfast::billing

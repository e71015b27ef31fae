// The proof of the books: everything that can be computed again is, and compared.
#include "libs/base/status.h"
#include "services/billing/pg_store.h"

namespace holdfast::billing {
namespace {

using storage::PgResult;

struct Check {
  std::string_view name;
  std::string_view offenders;  // one text per row; no row: all is well
};

// Each is one statement and so sees one moment.
constexpr Check kChecks[] = {
    {"balances_follow_from_transfers", R"sql(
      SELECT a.ledger_account_id
        FROM ledger_account a
        LEFT JOIN (SELECT ledger_account_id, sum(debit_posted) AS dp, sum(credit_posted) AS cp,
                          sum(debit_pending) AS dh, sum(credit_pending) AS ch
                     FROM ledger_posting GROUP BY ledger_account_id) p USING (ledger_account_id)
       WHERE (a.debits_posted, a.credits_posted, a.debits_pending, a.credits_pending)
             IS DISTINCT FROM (coalesce(p.dp, 0), coalesce(p.cp, 0), coalesce(p.dh, 0),
                               coalesce(p.ch, 0))
       LIMIT 20)sql"},
    {"every_ledger_sums_to_nothing", R"sql(
      SELECT currency FROM ledger_account GROUP BY currency
      HAVING sum(debits_posted) <> sum(credits_posted)
          OR sum(debits_pending) <> sum(credits_pending))sql"},
    {"limits_hold", R"sql(
      SELECT ledger_account_id FROM ledger_account
       WHERE credits_posted + overdraft < debits_posted + debits_pending LIMIT 20)sql"},
    {"no_transfer_is_missing", R"sql(
      SELECT 'transfers ' || s.n || ', last ' || s.last || ', counter ' || c.position
        FROM ledger_counter c,
             (SELECT count(*) AS n, coalesce(max(position), 0) AS last FROM ledger_transfer) s
       WHERE s.n <> c.position OR s.last <> c.position)sql"},
    {"both_sides_are_of_one_currency", R"sql(
      SELECT t.transfer_id FROM ledger_transfer t
       WHERE split_part(t.debit_account, '/', 3) <> t.currency
          OR split_part(t.credit_account, '/', 3) <> t.currency LIMIT 20)sql"},
};

constexpr std::string_view kTotals = R"sql(
  SELECT currency, sum(debits_posted)::bigint, sum(credits_posted)::bigint
    FROM ledger_account GROUP BY currency ORDER BY currency
)sql";

constexpr std::string_view kSizes = R"sql(
  SELECT (SELECT count(*) FROM ledger_transfer), (SELECT count(*) FROM ledger_account)
)sql";

}  // namespace

absl::StatusOr<BooksReport> PgStore::VerifyBooks(Deadline deadline) {
  BooksReport report;
  for (const Check& check : kChecks) {
    HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, pool_.Query(deadline, check.offenders));
    for (int row = 0; row < rows.rows(); ++row) {
      report.problems.push_back({std::string(check.name), std::string(rows.Text(row, 0))});
    }
  }
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult totals, pool_.Query(deadline, kTotals));
  for (int row = 0; row < totals.rows(); ++row) {
    report.totals.push_back(
        {std::string(totals.Text(row, 0)), totals.Int(row, 1), totals.Int(row, 2)});
  }
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult sizes, pool_.Query(deadline, kSizes));
  report.transfers = static_cast<std::uint64_t>(sizes.Int(0, 0));
  report.ledger_accounts = static_cast<std::uint64_t>(sizes.Int(0, 1));
  return report;
}

}  // namespace holdfast::billing

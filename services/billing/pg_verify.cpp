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
    {"receivables_are_what_invoices_ask", R"sql(
      SELECT coalesce(l.ledger_account_id, 'receivable/' || i.account_id || '/' || i.currency)
        FROM (SELECT ledger_account_id, owner, currency, debits_posted - credits_posted AS owed
                FROM ledger_account WHERE kind = 'receivable') l
        FULL JOIN (SELECT account_id, currency,
                          sum(net + tax - credited - settled + returned) AS owed
                     FROM invoice GROUP BY account_id, currency) i
          ON i.account_id = l.owner AND i.currency = l.currency
       WHERE coalesce(l.owed, 0) <> coalesce(i.owed, 0) LIMIT 20)sql"},
    {"invoices_are_the_sum_of_their_lines", R"sql(
      SELECT i.invoice_id FROM invoice i
        LEFT JOIN (SELECT invoice_id, sum(net) AS net, sum(tax) AS tax FROM invoice_line
                    GROUP BY invoice_id) l USING (invoice_id)
       WHERE (i.net, i.tax) IS DISTINCT FROM (coalesce(l.net, 0), coalesce(l.tax, 0))
       LIMIT 20)sql"},
    {"invoice_numbers_have_no_gap", R"sql(
      SELECT 'invoices ' || s.n || ', last ' || s.last || ', counter ' || c.number
        FROM invoice_counter c,
             (SELECT count(*) AS n, coalesce(max(number), 0) AS last FROM invoice) s
       WHERE s.n <> c.number OR s.last <> c.number)sql"},
    {"credit_is_the_sum_of_credit_notes", R"sql(
      SELECT i.invoice_id FROM invoice i
        LEFT JOIN (SELECT n.invoice_id, sum(l.amount) AS credited, sum(n.to_wallet) AS returned
                     FROM credit_note n
                     JOIN (SELECT credit_note_id, sum(net + tax) AS amount FROM credit_note_line
                            GROUP BY credit_note_id) l USING (credit_note_id)
                    GROUP BY n.invoice_id) c USING (invoice_id)
       WHERE (i.credited, i.returned)
             IS DISTINCT FROM (coalesce(c.credited, 0), coalesce(c.returned, 0)) LIMIT 20)sql"},
    {"void_invoices_ask_for_nothing", R"sql(
      SELECT invoice_id FROM invoice
       WHERE voided AND (settled, returned, credited) <> (0, 0, net + tax) LIMIT 20)sql"},
    {"settled_is_the_sum_of_settlements", R"sql(
      SELECT i.invoice_id FROM invoice i
        LEFT JOIN (SELECT split_part(entry_id, '-', 2) AS invoice_id,
                          sum(CASE WHEN entry_id LIKE 'settlement-%' THEN amount
                                   ELSE -amount END) AS settled
                     FROM ledger_transfer
                    WHERE entry_id LIKE 'settlement-%' OR entry_id LIKE 'reopening-%'
                    GROUP BY 1) s USING (invoice_id)
       WHERE i.settled <> coalesce(s.settled, 0) LIMIT 20)sql"},
    {"no_day_is_charged_twice", R"sql(
      SELECT subscription_id || ' from ' || from_day
        FROM (SELECT subscription_id, from_day,
                     lag(to_day) OVER (PARTITION BY subscription_id ORDER BY from_day) AS before
                FROM subscription_term WHERE NOT void) t
       WHERE before > from_day LIMIT 20)sql"},
    {"coupons_are_redeemed_as_counted", R"sql(
      SELECT c.coupon_id FROM coupon c
        LEFT JOIN (SELECT coupon_id, count(*) AS n FROM coupon_redemption GROUP BY coupon_id) r
          USING (coupon_id)
       WHERE c.redeemed <> coalesce(r.n, 0) LIMIT 20)sql"},
    {"coupons_discount_what_they_promise", R"sql(
      SELECT r.coupon_id || ' of ' || r.subscription_id
        FROM coupon_redemption r JOIN coupon c USING (coupon_id)
        JOIN subscription_term t USING (redemption_id)
       WHERE NOT t.void AND c.terms > 0
       GROUP BY r.redemption_id, r.coupon_id, r.subscription_id, c.terms
      HAVING count(DISTINCT t.period_end) > c.terms LIMIT 20)sql"},
    {"discounts_lower_prices", R"sql(
      SELECT invoice_id FROM invoice_line
       GROUP BY invoice_id, tariff_plan_id, subscription_id
      HAVING sum(net) < 0 OR sum(tax) < 0 OR bool_or((coupon_id = '') <> (quoted >= 0))
       LIMIT 20)sql"},
    {"rentals_are_charged_once", R"sql(
      SELECT r.rental_id FROM rental r
        LEFT JOIN invoice i ON i.invoice_id = r.invoice_id
        LEFT JOIN (SELECT invoice_id, count(*) AS n, sum(quoted) AS quoted,
                          min(tariff_plan_id) AS earns
                     FROM invoice_line GROUP BY invoice_id) l ON l.invoice_id = r.invoice_id
       WHERE r.price > 0
         AND (i.account_id, i.currency, l.n, l.quoted, l.earns)
             IS DISTINCT FROM (r.account_id, r.currency, 1, r.price, r.package_id) LIMIT 20)sql"},
    {"lines_without_subscription_are_rentals", R"sql(
      SELECT l.invoice_id FROM invoice_line l
       WHERE l.subscription_id = ''
         AND NOT EXISTS (SELECT 1 FROM rental r WHERE r.invoice_id = l.invoice_id) LIMIT 20)sql"},
    {"rentals_of_an_item_do_not_overlap", R"sql(
      SELECT rental_id
        FROM (SELECT rental_id, begins_at,
                     lag(until) OVER (PARTITION BY account_id, item_id ORDER BY begins_at) AS before
                FROM rental) r
       WHERE before > begins_at LIMIT 20)sql"},
    {"refunds_are_held_or_resolved", R"sql(
      SELECT r.refund_id FROM refund r
        LEFT JOIN ledger_transfer h ON h.transfer_id = 'refund-' || r.refund_id || '.hold'
        LEFT JOIN ledger_transfer e ON e.resolves = h.transfer_id
        LEFT JOIN (SELECT entry_id, sum(amount) AS amount FROM ledger_transfer
                    WHERE entry_id LIKE 'refund-%-late' GROUP BY entry_id) l
          ON l.entry_id = 'refund-' || r.refund_id || '-late'
        LEFT JOIN (SELECT entry_id, sum(amount) AS amount FROM ledger_transfer
                    WHERE entry_id LIKE 'refund-%-bounced' AND reverses IS NOT NULL
                    GROUP BY entry_id) b
          ON b.entry_id = 'refund-' || r.refund_id || '-bounced'
       CROSS JOIN LATERAL (
             SELECT CASE WHEN e.kind = 'post' THEN e.amount ELSE l.amount END AS amount) went
       WHERE h.amount IS DISTINCT FROM r.amount OR h.kind <> 'pending'
          OR r.held <> (e.kind IS NULL)
          OR (e.kind = 'post' AND l.amount IS NOT NULL) OR went.amount <> r.amount
          OR (r.state = 'sent' AND went.amount IS NULL)
          OR (r.state <> 'sent' AND NOT r.bounced AND went.amount IS NOT NULL)
          OR b.amount IS DISTINCT FROM CASE WHEN r.bounced THEN went.amount END LIMIT 20)sql"},
    {"payments_count_refunds_under_way", R"sql(
      SELECT p.payment_id FROM payment p
        LEFT JOIN (SELECT payment_id, sum(amount) FILTER (WHERE held) AS held,
                          sum(amount) FILTER (WHERE state = 'sent') AS sent
                     FROM refund GROUP BY payment_id) r USING (payment_id)
       WHERE p.refunding <> coalesce(r.held, 0) OR p.refunded < coalesce(r.sent, 0)
       LIMIT 20)sql"},
    {"payments_are_in_the_books", R"sql(
      SELECT p.method || ' ' || p.currency
        FROM (SELECT method, currency, sum(amount - refunded - charged_back) AS kept FROM payment
               GROUP BY method, currency) p
        LEFT JOIN ledger_account l ON l.kind = 'clearing' AND l.owner = p.method
              AND l.currency = p.currency
       WHERE p.kept <> coalesce(l.debits_posted - l.credits_posted, 0))sql"},
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

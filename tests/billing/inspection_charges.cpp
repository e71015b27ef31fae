// What is due and was not charged.
#include "libs/base/status.h"
#include "tests/billing/inspection.h"
#include "tests/billing/inspection_rows.h"

namespace holdfast::test {

using storage::PgResult;

std::vector<std::string> Uncharged(storage::PgPool& pool) {
  // A postpaid one is charged whatever it owes, unless it was suspended; a prepaid one that its
  // wallet, and its reseller's if that pays, cover has been charged as well. An add-on is charged
  // only while its base is paid, and is tried again on the next day.
  const PgResult rows = MustQuery(pool, R"sql(
    WITH today AS (SELECT (now() AT TIME ZONE 'UTC')::date AS day),
    due AS (
      SELECT s.* FROM subscription s, today
       WHERE s.state IN ('active', 'trialing') AND s.valid_until <= day AND NOT s.cancel_at_end
         AND (s.base_subscription_id IS NULL
              OR ((s.retry_on IS NULL OR s.retry_on <= day) AND EXISTS (
                    SELECT 1 FROM subscription b WHERE b.subscription_id = s.base_subscription_id
                       AND b.state IN ('active', 'trialing') AND b.valid_until > day)))
    ), money AS (
      SELECT ledger_account_id, credits_posted + overdraft - debits_posted - debits_pending AS free
        FROM ledger_account WHERE kind IN ('wallet', 'reseller')
    )
    SELECT d.subscription_id FROM due d WHERE d.charging = 'postpaid'
    UNION ALL
    SELECT d.subscription_id FROM due d
      JOIN tariff_plan p USING (tariff_plan_id)
      JOIN account a USING (account_id)
      LEFT JOIN money w ON w.ledger_account_id = 'wallet/' || d.account_id || '/EUR'
      LEFT JOIN money r ON a.reseller_pays
                       AND r.ledger_account_id = 'reseller/' || a.reseller_id || '/EUR'
     WHERE d.charging = 'prepaid'
       AND coalesce(w.free, 0) + coalesce(r.free, 0) >= 2 * p.price_minor_units
     LIMIT 10)sql");
  std::vector<std::string> due;
  for (int row = 0; row < rows.rows(); ++row) due.emplace_back(rows.Text(row, 0));
  return due;
}

}  // namespace holdfast::test

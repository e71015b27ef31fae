// Days that pass.
#include "libs/base/status.h"
#include "tests/billing/inspection.h"

namespace holdfast::test {
namespace {

// $1 account, $2 days. First far away and then back to where it belongs, because a unique day of
// one row may be the old day of another.
constexpr std::string_view kAgeTerms[] = {
    R"sql(UPDATE subscription_term t SET from_day = from_day - 100000, to_day = to_day - 100000
            FROM subscription s WHERE s.subscription_id = t.subscription_id AND s.account_id = $1)sql",
    R"sql(UPDATE subscription_term t SET from_day = from_day + 100000 - $2::int,
                                         to_day = to_day + 100000 - $2::int,
                                         period_end = period_end - $2::int
            FROM subscription s WHERE s.subscription_id = t.subscription_id AND s.account_id = $1)sql"};
constexpr std::string_view kAge[] = {
    R"sql(UPDATE subscription SET valid_until = valid_until - $2::int, anchor = anchor - $2::int,
                 paused_on = paused_on - $2::int, cancel_on = cancel_on - $2::int,
                 change_on = change_on - $2::int, retry_on = retry_on - $2::int
           WHERE account_id = $1)sql",
    R"sql(UPDATE invoice SET issued_on = issued_on - $2::int, due_on = due_on - $2::int
           WHERE account_id = $1)sql",
    R"sql(UPDATE invoice_line l SET from_day = from_day - $2::int, to_day = to_day - $2::int
            FROM invoice i WHERE i.invoice_id = l.invoice_id AND i.account_id = $1)sql",
    R"sql(UPDATE credit_note SET issued_on = issued_on - $2::int WHERE account_id = $1)sql",
    R"sql(UPDATE rental SET begins_at = begins_at - make_interval(days => $2::int),
                            until = until - make_interval(days => $2::int)
           WHERE account_id = $1)sql",
};
constexpr std::string_view kTell = R"sql(
  WITH given AS (UPDATE entitlement_counter SET revision = revision + 1 RETURNING revision),
       told AS (INSERT INTO entitlement_change (revision, account_id)
                SELECT revision, $1 FROM given RETURNING revision)
  UPDATE account SET entitlement_revision = told.revision FROM told WHERE account_id = $1
)sql";

}  // namespace

absl::Status Age(storage::PgPool& pool, const std::string& account, int days, Deadline deadline) {
  return pool.Transact(deadline, [&](storage::PgTransaction& tx) -> absl::Status {
    HOLDFAST_RETURN_IF_ERROR(
        tx.Query("SELECT 1 FROM account WHERE account_id = $1 FOR UPDATE", account).status());
    HOLDFAST_RETURN_IF_ERROR(tx.Query(kAgeTerms[0], account).status());
    HOLDFAST_RETURN_IF_ERROR(tx.Query(kAgeTerms[1], account, days).status());
    for (const std::string_view sql : kAge) {
      HOLDFAST_RETURN_IF_ERROR(tx.Query(sql, account, days).status());
    }
    return tx.Query(kTell, account).status();
  });
}

}  // namespace holdfast::test

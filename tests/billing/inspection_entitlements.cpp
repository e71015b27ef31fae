// What accounts may watch, by the tables and as billing says.
#include "libs/base/status.h"
#include "tests/billing/inspection.h"
#include "tests/billing/inspection_rows.h"

namespace holdfast::test {

using namespace std::chrono_literals;
using storage::PgResult;
namespace v1 = billing::v1;

std::vector<std::string> WrongEntitlements(storage::PgPool& pool, BillingCaller& caller) {
  const PgResult rows = MustQuery(pool, R"sql(
    WITH live AS (
      SELECT s.*, s.state IN ('active', 'grace', 'trialing') AS serves FROM subscription s
       WHERE s.state NOT IN ('cancelled', 'expired')
    ), serving AS (
      SELECT s.* FROM live s WHERE s.serves AND (s.base_subscription_id IS NULL OR EXISTS (
        SELECT 1 FROM live b WHERE b.subscription_id = s.base_subscription_id AND b.serves))
    ), base AS (
      SELECT * FROM live WHERE base_subscription_id IS NULL
    ), serving_base AS (
      SELECT * FROM base WHERE serves
    )
    SELECT a.account_id,
           coalesce((SELECT string_agg(DISTINCT p.package_id, ',' ORDER BY p.package_id)
                       FROM serving s JOIN tariff_plan_package p USING (tariff_plan_id)
                      WHERE s.account_id = a.account_id), ''),
           CASE WHEN a.state = 'closed' THEN 4
                WHEN EXISTS (SELECT 1 FROM base s WHERE s.account_id = a.account_id
                                AND s.state IN ('active', 'trialing')) THEN 1
                WHEN EXISTS (SELECT 1 FROM base s WHERE s.account_id = a.account_id
                                AND s.state = 'grace') THEN 2
                WHEN EXISTS (SELECT 1 FROM base s WHERE s.account_id = a.account_id
                                AND s.state IN ('suspended', 'paused')) THEN 3
                ELSE 1 END,
           coalesce((SELECT extract(epoch FROM max(s.valid_until))::bigint FROM serving_base s
                      WHERE s.account_id = a.account_id), 0),
           a.entitlement_revision,
           coalesce((SELECT CASE WHEN bool_or(p.max_streams = 0) THEN 0 ELSE max(p.max_streams) END
                       FROM serving s JOIN tariff_plan p USING (tariff_plan_id)
                      WHERE s.account_id = a.account_id), 0),
           coalesce((SELECT extract(epoch FROM max(
                              s.valid_until + CASE WHEN s.cancel_at_end THEN 0
                                                   ELSE coalesce(v.grace_days, p.grace_days) END
                            ))::bigint
                       FROM serving_base s JOIN tariff_plan p USING (tariff_plan_id)
                       LEFT JOIN tariff_plan_version v
                         ON v.tariff_plan_id = s.tariff_plan_id AND v.version = s.plan_version
                      WHERE s.account_id = a.account_id), 0),
           coalesce((SELECT l.credits_posted - l.debits_posted - l.debits_pending
                       FROM ledger_account l
                      WHERE l.kind = 'wallet' AND l.owner = a.account_id
                        AND l.currency = a.currency), 0),
           coalesce((SELECT sum(i.net + i.tax - i.credited - i.settled + i.returned)
                       FROM invoice i WHERE i.account_id = a.account_id), 0)::bigint,
           coalesce((SELECT min(i.due_on)::text FROM invoice i WHERE i.account_id = a.account_id
                        AND i.net + i.tax - i.credited - i.settled + i.returned > 0), ''),
           coalesce((SELECT string_agg(r.item_id || '@' || extract(epoch FROM r.until)::bigint, ','
                                       ORDER BY r.item_id)
                       FROM rental r WHERE r.account_id = a.account_id AND NOT r.over), '')
      FROM account a ORDER BY a.account_id)sql");
  std::vector<std::string> wrong;
  for (int row = 0; row < rows.rows(); ++row) {
    v1::GetEntitlementRequest request;
    request.set_account_id(std::string(rows.Text(row, 0)));
    const auto got = caller.Get<v1::Entitlement>("holdfast.billing.v1.Billing/GetEntitlement",
                                                 request, Deadline::After(10s));
    constexpr auto kAll =
        "packages '{}' status {} until {} revision {} streams {} grace {} wallet {} owed {} due {}"
        " rentals '{}'";
    const std::string expected = fmt::format(
        fmt::runtime(kAll), rows.Text(row, 1), rows.Int(row, 2), rows.Int(row, 3), rows.Int(row, 4),
        rows.Int(row, 5), rows.Int(row, 6), rows.Int(row, 7), rows.Int(row, 8), rows.Text(row, 9),
        rows.Text(row, 10));
    std::string packages, rentals;
    if (got.ok()) {
      for (const std::string& id : got->package_ids()) {
        packages += (packages.empty() ? "" : ",") + id;
      }
      for (const v1::RunningRental& rental : got->rentals()) {
        rentals += fmt::format("{}{}@{}", rentals.empty() ? "" : ",", rental.item_id(),
                               rental.until().seconds());
      }
    }
    const std::string found =
        got.ok() ? fmt::format(fmt::runtime(kAll), packages, static_cast<int>(got->status()),
                               got->valid_until().seconds(), got->revision(), got->max_streams(),
                               got->grace_until().seconds(), got->balance_minor_units(),
                               got->owed_minor_units(), got->due_on(), rentals)
                 : ToString(got.status());
    if (found == expected) continue;
    if (wrong.size() < kShow) {
      wrong.push_back(fmt::format("{}: {}, not {}", request.account_id(), found, expected));
    }
  }
  return wrong;
}

}  // namespace holdfast::test

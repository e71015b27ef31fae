// Coupons and who redeemed them, in PostgreSQL.
#include "libs/base/check.h"
#include "libs/base/status.h"
#include "services/billing/pg_rows.h"
#include "services/billing/pg_store.h"
#include "services/billing/pg_transaction.h"

namespace holdfast::billing {
namespace {

using storage::PgResult;

#define HOLDFAST_COUPON_COLUMNS                                                         \
  "c.coupon_id, c.name, c.parts_per_million, c.currency, c.amount, c.tariff_plan_ids, " \
  "c.terms, c.max_redemptions, c.max_per_account, c.valid_from - DATE '1970-01-01', "   \
  "c.expires_on - DATE '1970-01-01', c.new_customers_only, c.withdrawn, c.redeemed"
constexpr int kCouponColumns = 14;

Coupon CouponAt(const PgResult& rows, int row) {
  Coupon coupon{.id = CouponId(std::string(rows.Text(row, 0))),
                .name = std::string(rows.Text(row, 1)),
                .parts_per_million = static_cast<int>(rows.Int(row, 2)),
                .terms = static_cast<int>(rows.Int(row, 6)),
                .max_redemptions = static_cast<int>(rows.Int(row, 7)),
                .max_per_account = static_cast<int>(rows.Int(row, 8)),
                .valid_from = *DayAt(rows, row, 9),
                .expires_on = DayAt(rows, row, 10),
                .new_customers_only = rows.Bool(row, 11),
                .withdrawn = rows.Bool(row, 12),
                .redeemed = static_cast<int>(rows.Int(row, 13))};
  if (!rows.Text(row, 3).empty()) {
    absl::StatusOr<Money> amount = Money::Make(rows.Int(row, 4), rows.Text(row, 3));
    HOLDFAST_CHECK(amount.ok());
    coupon.amount = *std::move(amount);
  }
  for (std::string& plan : rows.TextArray(row, 5)) coupon.plans.emplace_back(std::move(plan));
  return coupon;
}

}  // namespace

constexpr std::string_view kAddCoupon = R"sql(
  INSERT INTO coupon (coupon_id, name, parts_per_million, currency, amount, tariff_plan_ids, terms,
                      max_redemptions, max_per_account, valid_from, expires_on, new_customers_only)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, DATE '1970-01-01' + $10::int,
          DATE '1970-01-01' + $11::int, $12)
  ON CONFLICT DO NOTHING
)sql";

absl::Status PgBillingTransaction::AddCoupon(const Coupon& c) {
  std::vector<std::string> plans;
  for (const TariffPlanId& plan : c.plans) plans.push_back(plan.value());
  const bool by_amount = c.parts_per_million == 0;
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult added,
      tx_.Query(kAddCoupon, c.id.value(), c.name, c.parts_per_million,
                by_amount ? c.amount.currency() : "", c.amount.minor_units(), plans, c.terms,
                c.max_redemptions, c.max_per_account, DayParam(c.valid_from),
                DayParam(c.expires_on), c.new_customers_only));
  if (added.affected() == 0)
    return AlreadyExists("coupon_exists: coupon {} exists already", c.id.value());
  return absl::OkStatus();
}

absl::StatusOr<Coupon> PgBillingTransaction::FindCoupon(const CouponId& id) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows,
                            tx_.Query("SELECT " HOLDFAST_COUPON_COLUMNS
                                      " FROM coupon c WHERE c.coupon_id = $1 FOR UPDATE",
                                      id.value()));
  if (rows.rows() == 0) return NotFound("coupon {} unknown", id.value());
  return CouponAt(rows, 0);
}

absl::Status PgBillingTransaction::SaveCoupon(const Coupon& coupon) {
  return tx_
      .Query("UPDATE coupon SET withdrawn = $2 WHERE coupon_id = $1", coupon.id.value(),
             coupon.withdrawn)
      .status();
}

// $1 coupon, $2 account.
constexpr std::string_view kFindRedeemer = R"sql(
  SELECT (SELECT count(*) FROM coupon_redemption WHERE coupon_id = $1 AND account_id = $2),
         EXISTS (SELECT 1 FROM invoice WHERE account_id = $2)
           OR EXISTS (SELECT 1 FROM subscription_term t JOIN subscription s USING (subscription_id)
                       WHERE s.account_id = $2 AND NOT t.void)
           OR EXISTS (SELECT 1 FROM subscription_term t JOIN subscription s USING (subscription_id)
                       WHERE s.account_id = $2 AND t.void)
)sql";

absl::StatusOr<Redeemer> PgBillingTransaction::FindRedeemer(const CouponId& coupon,
                                                            const AccountId& account) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows,
                            tx_.Query(kFindRedeemer, coupon.value(), account.value()));
  return Redeemer{static_cast<int>(rows.Int(0, 0)), rows.Bool(0, 1)};
}

constexpr std::string_view kAddRedemption = R"sql(
  WITH counted AS (UPDATE coupon SET redeemed = redeemed + 1 WHERE coupon_id = $1)
  INSERT INTO coupon_redemption (coupon_id, account_id, subscription_id, redeemed_on)
  VALUES ($1, $2, $3, DATE '1970-01-01' + $4::int) RETURNING redemption_id
)sql";

absl::StatusOr<std::int64_t> PgBillingTransaction::AddRedemption(const Redemption& r) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows,
                            tx_.Query(kAddRedemption, r.coupon.value(), r.account.value(),
                                      r.subscription.value(), DayParam(r.redeemed_on)));
  return rows.Int(0, 0);
}

// $1 subscription, $2 the day, or all. One row, so one question per charge: of NULLs without
// coupon. Void terms have an index of their own, hence the two questions.
constexpr std::string_view kFindHistory =
    "SELECT " HOLDFAST_COUPON_COLUMNS
    ", r.redemption_id, ARRAY(SELECT DISTINCT t.period_end - DATE '1970-01-01'"
    " FROM subscription_term t WHERE t.subscription_id = $1"
    " AND t.redemption_id = r.redemption_id AND NOT t.void"
    " AND ($2::int IS NULL OR t.from_day < DATE '1970-01-01' + $2::int)),"
    " EXISTS (SELECT 1 FROM subscription_term t WHERE t.subscription_id = $1 AND NOT t.void)"
    " OR EXISTS (SELECT 1 FROM subscription_term t WHERE t.subscription_id = $1 AND t.void)"
    " FROM (SELECT 1) one"
    " LEFT JOIN LATERAL (SELECT x.redemption_id, x.coupon_id FROM coupon_redemption x"
    " WHERE x.subscription_id = $1 ORDER BY x.redemption_id DESC LIMIT 1) r ON true"
    " LEFT JOIN coupon c ON c.coupon_id = r.coupon_id";

absl::StatusOr<ChargeHistory> PgBillingTransaction::FindHistory(const SubscriptionId& id,
                                                                std::optional<sys_days> before) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows,
                            tx_.Query(kFindHistory, id.value(), DayParam(before)));
  ChargeHistory history{.charged_before = rows.Bool(0, kCouponColumns + 2)};
  if (rows.IsNull(0, kCouponColumns)) return history;
  history.discount =
      Discount{.redemption = rows.Int(0, kCouponColumns), .coupon = CouponAt(rows, 0)};
  for (const std::string& days : rows.TextArray(0, kCouponColumns + 1)) {
    history.discount->periods.emplace_back(std::chrono::days(std::stoi(days)));
  }
  return history;
}

// -- Lists ----------------------------------------------------------------------------------------

// $1 behind, $2 only those that can be redeemed on the day $3, $4 limit.
constexpr std::string_view kListCoupons =
    "SELECT " HOLDFAST_COUPON_COLUMNS
    " FROM coupon c WHERE c.coupon_id > $1 AND (NOT $2 OR (NOT c.withdrawn"
    " AND c.valid_from <= DATE '1970-01-01' + $3::int"
    " AND (c.expires_on IS NULL OR c.expires_on > DATE '1970-01-01' + $3::int)"
    " AND (c.max_redemptions = 0 OR c.redeemed < c.max_redemptions)))"
    " ORDER BY c.coupon_id LIMIT $4";

absl::StatusOr<std::vector<Coupon>> PgStore::ListCoupons(Deadline deadline,
                                                         const CouponFilter& filter) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult rows, pool_.Query(deadline, kListCoupons, filter.after, filter.only_redeemable,
                                       DayParam(filter.today), filter.limit));
  std::vector<Coupon> coupons;
  for (int row = 0; row < rows.rows(); ++row) coupons.push_back(CouponAt(rows, row));
  return coupons;
}

constexpr std::string_view kListRedemptions = R"sql(
  SELECT redemption_id, coupon_id, account_id, subscription_id, redeemed_on - DATE '1970-01-01'
    FROM coupon_redemption
   WHERE redemption_id > $1 AND ($2 = '' OR coupon_id = $2) AND ($3 = '' OR account_id = $3)
   ORDER BY redemption_id LIMIT $4
)sql";

absl::StatusOr<std::vector<Redemption>> PgStore::ListRedemptions(Deadline deadline,
                                                                 const RedemptionFilter& filter) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows,
                            pool_.Query(deadline, kListRedemptions, filter.after, filter.coupon,
                                        filter.account, filter.limit));
  std::vector<Redemption> redemptions;
  for (int row = 0; row < rows.rows(); ++row) {
    redemptions.push_back({.id = rows.Int(row, 0),
                           .coupon = CouponId(std::string(rows.Text(row, 1))),
                           .account = AccountId(std::string(rows.Text(row, 2))),
                           .subscription = SubscriptionId(std::string(rows.Text(row, 3))),
                           .redeemed_on = *DayAt(rows, row, 4)});
  }
  return redemptions;
}

}  // namespace holdfast::billing

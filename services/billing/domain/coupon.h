// Coupons: a part of the price that is not asked for, for some terms of a subscription.
//
//   issued --redeemed for a subscription--> discounts its terms of the plans it is for: the next
//   ones that are charged, `terms` of them or all there will ever be
//
// A coupon that was withdrawn or has expired is not redeemed any more; who redeemed it in time
// keeps what was promised. A discount is a line of its own on the invoice, below the price that it
// lowers, and what the plan earns is what is left: there is no account for discounts in the books.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/billing/domain/invoice.h"
#include "services/billing/domain/subscription.h"

namespace holdfast::billing {

using CouponId = StrongId<struct CouponIdTag>;

struct Coupon {
  CouponId id;  // what people type: in upper case
  std::string name;
  int parts_per_million = 0;           // of the price; 0: an amount
  Money amount;                        // of the price of a whole period
  std::vector<TariffPlanId> plans;     // and add-ons; empty: all
  int terms = 1;                       // how many are discounted; 0: all
  int max_redemptions = 0;             // 0: unlimited
  int max_per_account = 1;             // 0: unlimited
  sys_days valid_from;                 // may be redeemed from this day on ...
  std::optional<sys_days> expires_on;  // ... until the day before this one
  bool new_customers_only = false;     // who was never charged anything
  bool withdrawn = false;
  int redeemed = 0;

  bool covers(const TariffPlanId& plan) const;
};

// The code as it is kept, from what somebody typed. INVALID_ARGUMENT if it cannot be one.
absl::StatusOr<CouponId> ParseCouponCode(std::string_view typed);

// INVALID_ARGUMENT names the field at fault.
absl::Status CheckCoupon(const Coupon& coupon, sys_days today);

// What is known of who wants to redeem it.
struct Redeemer {
  int redeemed_before = 0;   // this coupon, by this account
  bool was_charged = false;  // anything, ever
};
// FAILED_PRECONDITION: coupon_withdrawn, coupon_not_valid_yet, coupon_expired, coupon_used_up,
// coupon_used_by_account, coupon_for_new_customers, coupon_not_for_plan, not_charged_by_us,
// wrong_currency.
absl::Status CheckRedemption(const Coupon& coupon, const Subscription& subscription,
                             const Redeemer& redeemer, sys_days today);

// A coupon that a subscription has. A period counts once, however many terms the subscriber's
// changes of plan make of it; a term that was given back wholly does not count at all.
struct Discount {
  std::int64_t redemption = 0;
  Coupon coupon;
  std::vector<sys_days> periods;  // the ends of those that were discounted

  bool used_up() const;
  // Whether a term of this plan in the period that ends then is discounted.
  bool applies(const TariffPlanId& plan, sys_days end_of_period) const;
};

// The line below `price` that lowers it; nothing if that comes to nothing. Never more than the
// price; an amount is in proportion to the days.
std::optional<InvoiceLine> DiscountOn(const InvoiceLine& price, const NextTerm& term,
                                      const Coupon& coupon);

}  // namespace holdfast::billing

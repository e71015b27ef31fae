// Billing with coupons in it, for their tests.
#pragma once

#include <string>
#include <vector>

#include "services/billing/billing_money_test.h"

namespace holdfast::billing {

class CouponsTest : public MoneyTest {
 protected:
  CouponsTest() { EXPECT_THAT(Put(Monthly("basic", 1000)), test::IsOk()); }
  void TearDown() override { EXPECT_THAT(WhatIsWrong(), testing::IsEmpty()); }

  static v1::Coupon Percent(const std::string& id, int percent) {
    v1::Coupon coupon;
    coupon.set_coupon_id(id);
    coupon.set_parts_per_million(percent * 10'000);
    return coupon;
  }
  static v1::Coupon Euros(const std::string& id, std::int64_t cents) {
    v1::Coupon coupon;
    coupon.set_coupon_id(id);
    *coupon.mutable_amount() = ToProto(*holdfast::Money::Make(cents, "EUR"));
    return coupon;
  }
  static v1::Coupon Terms(v1::Coupon coupon, int terms) {
    coupon.set_duration(terms == 0 ? v1::Coupon::DURATION_FOREVER : v1::Coupon::DURATION_TERMS);
    coupon.set_terms(terms);
    return coupon;
  }
  absl::StatusOr<v1::Coupon> Issue(const v1::Coupon& coupon) {
    v1::IssueCouponRequest request;
    request.set_idempotency_key(NewKey());
    *request.mutable_coupon() = coupon;
    return payments_.IssueCoupon(Call(), request);
  }
  absl::StatusOr<v1::Coupon> Withdraw(const std::string& id) {
    v1::WithdrawCouponRequest request;
    request.set_idempotency_key(NewKey());
    request.set_coupon_id(id);
    return payments_.WithdrawCoupon(Call(), request);
  }
  absl::StatusOr<v1::CouponRedemption> Redeem(const std::string& subscription,
                                              const std::string& coupon, bool replace = false) {
    v1::RedeemCouponRequest request;
    request.set_idempotency_key(NewKey());
    request.set_subscription_id(subscription);
    request.set_coupon_id(coupon);
    request.set_replace(replace);
    return payments_.RedeemCoupon(Call(), request);
  }
  absl::StatusOr<v1::Subscription> BuyWith(const std::string& coupon, const std::string& account,
                                           const std::string& plan = "basic",
                                           const std::string& base = "") {
    v1::StartSubscriptionRequest request;
    request.set_idempotency_key(NewKey());
    request.set_account_id(account);
    request.set_tariff_plan_id(plan);
    request.set_base_subscription_id(base);
    request.set_coupon_id(coupon);
    return service_.StartSubscription(Call(), request);
  }
  void OpenRich(const std::string& account, const std::string& region = "") {
    Open(account, v1::CHARGING_PREPAID, region);
    EXPECT_THAT(Pay(account, 100'000), test::IsOk());
  }
  std::int64_t Paid(const std::string& account) { return 100'000 - Wallet(account); }
  // The net amounts of all lines, in the order of invoices.
  std::vector<std::int64_t> Lines(const std::string& account) {
    std::vector<std::int64_t> amounts;
    for (const v1::Invoice& invoice : Invoices(account)) {
      for (const v1::InvoiceLine& line : invoice.lines()) amounts.push_back(line.net());
    }
    return amounts;
  }
};

}  // namespace holdfast::billing

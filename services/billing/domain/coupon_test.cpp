#include "services/billing/domain/coupon.h"

#include <gmock/gmock.h>

#include "libs/testing/status_matchers.h"
#include "services/billing/domain/charge.h"

namespace holdfast::billing {
namespace {

using std::chrono::days;
using test::HasMessage;
using test::IsOk;

constexpr sys_days kToday{days(20'500)};

Coupon TwentyPercent() {
  return {.id = CouponId("SPRING"), .parts_per_million = 200'000, .valid_from = kToday};
}
Coupon FiveEuros() {
  return {.id = CouponId("FIVE"), .amount = *Money::Make(500, "EUR"), .valid_from = kToday};
}
Subscription Sold() {
  return {.id = SubscriptionId("s"),
          .account = AccountId("ann"),
          .plan = TariffPlanId("basic"),
          .charging = Charging::kPrepaid,
          .currency = "EUR"};
}
NextTerm Term(int charged, int whole) {
  return {{kToday, kToday + days(charged)}, {kToday, kToday + days(whole)}, kToday};
}
InvoiceLine Price(std::int64_t quoted) {
  return {.text = "Basic",
          .plan = TariffPlanId("basic"),
          .days = {kToday, kToday + days(30)},
          .quoted = quoted};
}
std::int64_t Off(const Coupon& coupon, std::int64_t price, const NextTerm& term) {
  const auto line = DiscountOn(Price(price), term, coupon);
  return line ? line->quoted : 0;
}

TEST(CouponTest, TheCodeIsReadAsPeopleTypeIt) {
  EXPECT_EQ(ParseCouponCode(" spring-25 ")->value(), "SPRING-25");
  EXPECT_THAT(ParseCouponCode("").status(), HasMessage("coupon_id"));
  EXPECT_THAT(ParseCouponCode("   ").status(), HasMessage("coupon_id"));
  EXPECT_THAT(ParseCouponCode("a b").status(), HasMessage("coupon_id"));
  EXPECT_THAT(ParseCouponCode(std::string(65, 'A')).status(), HasMessage("coupon_id"));
}

TEST(CouponTest, WhatIsWrongIsNamed) {
  const auto wrong = [](auto change) {
    Coupon coupon = TwentyPercent();
    change(coupon);
    return CheckCoupon(coupon, kToday);
  };
  EXPECT_THAT(CheckCoupon(TwentyPercent(), kToday), IsOk());
  EXPECT_THAT(CheckCoupon(FiveEuros(), kToday), IsOk());
  EXPECT_THAT(wrong([](Coupon& c) { c.amount = *Money::Make(1, "EUR"); }),
              HasMessage("exactly one"));
  EXPECT_THAT(wrong([](Coupon& c) { c.parts_per_million = 0; }), HasMessage("exactly one"));
  EXPECT_THAT(wrong([](Coupon& c) { c.parts_per_million = 1'000'001; }),
              HasMessage("parts_per_million"));
  EXPECT_THAT(wrong([](Coupon& c) { c.parts_per_million = -1; }), HasMessage("parts_per_million"));
  EXPECT_THAT(wrong([](Coupon& c) { c.terms = -1; }), HasMessage("terms"));
  EXPECT_THAT(wrong([](Coupon& c) { c.max_redemptions = -1; }), HasMessage("max_redemptions"));
  EXPECT_THAT(wrong([](Coupon& c) { c.max_per_account = -1; }), HasMessage("max_per_account"));
  EXPECT_THAT(wrong([](Coupon& c) { c.expires_on = kToday; }), HasMessage("expires_on"));
  EXPECT_THAT(wrong([](Coupon& c) {
                c.valid_from = kToday + days(3);
                c.expires_on = kToday + days(3);
              }),
              HasMessage("expires_on is not after valid_from"));
}

TEST(CouponTest, APartOfThePriceIsRoundedToTheMinorUnit) {
  EXPECT_EQ(Off(TwentyPercent(), 999, Term(30, 30)), -200);
  EXPECT_EQ(Off(TwentyPercent(), 2, Term(30, 30)), 0);  // nothing: no line
  Coupon all = TwentyPercent();
  all.parts_per_million = 1'000'000;
  EXPECT_EQ(Off(all, 999, Term(30, 30)), -999);
}

TEST(CouponTest, AnAmountIsInProportionToTheDaysAndNeverMoreThanThePrice) {
  EXPECT_EQ(Off(FiveEuros(), 999, Term(30, 30)), -500);
  EXPECT_EQ(Off(FiveEuros(), 333, Term(10, 30)), -167);
  EXPECT_EQ(Off(FiveEuros(), 400, Term(30, 30)), -400);
  EXPECT_EQ(Off(FiveEuros(), 999, Term(0, 0)), -500);  // paid once
}

TEST(CouponTest, TheLineSaysWhatLoweredThePrice) {
  Coupon coupon = TwentyPercent();
  EXPECT_EQ(DiscountOn(Price(999), Term(30, 30), coupon)->text, "Basic, coupon SPRING (20 %)");
  coupon.parts_per_million = 125'000;
  EXPECT_EQ(DiscountOn(Price(999), Term(30, 30), coupon)->text, "Basic, coupon SPRING (12.5 %)");
  EXPECT_EQ(DiscountOn(Price(999), Term(30, 30), FiveEuros())->text, "Basic, coupon FIVE");
}

TEST(CouponTest, WhoMayNotRedeemItIsToldWhy) {
  const auto refused = [](auto change) {
    Coupon coupon = FiveEuros();
    Subscription sold = Sold();
    Redeemer redeemer;
    sys_days today = kToday;
    change(coupon, sold, redeemer, today);
    return CheckRedemption(coupon, sold, redeemer, today);
  };
  EXPECT_THAT(refused([](auto&, auto&, auto&, auto&) {}), IsOk());
  EXPECT_THAT(refused([](Coupon& c, auto&, auto&, auto&) { c.withdrawn = true; }),
              HasMessage("coupon_withdrawn"));
  EXPECT_THAT(refused([](auto&, auto&, auto&, sys_days& d) { d -= days(1); }),
              HasMessage("coupon_not_valid_yet"));
  EXPECT_THAT(refused([](Coupon& c, auto&, auto&, sys_days& d) { c.expires_on = d; }),
              HasMessage("coupon_expired"));
  EXPECT_THAT(refused([](Coupon& c, auto&, auto&, auto&) { c.plans = {TariffPlanId("gold")}; }),
              HasMessage("coupon_not_for_plan"));
  EXPECT_THAT(refused([](auto&, Subscription& s, auto&, auto&) { s.currency = "USD"; }),
              HasMessage("wrong_currency"));
  EXPECT_THAT(
      refused([](auto&, Subscription& s, auto&, auto&) { s.charging = Charging::kElsewhere; }),
      HasMessage("not_charged_by_us"));
  EXPECT_THAT(refused([](auto&, Subscription& s, auto&, auto&) {
                s.state = Subscription::State::kExpired;
              }),
              HasMessage("has ended"));
  EXPECT_THAT(refused([](Coupon& c, auto&, Redeemer& r, auto&) {
                c.new_customers_only = true;
                r.was_charged = true;
              }),
              HasMessage("coupon_for_new_customers"));
  EXPECT_THAT(refused([](auto&, auto&, Redeemer& r, auto&) { r.redeemed_before = 1; }),
              HasMessage("coupon_used_by_account"));
  EXPECT_THAT(refused([](Coupon& c, auto&, auto&, auto&) {
                c.max_redemptions = 7;
                c.redeemed = 7;
              }),
              HasMessage("coupon_used_up"));
}

TEST(DiscountTest, APeriodCountsOnce) {
  Discount discount{.coupon = TwentyPercent()};
  discount.coupon.terms = 2;
  const TariffPlanId basic("basic");
  EXPECT_TRUE(discount.applies(basic, kToday));
  discount.periods = {kToday, kToday + days(30)};
  EXPECT_TRUE(discount.used_up());
  EXPECT_TRUE(discount.applies(basic, kToday + days(30)));  // more of a period that is discounted
  EXPECT_FALSE(discount.applies(basic, kToday + days(60)));
  discount.coupon.terms = 0;
  EXPECT_TRUE(discount.applies(basic, kToday + days(60)));
  discount.coupon.plans = {TariffPlanId("gold")};
  EXPECT_FALSE(discount.applies(basic, kToday));
}

}  // namespace
}  // namespace holdfast::billing

// That wrong books are noticed: each check of pg_verify.cpp finds the damage it is for.
#include "services/billing/billing_money_test.h"

namespace holdfast::billing {
namespace {

using test::IsOk;
using testing::Contains;
using testing::IsEmpty;
using testing::StartsWith;

struct Damage {
  const char* check;
  const char* script;
};

class DamageTest : public MoneyTest, public testing::WithParamInterface<Damage> {
 protected:
  // Books with something of everything in them.
  void SetUp() override {
    PutTax("de", 19);
    ASSERT_THAT(Put(Monthly("basic", 1000)), IsOk());
    ASSERT_THAT(Put(Monthly("gold", 2000)), IsOk());
    v1::IssueCouponRequest coupon;
    coupon.set_idempotency_key(NewKey());
    coupon.mutable_coupon()->set_coupon_id("TENTH");
    coupon.mutable_coupon()->set_parts_per_million(100'000);
    coupon.mutable_coupon()->set_duration(v1::Coupon::DURATION_ONCE);
    ASSERT_THAT(payments_.IssueCoupon(Call(), coupon), IsOk());
    Open("ann", v1::CHARGING_PREPAID, "de");
    ASSERT_THAT(Pay("ann", 10'000), IsOk());
    v1::StartSubscriptionRequest buy;
    buy.set_idempotency_key(NewKey());
    buy.set_account_id("ann");
    buy.set_tariff_plan_id("basic");
    buy.set_coupon_id("TENTH");
    ASSERT_OK_AND_ASSIGN(const v1::Subscription bought, service_.StartSubscription(Call(), buy));
    ASSERT_THAT(PutSinglePackage("cinema", 300, std::chrono::hours(1)), IsOk());
    ASSERT_THAT(Rent("ann", "film-1", "cinema", 300), IsOk());
    GoTo(Day(2026, 2, 14));
    ASSERT_THAT(Rent("ann", "film-1", "cinema", 300), IsOk());
    ASSERT_THAT(ChangeTo(bought.subscription_id(), "gold"), IsOk());
    ASSERT_THAT(WhatIsWrong(), IsEmpty());
  }
};

TEST_P(DamageTest, IsFound) {
  ASSERT_THAT(pool_.Execute(Soon(), GetParam().script), IsOk());
  EXPECT_THAT(WhatIsWrong(), Contains(StartsWith(std::string(GetParam().check) + ": ")));
}

INSTANTIATE_TEST_SUITE_P(
    Checks, DamageTest,
    testing::Values(
        Damage{"balances_follow_from_transfers",
               "UPDATE ledger_account SET credits_posted = credits_posted + 1"
               " WHERE kind = 'wallet'"},
        Damage{"every_ledger_sums_to_nothing",
               "UPDATE ledger_account SET credits_posted = credits_posted + 1"
               " WHERE kind = 'wallet'"},
        Damage{"limits_hold",
               "ALTER TABLE ledger_account DROP CONSTRAINT ledger_limit;"
               "UPDATE ledger_account SET debits_posted = credits_posted + 1"
               " WHERE kind = 'wallet'"},
        Damage{"no_transfer_is_missing", "UPDATE ledger_counter SET position = position + 1"},
        Damage{"both_sides_are_of_one_currency",
               "ALTER TABLE ledger_transfer DISABLE TRIGGER ALL;"
               "UPDATE ledger_transfer SET currency = 'USD' WHERE position = 1"},
        Damage{"receivables_are_what_invoices_ask",
               "UPDATE invoice SET settled = settled - 1 WHERE settled > returned"},
        Damage{"invoices_are_the_sum_of_their_lines",
               "UPDATE invoice_line SET net = net + 1 WHERE line = 0"},
        Damage{"invoice_numbers_have_no_gap", "UPDATE invoice_counter SET number = number + 1"},
        Damage{"credit_is_the_sum_of_credit_notes",
               "UPDATE credit_note_line SET net = net - 1 WHERE line = 0"},
        Damage{"settled_is_the_sum_of_settlements",
               "UPDATE invoice SET settled = settled - 1 WHERE settled > returned"},
        Damage{"no_day_is_charged_twice",
               "INSERT INTO subscription_term (subscription_id, from_day, to_day)"
               " SELECT subscription_id, from_day + 1, to_day + 1 FROM subscription_term"
               "  WHERE NOT void LIMIT 1"},
        Damage{"coupons_are_redeemed_as_counted", "UPDATE coupon SET redeemed = redeemed + 1"},
        Damage{"coupons_discount_what_they_promise",
               "INSERT INTO subscription_term (subscription_id, from_day, to_day, redemption_id,"
               " period_end) SELECT subscription_id, '2027-01-01', '2027-02-01', redemption_id,"
               " '2027-02-01' FROM subscription_term WHERE redemption_id IS NOT NULL LIMIT 1"},
        Damage{"discounts_lower_prices",
               "UPDATE invoice_line SET quoted = -quoted WHERE coupon_id <> ''"},
        Damage{"rentals_are_charged_once", "UPDATE rental SET price = price + 1"},
        Damage{"lines_without_subscription_are_rentals",
               "UPDATE rental SET invoice_id = NULL, price = 0"},
        Damage{"rentals_of_an_item_do_not_overlap",
               "UPDATE rental SET until = until + interval '1 month'"},
        Damage{"payments_are_in_the_books", "UPDATE payment SET amount = amount + 1"}),
    [](const auto& info) {
      std::string name = info.param.check;
      std::erase(name, '_');
      return name;
    });

}  // namespace
}  // namespace holdfast::billing

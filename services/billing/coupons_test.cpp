// What coupons lower and for how long, and that the books show it to the cent.
#include "services/billing/billing_coupons_test.h"

namespace holdfast::billing {
namespace {

using test::HasMessage;
using test::IsOk;
using testing::ElementsAre;
using testing::IsEmpty;
using C = v1::CancelSubscriptionRequest;

TEST_F(CouponsTest, ADiscountIsALineOfItsOwnAndTheRestIsEarned) {
  ASSERT_THAT(Issue(Percent("spring", 20)), IsOk());
  OpenRich("ann");
  ASSERT_THAT(BuyWith("Spring", "ann"), IsOk());
  EXPECT_THAT(Lines("ann"), ElementsAre(1000, -200));
  const v1::InvoiceLine discount = Invoices("ann")[0].lines(1);
  EXPECT_EQ(discount.coupon_id(), "SPRING");
  EXPECT_EQ(discount.text(), "Plan basic, coupon SPRING (20 %)");
  EXPECT_EQ(discount.to_day(), "2026-02-28");
  EXPECT_EQ(Balance("revenue/basic/EUR"), 800);
  LiveUntil(Day(2026, 3, 1));
  EXPECT_EQ(Paid("ann"), 800 + 1000);  // once
}

TEST_F(CouponsTest, ItLastsForItsTerms) {
  ASSERT_THAT(Issue(Terms(Euros("three", 300), 3)), IsOk());
  OpenRich("ann");
  ASSERT_THAT(BuyWith("three", "ann"), IsOk());
  LiveUntil(Day(2026, 6, 15));
  EXPECT_THAT(Lines("ann"), ElementsAre(1000, -300, 1000, -300, 1000, -300, 1000, 1000));
}

TEST_F(CouponsTest, OrForEver) {
  ASSERT_THAT(Issue(Terms(Percent("staff", 50), 0)), IsOk());
  OpenRich("ann");
  ASSERT_THAT(BuyWith("staff", "ann"), IsOk());
  LiveUntil(Day(2027, 2, 1));
  EXPECT_EQ(Paid("ann"), 13 * 500);
}

TEST_F(CouponsTest, ALateJobGivesTheSameDiscountsAsOneThatRanEveryDay) {
  ASSERT_THAT(Issue(Terms(Percent("three", 10), 3)), IsOk());
  OpenRich("ann");
  ASSERT_THAT(BuyWith("three", "ann"), IsOk());
  GoTo(Day(2026, 6, 15));
  RunJobs();
  RunJobs();
  EXPECT_EQ(Paid("ann"), 3 * 900 + 2 * 1000);
}

TEST_F(CouponsTest, TaxIsPaidOfWhatIsLeft) {
  PutTax("de", 19);
  PutTax("fr", 20, true);
  ASSERT_THAT(Issue(Percent("half", 50)), IsOk());
  OpenRich("ann", "de");
  OpenRich("eve", "fr");
  ASSERT_THAT(BuyWith("half", "ann"), IsOk());
  ASSERT_THAT(BuyWith("half", "eve"), IsOk());
  EXPECT_EQ(Paid("ann"), 595);
  EXPECT_EQ(Paid("eve"), 500);
  EXPECT_EQ(Balance("tax/de/EUR"), 95);
  EXPECT_EQ(Balance("tax/fr/EUR"), 167 - 83);
}

TEST_F(CouponsTest, TheSetupFeeIsNotLoweredAndATrialUsesNothingUp) {
  v1::TariffPlan plan = Monthly("gold", 2000);
  plan.set_trial_days(14);
  *plan.add_setup_fees() = ToProto(*holdfast::Money::Make(500, "EUR"));
  ASSERT_THAT(Put(plan), IsOk());
  ASSERT_THAT(Issue(Percent("free", 100)), IsOk());
  OpenRich("ann");
  ASSERT_THAT(BuyWith("free", "ann", "gold"), IsOk());
  EXPECT_EQ(Paid("ann"), 0);
  LiveUntil(Day(2026, 2, 20));
  EXPECT_EQ(Paid("ann"), 500);
  LiveUntil(Day(2026, 3, 20));
  EXPECT_EQ(Paid("ann"), 500 + 2000);
}

TEST_F(CouponsTest, ATermThatCostsNothingNeedsNoMoneyAndNoInvoice) {
  ASSERT_THAT(Issue(Terms(Percent("free", 100), 2)), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_OK_AND_ASSIGN(const auto bought, BuyWith("free", "ann"));
  EXPECT_EQ(bought.state(), v1::Subscription::STATE_ACTIVE);
  LiveUntil(Day(2026, 3, 15));
  EXPECT_EQ(Find("ann", bought.subscription_id()).state(), v1::Subscription::STATE_ACTIVE);
  EXPECT_THAT(Invoices("ann"), IsEmpty());
  LiveUntil(Day(2026, 4, 1));
  EXPECT_EQ(Find("ann", bought.subscription_id()).state(), v1::Subscription::STATE_GRACE);
}

TEST_F(CouponsTest, OfAPartOfAPeriodAnAmountIsTheSamePart) {
  v1::TariffPlan plan = Monthly("month", 2800);
  plan.set_calendar(true);
  ASSERT_THAT(Put(plan), IsOk());
  ASSERT_THAT(Issue(Euros("seven", 700)), IsOk());
  OpenRich("ann");
  GoTo(Day(2026, 2, 8));
  ASSERT_THAT(BuyWith("seven", "ann", "month"), IsOk());
  EXPECT_THAT(Lines("ann"), ElementsAre(2100, -525));  // 21 of 28 days
}

TEST_F(CouponsTest, ItMayBeForAddOnsOnly) {
  v1::TariffPlan sport = Monthly("sport", 500);
  sport.set_add_on(true);
  ASSERT_THAT(Put(sport), IsOk());
  v1::Coupon coupon = Percent("goal", 50);
  coupon.add_tariff_plan_ids("sport");
  ASSERT_THAT(Issue(coupon), IsOk());
  OpenRich("ann");
  EXPECT_THAT(BuyWith("goal", "ann"), HasMessage("coupon_not_for_plan"));
  const std::string base = Buy("ann", "basic")->subscription_id();
  ASSERT_THAT(BuyWith("goal", "ann", "sport", base), IsOk());
  EXPECT_EQ(Paid("ann"), 1000 + 250);
}

// -- Changes --------------------------------------------------------------------------------------

TEST_F(CouponsTest, UpAndDownOnOneDayNetsToNothing) {
  ASSERT_THAT(Put(Monthly("gold", 3000)), IsOk());
  ASSERT_THAT(Issue(Percent("spring", 20)), IsOk());
  OpenRich("ann");
  const std::string id = BuyWith("spring", "ann")->subscription_id();
  GoTo(Day(2026, 2, 14));
  ASSERT_THAT(ChangeTo(id, "gold"), IsOk());
  EXPECT_EQ(Paid("ann"), 800 - 400 + 1200);  // 14 of 28 days, each at 80 %
  ASSERT_THAT(ChangeTo(id, "basic"), IsOk());
  EXPECT_EQ(Paid("ann"), 800);
  EXPECT_EQ(Balance("revenue/gold/EUR"), 0);
  LiveUntil(Day(2026, 3, 1));
  EXPECT_EQ(Paid("ann"), 800 + 1000);  // all of that was one term
}

TEST_F(CouponsTest, ATermThatIsGivenBackWholeIsNotUsed) {
  v1::TariffPlan yearly = Monthly("year", 10'000);
  yearly.set_period_unit(v1::TariffPlan::PERIOD_UNIT_YEARS);
  ASSERT_THAT(Put(yearly), IsOk());
  ASSERT_THAT(Issue(Percent("half", 50)), IsOk());
  OpenRich("ann");
  const std::string id = BuyWith("half", "ann")->subscription_id();
  ASSERT_THAT(ChangeTo(id, "year"), IsOk());
  EXPECT_EQ(Paid("ann"), 5000);
  ASSERT_THAT(ChangeTo(id, "basic"), IsOk());
  EXPECT_EQ(Paid("ann"), 500);
  GoTo(Day(2026, 2, 14));
  ASSERT_THAT(ChangeTo(id, "year"), IsOk());  // a day of the month was used: so is the coupon
  EXPECT_EQ(Paid("ann"), 500 - 250 + 10'000);
}

TEST_F(CouponsTest, OnAPlanThatItIsNotForItWaits) {
  ASSERT_THAT(Put(Monthly("gold", 3000)), IsOk());
  v1::Coupon coupon = Terms(Percent("two", 10), 2);
  coupon.add_tariff_plan_ids("basic");
  ASSERT_THAT(Issue(coupon), IsOk());
  OpenRich("ann");
  const std::string id = BuyWith("two", "ann")->subscription_id();
  ASSERT_THAT(ChangeTo(id, "gold", true), IsOk());
  LiveUntil(Day(2026, 3, 5));
  ASSERT_THAT(ChangeTo(id, "basic", true), IsOk());
  LiveUntil(Day(2026, 5, 5));
  EXPECT_THAT(Lines("ann"), ElementsAre(1000, -100, 3000, 1000, -100, 1000));
}

TEST_F(CouponsTest, WhoCancelsGetsBackWhatWasPaidAndNotThePrice) {
  ASSERT_THAT(Issue(Percent("spring", 25)), IsOk());
  OpenRich("ann");
  const std::string id = BuyWith("spring", "ann")->subscription_id();
  GoTo(Day(2026, 2, 14));
  ASSERT_THAT(Cancel(id, C::WHEN_IMMEDIATELY, true), IsOk());
  EXPECT_EQ(Paid("ann"), 375);
  ASSERT_THAT(Credit(Invoices("ann")[0].invoice_id()), IsOk());
  EXPECT_EQ(Paid("ann"), 0);
  EXPECT_EQ(Balance("revenue/basic/EUR"), 0);
}

TEST_F(CouponsTest, APauseMovesTheDiscountedTermAndAddsNone) {
  ASSERT_THAT(Put(Monthly("gold", 3000)), IsOk());
  ASSERT_THAT(Issue(Percent("half", 50)), IsOk());
  OpenRich("ann");
  const std::string id = BuyWith("half", "ann")->subscription_id();
  GoTo(Day(2026, 2, 7));
  ASSERT_THAT(Ask<v1::PauseSubscriptionRequest>(&Service::PauseSubscription, id), IsOk());
  GoTo(Day(2026, 2, 14));
  ASSERT_THAT(Ask<v1::ResumeSubscriptionRequest>(&Service::ResumeSubscription, id), IsOk());
  EXPECT_EQ(PaidUntil(Find("ann", id)), "2026-03-07");
  ASSERT_THAT(ChangeTo(id, "gold"), IsOk());
  ASSERT_THAT(ChangeTo(id, "basic"), IsOk());
  EXPECT_EQ(Paid("ann"), 500);
  LiveUntil(Day(2026, 3, 8));
  EXPECT_EQ(Paid("ann"), 500 + 1000);
}

}  // namespace
}  // namespace holdfast::billing

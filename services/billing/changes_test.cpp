// Stories of subscribers who change their minds: plans, cancellations, pauses, add-ons.
#include "services/billing/billing_money_test.h"

namespace holdfast::billing {
namespace {

using std::chrono::days;
using test::HasMessage;
using test::IsOk;
using testing::ElementsAre;
using testing::IsEmpty;
using S = v1::Subscription;
using C = v1::CancelSubscriptionRequest;

class ChangesTest : public MoneyTest {
 protected:
  void TearDown() override { EXPECT_THAT(WhatIsWrong(), IsEmpty()); }
};

// -- Changes --------------------------------------------------------------------------------------

TEST_F(ChangesTest, UpAndDownOnTheSameDayNetsToNothing) {
  PutTax("de", 19);
  ASSERT_THAT(Put(Monthly("basic", 999)), IsOk());
  ASSERT_THAT(Put(Monthly("gold", 1777)), IsOk());
  Open("ann", v1::CHARGING_PREPAID, "de");
  ASSERT_THAT(Pay("ann", 10'000), IsOk());
  const std::string id = Buy("ann", "basic")->subscription_id();
  GoTo(Day(2026, 2, 11));
  const std::int64_t before = Wallet("ann");
  ASSERT_THAT(ChangeTo(id, "gold"), IsOk());
  EXPECT_LT(Wallet("ann"), before);
  ASSERT_OK_AND_ASSIGN(const S back, ChangeTo(id, "basic"));
  EXPECT_EQ(Wallet("ann"), before);
  EXPECT_EQ(PaidUntil(back), "2026-02-28");
  EXPECT_EQ(Balance("revenue/gold/EUR"), 0);
}

TEST_F(ChangesTest, AnUpgradeCreditsUnusedDaysAndChargesTheSameDays) {
  ASSERT_THAT(Put(Monthly("basic", 2800)), IsOk());
  ASSERT_THAT(Put(Monthly("gold", 5600)), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(Pay("ann", 10'000), IsOk());
  const std::string id = Buy("ann", "basic")->subscription_id();  // 31 Jan to 28 Feb: 28 days
  GoTo(Day(2026, 2, 14));
  ASSERT_THAT(ChangeTo(id, "gold"), IsOk());
  EXPECT_EQ(Wallet("ann"), 10'000 - 2800 + 1400 - 2800);
  EXPECT_EQ(Balance("revenue/basic/EUR"), 1400);
  LiveUntil(Day(2026, 3, 1));
  EXPECT_EQ(Wallet("ann"), 10'000 - 1400 - 2800 - 5600);
}

TEST_F(ChangesTest, AChangeThatCannotBePaidChangesNothing) {
  ASSERT_THAT(Put(Monthly("basic", 1000)), IsOk());
  ASSERT_THAT(Put(Monthly("gold", 90'000)), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(Pay("ann", 1500), IsOk());
  const std::string id = Buy("ann", "basic")->subscription_id();
  EXPECT_THAT(ChangeTo(id, "gold"), HasMessage("insufficient_funds"));
  EXPECT_EQ(Find("ann", id).tariff_plan_id(), "basic");
  EXPECT_EQ(Wallet("ann"), 500);
}

TEST_F(ChangesTest, AChangeAtTheEndOfTheTermWaitsAndCanBeRevoked) {
  ASSERT_THAT(Put(Monthly("basic", 1000)), IsOk());
  ASSERT_THAT(Put(Monthly("small", 600)), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(Pay("ann", 10'000), IsOk());
  const std::string id = Buy("ann", "basic")->subscription_id();
  ASSERT_THAT(ChangeTo(id, "small", true), IsOk());
  ASSERT_THAT(Ask<v1::RevokePlannedRequest>(&Service::RevokePlanned, id), IsOk());
  EXPECT_THAT(Ask<v1::RevokePlannedRequest>(&Service::RevokePlanned, id),
              HasMessage("has nothing planned"));
  LiveUntil(Day(2026, 3, 1));
  EXPECT_EQ(Wallet("ann"), 8000);
  ASSERT_THAT(ChangeTo(id, "small", true), IsOk());
  LiveUntil(Day(2026, 4, 1));
  EXPECT_EQ(Wallet("ann"), 7400);
  EXPECT_EQ(Find("ann", id).tariff_plan_id(), "small");
}

TEST_F(ChangesTest, AChangeOnADayHappensOnThatDay) {
  ASSERT_THAT(Put(Monthly("basic", 2800)), IsOk());
  ASSERT_THAT(Put(Monthly("gold", 5600)), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(Pay("ann", 10'000), IsOk());
  const std::string id = Buy("ann", "basic")->subscription_id();
  ASSERT_THAT(ChangeTo(id, "gold", false, "2026-02-14"), IsOk());
  LiveUntil(Day(2026, 2, 13));
  EXPECT_EQ(Find("ann", id).tariff_plan_id(), "basic");
  LiveUntil(Day(2026, 2, 14));
  EXPECT_EQ(Find("ann", id).tariff_plan_id(), "gold");
  EXPECT_EQ(Wallet("ann"), 10'000 - 1400 - 2800);
}

TEST_F(ChangesTest, FromMonthsToYearsANewPeriodBegins) {
  ASSERT_THAT(Put(Monthly("basic", 2800)), IsOk());
  v1::TariffPlan yearly = Monthly("yearly", 20'000);
  yearly.set_period_unit(v1::TariffPlan::PERIOD_UNIT_YEARS);
  ASSERT_THAT(Put(yearly), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(Pay("ann", 30'000), IsOk());
  const std::string id = Buy("ann", "basic")->subscription_id();
  GoTo(Day(2026, 2, 14));
  ASSERT_OK_AND_ASSIGN(const S changed, ChangeTo(id, "yearly"));
  EXPECT_EQ(PaidUntil(changed), "2027-02-14");
  EXPECT_EQ(Wallet("ann"), 30'000 - 1400 - 20'000);
}

// -- Cancelling, pausing --------------------------------------------------------------------------

TEST_F(ChangesTest, CancelledAtOnceWithCreditReturnsUnusedDays) {
  ASSERT_THAT(Put(Monthly("basic", 2800)), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(Pay("ann", 2800), IsOk());
  const std::string id = Buy("ann", "basic")->subscription_id();
  GoTo(Day(2026, 2, 7));
  ASSERT_THAT(Cancel(id, C::WHEN_IMMEDIATELY, true), IsOk());
  EXPECT_EQ(Wallet("ann"), 2100);
  EXPECT_EQ(EntitlementOf("ann")->package_ids_size(), 0);
}

TEST_F(ChangesTest, CancelledOnADayIsChargedUpToThatDay) {
  ASSERT_THAT(Put(Monthly("basic", 3100)), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(Pay("ann", 10'000), IsOk());
  const std::string id = Buy("ann", "basic")->subscription_id();
  ASSERT_THAT(Cancel(id, C::WHEN_ON_DAY, false, "2026-03-10"), IsOk());
  LiveUntil(Day(2026, 3, 15));
  EXPECT_EQ(Find("ann", id).state(), S::STATE_CANCELLED);
  EXPECT_EQ(Wallet("ann"), 10'000 - 3100 - 1000);  // 10 of 31 days
}

TEST_F(ChangesTest, APauseSavesTheDaysAndMovesTheBill) {
  ASSERT_THAT(Put(Monthly("basic", 2800)), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(Pay("ann", 10'000), IsOk());
  const std::string id = Buy("ann", "basic")->subscription_id();
  GoTo(Day(2026, 2, 7));
  ASSERT_THAT(Ask<v1::PauseSubscriptionRequest>(&Service::PauseSubscription, id), IsOk());
  EXPECT_EQ(EntitlementOf("ann")->package_ids_size(), 0);
  LiveUntil(Day(2026, 4, 1));
  EXPECT_EQ(Wallet("ann"), 7200);
  ASSERT_OK_AND_ASSIGN(const S back,
                       Ask<v1::ResumeSubscriptionRequest>(&Service::ResumeSubscription, id));
  EXPECT_EQ(back.state(), S::STATE_ACTIVE);
  EXPECT_EQ(PaidUntil(back), "2026-04-22");  // 21 days were left
  GoTo(Day(2026, 4, 15));
  ASSERT_THAT(Cancel(id, C::WHEN_IMMEDIATELY, true), IsOk());
  EXPECT_EQ(Wallet("ann"), 7200 + 700);  // 7 of 28 days
}

// -- Add-ons --------------------------------------------------------------------------------------

TEST_F(ChangesTest, AnAddOnFollowsItsBase) {
  ASSERT_THAT(Put(Monthly("basic", 2800)), IsOk());
  ASSERT_THAT(Put(Monthly("other", 2800)), IsOk());
  v1::TariffPlan sport = Monthly("sport", 1400);
  sport.set_add_on(true);
  sport.add_allowed_bases("basic");
  sport.clear_package_ids();
  sport.add_package_ids("sport");
  ASSERT_THAT(Put(sport), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(Pay("ann", 20'000), IsOk());
  EXPECT_FALSE(Buy("ann", "sport").ok());
  const std::string base = Buy("ann", "basic")->subscription_id();
  const std::string wrong = Buy("ann", "other")->subscription_id();
  EXPECT_THAT(Buy("ann", "sport", wrong), HasMessage("base_not_allowed"));
  GoTo(Day(2026, 2, 14));
  ASSERT_OK_AND_ASSIGN(const S added, Buy("ann", "sport", base));
  EXPECT_EQ(PaidUntil(added), "2026-02-28");
  EXPECT_EQ(Wallet("ann"), 20'000 - 2800 - 2800 - 700);
  EXPECT_THAT(EntitlementOf("ann")->package_ids(), ElementsAre("base", "sport"));
  EXPECT_THAT(ChangeTo(base, "other"), HasMessage("add_on_not_allowed"));

  ASSERT_THAT(Ask<v1::SuspendSubscriptionRequest>(&Service::SuspendSubscription, base), IsOk());
  EXPECT_THAT(EntitlementOf("ann")->package_ids(), ElementsAre("base"));  // of the other one
  ASSERT_THAT(Ask<v1::ResumeSubscriptionRequest>(&Service::ResumeSubscription, base), IsOk());
  ASSERT_THAT(Cancel(base, C::WHEN_END_OF_TERM), IsOk());
  LiveUntil(Day(2026, 3, 1));
  EXPECT_EQ(Find("ann", added.subscription_id()).state(), S::STATE_CANCELLED);
}

}  // namespace
}  // namespace holdfast::billing

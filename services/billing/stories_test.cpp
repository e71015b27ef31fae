// More whole stories: kinds that other billing systems learnt to test the hard way. The first ones
// are in scenarios_test.cpp, changes_test.cpp and time_test.cpp.
#include <thread>

#include "services/billing/billing_money_test.h"

namespace holdfast::billing {
namespace {

using std::chrono::days;
using test::HasMessage;
using test::IsOk;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using C = v1::CancelSubscriptionRequest;
using S = v1::Subscription;

class StoriesTest : public MoneyTest {
 protected:
  StoriesTest() { EXPECT_THAT(Put(Monthly("basic", 1000)), IsOk()); }
  void TearDown() override { EXPECT_THAT(WhatIsWrong(), IsEmpty()); }

  absl::StatusOr<v1::Payment> ChargeBack(const std::string& payment, std::int64_t amount = 0) {
    v1::RecordChargebackRequest request;
    request.set_idempotency_key(NewKey());
    request.set_payment_id(payment);
    request.set_minor_units(amount);
    request.set_reason("disputed");
    return payments_.RecordChargeback(Call(), request);
  }
  void PutReseller(const std::string& id, std::int64_t credit = 0,
                   const std::string& currency = "EUR") {
    v1::PutResellerRequest request;
    request.set_idempotency_key(NewKey());
    request.mutable_reseller()->set_reseller_id(id);
    request.mutable_reseller()->set_name(id);
    request.mutable_reseller()->set_currency(currency);
    request.mutable_reseller()->set_credit(credit);
    EXPECT_THAT(payments_.PutReseller(Call(), request), IsOk());
  }
  void Fund(const std::string& reseller, std::int64_t amount) {
    v1::FundResellerRequest request;
    request.set_idempotency_key(NewKey());
    request.set_reseller_id(reseller);
    *request.mutable_amount() = ToProto(*holdfast::Money::Make(amount, "EUR"));
    EXPECT_THAT(payments_.FundReseller(Call(), request), IsOk());
  }
  v1::CreateAccountRequest PaidByReseller(const std::string& id, const std::string& reseller) {
    v1::CreateAccountRequest request = NewAccount(id);
    request.set_charging(v1::CHARGING_PREPAID);
    request.set_currency("EUR");
    request.set_reseller_id(reseller);
    request.set_reseller_pays(true);
    return request;
  }
};

// -- A parent that pays ---------------------------------------------------------------------------

TEST_F(StoriesTest, AResellerPaysForItsAccountsMonthByMonth) {
  PutReseller("hotel");
  Fund("hotel", 5000);
  for (const char* room : {"room-1", "room-2"}) {
    ASSERT_THAT(service_.CreateAccount(Call(), PaidByReseller(room, "hotel")), IsOk());
    ASSERT_THAT(Buy(room, "basic"), IsOk());
  }
  EXPECT_EQ(Balance("reseller/hotel/EUR"), 3000);
  ASSERT_THAT(Pay("room-2", 400), IsOk());  // its own money goes first
  LiveUntil(Day(2026, 3, 1));
  EXPECT_EQ(Balance("reseller/hotel/EUR"), 3000 - 1000 - 600);
  EXPECT_THAT(Invoices("room-1"), SizeIs(2));  // each account has its own
  EXPECT_EQ(Wallet("room-1"), 0);
  EXPECT_EQ(Wallet("room-2"), 0);
}

TEST_F(StoriesTest, AResellerWithoutMoneyPaysNothingAndItsAccountsGoThroughGrace) {
  PutReseller("hotel", 500);  // on credit
  Fund("hotel", 500);
  ASSERT_THAT(service_.CreateAccount(Call(), PaidByReseller("room", "hotel")), IsOk());
  const std::string id = Buy("room", "basic")->subscription_id();
  EXPECT_EQ(Balance("reseller/hotel/EUR"), -500);
  LiveUntil(Day(2026, 3, 2));
  EXPECT_EQ(Find("room", id).state(), S::STATE_GRACE);
  EXPECT_EQ(Balance("reseller/hotel/EUR"), -500);  // all of a bill or nothing
  Fund("hotel", 1000);
  LiveUntil(Day(2026, 3, 3));
  EXPECT_EQ(Find("room", id).state(), S::STATE_ACTIVE);
  EXPECT_EQ(Balance("reseller/hotel/EUR"), -500 + 1000 - 1000);
  EXPECT_THAT(ChargedDays("room"), ElementsAre("2026-01-31..2026-02-28", "2026-02-28..2026-03-31"));
}

TEST_F(StoriesTest, TwoInstancesChargeOneResellerOnceForEachAccount) {
  PutReseller("hotel");
  Fund("hotel", 30'000);
  constexpr int kRooms = 10;
  for (int i = 0; i < kRooms; ++i) {
    const std::string room = "room-" + std::to_string(i);
    ASSERT_THAT(service_.CreateAccount(Call(), PaidByReseller(room, "hotel")), IsOk());
    ASSERT_THAT(Buy(room, "basic"), IsOk());
  }
  GoTo(Day(2026, 2, 28));
  RenewalJob other(store_, metrics_, clock_, {});
  std::thread one([&] { EXPECT_THAT(renewals_.RunFor(Today(), Soon()), IsOk()); });
  std::thread two([&] { EXPECT_THAT(other.RunFor(Today(), Soon()), IsOk()); });
  one.join();
  two.join();
  RunJobs();
  EXPECT_EQ(Balance("reseller/hotel/EUR"), 30'000 - 2 * kRooms * 1000);
}

TEST_F(StoriesTest, WhoCannotBePaidForIsNamed) {
  PutReseller("hotel");
  PutReseller("abroad", 0, "USD");
  v1::CreateAccountRequest request = PaidByReseller("room", "");
  EXPECT_THAT(service_.CreateAccount(Call(), request), HasMessage("without reseller_id"));
  request = PaidByReseller("room", "hotel");
  request.set_charging(v1::CHARGING_POSTPAID);
  EXPECT_THAT(service_.CreateAccount(Call(), request), HasMessage("reseller_pays"));
  EXPECT_THAT(service_.CreateAccount(Call(), PaidByReseller("room", "abroad")),
              HasMessage("wrong_currency"));
  ASSERT_THAT(service_.CreateAccount(Call(), PaidByReseller("room", "hotel")), IsOk());
  v1::UpdateAccountRequest update;
  update.set_idempotency_key(NewKey());
  update.set_account_id("room");
  update.set_reseller_pays(false);
  ASSERT_OK_AND_ASSIGN(const v1::Account alone, service_.UpdateAccount(Call(), update));
  EXPECT_FALSE(alone.reseller_pays());
  EXPECT_THAT(Buy("room", "basic"), HasMessage("insufficient_funds"));
}

// -- Chargebacks ----------------------------------------------------------------------------------

TEST_F(StoriesTest, AChargebackOpensWhatItHadPaid) {
  Open("ann", v1::CHARGING_POSTPAID);
  const std::string id = Buy("ann", "basic")->subscription_id();  // due on 14 Feb
  const std::string payment = Pay("ann", 1200)->payment_id();
  GoTo(Day(2026, 2, 20));
  ASSERT_OK_AND_ASSIGN(const v1::Payment after, ChargeBack(payment));
  EXPECT_EQ(after.charged_back(), 1200);
  EXPECT_EQ(Wallet("ann"), 0);
  EXPECT_EQ(Owed("ann"), 1000);
  EXPECT_EQ(Balance("clearing/bank/EUR"), 0);
  RunJobs();  // long overdue by now
  EXPECT_EQ(Find("ann", id).state(), S::STATE_GRACE);
  ASSERT_THAT(Pay("ann", 1000), IsOk());
  EXPECT_EQ(Find("ann", id).state(), S::STATE_ACTIVE);
  EXPECT_THAT(ChargeBack(payment, 1), HasMessage("chargeback_too_large"));
  EXPECT_THAT(Refund(payment, 1), HasMessage("refund_too_large"));
}

TEST_F(StoriesTest, AChargebackTakesTheNewestInvoicesFirstAndOnlyWhatItNeeds) {
  Open("ann", v1::CHARGING_POSTPAID);
  ASSERT_THAT(Buy("ann", "basic"), IsOk());
  const std::string payment = Pay("ann", 2000)->payment_id();
  LiveUntil(Day(2026, 3, 1));
  ASSERT_THAT(ChargeBack(payment, 1300), IsOk());
  EXPECT_EQ(Invoices("ann")[1].open(), 1000);
  EXPECT_EQ(Invoices("ann")[0].open(), 300);
}

TEST_F(StoriesTest, AChargebackOfMoneyThatIsHeldIsTheOperatorsLoss) {
  Open("ann", v1::CHARGING_PREPAID);
  const std::string payment = Pay("ann", 1000)->payment_id();
  v1::HoldRequest hold;
  hold.set_idempotency_key(NewKey());
  hold.set_account_id("ann");
  *hold.mutable_amount() = ToProto(*holdfast::Money::Make(700, "EUR"));
  hold.set_revenue_id("vod");
  hold.set_reason("a film");
  ASSERT_THAT(books_.Hold(Call(), hold), IsOk());
  ASSERT_THAT(ChargeBack(payment), IsOk());
  EXPECT_EQ(Balance("promotion/chargebacks/EUR"), -700);
  EXPECT_EQ(Wallet("ann"), 700);  // held
}

// -- Overdue --------------------------------------------------------------------------------------

TEST_F(StoriesTest, ADebtThatIsWrittenOffBringsServiceBack) {
  Open("ann", v1::CHARGING_POSTPAID);
  const std::string id = Buy("ann", "basic")->subscription_id();
  LiveUntil(Day(2026, 2, 25));
  EXPECT_EQ(Find("ann", id).state(), S::STATE_SUSPENDED);
  ASSERT_THAT(Credit(Invoices("ann").front().invoice_id()), IsOk());
  EXPECT_EQ(Find("ann", id).state(), S::STATE_ACTIVE);
  EXPECT_EQ(Balance("revenue/basic/EUR"), 0);
}

TEST_F(StoriesTest, MoneyThatIsHeldDoesNotRenew) {
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(Pay("ann", 2000), IsOk());
  const std::string id = Buy("ann", "basic")->subscription_id();
  v1::HoldRequest hold;
  hold.set_idempotency_key(NewKey());
  hold.set_account_id("ann");
  *hold.mutable_amount() = ToProto(*holdfast::Money::Make(1, "EUR"));
  hold.set_revenue_id("vod");
  hold.set_reason("a film");
  ASSERT_OK_AND_ASSIGN(const v1::Transfer held, books_.Hold(Call(), hold));
  LiveUntil(Day(2026, 3, 2));
  EXPECT_EQ(Find("ann", id).state(), S::STATE_GRACE);
  v1::ReleaseHoldRequest release;
  release.set_idempotency_key(NewKey());
  release.set_transfer_id(held.transfer_id());
  ASSERT_THAT(books_.ReleaseHold(Call(), release), IsOk());
  LiveUntil(Day(2026, 3, 3));
  EXPECT_EQ(Find("ann", id).state(), S::STATE_ACTIVE);
}

// -- Periods --------------------------------------------------------------------------------------

TEST_F(StoriesTest, ADayPassIsChargedEveryDay) {
  v1::TariffPlan pass = Monthly("day", 100);
  pass.set_period_unit(v1::TariffPlan::PERIOD_UNIT_DAYS);
  ASSERT_THAT(Put(pass), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(Pay("ann", 10'000), IsOk());
  ASSERT_THAT(Buy("ann", "day"), IsOk());
  LiveUntil(Day(2026, 2, 4));
  EXPECT_THAT(ChargedDays("ann"), ElementsAre("2026-01-31..2026-02-01", "2026-02-01..2026-02-02",
                                              "2026-02-02..2026-02-03", "2026-02-03..2026-02-04",
                                              "2026-02-04..2026-02-05"));
  EXPECT_EQ(Wallet("ann"), 10'000 - 500);
}

TEST_F(StoriesTest, DaysMonthsAndYearsRunSideBySide) {
  v1::TariffPlan ten = Monthly("ten", 300);
  ten.set_period_unit(v1::TariffPlan::PERIOD_UNIT_DAYS);
  ten.set_period_days(10);
  v1::TariffPlan year = Monthly("year", 9000);
  year.set_period_unit(v1::TariffPlan::PERIOD_UNIT_YEARS);
  ASSERT_THAT(Put(ten), IsOk());
  ASSERT_THAT(Put(year), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(Pay("ann", 100'000), IsOk());
  for (const char* plan : {"ten", "basic", "year"}) ASSERT_THAT(Buy("ann", plan), IsOk());
  LiveUntil(Day(2026, 3, 31));
  EXPECT_EQ(Balance("revenue/ten/EUR"), 6 * 300);  // 31 Jan, 10 and 20 Feb, 2, 12 and 22 Mar
  EXPECT_EQ(Balance("revenue/basic/EUR"), 3 * 1000);
  EXPECT_EQ(Balance("revenue/year/EUR"), 9000);
}

TEST_F(StoriesTest, ATrialThatRunsOverTheFirstOfTheMonthIsChargedFromItsEnd) {
  v1::TariffPlan plan = Monthly("month", 2800);
  plan.set_calendar(true);
  plan.set_trial_days(15);
  ASSERT_THAT(Put(plan), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(Pay("ann", 10'000), IsOk());
  ASSERT_THAT(Buy("ann", "month"), IsOk());
  LiveUntil(Day(2026, 3, 1));
  EXPECT_THAT(ChargedDays("ann"), ElementsAre("2026-02-15..2026-03-01", "2026-03-01..2026-04-01"));
  EXPECT_EQ(Wallet("ann"), 10'000 - 1400 - 2800);
}

TEST_F(StoriesTest, AYearThatIsPausedAgainAndAgainLosesAndGainsNoDay) {
  v1::TariffPlan year = Monthly("year", 36'500);
  year.set_period_unit(v1::TariffPlan::PERIOD_UNIT_YEARS);
  ASSERT_THAT(Put(year), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(Pay("ann", 73'000), IsOk());
  const std::string id = Buy("ann", "year")->subscription_id();
  for (int i = 0; i < 6; ++i) {
    LiveUntil(Today() + days(20));
    ASSERT_THAT(Ask<v1::PauseSubscriptionRequest>(&Service::PauseSubscription, id), IsOk());
    LiveUntil(Today() + days(10));
    ASSERT_THAT(Ask<v1::ResumeSubscriptionRequest>(&Service::ResumeSubscription, id), IsOk());
  }
  EXPECT_EQ(PaidUntil(Find("ann", id)), ShowDay(Day(2027, 1, 31) + days(60)));
  EXPECT_THAT(Invoices("ann"), SizeIs(1));
  LiveUntil(Day(2027, 1, 31) + days(60));
  EXPECT_THAT(Invoices("ann"), SizeIs(2));
  EXPECT_EQ(Wallet("ann"), 0);
}

// -- What comes along, and what changes for all
// -----------------------------------------------------

TEST_F(StoriesTest, SubscriptionsThatAreBroughtAlongRunToTheirEndAndAreRenewedElsewhere) {
  CreateAccount("old");
  ASSERT_OK_AND_ASSIGN(const S brought, Start("old", "basic", Day(2026, 2, 10)));
  EXPECT_EQ(PaidUntil(brought), "2026-02-10");
  EXPECT_EQ(EntitlementOf("old")->package_ids_size(), 1);
  LiveUntil(Day(2026, 2, 10));
  EXPECT_EQ(Find("old", brought.subscription_id()).state(), S::STATE_GRACE);
  ASSERT_THAT(
      Ask<v1::RenewSubscriptionRequest>(&Service::RenewSubscription, brought.subscription_id()),
      IsOk());
  EXPECT_EQ(PaidUntil(Find("old", brought.subscription_id())), "2026-03-10");
  EXPECT_THAT(Invoices("old"), IsEmpty());
  EXPECT_THAT(Start("old", "basic", Day(2026, 1, 1)), HasMessage("would be over since"));
}

TEST_F(StoriesTest, ANewTaxCountsForTermsThatBeginThenAndOldInvoicesKeepTheirs) {
  PutTax("de", 19);
  v1::PutTaxRateRequest request;
  request.set_idempotency_key(NewKey());
  request.mutable_tax_rate()->set_region("de");
  request.mutable_tax_rate()->set_name("VAT");
  request.mutable_tax_rate()->set_parts_per_million(160'000);
  request.mutable_tax_rate()->set_valid_from("2026-03-01");
  ASSERT_THAT(service_.PutTaxRate(Call(), request), IsOk());
  Open("ann", v1::CHARGING_POSTPAID, "de");
  ASSERT_THAT(Buy("ann", "basic"), IsOk());
  ASSERT_THAT(Pay("ann", 10'000), IsOk());
  LiveUntil(Day(2026, 4, 1));
  const std::vector<v1::Invoice> invoices = Invoices("ann");
  ASSERT_THAT(invoices, SizeIs(3));
  EXPECT_EQ(invoices[1].tax(), 190);  // from 28 February
  EXPECT_EQ(invoices[2].tax(), 160);
  ASSERT_OK_AND_ASSIGN(const v1::CreditNote note, Credit(invoices[1].invoice_id()));
  EXPECT_EQ(note.tax(), 190);
}

// -- Back and forth
// ---------------------------------------------------------------------------------

TEST_F(StoriesTest, PartsOfAPriceThatDoNotDivideAddUpToIt) {
  PutTax("fr", 20, true);
  ASSERT_THAT(Put(Monthly("odd", 997)), IsOk());
  ASSERT_THAT(Put(Monthly("odder", 1009)), IsOk());
  Open("ann", v1::CHARGING_POSTPAID, "fr");
  const std::string id = Buy("ann", "odd")->subscription_id();
  const std::vector<std::pair<sys_days, const char*>> changes = {
      {Day(2026, 2, 3), "odder"}, {Day(2026, 2, 9), "odd"}, {Day(2026, 2, 20), "odder"}};
  for (const auto& [day, plan] : changes) {
    GoTo(day);
    ASSERT_THAT(ChangeTo(id, plan), IsOk());
  }
  GoTo(Day(2026, 2, 23));
  ASSERT_THAT(Cancel(id, C::WHEN_IMMEDIATELY, true), IsOk());
  // 3 days, 6, 11 and 3 of 28 were used.
  EXPECT_EQ(Owed("ann"), (997 - 890) + (901 - 685) + (677 - 285) + (288 - 180));
  for (const v1::Invoice& invoice : Invoices("ann")) {
    if (invoice.open() == 0) continue;
    ASSERT_THAT(Credit(invoice.invoice_id()), IsOk());
  }
  EXPECT_EQ(Owed("ann"), 0);
  for (const char* account : {"revenue/odd/EUR", "revenue/odder/EUR", "tax/fr/EUR"}) {
    EXPECT_EQ(Balance(account), 0) << account;
  }
}

TEST_F(StoriesTest, ABaseAndItsAddOnAreCancelledAndStartedAgainOnOneDay) {
  v1::TariffPlan sport = Monthly("sport", 500);
  sport.set_add_on(true);
  ASSERT_THAT(Put(sport), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(Pay("ann", 1500), IsOk());
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK_AND_ASSIGN(const S base, Buy("ann", "basic"));
    ASSERT_OK_AND_ASSIGN(const S add_on, Buy("ann", "sport", base.subscription_id()));
    EXPECT_EQ(Wallet("ann"), 0);
    ASSERT_THAT(Cancel(base.subscription_id(), C::WHEN_IMMEDIATELY, true), IsOk());
    EXPECT_EQ(Find("ann", add_on.subscription_id()).state(), S::STATE_CANCELLED);
    EXPECT_EQ(Wallet("ann"), 1500);
  }
}

TEST_F(StoriesTest, AFreePlanAsksForNothingAndIsNotChargedTwice) {
  ASSERT_THAT(Put(Monthly("free", 0)), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  const std::string id = Buy("ann", "free")->subscription_id();
  LiveUntil(Day(2026, 5, 1));
  EXPECT_EQ(Find("ann", id).state(), S::STATE_ACTIVE);
  EXPECT_EQ(PaidUntil(Find("ann", id)), "2026-05-31");
  EXPECT_THAT(Invoices("ann"), IsEmpty());
}

}  // namespace
}  // namespace holdfast::billing

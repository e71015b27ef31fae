// Whole stories of subscribers and their money, told through the service and the jobs.
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
using S = v1::Subscription;

class ScenariosTest : public MoneyTest {
 protected:
  void TearDown() override { EXPECT_THAT(WhatIsWrong(), IsEmpty()); }
};

// -- Prepaid --------------------------------------------------------------------------------------

TEST_F(ScenariosTest, PrepaidIsChargedFromTheWalletMonthByMonth) {
  ASSERT_THAT(Put(Monthly("basic", 1000)), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  EXPECT_THAT(Buy("ann", "basic"), HasMessage("insufficient_funds"));
  ASSERT_THAT(Pay("ann", 2500), IsOk());
  ASSERT_OK_AND_ASSIGN(const S bought, Buy("ann", "basic"));
  EXPECT_EQ(bought.state(), S::STATE_ACTIVE);
  EXPECT_EQ(PaidUntil(bought), "2026-02-28");
  EXPECT_EQ(Wallet("ann"), 1500);

  LiveUntil(Day(2026, 3, 15));
  EXPECT_EQ(Wallet("ann"), 500);
  EXPECT_THAT(ChargedDays("ann"), ElementsAre("2026-01-31..2026-02-28", "2026-02-28..2026-03-31"));
  EXPECT_EQ(Balance("revenue/basic/EUR"), 2000);
}

TEST_F(ScenariosTest, WithoutMoneyThereIsGraceThenSuspensionAndMoneyBringsServiceBack) {
  ASSERT_THAT(Put(Monthly("basic", 1000)), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(Pay("ann", 1000), IsOk());
  const std::string id = Buy("ann", "basic")->subscription_id();
  LiveUntil(Day(2026, 2, 28));
  EXPECT_EQ(Find("ann", id).state(), S::STATE_GRACE);
  EXPECT_EQ(EntitlementOf("ann")->package_ids_size(), 1);
  LiveUntil(Day(2026, 3, 7));
  const S suspended = Find("ann", id);
  EXPECT_EQ(suspended.state(), S::STATE_SUSPENDED);
  EXPECT_THAT(suspended.suspended_by(), testing::StartsWith("debt-" + id + "-2026-02-28-"));

  GoTo(Day(2026, 3, 20));
  ASSERT_THAT(Pay("ann", 1000), IsOk());
  const S back = Find("ann", id);
  EXPECT_EQ(back.state(), S::STATE_ACTIVE);
  EXPECT_EQ(PaidUntil(back), "2026-04-20");  // nobody pays for days without service
  EXPECT_THAT(ChargedDays("ann"), ElementsAre("2026-01-31..2026-02-28", "2026-03-20..2026-04-20"));
}

TEST_F(ScenariosTest, DaysOfGraceArePaidDays) {
  ASSERT_THAT(Put(Monthly("basic", 1000)), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(Pay("ann", 1000), IsOk());
  const std::string id = Buy("ann", "basic")->subscription_id();
  LiveUntil(Day(2026, 3, 4));
  ASSERT_THAT(Pay("ann", 1000), IsOk());
  EXPECT_EQ(PaidUntil(Find("ann", id)), "2026-03-31");
  EXPECT_EQ(Find("ann", id).state(), S::STATE_ACTIVE);
}

TEST_F(ScenariosTest, WhoNeverPaysNeverHasService) {
  ASSERT_THAT(Put(Monthly("basic", 1000)), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_OK_AND_ASSIGN(const S waits, Buy("ann", "basic", "", true));
  EXPECT_EQ(waits.state(), S::STATE_PENDING_ACTIVATION);
  EXPECT_EQ(EntitlementOf("ann")->package_ids_size(), 0);
  LiveUntil(Today() + days(7));
  EXPECT_EQ(Find("ann", waits.subscription_id()).state(), S::STATE_EXPIRED);
  EXPECT_THAT(Invoices("ann"), IsEmpty());
}

TEST_F(ScenariosTest, TheFirstPaymentActivates) {
  ASSERT_THAT(Put(Monthly("basic", 1000)), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  const std::string id = Buy("ann", "basic", "", true)->subscription_id();
  GoTo(Today() + days(3));
  ASSERT_THAT(Pay("ann", 999), IsOk());
  EXPECT_EQ(Find("ann", id).state(), S::STATE_PENDING_ACTIVATION);
  ASSERT_THAT(Pay("ann", 1), IsOk());
  EXPECT_EQ(Find("ann", id).state(), S::STATE_ACTIVE);
  EXPECT_THAT(ChargedDays("ann"), ElementsAre("2026-02-03..2026-03-03"));
}

// -- Trial, setup fee, calendar -------------------------------------------------------------------

TEST_F(ScenariosTest, ATrialIsFreeAndThenChargedWithTheSetupFee) {
  v1::TariffPlan plan = Monthly("basic", 1000);
  plan.set_trial_days(14);
  *plan.add_setup_fees() = ToProto(*holdfast::Money::Make(500, "EUR"));
  ASSERT_THAT(Put(plan), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(Pay("ann", 5000), IsOk());
  const std::string id = Buy("ann", "basic")->subscription_id();
  EXPECT_EQ(Find("ann", id).state(), S::STATE_TRIALING);
  EXPECT_EQ(EntitlementOf("ann")->package_ids_size(), 1);
  LiveUntil(Day(2026, 2, 13));
  EXPECT_EQ(Wallet("ann"), 5000);
  LiveUntil(Day(2026, 3, 20));
  EXPECT_EQ(Wallet("ann"), 5000 - 500 - 1000 - 1000);
  EXPECT_THAT(ChargedDays("ann"), ElementsAre("2026-02-14..2026-03-14", "2026-03-14..2026-04-14"));
}

TEST_F(ScenariosTest, TheCalendarChargesThePartOfTheFirstMonth) {
  v1::TariffPlan plan = Monthly("basic", 2800);
  plan.set_calendar(true);
  ASSERT_THAT(Put(plan), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  GoTo(Day(2026, 2, 8));
  ASSERT_THAT(Pay("ann", 10'000), IsOk());
  ASSERT_THAT(Buy("ann", "basic"), IsOk());
  EXPECT_EQ(Wallet("ann"), 10'000 - 2100);  // 21 of 28 days
  LiveUntil(Day(2026, 3, 2));
  EXPECT_EQ(Wallet("ann"), 10'000 - 2100 - 2800);
}

// -- Prices and versions --------------------------------------------------------------------------

TEST_F(ScenariosTest, ANewVersionDoesNotChangeWhatWasSold) {
  ASSERT_THAT(Put(Monthly("basic", 1000)), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  Open("bob", v1::CHARGING_PREPAID);
  ASSERT_THAT(Pay("ann", 5000), IsOk());
  ASSERT_THAT(Pay("bob", 5000), IsOk());
  ASSERT_THAT(Buy("ann", "basic"), IsOk());
  EXPECT_EQ(Put(Monthly("basic", 1500))->version(), 2);
  EXPECT_EQ(Put(Monthly("basic", 1500))->version(), 2);
  ASSERT_THAT(Buy("bob", "basic"), IsOk());
  LiveUntil(Day(2026, 3, 1));
  EXPECT_EQ(Wallet("ann"), 3000);
  EXPECT_EQ(Wallet("bob"), 2000);
}

TEST_F(ScenariosTest, APriceFromADayOnCountsForTermsThatBeginThen) {
  v1::TariffPlan plan = Monthly("basic", 1000);
  v1::DatedPrice& later = *plan.add_prices();
  *later.mutable_amount() = ToProto(*holdfast::Money::Make(1200, "EUR"));
  later.set_valid_from("2026-03-01");
  ASSERT_THAT(Put(plan), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(Pay("ann", 5000), IsOk());
  ASSERT_THAT(Buy("ann", "basic"), IsOk());
  LiveUntil(Day(2026, 4, 1));
  EXPECT_EQ(Wallet("ann"), 5000 - 1000 - 1000 - 1200);  // from 28 Feb still the old one
}

// -- Taxes and postpaid ---------------------------------------------------------------------------

TEST_F(ScenariosTest, TaxIsOwedToTheTaxOfficeAndNotEarned) {
  PutTax("de", 19);
  PutTax("fr", 20, true);
  ASSERT_THAT(Put(Monthly("basic", 1000)), IsOk());
  Open("ann", v1::CHARGING_POSTPAID, "de");
  Open("eve", v1::CHARGING_POSTPAID, "fr");
  ASSERT_THAT(Buy("ann", "basic"), IsOk());
  ASSERT_THAT(Buy("eve", "basic"), IsOk());
  EXPECT_EQ(Owed("ann"), 1190);
  EXPECT_EQ(Owed("eve"), 1000);
  EXPECT_EQ(Balance("tax/de/EUR"), 190);
  EXPECT_EQ(Balance("tax/fr/EUR"), 167);
  EXPECT_EQ(Balance("revenue/basic/EUR"), 1000 + 833);
  EXPECT_EQ(Balance("receivable/ann/EUR"), -1190);
}

TEST_F(ScenariosTest, PostpaidKeepsServiceUntilTheDunningEndsIt) {
  ASSERT_THAT(Put(Monthly("basic", 1000)), IsOk());
  Open("ann", v1::CHARGING_POSTPAID);
  const std::string id = Buy("ann", "basic")->subscription_id();  // due on 14 Feb
  LiveUntil(Day(2026, 2, 14));
  EXPECT_EQ(Find("ann", id).state(), S::STATE_ACTIVE);
  LiveUntil(Day(2026, 2, 15));
  EXPECT_EQ(Find("ann", id).state(), S::STATE_GRACE);
  LiveUntil(Day(2026, 2, 21));
  EXPECT_EQ(Find("ann", id).state(), S::STATE_SUSPENDED);
  EXPECT_EQ(EntitlementOf("ann")->status(), v1::Entitlement::STATUS_SUSPENDED);
  LiveUntil(Day(2026, 3, 10));
  EXPECT_THAT(Invoices("ann"), SizeIs(1));  // nothing is charged without service

  ASSERT_THAT(Pay("ann", 600), IsOk());
  EXPECT_EQ(Find("ann", id).state(), S::STATE_SUSPENDED);
  EXPECT_EQ(Owed("ann"), 400);
  ASSERT_THAT(Pay("ann", 400), IsOk());
  EXPECT_EQ(Find("ann", id).state(), S::STATE_ACTIVE);
  EXPECT_THAT(ChargedDays("ann"), ElementsAre("2026-01-31..2026-02-28", "2026-03-10..2026-04-10"));
}

TEST_F(ScenariosTest, PaidInTimeOfGraceNothingIsLost) {
  ASSERT_THAT(Put(Monthly("basic", 1000)), IsOk());
  Open("ann", v1::CHARGING_POSTPAID);
  const std::string id = Buy("ann", "basic")->subscription_id();
  LiveUntil(Day(2026, 2, 18));
  ASSERT_THAT(Pay("ann", 1000), IsOk());
  EXPECT_EQ(Find("ann", id).state(), S::STATE_ACTIVE);
  EXPECT_EQ(PaidUntil(Find("ann", id)), "2026-02-28");
}

// -- Money back -----------------------------------------------------------------------------------

TEST_F(ScenariosTest, ARefundTakesOnlyWhatIsStillThere) {
  ASSERT_THAT(Put(Monthly("basic", 1000)), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  const std::string payment = Pay("ann", 1500)->payment_id();
  ASSERT_THAT(Buy("ann", "basic"), IsOk());
  EXPECT_THAT(Refund(payment, 501), HasMessage("insufficient_funds"));
  ASSERT_THAT(Refund(payment, 500), IsOk());
  EXPECT_THAT(Refund(payment, 1001), HasMessage("refund_too_large"));
  ASSERT_THAT(Credit(Invoices("ann").front().invoice_id()), IsOk());
  ASSERT_THAT(Refund(payment, 0), IsOk());
  EXPECT_EQ(Wallet("ann"), 0);
  EXPECT_EQ(Balance("clearing/bank/EUR"), 0);
  EXPECT_EQ(Balance("revenue/basic/EUR"), 0);
}

TEST_F(ScenariosTest, OnePaymentIsTakenOnceWhateverItsKeys) {
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(Pay("ann", 1000, "transfer 17"), IsOk());
  EXPECT_THAT(Pay("ann", 1000, "transfer 17"), HasMessage("already_paid"));
  EXPECT_EQ(Wallet("ann"), 1000);
}

TEST_F(ScenariosTest, AnInvoiceIsCreditedOnce) {
  ASSERT_THAT(Put(Monthly("basic", 1000)), IsOk());
  Open("ann", v1::CHARGING_POSTPAID);
  ASSERT_THAT(Buy("ann", "basic"), IsOk());
  const std::string invoice = Invoices("ann").front().invoice_id();
  ASSERT_THAT(Credit(invoice), IsOk());
  EXPECT_THAT(Credit(invoice), HasMessage("already_credited"));
  EXPECT_EQ(Owed("ann"), 0);
}

// Made in error and not paid: nobody owes it, and its number stays where it was.
TEST_F(ScenariosTest, AnInvoiceThatWasMadeInErrorIsVoid) {
  PutTax("de", 19);
  ASSERT_THAT(Put(Monthly("basic", 1000)), IsOk());
  Open("ann", v1::CHARGING_POSTPAID, "de");
  ASSERT_OK_AND_ASSIGN(const S bought, Buy("ann", "basic"));
  LiveUntil(Day(2026, 3, 10));  // overdue since the middle of February, and suspended for it
  ASSERT_EQ(Invoices("ann").size(), 1u);
  ASSERT_NE(Find("ann", bought.subscription_id()).state(), S::STATE_ACTIVE);
  v1::VoidInvoiceRequest request;
  request.set_idempotency_key(NewKey());
  request.set_invoice_id(Invoices("ann").front().invoice_id());
  EXPECT_THAT(payments_.VoidInvoice(Call(), request), HasMessage("reason is empty"));
  request.set_reason("sold by mistake");
  ASSERT_OK_AND_ASSIGN(const v1::CreditNote note, payments_.VoidInvoice(Call(), request));
  EXPECT_EQ(note.net() + note.tax(), 1190);
  EXPECT_EQ(note.to_wallet(), 0);
  EXPECT_EQ(note.reason(), "sold by mistake");
  EXPECT_EQ(payments_.VoidInvoice(Call(), request)->credit_note_id(), note.credit_note_id());
  const std::vector<v1::Invoice> invoices = Invoices("ann");
  EXPECT_TRUE(invoices.front().voided());
  EXPECT_EQ(invoices.front().number(), 1u);
  EXPECT_EQ(invoices.front().open(), 0);
  // The debt that took service away is none: it goes on, from today and for a new invoice.
  EXPECT_EQ(Find("ann", bought.subscription_id()).state(), S::STATE_ACTIVE);
  ASSERT_EQ(invoices.size(), 2u);
  EXPECT_FALSE(invoices.back().voided());
  EXPECT_EQ(Owed("ann"), 1190);
  EXPECT_EQ(EntitlementOf("ann")->owed_minor_units(), 1190);

  request.set_idempotency_key(NewKey());
  EXPECT_THAT(payments_.VoidInvoice(Call(), request), HasMessage("already_credited"));
  ASSERT_THAT(Pay("ann", 1), IsOk());
  request.set_invoice_id(invoices.back().invoice_id());
  EXPECT_THAT(payments_.VoidInvoice(Call(), request), HasMessage("invoice_paid: 1 of invoice"));
  EXPECT_FALSE(Invoices("ann").back().voided());
  // The proof sees one that is said to be void and is not.
  EXPECT_FALSE(Sql("UPDATE invoice SET voided = true").ok());
}

// -- The job --------------------------------------------------------------------------------------

TEST_F(ScenariosTest, ALateJobChargesTheSameDaysAsOneThatRanEveryDay) {
  ASSERT_THAT(Put(Monthly("basic", 1000)), IsOk());
  for (const std::string id : {"ann", "bob"}) {
    Open(id, id == "ann" ? v1::CHARGING_PREPAID : v1::CHARGING_POSTPAID);
    ASSERT_THAT(Pay(id, 10'000), IsOk());
    ASSERT_THAT(Buy(id, "basic"), IsOk());
  }
  GoTo(Day(2026, 6, 30));  // five months in which nobody ran it
  RunJobs();
  for (const std::string id : {"ann", "bob"}) {
    EXPECT_THAT(ChargedDays(id), ElementsAre("2026-01-31..2026-02-28", "2026-02-28..2026-03-31",
                                             "2026-03-31..2026-04-30", "2026-04-30..2026-05-31",
                                             "2026-05-31..2026-06-30", "2026-06-30..2026-07-31"));
    EXPECT_EQ(Wallet(id), 4000);
  }
}

TEST_F(ScenariosTest, TwoInstancesAndTwoRunsChargeOnce) {
  ASSERT_THAT(Put(Monthly("basic", 1000)), IsOk());
  constexpr int kAccounts = 20;
  for (int i = 0; i < kAccounts; ++i) {
    const std::string id = "a" + std::to_string(i);
    Open(id, v1::CHARGING_PREPAID);
    ASSERT_THAT(Pay(id, 2000), IsOk());
    ASSERT_THAT(Buy(id, "basic"), IsOk());
  }
  GoTo(Day(2026, 2, 28));
  RenewalJob other(store_, metrics_, clock_, {});
  std::thread one([&] { EXPECT_THAT(renewals_.RunFor(Today(), Soon()), IsOk()); });
  std::thread two([&] { EXPECT_THAT(other.RunFor(Today(), Soon()), IsOk()); });
  one.join();
  two.join();
  RunJobs();
  for (int i = 0; i < kAccounts; ++i) EXPECT_EQ(Wallet("a" + std::to_string(i)), 0);
  EXPECT_EQ(Balance("revenue/basic/EUR"), 2000 * kAccounts);
}

TEST_F(ScenariosTest, AClockThatWasSetBackChargesNothingAgain) {
  ASSERT_THAT(Put(Monthly("basic", 1000)), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(Pay("ann", 10'000), IsOk());
  ASSERT_THAT(Buy("ann", "basic"), IsOk());
  LiveUntil(Day(2026, 3, 1));
  GoTo(Day(2026, 2, 1));
  RunJobs();
  LiveUntil(Day(2026, 3, 1));
  EXPECT_EQ(Wallet("ann"), 8000);
}

TEST_F(ScenariosTest, AWrongClockChargesNobody) {
  clock_.JumpWall(std::chrono::hours(24 * 365));
  EXPECT_THAT(renewals_.Run(Soon()), HasMessage("our clock and the database's differ"));
}

// -- Kinds of money -------------------------------------------------------------------------------

TEST_F(ScenariosTest, PartsOfADebtSettleTheOldestInvoiceFirst) {
  ASSERT_THAT(Put(Monthly("cheap", 300)), IsOk());
  Open("paul", v1::CHARGING_POSTPAID);
  ASSERT_THAT(Buy("paul", "cheap"), IsOk());
  ASSERT_THAT(Buy("paul", "cheap"), IsOk());
  ASSERT_THAT(Pay("paul", 200), IsOk());
  EXPECT_EQ(Invoices("paul")[0].open(), 100);
  EXPECT_EQ(Invoices("paul")[1].open(), 300);
  ASSERT_THAT(Pay("paul", 250), IsOk());
  EXPECT_EQ(Invoices("paul")[0].open(), 0);
  EXPECT_EQ(Invoices("paul")[1].open(), 150);
  ASSERT_THAT(Pay("paul", 200), IsOk());
  EXPECT_EQ(Owed("paul"), 0);
  EXPECT_EQ(Wallet("paul"), 50);
  EXPECT_THAT(WhatIsWrong(), IsEmpty());
}

// Yen have no decimals, Kuwaiti dinars three: a part of a price is whole minor units of its own.
TEST_F(ScenariosTest, APartOfAPriceIsWholeMinorUnitsOfItsCurrency) {
  v1::TariffPlan plan = Monthly("calendar-world", 3100);
  plan.set_calendar(true);
  for (const auto& [amount, currency] : {std::pair(1000, "JPY"), std::pair(9999, "KWD")}) {
    v1::DatedPrice& price = *plan.add_prices();
    *price.mutable_amount() = ToProto(*holdfast::Money::Make(amount, currency));
    price.set_valid_from("2020-01-01");
  }
  ASSERT_THAT(Put(plan), IsOk());
  for (const char* currency : {"JPY", "KWD"}) {
    v1::CreateAccountRequest account = NewAccount(currency);
    account.set_charging(v1::CHARGING_POSTPAID);
    account.set_currency(currency);
    ASSERT_THAT(service_.CreateAccount(Call(), account), IsOk());
    ASSERT_THAT(Buy(currency, "calendar-world"), IsOk());  // on 31 January: one day of 31
  }
  EXPECT_EQ(Invoices("JPY").front().net(), 32);
  EXPECT_EQ(Invoices("KWD").front().net(), 323);
  EXPECT_THAT(WhatIsWrong(), IsEmpty());
}

}  // namespace
}  // namespace holdfast::billing

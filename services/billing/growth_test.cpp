// What is done for one account costs the same beside a million others: no question of it reads a
// whole table that grows with them. Where an index could answer, PostgreSQL is told to take it, so
// that the few rows of a test are as good as many.
#include "services/billing/billing_coupons_test.h"

namespace holdfast::billing {
namespace {

using test::IsOk;
using testing::IsEmpty;
using When = v1::CancelSubscriptionRequest;

class GrowthTest : public CouponsTest {
 protected:
  // The questions of this test's one connection are counted, and shown.
  void SetUp() override {
    ASSERT_THAT(pool_.Execute(Soon(), "SET enable_seqscan = off"), IsOk());
    ASSERT_THAT(WhatWasReadWhole(), testing::Not(IsEmpty()));  // the fixture did
    ASSERT_THAT(pool_.Execute(Soon(), "SELECT pg_stat_reset()"), IsOk());
  }

  // Tables that grow with accounts and time, each with how often it was read whole.
  std::vector<std::string> WhatWasReadWhole() {
    EXPECT_THAT(pool_.Execute(Soon(), "SELECT pg_stat_force_next_flush()"), IsOk());
    const auto read = pool_.Query(Soon(), R"sql(
      SELECT relname || ' ' || seq_scan, current_setting('enable_seqscan')
        FROM pg_stat_user_tables
       WHERE seq_scan > 0
         AND relname NOT IN ('schema_migration', 'tariff_plan', 'tariff_plan_version',
                             'tariff_plan_package', 'package', 'tax_rate', 'reseller', 'coupon',
                             'ledger_counter', 'invoice_counter', 'entitlement_counter',
                             'package_counter', 'event_counter', 'voucher_batch')
       ORDER BY relname)sql");
    EXPECT_THAT(read, IsOk());
    std::vector<std::string> tables;
    for (int row = 0; read.ok() && row < read->rows(); ++row) {
      EXPECT_EQ(read->Text(row, 1), "off");
      tables.emplace_back(read->Text(row, 0));
    }
    return tables;
  }
};

TEST_F(GrowthTest, ALifeOfAccounts) {
  ASSERT_THAT(Put(Monthly("sport", 2000)), IsOk());
  ASSERT_THAT(Issue(Terms(Percent("three", 20), 3)), IsOk());
  ASSERT_THAT(PutSinglePackage("cinema", 300, std::chrono::hours(48)), IsOk());
  OpenRich("ann");
  Open("bob", v1::CHARGING_POSTPAID);
  Open("eve", v1::CHARGING_PREPAID);
  ASSERT_THAT(Pay("eve", 1500), IsOk());  // for one month
  ASSERT_OK_AND_ASSIGN(const v1::Subscription anns, BuyWith("three", "ann"));
  ASSERT_OK_AND_ASSIGN(const v1::Subscription bobs, Buy("bob", "basic"));
  ASSERT_THAT(Buy("eve", "basic"), IsOk());
  ASSERT_THAT(Rent("ann", "film-1", "cinema", 300), IsOk());
  LiveUntil(Day(2026, 4, 15));
  ASSERT_THAT(ChangeTo(anns.subscription_id(), "sport"), IsOk());
  ASSERT_THAT(Pay("bob", 1000), IsOk());
  ASSERT_THAT(
      Ask<v1::PauseSubscriptionRequest>(&Service::PauseSubscription, anns.subscription_id()),
      IsOk());
  LiveUntil(Day(2026, 5, 20));
  ASSERT_THAT(
      Ask<v1::ResumeSubscriptionRequest>(&Service::ResumeSubscription, anns.subscription_id()),
      IsOk());
  ASSERT_THAT(Cancel(anns.subscription_id(), When::WHEN_IMMEDIATELY, /*credit=*/true), IsOk());
  LiveUntil(Day(2026, 6, 20));
  EXPECT_THAT(EntitlementOf("ann"), IsOk());
  EXPECT_THAT(EntitlementOf("bob"), IsOk());
  EXPECT_GT(Invoices("ann").size() + Invoices("bob").size() + Invoices("eve").size(), 6u);
  EXPECT_THAT(WhatWasReadWhole(), IsEmpty());
}

}  // namespace
}  // namespace holdfast::billing

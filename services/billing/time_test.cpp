// Time through the whole of billing: zones, clock changes, month ends, leap days, clocks that jump.
// Whatever happens, the charged days follow each other without a hole and without an overlap.
#include <gmock/gmock.h>

#include <algorithm>

#include "services/billing/billing_money_test.h"

namespace holdfast::billing {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;
using test::IsOk;
using testing::ElementsAre;
using testing::IsEmpty;

// An operator somewhere on earth.
class ZonesTest : public MoneyTest, public testing::WithParamInterface<const char*> {
 protected:
  ZonesTest() { EXPECT_THAT(Put(Monthly("basic", 1000)), IsOk()); }

  // The moment at which the operator's clocks show that time of that day, less what clocks were put
  // forward on it.
  void GoToLocal(sys_days day, Duration after_midnight) {
    const auto by = StartOf(day, zone_) + after_midnight - clock_.Now();
    clock_.JumpWall(std::chrono::duration_cast<std::chrono::microseconds>(by));
  }
  sys_days LocalDay() { return DayOf(clock_.Now(), zone_); }
  void RunJobsThere() {
    EXPECT_THAT(renewals_.RunFor(LocalDay(), Soon()), IsOk());
    EXPECT_THAT(expiry_.RunFor(LocalDay(), Soon()), IsOk());
  }
  void Start(const std::string& account) {
    v1::StartSubscriptionRequest request;
    request.set_idempotency_key(NewKey());
    request.set_account_id(account);
    request.set_tariff_plan_id("basic");
    EXPECT_THAT(there_.StartSubscription(Call(), request), IsOk());
  }
  void PayThere(const std::string& account, std::int64_t minor_units) {
    v1::RecordPaymentRequest request;
    request.set_idempotency_key(NewKey());
    request.set_account_id(account);
    *request.mutable_amount() = ToProto(*holdfast::Money::Make(minor_units, "EUR"));
    request.set_method("bank");
    EXPECT_THAT(payments_there_.RecordPayment(Call(), request), IsOk());
  }
  // That each charge begins where the one before ended.
  void ExpectNoHoleAndNoOverlap(const std::vector<std::string>& charged) {
    for (std::size_t i = 1; i < charged.size(); ++i) {
      EXPECT_EQ(charged[i].substr(0, 10), charged[i - 1].substr(12)) << charged[i];
    }
  }

  const TimeZone zone_ = *TimeZone::Load(GetParam());
  Entitlements entitlements_there_{{store_, metrics_, workers_, clock_, registry_, zone_}, ""};
  Service there_{store_, entitlements_there_, metrics_, clock_};
  PaymentsService payments_there_{store_, entitlements_there_, clock_};
};

TEST_P(ZonesTest, AYearOfMonthsIsChargedWithoutHoleOrOverlapFromMinutesBeforeMidnight) {
  Open("ann", v1::CHARGING_POSTPAID);
  GoToLocal(Day(2027, 12, 31), 23h + 30min);
  const sys_days first = LocalDay();
  Start("ann");
  for (sys_days day = first; day < Day(2029, 1, 2); day += days(1)) {
    const auto of_month = static_cast<unsigned>(std::chrono::year_month_day(day).day());
    if (of_month > 2 && of_month < 27) continue;  // nothing is due
    GoToLocal(day, 5min);
    RunJobsThere();
    GoToLocal(day, 22h + 50min);  // also late, on a day of 23 hours
    RunJobsThere();
    // It may be in debt and is charged no more then: money brings it back on the same day.
    if (Owed("ann") > 0) PayThere("ann", Owed("ann"));
  }
  const std::vector<std::string> charged = ChargedDays("ann");
  ExpectNoHoleAndNoOverlap(charged);
  ASSERT_EQ(charged.size(), 13u);
  EXPECT_EQ(charged[0], "2027-12-31..2028-01-31");
  EXPECT_EQ(charged[1], "2028-01-31..2028-02-29");  // a leap year
  EXPECT_EQ(charged[2], "2028-02-29..2028-03-31");
  EXPECT_EQ(charged[3], "2028-03-31..2028-04-30");
  EXPECT_THAT(WhatIsWrong(), IsEmpty());
}

TEST_P(ZonesTest, TheDayThatIsSoldIsTheOperatorsDay) {
  Open("ann", v1::CHARGING_POSTPAID);
  GoToLocal(Day(2026, 6, 30), 1min);
  Start("ann");
  PayThere("ann", Owed("ann"));
  EXPECT_THAT(ChargedDays("ann"), ElementsAre("2026-06-30..2026-07-30"));
  GoToLocal(Day(2026, 7, 29), 23h + 59min);
  RunJobsThere();
  EXPECT_THAT(ChargedDays("ann"), testing::SizeIs(1));
  GoToLocal(Day(2026, 7, 30), 0s);
  RunJobsThere();
  EXPECT_THAT(ChargedDays("ann"), testing::SizeIs(2));
}

TEST_P(ZonesTest, AClockThatIsPutBackAnHourOrAYearChargesNothingAgain) {
  Open("ann", v1::CHARGING_POSTPAID);
  GoToLocal(Day(2026, 10, 24), 30min);
  Start("ann");
  PayThere("ann", Owed("ann"));
  GoToLocal(Day(2026, 11, 24), 30min);
  RunJobsThere();
  const std::vector<std::string> charged = ChargedDays("ann");
  for (const sys_days day : {Day(2026, 11, 23), Day(2026, 10, 25), Day(2025, 11, 24)}) {
    GoToLocal(day, 30min);
    RunJobsThere();
  }
  GoToLocal(Day(2026, 11, 24), 45min);
  RunJobsThere();
  EXPECT_EQ(ChargedDays("ann"), charged);
}

// West and east of Greenwich, with hours of summer in either half of the year, of half an hour, at
// midnight, and the two ends of the calendar.
INSTANTIATE_TEST_SUITE_P(Operators, ZonesTest,
                         testing::Values("UTC", "Europe/Berlin", "Asia/Bangkok", "America/Bogota",
                                         "America/Santiago", "Australia/Lord_Howe",
                                         "Pacific/Kiritimati", "Pacific/Pago_Pago"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::erase_if(name, [](char c) { return c == '/' || c == '_'; });
                           return name;
                         });

class LeapTest : public MoneyTest {};

TEST_F(LeapTest, AYearFrom29FebruaryEndsOn28FebruaryAndComesBackToThe29th) {
  v1::TariffPlan yearly = Monthly("yearly", 12'000);
  yearly.set_period_unit(v1::TariffPlan::PERIOD_UNIT_YEARS);
  ASSERT_THAT(Put(yearly), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(Pay("ann", 100'000), IsOk());
  GoTo(Day(2028, 2, 29));
  ASSERT_THAT(Buy("ann", "yearly"), IsOk());
  for (int year = 2029; year <= 2032; ++year) {
    GoTo(Day(year, 3, 1));
    RunJobs();
  }
  EXPECT_THAT(ChargedDays("ann"), ElementsAre("2028-02-29..2029-02-28", "2029-02-28..2030-02-28",
                                              "2030-02-28..2031-02-28", "2031-02-28..2032-02-29",
                                              "2032-02-29..2033-02-28"));
  EXPECT_THAT(WhatIsWrong(), IsEmpty());
}

}  // namespace
}  // namespace holdfast::billing

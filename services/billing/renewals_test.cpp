// What the jobs must not do: charge nothing for ever, stand still because of one account, take
// service from who has paid, or depend on when they run.
#include "services/billing/billing_money_test.h"
#include "services/billing/jobs_books.h"

namespace holdfast::billing {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;
using test::HasCode;
using test::HasMessage;
using test::IsOk;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using S = v1::Subscription;

class RenewalsTest : public MoneyTest {
 protected:
  RenewalsTest() { EXPECT_THAT(Put(Monthly("basic", 1000)), IsOk()); }
  void TearDown() override { EXPECT_THAT(WhatIsWrong(), IsEmpty()); }

  S::State StateOf(const std::string& account, const std::string& id) {
    return Find(account, id).state();
  }
  std::vector<v1::Account> Parked() {
    const auto answer = service_.ListParkedAccounts(Call(), {});
    EXPECT_THAT(answer, IsOk());
    return {answer->accounts().begin(), answer->accounts().end()};
  }
  absl::StatusOr<v1::Account> Unpark(const std::string& account) {
    v1::UnparkAccountRequest request;
    request.set_idempotency_key(NewKey());
    request.set_account_id(account);
    return service_.UnparkAccount(Call(), request);
  }
};

// -- One account must not stop all others ---------------------------------------------------------

TEST_F(RenewalsTest, AChangeOfAnAddOnWhoseBaseIsInGraceWaitsAndHoldsNobodyUp) {
  for (const char* id : {"sport", "sport-2"}) {
    v1::TariffPlan sport = Monthly(id, 500);
    sport.set_add_on(true);
    ASSERT_THAT(Put(sport), IsOk());
  }
  Open("ann", v1::CHARGING_POSTPAID);
  const std::string base = Buy("ann", "basic")->subscription_id();
  const std::string add_on = Buy("ann", "sport", base)->subscription_id();
  ASSERT_THAT(ChangeTo(add_on, "sport-2", false, "2026-02-18"), IsOk());
  LiveUntil(Day(2026, 2, 17));
  ASSERT_EQ(StateOf("ann", base), S::STATE_GRACE);  // the invoice is overdue
  GoTo(Day(2026, 2, 18));
  ASSERT_OK_AND_ASSIGN(const Progress progress, renewals_.RunFor(Today(), Soon()));
  EXPECT_EQ(progress, Progress::kDone);
  EXPECT_EQ(Find("ann", add_on).tariff_plan_id(), "sport");
  EXPECT_THAT(Parked(), IsEmpty());
  ASSERT_THAT(Pay("ann", Owed("ann")), IsOk());
  EXPECT_EQ(Find("ann", add_on).tariff_plan_id(), "sport-2");
}

TEST_F(RenewalsTest, AnAccountThatCannotBeChargedIsParkedAndAllOthersAreCharged) {
  std::vector<std::string> ids;
  for (const char* account : {"ann", "bob", "cid"}) {
    Open(account, v1::CHARGING_PREPAID);
    ASSERT_THAT(Pay(account, 10'000), IsOk());
    ids.push_back(Buy(account, "basic")->subscription_id());
  }
  const auto days_of_bob = "'" + ids[1] + "', '2026-02-28', '2026-03-05'";
  ASSERT_THAT(Sql("INSERT INTO subscription_term (subscription_id, from_day, to_day) VALUES (" +
                  days_of_bob + ")"),
              IsOk());
  LiveUntil(Day(2026, 3, 20));  // longer than the grace of the plan
  EXPECT_THAT(Invoices("ann"), SizeIs(2));
  EXPECT_THAT(Invoices("cid"), SizeIs(2));
  EXPECT_THAT(Invoices("bob"), SizeIs(1));
  EXPECT_EQ(StateOf("bob", ids[1]), S::STATE_ACTIVE);  // it is not bob's fault
  ASSERT_THAT(Parked(), SizeIs(1));
  EXPECT_EQ(Parked()[0].account_id(), "bob");
  EXPECT_THAT(Parked()[0].parked_why(), HasSubstr("already_charged"));
  EXPECT_THAT(registry_.Scrape(), HasSubstr("holdfast_billing_parked_accounts 1"));
  // Its money is taken in, and nothing is charged.
  ASSERT_THAT(Pay("bob", 1), IsOk());
  EXPECT_THAT(Invoices("bob"), SizeIs(1));

  ASSERT_THAT(Sql("DELETE FROM subscription_term WHERE to_day = '2026-03-05'"), IsOk());
  ASSERT_THAT(Unpark("bob"), IsOk());
  EXPECT_THAT(Unpark("bob"), HasMessage("not_parked"));
  RunJobs();
  EXPECT_THAT(ChargedDays("bob"), ElementsAre("2026-01-31..2026-02-28", "2026-02-28..2026-03-31"));
  EXPECT_THAT(Parked(), IsEmpty());
  RunJobs();
  EXPECT_THAT(registry_.Scrape(), HasSubstr("holdfast_billing_parked_accounts 0"));
}

TEST_F(RenewalsTest, ManyTermsAtOnceParkTheAccountAndTakeNothingAway) {
  v1::TariffPlan pass = Monthly("day", 1);
  pass.set_period_unit(v1::TariffPlan::PERIOD_UNIT_DAYS);
  pass.set_grace_days(0);
  ASSERT_THAT(Put(pass), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(Pay("ann", 10'000), IsOk());
  const std::string id = Buy("ann", "day")->subscription_id();
  GoTo(Day(2026, 1, 31) + days(100));
  RunJobs();
  EXPECT_EQ(StateOf("ann", id), S::STATE_ACTIVE);
  EXPECT_THAT(Invoices("ann"), SizeIs(1 + 60));
  ASSERT_THAT(Parked(), SizeIs(1));
  EXPECT_THAT(Parked()[0].parked_why(), HasSubstr("too_many_terms"));
  ASSERT_THAT(Unpark("ann"), IsOk());
  RunJobs();
  EXPECT_EQ(PaidUntil(Find("ann", id)), ShowDay(Today() + days(1)));
  EXPECT_THAT(Parked(), IsEmpty());
}

TEST_F(RenewalsTest, ARunThatIsOutOfTimeSaysSoAndIsNoFailure) {
  ASSERT_OK_AND_ASSIGN(const Progress none, renewals_.RunFor(Today(), Deadline::After(100ms)));
  EXPECT_EQ(none, Progress::kMoreToDo);
  ASSERT_OK_AND_ASSIGN(const Progress all, renewals_.RunFor(Today(), Soon()));
  EXPECT_EQ(all, Progress::kDone);
}

// -- Money from wherever it comes -----------------------------------------------------------------

TEST_F(RenewalsTest, MoneyThatAnOperatorGivesPaysTheDebt) {
  Open("ann", v1::CHARGING_POSTPAID);
  const std::string id = Buy("ann", "basic")->subscription_id();
  LiveUntil(Day(2026, 2, 25));
  ASSERT_EQ(StateOf("ann", id), S::STATE_SUSPENDED);
  ASSERT_THAT(Adjust("ann", 1000), IsOk());
  EXPECT_EQ(StateOf("ann", id), S::STATE_ACTIVE);
  EXPECT_EQ(Owed("ann"), 0);
}

TEST_F(RenewalsTest, MoneyThatIsFreeAgainBringsServiceBack) {
  Open("ann", v1::CHARGING_PREPAID);
  const std::string id = Buy("ann", "basic", "", true)->subscription_id();
  ASSERT_EQ(StateOf("ann", id), S::STATE_PENDING_ACTIVATION);
  ASSERT_OK_AND_ASSIGN(const v1::Transfer gift, Adjust("ann", 999));
  ASSERT_OK_AND_ASSIGN(const v1::Transfer held, Hold("ann", 600));
  ASSERT_THAT(Adjust("ann", 1), IsOk());
  ASSERT_EQ(StateOf("ann", id), S::STATE_PENDING_ACTIVATION);  // only 400 are free
  ASSERT_THAT(Release(held.transfer_id()), IsOk());
  EXPECT_EQ(StateOf("ann", id), S::STATE_ACTIVE);
  // What a reversal gives back counts as well.
  LiveUntil(Day(2026, 2, 27));
  ASSERT_THAT(Pay("ann", 1000), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::Transfer fine, Adjust("ann", -1000));
  LiveUntil(Day(2026, 3, 9));
  ASSERT_EQ(StateOf("ann", id), S::STATE_SUSPENDED);
  v1::ReverseEntryRequest reverse;
  reverse.set_idempotency_key(NewKey());
  reverse.set_entry_id(fine.entry_id());
  reverse.set_reason("it was a mistake");
  ASSERT_THAT(books_.ReverseEntry(Call(), reverse), IsOk());
  EXPECT_EQ(StateOf("ann", id), S::STATE_ACTIVE);
}

TEST_F(RenewalsTest, AHoldThatExpiresBringsServiceBack) {
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(Pay("ann", 1000), IsOk());
  ASSERT_THAT(Hold("ann", 1000, 3600), IsOk());
  const std::string id = Buy("ann", "basic", "", true)->subscription_id();
  ASSERT_EQ(StateOf("ann", id), S::STATE_PENDING_ACTIVATION);
  HoldExpiryJob expiry(store_, clock_);
  ASSERT_THAT(expiry.Run(Soon()), IsOk());
  EXPECT_EQ(StateOf("ann", id), S::STATE_PENDING_ACTIVATION);
  clock_.Advance(2h);
  ASSERT_THAT(expiry.Run(Soon()), IsOk());
  EXPECT_EQ(StateOf("ann", id), S::STATE_ACTIVE);
}

TEST_F(RenewalsTest, AWalletThatCoversADebtPaysItBeforeTheDebtHasConsequences) {
  Open("ann", v1::CHARGING_POSTPAID);
  const std::string id = Buy("ann", "basic")->subscription_id();
  // As a release wrote it that did not settle with such money.
  Entry gift{EntryId("adjustment-old"), "a gift", {}};
  gift.Move({LedgerKind::kPromotion, "goodwill", "EUR"}, WalletOf(AccountId("ann"), "EUR"), 1000);
  ASSERT_THAT(store_.Transact(Soon(), [&](Transaction& tx) { return tx.Post(gift); }), IsOk());
  ASSERT_EQ(Owed("ann"), 1000);
  LiveUntil(Day(2026, 2, 25));
  EXPECT_EQ(StateOf("ann", id), S::STATE_ACTIVE);
  EXPECT_EQ(Owed("ann"), 0);
}

TEST_F(RenewalsTest, MoneyForAResellerBringsItsAccountsBack) {
  v1::PutResellerRequest put;
  put.set_idempotency_key(NewKey());
  put.mutable_reseller()->set_reseller_id("hotel");
  put.mutable_reseller()->set_name("hotel");
  put.mutable_reseller()->set_currency("EUR");
  ASSERT_THAT(payments_.PutReseller(Call(), put), IsOk());
  const auto fund = [&](std::int64_t amount) {
    v1::FundResellerRequest request;
    request.set_idempotency_key(NewKey());
    request.set_reseller_id("hotel");
    *request.mutable_amount() = ToProto(*holdfast::Money::Make(amount, "EUR"));
    ASSERT_THAT(payments_.FundReseller(Call(), request), IsOk());
  };
  fund(2000);
  std::vector<std::string> ids;
  for (const char* room : {"room-1", "room-2"}) {
    v1::CreateAccountRequest account = NewAccount(room);
    account.set_charging(v1::CHARGING_PREPAID);
    account.set_currency("EUR");
    account.set_reseller_id("hotel");
    account.set_reseller_pays(true);
    ASSERT_THAT(service_.CreateAccount(Call(), account), IsOk());
    ids.push_back(Buy(room, "basic")->subscription_id());
  }
  LiveUntil(Day(2026, 3, 10));
  ASSERT_EQ(StateOf("room-1", ids[0]), S::STATE_SUSPENDED);
  fund(1500);
  RunJobs();
  EXPECT_EQ(StateOf("room-1", ids[0]), S::STATE_ACTIVE);
  EXPECT_EQ(StateOf("room-2", ids[1]), S::STATE_SUSPENDED);  // the money was for one of them
  EXPECT_EQ(Balance("reseller/hotel/EUR"), 500);
  put.set_idempotency_key(NewKey());
  put.mutable_reseller()->set_credit(500);  // as good as money
  ASSERT_THAT(payments_.PutReseller(Call(), put), IsOk());
  RunJobs();
  EXPECT_EQ(StateOf("room-2", ids[1]), S::STATE_ACTIVE);
}

TEST_F(RenewalsTest, NoPaymentIsOfTheWayThatFundsResellers) {
  Open("ann", v1::CHARGING_PREPAID);
  v1::RecordPaymentRequest request;
  request.set_idempotency_key(NewKey());
  request.set_account_id("ann");
  *request.mutable_amount() = ToProto(*holdfast::Money::Make(100, "EUR"));
  request.set_method("resellers");
  EXPECT_THAT(payments_.RecordPayment(Call(), request),
              HasCode(absl::StatusCode::kInvalidArgument));
}

// -- When they run --------------------------------------------------------------------------------

// Money on the 20th of March, jobs daily or not at all: the same days are charged.
class LateTest : public RenewalsTest, public testing::WithParamInterface<bool> {
 protected:
  void GoOn(sys_days day) {
    if (GetParam()) {
      LiveUntil(day);
    } else {
      GoTo(day);
    }
  }
};

TEST_P(LateTest, NewMoneyDoesNotPayForDaysWithoutService) {
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(Pay("ann", 1000), IsOk());
  const std::string id = Buy("ann", "basic")->subscription_id();
  GoOn(Day(2026, 3, 20));
  ASSERT_THAT(Pay("ann", 1000), IsOk());
  EXPECT_THAT(ChargedDays("ann"), ElementsAre("2026-01-31..2026-02-28", "2026-03-20..2026-04-20"));
  EXPECT_EQ(StateOf("ann", id), S::STATE_ACTIVE);
}

TEST_P(LateTest, MoneyThatWasThereAllTheTimePaysForAllDays) {
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(Pay("ann", 2500), IsOk());
  ASSERT_THAT(Buy("ann", "basic"), IsOk());
  GoOn(Day(2026, 4, 3));
  ASSERT_THAT(Pay("ann", 600), IsOk());  // within the grace of April's month
  EXPECT_THAT(ChargedDays("ann"), ElementsAre("2026-01-31..2026-02-28", "2026-02-28..2026-03-31",
                                              "2026-03-31..2026-04-30"));
}

TEST_P(LateTest, WhatIsCancelledOnADayIsCreditedFromThatDayWithItsAddOns) {
  v1::TariffPlan sport = Monthly("sport", 1400);
  sport.set_add_on(true);
  ASSERT_THAT(Put(sport), IsOk());
  ASSERT_THAT(Put(Monthly("base", 2800)), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(Pay("ann", 10'000), IsOk());
  const std::string base = Buy("ann", "base")->subscription_id();
  const std::string add_on = Buy("ann", "sport", base)->subscription_id();
  ASSERT_THAT(Cancel(base, v1::CancelSubscriptionRequest::WHEN_ON_DAY, false, "2026-02-14"),
              IsOk());
  GoOn(Day(2026, 2, 20));
  RunJobs();
  EXPECT_EQ(StateOf("ann", base), S::STATE_CANCELLED);
  EXPECT_EQ(StateOf("ann", add_on), S::STATE_CANCELLED);
  EXPECT_EQ(Wallet("ann"), 10'000 - 1400 - 700);
}

INSTANTIATE_TEST_SUITE_P(Jobs, LateTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "RunDaily" : "AreLate"; });

TEST_F(RenewalsTest, AnInstanceWithAWrongClockCarriesOutNoCommand) {
  Open("ann", v1::CHARGING_PREPAID);
  PgStore guarded(pool_, Events::kNone, &clock_);  // the clock shows 2026-01-31
  PaymentsService payments(guarded, entitlements_, clock_);
  v1::RecordPaymentRequest request;
  request.set_idempotency_key(NewKey());
  request.set_account_id("ann");
  *request.mutable_amount() = ToProto(*holdfast::Money::Make(100, "EUR"));
  request.set_method("cash");
  const auto refused = payments.RecordPayment(Call(), request);
  EXPECT_THAT(refused, HasCode(absl::StatusCode::kUnavailable));  // another instance may be right
  EXPECT_THAT(refused, HasMessage("wrong_clock"));
  EXPECT_THAT(guarded.Transact(Soon(), [](Transaction&) { return absl::OkStatus(); }),
              HasMessage("wrong_clock"));
  EXPECT_EQ(Wallet("ann"), 0);
  const auto off = std::chrono::system_clock::now() - clock_.Now();
  clock_.JumpWall(std::chrono::duration_cast<std::chrono::microseconds>(off));
  EXPECT_THAT(payments.RecordPayment(Call(), request), IsOk());
  EXPECT_EQ(Wallet("ann"), 100);
}

// -- Suspension is an event -----------------------------------------------------------------------

TEST_F(RenewalsTest, WhatTookServiceAwayCanBeShownEvenIfNobodyListens) {
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(Pay("ann", 1000), IsOk());
  const std::string id = Buy("ann", "basic")->subscription_id();
  v1::SuspendSubscriptionRequest suspend;
  suspend.set_idempotency_key("by-hand");
  suspend.set_subscription_id(id);
  ASSERT_OK_AND_ASSIGN(const S by_hand, service_.SuspendSubscription(Call(), suspend));
  EXPECT_EQ(by_hand.suspended_by(), "command-by-hand");
  ASSERT_OK_AND_ASSIGN(const S resumed,
                       Ask<v1::ResumeSubscriptionRequest>(&Service::ResumeSubscription, id));
  EXPECT_EQ(resumed.suspended_by(), "");
  LiveUntil(Day(2026, 3, 20));
  const S for_debt = Find("ann", id);
  ASSERT_EQ(for_debt.state(), S::STATE_SUSPENDED);
  for (const std::string& event : {by_hand.suspended_by(), for_debt.suspended_by()}) {
    const auto rows = pool_.Query(Soon(),
                                  "SELECT kind, account_id, given_up_at IS NOT NULL FROM event"
                                  " WHERE event_id = $1",
                                  event);
    ASSERT_THAT(rows, IsOk());
    ASSERT_EQ(rows->rows(), 1) << event;
    EXPECT_EQ(rows->Text(0, 0), "subscription.suspended");
    EXPECT_EQ(rows->Text(0, 1), "ann");
    EXPECT_TRUE(rows->Bool(0, 2));  // nobody is told
  }
  // The one that counts is kept as long as it does.
  ASSERT_THAT(Sql("UPDATE event SET created_at = created_at - interval '100 days'"), IsOk());
  ASSERT_THAT(ForgetJob(store_).Run(Soon()), IsOk());
  const auto left = pool_.Query(Soon(), "SELECT event_id FROM event");
  ASSERT_EQ(left->rows(), 1);
  EXPECT_EQ(left->Text(0, 0), for_debt.suspended_by());
}

}  // namespace
}  // namespace holdfast::billing

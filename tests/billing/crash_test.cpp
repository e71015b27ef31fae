// The promise that an operator buys: whatever dies, the books are right and every answer was true.
//
// Several callers send random commands (with repetitions, twins at the same time, keys used twice)
// to two instances of holdfast-billing. An instance is killed with -9 about every second, the
// database (also -9) every ten. Meanwhile days pass and the jobs charge what is due. Afterwards
// what is in the database is compared with what the callers were told.
//
//   HOLDFAST_CRASH_OPERATIONS   how many commands (1500)
//   HOLDFAST_CRASH_SECONDS      the storm ends after so long, however many it was (90; 0: never): a
//                               machine that is starved must not make the test hit its limit. What
//                               was done is printed; too few fail the test.
//   HOLDFAST_CRASH_SEED         repeats the choice of commands of a run; its order depends on time
//
// tests/billing/run is the long version.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "absl/synchronization/notification.h"
#include "libs/telemetry/log.h"
#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/test_postgres.h"
#include "tests/billing/event_receiver.h"
#include "tests/billing/feed_follower.h"
#include "tests/billing/inspection.h"
#include "tests/billing/random_commands.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;
namespace v1 = billing::v1;

constexpr int kCallers = 8;
constexpr int kElsewhere = 10;
constexpr int kRooms = 6;                        // accounts whose bills a reseller pays
constexpr std::int64_t kFewestOperations = 150;  // that say anything about a storm

std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

class CrashTest : public testing::Test {
 protected:
  void SetUp() override {
    telemetry::InitLogging({.service = "test", .minimum = telemetry::Level::kError});
    ASSERT_TRUE(billing_.WaitUntilReady());
    fmt::print("seed {}, {} operations\n", seed_, operations_);
    std::fflush(stdout);
    ASSERT_NO_FATAL_FAILURE(Sell());
    ASSERT_NO_FATAL_FAILURE(OpenAccounts());
  }

  template <class Request>
  std::string Must(std::string_view method, Request request) {
    request.set_idempotency_key("setup-" + std::to_string(++setup_keys_));
    const auto answer = caller_.AskUntilAnswered(method, request, Deadline::After(30s));
    EXPECT_THAT(answer, IsOk()) << method;
    return answer.value_or("");
  }

  void PutPlan(const std::string& id, std::int64_t price, v1::TariffPlan::PeriodUnit unit, int n,
               const v1::TariffPlan& more = {}) {
    v1::PutTariffPlanRequest request;
    v1::TariffPlan& plan = *request.mutable_tariff_plan();
    plan = more;
    plan.set_tariff_plan_id(id);
    plan.set_name(id);
    plan.add_package_ids(more.add_on() ? "sport" : id == "big" ? "everything" : "base");
    plan.mutable_price()->set_minor_units(price);
    plan.mutable_price()->set_currency("EUR");
    plan.set_period_unit(unit);
    plan.set_period_days(n);
    plan.set_max_streams(static_cast<int>(price % 4));
    plan.set_grace_days(2 + static_cast<int>(price % 5));
    Must("holdfast.billing.v1.Billing/PutTariffPlan", request);
  }

  void Sell() {
    for (const char* id : {"base", "everything", "sport"}) {
      v1::PutPackageRequest request;
      request.mutable_package()->set_package_id(id);
      request.mutable_package()->set_name(id);
      Must("holdfast.billing.v1.Billing/PutPackage", request);
    }
    v1::PutPackageRequest cinema;
    cinema.mutable_package()->set_package_id("cinema");
    cinema.mutable_package()->set_name("cinema");
    cinema.mutable_package()->set_service_type(v1::Package::SERVICE_TYPE_SINGLE);
    cinema.mutable_package()->set_rental_seconds(60);
    cinema.mutable_package()->add_rental_prices()->set_minor_units(World::kRentalPrice);
    cinema.mutable_package()->mutable_rental_prices(0)->set_currency("EUR");
    Must("holdfast.billing.v1.Billing/PutPackage", cinema);
    v1::PutTaxRateRequest tax;
    tax.mutable_tax_rate()->set_region("de");
    tax.mutable_tax_rate()->set_name("VAT");
    tax.mutable_tax_rate()->set_parts_per_million(190'000);
    Must("holdfast.billing.v1.Billing/PutTaxRate", tax);
    tax.mutable_tax_rate()->set_region("at");
    tax.mutable_tax_rate()->set_parts_per_million(200'000);
    tax.mutable_tax_rate()->set_inclusive(true);
    Must("holdfast.billing.v1.Billing/PutTaxRate", tax);
    v1::PutResellerRequest reseller;
    reseller.mutable_reseller()->set_reseller_id("city");
    reseller.mutable_reseller()->set_name("City");
    reseller.mutable_reseller()->set_currency("EUR");
    Must("holdfast.billing.v1.Payments/PutReseller", reseller);
    v1::FundResellerRequest fund;
    fund.set_reseller_id("city");
    fund.mutable_amount()->set_minor_units(200'000);  // may run out
    fund.mutable_amount()->set_currency("EUR");
    Must("holdfast.billing.v1.Payments/FundReseller", fund);
    reseller.mutable_reseller()->set_reseller_id("hotel");
    reseller.mutable_reseller()->set_name("Hotel");
    reseller.mutable_reseller()->set_credit(1'000);
    Must("holdfast.billing.v1.Payments/PutReseller", reseller);
    fund.set_reseller_id("hotel");
    fund.mutable_amount()->set_minor_units(World::kHotelsFunds);  // the same
    Must("holdfast.billing.v1.Payments/FundReseller", fund);
    PutPlan("daily", 49, v1::TariffPlan::PERIOD_UNIT_DAYS, 1);
    PutPlan("weekly", 250, v1::TariffPlan::PERIOD_UNIT_DAYS, 7);
    PutPlan("monthly", 999, v1::TariffPlan::PERIOD_UNIT_MONTHS, 1);
    PutPlan("big", 1777, v1::TariffPlan::PERIOD_UNIT_MONTHS, 1);
    v1::TariffPlan trial;
    trial.set_trial_days(3);
    PutPlan("try", 300, v1::TariffPlan::PERIOD_UNIT_DAYS, 7, trial);
    v1::TariffPlan add_on;
    add_on.set_add_on(true);
    add_on.add_allowed_bases("weekly");
    add_on.add_allowed_bases("try");
    PutPlan("kick", 77, v1::TariffPlan::PERIOD_UNIT_DAYS, 7, add_on);
    add_on.clear_allowed_bases();
    add_on.add_allowed_bases("monthly");
    add_on.add_allowed_bases("big");
    PutPlan("extra", 333, v1::TariffPlan::PERIOD_UNIT_MONTHS, 1, add_on);
    v1::TariffPlan calendar;
    calendar.set_calendar(true);
    calendar.add_setup_fees()->set_minor_units(100);
    calendar.mutable_setup_fees(0)->set_currency("EUR");
    PutPlan("calm", 700, v1::TariffPlan::PERIOD_UNIT_MONTHS, 1, calendar);
    v1::CreateVoucherBatchRequest vouchers;
    vouchers.set_batch_id("spring");
    vouchers.set_count(static_cast<int>(std::min<std::uint64_t>(20 + operations_ / 50, 2000)));
    vouchers.mutable_value()->set_minor_units(World::kVoucherValue);
    vouchers.mutable_value()->set_currency("EUR");
    vouchers.set_expires_on("2199-01-01");
    v1::VoucherBatch made;
    ASSERT_TRUE(
        made.ParseFromString(Must("holdfast.billing.v1.Payments/CreateVoucherBatch", vouchers)));
    world_.vouchers.assign(made.codes().begin(), made.codes().end());
    IssueCoupon("TENTH", 100'000, 0);
    IssueCoupon("FEW", 333'333, 10);
  }

  void IssueCoupon(const std::string& id, int parts_per_million, int max_redemptions) {
    v1::IssueCouponRequest request;
    v1::Coupon& coupon = *request.mutable_coupon();
    coupon.set_coupon_id(id);
    coupon.set_parts_per_million(parts_per_million);
    coupon.set_duration(v1::Coupon::DURATION_TERMS);
    coupon.set_terms(3);
    coupon.set_max_redemptions(max_redemptions);
    coupon.set_max_per_account(0);
    Must("holdfast.billing.v1.Payments/IssueCoupon", request);
    world_.coupons.push_back(id);
  }

  void OpenAccounts() {
    const auto accounts = static_cast<int>(std::max<std::uint64_t>(40, operations_ / 200));
    for (int i = 0; i < accounts; ++i) {
      v1::CreateAccountRequest request;
      request.set_account_id((i % 2 != 0 ? "post-" : "pre-") + std::to_string(i));
      request.set_charging(i % 2 != 0 ? v1::CHARGING_POSTPAID : v1::CHARGING_PREPAID);
      request.set_currency("EUR");
      if (i % 4 < 2) request.set_region("de");
      if (i % 4 == 2) request.set_region("at");
      if (i % 5 == 0) {
        request.set_reseller_id("city");
        world_.resold.push_back(request.account_id());
      }
      Must("holdfast.billing.v1.Billing/CreateAccount", request);
      world_.accounts.push_back(request.account_id());
    }
    for (int i = 0; i < kRooms; ++i) OpenRoom("room-" + std::to_string(i));
    for (int i = 0; i < kElsewhere; ++i) {
      v1::CreateAccountRequest account;
      account.set_account_id("other-" + std::to_string(i));
      Must("holdfast.billing.v1.Billing/CreateAccount", account);
      v1::StartSubscriptionRequest start;
      start.set_account_id(account.account_id());
      start.set_tariff_plan_id("weekly");
      v1::Subscription started;
      ASSERT_TRUE(
          started.ParseFromString(Must("holdfast.billing.v1.Billing/StartSubscription", start)));
      world_.elsewhere.push_back(started.subscription_id());
    }
  }

  // With a subscription and an add-on, which the reseller pays for.
  void OpenRoom(const std::string& id) {
    v1::CreateAccountRequest account;
    account.set_account_id(id);
    account.set_charging(v1::CHARGING_PREPAID);
    account.set_currency("EUR");
    account.set_reseller_id("hotel");
    account.set_reseller_pays(true);
    Must("holdfast.billing.v1.Billing/CreateAccount", account);
    world_.accounts.push_back(id);
    v1::StartSubscriptionRequest start;
    start.set_account_id(id);
    for (const char* plan : {"weekly", "kick"}) {
      start.set_tariff_plan_id(plan);
      v1::Subscription started;
      ASSERT_TRUE(
          started.ParseFromString(Must("holdfast.billing.v1.Billing/StartSubscription", start)));
      world_.given.emplace_back(id, started.subscription_id());
      start.set_base_subscription_id(started.subscription_id());
    }
  }

  // -- The storm --

  void KillInstances() {
    SeededRandom chance(seed_ + 1);
    for (int n = 1; !calm_.WaitForNotificationWithTimeout(
             absl::Milliseconds(700 + static_cast<int>(chance.Below(600))));
         ++n) {
      // On a starved machine an instance may need longer than that to be back; without any, nothing
      // would be tried.
      (void)billing_.WaitUntilReady(5s);
      const int instance = static_cast<int>(chance.Below(2));
      for (int i = 0; i < BillingPair::kInstances; ++i) {
        if (!billing_.running(i)) died_alone_ += fmt::format("instance {} died; ", i);
      }
      billing_.Kill(instance);
      if (chance.Below(8) == 0) {  // both
        billing_.Kill(1 - instance);
        billing_.Start(1 - instance);
        ++kills_;
      }
      billing_.Start(instance);
      ++kills_;
      if (n % 10 != 0) continue;
      postgres_->Kill();
      postgres_->Restart();
      ++restarts_;
    }
  }

  void LetDaysPass() {
    SeededRandom chance(seed_ + 2);
    while (!calm_.WaitForNotificationWithTimeout(absl::Milliseconds(30))) {
      const std::string& account = world_.accounts[chance.Below(world_.accounts.size())];
      const int days = static_cast<int>(1 + chance.Below(9));
      if (Age(pool_, account, days, Deadline::After(1s)).ok()) days_passed_ += days;
    }
  }

  void Storm(RandomCommands& commands) {
    const auto began = std::chrono::steady_clock::now();
    const Deadline end = Deadline::After(std::chrono::hours(2));
    const Deadline time_is_over = Deadline::After(budget_);
    std::thread killer([&] { KillInstances(); });
    std::thread calendar([&] { LetDaysPass(); });
    std::atomic<std::int64_t> left = static_cast<std::int64_t>(operations_);
    std::vector<std::thread> callers;
    for (int i = 0; i < kCallers; ++i) {
      callers.emplace_back([&] {
        while (left-- > 0 && !(budget_ > 0s && time_is_over.Passed())) {
          commands.DoOne(end);
          ++done_;
        }
      });
    }
    for (std::thread& caller : callers) caller.join();
    calm_.Notify();
    killer.join();
    calendar.join();
    seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  }

  // The storm has left a heap: as long as some of it is told, wait on.
  void WaitUntilAllIsTold() {
    const auto began = std::chrono::steady_clock::now();
    bool all = false;
    std::size_t told = 0;
    do {
      told = receiver_.taken().size();
      all = Eventually([&] { return WrongEvents(pool_, receiver_.taken()).empty(); }, 60s);
    } while (!all && receiver_.taken().size() > told);
    EXPECT_TRUE(all) << testing::PrintToString(WrongEvents(pool_, receiver_.taken()));
    told_after_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  }

  // Nothing is killed any more: what is due is charged, what changed is told.
  void WaitForCalm() {
    ASSERT_TRUE(billing_.WaitUntilReady());
    EXPECT_TRUE(Eventually([&] { return Uncharged(pool_).empty(); }, 60s))
        << testing::PrintToString(Uncharged(pool_));
    WaitUntilAllIsTold();
    // The jobs have nothing more to change, and both instances have told everything.
    EXPECT_TRUE(Eventually([&] { return FollowerIsUpToDate(); }, 30s));
  }

  bool FollowerIsUpToDate() {
    const auto rows = pool_.Query(Deadline::After(5s), R"sql(
      SELECT account_id, entitlement_revision FROM account WHERE entitlement_revision > 0)sql");
    if (!rows.ok()) return false;
    for (int row = 0; row < rows->rows(); ++row) {
      const std::uint64_t told = follower_.RevisionOf(std::string(rows->Text(row, 0)));
      const auto real = static_cast<std::uint64_t>(rows->Int(row, 1));
      if (told != 0 && told != real) return false;  // 0: it was told to ask, see below
    }
    return true;
  }

  std::vector<std::string> WhatIsWrongInTheBooks() {
    std::vector<std::string> wrong;
    const auto report = caller_.Get<v1::VerifyBooksResponse>(
        "holdfast.billing.v1.Books/VerifyBooks", v1::VerifyBooksRequest(), Deadline::After(60s));
    EXPECT_THAT(report, IsOk());
    if (!report.ok()) return wrong;
    for (const auto& problem : report->problems()) {
      wrong.push_back(problem.check() + ": " + problem.what());
    }
    return wrong;
  }

  // Answers must be given again, byte for byte, long after.
  void RepeatSome(const RandomCommands& commands) {
    SeededRandom chance(seed_ + 3);
    const auto& all = commands.all();
    for (int i = 0; i < 300 && !all.empty(); ++i) {
      const Sent& sent = all[chance.Below(all.size())];
      if (!sent.acknowledged) continue;
      const auto again = caller_.AskUntilAnswered(sent.method, *sent.request, Deadline::After(30s));
      ASSERT_THAT(again, IsOk()) << sent.method << " " << sent.key;
      EXPECT_EQ(*again, sent.answer) << sent.method << " " << sent.key;
    }
  }

  static int MostOften(const std::map<std::string, int>& taken) {
    int most = 0;
    for (const auto& [id, times] : taken) most = std::max(most, times);
    return most;
  }

  void Print(const RandomCommands& commands, const Findings& found) {
    const RandomCommands::Counts n = commands.counts();
    fmt::print(
        "{} of {} operations in {:.1f} s, {:.0f} a second: {} commands, {} repetitions, {} keys "
        "used for another\n"
        "  acknowledged {}, refused with a reason {}, given up {} (done {}, absent {})\n"
        "  {} instances killed, {} times the database; {} days passed\n"
        "  in the books: {} commands, {} transfers, {} invoices, {} charged terms ({} of add-ons), "
        "{} bills paid by a reseller, {} rentals\n"
        "  {} events told, {} refused at first, the most often told one {} times; the last {:.1f} "
        "s after the storm\n",
        done_.load(), operations_, seconds_, static_cast<double>(done_) / seconds_, n.commands,
        n.repetitions, n.misuses, n.acknowledged, n.refused, n.given_up, found.given_up_done,
        found.given_up_absent, kills_, restarts_, days_passed_.load(), found.kept, found.transfers,
        found.invoices, found.terms, found.add_on_terms, found.paid_by_resellers, found.rentals,
        receiver_.taken().size(), receiver_.refused(), MostOften(receiver_.taken()), told_after_);
  }

  const std::uint64_t seed_ = FromEnvironment("HOLDFAST_CRASH_SEED", SecureSeed() % 1'000'000);
  const std::uint64_t operations_ = FromEnvironment("HOLDFAST_CRASH_OPERATIONS", 1500);
  const std::chrono::seconds budget_{
      static_cast<std::int64_t>(FromEnvironment("HOLDFAST_CRASH_SECONDS", 90))};
  std::atomic<std::int64_t> done_ = 0;
  std::unique_ptr<TestPostgres> postgres_ = TestPostgres::Start();
  const std::string database_ = postgres_->NewDatabase();
  const std::string hosts_ = postgres_->host() + ":" + std::to_string(postgres_->port());
  telemetry::Metrics registry_;
  storage::PgPool pool_{{.hosts = hosts_, .database = database_, .user = postgres_->user()},
                        registry_};
  std::vector<std::string> Flags() {
    std::vector<std::string> flags = receiver_.Flags();
    flags.emplace_back("--expiry_interval=200ms");
    flags.emplace_back("--feed_interval=50ms");
    return flags;
  }
  EventReceiver receiver_;
  BillingPair billing_{{.postgres_hosts = hosts_,
                        .database = database_,
                        .user = postgres_->user(),
                        .flags = Flags()}};
  BillingCaller caller_{billing_.discovery()};
  FeedFollower follower_{caller_};
  World world_;
  int setup_keys_ = 0;
  absl::Notification calm_;
  int kills_ = 0;
  int restarts_ = 0;
  std::atomic<int> days_passed_ = 0;
  double seconds_ = 0;
  double told_after_ = 0;
  std::string died_alone_;
};

TEST_F(CrashTest, WhateverDiesTheBooksAreRightAndEveryAnswerWasTrue) {
  RandomCommands commands(world_, seed_, caller_);
  Storm(commands);
  ASSERT_NO_FATAL_FAILURE(WaitForCalm());

  EXPECT_EQ(died_alone_, "");
  EXPECT_THAT(commands.complaints(), IsEmpty());
  EXPECT_THAT(WhatIsWrongInTheBooks(), IsEmpty());
  const Findings found = Inspect(pool_, commands, world_);
  EXPECT_THAT(found.wrong, IsEmpty());
  EXPECT_EQ(follower_.went_back(), 0u);
  for (int i = 0; i < BillingPair::kInstances; ++i) {
    BillingCaller one(billing_.discovery(i));
    EXPECT_THAT(WrongEntitlements(pool_, one), IsEmpty()) << "instance " << i;
  }
  RepeatSome(commands);
  Print(commands, found);
  EXPECT_GT(kills_, 0);
  EXPECT_GE(done_, std::min(kFewestOperations, static_cast<std::int64_t>(operations_)));
  EXPECT_GT(found.add_on_terms, 0);
  EXPECT_GT(found.paid_by_resellers, 0);
  EXPECT_GT(found.rentals, 0);
}

// The proof of the proof: each kind of damage that the storm might do is seen.
TEST_F(CrashTest, TheInspectionSeesWhatIsDamaged) {
  RandomCommands commands(world_, seed_, caller_);
  const auto add_ons = [&] {  // also those that have ended
    const auto rows = pool_.Query(
        Deadline::After(10s), "SELECT 1 FROM subscription WHERE base_subscription_id IS NOT NULL");
    return rows.ok() ? rows->rows() : 0;
  };
  while (commands.counts().acknowledged < 150 || add_ons() == 0) {
    ASSERT_LT(commands.counts().acknowledged, 2000);
    commands.DoOne(Deadline::After(10s));
  }
  ASSERT_NO_FATAL_FAILURE(WaitForCalm());
  ASSERT_THAT(Inspect(pool_, commands, world_).wrong, IsEmpty());

  const auto damage = [&](const std::string& sql) {
    ASSERT_THAT(pool_.Execute(Deadline::After(10s), sql), IsOk()) << sql;
  };
  const auto finds = [&](const std::string& kind) {
    EXPECT_THAT(Inspect(pool_, commands, world_).wrong,
                testing::Contains(testing::StartsWith(kind)));
  };
  const std::string any_payment =
      "(SELECT reference FROM payment WHERE refunded = 0 ORDER BY 1 LIMIT 1)";
  damage("CREATE TABLE kept AS SELECT * FROM command WHERE idempotency_key = " + any_payment +
         "; DELETE FROM command WHERE idempotency_key = " + any_payment);
  finds("acknowledged and lost");
  finds("effect without a command");
  finds("money");
  damage("INSERT INTO command SELECT * FROM kept");
  ASSERT_THAT(Inspect(pool_, commands, world_).wrong, IsEmpty());

  damage("DELETE FROM event WHERE event_id = (SELECT min(event_id) FROM event)");
  EXPECT_THAT(WrongEvents(pool_, receiver_.taken()), testing::Not(IsEmpty()));
  damage("UPDATE payment SET reference = 'x' WHERE reference = " + any_payment);
  finds("effect lost or doubled");
  damage("UPDATE subscription SET revision = revision + 1 WHERE charging = 'elsewhere'");
  finds("renewals");
  damage("UPDATE subscription_term SET invoice_id = NULL");
  finds("charged days without a term");
  damage("UPDATE account SET reseller_pays = false");
  finds("reseller's payment without its bill");
  damage("UPDATE account SET reseller_pays = true WHERE account_id LIKE 'room-%'");
  damage(
      "CREATE TABLE owed AS SELECT * FROM ledger_account WHERE kind = 'reseller';"
      "UPDATE ledger_account SET debits_posted = debits_posted + 1, credits_posted = "
      "credits_posted + 1 WHERE ledger_account_id = 'reseller/hotel/EUR'");
  finds("money: of reseller hotel");
  damage(
      "UPDATE ledger_account a SET debits_posted = o.debits_posted, credits_posted = "
      "o.credits_posted FROM owed o WHERE a.ledger_account_id = o.ledger_account_id");
  damage(
      "UPDATE subscription SET paused_on = NULL, state = CASE WHEN base_subscription_id IS NULL "
      "THEN"
      " 'expired' ELSE 'active' END");
  finds("add-on without its base");
  EXPECT_THAT(WrongEntitlements(pool_, caller_), testing::Not(IsEmpty()));
}

}  // namespace
}  // namespace holdfast::test

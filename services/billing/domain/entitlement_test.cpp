#include "services/billing/domain/entitlement.h"

#include <gmock/gmock.h>

namespace holdfast::billing {
namespace {

using std::chrono::days;
using testing::ElementsAre;
using testing::IsEmpty;
using Standing = Entitlement::Standing;
using State = Subscription::State;

constexpr sys_days kToday{std::chrono::year(2026) / 3 / 10};

// An account with the subscriptions of a test.
class EntitlementTest : public testing::Test {
 protected:
  struct Terms {
    State state = State::kActive;
    std::vector<std::string> packages;
    std::optional<sys_days> valid_until = kToday;
    int max_streams = 1;
    days grace = kDefaultGrace;
    bool cancel_at_end = false;
  };

  void Holds(const Terms& terms) {
    Holding held;
    held.subscription.state = terms.state;
    held.subscription.valid_until = terms.valid_until;
    held.subscription.cancel_at_end = terms.cancel_at_end;
    held.subscription.started_at = kToday + days(static_cast<int>(facts_.holdings.size()));
    held.plan.name = "plan " + std::to_string(facts_.holdings.size());
    held.plan.max_streams = terms.max_streams;
    held.plan.max_devices = terms.max_streams * 2;
    held.plan.grace = terms.grace;
    for (const auto& package : terms.packages) held.plan.packages.emplace_back(package);
    facts_.holdings.push_back(held);
  }

  Entitlement Derived() const { return DeriveEntitlement(facts_); }
  std::vector<std::string> Packages() const {
    std::vector<std::string> names;
    for (const PackageId& package : Derived().packages) names.push_back(package.value());
    return names;
  }

  Facts facts_{.account = {.id = AccountId("a"), .number = "17", .full_name = "Ann"},
               .revision = 9};
};

TEST_F(EntitlementTest, OfAnAccountWithoutSubscriptionsIsActiveAndEmpty) {
  EXPECT_EQ(Derived().standing, Standing::kActive);
  EXPECT_THAT(Packages(), IsEmpty());
  EXPECT_EQ(Derived().revision, 9u);
  EXPECT_EQ(Derived().account_number, "17");
  EXPECT_EQ(Derived().valid_until, std::nullopt);
}

TEST_F(EntitlementTest, HasThePackagesOfAllThatGiveService) {
  Holds({.packages = {"sport", "base"}});
  Holds({.state = State::kGrace, .packages = {"base", "films"}});
  Holds({.state = State::kSuspended, .packages = {"adult"}});
  EXPECT_THAT(Packages(), ElementsAre("base", "films", "sport"));
  EXPECT_EQ(Derived().standing, Standing::kActive);
  EXPECT_EQ(Derived().tariff_plan_name, "plan 0, plan 1");
}

TEST_F(EntitlementTest, IsInGraceWhenNothingIsPaidAnyMore) {
  Holds({.state = State::kGrace, .packages = {"base"}});
  EXPECT_EQ(Derived().standing, Standing::kGrace);
  EXPECT_THAT(Packages(), ElementsAre("base"));
}

TEST_F(EntitlementTest, IsSuspendedWhenOnlySuspendedOnesAreLeft) {
  Holds({.state = State::kSuspended, .packages = {"base"}});
  Holds({.state = State::kExpired, .packages = {"old"}});
  EXPECT_EQ(Derived().standing, Standing::kSuspended);
  EXPECT_THAT(Packages(), IsEmpty());
}

TEST_F(EntitlementTest, OfAClosedAccountIsClosedWhateverItHolds) {
  Holds({.packages = {"base"}});
  facts_.account.state = Account::State::kClosed;
  EXPECT_EQ(Derived().standing, Standing::kClosed);
  EXPECT_THAT(Packages(), IsEmpty());
}

TEST_F(EntitlementTest, SaysWhyThereIsNothingToWatch) {
  using Reason = Entitlement::Reason;
  EXPECT_EQ(Derived().reason, Reason::kNoSubscription);
  facts_.last_ended = Facts::Ended::kExpired;
  EXPECT_EQ(Derived().reason, Reason::kExpired);
  EXPECT_EQ(Derived().standing, Standing::kActive) << "nothing was taken away";
  facts_.last_ended = Facts::Ended::kCancelled;
  EXPECT_EQ(Derived().reason, Reason::kCancelled);
  // Of several the one that its owner can do most about.
  Holds({.state = State::kPaused});
  EXPECT_EQ(Derived().reason, Reason::kPaused);
  Holds({.state = State::kPendingActivation});
  EXPECT_EQ(Derived().reason, Reason::kAwaitingPayment);
  Holds({.state = State::kSuspended});
  EXPECT_EQ(Derived().reason, Reason::kSuspended);
  Holds({.state = State::kSuspended});
  facts_.holdings.back().subscription.suspended_by = "debt-1";
  EXPECT_EQ(Derived().reason, Reason::kUnpaid);
  Holds({.state = State::kGrace, .packages = {"base"}});
  EXPECT_EQ(Derived().reason, Reason::kPaymentLate);
  Holds({.packages = {"base"}});
  EXPECT_EQ(Derived().reason, Reason::kNone) << "what is active is what is watched";
  facts_.account.state = Account::State::kClosed;
  EXPECT_EQ(Derived().reason, Reason::kClosed);
}

TEST_F(EntitlementTest, SaysWhatIsOwed) {
  EXPECT_EQ(Derived().owed, 0);
  facts_.owed = 1190;
  facts_.due_on = kToday;
  EXPECT_EQ(Derived().owed, 1190);
  EXPECT_EQ(Derived().due_on, kToday);
}

TEST_F(EntitlementTest, TakesTheMostGenerousLimits) {
  Holds({.max_streams = 2});
  Holds({.max_streams = 3});
  EXPECT_EQ(Derived().max_streams, 3);
  EXPECT_EQ(Derived().max_devices, 6);
  Holds({.max_streams = 0});
  EXPECT_EQ(Derived().max_streams, 0);
}

TEST_F(EntitlementTest, TakesTheLatestDates) {
  Holds({.valid_until = kToday + days(3), .grace = days(20)});
  Holds({.valid_until = kToday + days(9), .grace = days(1)});
  EXPECT_EQ(Derived().valid_until, WallTime(kToday + days(9)));
  EXPECT_EQ(Derived().grace_until, WallTime(kToday + days(23)));
}

TEST_F(EntitlementTest, OfACancelledOneHasNoGrace) {
  Holds({.valid_until = kToday + days(3), .cancel_at_end = true});
  EXPECT_EQ(Derived().grace_until, WallTime(kToday + days(3)));
}

TEST_F(EntitlementTest, WithAnOpenEndedSubscriptionHasNoDates) {
  Holds({.valid_until = kToday});
  Holds({.valid_until = std::nullopt});
  EXPECT_EQ(Derived().valid_until, std::nullopt);
  EXPECT_EQ(Derived().grace_until, std::nullopt);
}

TEST_F(EntitlementTest, AnAddOnWithoutALimitDoesNotMakeTheAccountUnlimited) {
  Holds({.packages = {"base"}, .max_streams = 2});
  facts_.holdings.back().subscription.id = SubscriptionId("base");
  Holds({.packages = {"sport"}, .max_streams = 0});
  facts_.holdings.back().subscription.base = SubscriptionId("base");
  EXPECT_EQ(Derived().max_streams, 2);
  EXPECT_EQ(Derived().max_devices, 4);
  facts_.holdings.back().plan.max_streams = 5;
  EXPECT_EQ(Derived().max_streams, 5);
  facts_.holdings.front().plan.max_streams = 0;
  EXPECT_EQ(Derived().max_streams, 0);
}

TEST_F(EntitlementTest, EndsOnTheDayOfItsCancellation) {
  Holds({.packages = {"base"}, .valid_until = kToday + days(20)});
  facts_.holdings.back().subscription.cancel_on = kToday + days(3);
  EXPECT_EQ(Derived().valid_until, WallTime(kToday + days(3)));
  EXPECT_EQ(Derived().grace_until, WallTime(kToday + days(3)));
  facts_.holdings.back().subscription.valid_until = std::nullopt;  // open-ended until then
  EXPECT_EQ(Derived().valid_until, WallTime(kToday + days(3)));
  facts_.holdings.back().subscription.valid_until = kToday + days(1);
  EXPECT_EQ(Derived().valid_until, WallTime(kToday + days(1)));
  EXPECT_EQ(Derived().grace_until, WallTime(kToday + days(3)));
}

// -- A base with an add-on: what keeps the base from giving service keeps both --------------------

class AddOnEntitlementTest : public EntitlementTest {
 protected:
  AddOnEntitlementTest() {
    Holds({.packages = {"base"}, .valid_until = kToday + days(9), .grace = days(2)});
    base().id = SubscriptionId("base");
    Holds({.packages = {"sport"}, .valid_until = kToday + days(9), .grace = days(2)});
    add_on().base = SubscriptionId("base");
  }
  Subscription& base() { return facts_.holdings[0].subscription; }
  Subscription& add_on() { return facts_.holdings[1].subscription; }
};

TEST_F(AddOnEntitlementTest, WithoutServiceOfTheBaseSaysWhyThereIsNone) {
  using Reason = Entitlement::Reason;
  const struct {
    State base;
    std::string suspended_by;
    Standing standing;
    Reason reason;
  } cases[] = {
      {State::kSuspended, "command-7", Standing::kSuspended, Reason::kSuspended},
      {State::kSuspended, "debt-7", Standing::kSuspended, Reason::kUnpaid},
      {State::kPaused, "", Standing::kSuspended, Reason::kPaused},
      {State::kPendingActivation, "", Standing::kActive, Reason::kAwaitingPayment},
  };
  for (const auto& c : cases) {
    base().state = c.base;
    base().suspended_by = c.suspended_by;
    for (const State state : {State::kActive, State::kTrialing, State::kGrace, State::kSuspended,
                              State::kPaused, State::kPendingActivation}) {
      add_on().state = state;
      add_on().suspended_by = "debt-of-its-own";
      SCOPED_TRACE(testing::Message() << static_cast<int>(c.base) << " with an add-on in state "
                                      << static_cast<int>(state));
      EXPECT_EQ(Derived().standing, c.standing);
      EXPECT_EQ(Derived().reason, c.reason);
      EXPECT_THAT(Packages(), IsEmpty());
      EXPECT_EQ(Derived().valid_until, std::nullopt);
    }
  }
}

TEST_F(AddOnEntitlementTest, WhoseBaseIsPaidLateIsToldSo) {
  base().state = State::kGrace;
  EXPECT_EQ(Derived().standing, Standing::kGrace);
  EXPECT_EQ(Derived().reason, Entitlement::Reason::kPaymentLate);
  EXPECT_THAT(Packages(), ElementsAre("base", "sport"));
}

TEST_F(AddOnEntitlementTest, ThatIsNotPaidTakesNothingFromItsBase) {
  for (const State state : {State::kGrace, State::kSuspended, State::kPaused}) {
    add_on().state = state;
    EXPECT_EQ(Derived().standing, Standing::kActive);
    EXPECT_EQ(Derived().reason, Entitlement::Reason::kNone);
  }
  EXPECT_THAT(Packages(), ElementsAre("base"));
}

TEST_F(AddOnEntitlementTest, WhoseBaseIsGoneSaysHowThatEnded) {
  facts_.last_ended = Facts::Ended::kExpired;
  for (const bool is_read : {true, false}) {
    base().state = State::kExpired;
    if (!is_read) facts_.holdings.erase(facts_.holdings.begin());
    EXPECT_EQ(Derived().standing, Standing::kActive) << "nothing was taken away";
    EXPECT_EQ(Derived().reason, Entitlement::Reason::kExpired);
    EXPECT_THAT(Packages(), IsEmpty());
  }
}

TEST_F(AddOnEntitlementTest, EndsWithItsBase) {
  add_on().valid_until = kToday + days(30);
  facts_.holdings[1].plan.grace = days(60);
  EXPECT_EQ(Derived().valid_until, WallTime(kToday + days(9)));
  EXPECT_EQ(Derived().grace_until, WallTime(kToday + days(11)));
  add_on().valid_until = std::nullopt;
  EXPECT_EQ(Derived().valid_until, WallTime(kToday + days(9)));
}

TEST_F(AddOnEntitlementTest, AnotherBaseThatServesIsEnough) {
  base().state = State::kSuspended;
  Holds({.packages = {"other"}});
  EXPECT_EQ(Derived().standing, Standing::kActive);
  EXPECT_EQ(Derived().reason, Entitlement::Reason::kNone);
  EXPECT_THAT(Packages(), ElementsAre("other"));
}

}  // namespace
}  // namespace holdfast::billing

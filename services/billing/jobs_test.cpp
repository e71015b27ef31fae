#include "services/billing/jobs.h"

#include "libs/testing/eventually.h"
#include "services/billing/billing_fixture_test.h"

namespace holdfast::billing {
namespace {

using namespace std::chrono_literals;
using replica::Update;
using std::chrono::days;
using test::HasMessage;
using test::IsOk;
using testing::ElementsAre;

class JobsTest : public ServiceTest {
 protected:
  // What a follower that holds `revision` is told now.
  Update Told(EntitlementFeed& feed, std::uint64_t revision) {
    return feed.publication().Next("billing", revision, Deadline::After(0s));
  }
  static v1::Entitlement In(const Update& update, std::size_t item = 0) {
    v1::Entitlement entitlement;
    EXPECT_TRUE(entitlement.ParseFromString(*update.items.at(item).second));
    return entitlement;
  }
  v1::Subscription::State StateOf(const std::string& account) {
    v1::ListSubscriptionsRequest request;
    request.set_account_id(account);
    return service_.ListSubscriptions(Call(), request)->subscriptions(0).state();
  }

  EntitlementFeed feed_{store_, entitlements_, metrics_};
  ExpiryJob expiry_{store_, metrics_, clock_};
};

TEST_F(JobsTest, TheFeedTellsWhatChangedAndNoMore) {
  CreateAccountAndPlan("a");
  CreateAccount("b");
  ASSERT_THAT(feed_.Run(Soon()), IsOk());
  EXPECT_EQ(feed_.publication().revision(), 2u);

  ASSERT_THAT(Start("a", "basic"), IsOk());
  ASSERT_THAT(feed_.Run(Soon()), IsOk());
  const Update update = Told(feed_, 2);
  EXPECT_EQ(update.kind, Update::Kind::kDelta);
  EXPECT_EQ(update.revision, 3u);
  ASSERT_EQ(update.items.size(), 1u);
  EXPECT_EQ(update.items[0].first, "a");
  EXPECT_THAT(In(update).package_ids(), ElementsAre("base", "sport"));
  EXPECT_EQ(In(update).revision(), 3u);
}

TEST_F(JobsTest, TwoInstancesTellTheSameRevisions) {
  CreateAccountAndPlan("a");
  EntitlementFeed other(store_, entitlements_, metrics_);
  ASSERT_THAT(feed_.Run(Soon()), IsOk());
  ASSERT_THAT(Start("a", "basic"), IsOk());
  ASSERT_THAT(Ask<v1::SuspendSubscriptionRequest>(&Service::SuspendSubscription,
                                                  Start("a", "basic")->subscription_id()),
              IsOk());
  ASSERT_THAT(feed_.Run(Soon()), IsOk());
  ASSERT_THAT(other.Run(Soon()), IsOk());
  EXPECT_EQ(feed_.publication().revision(), other.publication().revision());
  // A follower of the first goes on at the second without a reset.
  EXPECT_EQ(Told(other, 1).kind, Update::Kind::kDelta);
  EXPECT_EQ(Told(other, 4).kind, Update::Kind::kHeartbeat);
}

TEST_F(JobsTest, AChangedPlanReachesItsSubscribersThroughTheFeed) {
  CreateAccountAndPlan("a");
  ASSERT_THAT(Start("a", "basic"), IsOk());
  ASSERT_THAT(feed_.Run(Soon()), IsOk());
  ASSERT_THAT(PutPlan("basic", {"base"}), IsOk());
  ASSERT_THAT(feed_.Run(Soon()), IsOk());
  EXPECT_THAT(In(Told(feed_, 2)).package_ids(), ElementsAre("base"));
  EXPECT_THAT(EntitlementOf("a")->package_ids(), ElementsAre("base"));
}

TEST_F(JobsTest, TheFeedOutlivesTheDatabase) {
  CreateAccountAndPlan("a");
  ASSERT_THAT(feed_.Run(Soon()), IsOk());
  gate_.Cut();
  EXPECT_FALSE(feed_.Run(Soon()).ok());
  EXPECT_EQ(Told(feed_, 1).kind, Update::Kind::kHeartbeat);
  gate_.Open();
  ASSERT_TRUE(test::Eventually([&] { return feed_.Run(Soon()).ok(); }));
  ASSERT_THAT(Start("a", "basic"), IsOk());
  ASSERT_THAT(feed_.Run(Soon()), IsOk());
  EXPECT_EQ(Told(feed_, 1).items.size(), 1u);
}

TEST_F(JobsTest, TheCalendarTakesServiceAwayStepByStepAndTellsIt) {
  CreateAccountAndPlan("a");
  ASSERT_THAT(Start("a", "basic", Today()), IsOk());
  EXPECT_EQ(StateOf("a"), v1::Subscription::STATE_GRACE);
  ASSERT_THAT(expiry_.Run(Soon()), IsOk());
  EXPECT_EQ(StateOf("a"), v1::Subscription::STATE_GRACE);

  ASSERT_THAT(pool_.Execute(Soon(), "UPDATE subscription SET valid_until = valid_until - 7"),
              IsOk());
  ASSERT_THAT(expiry_.Run(Soon()), IsOk());
  EXPECT_EQ(StateOf("a"), v1::Subscription::STATE_EXPIRED);
  ASSERT_THAT(feed_.Run(Soon()), IsOk());
  EXPECT_EQ(In(Told(feed_, 2)).package_ids_size(), 0);
  EXPECT_THAT(
      registry_.Scrape(),
      testing::HasSubstr("holdfast_billing_subscriptions_lapsed_total{state=\"expired\"} 1"));
}

TEST_F(JobsTest, ManyThatAreDueAreAllMoved) {
  CreateAccountAndPlan("a");
  ASSERT_THAT(pool_.Execute(Soon(), R"sql(
    INSERT INTO account (account_id, account_number, created_at)
      SELECT 'm' || n, n, now() FROM generate_series(1, 250) n;
    INSERT INTO subscription (subscription_id, account_id, tariff_plan_id, state, valid_until,
                              started_at, revision)
      SELECT 's' || n, 'm' || n, 'basic', 'active', current_date - 1, now(), 1
        FROM generate_series(1, 250) n)sql"),
              IsOk());
  const std::uint64_t before = *store_.LastRevision(Soon());
  ASSERT_THAT(expiry_.Run(Soon()), IsOk());
  EXPECT_EQ(
      pool_.Query(Soon(), "SELECT count(*) FROM subscription WHERE state = 'grace'")->Int(0, 0),
      250);
  EXPECT_EQ(*store_.LastRevision(Soon()), before + 250);
}

TEST_F(JobsTest, AWrongClockTakesNothingAway) {
  CreateAccountAndPlan("a");
  ASSERT_THAT(Start("a", "basic"), IsOk());
  clock_.JumpWall(24h * 365);
  EXPECT_THAT(expiry_.Run(Soon()), HasMessage("our clock and the database's differ"));
  EXPECT_EQ(StateOf("a"), v1::Subscription::STATE_ACTIVE);
}

TEST_F(JobsTest, AnOutageTakesNothingAway) {
  CreateAccountAndPlan("a");
  ASSERT_THAT(Start("a", "basic"), IsOk());
  gate_.Cut();
  EXPECT_FALSE(expiry_.Run(Deadline::After(1s)).ok());
  EXPECT_THAT(EntitlementOf("a")->package_ids(), ElementsAre("base", "sport"));
}

}  // namespace
}  // namespace holdfast::billing

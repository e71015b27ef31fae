#include <thread>

#include "libs/testing/eventually.h"
#include "services/billing/billing_fixture_test.h"

namespace holdfast::billing {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;
using test::HasCode;
using test::HasMessage;
using test::IsOk;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr sys_days kToday{std::chrono::year(2026) / 3 / 10};

class PgStoreTest : public StoreTest {
 protected:
  PgStoreTest() {
    EXPECT_THAT(
        store_.Transact(Soon(),
                        [](Transaction& tx) -> absl::Status {
                          HOLDFAST_RETURN_IF_ERROR(tx.PutPackage({PackageId("base"), "Base"}));
                          return tx.PutTariffPlan(Basic());
                        }),
        IsOk());
  }

  static TariffPlan Basic() {
    return {.id = TariffPlanId("basic"),
            .name = "Basic",
            .packages = {PackageId("base")},
            .price = *Money::Make(999, "EUR"),
            .period = days(30),
            .max_streams = 2,
            .max_devices = 3,
            .grace = days(5)};
  }
  static Account Ann(const std::string& id = "ann") {
    return *OpenAccount({.id = AccountId(id), .login = id + "@tv", .full_name = "Ann " + id},
                        WallTime(kToday));
  }
  static Subscription Sub(const std::string& account, const std::string& id,
                          std::optional<sys_days> valid_until) {
    return *DecideStart(Ann(account), Basic(), SubscriptionId(id), valid_until,
                        WallTime(kToday - days(40)));
  }

  absl::Status Add(const Account& account) {
    return store_.Transact(Soon(), [&](Transaction& tx) { return tx.AddAccount(account, "hash"); });
  }
  absl::Status Add(const Subscription& subscription) {
    return store_.Transact(Soon(),
                           [&](Transaction& tx) { return tx.AddSubscription(subscription); });
  }
  std::vector<std::string> OutboxAfter(std::uint64_t revision) {
    std::vector<std::string> accounts;
    const auto changes = store_.ChangesAfter(Soon(), revision, 100);
    for (const EntitlementChange& change : *changes) {
      accounts.push_back(change.account.value());
    }
    return accounts;
  }
  std::uint64_t LastRevision() { return *store_.LastRevision(Soon()); }
  static Command Keyed(const std::string& key, const std::string& request = "request") {
    return {.key = key, .request = request};
  }
};

TEST_F(PgStoreTest, AnAccountComesBackAsItWasSaved) {
  ASSERT_THAT(Add(Ann()), IsOk());
  ASSERT_OK_AND_ASSIGN(const Account found, store_.FindAccount(Soon(), AccountId("ann")));
  EXPECT_EQ(found.login, "ann@tv");
  EXPECT_EQ(found.number, "ann");
  EXPECT_EQ(found.full_name, "Ann ann");
  EXPECT_EQ(found.created_at, WallTime(kToday));
  EXPECT_EQ(store_.FindCredentials(Soon(), "ann@tv")->password_hash, "hash");
  EXPECT_THAT(store_.FindAccount(Soon(), AccountId("bob")), HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(store_.FindCredentials(Soon(), "bob"), HasCode(absl::StatusCode::kNotFound));
}

TEST_F(PgStoreTest, AnIdAndALoginBelongToOneAccount) {
  ASSERT_THAT(Add(Ann()), IsOk());
  EXPECT_THAT(Add(Ann()), HasCode(absl::StatusCode::kAlreadyExists));
  Account same_login = Ann("other");
  same_login.login = "ann@tv";
  EXPECT_THAT(Add(same_login), HasCode(absl::StatusCode::kAlreadyExists));
  Account no_login = Ann("third");
  no_login.login = "";
  EXPECT_THAT(Add(no_login), IsOk());
  no_login.id = AccountId("fourth");
  EXPECT_THAT(Add(no_login), IsOk());
}

TEST_F(PgStoreTest, FactsHoldWhatTheAccountHolds) {
  ASSERT_THAT(Add(Ann()), IsOk());
  ASSERT_THAT(Add(Ann("bob")), IsOk());
  const Subscription subscription = Sub("ann", "s1", kToday + days(3));
  ASSERT_THAT(Add(subscription), IsOk());
  ASSERT_OK_AND_ASSIGN(
      const std::vector<Facts> facts,
      store_.FindFacts(Soon(), {AccountId("bob"), AccountId("ann"), AccountId("nobody")}));
  ASSERT_THAT(facts, SizeIs(2));
  EXPECT_EQ(facts[0].revision, 3u);
  ASSERT_THAT(facts[0].holdings, SizeIs(1));
  const Holding& held = facts[0].holdings[0];
  EXPECT_EQ(held.subscription.valid_until, kToday + days(3));
  EXPECT_EQ(held.subscription.state, Subscription::State::kActive);
  EXPECT_EQ(held.subscription.started_at, subscription.started_at);
  EXPECT_THAT(held.plan.packages, ElementsAre(PackageId("base")));
  EXPECT_EQ(held.plan.price, Basic().price);
  EXPECT_EQ(held.plan.grace, days(5));
  EXPECT_THAT(facts[1].holdings, IsEmpty());
}

TEST_F(PgStoreTest, EveryChangeOfWhatMayBeWatchedIsInTheOutboxInOrder) {
  ASSERT_THAT(Add(Ann("a")), IsOk());
  ASSERT_THAT(Add(Ann("b")), IsOk());
  ASSERT_THAT(Add(Sub("a", "s1", kToday)), IsOk());
  EXPECT_THAT(OutboxAfter(0), ElementsAre("a", "b", "a"));
  EXPECT_THAT(OutboxAfter(2), ElementsAre("a"));
  EXPECT_EQ(LastRevision(), 3u);
}

TEST_F(PgStoreTest, AChangedPlanTouchesAllWhomItServes) {
  for (const std::string id : {"a", "b", "c"}) ASSERT_THAT(Add(Ann(id)), IsOk());
  ASSERT_THAT(Add(Sub("a", "s1", kToday)), IsOk());
  ASSERT_THAT(Add(Sub("b", "s2", std::nullopt)), IsOk());
  const std::uint64_t before = LastRevision();
  ASSERT_THAT(store_.Transact(Soon(), [](Transaction& tx) { return tx.PutTariffPlan(Basic()); }),
              IsOk());
  EXPECT_THAT(OutboxAfter(before), ElementsAre("a", "b"));
}

TEST_F(PgStoreTest, APlanWithAnUnknownPackageIsRefused) {
  TariffPlan plan = Basic();
  plan.packages.emplace_back("unknown");
  EXPECT_THAT(store_.Transact(Soon(), [&](Transaction& tx) { return tx.PutTariffPlan(plan); }),
              HasMessage("names a package that is unknown"));
  const auto plans = store_.ListTariffPlans(Soon(), {});
  EXPECT_THAT(plans->at(0).packages, ElementsAre(PackageId("base")));
}

TEST_F(PgStoreTest, ATransactionThatFailsLeavesNoTraceInTheOutbox) {
  EXPECT_THAT(store_.Transact(Soon(),
                              [](Transaction& tx) -> absl::Status {
                                HOLDFAST_RETURN_IF_ERROR(tx.AddAccount(Ann(), ""));
                                return Internal("the power went");
                              }),
              HasMessage("the power went"));
  EXPECT_EQ(LastRevision(), 0u);
  EXPECT_THAT(OutboxAfter(0), IsEmpty());
  EXPECT_FALSE(store_.FindAccount(Soon(), AccountId("ann")).ok());
}

TEST_F(PgStoreTest, RevisionsBecomeVisibleInTheirOrderWhoeverIsFaster) {
  constexpr int kWriters = 6;
  constexpr int kEach = 20;
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      for (int i = 0; i < kEach; ++i) {
        EXPECT_THAT(Add(Ann(std::to_string(w) + "-" + std::to_string(i))), IsOk());
      }
    });
  }
  std::uint64_t position = 0;
  while (position < kWriters * kEach) {  // a reader never finds a gap behind itself
    const auto changes = store_.ChangesAfter(Soon(), position, 7);
    for (const EntitlementChange& change : *changes) {
      ASSERT_EQ(change.revision, position + 1);
      position = change.revision;
    }
  }
  for (auto& writer : writers) writer.join();
}

TEST_F(PgStoreTest, ARepeatedCommandIsAnsweredWithWhatWasKeptAndDoesNothing) {
  int runs = 0;
  const auto effect = [&](Transaction& tx) -> absl::StatusOr<std::string> {
    HOLDFAST_RETURN_IF_ERROR(tx.AddAccount(Ann(), ""));
    return "answer " + std::to_string(++runs) + std::string("\0\xff", 2);
  };
  ASSERT_OK_AND_ASSIGN(const std::string first, store_.Once(Soon(), Keyed("k"), effect));
  ASSERT_OK_AND_ASSIGN(const std::string second, store_.Once(Soon(), Keyed("k"), effect));
  EXPECT_EQ(first, second);
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(LastRevision(), 1u);
}

TEST_F(PgStoreTest, AKeyIsGoodForOneRequestOnly) {
  const auto effect = [](Transaction&) -> absl::StatusOr<std::string> { return "done"; };
  ASSERT_THAT(store_.Once(Soon(), Keyed("k", "give 1"), effect), IsOk());
  EXPECT_THAT(store_.Once(Soon(), Keyed("k", "give 2"), effect),
              HasMessage("idempotency key k was used for another request"));
}

TEST_F(PgStoreTest, ACommandThatFailedMayBeTriedAgainWithItsKey) {
  int runs = 0;
  const auto effect = [&](Transaction&) -> absl::StatusOr<std::string> {
    if (++runs == 1) return Unavailable("not now");
    return "done";
  };
  EXPECT_THAT(store_.Once(Soon(), Keyed("k"), effect), HasMessage("not now"));
  EXPECT_EQ(*store_.Once(Soon(), Keyed("k"), effect), "done");
}

TEST_F(PgStoreTest, TheSameCommandFromManySidesAtOnceActsOnce) {
  std::atomic<int> runs = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < 6; ++i) {
    callers.emplace_back([&] {
      const auto answer =
          store_.Once(Soon(), Keyed("k"), [&](Transaction& tx) -> absl::StatusOr<std::string> {
            ++runs;
            HOLDFAST_RETURN_IF_ERROR(tx.AddAccount(Ann(), ""));
            return "done";
          });
      EXPECT_EQ(*answer, "done");
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(runs, 1);
}

TEST_F(PgStoreTest, ACommandWhoseConnectionBreaksIsWhollyThereOrNotAtAll) {
  const std::uint64_t seed = SecureSeed();
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  for (int i = 0; i < 15; ++i) {
    const std::string id = "acc" + std::to_string(i);
    const auto effect = [&](Transaction& tx) -> absl::StatusOr<std::string> {
      HOLDFAST_RETURN_IF_ERROR(tx.AddAccount(Ann(id), ""));
      return id;
    };
    std::thread cutter([&] {  // at some moment of the command's few milliseconds
      test::Eventually([] { return false; }, std::chrono::milliseconds(random.Below(4)));
      gate_.Cut();
    });
    const auto answer = store_.Once(Soon(), Keyed(id), effect);
    cutter.join();
    gate_.Open();
    ASSERT_TRUE(test::Eventually([&] { return pool_.Ping(Soon()).ok(); }));
    const bool there = store_.FindAccount(Soon(), AccountId(id)).ok();
    EXPECT_TRUE(there || !answer.ok());
    EXPECT_EQ(*store_.Once(Soon(), Keyed(id), effect), id);  // repeating is always safe
  }
  EXPECT_EQ(LastRevision(), 15u);
}

TEST_F(PgStoreTest, ListsAccountsInPagesAndByWhatIsSearched) {
  for (const std::string id : {"a", "b", "c"}) ASSERT_THAT(Add(Ann(id)), IsOk());
  ASSERT_THAT(store_.Transact(Soon(),
                              [](Transaction& tx) -> absl::Status {
                                Account account = *tx.FindAccount(AccountId("b"));
                                account.state = Account::State::kClosed;
                                account.phone = "555";
                                account.full_name = "100% Bob";
                                return tx.SaveAccount(account);
                              }),
              IsOk());
  const auto ids = [&](const AccountFilter& filter) {
    std::string all;
    const auto accounts = store_.ListAccounts(Soon(), filter);
    for (const Account& account : *accounts) all += account.id.value();
    return all;
  };
  EXPECT_EQ(ids({}), "abc");
  EXPECT_EQ(ids({.limit = 2}), "ab");
  EXPECT_EQ(ids({.after = AccountId("a"), .limit = 2}), "bc");
  EXPECT_EQ(ids({.state = Account::State::kOpen}), "ac");
  EXPECT_EQ(ids({.search = "555"}), "b");
  EXPECT_EQ(ids({.search = "a@tv"}), "a");
  EXPECT_EQ(ids({.search = "ann"}), "ac");
  EXPECT_EQ(ids({.search = "100%"}), "b");
  EXPECT_EQ(ids({.search = "%"}), "");
}

TEST_F(PgStoreTest, DueIsWhatTheCalendarWouldMove) {
  const auto due = [&](sys_days day) {
    std::vector<std::string> ids;
    EXPECT_THAT(store_.Transact(
                    Soon(),
                    [&](Transaction& tx) -> absl::Status {
                      HOLDFAST_ASSIGN_OR_RETURN(const auto accounts, tx.DueAccounts(day, 10));
                      for (const Account& account : accounts) {
                        HOLDFAST_ASSIGN_OR_RETURN(const auto holdings, tx.LiveHoldings(account.id));
                        for (const Holding& held : holdings) {
                          if (!DecideByDate(held, day)) continue;
                          ids.push_back(held.subscription.id.value());
                        }
                      }
                      return absl::OkStatus();
                    }),
                IsOk());
    std::sort(ids.begin(), ids.end());
    return ids;
  };
  ASSERT_THAT(Add(Ann("a")), IsOk());
  Subscription grace = Sub("a", "grace", kToday - days(4));
  grace.state = Subscription::State::kGrace;
  Subscription suspended = Sub("a", "suspended", kToday - days(9));
  suspended.state = Subscription::State::kSuspended;
  Subscription cancelled = Sub("a", "suspended-and-cancelled", kToday - days(9));
  cancelled.state = Subscription::State::kSuspended;
  cancelled.cancel_at_end = true;
  Subscription open = Sub("a", "open", kToday);
  open.valid_until = std::nullopt;
  for (const Subscription& s : {Sub("a", "active", kToday), open, grace, suspended, cancelled}) {
    ASSERT_THAT(Add(s), IsOk());
  }
  EXPECT_THAT(due(kToday - days(1)), ElementsAre("suspended-and-cancelled"));
  EXPECT_THAT(due(kToday), ElementsAre("active", "suspended-and-cancelled"));
  EXPECT_THAT(due(kToday + days(1)), ElementsAre("active", "grace", "suspended-and-cancelled"));
}

TEST_F(PgStoreTest, AChangeDecidedFromAnOlderStateIsRefused) {
  ASSERT_THAT(Add(Ann("a")), IsOk());
  ASSERT_THAT(Add(Sub("a", "s1", kToday)), IsOk());
  ASSERT_OK_AND_ASSIGN(const Subscription once, DecideSuspension(Sub("a", "s1", kToday), "key"));
  const auto save = [&](Transaction& tx) { return tx.SaveSubscription(once); };
  EXPECT_THAT(store_.Transact(Soon(), save), IsOk());
  EXPECT_THAT(store_.Transact(Soon(), save), HasCode(absl::StatusCode::kAborted));
}

TEST_F(PgStoreTest, ForgetsWhatIsOld) {
  const auto effect = [](Transaction&) -> absl::StatusOr<std::string> { return "done"; };
  ASSERT_THAT(Add(Ann("a")), IsOk());
  ASSERT_THAT(store_.Once(Soon(), Keyed("old"), effect), IsOk());
  ASSERT_THAT(pool_.Execute(Soon(), "UPDATE command SET created_at = now() - interval '9 days'"),
              IsOk());
  ASSERT_THAT(store_.Once(Soon(), Keyed("new"), effect), IsOk());
  EXPECT_EQ(*store_.Forget(Soon(), 24h * 8), 1);
  EXPECT_EQ(*store_.Forget(Soon(), 24h * 8), 0);
  EXPECT_THAT(OutboxAfter(0), ElementsAre("a"));
}

}  // namespace
}  // namespace holdfast::billing

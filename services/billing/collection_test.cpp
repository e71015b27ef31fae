// Due invoices of those who stored a payment method are collected by themselves: once per step of
// the schedule, by one attempt at a time, whatever the gateway does.
#include <gmock/gmock.h>

#include <deque>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "services/billing/billing_money_test.h"
#include "services/billing/gateways_service.h"
#include "services/billing/jobs_events.h"

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

// Answers every charge as it was told to, from any thread.
class StubbornGateway final : public PaymentGateway {
 public:
  enum class Mood { kPays, kDeclines, kDecidesLater, kSilent };
  const std::string& name() const override { return name_; }
  absl::StatusOr<GatewayNews> Charge(Deadline, const PaymentAttempt& attempt) override {
    absl::MutexLock lock(&mutex_);
    charged_.push_back(fmt::format("{} {} {}", attempt.account.value(),
                                   attempt.amount.minor_units(), attempt.source));
    switch (mood_) {
      case Mood::kPays:
        return GatewayNews{.state = GatewayNews::State::kPaid,
                           .reference = "r-" + attempt.id.value()};
      case Mood::kDeclines:
        return GatewayNews{.state = GatewayNews::State::kDeclined, .reason = "card expired"};
      case Mood::kDecidesLater:
        return GatewayNews{.state = GatewayNews::State::kPending};
      case Mood::kSilent:
        break;
    }
    return DeadlineExceeded("no answer");
  }
  absl::StatusOr<GatewayNews> Refund(Deadline, const GatewayRefund&) override {
    return NoRefunds();
  }
  absl::StatusOr<GatewayNews> FindRefund(Deadline, const RefundId&) override { return NoRefunds(); }
  absl::StatusOr<GatewayNews> Find(Deadline, const AttemptId& id) override {
    absl::MutexLock lock(&mutex_);
    if (found_ == Mood::kPays) {
      return GatewayNews{.state = GatewayNews::State::kPaid, .reference = "r-" + id.value()};
    }
    return GatewayNews{.state = GatewayNews::State::kAbsent};
  }
  void Be(Mood mood) {
    absl::MutexLock lock(&mutex_);
    mood_ = mood;
  }
  void FindPaid() {
    absl::MutexLock lock(&mutex_);
    found_ = Mood::kPays;
  }
  std::vector<std::string> Charged() {
    absl::MutexLock lock(&mutex_);
    return std::exchange(charged_, {});
  }

 private:
  static absl::Status NoRefunds() { return Unavailable("not played here"); }
  const std::string name_ = "card";
  absl::Mutex mutex_;
  Mood mood_ ABSL_GUARDED_BY(mutex_) = Mood::kPays;
  Mood found_ ABSL_GUARDED_BY(mutex_) = Mood::kSilent;
  std::vector<std::string> charged_ ABSL_GUARDED_BY(mutex_);
};
using Mood = StubbornGateway::Mood;

class CollectionTest : public MoneyTest {
 protected:
  CollectionTest() {
    EXPECT_THAT(Put(Monthly("basic", 1000)), IsOk());
    Open("ann", v1::CHARGING_POSTPAID);
  }
  void TearDown() override { EXPECT_THAT(WhatIsWrong(), IsEmpty()); }

  absl::StatusOr<v1::PaymentMethod> Store(const std::string& account, bool collects = true) {
    v1::PutPaymentMethodRequest request;
    request.set_idempotency_key(NewKey());
    request.set_account_id(account);
    request.set_source("tok-" + account);
    request.set_collects(collects);
    return gateways_.PutPaymentMethod(Call(), request);
  }
  absl::Status Collect() { return gateways_.CollectDue(Today(), schedule_, Soon()); }
  // Day by day, as the leader's job does it.
  void LiveAndCollectUntil(sys_days day) {
    while (Today() < day) {
      LiveUntil(Today() + days(1));
      (void)Collect();
    }
  }

  const DunningSchedule schedule_ = *ParseDunningSchedule("1,7,14");
  StubbornGateway gateway_;
  GatewaysService gateways_{{store_, entitlements_, metrics_, clock_, &gateway_}};
};

TEST_F(CollectionTest, WhatIsDueIsCollectedOnItsDay) {
  ASSERT_THAT(Store("ann"), IsOk());
  ASSERT_THAT(Buy("ann", "basic"), IsOk());  // due on 14 Feb
  LiveAndCollectUntil(Day(2026, 2, 13));
  EXPECT_THAT(gateway_.Charged(), IsEmpty());
  LiveAndCollectUntil(Day(2026, 2, 14));
  EXPECT_THAT(gateway_.Charged(), ElementsAre("ann 1000 tok-ann"));
  EXPECT_EQ(Owed("ann"), 0);
  EXPECT_EQ(Wallet("ann"), 0);
  LiveAndCollectUntil(Day(2026, 3, 14));  // the next one, and nothing else
  EXPECT_THAT(gateway_.Charged(), ElementsAre("ann 1000 tok-ann"));
}

TEST_F(CollectionTest, OneThatFailsIsTriedOnTheDaysOfTheSchedule) {
  ASSERT_THAT(Store("ann"), IsOk());
  const std::string id = Buy("ann", "basic")->subscription_id();
  gateway_.Be(Mood::kDeclines);
  std::vector<std::string> tried_on;
  while (Today() < Day(2026, 3, 20)) {
    LiveAndCollectUntil(Today() + days(1));
    if (!gateway_.Charged().empty()) tried_on.push_back(ShowDay(Today()));
  }
  EXPECT_THAT(tried_on, ElementsAre("2026-02-14", "2026-02-15", "2026-02-21", "2026-02-28"));
  EXPECT_EQ(Find("ann", id).state(), v1::Subscription::STATE_SUSPENDED);
  EXPECT_EQ(Owed("ann"), 1000);
}

TEST_F(CollectionTest, TheRemindersGoOnWhenItFails) {
  ASSERT_THAT(Store("ann"), IsOk());
  ASSERT_THAT(Buy("ann", "basic"), IsOk());
  gateway_.Be(Mood::kDeclines);
  DunningJob dunning(store_, metrics_, schedule_);
  const double before = metrics_.dunning_notices.value();
  while (Today() < Day(2026, 2, 22)) {
    LiveAndCollectUntil(Today() + days(1));
    ASSERT_THAT(dunning.RunFor(Today(), Soon()), IsOk());
  }
  EXPECT_EQ(metrics_.dunning_notices.value() - before, 2);  // 15 and 21 Feb
}

TEST_F(CollectionTest, MoneyBroughtBackIsServiceBroughtBack) {
  ASSERT_THAT(Store("ann"), IsOk());
  const std::string id = Buy("ann", "basic")->subscription_id();
  gateway_.Be(Mood::kDeclines);
  LiveAndCollectUntil(Day(2026, 2, 27));
  EXPECT_EQ(Find("ann", id).state(), v1::Subscription::STATE_SUSPENDED);
  gateway_.Be(Mood::kPays);
  LiveAndCollectUntil(Day(2026, 2, 28));
  EXPECT_EQ(Find("ann", id).state(), v1::Subscription::STATE_ACTIVE);
}

TEST_F(CollectionTest, WhoStoredNothingOrDoesNotWantItIsLeftAlone) {
  Open("bob", v1::CHARGING_POSTPAID);
  ASSERT_THAT(Store("bob", false), IsOk());
  ASSERT_THAT(Buy("ann", "basic"), IsOk());
  ASSERT_THAT(Buy("bob", "basic"), IsOk());
  LiveAndCollectUntil(Day(2026, 2, 16));
  EXPECT_THAT(gateway_.Charged(), IsEmpty());
  ASSERT_THAT(Store("bob"), IsOk());  // from now on
  ASSERT_THAT(Collect(), IsOk());
  EXPECT_THAT(gateway_.Charged(), ElementsAre("bob 1000 tok-bob"));
}

TEST_F(CollectionTest, WithoutAGatewayNothingIsCollected) {
  GatewaysService none({store_, entitlements_, metrics_, clock_});
  EXPECT_THAT(none.CollectDue(Today(), schedule_, Soon()), IsOk());
}

TEST_F(CollectionTest, OneAttemptIsForAllThatIsDueAndTheWalletComesFirst) {
  ASSERT_THAT(Store("ann"), IsOk());
  ASSERT_THAT(Buy("ann", "basic"), IsOk());
  ASSERT_THAT(Buy("ann", "basic"), IsOk());
  ASSERT_THAT(Pay("ann", 300), IsOk());
  LiveAndCollectUntil(Day(2026, 2, 14));
  EXPECT_THAT(gateway_.Charged(), ElementsAre("ann 1700 tok-ann"));
  EXPECT_EQ(Owed("ann"), 0);
}

TEST_F(CollectionTest, WhileTheEndOfOneIsUnknownNoOtherBegins) {
  ASSERT_THAT(Store("ann"), IsOk());
  ASSERT_THAT(Buy("ann", "basic"), IsOk());
  gateway_.Be(Mood::kDecidesLater);
  LiveAndCollectUntil(Day(2026, 2, 22));  // three steps
  EXPECT_THAT(gateway_.Charged(), SizeIs(1));
  gateway_.FindPaid();
  ASSERT_THAT(gateways_.LookAfterOpenAttempts(Soon()), IsOk());
  EXPECT_EQ(Owed("ann"), 0);
  LiveAndCollectUntil(Day(2026, 2, 24));
  EXPECT_THAT(gateway_.Charged(), IsEmpty());
}

TEST_F(CollectionTest, AnAnswerThatWasLostIsFoundByTheJanitor) {
  ASSERT_THAT(Store("ann"), IsOk());
  ASSERT_THAT(Buy("ann", "basic"), IsOk());
  LiveUntil(Day(2026, 2, 14));
  gateway_.Be(Mood::kSilent);
  EXPECT_THAT(Collect(), HasMessage("the gateway answers no charge"));
  EXPECT_THAT(Collect(), IsOk());  // nothing else to ask for
  EXPECT_THAT(gateway_.Charged(), SizeIs(1));
  gateway_.FindPaid();
  clock_.Advance(31s);
  ASSERT_THAT(gateways_.LookAfterOpenAttempts(Soon()), IsOk());
  EXPECT_EQ(Owed("ann"), 0);
}

TEST_F(CollectionTest, OneThatNeverReachedTheGatewayIsTriedAgainForTheSameStep) {
  ASSERT_THAT(Store("ann"), IsOk());
  ASSERT_THAT(Buy("ann", "basic"), IsOk());
  LiveUntil(Day(2026, 2, 14));
  gateway_.Be(Mood::kSilent);
  EXPECT_FALSE(Collect().ok());
  gateway_.Charged();
  clock_.Advance(1h);
  (void)gateways_.LookAfterOpenAttempts(Soon());  // absent
  gateway_.Be(Mood::kPays);
  EXPECT_THAT(Collect(), IsOk());
  EXPECT_THAT(gateway_.Charged(), ElementsAre("ann 1000 tok-ann"));
  EXPECT_EQ(Owed("ann"), 0);
}

TEST_F(CollectionTest, TwoInstancesAndTwoRunsCollectOnce) {
  constexpr int kAccounts = 20;
  for (int i = 0; i < kAccounts; ++i) {
    const std::string id = "a" + std::to_string(i);
    Open(id, v1::CHARGING_POSTPAID);
    ASSERT_THAT(Store(id), IsOk());
    ASSERT_THAT(Buy(id, "basic"), IsOk());
  }
  GoTo(Day(2026, 2, 14));
  GatewaysService other({store_, entitlements_, metrics_, clock_, &gateway_});
  std::thread one([&] { EXPECT_THAT(Collect(), IsOk()); });
  std::thread two([&] { EXPECT_THAT(other.CollectDue(Today(), schedule_, Soon()), IsOk()); });
  one.join();
  two.join();
  EXPECT_THAT(Collect(), IsOk());
  EXPECT_THAT(gateway_.Charged(), SizeIs(kAccounts));
  EXPECT_EQ(Balance("clearing/card/EUR"), -1000 * kAccounts);
}

TEST_F(CollectionTest, AGatewayThatAnswersNobodyIsNotAskedForEverybody) {
  for (int i = 0; i < 20; ++i) {
    const std::string id = "a" + std::to_string(i);
    Open(id, v1::CHARGING_POSTPAID);
    ASSERT_THAT(Store(id), IsOk());
    ASSERT_THAT(Buy(id, "basic"), IsOk());
  }
  GoTo(Day(2026, 2, 14));
  gateway_.Be(Mood::kSilent);
  EXPECT_FALSE(Collect().ok());
  EXPECT_THAT(gateway_.Charged(), SizeIs(8));
}

TEST_F(CollectionTest, APaymentMethodIsReplacedReadAndRemoved) {
  v1::GetPaymentMethodRequest get;
  get.set_account_id("ann");
  EXPECT_THAT(gateways_.GetPaymentMethod(Call(), get), HasCode(absl::StatusCode::kNotFound));
  ASSERT_THAT(Store("ann"), IsOk());
  ASSERT_THAT(Store("ann", false), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::PaymentMethod stored, gateways_.GetPaymentMethod(Call(), get));
  EXPECT_EQ(stored.source(), "tok-ann");
  EXPECT_FALSE(stored.collects());
  v1::RemovePaymentMethodRequest remove;
  remove.set_idempotency_key(NewKey());
  remove.set_account_id("ann");
  ASSERT_THAT(gateways_.RemovePaymentMethod(Call(), remove), IsOk());
  EXPECT_THAT(gateways_.RemovePaymentMethod(Call(), remove), IsOk());  // the same command
  remove.set_idempotency_key(NewKey());
  EXPECT_THAT(gateways_.RemovePaymentMethod(Call(), remove), HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(Store("nobody"), HasCode(absl::StatusCode::kNotFound));
  v1::PutPaymentMethodRequest empty;
  empty.set_idempotency_key(NewKey());
  empty.set_account_id("ann");
  EXPECT_THAT(gateways_.PutPaymentMethod(Call(), empty), HasMessage("source is empty"));
}

TEST_F(CollectionTest, WhoAsksWithoutASourceUsesTheStoredOne) {
  ASSERT_THAT(Store("ann", false), IsOk());
  v1::CollectRequest request;
  request.set_idempotency_key(NewKey());
  request.set_account_id("ann");
  *request.mutable_amount() = ToProto(*holdfast::Money::Make(250, "EUR"));
  ASSERT_THAT(gateways_.Collect(Call(), request), IsOk());
  EXPECT_THAT(gateway_.Charged(), ElementsAre("ann 250 tok-ann"));
}

TEST_F(CollectionTest, AClosedAccountIsNotCollectedFrom) {
  ASSERT_THAT(Store("ann"), IsOk());
  ASSERT_THAT(Buy("ann", "basic"), IsOk());
  v1::CloseAccountRequest close;
  close.set_idempotency_key(NewKey());
  close.set_account_id("ann");
  ASSERT_THAT(service_.CloseAccount(Call(), close), IsOk());
  LiveAndCollectUntil(Day(2026, 2, 16));
  EXPECT_THAT(gateway_.Charged(), IsEmpty());
  EXPECT_THAT(Store("ann"), HasMessage("account ann is closed"));
}

}  // namespace
}  // namespace holdfast::billing

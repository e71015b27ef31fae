// Instances that share slots through a real Redis, and what becomes of them without it.
#include "services/middleware/stream_slot_sync.h"

#include <gtest/gtest.h>

#include <memory>

#include "holdfast/middleware/v1/replica_items.pb.h"
#include "libs/testing/eventually.h"
#include "libs/testing/fake_clock.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/test_redis.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;
using test::IsOk;

const AccountId kAccount("acc-1");

// With a clock of its own, which is not Redis' either.
struct Instance {
  Instance(const std::string& name, const std::string& redis_address, WallTime start)
      : clock(start),
        redis({.address = redis_address, .connect_timeout = 1s}, metrics),
        slots(
            {.leases = {.lease = 5min, .silent_lease = 10min, .reload_lease = 90s}, .shared = true},
            clock, metrics),
        sync(name, slots, redis, clock) {}

  bool Take(const char* device, int limit = 1) {
    return slots.Take(kAccount, {.device = device, .limit = limit});
  }
  absl::Status Exchange() { return sync.Exchange(Deadline::After(5s)); }
  int Count() const { return slots.Count(kAccount); }

  test::FakeClock clock;
  telemetry::Metrics metrics;
  storage::RedisPool redis;
  StreamSlots slots;
  StreamSlotSync sync;
};

class StreamSlotSyncTest : public testing::Test {
 protected:
  void ExchangeBoth() {
    ASSERT_THAT(a_.Exchange(), IsOk());
    ASSERT_THAT(b_.Exchange(), IsOk());
    ASSERT_THAT(a_.Exchange(), IsOk());
  }
  // After a failure the pool tries again only after a while.
  static void ExchangeOnceBack(Instance& instance) {
    ASSERT_TRUE(test::Eventually([&] { return instance.Exchange().ok(); }));
  }

  const std::unique_ptr<test::TestRedis> server_ = test::TestRedis::Start();
  Instance a_{"a", server_->address(), FromEpochSeconds(1767348000)};
  Instance b_{"b", server_->address(), FromEpochSeconds(1767348000 - 3 * 86'400)};
};

TEST_F(StreamSlotSyncTest, SlotsAreSharedAlsoBetweenClocksThatDiffer) {
  ASSERT_TRUE(a_.Take("one", 2));
  ASSERT_TRUE(b_.Take("two", 2));
  ExchangeBoth();
  EXPECT_EQ(a_.Count(), 2);
  EXPECT_EQ(b_.Count(), 2);
  EXPECT_FALSE(a_.Take("three", 2));
  EXPECT_FALSE(b_.Take("three", 2));
  const auto shown = b_.slots.List(kAccount);
  ASSERT_EQ(shown.size(), 2u);
  EXPECT_EQ(shown[0].device, "two") << "ranks are by the time that its instance gave it";
  EXPECT_EQ(shown[1].since_ms, 1767348000'000);
  // Within the lease, as long ago as it really was.
  EXPECT_LE(shown[1].ends_in, 10min);
  EXPECT_GT(shown[1].ends_in, 9min);

  // Later than what lay in Redis for a moment: its clock is the real one.
  for (Instance* instance : {&a_, &b_}) instance->clock.Advance(1min);
  EXPECT_TRUE(b_.slots.GiveBack(kAccount, "one"));
  ExchangeBoth();
  ExchangeBoth();
  EXPECT_EQ(a_.Count(), 1);
  b_.clock.Advance(10min);
  EXPECT_EQ(b_.Count(), 0) << "leases end without a word";
}

TEST_F(StreamSlotSyncTest, AnInstanceThatStartsKnowsWhoPlays) {
  for (int i = 0; i < 250; ++i) {
    a_.slots.Take(AccountId("acc-" + std::to_string(i)), {.device = "one", .limit = 1});
    ASSERT_THAT(a_.Exchange(), IsOk());  // an entry each: more than one reading takes
  }
  ASSERT_THAT(b_.Exchange(), IsOk());
  for (int i = 0; i < 250; ++i) {
    ASSERT_FALSE(b_.slots.WouldTake(AccountId("acc-" + std::to_string(i)), "two", 1)) << i;
  }
  // The same instance in a new run has to learn what it told itself.
  Instance again("a", server_->address(), FromEpochSeconds(1767348000));
  ASSERT_THAT(again.Exchange(), IsOk());
  EXPECT_FALSE(again.slots.WouldTake(AccountId("acc-7"), "two", 1));
}

TEST_F(StreamSlotSyncTest, WhatLiesInRedisEndsWithTheLongestLease) {
  a_.Take("one");
  ASSERT_THAT(a_.Exchange(), IsOk());
  const auto ttl = a_.redis.Call(Deadline::After(5s), {"PTTL", "stream-slots"});
  ASSERT_THAT(ttl, IsOk());
  EXPECT_GT(ttl->integer, 600'000);
  EXPECT_LE(ttl->integer, 630'000);
  // An entry of long ago goes with the next one. Redis removes whole nodes of its tree (100
  // entries), and no sooner.
  for (int i = 0; i < 300; ++i) {
    ASSERT_THAT(a_.redis.Call(Deadline::After(5s),
                              {"XADD", "old", "1000-" + std::to_string(i + 1), "i", "x", "b", ""}),
                IsOk());
  }
  ASSERT_THAT(a_.redis.Call(Deadline::After(5s), {"RENAME", "old", "stream-slots"}), IsOk());
  a_.Take("two", 2);
  ASSERT_THAT(a_.Exchange(), IsOk());
  const auto length = a_.redis.Call(Deadline::After(5s), {"XLEN", "stream-slots"});
  ASSERT_THAT(length, IsOk());
  EXPECT_LT(length->integer, 200);
}

TEST_F(StreamSlotSyncTest, WithoutRedisEachCountsWhatItSeesAndNothingIsRefusedForIt) {
  ASSERT_TRUE(a_.Take("one"));
  ExchangeBoth();
  server_->Kill();
  EXPECT_FALSE(a_.Exchange().ok());
  EXPECT_FALSE(b_.Exchange().ok());
  // What it last heard holds for its lease, what it sees itself too.
  EXPECT_FALSE(b_.Take("two"));
  b_.clock.Advance(10min);
  EXPECT_EQ(b_.slots.AloneSince(), 10min);
  EXPECT_TRUE(b_.Take("two"));
  EXPECT_FALSE(b_.Take("three")) << "the local count";
  EXPECT_TRUE(a_.Take("one")) << "goes on where it is";

  // It comes back empty: everybody tells everything again.
  server_->Restart();
  ExchangeOnceBack(a_);
  ExchangeOnceBack(b_);
  ASSERT_THAT(a_.Exchange(), IsOk());
  EXPECT_FALSE(b_.slots.AloneSince());
  EXPECT_EQ(a_.Count(), 2);
  EXPECT_EQ(b_.Count(), 2);
}

TEST_F(StreamSlotSyncTest, AHungRedisCostsTheJobItsDeadlineAndAZapNothing) {
  ASSERT_THAT(a_.Exchange(), IsOk());
  server_->Hang();
  EXPECT_FALSE(a_.sync.Exchange(Deadline::After(50ms)).ok());
  EXPECT_TRUE(a_.Take("one"));
  EXPECT_FALSE(a_.Take("two"));
  server_->Resume();
  ExchangeOnceBack(a_);
  ASSERT_THAT(b_.Exchange(), IsOk());
  EXPECT_EQ(b_.Count(), 1);
}

TEST_F(StreamSlotSyncTest, WhatIsNoneOfOursIsPassedOver) {
  ASSERT_THAT(a_.Exchange(), IsOk());
  const auto add = [&](const storage::RedisCommand& fields) {
    storage::RedisCommand command = {"XADD", "stream-slots", "*"};
    command.insert(command.end(), fields.begin(), fields.end());
    ASSERT_THAT(a_.redis.Call(Deadline::After(5s), command), IsOk());
  };
  v1::StreamSlotBatch batch;
  auto* change = batch.add_changes();
  change->set_account_id("acc-1");
  change->set_device("x");
  change->set_left_ms(1ll << 62);
  change->set_seen_ago_ms(-(1ll << 62));
  batch.add_changes();  // of no account
  add({"i", "c"});
  add({"i", "c", "b", std::string("\xff\xff\xff\0x", 5)});
  add({"i", "c", "b", ""});
  add({"i", "c", "b", batch.SerializeAsString()});
  add({"i", "c", "b", batch.SerializeAsString(), "more", "than that"});
  ASSERT_THAT(a_.Exchange(), IsOk());
  const auto shown = a_.slots.List(kAccount);
  ASSERT_EQ(shown.size(), 1u);
  EXPECT_LE(shown[0].ends_in, 10min) << "no longer than any lease";
  // Something else under our name: an error, and no more.
  ASSERT_THAT(a_.redis.Call(Deadline::After(5s), {"SET", "stream-slots", "x"}), IsOk());
  a_.Take("two", 2);
  EXPECT_FALSE(a_.Exchange().ok());
  ASSERT_THAT(a_.redis.Call(Deadline::After(5s), {"DEL", "stream-slots"}), IsOk());
  ASSERT_THAT(a_.Exchange(), IsOk());
  ASSERT_THAT(b_.Exchange(), IsOk());
  EXPECT_EQ(b_.Count(), 1);
}

}  // namespace
}  // namespace holdfast::middleware

// Several instances that share the slots of an account, without Redis between them: what is
// promised of any sequence of zaps, stops, losses of power and players of all kinds.
#include "services/middleware/stream_slots.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <vector>

#include "libs/base/random.h"
#include "libs/testing/fake_clock.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

const AccountId kAccount("acc-1");
constexpr StreamLeases kLeases{.lease = 5min, .silent_lease = 10min, .reload_lease = 90s};
// An instance tells and hears every 500 ms: a change is known everywhere within a second.
constexpr milliseconds kTick = 250ms;
constexpr milliseconds kSlack = 1100ms;

// Instances and what they told one another. Every other tick is one instance's to speak.
class Instances {
 public:
  Instances(std::size_t count, test::FakeClock& clock) : clock_(clock), heard_(count) {
    for (std::size_t i = 0; i < count; ++i) {
      slots_.push_back(std::make_unique<StreamSlots>(
          StreamSlots::Options{.leases = kLeases, .shared = true}, clock, metrics_));
    }
  }

  StreamSlots& operator[](std::size_t i) { return *slots_[i]; }
  std::size_t size() const { return slots_.size(); }

  void Tick() {
    clock_.Advance(kTick);
    ++ticks_;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if ((ticks_ + i) % 2 == 0) Exchange(i);
    }
    if (ticks_ % 4 == 0) {
      for (auto& slots : slots_) slots->Sweep();
    }
  }

  void Exchange(std::size_t i) {
    for (; heard_[i] < told_.size(); ++heard_[i]) {
      const auto& [from, change] = told_[heard_[i]];
      if (from != i) slots_[i]->Learn(change.account, change.slot);
    }
    for (StreamChange& change : slots_[i]->TakeChanges(1000)) {
      change.slot.mine = change.slot.queued = false;
      change.slot.content = 0;
      told_.emplace_back(i, std::move(change));
    }
    slots_[i]->HeardOthers();
  }

  std::size_t told() const { return told_.size(); }

 private:
  test::FakeClock& clock_;
  telemetry::Metrics metrics_;
  std::vector<std::unique_ptr<StreamSlots>> slots_;
  std::vector<std::size_t> heard_;
  std::vector<std::pair<std::size_t, StreamChange>> told_;
  std::size_t ticks_ = 0;
};

// What is true of a device, whatever the instances believe.
struct Truth {
  enum class Kind { kBox, kReturning, kSilent };
  Kind kind = Kind::kBox;
  std::string name;
  bool plays = false;
  bool has_counted = false;
  SteadyTime granted;    // of the slot it plays with
  SteadyTime last_sign;  // of playing
  SteadyTime next_sign;
  SteadyTime told_stop;  // when it said that it stopped; later than last_sign then
  std::uint64_t content = 0;

  // How long after its last sign an instance may count it. One that comes back for reloads is known
  // as such after a few of them only.
  milliseconds lease() const { return kind == Kind::kBox ? kLeases.lease : kLeases.silent_lease; }
  // How long all of them do: signs are told when half of what was told before is over.
  milliseconds counted_for() const {
    return (kind == Kind::kReturning ? kLeases.reload_lease : kLeases.lease) / 2;
  }
};

class StreamSlotsPropertyTest : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    const auto kinds = {Truth::Kind::kBox,       Truth::Kind::kBox,    Truth::Kind::kReturning,
                        Truth::Kind::kReturning, Truth::Kind::kSilent, Truth::Kind::kSilent};
    for (const Truth::Kind kind : kinds) {
      devices_.push_back({.kind = kind, .name = "device-" + std::to_string(devices_.size())});
    }
  }

  SteadyTime now() const { return clock_.SteadyNow(); }
  StreamSlots& AnInstance() { return instances_[random_.Below(instances_.size())]; }

  // Others of which some instance may rightly believe that they play.
  int MayCount(const Truth& self) const {
    int count = 0;
    for (const Truth& device : devices_) {
      if (&device == &self || !device.has_counted) continue;
      const bool stopped = device.told_stop > device.last_sign;
      count += device.plays || (stopped ? now() - device.told_stop <= kSlack
                                        : now() - device.last_sign <= device.lease() + kSlack);
    }
    return count;
  }
  // Others that every instance knows to play: with a slot for longer than the slack, and a sign
  // lately.
  int MustCount(const Truth& self) const {
    int count = 0;
    for (const Truth& device : devices_) {
      if (&device == &self || !device.plays) continue;
      count += now() - device.granted > kSlack &&
               now() - device.last_sign < device.counted_for() - kSlack;
    }
    return count;
  }

  void Ask(Truth& device) {
    const bool surely_had =
        device.plays && now() - device.last_sign < device.counted_for() - kSlack;
    const bool surely_had_not =
        !device.has_counted ||
        (device.told_stop > device.last_sign && device.told_stop + kSlack < now()) ||
        (now() - device.last_sign > device.lease() + kSlack);
    const bool may = AnInstance().Take(kAccount, {.device = device.name,
                                                  .limit = limit_,
                                                  .content = device.content,
                                                  .reloads = device.kind != Truth::Kind::kBox});
    if (!may) {
      EXPECT_GE(MayCount(device), limit_) << device.name << " was refused for nobody";
      ++refused_;
      // The player shows the refusal; what it said before counts no more.
      if (device.plays) device.told_stop = now() + 1ms;
      device.plays = false;
      return;
    }
    if (surely_had_not) {
      EXPECT_LT(MustCount(device), limit_) << device.name << " was let in beside all places";
    }
    if (!surely_had) {
      device.granted = now();
      ++granted_;
    }
    device.plays = device.has_counted = true;
    device.last_sign = now();
    if (device.kind == Truth::Kind::kBox) {
      clock_.Advance(1ms);
      AnInstance().Plays(kAccount, device.name);
      device.last_sign = now();
    }
    device.next_sign = now() + (device.kind == Truth::Kind::kBox ? 120s : 6s);
  }

  void Live(Truth& device) {
    if (device.plays && device.kind != Truth::Kind::kSilent && now() >= device.next_sign) {
      if (device.kind == Truth::Kind::kReturning) return Ask(device);
      AnInstance().Heartbeat(kAccount, device.name, true);
      device.last_sign = now();
      device.next_sign = now() + 120s;
    }
    const std::uint64_t what = random_.Below(1000);
    if (!device.plays) {
      if (what < 5) {
        device.content = 1 + random_.Below(5);
        Ask(device);
      }
      return;
    }
    if (what < 20) {  // zaps, often several times
      for (std::uint64_t i = 0; device.plays && i <= random_.Below(4); ++i) {
        device.content = 1 + random_.Below(5);
        Ask(device);
      }
    } else if (what < 22 && device.kind == Truth::Kind::kBox) {
      AnInstance().GiveBack(kAccount, device.name);
      device.told_stop = now() + 1ms;
      device.plays = false;
    } else if (what < 24) {
      device.plays = false;  // loses its power
    }
  }

  void CheckBounds() {
    int playing = 0;
    for (const Truth& device : devices_) {
      playing += device.plays && now() - device.last_sign < device.counted_for();
    }
    most_ = std::max(most_, playing);
    EXPECT_LE(playing, limit_ * static_cast<int>(instances_.size()));
  }

  const std::uint64_t seed_ = static_cast<std::uint64_t>(GetParam());
  SeededRandom random_{seed_};
  test::FakeClock clock_;
  Instances instances_{1 + seed_ % 3, clock_};
  const int limit_ = 1 + static_cast<int>(seed_ / 3 % 3);
  std::vector<Truth> devices_;
  int granted_ = 0, refused_ = 0, most_ = 0;
};

TEST_P(StreamSlotsPropertyTest, NobodyIsRefusedForNothingAndNobodyIsLetInBesideAllPlaces) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  for (int i = 0; i < 20'000 && !HasFailure(); ++i) {
    instances_.Tick();
    for (Truth& device : devices_) Live(device);
    CheckBounds();
  }
  // The test has seen both.
  EXPECT_GT(granted_, 10);
  EXPECT_GT(refused_, 10);
  EXPECT_GE(most_, limit_);
  if (instances_.size() == 1) {
    EXPECT_LE(most_, limit_) << "one instance never lets in too many";
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, StreamSlotsPropertyTest, testing::Range(0, 18));

class StreamSlotsTest : public testing::Test {
 protected:
  bool Take(StreamSlots& slots, const char* device, int limit = 1) {
    return slots.Take(kAccount, {.device = device, .limit = limit});
  }
  void Ticks(int count) {
    for (int i = 0; i < count; ++i) two_.Tick();
  }

  test::FakeClock clock_;
  telemetry::Metrics metrics_;
  Instances two_{2, clock_};
};

TEST_F(StreamSlotsTest, AChangeIsKnownEverywhereWithinASecond) {
  ASSERT_TRUE(Take(two_[0], "a"));
  Ticks(4);
  EXPECT_EQ(two_[1].Count(kAccount), 1);
  EXPECT_FALSE(Take(two_[1], "b"));
  EXPECT_TRUE(two_[1].GiveBack(kAccount, "a"));
  Ticks(4);
  EXPECT_EQ(two_[0].Count(kAccount), 0);
  EXPECT_TRUE(Take(two_[0], "b"));
}

TEST_F(StreamSlotsTest, TheLaterOfTwoThatTookTheLastPlaceAtOnceIsRefusedEverywhere) {
  ASSERT_TRUE(Take(two_[0], "a"));
  clock_.Advance(10ms);
  ASSERT_TRUE(Take(two_[1], "b")) << "not heard of yet";
  Ticks(4);
  for (const std::size_t i : {0u, 1u}) {
    EXPECT_TRUE(two_[i].WouldTake(kAccount, "a", 1));
    EXPECT_FALSE(two_[i].WouldTake(kAccount, "b", 1));
  }
  EXPECT_FALSE(Take(two_[0], "b"));
  Ticks(4);
  EXPECT_EQ(two_[1].Count(kAccount), 1);
}

TEST_F(StreamSlotsTest, AHouseholdThatRestartsAllItsBoxesKeepsItsPlaces) {
  for (int round = 0; round < 20; ++round) {
    // Through whichever instance, in whichever order.
    EXPECT_TRUE(Take(two_[round % 2], round % 3 == 0 ? "a" : "b", 2)) << round;
    EXPECT_TRUE(Take(two_[(round + 1) % 2], round % 3 == 0 ? "b" : "a", 2)) << round;
    Ticks(round);
  }
}

TEST_F(StreamSlotsTest, SignsOfABoxThatGoesOnAreToldSeldom) {
  Take(two_[0], "a");
  two_[0].Plays(kAccount, "a");
  Ticks(4);
  const std::size_t before = two_.told();
  for (int minute = 0; minute < 60; ++minute) {
    two_[0].Heartbeat(kAccount, "a", true);
    Ticks(4 * 60);
    ASSERT_EQ(two_[1].Count(kAccount), 1) << minute;
  }
  EXPECT_LE(two_.told() - before, 25u);
}

TEST_F(StreamSlotsTest, WhoIsCountedOnlyIsNotRefused) {
  StreamSlots counts({.mode = StreamSlots::Mode::kCount}, clock_, metrics_);
  for (const char* device : {"a", "b", "c"}) EXPECT_TRUE(Take(counts, device));
  EXPECT_EQ(counts.Count(kAccount), 3);
  const std::string scrape = metrics_.Scrape();
  EXPECT_NE(scrape.find("stream_slots_total{result=\"beyond_limit\"} 2"), std::string::npos)
      << scrape;
  StreamSlots off({.mode = StreamSlots::Mode::kOff}, clock_, metrics_);
  for (const char* device : {"a", "b", "c"}) EXPECT_TRUE(Take(off, device));
  EXPECT_EQ(off.Count(kAccount), 0);
}

TEST_F(StreamSlotsTest, DevicesOfNoAccountAreNotCounted) {
  for (const char* device : {"a", "b"}) {
    EXPECT_TRUE(two_[0].Take(AccountId(), {.device = device, .limit = 1}));
  }
  EXPECT_EQ(two_[0].Count(AccountId()), 0);
}

TEST_F(StreamSlotsTest, WhatCouldNotBeToldIsToldLater) {
  Take(two_[0], "a");
  Take(two_[0], "b", 2);
  two_[0].GiveBack(kAccount, "b");
  const auto changes = two_[0].TakeChanges(100);
  EXPECT_EQ(changes.size(), 2u);
  EXPECT_TRUE(two_[0].TakeChanges(100).empty());
  two_[0].PutBack(changes);
  two_[0].PutBack(changes);
  EXPECT_EQ(two_[0].TakeChanges(1).size(), 1u);
  EXPECT_EQ(two_[0].TakeChanges(100).size(), 1u);
  two_[0].TellAgain();
  EXPECT_EQ(two_[0].TakeChanges(100).size(), 1u) << "what ended is not told again";
}

TEST_F(StreamSlotsTest, ALongOutageOfRedisDoesNotFillTheMemory) {
  StreamSlots& slots = two_[0];
  for (int hour = 0; hour < 20; ++hour) {
    for (int i = 0; i < 20'000; ++i) {
      slots.Take(AccountId("acc-" + std::to_string(hour) + "-" + std::to_string(i)),
                 {.device = "a", .limit = 1});
    }
    clock_.Advance(1h);
    for (int i = 0; i < 16; ++i) slots.Sweep();
  }
  // What ended is not told any more, and what waited for it is gone.
  EXPECT_TRUE(slots.TakeChanges(1'000'000).empty());
  slots.Take(kAccount, {.device = "a", .limit = 1});
  EXPECT_EQ(slots.TakeChanges(1'000'000).size(), 1u);
}

TEST_F(StreamSlotsTest, AnInstanceThatHearsNothingSaysForHowLong) {
  EXPECT_FALSE(two_[0].AloneSince());
  clock_.Advance(9s);
  EXPECT_FALSE(two_[0].AloneSince());
  clock_.Advance(1s);
  EXPECT_EQ(two_[0].AloneSince(), 10s);
  two_[0].HeardOthers();
  EXPECT_FALSE(two_[0].AloneSince());
  clock_.Advance(15s);
  EXPECT_EQ(two_[0].AloneSince(), 15s);
  StreamSlots alone({.shared = false}, clock_, metrics_);
  clock_.Advance(1h);
  EXPECT_FALSE(alone.AloneSince()) << "there is nobody to hear";
}

TEST_F(StreamSlotsTest, AccountsThatEndedAreForgotten) {
  for (int i = 0; i < 1000; ++i) {
    two_[0].Take(AccountId("acc-" + std::to_string(i)), {.device = "a", .limit = 1});
  }
  two_[0].TakeChanges(10'000);
  clock_.Advance(11min);
  for (int i = 0; i < 16; ++i) two_[0].Sweep();
  two_[0].TellAgain();
  EXPECT_TRUE(two_[0].TakeChanges(10'000).empty());
}

}  // namespace
}  // namespace holdfast::middleware

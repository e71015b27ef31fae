// The model itself: that the simulated world breaks in the ways that it says it breaks.
#include <gtest/gtest.h>

#include "tests/sim/boxes.h"
#include "tests/sim/scenario.h"

namespace holdfast::sim {
namespace {

using namespace std::chrono_literals;

TEST(Recorder, QuantilesAreExactToATenth) {
  TimeHistogram times;
  for (int i = 1; i <= 10'000; ++i) times.Add(std::chrono::microseconds(i * 10));
  for (const double q : {0.5, 0.9, 0.99}) {
    const double seen = std::chrono::duration<double, std::milli>(times.Quantile(q)).count();
    EXPECT_GE(seen, 100 * q * 0.99);
    EXPECT_LE(seen, 100 * q * 1.13);
  }
}

TEST(Slab, AHandleNoticesThatItsThingHasGone) {
  Slab<int> slab;
  const Handle first = slab.Make();
  *slab.Find(first) = 7;
  slab.Free(first);
  const Handle second = slab.Make();
  EXPECT_EQ(slab.Find(first), nullptr);
  EXPECT_NE(slab.Find(second), nullptr);
  EXPECT_EQ(slab.in_use(), 1u);
}

TEST(Network, ACutSwallowsWhatIsSentOneWay) {
  Dice dice(1);
  Network network({}, dice);
  network.CutZones(0, 1, true);
  const Place a = {.node = 0, .zone = 0};
  const Place b = {.node = 1, .zone = 1};
  EXPECT_FALSE(network.Travel(a, b));
  EXPECT_TRUE(network.Travel(b, a));
  network.CutZones(0, 1, false);
  EXPECT_TRUE(network.Travel(a, b));
}

TEST(Network, LossMakesMessagesLate) {
  Dice dice(1);
  Network network({}, dice);
  network.SetLoss(1, 0.3);
  int late = 0;
  for (int i = 0; i < 10'000; ++i) {
    late += *network.Travel({.node = 0, .zone = 0}, {.node = 1, .zone = 0}) > 100ms;
  }
  EXPECT_NEAR(late, 3000, 200);
}

TEST(World, NothingOfThePolicyHelpsWhenEverybodyIsDead) {
  Stage stage({.back_per_zone = 1, .load = 0.2}, 1);
  for (std::size_t n = 0; n < 3; ++n) stage.BackProcess(n).Crash();
  const Window dark = stage.Run(5s);
  EXPECT_GT(dark.all().calls, 0u);
  EXPECT_EQ(dark.all().good(), 0u);
  for (std::size_t n = 0; n < 3; ++n) stage.BackProcess(n).Start(10ms);
  stage.Run(5s);
  EXPECT_EQ(stage.Run(1s).all().failed, 0u);
}

TEST(World, WhatWasUnderWayIsForgottenInTheEnd) {
  Stage stage({}, 1);
  stage.BackProcess(0).Freeze();
  stage.Run(2s);
  stage.BackProcess(1).Crash();
  for (int i = 0; i < 4; ++i) stage.SetRate(static_cast<Criticality>(i), 0);
  stage.Run(1s);
  stage.BackProcess(0).Thaw();
  stage.Run(2s);
  EXPECT_EQ(stage.world.requests.in_use(), 0u);
}

TEST(OwnClock, RunsAtItsOwnSpeedAndItsTimersWithIt) {
  Timeline timeline;
  OwnClock fast(timeline);
  const SteadyTime start = fast.SteadyNow();
  fast.SetRate(1.05);
  timeline.RunFor(100s);
  EXPECT_EQ(fast.SteadyNow() - start, 105s);
  fast.SetRate(1);
  timeline.RunFor(100s);
  EXPECT_EQ(fast.SteadyNow() - start, 205s);
}

// Remembers how late by its own clock it was told.
class OnTime final : public Actor {
 public:
  OnTime(OwnClock& clock, Duration wait) : clock_(clock), due_(clock.SteadyNow() + wait) {
    clock.In(wait, *this, 0);
  }
  void Act(std::uint32_t, std::uint64_t) override { late = clock_.SteadyNow() - due_; }

  Duration late = Duration::min();

 private:
  OwnClock& clock_;
  const SteadyTime due_;
};

TEST(OwnClock, NoTimerEndsBeforeItsTime) {
  for (const double rate : {0.95, 1.0, 1.01, 1.05}) {
    Timeline timeline;
    OwnClock clock(timeline);
    clock.SetRate(rate);
    Dice dice(1);
    for (int i = 0; i < 10'000; ++i) {
      OnTime timer(clock, dice.Between(1ns, 10ms));
      timeline.RunFor(11ms);
      ASSERT_GE(timer.late, 0ns) << "rate " << rate << ", timer " << i;
      ASSERT_LE(timer.late, 4ns) << "rate " << rate << ", timer " << i;
    }
  }
}

TEST(OwnClock, OfASuspendedMachineIsLateAndItsWallClockIsNot) {
  Timeline timeline;
  OwnClock clock(timeline);
  timeline.RunFor(10s);
  clock.StoodStill(4s);
  EXPECT_EQ(timeline.SteadyNow() - clock.SteadyNow(), 4s);
  EXPECT_EQ(clock.Now(), timeline.Now());
}

// Who sent a request of its own by hand.
class Waiting final : public Sender {
 public:
  void Answered(Handle) override { ++answers; }
  int answers = 0;
};

TEST(Process, TimersOfASuspendedMachineWaitWithIt) {
  Stage stage({.load = 0, .work = 50ms}, 1);
  Process& back = stage.BackProcess(0);
  Waiting waiting;
  stage.world.post.Send({.sender = &waiting, .to = back.index(), .wanted_for = 1s});
  stage.world.RunFor(5ms);
  back.Suspend(3s);
  stage.world.RunFor(3s);
  EXPECT_EQ(waiting.answers, 0);  // its work was not done meanwhile
  stage.world.RunFor(500ms);
  EXPECT_EQ(waiting.answers, 1);
  EXPECT_EQ(stage.world.timeline.SteadyNow() - back.clock().SteadyNow(), 3s);
}

TEST(InlineGate, ShedsFromTheBottomAndForgetsIt) {
  Stage stage({.back_per_zone = 1, .load = 0.5, .work = 2ms, .from_memory = true}, 1);
  stage.Surge(5);
  // Until the level has risen calls of all classes wait alike, and a few too long.
  const Window onset = stage.Run(1s);
  EXPECT_LE(onset.critical().failed * 100, onset.critical().calls);
  const Window storm = stage.Run(2s);
  EXPECT_EQ(storm.critical().failed, 0u);
  EXPECT_GT(storm.calls[3].failed, storm.calls[3].calls / 2);
  EXPECT_GT(stage.BackProcess(0).server().shed_level(), 0);
  stage.Surge(1);
  stage.Run(7s);
  EXPECT_EQ(stage.BackProcess(0).server().shed_level(), 0);
  EXPECT_EQ(stage.Run(1s).all().failed, 0u);
}

class BoxesTest : public testing::Test {
 protected:
  static std::vector<ServiceSpec> Plant() {
    ServiceSpec portal = {
        .name = "middleware",
        .methods = Boxes::PortalMethods(
            {.billing = 1, .profile_asks_billing = 1, .epg = 1, .guide_asks_epg = 1}),
        .calls = {1}};
    ServiceSpec behind = {.name = "behind", .methods = {{.name = "Get", .work = 1ms}}};
    return {std::move(portal), std::move(behind)};
  }

  World world_{Plant(), 1};
  Boxes boxes_{world_, 0, 100};
};

TEST_F(BoxesTest, StartWithEightQuestionsAndThenZapAndLog) {
  boxes_.SwitchOn(1s);
  world_.RunFor(30s);
  const Boxes::Seen seen = boxes_.Look();
  EXPECT_EQ(boxes_.watching(), 100u);
  EXPECT_EQ(seen.started, 100u);
  EXPECT_EQ(seen.all().failed, 0u);
  EXPECT_EQ(seen.asked[static_cast<std::size_t>(BoxCall::kHandshake)].calls, 100u);
  EXPECT_GE(seen.zaps().calls, 100u);
}

TEST_F(BoxesTest, GiveUpWhenThePortalIsAwayForHalfAMinute) {
  for (const std::size_t portal : world_.of(0)) world_.process(portal).Crash();
  boxes_.SwitchOn(1s);
  world_.RunFor(40s);
  EXPECT_EQ(boxes_.Look().gave_up, 100u);
  EXPECT_EQ(boxes_.watching(), 0u);
}

TEST_F(BoxesTest, AreServedWithoutTheServicesBehindThePortal) {
  for (const std::size_t behind : world_.of(1)) world_.process(behind).Crash();
  boxes_.SwitchOn(1s);
  world_.RunFor(30s);
  EXPECT_EQ(boxes_.watching(), 100u);
  EXPECT_EQ(boxes_.Look().all().failed, 0u);
}

}  // namespace
}  // namespace holdfast::sim

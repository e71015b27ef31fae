#include "libs/rpc/peer.h"

#include <gtest/gtest.h>

#include "libs/rpc/pick_instance.h"
#include "libs/testing/fake_clock.h"

namespace holdfast::rpc {
namespace {

using namespace std::chrono_literals;
using Health = Peer::Health;

class PeerTest : public testing::Test {
 protected:
  void Call(Peer& peer, TryOutcome outcome, Duration takes = 10ms) {
    Peer::Attempt attempt = peer.Begin();
    clock_.Advance(takes);
    attempt.Finish(outcome);
  }
  void Fail(int times) {
    for (int i = 0; i < times; ++i) Call(peer_, TryOutcome::kFailed);
  }

  test::FakeClock clock_;
  Peer peer_{{.id = "echo-0", .address = "127.0.0.1:1", .zone = "a"}, {}, clock_};
};

TEST_F(PeerTest, ANewInstanceIsUsedAfterItsFirstGoodProbe) {
  EXPECT_FALSE(peer_.usable());
  EXPECT_TRUE(peer_.ProbeSucceeded());
  EXPECT_TRUE(peer_.usable());
  EXPECT_FALSE(peer_.ProbeSucceeded());
}

TEST_F(PeerTest, OneLostProbeIsForgivenTwoAreNot) {
  peer_.ProbeSucceeded();
  peer_.ProbeFailed("late");
  peer_.ProbeSucceeded();
  peer_.ProbeFailed("late");
  EXPECT_TRUE(peer_.usable());
  peer_.ProbeFailed("late");
  EXPECT_EQ(peer_.health(), Health::kDown);
}

TEST_F(PeerTest, ABrokenConnectionCountsAtOnce) {
  peer_.ProbeSucceeded();
  peer_.ConnectionLost("reset");
  EXPECT_FALSE(peer_.usable());
}

TEST_F(PeerTest, ADrainingInstanceLeavesAtOnce) {
  peer_.ProbeSucceeded();
  peer_.SaidNotServing();
  EXPECT_FALSE(peer_.usable());
}

TEST_F(PeerTest, ComesBackAfterTwoGoodProbesInARow) {
  peer_.ProbeSucceeded();
  peer_.ConnectionLost("reset");
  peer_.ProbeSucceeded();
  peer_.ProbeFailed("refused");
  peer_.ProbeSucceeded();
  EXPECT_FALSE(peer_.usable());
  EXPECT_TRUE(peer_.ProbeSucceeded());
  EXPECT_TRUE(peer_.usable());
}

TEST_F(PeerTest, LeavesWhenItFailsCallsThoughItAnswersProbes) {
  peer_.ProbeSucceeded();
  Fail(3);
  EXPECT_EQ(peer_.health(), Health::kUp);
  EXPECT_FALSE(peer_.usable());
}

TEST_F(PeerTest, RefusalsForWantOfRoomDoNotEjectIt) {
  peer_.ProbeSucceeded();
  for (int i = 0; i < 20; ++i) Call(peer_, TryOutcome::kFull, 1ms);
  EXPECT_TRUE(peer_.usable());
  EXPECT_NEAR(peer_.Load(), 0.02, 0.001) << "but others are preferred for a moment";
}

TEST_F(PeerTest, OneGoodCanaryBringsItBack) {
  peer_.ProbeSucceeded();
  Fail(3);
  EXPECT_FALSE(peer_.BeginCanary());
  clock_.Advance(1s);
  auto canary = peer_.BeginCanary();
  ASSERT_TRUE(canary);
  EXPECT_FALSE(peer_.BeginCanary()) << "one at a time";
  EXPECT_FALSE(peer_.usable()) << "no caller is the canary";
  canary->Finish(TryOutcome::kAnswered);
  EXPECT_TRUE(peer_.usable());
}

TEST_F(PeerTest, ABadCanaryKeepsItOut) {
  peer_.ProbeSucceeded();
  Fail(3);
  clock_.Advance(1s);
  peer_.BeginCanary()->Finish(TryOutcome::kFailed);
  EXPECT_FALSE(peer_.BeginCanary());
  EXPECT_FALSE(peer_.usable());
}

TEST_F(PeerTest, WhereNothingCanBeCopiedARealCallIsTheCanaryInTheEnd) {
  peer_.ProbeSucceeded();
  Fail(3);
  clock_.Advance(5999ms);
  EXPECT_FALSE(peer_.usable());
  clock_.Advance(1ms);
  EXPECT_TRUE(peer_.usable());
  Call(peer_, TryOutcome::kFailed);
  EXPECT_FALSE(peer_.usable());
  clock_.Advance(6s);
  Call(peer_, TryOutcome::kAnswered);
  EXPECT_TRUE(peer_.usable());
}

TEST_F(PeerTest, LoadGrowsWithCallsUnderWayAndShrinksWithWeight) {
  Peer heavy({.id = "echo-1", .weight = 200}, {}, clock_);
  Call(peer_, TryOutcome::kAnswered);
  Call(heavy, TryOutcome::kAnswered);
  const double idle = peer_.Load();
  const Peer::Attempt under_way = peer_.Begin();
  EXPECT_DOUBLE_EQ(peer_.Load(), 2 * idle);
  EXPECT_LT(heavy.Load(), idle);
}

TEST_F(PeerTest, ASlowAnswerCountsAtOnceAndIsForgottenSlowly) {
  Call(peer_, TryOutcome::kAnswered, 1ms);
  Call(peer_, TryOutcome::kAnswered, 100ms);
  EXPECT_NEAR(peer_.Load(), 0.1, 0.001);
  Call(peer_, TryOutcome::kAnswered, 1ms);
  EXPECT_NEAR(peer_.Load(), 0.1, 0.001);
  clock_.Advance(1s);
  EXPECT_NEAR(peer_.Load(), 0.1 / 2.718, 0.002);
}

TEST_F(PeerTest, FailingFastDoesNotLookFast) {
  Call(peer_, TryOutcome::kFailed, 1ms);
  EXPECT_NEAR(peer_.Load(), 0.02, 0.001);
}

TEST_F(PeerTest, AnInstanceThatOwesItsFirstAnswerGetsNoSecondCall) {
  Peer known({.id = "echo-1"}, {}, clock_);
  Call(known, TryOutcome::kAnswered, 500ms);
  EXPECT_LT(peer_.Load(), known.Load());
  const Peer::Attempt first = peer_.Begin();
  EXPECT_GT(peer_.Load(), known.Load());
}

TEST_F(PeerTest, AnInstanceThatComesBackBeginsAnew) {
  peer_.ProbeSucceeded();
  Call(peer_, TryOutcome::kFailed, 200ms);
  peer_.ConnectionLost("reset");
  peer_.ProbeSucceeded();
  peer_.ProbeSucceeded();
  EXPECT_EQ(peer_.Load(), 0);
  Call(peer_, TryOutcome::kAnswered, 2ms);
  EXPECT_NEAR(peer_.Load(), 0.002, 0.0001);
}

TEST_F(PeerTest, AnAttemptThatWasDroppedLeavesNoTrace) {
  peer_.ProbeSucceeded();
  for (int i = 0; i < 10; ++i) Peer::Attempt dropped = peer_.Begin();
  EXPECT_EQ(peer_.outstanding(), 0);
  EXPECT_TRUE(peer_.usable());
}

class PickInstanceTest : public testing::Test {
 protected:
  Peer& Add(const std::string& zone, Health health) {
    peers_.push_back(std::make_unique<Peer>(
        discovery::Instance{.id = "echo-" + std::to_string(peers_.size()), .zone = zone},
        Peer::Options(), clock_));
    Peer& peer = *peers_.back();
    if (health != Health::kUnproven) peer.ProbeSucceeded();
    if (health == Health::kDown) peer.ConnectionLost("test");
    list_.push_back(&peer);
    return peer;
  }
  std::optional<std::size_t> Pick(const std::vector<std::size_t>& tried = {}) {
    return PickInstance(list_, tried, "a", random_);
  }
  // How often each was picked in 1000.
  std::vector<int> Picks() {
    std::vector<int> picks(list_.size());
    for (int i = 0; i < 1000; ++i) ++picks[*Pick()];
    return picks;
  }

  test::FakeClock clock_;
  SeededRandom random_{7};
  std::vector<std::unique_ptr<Peer>> peers_;
  std::vector<Peer*> list_;
};

TEST_F(PickInstanceTest, NobodyToPick) { EXPECT_EQ(Pick(), std::nullopt); }

TEST_F(PickInstanceTest, StaysInItsZoneWhileSomebodyIsThere) {
  Add("b", Health::kUp);
  Add("a", Health::kUp);
  Add("b", Health::kUp);
  EXPECT_EQ(Picks()[1], 1000);
}

TEST_F(PickInstanceTest, LeavesItsZoneWhenNobodyIsUsableThere) {
  Add("b", Health::kUp);
  Add("a", Health::kDown);
  Add("a", Health::kUnproven);
  EXPECT_EQ(Picks()[0], 1000);
}

TEST_F(PickInstanceTest, SpreadsOverEqualOnes) {
  for (int i = 0; i < 3; ++i) Add("a", Health::kUp);
  for (const int picks : Picks()) EXPECT_GT(picks, 200);
}

TEST_F(PickInstanceTest, PrefersTheLessLoaded) {
  Peer& slow = Add("a", Health::kUp);
  Peer& fast = Add("a", Health::kUp);
  for (Peer* peer : {&slow, &fast}) {
    Peer::Attempt attempt = peer->Begin();
    clock_.Advance(peer == &slow ? 100ms : 1ms);
    attempt.Finish(TryOutcome::kAnswered);
  }
  EXPECT_EQ(Picks()[1], 1000);
}

TEST_F(PickInstanceTest, ARetryGoesElsewhereEvenToADoubtfulOne) {
  Add("a", Health::kUp);
  Add("a", Health::kDown);
  EXPECT_EQ(Pick({0}), 1u);
  EXPECT_EQ(Pick({0, 1}), std::nullopt);
}

TEST_F(PickInstanceTest, DoubtsAboutAllChangeNothing) {
  for (int i = 0; i < 3; ++i) Add("a", Health::kDown);
  for (const int picks : Picks()) EXPECT_GT(picks, 200);
}

TEST_F(PickInstanceTest, TheOnlyInstanceIsNeverEjected) {
  Peer& only = Add("a", Health::kUp);
  for (int i = 0; i < 10; ++i) only.Begin().Finish(TryOutcome::kFailed);
  EXPECT_FALSE(only.usable());
  EXPECT_EQ(Pick(), 0u);
}

TEST_F(PickInstanceTest, WithTwoTheFailingOneIsLeftOut) {
  Peer& failing = Add("a", Health::kUp);
  Add("a", Health::kUp);
  for (int i = 0; i < 3; ++i) failing.Begin().Finish(TryOutcome::kFailed);
  EXPECT_EQ(Picks()[1], 1000);
}

// For any mixture of instances: somebody untried is always picked, nobody twice, and never a
// doubtful one while a usable one is left.
TEST_F(PickInstanceTest, AlwaysFindsTheBestThatIsLeft) {
  const std::uint64_t seed = SecureSeed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededRandom random(seed);
  for (int run = 0; run < 300; ++run) {
    peers_.clear();
    list_.clear();
    const std::size_t count = 1 + random.Below(5);
    for (std::size_t i = 0; i < count; ++i) {
      Peer& peer = Add(random.Below(2) == 0 ? "a" : "b", static_cast<Health>(random.Below(3)));
      for (auto failures = random.Below(5); failures > 0; --failures) {
        peer.Begin().Finish(TryOutcome::kFailed);
      }
    }
    std::vector<std::size_t> tried;
    bool doubtful_seen = false;
    while (const auto picked = Pick(tried)) {
      ASSERT_EQ(std::count(tried.begin(), tried.end(), *picked), 0);
      ASSERT_FALSE(doubtful_seen && list_[*picked]->usable());
      doubtful_seen = doubtful_seen || !list_[*picked]->usable();
      tried.push_back(*picked);
    }
    EXPECT_EQ(tried.size(), count);
  }
}

}  // namespace
}  // namespace holdfast::rpc

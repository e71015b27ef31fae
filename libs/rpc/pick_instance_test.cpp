#include "libs/rpc/pick_instance.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <list>
#include <numeric>
#include <string>
#include <vector>

#include "libs/testing/fake_clock.h"

namespace holdfast::rpc {
namespace {

using namespace std::chrono_literals;
using Health = Peer::Health;

class PickInstanceTest : public testing::Test {
 protected:
  Peer& Add(const std::string& zone, Health health, int weight = 100) {
    const std::string id = "echo-" + std::to_string(peers_.size());
    peers_.push_back(std::make_unique<Peer>(
        discovery::Instance{.id = id, .zone = zone, .weight = weight}, Peer::Options(), clock_));
    Peer& peer = *peers_.back();
    if (health != Health::kUnproven) peer.ProbeSucceeded();
    if (health == Health::kDown) peer.ConnectionLost("test");
    list_.push_back(&peer);
    return peer;
  }
  void Drain(Peer& peer, bool drains) {
    discovery::Instance announced = peer.instance();
    announced.state = drains ? discovery::State::kDraining : discovery::State::kServing;
    peer.Announced(announced);
  }
  void Eject(Peer& peer) {
    for (int i = 0; i < 3; ++i) peer.Begin().Finish(TryOutcome::kFailed);
    clock_.Advance(1ms);
  }
  void Answer(Peer& peer, Duration takes) {
    Peer::Attempt attempt = peer.Begin();
    clock_.Advance(takes);
    attempt.Finish(TryOutcome::kAnswered);
  }
  std::optional<std::size_t> Pick(const std::vector<std::size_t>& tried = {}) {
    return PickInstance(list_, tried, "a", random_);
  }
  // How often each was picked in 10000.
  std::vector<int> Picks() {
    std::vector<int> picks(list_.size());
    for (int i = 0; i < 10000; ++i) ++picks[*Pick()];
    return picks;
  }

  test::FakeClock clock_;
  SeededRandom random_{7};
  std::vector<std::unique_ptr<Peer>> peers_;
  std::vector<Peer*> list_;
};

TEST_F(PickInstanceTest, WhoDrainsIsLeftOutUnlessAllDo) {
  Peer& leaving = Add("a", Health::kUp);
  Peer& staying = Add("b", Health::kUp);
  Drain(leaving, true);
  EXPECT_EQ(Picks()[1], 10000) << "the other zone before one that leaves";
  EXPECT_EQ(StandingOf(list_).draining, 1U);
  EXPECT_EQ(StandingOf(list_).usable, 1U);
  EXPECT_EQ(Pick({1}), 0U) << "there is nobody else";
  Drain(staying, true);
  EXPECT_EQ(Picks()[0], 10000) << "all drain: the own zone as usual";
  EXPECT_EQ(StandingOf(list_).draining, 0U);
  Drain(leaving, false);
  EXPECT_EQ(Picks()[0], 10000);
}

TEST_F(PickInstanceTest, WhoDrainsAnswersBetterThanWhoIsEjected) {
  Drain(Add("a", Health::kUp), true);
  for (int i = 0; i < 2; ++i) Eject(Add("a", Health::kUp));
  Add("a", Health::kDown);
  EXPECT_EQ(Pick({2}), 0U);
  Drain(Add("a", Health::kDown), true);
  EXPECT_NE(Pick({0, 2}), 4U) << "down is down";
}

TEST_F(PickInstanceTest, ALargeScaleDownIsNoReasonForPanic) {
  for (int i = 0; i < 9; ++i) Drain(Add("a", Health::kUp), i < 6);
  EXPECT_FALSE(StandingOf(list_).panic);
  const std::vector<int> picks = Picks();
  EXPECT_EQ(std::accumulate(picks.begin(), picks.begin() + 6, 0), 0);
}

TEST_F(PickInstanceTest, AWeightThatChangesCountsFromNowOn) {
  Peer& light = Add("a", Health::kUp);
  Add("a", Health::kUp);
  discovery::Instance heavier = light.instance();
  heavier.weight = 300;
  light.Announced(heavier);
  EXPECT_DOUBLE_EQ(light.Weight(), 300);
}

TEST_F(PickInstanceTest, TheLastOneThatIsUpIsNotEjected) {
  Eject(Add("a", Health::kUp));
  Add("a", Health::kDown);
  Add("a", Health::kDown);
  EXPECT_EQ(StandingOf(list_).usable, 1U);
  EXPECT_FALSE(StandingOf(list_).panic);
  EXPECT_EQ(Picks()[0], 10000);
}

TEST_F(PickInstanceTest, NobodyToPick) { EXPECT_EQ(Pick(), std::nullopt); }

TEST_F(PickInstanceTest, StaysInItsZoneWhileThatHasItsFairShare) {
  Add("b", Health::kUp);
  Add("a", Health::kUp);
  EXPECT_EQ(Picks()[1], 10000);
}

TEST_F(PickInstanceTest, StaysInItsZoneWithThreeQuartersOfItHealthy) {
  for (const Health health : {Health::kUp, Health::kUp, Health::kUp, Health::kDown}) {
    Add("a", health);
    Add("b", Health::kUp);
  }
  const std::vector<int> picks = Picks();
  EXPECT_EQ(picks[0] + picks[2] + picks[4], 10000) << "1.4 x 3/4 is more than all";
}

TEST_F(PickInstanceTest, SpillsOverByHealthyCapacity) {
  Add("a", Health::kUp);
  Add("a", Health::kDown);
  Add("b", Health::kUp);
  Add("b", Health::kUp);
  EXPECT_NEAR(Picks()[0], 7000, 200) << "1.4 x 1/2";
}

TEST_F(PickInstanceTest, ASmallZoneIsNotFlooded) {
  Add("a", Health::kUp);
  for (int i = 0; i < 3; ++i) Add("b", Health::kUp);
  EXPECT_NEAR(Picks()[0], 7000, 200) << "its fair share would be two instances of four";
}

TEST_F(PickInstanceTest, LeavesItsZoneWhenNobodyIsUsableThere) {
  Add("b", Health::kUp);
  Add("a", Health::kDown);
  Add("a", Health::kUnproven);
  EXPECT_EQ(Picks()[0], 10000);
}

TEST_F(PickInstanceTest, SpreadsOverEqualOnes) {
  for (int i = 0; i < 3; ++i) Add("a", Health::kUp);
  for (const int picks : Picks()) EXPECT_NEAR(picks, 3333, 300);
}

TEST_F(PickInstanceTest, SpreadsByWeight) {
  for (const int weight : {100, 300}) Answer(Add("a", Health::kUp, weight), 1ms);
  EXPECT_NEAR(Picks()[0], 2500, 200);
}

TEST_F(PickInstanceTest, AReturnedInstanceStartsSlowly) {
  Peer& returned = Add("a", Health::kDown);
  Peer& other = Add("a", Health::kUp);
  returned.ProbeSucceeded();
  returned.ProbeSucceeded();
  Answer(returned, 1ms);
  Answer(other, 1ms);
  EXPECT_NEAR(Picks()[0], 910, 150) << "a tenth of the other's";
  clock_.Advance(10s);
  EXPECT_NEAR(Picks()[0], 5000, 300);
}

TEST_F(PickInstanceTest, PrefersTheLessLoaded) {
  Answer(Add("a", Health::kUp), 100ms);
  Answer(Add("a", Health::kUp), 1ms);
  EXPECT_EQ(Picks()[1], 10000);
}

// 200 calls a second, one of three becomes ten times slower: its share of the calls two seconds
// later is under a twentieth of a third.
TEST_F(PickInstanceTest, ASlowInstanceIsLeftAloneWithinTwoSeconds) {
  for (int i = 0; i < 3; ++i) Answer(Add("a", Health::kUp), 20ms);
  std::list<std::pair<SteadyTime, Peer::Attempt>> under_way;
  int slow = 0;
  for (int call = 0; call < 1400; ++call) {
    clock_.Advance(5ms);
    std::erase_if(under_way, [&](auto& entry) {
      if (entry.first > clock_.SteadyNow()) return false;
      entry.second.Finish(TryOutcome::kAnswered);
      return true;
    });
    const std::size_t picked = *Pick();
    const Duration takes = picked == 0 && call >= 400 ? 200ms : 20ms;
    if (call >= 800 && picked == 0) ++slow;
    under_way.emplace_back(clock_.SteadyNow() + takes, list_[picked]->Begin());
  }
  EXPECT_LT(slow, 600 / 3 * 0.05);
}

TEST_F(PickInstanceTest, OneThatAskedUsToWaitComesAfterTheOthers) {
  Peer& waiting = Add("a", Health::kUp);
  Add("b", Health::kUp);
  Add("a", Health::kDown);
  waiting.AskedToWait(1s);
  EXPECT_EQ(Picks()[1], 10000);
  EXPECT_EQ(Pick({1}), 0u) << "but before the doubtful ones";
}

TEST_F(PickInstanceTest, ARetryGoesElsewhereEvenToADoubtfulOne) {
  Add("a", Health::kUp);
  Add("a", Health::kDown);
  EXPECT_EQ(Pick({0}), 1u);
  EXPECT_EQ(Pick({0, 1}), std::nullopt);
}

TEST_F(PickInstanceTest, DoubtsAboutAllChangeNothing) {
  for (int i = 0; i < 3; ++i) Add("a", Health::kDown);
  for (const int picks : Picks()) EXPECT_NEAR(picks, 3333, 300);
}

TEST_F(PickInstanceTest, TheOnlyInstanceIsNeverEjected) {
  Eject(Add("a", Health::kUp));
  EXPECT_EQ(Pick(), 0u);
  EXPECT_EQ(StandingOf(list_).usable, 1u);
}

TEST_F(PickInstanceTest, WithTwoOneMayBeEjectedNotBoth) {
  Eject(Add("a", Health::kUp));
  Peer& second = Add("a", Health::kUp);
  EXPECT_EQ(Picks()[1], 10000);
  Eject(second);
  EXPECT_EQ(Picks()[1], 10000) << "the one that was ejected last stays in";
}

TEST_F(PickInstanceTest, WithThreeTwoMayBeEjectedNotAll) {
  for (int i = 0; i < 3; ++i) Eject(Add("a", Health::kUp));
  EXPECT_EQ(Picks()[2], 10000);
  EXPECT_EQ(StandingOf(list_).ejected, 2u);
}

TEST_F(PickInstanceTest, WithTwoOfThreeDownTheThirdGetsAll) {
  Add("a", Health::kUp);
  Add("a", Health::kDown);
  Add("a", Health::kDown);
  EXPECT_FALSE(StandingOf(list_).panic);
  EXPECT_EQ(Picks()[0], 10000);
}

TEST_F(PickInstanceTest, WhenTooFewAreHealthyHealthIsIgnored) {
  for (int i = 0; i < 10; ++i) Add("a", Health::kUp);
  for (int i = 0; i < 6; ++i) {
    peers_[i]->ProbeFailed("late");
    peers_[i]->ProbeFailed("late");
  }
  EXPECT_TRUE(StandingOf(list_).panic);
  for (const int picks : Picks()) EXPECT_NEAR(picks, 1000, 200);
  EXPECT_GE(*Pick({0}), 6u) << "a second try goes to one that looks healthy";
  peers_[0]->ProbeSucceeded();
  peers_[0]->ProbeSucceeded();
  EXPECT_FALSE(StandingOf(list_).panic);
}

TEST_F(PickInstanceTest, PanicSendsNothingWhereNobodyListens) {
  for (int i = 0; i < 2; ++i) Add("a", Health::kUp);
  for (int i = 0; i < 4; ++i) Add("a", Health::kDown);
  EXPECT_TRUE(StandingOf(list_).panic);
  const std::vector<int> picks = Picks();
  EXPECT_EQ(picks[0] + picks[1], 10000);
}

// For any mixture of instances and options: somebody untried is always picked, nobody twice; the
// cap on ejections is exact; outside of a panic no doubtful one goes before one that is in play.
TEST_F(PickInstanceTest, AlwaysFindsSomebodyAndKeepsItsBounds) {
  const std::uint64_t seed = SecureSeed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededRandom random(seed);
  for (int run = 0; run < 500; ++run) {
    peers_.clear();
    list_.clear();
    const std::size_t count = 1 + random.Below(7);
    for (std::size_t i = 0; i < count; ++i) {
      Peer& peer = Add(random.Below(2) == 0 ? "a" : "b", static_cast<Health>(random.Below(3)),
                       1 + static_cast<int>(random.Below(1000)));
      if (random.Below(2) == 0) Eject(peer);
      if (random.Below(4) == 0) peer.AskedToWait(1s);
    }
    const PickOptions options{.zone_factor = random.Uniform() * 2,
                              .panic_below = random.Uniform(),
                              .max_ejected = random.Uniform()};
    const Standing standing = StandingOf(list_, options);
    const auto cap = static_cast<std::size_t>(std::ceil(options.max_ejected * count));
    const auto up = std::count_if(list_.begin(), list_.end(),
                                  [](const Peer* peer) { return peer->health() == Health::kUp; });
    ASSERT_LE(standing.ejected, std::min(cap, count - 1));
    ASSERT_EQ(standing.usable + standing.ejected, static_cast<std::size_t>(up));
    std::vector<std::size_t> tried;
    std::size_t doubtful = 0;
    while (const auto picked = PickInstance(list_, tried, "a", random_, options)) {
      ASSERT_EQ(std::count(tried.begin(), tried.end(), *picked), 0);
      const bool certain = list_[*picked]->usable();
      ASSERT_FALSE(doubtful > standing.panic + (count - standing.ejected) && certain);
      doubtful += certain ? 0 : 1;
      tried.push_back(*picked);
    }
    ASSERT_EQ(tried.size(), count);
  }
}

}  // namespace
}  // namespace holdfast::rpc

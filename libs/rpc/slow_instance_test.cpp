// Peers, PickInstance and what is usual, together: calls arrive at a steady rate, each takes a
// random time, and some instances, or all of them, become slower. Claims about chance are made for
// the same seeds every time, so that they hold always or never.

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <memory>
#include <vector>

#include "libs/base/random.h"
#include "libs/rpc/call_rules.h"
#include "libs/rpc/latency_window.h"
#include "libs/rpc/peer_options.h"
#include "libs/testing/fake_clock.h"

namespace holdfast::rpc {
namespace {

using namespace std::chrono_literals;

class Plant {
 public:
  struct Options {
    std::size_t instances = 3;
    double calls_per_second = 200;
    Duration usual = 5ms;
    double spread = 0.4;  // of the logarithm of the time
    PeerOptions knobs = {};
  };

  Plant(const Options& options, std::uint64_t seed)
      : options_(options), random_(seed), slowness_(options.instances, 1.0) {
    for (std::size_t i = 0; i < options.instances; ++i) {
      peers_.push_back(std::make_unique<Peer>(
          discovery::Instance{.id = std::to_string(i), .address = "", .zone = "a"},
          InstanceOptions(options_.knobs), clock_,
          [this](const Peer&, std::string_view what, std::string_view why) { Changed(what, why); },
          &tally_));
      peers_.back()->ProbeSucceeded();
      list_.push_back(peers_.back().get());
    }
    calls_.resize(options.instances);
  }
  ~Plant() { under_way_.clear(); }

  void Slow(std::size_t instance, double factor) { slowness_[instance] = factor; }
  void SlowAll(double factor) { slowness_.assign(slowness_.size(), factor); }

  void Run(Duration time) {
    calls_.assign(calls_.size(), 0);
    const SteadyTime end = clock_.SteadyNow() + time;
    const auto pause = std::chrono::duration_cast<Duration>(
        std::chrono::duration<double>(1 / options_.calls_per_second));
    while (clock_.SteadyNow() < end) {
      FinishUntil(clock_.SteadyNow() + pause);
      const std::size_t to = *PickInstance(list_, {}, "", random_, ChoiceOptions(options_.knobs));
      ++calls_[to];
      for (std::size_t i = 0; i < peers_.size(); ++i) {
        if (i == to) continue;
        if (auto canary = peers_[i]->BeginCanary()) Begin(i, *std::move(canary));
      }
      Begin(to, peers_[to]->Begin());
      const Standing standing = StandingOf(list_, ChoiceOptions(options_.knobs));
      most_ejected_ = std::max(most_ejected_, standing.ejected);
      fewest_usable_ = std::min(fewest_usable_, standing.usable);
    }
  }

  double ShareOf(std::size_t instance) const {  // of its fair share, in the last Run
    double all = 0;
    for (const int calls : calls_) all += calls;
    return calls_[instance] * static_cast<double>(calls_.size()) / all;
  }
  int opened() const { return opened_; }
  int opened_for_a_row() const { return opened_for_a_row_; }
  std::size_t most_ejected() const { return most_ejected_; }
  std::size_t fewest_usable() const { return fewest_usable_; }
  Random& random() { return random_; }

 private:
  void Changed(std::string_view what, std::string_view why) {
    if (what != Name(CircuitBreaker::State::kOpen)) return;
    ++opened_;
    if (why == "slow in a row") ++opened_for_a_row_;
  }

  void Begin(std::size_t to, Peer::Attempt attempt) {
    double normal = -6;  // the sum of twelve is as good as one
    for (int i = 0; i < 12; ++i) normal += random_.Uniform();
    const double factor = slowness_[to] * std::exp(options_.spread * normal);
    const auto takes = std::chrono::duration_cast<Duration>(options_.usual * factor);
    under_way_.emplace(clock_.SteadyNow() + takes, std::move(attempt));
  }

  void FinishUntil(SteadyTime when) {
    while (!under_way_.empty() && under_way_.begin()->first <= when) {
      auto first = under_way_.extract(under_way_.begin());
      clock_.Advance(first.key() - clock_.SteadyNow());
      Peer::Attempt& attempt = first.mapped();
      const Duration took = attempt.age();
      attempt.Finish(WithSpeed(TryOutcome::kAnswered, took,
                               SlowFrom(usual_.median(), options_.knobs.instance_slow_factor,
                                        options_.knobs.instance_slow_call)));
      usual_.Record(took);
    }
    clock_.Advance(when - clock_.SteadyNow());
  }

  const Options options_;
  SeededRandom random_;
  test::FakeClock clock_;
  SlowTally tally_;
  LatencyWindow usual_{clock_};
  std::vector<std::unique_ptr<Peer>> peers_;
  std::vector<Peer*> list_;
  std::vector<double> slowness_;
  std::multimap<SteadyTime, Peer::Attempt> under_way_;  // by their ends
  std::vector<int> calls_;
  int opened_ = 0;
  int opened_for_a_row_ = 0;
  std::size_t most_ejected_ = 0;
  std::size_t fewest_usable_ = 1000;
};

constexpr std::uint64_t kSeeds = 20;

TEST(SlowInstanceTest, HasLostItsShareAfterTwoSeconds) {
  for (const std::size_t instances : {2, 3, 9}) {
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
      SCOPED_TRACE(testing::Message() << instances << " instances, seed " << seed);
      Plant plant({.instances = instances}, seed);
      plant.Run(11s);
      plant.Slow(0, 10);
      plant.Run(2s);
      plant.Run(5s);
      EXPECT_LE(plant.ShareOf(0), 0.05);
      EXPECT_GE(plant.fewest_usable(), instances - 1) << "and nobody else was blamed";
    }
  }
}

// The times of a busy machine: a try of any instance is often as slow as one of the slow instance,
// so that its latency alone, with peaks everywhere, hardly tells it from the others.
TEST(SlowInstanceTest, IsFoundAmongNoise) {
  int rows = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Plant plant({.spread = 0.9}, seed);
    plant.Run(11s);
    plant.Slow(0, 10);
    plant.Run(2s);
    plant.Run(5s);
    EXPECT_LE(plant.ShareOf(0), 0.05);
    rows += plant.opened_for_a_row();
  }
  EXPECT_GT(rows, 0);
}

TEST(SlowInstanceTest, NobodyLeavesWhenAllAreSlow) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SeededRandom random(seed);
    const Plant::Options options = {.instances = 2 + random.Below(8),
                                    .calls_per_second = 20 + static_cast<double>(random.Below(400)),
                                    .spread = 0.6 * random.Uniform(),
                                    .knobs = {.instance_slow_ratio = 0}};  // rows only
    SCOPED_TRACE(testing::Message() << "seed " << seed << ", " << options.instances
                                    << " instances, " << options.calls_per_second << " calls/s");
    Plant plant(options, seed);
    plant.Run(11s);
    for (int change = 0; change < 20; ++change) {
      plant.SlowAll(std::pow(100, random.Uniform()));
      plant.Run(std::chrono::milliseconds(random.Below(4000)));
    }
    EXPECT_EQ(plant.opened(), 0);
  }
}

// A canary that fails doubles the wait: an instance that stays slow is looked at ever more rarely,
// and is back for good when it is well.
TEST(SlowInstanceTest, DoesNotComeAndGo) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Plant plant({}, seed);
    plant.Run(11s);
    plant.Slow(0, 10);
    plant.Run(60s);
    EXPECT_LE(plant.opened(), 4 + 60 / 8) << "after 1, 2 and 4 s, then every 8 s";
    plant.Slow(0, 1);
    plant.Run(20s);  // the next canary, and its slow start
    const int before = plant.opened();
    plant.Run(30s);
    EXPECT_EQ(plant.opened(), before);
    EXPECT_GE(plant.ShareOf(0), 0.8);
  }
}

// Any instances become slow and well at any time: never are more out than may be, and somebody is
// always in.
TEST(SlowInstancePropertyTest, TheCapHolds) {
  const std::uint64_t seed = SecureSeed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededRandom random(seed);
  for (int run = 0; run < 20; ++run) {
    const std::size_t instances = 1 + random.Below(7);
    Plant plant({.instances = instances,
                 .calls_per_second = 20 + static_cast<double>(random.Below(300)),
                 .spread = random.Uniform()},
                seed + static_cast<std::uint64_t>(run));
    plant.Run(5s);
    for (int change = 0; change < 30; ++change) {
      plant.Slow(random.Below(instances), random.Below(2) == 0 ? 1 : 20);
      plant.Run(std::chrono::milliseconds(random.Below(2000)));
    }
    ASSERT_LE(plant.most_ejected(), (instances + 1) / 2) << "run " << run;
    ASSERT_GE(plant.fewest_usable(), 1u) << "run " << run;
    ASSERT_TRUE(instances > 1 || plant.most_ejected() == 0) << "run " << run;
  }
}

}  // namespace
}  // namespace holdfast::rpc

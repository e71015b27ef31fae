#include "libs/admission/concurrency_limit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <queue>

#include "libs/base/random.h"

namespace holdfast::admission {
namespace {

using namespace std::chrono_literals;

// A dependency that serves `capacity` jobs at full speed and slows all of them down beyond, and
// callers that always have another job.
class Dependency {
 public:
  Dependency(double capacity, Duration usual, const ConcurrencyLimit::Options& options)
      : limit(options), ceiling(options.ceiling), capacity_(capacity), usual_(usual) {}

  // Runs for a while of virtual time; jobs that ended per second.
  double Run(Duration length) {
    const SteadyTime until = now_ + length;
    int ended = 0;
    while (now_ < until) {
      while (ends_.size() < limit.limit()) Begin();
      const Ending next = ends_.top();
      ends_.pop();
      now_ = next.at;
      limit.Observe(next.kind, next.took, ends_.size() + 1, now_);
      ++ended;
    }
    return ended / std::chrono::duration<double>(length).count();
  }

  void SlowDown(double times) {
    usual_ = Duration(static_cast<std::int64_t>(times * static_cast<double>(usual_.count())));
  }
  void Shrink(double capacity) { capacity_ = capacity; }
  // Every second job is of another kind, so many times as long.
  void Mix(double times) { other_kind_ = times; }

  ConcurrencyLimit limit;
  const std::size_t ceiling;

 private:
  struct Ending {
    SteadyTime at;
    Duration took;
    std::size_t kind;
    bool operator<(const Ending& other) const { return at > other.at; }
  };

  void Begin() {
    const double running = static_cast<double>(ends_.size() + 1);
    const bool other = other_kind_ > 0 && random_.Below(2) == 0;
    double seconds =
        std::chrono::duration<double>(usual_).count() * (0.7 + 0.6 * random_.Uniform());
    seconds *= std::max(1.0, running / capacity_) * (other ? other_kind_ : 1);
    const auto took = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
    ends_.push({now_ + took, took, other ? 1u : 0u});
  }

  double capacity_;
  Duration usual_;
  double other_kind_ = 0;
  SeededRandom random_{11};
  SteadyTime now_ = SteadyTime(1h);
  std::priority_queue<Ending> ends_;
};

TEST(ConcurrencyLimitTest, StaysAtTheCeilingWhereMoreAtOnceCostsNothing) {
  Dependency fast(1000, 5ms, {.ceiling = 16});
  fast.Run(60s);
  EXPECT_EQ(fast.limit.limit(), 16u);
}

TEST(ConcurrencyLimitTest, ComesDownToWhatIsBehindItAndKeepsItsThroughput) {
  Dependency small(4, 5ms, {.ceiling = 64});
  const double best = 4 / 0.005;
  small.Run(60s);
  EXPECT_LE(small.limit.limit(), 24u);
  EXPECT_GE(small.limit.limit(), 4u);
  EXPECT_GE(small.Run(10s), 0.9 * best);
}

TEST(ConcurrencyLimitTest, GrowsAgainWhenTheDependencyRecovers) {
  Dependency database(1000, 5ms, {.ceiling = 32});
  database.Run(10s);
  database.Shrink(4);
  database.Run(20s);
  EXPECT_LT(database.limit.limit(), 24u);
  database.Shrink(1000);
  database.Run(20s);
  EXPECT_EQ(database.limit.limit(), 32u);
}

TEST(ConcurrencyLimitTest, SlownessThatFewerAtOnceDoNotCureCostsLittle) {
  Dependency machine(1000, 5ms, {.ceiling = 8});
  machine.Run(10s);
  for (int noise = 0; noise < 20; ++noise) {
    machine.SlowDown(3);
    machine.Run(1s);
    EXPECT_GE(machine.Run(1s), 0.9 * 8 / 0.015);
    machine.SlowDown(1.0 / 3);
    machine.Run(2s);
    EXPECT_EQ(machine.limit.limit(), 8u);
  }
}

TEST(ConcurrencyLimitTest, AcceptsADependencyThatHasBecomeSlowForGood) {
  Dependency database(1000, 5ms, {.ceiling = 32});
  database.Run(10s);
  database.SlowDown(10);
  database.Run(120s);
  EXPECT_EQ(database.limit.limit(), 32u);
}

// Where shrinking and growing are even the limit comes to rest, and what comes down no further
// cannot be judged by what that has cured.
TEST(ConcurrencyLimitTest, AcceptsJobsThatAreALittleSlowerForGoodAfterATrouble) {
  for (const std::size_t ceiling : {8, 16, 32}) {
    for (const double slower : {1.6, 1.75, 1.9, 2.0, 2.1, 2.25, 2.5}) {
      SCOPED_TRACE("ceiling " + std::to_string(ceiling) + ", slower " + std::to_string(slower));
      Dependency database(1000, 5ms, {.ceiling = ceiling});
      database.Run(10s);
      database.Shrink(static_cast<double>(ceiling) / 6);
      database.Run(8s);
      EXPECT_LT(database.limit.limit(), ceiling);
      database.Shrink(1000);
      database.SlowDown(slower);
      database.Run(60s);
      EXPECT_EQ(database.limit.limit(), ceiling);
    }
  }
}

// Ten minutes of it: now and then the limit is raised to see whether the overload is still ours.
TEST(ConcurrencyLimitTest, AnOverloadThatLastsIsNotTakenForUsual) {
  for (const double capacity : {8.0, 12.0, 16.0}) {
    SCOPED_TRACE(capacity);
    Dependency database(1000, 5ms, {.ceiling = 64});
    database.Run(10s);
    database.Shrink(capacity);
    database.Run(60s);
    std::size_t sum = 0;
    std::size_t highest = 0;
    for (int second = 0; second < 600; ++second) {
      EXPECT_GE(database.Run(1s), 0.8 * capacity / 0.005);
      sum += database.limit.limit();
      highest = std::max(highest, database.limit.limit());
    }
    EXPECT_LE(static_cast<double>(sum) / 600, 2 * capacity + 2);
    EXPECT_LE(static_cast<double>(highest), 4 * capacity + 2);
  }
}

TEST(ConcurrencyLimitTest, AnotherMixOfFastAndSlowJobsIsNotLoad) {
  Dependency mixed(1000, 1ms, {.ceiling = 16});
  mixed.Mix(50);
  mixed.Run(20s);
  EXPECT_EQ(mixed.limit.limit(), 16u);
}

TEST(ConcurrencyLimitTest, DoesNotMoveWhileItIsNotReached) {
  ConcurrencyLimit limit({.ceiling = 16});
  SteadyTime now(1h);
  const std::size_t start = limit.limit();
  for (int i = 0; i < 1000; ++i) limit.Observe(0, 1ms, 3, now += 20ms);
  for (int i = 0; i < 1000; ++i) limit.Observe(0, 900ms, 3, now += 20ms);
  EXPECT_EQ(limit.limit(), start);
}

// Whatever it was told before, by whatever mix of jobs: once they are quick again, the limit comes
// back to its ceiling.
TEST(ConcurrencyLimitPropertyTest, QuickJobsBringItBackWhateverWasBefore) {
  const std::uint64_t first = SecureSeed();
  for (std::uint64_t seed = first; seed != first + 50; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SeededRandom random(seed);
    const std::size_t floor = 1 + random.Below(4);
    const std::size_t ceiling = floor + random.Below(60);
    ConcurrencyLimit limit({.floor = floor, .ceiling = ceiling});
    SteadyTime now(1h);
    for (int i = 0; i < 3000; ++i) {
      now += Duration(random.Below(30'000'000));
      const std::uint64_t longest = random.Below(4) == 0 ? 1'000'000'000 : 20'000'000;
      limit.Observe(random.Below(5), Duration(random.Below(longest)),
                    random.Below(limit.limit() + 1), now);
    }
    for (int i = 0; i < 20'000; ++i) {
      now += 10ms;
      limit.Observe(random.Below(5), 1us, limit.limit(), now);
    }
    EXPECT_EQ(limit.limit(), ceiling);
  }
}

// Troubles of all kinds, and then jobs that take their time for good, however many run.
TEST(ConcurrencyLimitPropertyTest, SlownessThatStaysDoesNotHoldItDown) {
  const std::uint64_t first = SecureSeed() % 1'000'000'000;
  for (std::uint64_t seed = first; seed != first + 50; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SeededRandom random(seed);
    const std::size_t floor = 1 + random.Below(4);
    Dependency database(1000, 5ms, {.floor = floor, .ceiling = floor + random.Below(60)});
    for (int trouble = 0; trouble < 5; ++trouble) {
      database.Shrink(random.Below(3) == 0 ? 1000 : 1 + 20 * random.Uniform());
      const double slower = 1 + 3 * random.Uniform();
      database.SlowDown(slower);
      database.Run(std::chrono::milliseconds(random.Below(20'000)));
      database.SlowDown(1 / slower);
    }
    database.Shrink(1000);
    database.SlowDown(1 + 2 * random.Uniform());
    database.Run(180s);
    EXPECT_EQ(database.limit.limit(), database.ceiling);
  }
}

TEST(ConcurrencyLimitPropertyTest, MovesOnlyWhereItIsReached) {
  const std::uint64_t seed = SecureSeed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededRandom random(seed);
  for (int run = 0; run < 50; ++run) {
    ConcurrencyLimit limit({.ceiling = 4 + random.Below(60)});
    const std::size_t before = limit.limit();
    SteadyTime now(1h);
    for (int i = 0; i < 2000; ++i) {
      now += Duration(random.Below(50'000'000));
      limit.Observe(random.Below(5), Duration(random.Below(1'000'000'000)),
                    random.Below((before + 1) / 2), now);
      ASSERT_EQ(limit.limit(), before) << "run " << run;
    }
  }
}

TEST(ConcurrencyLimitTest, StaysWithinItsBoundsWhateverItIsTold) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    const std::size_t floor = 1 + random.Below(4);
    const std::size_t ceiling = floor + random.Below(60);
    ConcurrencyLimit limit({.floor = floor, .ceiling = ceiling});
    SteadyTime now(1h);
    for (int i = 0; i < 5000; ++i) {
      now += Duration(random.Below(50'000'000));
      limit.Observe(random.Below(5), Duration(random.Below(1'000'000'000)), random.Below(100), now);
      ASSERT_GE(limit.limit(), floor);
      ASSERT_LE(limit.limit(), ceiling);
    }
  }
}

}  // namespace
}  // namespace holdfast::admission

#include "libs/rpc/probe_plan.h"

#include <gtest/gtest.h>

#include "libs/base/random.h"
#include "libs/rpc/peer.h"
#include "libs/testing/fake_clock.h"

namespace holdfast::rpc {
namespace {

using namespace std::chrono_literals;

class ProbePlanTest : public testing::Test {
 protected:
  std::optional<Duration> Begin() { return plan_.TryBegin(options_); }
  void Good(Duration takes = 1ms) {
    ASSERT_TRUE(Begin());
    clock_.Advance(takes);
    plan_.Answered();
  }
  void UntilNext() { clock_.Advance(std::max(plan_.next() - clock_.SteadyNow(), Duration())); }
  // Noticed so long after the end of its time.
  bool Miss(Duration late = 0ms) {
    const std::optional<Duration> time = Begin();
    if (!time) return false;
    clock_.Advance(*time + late);
    return plan_.Missed();
  }

  test::FakeClock clock_;
  ProbePlan plan_{clock_};
  ProbePlan::Options options_ = {.interval = 250ms, .misses = 2};
};

TEST_F(ProbePlanTest, AsksEveryInterval) {
  EXPECT_EQ(Begin(), Duration(250ms));
  clock_.Advance(10ms);
  plan_.Answered();
  EXPECT_FALSE(Begin());
  clock_.Advance(240ms);
  EXPECT_EQ(Begin(), Duration(250ms));
}

TEST_F(ProbePlanTest, AsksOneQuestionAtATime) {
  Begin();
  clock_.Advance(1s);
  EXPECT_FALSE(Begin());
  plan_.Hurry();
  EXPECT_FALSE(Begin());
  plan_.Answered();
  EXPECT_TRUE(Begin());
}

// Right after an answer it stops: an interval until it is asked, one in which it is silent, and
// half of one for the second look.
TEST_F(ProbePlanTest, ASilentInstanceHasMissedTwoWithinTwoAndAHalfIntervals) {
  Good();
  const SteadyTime stopped = clock_.SteadyNow();
  UntilNext();
  EXPECT_TRUE(Miss());
  EXPECT_TRUE(Miss()) << "at once";
  EXPECT_LE(clock_.SteadyNow() - stopped, 625ms);
}

TEST_F(ProbePlanTest, ASecondLookIsOnlyForTheDecision) {
  Good();
  UntilNext();
  Miss();
  Miss();
  EXPECT_FALSE(Begin()) << "it is down now, and asked at the usual pace";
  UntilNext();
  EXPECT_EQ(Begin(), Duration(250ms));
}

TEST_F(ProbePlanTest, ThreeMissesTakeTwoSecondLooks) {
  options_.misses = 3;
  Good();
  UntilNext();
  EXPECT_TRUE(Miss());
  EXPECT_EQ(Begin(), Duration(125ms));
  clock_.Advance(125ms);
  plan_.Missed();
  EXPECT_EQ(Begin(), Duration(125ms));
}

TEST_F(ProbePlanTest, WhereAnswersTakeLongTheSecondLookIsLongToo) {
  Good(40ms);
  UntilNext();
  Miss();
  EXPECT_EQ(Begin(), Duration(160ms));
  plan_.Answered();
  UntilNext();
  Good(200ms);
  UntilNext();
  Miss();
  EXPECT_EQ(Begin(), Duration(250ms));
}

TEST_F(ProbePlanTest, ASlowAnswerIsForgotten) {
  Good(200ms);
  for (int i = 0; i < 50; ++i) {
    UntilNext();
    Good();
  }
  UntilNext();
  Miss();
  EXPECT_EQ(Begin(), Duration(125ms));
}

TEST_F(ProbePlanTest, AGoodAnswerBetweenForgivesTheMiss) {
  Good();
  UntilNext();
  Miss();
  Good();
  UntilNext();
  EXPECT_TRUE(Miss());
  EXPECT_EQ(Begin(), Duration(125ms)) << "the first again";
}

TEST_F(ProbePlanTest, WhatIsRefusedIsNotAskedAgainAtOnce) {
  Good();
  UntilNext();
  Begin();
  clock_.Advance(1ms);
  EXPECT_TRUE(plan_.Missed());
  EXPECT_FALSE(Begin());
  clock_.Advance(249ms);
  EXPECT_EQ(Begin(), Duration(250ms));
}

TEST_F(ProbePlanTest, WhoHadNoCpuBlamesNobody) {
  Good();
  UntilNext();
  EXPECT_FALSE(Miss(/*late=*/130ms));
  EXPECT_EQ(Begin(), Duration(250ms)) << "at once, with all of the time";
}

TEST_F(ProbePlanTest, ButNotForEver) {
  Good();
  UntilNext();
  EXPECT_FALSE(Miss(200ms));
  EXPECT_FALSE(Miss(200ms));
  EXPECT_TRUE(Miss(200ms));
}

TEST_F(ProbePlanTest, ANewConnectionIsAskedAtOnce) {
  Good();
  plan_.Hurry();
  EXPECT_TRUE(Begin());
}

// A process that gets the CPU for a moment now and then, beside instances that are well: the answer
// of each probe lies there unread while its time runs out, and is what is noticed first half of the
// time. Nobody goes down unless two misses in a row were noticed in time.
TEST(ProbePlanPropertyTest, AnInstanceGoesDownForMissesThatWereItsOwn) {
  const std::uint64_t seed = SecureSeed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededRandom random(seed);
  for (int run = 0; run < 100; ++run) {
    test::FakeClock clock;
    ProbePlan plan(clock);
    Peer peer({.id = "echo-0", .address = "127.0.0.1:1", .zone = "a"}, {}, clock);
    const bool hung = run % 2 == 0;
    int in_time = 0;  // misses in a row
    int in_a_row = 0;
    for (int step = 0; step < 200; ++step) {
      clock.Advance(std::chrono::milliseconds(random.Below(300)));
      const auto time = plan.TryBegin({});
      if (!time) continue;
      ASSERT_GE(*time, 125ms);
      ASSERT_LE(*time, 250ms);
      if (!hung && random.Below(3) > 0) {
        clock.Advance(std::chrono::milliseconds(random.Below(100)));
        plan.Answered();
        peer.ProbeSucceeded();
        in_time = in_a_row = 0;
        continue;
      }
      const Duration late = std::chrono::milliseconds(random.Below(400));
      clock.Advance(*time + late);
      const bool counts = plan.Missed();
      ++in_a_row;
      if (late <= *time / 2) {
        ++in_time;
        ASSERT_TRUE(counts);
      }
      if (counts) peer.ProbeFailed("no answer");
      ASSERT_TRUE(in_a_row < 6 || peer.health() != Peer::Health::kUp) << "however late we are";
      ASSERT_FALSE(in_a_row == 2 && in_time == 0 && counts);
    }
  }
}

}  // namespace
}  // namespace holdfast::rpc

#include "libs/discovery/guarded_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "libs/base/random.h"

namespace holdfast::discovery {
namespace {

using namespace std::chrono_literals;

class GuardedSetTest : public ::testing::Test {
 protected:
  static InstanceSet Named(std::string_view letters) {
    InstanceSet set;
    for (const char c : letters) set.push_back({.id = std::string(1, c), .address = "127.0.0.1:1"});
    return set;
  }
  bool Offer(std::string_view letters) { return guarded_.Offer(Named(letters), now_); }
  bool Pass(Duration time) {
    now_ += time;
    return guarded_.Tick(now_);
  }
  std::string Ids() const {
    std::string ids;
    for (const Instance& instance : guarded_.current()) ids += instance.id;
    return ids;
  }

  SteadyTime now_{std::chrono::hours(1)};
  GuardedSet guarded_{30s};
};

TEST_F(GuardedSetTest, TheFirstListIsBelievedAndSorted) {
  EXPECT_TRUE(Offer("cab"));
  EXPECT_EQ(Ids(), "abc");
  EXPECT_FALSE(Offer("bca"));
}

TEST_F(GuardedSetTest, OfTwoWithOneIdTheLaterWins) {
  InstanceSet twice = Named("aa");
  twice[1].address = "127.0.0.2:2";
  guarded_.Offer(twice, now_);
  ASSERT_EQ(guarded_.current().size(), 1u);
  EXPECT_EQ(guarded_.current()[0].address, "127.0.0.2:2");
}

TEST_F(GuardedSetTest, NothingOfNothingIsNotAFault) {
  EXPECT_FALSE(Offer(""));
  EXPECT_FALSE(guarded_.holding_back());
}

TEST_F(GuardedSetTest, AnEmptyListIsNeverBelieved) {
  Offer("ab");
  EXPECT_FALSE(Offer(""));
  EXPECT_TRUE(guarded_.holding_back());
  EXPECT_FALSE(Pass(24h));
  EXPECT_EQ(Ids(), "ab");
  EXPECT_FALSE(guarded_.next_tick().has_value());
}

TEST_F(GuardedSetTest, OneOfTwoMayLeaveAtOnce) {
  Offer("ab");
  EXPECT_TRUE(Offer("b"));
  EXPECT_EQ(Ids(), "b");
}

TEST_F(GuardedSetTest, LessThanHalfIsKeptBackAndThenBelieved) {
  Offer("abc");
  EXPECT_FALSE(Offer("a"));
  EXPECT_FALSE(Pass(29s));
  EXPECT_EQ(Ids(), "abc");
  EXPECT_TRUE(Pass(1s));
  EXPECT_EQ(Ids(), "a");
  EXPECT_FALSE(guarded_.holding_back());
}

TEST_F(GuardedSetTest, ARecoveryForgetsTheSmallList) {
  Offer("abc");
  Offer("a");
  Pass(20s);
  Offer("abc");
  Offer("a");
  EXPECT_FALSE(Pass(20s));
  EXPECT_EQ(Ids(), "abc");
}

TEST_F(GuardedSetTest, TheTimeOfAnEmptyListDoesNotCountForASmallOne) {
  Offer("abc");
  Offer("");
  Pass(29s);
  Offer("a");
  EXPECT_FALSE(Pass(29s));
  EXPECT_TRUE(Pass(1s));
}

TEST_F(GuardedSetTest, NewInstancesAreSeenWhileMissingOnesAreKept) {
  Offer("abc");
  EXPECT_TRUE(Offer("x"));
  EXPECT_EQ(Ids(), "abcx");
  Pass(30s);
  EXPECT_EQ(Ids(), "x");
}

TEST_F(GuardedSetTest, AReplacementOfTheSameSizeIsBelievedAtOnce) {
  Offer("ab");
  EXPECT_TRUE(Offer("cd"));
  EXPECT_EQ(Ids(), "cd");
}

TEST_F(GuardedSetTest, HalfOfFourOrMoreIsKeptBackToo) {
  Offer("abcd");
  EXPECT_FALSE(Offer("ab"));
  EXPECT_EQ(Ids(), "abcd");
  EXPECT_FALSE(Pass(29s));
  EXPECT_TRUE(Pass(1s));
  EXPECT_EQ(Ids(), "ab");
  EXPECT_TRUE(Offer("b")) << "and of those one may leave at once";
}

TEST_F(GuardedSetTest, ErosionOneByOneCountsAsOneShrink) {
  Offer("abcde");
  EXPECT_TRUE(Offer("abcd"));
  EXPECT_TRUE(Offer("abc"));
  EXPECT_FALSE(Offer("ab"));
  EXPECT_EQ(Ids(), "abc");
}

TEST_F(GuardedSetTest, ASmallerSetThatStandsBecomesTheMeasure) {
  Offer("abcde");
  Offer("abc");
  Pass(30s);
  EXPECT_TRUE(Offer("ab"));
  EXPECT_EQ(Ids(), "ab");
}

TEST_F(GuardedSetTest, WhatWasRestoredIsGuardedToo) {
  guarded_.Restore(Named("abc"), now_);
  EXPECT_FALSE(Offer(""));
  EXPECT_FALSE(Offer("b"));
  EXPECT_EQ(Ids(), "abc");
}

TEST_F(GuardedSetTest, WhateverHappensItNeverForgetsEverybodyAndStaysSorted) {
  const std::uint64_t seed = SecureSeed();
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  Offer("abc");
  for (int step = 0; step < 2000; ++step) {
    std::string letters;
    for (char c = 'a'; c < 'k'; ++c) {
      if (random.Below(4) == 0) letters += c;
    }
    Offer(letters);
    Pass(std::chrono::seconds(random.Below(20)));
    ASSERT_FALSE(Ids().empty());
    ASSERT_TRUE(std::is_sorted(guarded_.current().begin(), guarded_.current().end(),
                               [](const Instance& a, const Instance& b) { return a.id < b.id; }));
    for (const char c : letters) ASSERT_NE(Ids().find(c), std::string::npos) << letters;
  }
}

}  // namespace
}  // namespace holdfast::discovery

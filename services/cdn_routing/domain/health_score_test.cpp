#include "services/cdn_routing/domain/health_score.h"

#include <gtest/gtest.h>

#include "libs/testing/fake_clock.h"

namespace holdfast::cdn_routing {
namespace {

using namespace std::chrono_literals;
using Health = HealthScore::Health;

class HealthScoreTest : public ::testing::Test {
 protected:
  bool Probe(bool ok, Duration took = 5ms) {
    clock_.Advance(500ms);
    return score_.Observe({.ok = ok, .took = took}, clock_.SteadyNow());
  }
  void Succeed(int times, Duration took = 5ms) {
    for (int i = 0; i < times; ++i) Probe(true, took);
  }
  void Fail(int times) {
    for (int i = 0; i < times; ++i) Probe(false);
  }
  int SuccessesUntilUp() {
    int n = 0;
    while (score_.health() != Health::kUp) {
      Succeed(1);
      ++n;
    }
    return n;
  }

  test::FakeClock clock_;
  HealthScore score_{{}};
};

TEST_F(HealthScoreTest, TheFirstProbeDecides) {
  EXPECT_EQ(score_.health(), Health::kUnknown);
  EXPECT_TRUE(Probe(true));
  EXPECT_EQ(score_.health(), Health::kUp);
  HealthScore dead{{}};
  EXPECT_TRUE(dead.Observe({.ok = false}, clock_.SteadyNow()));
  EXPECT_EQ(dead.health(), Health::kDown);
}

TEST_F(HealthScoreTest, OneFailureIsForgiven) {
  Succeed(1);
  EXPECT_FALSE(Probe(false));
  Succeed(1);
  EXPECT_FALSE(Probe(false));
  EXPECT_EQ(score_.health(), Health::kUp);
}

TEST_F(HealthScoreTest, TwoFailuresInARowTakeItDownAndTwoSuccessesBringItBack) {
  Succeed(1);
  EXPECT_FALSE(Probe(false));
  EXPECT_TRUE(Probe(false));
  EXPECT_EQ(score_.health(), Health::kDown);
  EXPECT_FALSE(Probe(true));
  EXPECT_TRUE(Probe(true));
  EXPECT_EQ(score_.health(), Health::kUp);
}

TEST_F(HealthScoreTest, AFailureBetweenSuccessesStartsTheCountAgain) {
  Succeed(1);
  Fail(2);
  Succeed(1);
  Fail(1);
  Succeed(1);
  EXPECT_EQ(score_.health(), Health::kDown);
}

TEST_F(HealthScoreTest, AnEdgeThatFlapsComesBackLaterEachTime) {
  Succeed(1);
  Fail(2);
  EXPECT_EQ(SuccessesUntilUp(), 2);
  Fail(2);
  EXPECT_EQ(SuccessesUntilUp(), 4);
  Fail(2);
  EXPECT_EQ(SuccessesUntilUp(), 8);
}

TEST_F(HealthScoreTest, AnOldFallIsForgotten) {
  Succeed(1);
  Fail(2);
  Succeed(2);
  clock_.Advance(2min);
  Fail(2);
  EXPECT_EQ(SuccessesUntilUp(), 2);
}

TEST_F(HealthScoreTest, ItAlwaysComesBack) {
  Succeed(1);
  for (int i = 0; i < 100; ++i) {
    Fail(2);
    EXPECT_LE(SuccessesUntilUp(), 32);
  }
}

TEST_F(HealthScoreTest, SlowAnswersCostMostOfTheWeight) {
  Succeed(1);
  Succeed(2, 300ms);
  EXPECT_FALSE(score_.degraded());
  EXPECT_TRUE(Probe(true, 300ms));
  EXPECT_TRUE(score_.degraded());
  EXPECT_EQ(score_.health(), Health::kUp);
  EXPECT_EQ(score_.WeightOf(100), 10);
  EXPECT_EQ(score_.WeightOf(1), 1);
}

TEST_F(HealthScoreTest, FastAnswersInARowGiveTheWeightBack) {
  Succeed(3, 300ms);
  Succeed(4);
  EXPECT_TRUE(score_.degraded());
  Succeed(1, 300ms);
  Succeed(4);
  EXPECT_TRUE(score_.degraded());
  EXPECT_TRUE(Probe(true));
  EXPECT_FALSE(score_.degraded());
  EXPECT_EQ(score_.WeightOf(100), 100);
}

TEST_F(HealthScoreTest, OneSlowAnswerIsForgiven) {
  for (int i = 0; i < 10; ++i) {
    Succeed(1);
    Succeed(2, 300ms);
  }
  EXPECT_FALSE(score_.degraded());
}

}  // namespace
}  // namespace holdfast::cdn_routing

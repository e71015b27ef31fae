#include "tests/sim/trial.h"

#include <gtest/gtest.h>

namespace holdfast::sim {
namespace {

TEST(Trial, OneSeedIsOneStory) {
  const Trial once = RunTrial(11);
  const Trial again = RunTrial(11);
  EXPECT_EQ(once.digest, again.digest);
  EXPECT_EQ(once.report.Text(), again.report.Text());
}

TEST(Trial, AnotherSeedIsAnotherStory) { EXPECT_NE(RunTrial(11).digest, RunTrial(12).digest); }

TEST(Trial, WhateverGoesWrongTheClaimsHold) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Trial trial = RunTrial(seed);
    EXPECT_TRUE(trial.report.holds()) << trial.report.Text();
  }
}

}  // namespace
}  // namespace holdfast::sim

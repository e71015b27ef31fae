// What a box sees when middleware itself is hurt.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"
#include "tests/chaos/pacing.h"
#include "tests/e2e/platform.h"

namespace holdfast::test {
namespace {

const Parts kEverythingElse = {"billing",   "epg",   "cdn_routing", "drm",
                               "analytics", "redis", "postgres",    "etcd"};

class Middleware : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(box_.LogIn(), IsOk());
    ASSERT_OK_AND_ASSIGN(channels_, box_.ListChannels());
    ASSERT_OK_AND_ASSIGN(guide_channels_, box_.CountChannelsWithGuide());
  }

  void TearDown() override {
    EXPECT_TRUE(Eventually([&] { return platform_.Whole(); }, std::chrono::seconds(60)))
        << platform_.WhatIsMissing();
  }

  void WatchesThroughTheBalancer() {
    const ZapReport report = KeepWatching(box_, {platform_.Endpoint("PORTAL_URL")}, channels_,
                                          guide_channels_, OutageLength());
    EXPECT_EQ(report.failures, 0) << report.first_few;
  }

  Platform& platform_ = Platform::Shared();
  Box box_{platform_.Endpoint("PORTAL_URL"), platform_.Endpoint("DEMO_MAC")};
  std::vector<BoxChannel> channels_;
  int guide_channels_ = 0;
};

TEST_F(Middleware, ABoxGoesOnThroughTheOtherInstanceWhenOneIsKilled) {
  ASSERT_THAT(platform_.Kill({"middleware-a"}), IsOk());
  WatchesThroughTheBalancer();
  ASSERT_THAT(platform_.Restart({"middleware-a"}), IsOk());
}

TEST_F(Middleware, ABoxGoesOnThroughTheOtherInstanceWhenOneHangs) {
  ASSERT_THAT(platform_.Hang({"middleware-b"}), IsOk());
  WatchesThroughTheBalancer();
  ASSERT_THAT(platform_.Resume({"middleware-b"}), IsOk());
}

TEST_F(Middleware, RestartedWhileEverythingElseIsAwayItServesFromItsDisk) {
  ASSERT_THAT(platform_.Kill(kEverythingElse), IsOk());
  ASSERT_THAT(platform_.Restart({"middleware"}), IsOk());
  WatchesThroughTheBalancer();
  // A box that forgot its token, as after a change of its battery, is known all the same.
  box_.set_token("");
  EXPECT_THAT(box_.LogIn(), IsOk());
  EXPECT_THAT(box_.ListChannels(), IsOk());
  ASSERT_THAT(platform_.Restart(kEverythingElse), IsOk());
}

}  // namespace
}  // namespace holdfast::test

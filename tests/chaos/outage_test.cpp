// The failure table of the design, row by row: with a service or store killed or hanging on all
// instances, a known box zaps over all its channels, lists them and reads the guide, with no
// failure. Afterwards everything finds together again without a restart of what was not hurt.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"
#include "tests/chaos/pacing.h"
#include "tests/e2e/platform.h"

namespace holdfast::test {
namespace {

constexpr std::chrono::seconds kRecovery(60);

struct Outage {
  const char* name;
  Parts parts;
};

const Outage kOutages[] = {
    {"Billing", {"billing"}},
    {"Epg", {"epg"}},
    {"CdnRouting", {"cdn_routing"}},
    {"Drm", {"drm"}},
    {"Analytics", {"analytics"}},
    {"Redis", {"redis"}},
    {"Postgres", {"postgres"}},
    {"Etcd", {"etcd"}},
    {"AllOfThem",
     {"billing", "epg", "cdn_routing", "drm", "analytics", "redis", "postgres", "etcd"}},
};

class OutageTest : public testing::TestWithParam<Outage> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(Eventually([&] { return platform_.Whole(); }, kRecovery))
        << platform_.WhatIsMissing();
    ASSERT_THAT(box_.LogIn(), IsOk());
    ASSERT_OK_AND_ASSIGN(channels_, box_.ListChannels());
    ASSERT_OK_AND_ASSIGN(guide_channels_, box_.CountChannelsWithGuide());
  }

  void WatchesThroughTheOutage() {
    const ZapReport report =
        KeepWatching(box_, {platform_.Endpoint("PORTAL_URL_A"), platform_.Endpoint("PORTAL_URL_B")},
                     channels_, guide_channels_, OutageLength());
    EXPECT_EQ(report.failures, 0) << report.first_few;
    EXPECT_GT(report.zaps, 0);
    // Channel 1 is clear: its picture needs no key, whoever is away.
    ASSERT_OK_AND_ASSIGN(const std::string link, box_.CreateLink(channels_.front()));
    ASSERT_OK_AND_ASSIGN(const int frames, DecodeFrames(link, 5));
    EXPECT_EQ(frames, 5);
  }

  // Those that were not hurt must find the others again by themselves.
  void EverythingFindsTogether() {
    const int middleware = platform_.Pid("middleware-a");
    EXPECT_TRUE(Eventually([&] { return platform_.Whole(); }, kRecovery))
        << platform_.WhatIsMissing();
    EXPECT_EQ(platform_.Pid("middleware-a"), middleware);
    box_.GoTo(platform_.Endpoint("PORTAL_URL"));
    EXPECT_TRUE(Eventually(
        [&] { return box_.Zap(channels_.front()).ok() && box_.degraded().empty(); }, kRecovery))
        << "still degraded: " << box_.degraded();
  }

  Platform& platform_ = Platform::Shared();
  Box box_{platform_.Endpoint("PORTAL_URL"), platform_.Endpoint("DEMO_MAC")};
  std::vector<BoxChannel> channels_;
  int guide_channels_ = 0;
};

using Killed = OutageTest;
using Hanging = OutageTest;

TEST_P(Killed, AKnownBoxKeepsWatching) {
  ASSERT_THAT(platform_.Kill(GetParam().parts), IsOk());
  WatchesThroughTheOutage();
  ASSERT_THAT(platform_.Restart(GetParam().parts), IsOk());
  EverythingFindsTogether();
}

TEST_P(Hanging, AKnownBoxKeepsWatching) {
  ASSERT_THAT(platform_.Hang(GetParam().parts), IsOk());
  WatchesThroughTheOutage();
  ASSERT_THAT(platform_.Resume(GetParam().parts), IsOk());
  EverythingFindsTogether();
}

std::string NameOf(const testing::TestParamInfo<Outage>& info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(Killed, Killed, testing::ValuesIn(kOutages), NameOf);
INSTANTIATE_TEST_SUITE_P(Hanging, Hanging, testing::ValuesIn(kOutages), NameOf);

}  // namespace
}  // namespace holdfast::test

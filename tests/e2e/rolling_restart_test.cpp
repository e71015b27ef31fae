// A release: every instance is restarted, one after the other, while a box keeps watching.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"
#include "tests/e2e/box.h"
#include "tests/e2e/platform.h"

namespace holdfast::test {
namespace {

TEST(RollingRestartTest, ABoxNoticesNothing) {
  Platform& platform = Platform::Shared();
  Box box(platform.Endpoint("PORTAL_URL"), platform.Endpoint("DEMO_MAC"));
  ASSERT_THAT(box.LogIn(), IsOk());
  ASSERT_OK_AND_ASSIGN(const std::vector<BoxChannel> channels, box.ListChannels());

  std::atomic<bool> finished = false;
  absl::Status release;
  std::thread restarts([&] {
    for (const char* zone : {"a", "b"}) {
      for (const char* service :
           {"billing", "epg", "cdn_routing", "drm", "analytics", "middleware"}) {
        release.Update(platform.Restart({std::string(service) + "-" + zone}));
      }
    }
    finished = true;
  });
  int zaps = 0;
  while (!finished) {
    const BoxChannel& channel = channels[zaps++ % channels.size()];
    EXPECT_THAT(box.Zap(channel), IsOk()) << "zap " << zaps << " to " << channel.name;
  }
  restarts.join();
  EXPECT_THAT(release, IsOk());
  EXPECT_TRUE(Eventually([&] { return platform.Whole(); }, std::chrono::seconds(30)))
      << platform.WhatIsMissing();
}

}  // namespace
}  // namespace holdfast::test

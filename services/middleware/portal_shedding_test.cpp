// The portal on an instance that has more to do than it can.
#include <gmock/gmock.h>

#include <map>

#include "libs/testing/status_matchers.h"
#include "services/middleware/portal_fixture_test.h"

namespace holdfast::middleware {
namespace {

using ::testing::StartsWith;
using enum Criticality;

class PortalSheddingTest : public testing::Test {
 protected:
  void SetUp() override {
    box_.HaveEverything();
    box_.LogIn();
  }

  // A call while there is time for critical ones only.
  BoxAnswer CallInOverload(const std::string& type, const std::string& action,
                           const std::string& rest = "") {
    return box_.Send({.query = "type=" + type + "&action=" + action + "&" + rest,
                      .authorization = "Bearer " + box_.token,
                      .admitted = kCritical});
  }

  PortalFixture box_;
};

TEST_F(PortalSheddingTest, ZapsAndListsGoOn) {
  EXPECT_THAT(CallInOverload("itv", "create_link", "cmd=/ch/1").Js()["cmd"].get<std::string>(),
              StartsWith("ffmpeg http"));
  EXPECT_EQ(CallInOverload("itv", "get_all_channels").Js()["total_items"], 2);
  EXPECT_EQ(CallInOverload("itv", "get_genres").Js().size(), 4u);
  EXPECT_EQ(CallInOverload("itv", "get_ordered_list", "genre=10&p=1").Js()["total_items"], 1);
  EXPECT_EQ(CallInOverload("stb", "get_profile").Js()["status"], "0");
  EXPECT_TRUE(CallInOverload("stb", "handshake").Js()["token"].is_string());
}

TEST_F(PortalSheddingTest, WhatIsRefusedHasStatus200AndTheShapeOfItsAction) {
  const BoxAnswer usual = box_.Call("watchdog", "get_events");
  EXPECT_EQ(CallInOverload("watchdog", "get_events").body, usual.body);
  EXPECT_EQ(CallInOverload("itv", "get_short_epg", "ch_id=1").Js(), Json::array());
  EXPECT_EQ(CallInOverload("stb", "get_preload_images", "gmode=720").Js(), Json::array());
  EXPECT_EQ(CallInOverload("remote_pvr", "get_active_recordings").Js(), Json::array());
  EXPECT_EQ(CallInOverload("stb", "log", "real_action=play").Js(), 1);
  EXPECT_EQ(CallInOverload("itv", "set_fav", "fav_ch=1").Js(), false) << "nothing was saved";
  const Json usual_page = box_.Call("epg", "get_simple_data_table", "ch_id=1").Js();
  const Json thin_page = CallInOverload("epg", "get_simple_data_table", "ch_id=1").Js();
  for (const auto& [key, value] : usual_page.items()) {
    EXPECT_EQ(thin_page[key].type(), value.type()) << key;
  }
}

// Kodi asks again after a 503; an empty guide it would believe for a day.
TEST_F(PortalSheddingTest, AGuideThatIsThereIsSentAndOneThatIsNotIsPutOff) {
  EXPECT_EQ(CallInOverload("itv", "get_epg_info", "period=3").status, 503);
  const Json guide = box_.Call("itv", "get_epg_info", "period=3").Js();
  EXPECT_FALSE(guide["data"].empty());
  EXPECT_EQ(CallInOverload("itv", "get_epg_info", "period=3").Js(), guide);
  box_.clock().Advance(std::chrono::minutes(5));
  EXPECT_EQ(CallInOverload("itv", "get_epg_info", "period=3").Js(), guide) << "a little old";
  box_.clock().Advance(std::chrono::hours(2));
  EXPECT_EQ(CallInOverload("itv", "get_epg_info", "period=3").status, 503);
}

// It would have to be asked of the database, for which there is no time; nothing says that the box
// may not watch.
TEST(PortalSheddingUnknownBoxTest, ABoxThatThisInstanceDoesNotKnowIsNotToldThatItFailed) {
  PortalFixture box;
  const Json js = box.Call("stb", "handshake").Js();
  EXPECT_EQ(box.Send({.query = "type=itv&action=get_epg_info&period=3",
                      .authorization = "Bearer " + js["token"].get<std::string>(),
                      .admitted = kCritical})
                .status,
            503);
}

TEST_F(PortalSheddingTest, RefusalsAreCounted) {
  const auto busy = [&] {
    return box_.metrics()
        .CounterFamily("holdfast_middleware_portal_answers_total", "", {"outcome"})
        .With({"busy"})
        .value();
  };
  const double before = busy();
  CallInOverload("itv", "get_epg_info");
  EXPECT_EQ(busy(), before + 1);
}

TEST(PortalSheddingTableTest, TheHeartbeatGoesBeforeTheGuideBlockAndTheZapBeforeBoth) {
  EXPECT_EQ(SheddingOf("itv", "create_link").criticality, kCritical);
  EXPECT_EQ(SheddingOf("tv_archive", "create_link").criticality, kCritical);
  EXPECT_EQ(SheddingOf("watchdog", "get_events").criticality, kInteractive);
  EXPECT_EQ(SheddingOf("itv", "get_epg_info").criticality, kBackground);
  EXPECT_EQ(SheddingOf("vod", "whatever_comes").criticality, kInteractive);
}

}  // namespace
}  // namespace holdfast::middleware

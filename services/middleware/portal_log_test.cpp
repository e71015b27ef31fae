// What boxes say that they play ("stb/log"), as analytics gets it: live TV counts for the channel;
// catch-up, time shift and films are counted apart.
#include <gmock/gmock.h>

#include "holdfast/analytics/v1/analytics.pb.h"
#include "libs/testing/status_matchers.h"
#include "services/middleware/portal_fixture_test.h"

namespace holdfast::middleware {
namespace {

using analytics::v1::PlaybackEvent;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class PortalLogTest : public testing::Test {
 protected:
  void SetUp() override {
    box_.HaveEverything();
    box_.LogIn();
    HaveFilm();
    Logged("");
  }
  void HaveFilm() {
    v1::CatalogueItem item;
    item.mutable_title()->set_title_id(5);
    item.mutable_title()->set_name("Alpha");
    ASSERT_THAT(box_.portal().models().catalogue_replica().Apply(
                    {.kind = replica::Update::Kind::kFull,
                     .epoch = "test",
                     .revision = 1,
                     .items = {{"t5", MakeShared(item.SerializeAsString())}}}),
                test::IsOk());
  }
  // Kind and content of what analytics hears of the call.
  std::vector<std::pair<int, std::string>> Logged(const std::string& parameters) {
    EXPECT_EQ(box_.Call("stb", "log", parameters).Js(), 1);
    EXPECT_THAT(box_.RunJob("reports"), test::IsOk());
    std::vector<std::pair<int, std::string>> events;
    box_.reports()
        .Drain(1000,
               [&](const std::vector<std::string>& records) {
                 for (const std::string& record : records) {
                   analytics::v1::IngestRequest request;
                   EXPECT_TRUE(request.ParseFromString(record));
                   for (const PlaybackEvent& event : request.events()) {
                     events.emplace_back(event.kind(), event.channel_id());
                     EXPECT_EQ(event.device_model(), "MAG250");
                   }
                 }
                 return absl::OkStatus();
               })
        .IgnoreError();
    return events;
  }

  PortalFixture box_;
};

TEST_F(PortalLogTest, LiveTvCountsForItsChannel) {
  for (const char* place : {"&tmp_type=1", "&tmp_type=0", ""}) {
    EXPECT_THAT(Logged(std::string("real_action=play&ch_id=1") + place),
                ElementsAre(Pair(PlaybackEvent::KIND_PLAY, "news-1")))
        << place;
  }
  EXPECT_THAT(Logged("real_action=stop&ch_id=1&tmp_type=1"),
              ElementsAre(Pair(PlaybackEvent::KIND_STOP, "news-1")));
  EXPECT_THAT(Logged("real_action=loading_fail&ch_id=1&tmp_type=1"),
              ElementsAre(Pair(PlaybackEvent::KIND_ERROR, "news-1")));
}

TEST_F(PortalLogTest, CatchUpAndTimeShiftAreNotLive) {
  EXPECT_THAT(Logged("real_action=play&ch_id=1&tmp_type=11"),
              ElementsAre(Pair(PlaybackEvent::KIND_PLAY, "catch-up:news-1")));
  EXPECT_THAT(Logged("real_action=play&content_id=1_1767346200&tmp_type=11"),
              ElementsAre(Pair(PlaybackEvent::KIND_PLAY, "catch-up:news-1")));
  EXPECT_THAT(Logged("real_action=stop&ch_id=1&tmp_type=14"),
              ElementsAre(Pair(PlaybackEvent::KIND_STOP, "time-shift:news-1")));
}

TEST_F(PortalLogTest, FilmsAreFilms) {
  EXPECT_THAT(Logged("real_action=play&content_id=5&tmp_type=2"),
              ElementsAre(Pair(PlaybackEvent::KIND_PLAY, "film:5")));
  EXPECT_THAT(Logged("real_action=loading_fail&content_id=5&tmp_type=2"),
              ElementsAre(Pair(PlaybackEvent::KIND_ERROR, "film:5")));
  EXPECT_THAT(Logged("real_action=play&content_id=6&tmp_type=2"), IsEmpty());
  EXPECT_THAT(Logged("real_action=play&ch_id=1&tmp_type=2"), IsEmpty());
}

TEST_F(PortalLogTest, WhoPausesGoesOnOrSeeksIsThereAndHasBegunNothingNew) {
  for (const char* action : {"pause", "continue", "set_pos()"}) {
    EXPECT_THAT(Logged(std::string("real_action=") + action + "&content_id=5&tmp_type=2"),
                ElementsAre(Pair(PlaybackEvent::KIND_HEARTBEAT, "film:5")))
        << action;
  }
}

TEST_F(PortalLogTest, WhatIsNoPlayingIsNotReported) {
  for (const char* other :
       {"real_action=infoportal", "real_action=play&ch_id=99&tmp_type=1",
        "real_action=play&ch_id=1&tmp_type=10", "real_action=play&ch_id=1&tmp_type=20",
        "real_action=play&tmp_type=x&ch_id=-1", "ch_id=1"}) {
    EXPECT_THAT(Logged(other), IsEmpty()) << other;
  }
}

}  // namespace
}  // namespace holdfast::middleware

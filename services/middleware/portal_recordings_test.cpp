// Recordings of a household ("remote_pvr"): the catalogue, its quota, and what rows of the guide
// show of it and of reminders.
#include <gmock/gmock.h>

#include "libs/testing/status_matchers.h"
#include "libs/testing/temp_dir.h"
#include "services/middleware/domain/recordings.h"
#include "services/middleware/portal_fixture_test.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::IsEmpty;

constexpr std::int64_t kOnAir = kNowSeconds - 1800;  // "Show 0"; one begins each hour

class PortalRecordingsTest : public testing::Test {
 protected:
  void SetUp() override {
    box_.HaveEverything();
    box_.LogIn();
  }

  Json Pvr(const std::string& action, const std::string& rest = "") {
    return box_.Call("remote_pvr", action, rest).Js();
  }
  std::string Later(int hours) { return "1_" + std::to_string(kOnAir + hours * 3600); }
  Json RowOf(int hours) {
    for (const Json& row : box_.Call("itv", "get_short_epg", "ch_id=1&size=10").Js()) {
      if (row["real_id"] == Later(hours)) return row;
    }
    return Json::object();
  }

  PortalFixture box_;
};

TEST_F(PortalRecordingsTest, TheCatalogueHasTheProtocolsTypes) {
  EXPECT_EQ(Pvr("get_active_recordings"), Json::array());
  const Json added = Pvr("start_rec_deferred", "program_id=" + Later(1));
  ASSERT_TRUE(added["data"].is_string()) << added;
  const Json list = Pvr("get_ordered_list", "p=1");
  EXPECT_EQ(list["total_items"], 1);
  EXPECT_EQ(list["max_page_items"], 14);
  EXPECT_EQ(list["records_rest_length"], 19 * 3600);
  const Json row = list["data"][0];
  EXPECT_EQ(row["id"], added["data"]);
  EXPECT_EQ(row["ch_id"], "1");
  EXPECT_EQ(row["name"], "News 1 - Show 1");
  EXPECT_EQ(row["cmd"], "auto /media/" + added["data"].get<std::string>() + ".mpg");
  EXPECT_EQ(row["t_start_ts"], std::to_string(kOnAir + 3600));
  EXPECT_EQ(row["t_start"], "FRIDAY 02.01.2026 10:30");
  EXPECT_EQ(row["length"], "1:00:00");
  EXPECT_EQ(row["started"], 0);
  EXPECT_EQ(row["ended"], 0);
  EXPECT_EQ(row["open"], false);
  const Json active = Pvr("get_active_recordings");
  ASSERT_EQ(active.size(), 1u);
  for (const char* text : {"id", "real_id", "ch_id", "local", "t_start_ts", "t_stop_ts", "program",
                           "file", "program_id", "program_real_id", "internal_id"}) {
    EXPECT_TRUE(active[0][text].is_string()) << text;
  }
  EXPECT_EQ(active[0]["program_real_id"], Later(1));
}

TEST_F(PortalRecordingsTest, WhatIsOnIsRecordedFromNowAndPlayedFromTheArchive) {
  const Json begun = Pvr("start_rec_now", "ch_id=1");
  ASSERT_EQ(begun["data"].size(), 1u) << begun;
  const std::string id = begun["data"][0]["id"];
  EXPECT_EQ(begun["data"][0]["t_stop_ts"], std::to_string(kOnAir + 3600));
  box_.clock().Advance(10min);
  EXPECT_EQ(Pvr("stop_rec", "rec_id=" + id), true);
  EXPECT_EQ(Pvr("get_active_recordings"), Json::array());
  const Json link = Pvr("create_link", "cmd=auto%20/media/" + id + ".mpg");
  EXPECT_EQ(link["error"], "");
  EXPECT_THAT(link["cmd"].get<std::string>(),
              EndsWith("/index-" + std::to_string(kNowSeconds) + "-600.m3u8"));
  EXPECT_EQ(Pvr("get_ordered_list")["data"][0]["open"], true);
  EXPECT_EQ(Pvr("del_rec", "rec_id=" + id), true);
  EXPECT_EQ(Pvr("get_ordered_list")["total_items"], 0);
  EXPECT_EQ(Pvr("create_link", "cmd=auto%20/media/" + id + ".mpg")["error"], "nothing_to_play");
}

TEST_F(PortalRecordingsTest, ARecordingThatHasNotBegunIsForgottenWhenItIsStopped) {
  const std::string id = Pvr("start_rec_deferred", "program_id=" + Later(2))["data"];
  EXPECT_EQ(Pvr("start_rec_deferred", "program_id=" + Later(2))["error"],
            "The programme is recorded already.");
  EXPECT_EQ(Pvr("stop_rec", "rec_id=" + id), true);
  EXPECT_EQ(Pvr("get_ordered_list")["total_items"], 0);
}

TEST_F(PortalRecordingsTest, AnEndIsMovedWithinTheQuota) {
  const std::string id = Pvr("start_rec_now", "ch_id=1")["data"][0]["id"];
  EXPECT_EQ(Pvr("stop_rec_deferred", "rec_id=" + id + "&duration=120"), true);
  EXPECT_EQ(Pvr("get_active_recordings")[0]["t_stop_ts"], std::to_string(kNowSeconds + 7200));
  EXPECT_EQ(Pvr("stop_rec_deferred", "rec_id=" + id + "&duration=1440"), true);
  EXPECT_EQ(Pvr("get_active_recordings")[0]["t_stop_ts"], std::to_string(kNowSeconds + 20 * 3600));
  EXPECT_EQ(Pvr("get_ordered_list")["records_rest_length"], 0);
  EXPECT_EQ(Pvr("start_rec_deferred", "program_id=" + Later(3))["error"],
            "There is no space left for recordings.");
  for (const char* wrong : {"rec_id=1&duration=5", "duration=5", "rec_id=x&duration=0"}) {
    EXPECT_EQ(Pvr("stop_rec_deferred", wrong), false) << wrong;
  }
}

TEST_F(PortalRecordingsTest, WhatCannotBeKeptOrIsNotPaidForIsRefused) {
  EXPECT_EQ(Pvr("start_rec_now", "ch_id=2")["error"], "This cannot be recorded.");
  EXPECT_EQ(Pvr("start_rec_now", "ch_id=3")["error"], "There is no such channel.");
  EXPECT_EQ(Pvr("start_rec_now", "ch_id=99")["error"], "There is no such channel.");
  EXPECT_EQ(Pvr("start_rec_deferred", "program_id=nonsense")["error"],
            "There is no such programme.");
}

TEST(RecordingsRestartTest, ADatabaseThatIsAwayLosesNoRecording) {
  const test::TempDir dir;
  {
    PortalFixture box({.data_dir = dir.path()});
    box.HaveEverything();
    box.LogIn();
    const BoxAnswer answer = box.Call("remote_pvr", "start_rec_now", "ch_id=1");
    EXPECT_NE(answer.Header("X-Degraded"), "");
    EXPECT_EQ(answer.Js()["data"].size(), 1u);
  }
  PortalFixture again({.data_dir = dir.path()});
  again.HaveEverything();
  again.LogIn();
  EXPECT_EQ(again.Call("remote_pvr", "get_ordered_list").Js()["total_items"], 1);
}

TEST_F(PortalRecordingsTest, RowsOfTheGuideShowRemindersAndRecordings) {
  EXPECT_EQ(RowOf(1)["mark_memo"], 0);
  EXPECT_EQ(RowOf(1)["mark_rec"], 0);
  const std::string start = std::to_string(kOnAir + 3600);
  ASSERT_TRUE(box_.Call("tvreminder", "add",
                        "ch_id=1&program_id=" + Later(1) + "&fire_ts=" + start + "&program_name=x")
                  .Js()
                  .is_object());
  const std::string id = Pvr("start_rec_deferred", "program_id=" + Later(2))["data"];
  EXPECT_EQ(RowOf(1)["mark_memo"], 1);
  EXPECT_EQ(RowOf(1)["mark_rec"], 0);
  EXPECT_EQ(RowOf(2)["mark_memo"], 0);
  EXPECT_EQ(RowOf(2)["mark_rec"], 1);
  EXPECT_EQ(RowOf(2)["rec_id"], id);
  const Json day =
      box_.Call("epg", "get_simple_data_table", "ch_id=1&date=2026-01-02&p=2").Js()["data"];
  int marked = 0;
  for (const Json& row : day) marked += row["mark_memo"].get<int>() + row["mark_rec"].get<int>();
  const Json table = box_.Call("epg", "get_data_table",
                               "ch_id=1&from_ts=" + std::to_string(kNowSeconds) +
                                   "000&to_ts=" + std::to_string(kNowSeconds + 4 * 3600) + "000")
                         .Js()["data"][0]["epg"];
  int shown = 0;
  for (const Json& row : table) shown += row["mark_memo"].get<int>() + row["mark_rec"].get<int>();
  EXPECT_EQ(shown, 2);
  EXPECT_LE(marked, 2);
}

TEST(RecordingQuotaTest, IsWhatAllRecordingsTogetherTake) {
  Channel channel;
  channel.id = ChannelId(1);
  channel.catch_up_hours = 24;
  const std::vector<Recording> held = {
      {.id = 1, .channel = ChannelId(1), .start = 0, .stop = 3600}};
  EXPECT_EQ(SecondsLeft(held, {.seconds = 7200}), 3600);
  EXPECT_EQ(SecondsLeft(held, {.seconds = 1800}), 0);
  AirTime long_one{100'000, 120'000};
  EXPECT_EQ(DecideRecording(held, {.seconds = 7200}, channel, 0, 100'000, long_one),
            RecordingVerdict::kAllowed);
  EXPECT_EQ(long_one.stop, 103'600);  // as much as is left
  AirTime gone{1000, 2000};
  EXPECT_EQ(DecideRecording(held, {.seconds = 7200}, channel, 0, 100'000, gone),
            RecordingVerdict::kNotKept);
  EXPECT_EQ(DecideRecording(held, {.seconds = 3630}, channel, 0, 100'000, long_one),
            RecordingVerdict::kNoSpace);
}

}  // namespace
}  // namespace holdfast::middleware

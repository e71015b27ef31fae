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

TEST_F(PortalRecordingsTest, WhatTheBoxRecordsItselfIsInItsCatalogueAndTakesNoneOfTheQuota) {
  const std::string times =
      "&start_ts=" + std::to_string(kNowSeconds) + "&stop_ts=" + std::to_string(kNowSeconds + 7200);
  const Json id =
      Pvr("start_record_on_stb", "ch_id=1&file=/media/USB-1/a.ts&internal_id=17" + times);
  ASSERT_TRUE(id.is_number_integer()) << id;
  const std::string number = std::to_string(id.get<std::int64_t>());
  EXPECT_LT(id.get<std::int64_t>(), std::int64_t{1} << 53);  // boxes hold numbers as doubles
  const Json active = Pvr("get_active_recordings");
  ASSERT_EQ(active.size(), 1u);
  EXPECT_EQ(active[0]["id"], number);
  EXPECT_EQ(active[0]["local"], "1");
  EXPECT_EQ(active[0]["file"], "/media/USB-1/a.ts");
  EXPECT_EQ(active[0]["internal_id"], "17");
  EXPECT_EQ(active[0]["t_stop_ts"], std::to_string(kNowSeconds + 7200));
  EXPECT_EQ(active[0]["program"], "Show 0");
  for (const char* text : {"id", "real_id", "ch_id", "local", "t_start_ts", "t_stop_ts", "program",
                           "file", "program_id", "program_real_id", "internal_id"}) {
    EXPECT_TRUE(active[0][text].is_string()) << text;
  }
  Json list = Pvr("get_ordered_list");
  EXPECT_EQ(list["records_rest_length"], 20 * 3600);
  EXPECT_EQ(list["data"][0]["cmd"], "auto /media/USB-1/a.ts");
  EXPECT_EQ(list["data"][0]["started"], 1);
  EXPECT_EQ(list["data"][0]["ended"], 0);
  EXPECT_EQ(list["data"][0]["open"], true);
  const Json link = Pvr("create_link", "cmd=auto%20/media/" + number + ".mpg");
  EXPECT_EQ(link["cmd"], "/media/USB-1/a.ts");
  EXPECT_EQ(link["local"], 1);
  EXPECT_EQ(link["error"], "");
  // The network may keep the same programme.
  EXPECT_TRUE(Pvr("start_rec_now", "ch_id=1").contains("data"));
  box_.clock().Advance(10min);
  EXPECT_EQ(Pvr("stop_record_on_stb", "rec_id=" + number), true);
  list = Pvr("get_ordered_list");
  EXPECT_EQ(list["total_items"], 2);
  EXPECT_EQ(Pvr("del_record_on_stb", "rec_id=" + number), true);
  EXPECT_EQ(Pvr("get_ordered_list")["total_items"], 1);
  EXPECT_EQ(Pvr("del_record_on_stb", "rec_id=" + number), false);
}

TEST_F(PortalRecordingsTest, ABoxPlansRecordsRenamesAndMovesTheEndOfItsOwn) {
  const std::string start = std::to_string(kOnAir + 3600), stop = std::to_string(kOnAir + 7200);
  const std::string what = "program_real_id=" + Later(1) +
                           "&ch_id=1&file=b.ts&internal_id=&start_ts=" + start + "&stop_ts=" + stop;
  const Json id = Pvr("start_deferred_record_on_stb", what);
  ASSERT_TRUE(id.is_number_integer()) << id;
  EXPECT_EQ(Pvr("start_deferred_record_on_stb", what), id);  // the one before
  const std::string number = std::to_string(id.get<std::int64_t>());
  EXPECT_EQ(Pvr("set_internal_id", "rec_id=" + number + "&internal_id=rec-4"), true);
  EXPECT_EQ(Pvr("update_record_on_stb_end_time",
                "rec_id=" + number + "&stop_ts=" + std::to_string(kOnAir + 9000)),
            true);
  const Json row = Pvr("get_active_recordings")[0];
  EXPECT_EQ(row["internal_id"], "rec-4");
  EXPECT_EQ(row["t_stop_ts"], std::to_string(kOnAir + 9000));
  EXPECT_EQ(row["program_real_id"], Later(1));
  EXPECT_EQ(RowOf(1)["mark_rec"], 1);
  // Of a time that the viewer chose.
  const Json chosen = Pvr("start_deferred_record_on_stb",
                          "program_real_id=0&ch_id=1&file=c.ts&internal_id=1&start_ts=" +
                              std::to_string(kNowSeconds + 100'000) +
                              "&stop_ts=" + std::to_string(kNowSeconds + 100'600));
  EXPECT_TRUE(chosen.is_number_integer());
  EXPECT_EQ(Pvr("get_active_recordings").size(), 2u);
}

TEST_F(PortalRecordingsTest, RecordingsOfABoxAreOfThatBox) {
  const std::string times = "&file=a.ts&internal_id=1&start_ts=" + std::to_string(kNowSeconds) +
                            "&stop_ts=" + std::to_string(kNowSeconds + 60);
  const std::string id = Pvr("start_record_on_stb", "ch_id=1" + times).dump();
  for (const char* wrong : {"ch_id=3", "ch_id=99", "ch_id=x", ""}) {
    EXPECT_EQ(Pvr("start_record_on_stb", wrong + times), false) << wrong;
  }
  for (const std::string& wrong :
       {std::string("ch_id=1"), std::string("ch_id=1&start_ts=5&stop_ts=5"),
        std::string("ch_id=1&start_ts=5&stop_ts=900000"),
        "ch_id=1&start_ts=5&stop_ts=65&file=" + std::string(501, 'x'),
        std::string("ch_id=1&start_ts=5&stop_ts=65&file=%FF")}) {
    EXPECT_EQ(Pvr("start_record_on_stb", wrong), false) << wrong;
  }
  const std::string network = Pvr("start_rec_now", "ch_id=1")["data"][0]["id"];
  for (const char* action : {"stop_record_on_stb", "del_record_on_stb", "set_internal_id",
                             "update_record_on_stb_end_time"}) {
    for (const std::string& wrong : {network, std::string("5"), std::string("x"), std::string()}) {
      EXPECT_EQ(Pvr(action, "rec_id=" + wrong + "&stop_ts=" + std::to_string(kNowSeconds + 60)),
                false)
          << action << wrong;
    }
  }
  EXPECT_EQ(Pvr("update_record_on_stb_end_time", "rec_id=" + id + "&stop_ts=1"), false);
  // Another box of the household sees what the network keeps, and nothing of this one's disk.
  EXPECT_EQ(Pvr("get_ordered_list")["total_items"], 2);
  box_.HaveDevice("00:1A:79:00:00:02");
  BoxRequest other;
  other.cookie = "mac=00:1A:79:00:00:02; stb_lang=en; timezone=Europe/London";
  other.query = "type=stb&action=handshake";
  other.authorization = "Bearer " + box_.Send(other).Js()["token"].get<std::string>();
  other.query = "type=remote_pvr&action=get_ordered_list";
  EXPECT_EQ(box_.Send(other).Js()["total_items"], 1);
  other.query = "type=remote_pvr&action=del_record_on_stb&rec_id=" + id;
  EXPECT_EQ(box_.Send(other).Js(), false);
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

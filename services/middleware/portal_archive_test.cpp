// Catch-up, start-over and time shift as boxes ask for them.
#include <gmock/gmock.h>

#include "libs/testing/status_matchers.h"
#include "services/middleware/epg_rows.h"
#include "services/middleware/portal_fixture_test.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::int64_t kOnAir = kNowSeconds - 1800;  // "Show 0"; one begins each hour

// So that the lineup does not shrink by more than an instance believes at once.
constexpr const char* kOthers =
    "#EXTINF:-1 group-title=\"films\",F\nhttp://x/live/f/i.m3u8\n"
    "#EXTINF:-1 group-title=\"sport\",S\nhttp://x/live/s/i.m3u8\n";

class PortalArchiveTest : public testing::Test {
 protected:
  void SetUp() override {
    box_.HaveEverything();
    box_.LogIn();
  }

  Json Link(const std::string& media, PortalFixture& box) {
    return box.Call("tv_archive", "create_link", "cmd=auto%20/media/" + media + ".mpg").Js();
  }
  Json Link(const std::string& media) { return Link(media, box_); }
  static std::string Row(std::int64_t channel, std::int64_t start) {
    return std::to_string(RowId(ChannelId(channel), start));
  }
  // A channel with a guide whose archive lies elsewhere.
  void HaveChannelWith(const std::string& catch_up_attributes) {
    box_.HaveLineup("#EXTINF:-1 tvg-id=\"news1.example\" " + catch_up_attributes +
                    ",News\nhttp://x/live/news-1/index.m3u8\n" + kOthers);
  }

  PortalFixture box_;
};

TEST_F(PortalArchiveTest, AProgrammeThatHasEndedIsPlayedFromTheArchive) {
  const Json js = Link(Row(1, kOnAir - 3600));
  EXPECT_EQ(js["id"], 0);
  EXPECT_EQ(js["storage_id"], "1");
  EXPECT_EQ(js["load"], "0");
  EXPECT_EQ(js["error"], "");
  EXPECT_EQ(js["download_cmd"], false);
  EXPECT_TRUE(js["to_file"].is_string());
  EXPECT_THAT(js["cmd"], StartsWith("ffmpeg http://edge-1/s/"));
  EXPECT_THAT(js["cmd"], EndsWith("/-/live/news-1/index-1767342600-3600.m3u8"));
}

TEST_F(PortalArchiveTest, OnAPlatformThatHasJustStartedNobodyIsOfferedWhatWasNeverRecorded) {
  HaveChannelWith("");
  HaveChannelWith("catchup=\"flussonic\" catchup-days=\"7\"");  // told to be kept now
  const Json ended = Link("1_" + std::to_string(kOnAir - 3600));
  EXPECT_EQ(ended["error"], "nothing_to_play");
  box_.clock().Advance(20s);
  const Json running = Link("1_" + std::to_string(kOnAir));
  EXPECT_THAT(running["cmd"], EndsWith("/index-" + std::to_string(kNowSeconds) + "-1800.m3u8"));
  const Json shift = box_.Call("tv_archive", "get_link_for_channel", "ch_id=1").Js();
  EXPECT_THAT(shift["cmd"], EndsWith(" position:20 media_len:20"));
  const Json page = box_.Call("epg", "get_simple_data_table", "ch_id=1&date=2026-01-02&p=1").Js();
  for (const Json& row : page["data"]) {
    const bool is_on = row["real_id"] == "1_" + std::to_string(kOnAir);
    EXPECT_EQ(row["mark_archive"], is_on ? 1 : 0) << row["t_time"];
  }
}

TEST_F(PortalArchiveTest, TheNumberInTheGuidePlaysTheProgrammeOfItsRow) {
  const Json rows = box_.Call("epg", "get_simple_data_table", "ch_id=1&date=2026-01-02&p=1").Js();
  int offered = 0;
  for (const Json& row : rows["data"]) {
    const Json js = Link(row["id"]);
    if (row["mark_archive"] == 1) {
      ++offered;
      EXPECT_THAT(js["cmd"],
                  HasSubstr("index-" + row["start_timestamp"].get<std::string>() + "-3600.m3u8"));
    } else {
      EXPECT_EQ(js["error"], "nothing_to_play");
    }
  }
  EXPECT_EQ(offered, 4);  // three past ones and the one that is on
}

TEST_F(PortalArchiveTest, WhatIsOnCanBeWatchedFromItsBeginning) {
  EXPECT_THAT(Link("1_" + std::to_string(kOnAir))["cmd"], EndsWith("index-1767346200-3600.m3u8"));
}

TEST_F(PortalArchiveTest, WhatIsNotKeptOrNotThereHasNothingToPlay) {
  for (const std::string& media :
       {Row(1, kOnAir + 3600), Row(1, kOnAir - 100 * 3600), Row(2, kOnAir), Row(99, kOnAir),
        std::string("0"), std::string("-1"), std::string("99999999999999999999"), std::string("x"),
        std::string("1_"), std::string("1_x"), std::string("_1767346200"), std::string("")}) {
    const Json js = Link(media);
    EXPECT_EQ(js["cmd"], "") << media;
    EXPECT_EQ(js["error"], "nothing_to_play") << media;
  }
  EXPECT_EQ(box_.Call("tv_archive", "create_link").Js()["error"], "nothing_to_play");
}

TEST_F(PortalArchiveTest, AChannelOutsideThePackageIsDenied) {
  HaveChannelWith("catchup-days=\"7\" holdfast-package=\"sport\"");
  EXPECT_EQ(Link(Row(1, kOnAir))["error"], "access_denied");
  EXPECT_EQ(box_.Call("tv_archive", "get_link_for_channel", "ch_id=1").Js()["error"],
            "server_error");
  EXPECT_EQ(box_.Call("tv_archive", "get_next_part_url", "id=1_1767342600").Js(), false);
}

TEST_F(PortalArchiveTest, AnArchiveElsewhereIsAskedByItsTemplate) {
  HaveChannelWith(
      "catchup=\"default\" catchup-days=\"7\" "
      "catchup-source=\"http://a.example/news?utc={utc}&dur={duration:60}&id={catchup-id}\"");
  EXPECT_EQ(Link(Row(1, kOnAir - 3600))["cmd"],
            "ffmpeg http://a.example/news?utc=1767342600&dur=60&id=1_1767342600");
}

TEST_F(PortalArchiveTest, ATemplateBehindTheLiveAddressGoesThere) {
  HaveChannelWith("catchup=\"shift\" catchup-days=\"7\"");
  EXPECT_THAT(Link(Row(1, kOnAir - 3600))["cmd"],
              EndsWith("/live/news-1/index.m3u8?utc=1767342600&lutc=1767348000"));
}

TEST_F(PortalArchiveTest, AnEncryptedChannelsArchiveCarriesAPlayToken) {
  HaveChannelWith("catchup-days=\"7\" holdfast-encrypted=\"1\"");
  const std::string cmd = Link(Row(1, kOnAir - 3600))["cmd"];
  const std::size_t end = cmd.find("/live/");
  const std::size_t begin = cmd.rfind('/', end - 1) + 1;
  EXPECT_TRUE(security::VerifyPlayToken(cmd.substr(begin, end - begin), box_.play_keys(),
                                        box_.clock().Now())
                  .ok())
      << cmd;
}

TEST_F(PortalArchiveTest, TimeShiftStartsAtThePresentMomentOfTheProgramme) {
  const Json js = box_.Call("tv_archive", "get_link_for_channel", "ch_id=1").Js();
  EXPECT_EQ(js["error"], "");
  EXPECT_THAT(js["cmd"], EndsWith("index-1767346200-3600.m3u8 position:1800 media_len:1800"));
}

TEST_F(PortalArchiveTest, TimeShiftWithoutAGuideIsOfTheHour) {
  HaveChannelWith("catchup-days=\"1\"");
  box_.clock().Advance(24h * 40 + 10min);
  EXPECT_THAT(box_.Call("tv_archive", "get_link_for_channel", "ch_id=1").Js()["cmd"],
              EndsWith("-3600.m3u8 position:600 media_len:600"));
}

TEST_F(PortalArchiveTest, TimeShiftOfAChannelWithoutArchiveIsAServerError) {
  EXPECT_EQ(box_.Call("tv_archive", "get_link_for_channel", "ch_id=2").Js()["error"],
            "server_error");
  EXPECT_EQ(box_.Call("tv_archive", "get_link_for_channel", "ch_id=x").Js()["error"],
            "server_error");
}

TEST_F(PortalArchiveTest, TheNextPartIsTheProgrammeThatFollows) {
  const Json next = box_.Call("tv_archive", "get_next_part_url", "id=1_1767342600").Js();
  EXPECT_THAT(next, StartsWith("ffmpeg http"));
  EXPECT_THAT(next, EndsWith("index-1767346200-3600.m3u8"));
  // What follows the one that is on has not begun.
  EXPECT_EQ(box_.Call("tv_archive", "get_next_part_url", "id=1_1767346200").Js(), false);
  EXPECT_EQ(box_.Call("tv_archive", "get_next_part_url", "id=77_1").Js(), false);
}

TEST_F(PortalArchiveTest, LinksAreGivenFromWhatIsOldAndSaySo) {
  box_.clock().Advance(30s);
  const BoxAnswer answer =
      box_.Call("tv_archive", "create_link", "cmd=/media/" + Row(1, kOnAir) + ".mpg");
  EXPECT_THAT(answer.Js()["cmd"], StartsWith("ffmpeg http"));
  EXPECT_THAT(answer.Header("X-Degraded"), HasSubstr("cdn_routing;age=30"));
  EXPECT_THAT(answer.Header("X-Degraded"), HasSubstr("epg;age=30"));
}

TEST_F(PortalArchiveTest, WithoutEdgesItIsALinkFault) {
  PortalFixture box;
  box.HaveUsualLineup();
  box.HaveDevice();
  box.HaveEntitlement();
  box.HaveGuide("news1.example", 3);
  box.LogIn();
  EXPECT_EQ(Link(Row(1, kOnAir), box)["error"], "link_fault");
}

}  // namespace
}  // namespace holdfast::middleware

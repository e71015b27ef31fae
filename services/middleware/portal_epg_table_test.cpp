// The guide as a table, to the letter of the protocol.
#include <gmock/gmock.h>

#include "services/middleware/portal_fixture_test.h"

namespace holdfast::middleware {
namespace {

class PortalEpgTableTest : public testing::Test {
 protected:
  void SetUp() override {
    box_.HaveEverything();
    box_.LogIn();
  }
  Json Table(const std::string& fields) { return box_.Call("epg", "get_data_table", fields).Js(); }

  PortalFixture box_;
};

TEST_F(PortalEpgTableTest, ATableHasChannelsMarksAndTimes) {
  const Json js = Table("from=2026-01-02%2010:00:00&to=2026-01-02%2012:00:00&p=1&fav=0");
  EXPECT_EQ(js["total_items"], 2);
  EXPECT_EQ(js["max_page_items"], 10);
  EXPECT_EQ(js["selected_item"], 0);
  EXPECT_EQ(js["from_ts"], kNowSeconds);
  EXPECT_EQ(js["to_ts"], kNowSeconds + 7200);
  EXPECT_EQ(js["time_marks"], Json({"10:00", "10:30", "11:00", "11:30"}));
  const Json& row = js["data"][0];
  EXPECT_EQ(row["ch_id"], "1");
  EXPECT_EQ(row["name"], "News 1");
  EXPECT_EQ(row["number"], "1");
  EXPECT_EQ(row["ch_type"], "iptv");
  EXPECT_TRUE(row["dvb_id"].is_null());
  EXPECT_EQ(row["epg_container"], 1);
  EXPECT_EQ(js["data"][1]["epg"], Json::array());
}

TEST_F(PortalEpgTableTest, WhatReachesBeyondTheTableIsClippedAndHasArrows) {
  const Json epg =
      Table("from=2026-01-02%2010:00:00&to=2026-01-02%2012:00:00&p=1")["data"][0]["epg"];
  ASSERT_EQ(epg.size(), 3u);
  EXPECT_EQ(epg[0]["larr"], 1);
  EXPECT_EQ(epg[0]["rarr"], 0);
  EXPECT_EQ(epg[0]["display_duration"], 1800);
  EXPECT_EQ(epg[0]["duration"], "3600");
  EXPECT_EQ(epg[1]["larr"], 0);
  EXPECT_EQ(epg[1]["display_duration"], "3600");
  EXPECT_EQ(epg[2]["rarr"], 1);
  EXPECT_EQ(epg[2]["display_duration"], 1800);
}

TEST_F(PortalEpgTableTest, MillisecondsWinAndNoiseGivesTwoHoursFromNow) {
  const std::string from = std::to_string(kNowSeconds + 3600) + "000";
  EXPECT_EQ(Table("from_ts=" + from + "&to_ts=undefined&from=x&to=y")["to_ts"],
            kNowSeconds + 3600 + 7200);
  for (const char* noise : {"", "from=x&to=y&p=NaN", "from_ts=-5&to_ts=99999999999999999999",
                            "from=2026-01-02%2012:00:00&to=2026-01-02%2010:00:00"}) {
    const Json js = Table(noise);
    EXPECT_LE(js["to_ts"].get<std::int64_t>() - js["from_ts"].get<std::int64_t>(), 24 * 3600)
        << noise;
    EXPECT_GT(js["to_ts"], js["from_ts"]) << noise;
  }
}

TEST_F(PortalEpgTableTest, WithoutAPageItIsThePageOfTheChannel) {
  const Json js = Table("ch_id=2&p=0");
  EXPECT_EQ(js["cur_page"], 1);
  EXPECT_EQ(js["selected_item"], 2);
  EXPECT_EQ(Table("from_ch_id=2&ch_id=1")["selected_item"], 2);
  EXPECT_EQ(Table("p=999999999999")["data"], Json::array());
}

TEST_F(PortalEpgTableTest, OnlyTheFavouritesInTheirOrder) {
  EXPECT_EQ(box_.Call("itv", "set_fav", "fav_ch=2").Js(), true);
  const Json js = Table("fav=1&p=1");
  ASSERT_EQ(js["data"].size(), 1u);
  EXPECT_EQ(js["data"][0]["ch_id"], "2");
}

}  // namespace
}  // namespace holdfast::middleware

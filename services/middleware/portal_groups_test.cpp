// Channels of several groups, in HD, and those that the operator's monitoring found down: in the
// lists of boxes, of apps and of players.
#include <gmock/gmock.h>

#include "services/middleware/apps_fixture_test.h"

namespace holdfast::middleware {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kLineup =
    "#EXTM3U\n"
    "#EXTINF:-1 group-title=\"News;HD\",One\nhttp://x/live/one/i.m3u8\n"
    "#EXTINF:-1 group-title=\"Kids;News\",Two\nhttp://x/live/two/i.m3u8\n"
    "#EXTINF:-1 group-title=\"Sport\",Ball HD\nhttp://x/live/ball/i.m3u8\n"
    "#EXTINF:-1 group-title=\"News;Adult\",Late HD\nhttp://x/live/late/i.m3u8\n";

class GroupsTest : public testing::Test {
 protected:
  void SetUp() override {
    box_.HaveLineup(kLineup);
    box_.HaveDevice();
    box_.HaveEntitlement();
    box_.HaveEdges();
    box_.LogIn();
    const Json genres = box_.Call("itv", "get_genres").Js();
    for (const Json& genre : genres) ids_[genre["title"]] = genre["id"];
  }
  std::vector<std::string> Names(const std::string& fields) {
    std::vector<std::string> names;
    const Json js = box_.Call("itv", "get_ordered_list", fields).Js();
    EXPECT_EQ(js["total_items"], js["data"].size());
    for (const Json& row : js["data"]) names.push_back(row["name"]);
    return names;
  }
  // The lineup with channel 1 as monitoring says.
  void MonitoringSays(Monitoring monitoring, std::uint64_t revision) {
    const auto lineup = box_.portal().models().lineup();
    replica::Update update{
        .kind = replica::Update::Kind::kFull, .epoch = "test", .revision = revision};
    for (const Channel& c : lineup->channels()) {
      v1::LineupItem item;
      *item.mutable_channel() = ToProto(c);
      if (c.id == ChannelId(1)) {
        item.mutable_channel()->set_down(monitoring.down);
        item.mutable_channel()->set_monitoring_changed_at(monitoring.changed_at);
      }
      update.items.emplace_back("c" + std::to_string(c.id.value()),
                                MakeShared(item.SerializeAsString()));
    }
    for (const Genre& g : lineup->genres()) {
      v1::LineupItem item;
      *item.mutable_genre() = ToProto(g);
      update.items.emplace_back("g" + std::to_string(g.id.value()),
                                MakeShared(item.SerializeAsString()));
    }
    ASSERT_THAT(box_.portal().models().lineup_replica().Apply(update), test::IsOk());
  }

  AppsFixture app_;
  PortalFixture& box_ = app_.box();
  std::map<std::string, std::string> ids_;
};

TEST_F(GroupsTest, ABoxFindsAChannelInEachOfItsGroups) {
  EXPECT_THAT(Names("p=1&genre=" + ids_["News"]), ElementsAre("One", "Two"));
  EXPECT_THAT(Names("p=1&genre=" + ids_["HD"]), ElementsAre("One"));
  EXPECT_THAT(Names("p=1&genre=" + ids_["Kids"]), ElementsAre("Two"));
  EXPECT_THAT(Names("p=1&genre=10"), ElementsAre("Late HD"));  // and nowhere else
  const Json all = box_.Call("itv", "get_all_channels").Js()["data"];
  EXPECT_EQ(all[1]["tv_genre_id"], ids_["Kids"]);  // the first
  EXPECT_EQ(all[1]["genres_str"], "Kids, News");
  EXPECT_EQ(box_.Call("itv", "get_genres").Js().size(), 6u);  // "*" and five
}

TEST_F(GroupsTest, ABoxMayAskForHdOnly) {
  EXPECT_THAT(Names("genre=*&p=1"), ElementsAre("One", "Two", "Ball HD"));
  EXPECT_THAT(Names("genre=*&p=1&hd=1"), ElementsAre("One", "Ball HD"));
  EXPECT_THAT(Names("genre=*&p=1&hd=0"), ElementsAre("One", "Two", "Ball HD"));
  EXPECT_THAT(Names("genre=*&p=1&hd=1&sortby=name"), ElementsAre("Ball HD", "One"));
  EXPECT_THAT(Names("hd=1&p=1&genre=" + ids_["Kids"]), IsEmpty());
  EXPECT_EQ(box_.Call("itv", "set_fav", "fav_ch=2,3").Js(), true);
  EXPECT_THAT(Names("genre=*&fav=1&p=1&hd=1"), ElementsAre("Ball HD"));
  EXPECT_THAT(Names("genre=*&p=1&quality=low"), ElementsAre("One", "Two", "Ball HD"));
  const Json all = box_.Call("itv", "get_all_channels").Js()["data"];
  EXPECT_EQ(all[0]["hd"], "1");
  EXPECT_EQ(all[1]["hd"], "0");
}

TEST_F(GroupsTest, AppsAndPlaylistsKnowAllGroups) {
  app_.HaveLogin();
  const std::string api = std::string("/player_api.php?") + kAdaFields + "&action=";
  const Json streams = app_.Get(api + "get_live_streams&category_id=" + ids_["News"]).AsJson();
  ASSERT_EQ(streams.size(), 2u);
  EXPECT_EQ(streams[1]["name"], "Two");
  EXPECT_EQ(streams[1]["category_id"], ids_["Kids"]);
  EXPECT_EQ(streams[1]["category_ids"], Json({std::stoi(ids_["Kids"]), std::stoi(ids_["News"])}));
  EXPECT_EQ(app_.Get(api + "get_live_categories").AsJson().size(), 4u);
  const std::string m3u = app_.Get(std::string("/get.php?type=m3u_plus&") + kAdaFields).body;
  EXPECT_THAT(m3u, HasSubstr("group-title=\"News;HD\",One"));
  EXPECT_THAT(m3u, HasSubstr("group-title=\"Kids;News\",Two"));
}

TEST_F(GroupsTest, AChannelThatIsDownIsShownClosedUntilItIsUpAgain) {
  EXPECT_NE(box_.Zap(1), "");
  MonitoringSays({.down = true, .changed_at = kNowSeconds}, 100);
  const Json row = box_.Call("itv", "get_all_channels").Js()["data"][0];
  EXPECT_EQ(row["open"], 0);
  EXPECT_EQ(row["error"], "limit");
  EXPECT_EQ(row["cmd"], "udp://wtf?");
  EXPECT_EQ(row["monitoring_status"], "0");
  EXPECT_EQ(row["monitoring_status_updated"], "2026-01-02 10:00:00");
  EXPECT_EQ(row["enable_monitoring"], "1");
  EXPECT_EQ(row["cmds"][0]["status"], "0");
  EXPECT_EQ(row["cmds"][0]["id"], "1");
  const Json link = box_.Call("itv", "create_link", "cmd=ffrt%20http://localhost/ch/1").Js();
  EXPECT_EQ(link["error"], "limit");
  EXPECT_EQ(link["cmd"], "");
  EXPECT_NE(box_.Zap(2), "");

  MonitoringSays({.down = false, .changed_at = kNowSeconds + 60}, 101);
  const Json up = box_.Call("itv", "get_all_channels").Js()["data"][0];
  EXPECT_EQ(up["open"], 1);
  EXPECT_FALSE(up.contains("error"));
  EXPECT_EQ(up["cmd"], "ffrt http://localhost/ch/1");
  EXPECT_EQ(up["monitoring_status"], "1");
  EXPECT_NE(box_.Zap(1), "");
}

TEST(LastChannelTest, TheChannelWatchedLastIsOneOfTheAccounts) {
  PortalFixture box;
  box.HaveEverything();  // channel 3 is in package "sport", which the account has not
  box.LogIn();
  EXPECT_EQ(box.Call("itv", "set_last_id", "id=2").Js(), true);
  EXPECT_EQ(box.Call("itv", "set_last_id", "id=3").Js(), true);
  EXPECT_EQ(box.Call("itv", "set_last_id", "id=99").Js(), true);
  EXPECT_EQ(box.Call("stb", "get_profile").Js()["last_itv_id"], "2");
}

}  // namespace
}  // namespace holdfast::middleware

// What apps of the Xtream family rely on, to the letter: the JSON type of every field, the answers
// to wrong logins, the forms of stream addresses.
#include <gmock/gmock.h>

#include "services/middleware/apps_fixture_test.h"
#include "services/middleware/json_shape_test.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class XtreamContractTest : public testing::Test {
 protected:
  void SetUp() override {
    app_.box().HaveEverything();
    app_.HaveLogin();
  }
  AppAnswer Player(const std::string& rest = "") {
    return app_.Get(std::string("/player_api.php?") + kAdaFields +
                    (rest.empty() ? "" : "&" + rest));
  }
  AppAnswer Play(const std::string& file) { return app_.Get("/live" + (kAdaPath + ("/" + file))); }

  AppsFixture app_;
};

TEST_F(XtreamContractTest, TheLoginAnswerHasEveryFieldInItsType) {
  const AppAnswer answer = Player();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.content_type, "application/json");
  const Json js = answer.AsJson();
  EXPECT_EQ(Misfit(js, "{user_info:{*:any},server_info:{*:any}}"), "");
  EXPECT_EQ(Misfit(js["user_info"],
                   "{username:str,password:str,message:str,auth:int,status:str,exp_date:null,"
                   "is_trial:str,active_cons:str,created_at:str,max_connections:str,"
                   "allowed_output_formats:[any]}"),
            "");
  EXPECT_EQ(
      Misfit(js["server_info"],
             "{url:str,port:str,https_port:str,server_protocol:str,rtmp_port:str,timezone:str,"
             "timestamp_now:int,time_now:str,process:bool}"),
      "");
  EXPECT_EQ(js["user_info"]["username"], "ada");
  EXPECT_EQ(js["user_info"]["password"], "s/e+c r&t");
  EXPECT_EQ(js["user_info"]["auth"], 1);
  EXPECT_EQ(js["user_info"]["status"], "Active");
  EXPECT_EQ(js["user_info"]["created_at"], "1700000000");
  EXPECT_EQ(js["server_info"]["url"], "127.0.0.1");
  EXPECT_EQ("http://127.0.0.1:" + js["server_info"]["port"].get<std::string>(), app_.url());
  EXPECT_EQ(js["server_info"]["server_protocol"], "http");
  EXPECT_EQ(js["server_info"]["timestamp_now"], kNowSeconds);
  EXPECT_EQ(js["server_info"]["time_now"], "2026-01-02 10:00:00");
}

TEST_F(XtreamContractTest, AFormWorksLikeAQueryAndUnknownActionsLikeNone) {
  EXPECT_EQ(app_.Send("POST", "/player_api.php", {}, kAdaFields).body, Player().body);
  EXPECT_EQ(Player("action=get_nonsense").body, Player().body);
}

TEST_F(XtreamContractTest, BehindAProxyTheAddressesAreTheProxys) {
  const Json js = app_.Get(std::string("/player_api.php?") + kAdaFields,
                           {{"Host", "tv.example"}, {"X-Forwarded-Proto", "https"}})
                      .AsJson();
  EXPECT_EQ(js["server_info"]["url"], "tv.example");
  EXPECT_EQ(js["server_info"]["https_port"], "443");
  EXPECT_EQ(js["server_info"]["server_protocol"], "https");
}

TEST_F(XtreamContractTest, AWrongLoginIsToldInTheWordsOfTheProtocol) {
  // Billing is not there to be asked: first "try again", never "wrong".
  const std::string wrong = "/player_api.php?username=ada&password=guess";
  const AppAnswer away = app_.Get(wrong);
  EXPECT_EQ(away.status, 503);
  EXPECT_FALSE(away.retry_after.empty());
  EXPECT_THAT(away.degraded, HasSubstr("billing"));
  // No login at all, or one too long to be one, is wrong without asking.
  for (const std::string& nobody :
       {std::string("/player_api.php"), std::string("/panel_api.php?username=&password="),
        "/player_api.php?username=" + std::string(300, 'x') + "&password=y"}) {
    const AppAnswer answer = app_.Get(nobody);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.AsJson(), Json::parse(R"({"user_info":{"auth":0}})"));
  }
  EXPECT_EQ(app_.Get("/get.php").status, 403);
  EXPECT_EQ(app_.Get("/xmltv.php").status, 403);
}

TEST_F(XtreamContractTest, GuessingIsStoppedBeforeAnybodyIsAsked) {
  int too_many = 0;
  for (int i = 0; i < 40; ++i) {
    const AppAnswer answer = app_.Get("/live/ada/guess" + std::to_string(i) + "/1.m3u8");
    if (answer.status == 429) ++too_many;
  }
  EXPECT_EQ(too_many, 20);
  EXPECT_EQ(Player().status, 200);  // the subscriber notices nothing
}

TEST_F(XtreamContractTest, CategoriesHaveExactlyTheProtocolsTypes) {
  const Json js = Player("action=get_live_categories").AsJson();
  ASSERT_EQ(js.size(), 2u);
  EXPECT_EQ(Misfit(js[0], "{category_id:str,category_name:str,parent_id:int}"), "");
  EXPECT_EQ(js[0]["category_name"], "news");
}

TEST_F(XtreamContractTest, StreamsHaveExactlyTheProtocolsTypes) {
  const Json js = Player("action=get_live_streams").AsJson();
  ASSERT_EQ(js.size(), 2u);
  const std::string fields =
      "{num:int,name:str,stream_type:str,stream_id:int,stream_icon:str,epg_channel_id:str,"
      "added:str,is_adult:int,category_id:str,category_ids:[any],custom_sid:str,"
      "tv_archive:int,direct_source:str,tv_archive_duration:int}";
  EXPECT_EQ(Misfit(js[0], fields), "");
  EXPECT_EQ(Misfit(js[1], fields), "");
  EXPECT_EQ(js[0]["stream_id"], 1);
  EXPECT_EQ(js[0]["epg_channel_id"], "news1.example");
  EXPECT_EQ(js[0]["stream_icon"], "http://l/1.png");
  EXPECT_EQ(js[0]["tv_archive"], 1);
  EXPECT_EQ(js[0]["tv_archive_duration"], 7);
  EXPECT_EQ(js[1]["name"], "Film \"One\"");
  EXPECT_EQ(js[1]["tv_archive"], 0);
  EXPECT_TRUE(js[0]["category_ids"][0].is_number_integer());
}

TEST_F(XtreamContractTest, AListCanBeAskedForByCategory) {
  const Json all = Player("action=get_live_streams&category_id=*").AsJson();
  EXPECT_EQ(all.size(), 2u);
  const std::string id = all[1]["category_id"];
  const Json one = Player("action=get_live_streams&category_id=" + id).AsJson();
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0], all[1]);
  for (const char* other : {"999", "-1", "x", "999999999999999999999"}) {
    EXPECT_EQ(Player(std::string("action=get_live_streams&category_id=") + other).body, "[]");
  }
}

TEST_F(XtreamContractTest, AChannelWithoutGuideHasNull) {
  app_.box().HaveEntitlement("acc-1", {"basic", "sport"});
  const Json js = Player("action=get_live_streams").AsJson();
  ASSERT_EQ(js.size(), 3u);
  EXPECT_TRUE(js[2]["epg_channel_id"].is_null());
}

TEST_F(XtreamContractTest, ShortGuideHasExactlyTheProtocolsTypes) {
  const Json js = Player("action=get_short_epg&stream_id=1").AsJson();
  EXPECT_EQ(Misfit(js, "{epg_listings:[any]}"), "");
  ASSERT_EQ(js["epg_listings"].size(), 4u);
  const Json& now = js["epg_listings"][0];
  EXPECT_EQ(Misfit(now,
                   "{id:str,epg_id:str,title:str,lang:str,start:str,end:str,description:str,"
                   "channel_id:str,start_timestamp:str,stop_timestamp:str}"),
            "");
  EXPECT_EQ(now["title"], "U2hvdyAw");  // "Show 0"
  EXPECT_EQ(now["description"], "QWJvdXQgIml0Ig==");
  EXPECT_EQ(now["start"], "2026-01-02 09:30:00");
  EXPECT_EQ(now["start_timestamp"], "1767346200");
  EXPECT_EQ(now["channel_id"], "news1.example");
  EXPECT_EQ(Player("action=get_short_epg&stream_id=1&limit=2").AsJson()["epg_listings"].size(), 2u);
}

TEST_F(XtreamContractTest, TheTableOfAChannelMarksNowAndArchive) {
  for (const char* action : {"get_simple_data_table", "get_simple_date_table"}) {
    const Json js = Player(std::string("action=") + action + "&stream_id=1").AsJson();
    ASSERT_EQ(js["epg_listings"].size(), 33u);
    EXPECT_EQ(Misfit(js["epg_listings"][0],
                     "{id:str,epg_id:str,title:str,lang:str,start:str,end:str,description:str,"
                     "channel_id:str,start_timestamp:str,stop_timestamp:str,now_playing:int,"
                     "has_archive:int}"),
              "");
    EXPECT_EQ(js["epg_listings"][0]["has_archive"], 1);
    EXPECT_EQ(js["epg_listings"][3]["now_playing"], 1);
    EXPECT_EQ(js["epg_listings"][4]["has_archive"], 0);
  }
}

TEST_F(XtreamContractTest, AGuideOfNothingIsAnEmptyList) {
  for (const char* id : {"", "2", "3", "4", "99", "x", "-1"}) {
    EXPECT_EQ(Player(std::string("action=get_short_epg&stream_id=") + id).body,
              "{\"epg_listings\":[]}");
  }
}

TEST_F(XtreamContractTest, FilmsAndSeriesAreRightShaped) {
  for (const char* list :
       {"get_vod_categories", "get_vod_streams", "get_series_categories", "get_series"}) {
    EXPECT_TRUE(Player(std::string("action=") + list).AsJson().is_array());
  }
  EXPECT_EQ(
      Misfit(Player("action=get_vod_info&vod_id=99").AsJson(), "{info:[any],movie_data:{*:any}}"),
      "");
  EXPECT_EQ(Misfit(Player("action=get_series_info&series_id=99").AsJson(),
                   "{seasons:[any],info:{*:any},episodes:{*:any}}"),
            "");
}

TEST_F(XtreamContractTest, ThePanelTellsEverythingAtOnce) {
  const Json js = app_.Get(std::string("/panel_api.php?") + kAdaFields).AsJson();
  EXPECT_EQ(Misfit(js,
                   "{user_info:{*:any},server_info:{*:any},categories:{*:any},"
                   "available_channels:{*:any}}"),
            "");
  EXPECT_EQ(Misfit(js["categories"], "{live:[any],movie:[any],series:[any]}"), "");
  ASSERT_EQ(js["available_channels"].size(), 2u);
  EXPECT_EQ(
      Misfit(js["available_channels"]["1"],
             "{num:int,name:str,stream_type:str,type_name:str,stream_id:str,stream_icon:str,"
             "epg_channel_id:str,added:str,category_name:str,category_id:str,series_no:null,"
             "live:str,container_extension:null,custom_sid:str,tv_archive:int,direct_source:str,"
             "tv_archive_duration:int}"),
      "");
}

TEST_F(XtreamContractTest, ListsAreCompressedForWhoTakesIt) {
  const AppAnswer packed =
      app_.Get(std::string("/player_api.php?") + kAdaFields + "&action=get_live_streams",
               {{"Accept-Encoding", "gzip"}});
  EXPECT_TRUE(packed.gzipped);
  EXPECT_EQ(packed.body, Player("action=get_live_streams").body);
}

TEST_F(XtreamContractTest, AStreamIsARedirectToASignedLink) {
  for (const std::string& path :
       {std::string("/live") + kAdaPath + "/1.m3u8", std::string("/live") + kAdaPath + "/1.ts",
        std::string(kAdaPath) + "/1", std::string(kAdaPath) + "/1.ts"}) {
    const AppAnswer answer = app_.Get(path);
    EXPECT_EQ(answer.status, 302) << path;
    EXPECT_THAT(answer.location, StartsWith("http://edge-")) << path;
    EXPECT_THAT(answer.location, HasSubstr("/-/live/news-1/index.m3u8")) << path;
    EXPECT_THAT(answer.location, Not(HasSubstr("ada")));
  }
}

TEST_F(XtreamContractTest, AnEncryptedStreamCarriesAPlayTokenOfItsAccount) {
  const std::string location = Play("2.m3u8").location;
  const std::size_t end = location.find("/live/film-1/");
  ASSERT_NE(end, std::string::npos) << location;
  const std::size_t begin = location.rfind('/', end - 1) + 1;
  const auto claims = security::VerifyPlayToken(location.substr(begin, end - begin),
                                                app_.box().play_keys(), app_.box().clock().Now());
  ASSERT_THAT(claims, test::IsOk());
  EXPECT_EQ(claims->account_id, "acc-1");
  EXPECT_EQ(claims->channel_id, "film-1");
}

TEST_F(XtreamContractTest, WhatIsNotTheirsIsForbiddenAndWhatIsNotThereIsNotFound) {
  EXPECT_EQ(Play("3.m3u8").status, 403);  // another package
  EXPECT_EQ(Play("4.m3u8").status, 403);  // adult, and apps ask for no PIN
  for (const char* nothing : {"99.m3u8", "1.mp4", "0", "x.ts", "1.ts.ts"}) {
    EXPECT_EQ(Play(nothing).status, 404) << nothing;
  }
  EXPECT_EQ(app_.Get(std::string("/movie") + kAdaPath + "/1.mp4").status, 404);
  EXPECT_EQ(app_.Get("/some/other/address").status, 404);
}

TEST_F(XtreamContractTest, AHeadPlaysNothingAndReloadsAreOnePlay) {
  const auto zaps = [&] {
    const std::string scrape = app_.box().metrics().Scrape();
    const std::string name = "holdfast_middleware_zaps_total{result=\"ok\"} ";
    const std::size_t at = scrape.find(name);
    return at == std::string::npos ? 0.0 : std::stod(scrape.substr(at + name.size()));
  };
  const std::string path = std::string("/live") + kAdaPath + "/1.m3u8";
  EXPECT_EQ(app_.Send("HEAD", path).status, 302);
  EXPECT_EQ(zaps(), 0);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(app_.Get(path).status, 302);
  EXPECT_EQ(zaps(), 1);
  app_.box().clock().Advance(31s);
  EXPECT_EQ(app_.Get(path).status, 302);
  EXPECT_EQ(zaps(), 2);
}

TEST_F(XtreamContractTest, CatchUpIsARedirectInBothForms) {
  const std::string path = std::string("/timeshift") + kAdaPath + "/60/2026-01-02:08-30/1.ts";
  const AppAnswer by_path = app_.Get(path);
  EXPECT_EQ(by_path.status, 302);
  EXPECT_THAT(by_path.location, HasSubstr("/live/news-1/index-1767342600-3600.m3u8"));
  const AppAnswer by_form = app_.Get(std::string("/streaming/timeshift.php?") + kAdaFields +
                                     "&stream=1&start=1767342600&duration=60");
  EXPECT_EQ(by_form.status, 302);
  EXPECT_EQ(by_form.location, by_path.location);
}

TEST_F(XtreamContractTest, CatchUpOfWhatIsNotKeptIsNotFound) {
  for (const char* rest :
       {"/60/2026-01-02:10-30/1.ts", "/60/2025-12-01:10-00/1.ts", "/60/2026-01-02:08-30/2.ts",
        "/0/2026-01-02:08-30/1.ts", "/60/nonsense/1.ts", "/60/2026-01-02:08-30/99.ts"}) {
    EXPECT_EQ(app_.Get(std::string("/timeshift") + kAdaPath + rest).status, 404) << rest;
  }
  EXPECT_EQ(app_.Get(std::string("/timeshift") + kAdaPath + "/60/2026-01-02:08-30/3.ts").status,
            403);
}

}  // namespace
}  // namespace holdfast::middleware

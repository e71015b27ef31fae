// What boxes rely on, to the letter: each action's JSON types, the exact error texts, HTTP 200.
#include <gmock/gmock.h>

#include "services/middleware/portal_fixture_test.h"

namespace holdfast::middleware {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class PortalContractTest : public testing::Test {
 protected:
  void SetUp() override { box_.HaveEverything(); }

  // Each named value is a text, a whole number, ... as the letter says: s i b f a o.
  static void ExpectTypes(const Json& object, const std::string& letters_and_names) {
    std::istringstream in(letters_and_names);
    std::string letter, name;
    while (in >> letter >> name) {
      ASSERT_TRUE(object.contains(name)) << name << " is missing in " << object.dump();
      const Json& value = object[name];
      const bool right = letter == "s"   ? value.is_string()
                         : letter == "i" ? value.is_number_integer()
                         : letter == "f" ? value.is_number()
                         : letter == "b" ? value.is_boolean()
                         : letter == "a" ? value.is_array()
                                         : value.is_object();
      EXPECT_TRUE(right) << name << " is " << value.dump() << ", wanted " << letter;
    }
  }

  PortalFixture box_;
};

TEST_F(PortalContractTest, HandshakeGivesAnObjectWithATextToken) {
  const Json js = box_.Call("stb", "handshake").Js();
  ExpectTypes(js, "s token s random");
  EXPECT_FALSE(js.contains("not_valid"));
}

TEST_F(PortalContractTest, AGoodTokenIsGivenBackUnchanged) {
  box_.LogIn();
  EXPECT_EQ(box_.Call("stb", "handshake", "token=" + box_.token).Js()["token"], box_.token);
}

TEST_F(PortalContractTest, AWrongTokenIsReplacedAndSaidToBeWrong) {
  const Json js = box_.Call("stb", "handshake", "token=F6654F81AA00BB11CC22DD33EE44FF55").Js();
  EXPECT_NE(js["token"], "F6654F81AA00BB11CC22DD33EE44FF55");
  EXPECT_EQ(js["not_valid"], 1);
}

TEST_F(PortalContractTest, TheProfileHasEveryKeyInItsType) {
  box_.LogIn();
  const Json js = box_.Call("stb", "get_profile", "stb_type=MAG250&sn=0&hd=1&num_banks=1").Js();
  ExpectTypes(
      js,
      "s id s name s sname s fname s phone s ls s login s mac s ip s status "
      "s parent_password s settings_password s bright s contrast s saturation s aspect s volume "
      "s audio_out s playback_buffer_bytes s playback_buffer_size s screensaver_delay "
      "s plasma_saving s fav_itv_on s hd s main_notify s tv_quality s video_clock s theme "
      "s additional_services_on s tariff_plan_id s pri_audio_lang s sec_audio_lang "
      "s pri_subtitle_lang s sec_subtitle_lang s subtitle_size s subtitle_color "
      "s show_after_loading s ts_enabled s ts_enable_icon s ts_path s ts_max_length "
      "s ts_buffer_use s ts_action_on_exit s ts_delay s account_balance s expire_billing_date "
      "i watchdog_timeout f timeslot_ratio f timeslot f epg_update_time_range "
      "i epg_data_block_period_for_stb i tv_playback_retry_limit b fading_tv_retry_timeout "
      "i plasma_saving_timeout i timezone_diff i last_itv_id o updated a storages "
      "b is_moderator b tester s locale s stb_lang s default_locale s default_timezone "
      "b store_auth_data_on_stb b auth_access b display_menu_after_loading "
      "i record_max_length i playback_limit i max_local_recordings b enable_tariff_plans "
      "b strict_stb_type_check b hls_fast_start b use_embedded_settings "
      "a allowed_stb_types a allowed_stb_types_for_local_recording i hdmi_event_reaction "
      "s update_url s tv_channel_default_aspect i check_ssl_certificate i cas_type "
      "s web_proxy_host s external_payment_page_url");
  EXPECT_EQ(js["status"], "0");
  EXPECT_EQ(js["mac"], kBoxMac);
  EXPECT_EQ(js["fname"], "Ada Example");
  EXPECT_FALSE(js.contains("msg"));
  EXPECT_FALSE(js.contains("block_msg"));
  EXPECT_THAT(js["allowed_stb_types"], testing::Contains("mag250"));
}

TEST_F(PortalContractTest, NothingInTheProfileIsNull) {
  box_.LogIn();
  const Json js = box_.Call("stb", "get_profile").Js();
  for (const auto& [key, value] : js.items()) {
    EXPECT_FALSE(value.is_null()) << key;
  }
}

TEST_F(PortalContractTest, TheTimeslotNeverMakesABoxCallInATightLoop) {
  for (int n = 0; n < 256; ++n) {
    char mac[18];
    std::snprintf(mac, sizeof(mac), "00:1A:79:00:00:%02X", n);
    box_.HaveDevice(mac);
    BoxRequest request{.query = "type=stb&action=get_profile", .cookie = std::string("mac=") + mac};
    const double timeslot = box_.Send(request).Js()["timeslot"];
    EXPECT_GE(timeslot, 10);
    EXPECT_LE(timeslot, 120);
  }
}

TEST_F(PortalContractTest, ChannelRowsHaveExactlyTheProtocolsTypes) {
  box_.LogIn();
  const Json js = box_.Call("itv", "get_all_channels").Js();
  ExpectTypes(js, "i total_items i max_page_items i selected_item i cur_page a data");
  EXPECT_EQ(js["total_items"], 2);
  EXPECT_EQ(js["max_page_items"], 14);
  ASSERT_EQ(js["data"].size(), 2u);
  const Json& row = js["data"][0];
  ExpectTypes(
      row,
      "s id s name s number s censored s cmd s cost s count s status s tv_genre_id s base_ch s hd "
      "s xmltv_id s service_id s bonus_ch s volume_correction s use_http_tmp_link s mc_cmd "
      "s enable_tv_archive s wowza_tmp_link s wowza_dvr s monitoring_status s enable_monitoring "
      "s enable_wowza_load_balancing s cmd_1 s cmd_2 s cmd_3 s logo s correct_time s allow_pvr "
      "s allow_local_pvr s modified s allow_local_timeshift s nginx_secure_link "
      "s tv_archive_duration s flussonic_dvr s locked i lock i fav i archive s genres_str a epg "
      "i open s use_load_balancing i pvr s cur_playing a cmds");
  EXPECT_EQ(row["name"], "News 1");
  EXPECT_EQ(row["number"], "1");
  EXPECT_EQ(row["use_http_tmp_link"], "1");
  EXPECT_EQ(row["tv_archive_duration"], "168");
  EXPECT_EQ(row["archive"], 1);
  EXPECT_EQ(row["cmd"], "ffrt http://localhost/ch/1");
  ASSERT_EQ(row["cmds"].size(), 1u);
  ExpectTypes(row["cmds"][0],
              "s id s ch_id s priority s url s status s use_http_tmp_link s changed");
  EXPECT_EQ(js["data"][1]["name"], "Film \"One\"");
}

TEST_F(PortalContractTest, GenreTenIsTheAdultListAndAnEmptyOneStillHasData) {
  box_.LogIn();
  const Json adult = box_.Call("itv", "get_ordered_list", "genre=10&fav=0&sortby=number&p=1").Js();
  EXPECT_EQ(adult["total_items"], 1);
  EXPECT_EQ(adult["data"][0]["name"], "Late");
  EXPECT_EQ(adult["data"][0]["lock"], 1);
  EXPECT_EQ(adult["data"][0]["tv_genre_id"], "10");

  for (const char* genre : {"77", "dvb", "undefined", "%00"}) {
    const Json empty = box_.Call("itv", "get_ordered_list", std::string("p=1&genre=") + genre).Js();
    EXPECT_EQ(empty["total_items"], 0) << genre;
    EXPECT_EQ(empty["max_page_items"], 14) << genre;
    EXPECT_TRUE(empty["data"].is_array() && empty["data"].empty()) << genre;
  }
  const Json recordable = box_.Call("itv", "get_ordered_list", "p=1&genre=pvr").Js();
  EXPECT_EQ(recordable["total_items"], 1);
  EXPECT_EQ(recordable["data"][0]["allow_pvr"], "1");
}

TEST_F(PortalContractTest, NoChannelIsInBothLists) {
  box_.LogIn();
  const Json all = box_.Call("itv", "get_all_channels").Js();
  for (const Json& row : all["data"]) EXPECT_NE(row["name"], "Late");
}

TEST_F(PortalContractTest, PageZeroIsThePageOfTheLastChannel) {
  std::string m3u;
  for (int i = 1; i <= 40; ++i) {
    m3u +=
        "#EXTINF:-1,C" + std::to_string(i) + "\nhttp://x/live/s" + std::to_string(i) + "/i.m3u8\n";
  }
  box_.HaveLineup(m3u);
  box_.LogIn();
  EXPECT_EQ(box_.Call("itv", "set_last_id", "id=24").Js(), true);
  const Json js = box_.Call("itv", "get_ordered_list", "genre=*&p=0").Js();
  EXPECT_EQ(js["cur_page"], 2);
  EXPECT_EQ(js["selected_item"], 6);
  EXPECT_EQ(js["data"][5]["name"], "C20");
  const Json third = box_.Call("itv", "get_ordered_list", "genre=*&p=3").Js();
  EXPECT_EQ(third["cur_page"], 0);
  EXPECT_EQ(third["data"].size(), 12u);
  EXPECT_THAT(box_.Call("itv", "get_ordered_list", "genre=*&p=999999999999").Js()["data"],
              IsEmpty());
}

TEST_F(PortalContractTest, OrderedListsShowWhatIsOnInTheViewersTime) {
  box_.LogIn();
  const Json js = box_.Call("itv", "get_ordered_list", "genre=*&p=1").Js();
  EXPECT_EQ(js["data"][0]["cur_playing"], "09:30 Show 0");
  EXPECT_EQ(js["data"][1]["cur_playing"], "");
}

TEST_F(PortalContractTest, GenresAreTextsWithAnIntegerMark) {
  box_.LogIn();
  const Json js = box_.Call("itv", "get_genres").Js();
  ASSERT_TRUE(js.is_array());
  EXPECT_EQ(js[0]["id"], "*");
  for (const Json& genre : js) ExpectTypes(genre, "s id s title s alias i censored");
  EXPECT_EQ(js.size(), 4u);  // all, news, films, Adult; sport is not in the package
}

TEST_F(PortalContractTest, ALinkHasTheProtocolsTypes) {
  box_.LogIn();
  const Json js =
      box_.Call("itv", "create_link",
                "cmd=ffrt%20http%3a%2f%2flocalhost%2fch%2f1&series=&forced_storage=undefined"
                "&disable_ad=0&download=0")
          .Js();
  ExpectTypes(js, "s id s cmd i streamer_id i link_id i load s error");
  EXPECT_EQ(js["error"], "");
  EXPECT_EQ(js["link_id"], 1);
  EXPECT_THAT(js["cmd"], StartsWith("ffmpeg http://edge-1/s/"));
  EXPECT_THAT(js["cmd"], HasSubstr("/live/news-1/index.m3u8"));
}

TEST_F(PortalContractTest, WhatFollowsTheHandleComesBack) {
  box_.LogIn();
  const Json js =
      box_.Call("itv", "create_link", "cmd=ffrt+http://localhost/ch/1_%20position:30&series=").Js();
  EXPECT_THAT(js["cmd"], testing::EndsWith("/index.m3u8_ position:30"));
}

TEST_F(PortalContractTest, ARefusedLinkIsStillALink) {
  box_.LogIn();
  for (const auto& [cmd, error] : std::vector<std::pair<std::string, std::string>>{
           {"http://localhost/ch/3", "access_denied"},
           {"http://localhost/ch/99", "nothing_to_play"},
           {"nonsense", "nothing_to_play"},
           {"", "nothing_to_play"},
           {"/ch/99999999999999999999", "nothing_to_play"},
           {"/ch/-1", "nothing_to_play"}}) {
    const Json js = box_.Call("itv", "create_link", "cmd=" + cmd).Js();
    ExpectTypes(js, "s id s cmd i streamer_id i link_id i load s error");
    EXPECT_EQ(js["cmd"], "") << cmd;
    EXPECT_EQ(js["error"], error) << cmd;
  }
}

TEST_F(PortalContractTest, AnEncryptedChannelCarriesAPlayTokenOfTheDevice) {
  box_.LogIn();
  const std::string cmd = box_.Zap(2);
  const std::size_t end = cmd.find("/live/");
  const std::size_t begin = cmd.rfind('/', end - 1) + 1;
  const auto claims = security::VerifyPlayToken(cmd.substr(begin, end - begin), box_.play_keys(),
                                                box_.clock().Now());
  ASSERT_TRUE(claims.ok()) << cmd;
  EXPECT_EQ(claims->account_id, "acc-1");
  EXPECT_EQ(claims->channel_id, "film-1");
  EXPECT_EQ(claims->expires_at, kNowSeconds + 12 * 3600);
  EXPECT_THAT(box_.Zap(1), HasSubstr("/-/live/news-1/"));
}

TEST_F(PortalContractTest, ShortEpgIsAnArrayOfRows) {
  box_.LogIn();
  const Json js = box_.Call("itv", "get_short_epg", "ch_id=1&size=3").Js();
  ASSERT_TRUE(js.is_array());
  ASSERT_EQ(js.size(), 3u);
  ExpectTypes(
      js[0],
      "s id s ch_id s time s time_to s duration s name s descr s real_id s category s director "
      "s actor s start_timestamp s stop_timestamp s t_time s t_time_to s display_duration i larr "
      "i rarr i mark_rec i mark_memo i mark_archive s on_date");
  EXPECT_EQ(js[0]["name"], "Show 0");
  EXPECT_EQ(js[0]["time"], "2026-01-02 09:30:00");
  EXPECT_EQ(js[0]["t_time_to"], "10:30");
  EXPECT_EQ(js[0]["real_id"], "1_1767346200");
  EXPECT_EQ(js[0]["on_date"], "FRIDAY 02.01.2026");
  EXPECT_EQ(js[0]["mark_archive"], 1);
  EXPECT_EQ(js[1]["mark_archive"], 0);
  EXPECT_EQ(box_.Call("itv", "get_short_epg", "ch_id=2").Js(), Json::array());
  EXPECT_EQ(box_.Call("itv", "get_short_epg", "ch_id=undefined&size=NaN").Js(), Json::array());
}

TEST_F(PortalContractTest, EpgTimesAreTheBoxesTimestampsAreNot) {
  box_.LogIn();
  BoxRequest request{.query = "type=itv&action=get_short_epg&ch_id=1&size=1",
                     .cookie = "mac=00%3A1A%3A79%3A12%3A34%3A56; timezone=Europe%2FBerlin",
                     .authorization = "bearer " + box_.token};
  const Json js = box_.Send(request).Js();
  EXPECT_EQ(js[0]["t_time"], "10:30");
  EXPECT_EQ(js[0]["start_timestamp"], "1767346200");
}

TEST_F(PortalContractTest, TheEpgBlockIsAnObjectByChannel) {
  box_.LogIn();
  const BoxAnswer answer = box_.Call("itv", "get_epg_info", "period=3");
  EXPECT_TRUE(answer.gzipped);
  const Json data = answer.Js()["data"];
  ASSERT_TRUE(data.is_object());
  ASSERT_EQ(data.size(), 1u);
  // What ends after now and starts within five hours.
  ASSERT_EQ(data["1"].size(), 6u);
  EXPECT_EQ(data["1"][0]["name"], "Show 0");
  ExpectTypes(data["1"][0], "s id s ch_id s name s descr s start_timestamp s stop_timestamp");
}

TEST_F(PortalContractTest, AnEmptyEpgBlockIsAnEmptyObject) {
  PortalFixture box;
  box.HaveUsualLineup();
  box.HaveDevice();
  box.HaveEntitlement();
  box.LogIn();
  EXPECT_EQ(box.Call("itv", "get_epg_info", "period=72").body,
            "{\"js\":{\"data\":{}},\"text\":\"\"}");
}

TEST_F(PortalContractTest, BoxesWithoutGzipGetTheSameBytesPlain) {
  box_.LogIn();
  for (const char* query :
       {"type=itv&action=get_all_channels", "type=itv&action=get_epg_info&period=24",
        "type=itv&action=get_genres"}) {
    BoxRequest request{.query = query, .authorization = "Bearer " + box_.token};
    const BoxAnswer compressed = box_.Send(request);
    request.accept_encoding = "gzip;q=0, identity";
    const BoxAnswer plain = box_.Send(request);
    EXPECT_TRUE(compressed.gzipped);
    EXPECT_FALSE(plain.gzipped);
    EXPECT_EQ(compressed.body, plain.body);
  }
}

TEST_F(PortalContractTest, FavouritesKeepTheirOrderAndMarkRows) {
  box_.LogIn();
  EXPECT_EQ(box_.Call("itv", "get_fav_ids").Js(), Json::array());
  EXPECT_EQ(box_.Call("itv", "set_fav", "fav_ch=2,1").Js(), true);
  EXPECT_EQ(box_.Call("itv", "get_fav_ids").Js(), Json({"2", "1"}));
  const Json favourites = box_.Call("itv", "get_ordered_list", "fav=1&p=1&genre=*").Js();
  ASSERT_EQ(favourites["data"].size(), 2u);
  EXPECT_EQ(favourites["data"][0]["id"], "2");
  EXPECT_EQ(favourites["data"][0]["number"], "1");
  EXPECT_EQ(favourites["data"][0]["fav"], 1);
  const Json all = box_.Call("itv", "get_all_fav_channels", "fav=1").Js();
  ExpectTypes(all, "i total_items i max_page_items i selected_item i cur_page a data");
  EXPECT_EQ(all["data"].size(), 2u);
  EXPECT_EQ(box_.Call("itv", "set_fav", "fav_ch=2").Js(), true);
  const Json rows = box_.Call("itv", "get_all_channels").Js()["data"];
  EXPECT_EQ(rows[0]["fav"], 0);
  EXPECT_EQ(rows[1]["fav"], 1);
}

TEST_F(PortalContractTest, WeekIsACalendar) {
  box_.LogIn();
  const Json js = box_.Call("epg", "get_week").Js();
  ASSERT_EQ(js.size(), 21u);
  ExpectTypes(js[0], "s f_human s f_mysql i today");
  int todays = 0;
  for (const Json& day : js) todays += day["today"].get<int>();
  EXPECT_EQ(todays, 1);
  EXPECT_EQ(js[7]["f_mysql"], "2026-01-02");
}

TEST_F(PortalContractTest, ADayOfTheGuideComesInPagesOfTen) {
  box_.LogIn();
  const Json first = box_.Call("epg", "get_simple_data_table", "ch_id=1&date=2026-01-02&p=1").Js();
  ExpectTypes(first, "i total_items i max_page_items i selected_item i cur_page a data");
  EXPECT_EQ(first["max_page_items"], 10);
  EXPECT_EQ(first["data"].size(), 10u);
  ExpectTypes(first["data"][0], "s id s name i open i mark_memo i mark_archive");
  const Json now = box_.Call("epg", "get_simple_data_table", "ch_id=1&date=2026-01-02&p=0").Js();
  EXPECT_EQ(now["cur_page"], 1);
  EXPECT_EQ(now["selected_item"], 4);
  EXPECT_EQ(now["data"][3]["open"], 1);
  EXPECT_EQ(now["data"][2]["open"], 0);
  const Json none = box_.Call("epg", "get_simple_data_table", "ch_id=77&date=x&p=1").Js();
  EXPECT_EQ(none["data"], Json::array());
}

TEST_F(PortalContractTest, TheHeartbeatHasDataAndIntegerMessages) {
  box_.LogIn();
  const Json js =
      box_.Call("watchdog", "get_events", "init=0&cur_play_type=1&event_active_id=0").Js();
  ExpectTypes(js["data"], "i msgs s additional_services_on");
  EXPECT_EQ(box_.Call("watchdog", "confirm_event", "event_active_id=1").Js(),
            Json({{"data", "ok"}}));
}

TEST_F(PortalContractTest, TheAccountPageIsTexts) {
  box_.LogIn();
  const Json js = box_.Call("account_info", "get_main_info").Js();
  ExpectTypes(js, "s fname s phone s ls s mac s account_balance s tariff_plan");
  EXPECT_EQ(js["account_balance"], "12.34 EUR");
}

TEST_F(PortalContractTest, SmallAnswersHaveTheirTypes) {
  box_.LogIn();
  EXPECT_EQ(box_.Call("stb", "log", "real_action=play&ch_id=1&tmp_type=1").Js(), 1);
  EXPECT_EQ(box_.Call("stb", "get_localization").Js(), Json::object());
  EXPECT_EQ(box_.Call("stb", "get_storages").Js(), Json::array());
  EXPECT_EQ(box_.Call("stb", "get_preload_images", "gmode=720").Js(), Json::array());
  EXPECT_EQ(box_.Call("stb", "get_tv_aspects").Js(), Json::object());
  EXPECT_EQ(box_.Call("stb", "check_portal_status").Js(), true);
  EXPECT_EQ(box_.Call("itv", "set_played", "itv_id=1").Js(), true);
  EXPECT_EQ(box_.Call("stb", "set_stream_error", "ch_id=1&event=4").Js(), true);
  EXPECT_EQ(box_.Call("itv", "set_claim", "id=1&real_type=video").Js(), true);
  ExpectTypes(
      box_.Call("stb", "get_modules").Js(),
      "a all_modules a switchable_modules a disabled_modules a restricted_modules s template");
}

TEST_F(PortalContractTest, WhatNobodyKnowsIsFalse) {
  box_.LogIn();
  EXPECT_EQ(box_.Call("itv", "no_such_action").Js(), false);
  EXPECT_EQ(box_.Call("no_such_type", "get_all_channels").Js(), false);
  EXPECT_EQ(box_.Call(std::string(5000, 'x'), "y").Js(), false);
  BoxRequest nothing{.query = ""};
  EXPECT_EQ(box_.Send(nothing).Js(), false);
}

TEST_F(PortalContractTest, ErrorTextsAreExact) {
  BoxRequest request{.query = "type=itv&action=get_genres", .cookie = ""};
  EXPECT_EQ(box_.Send(request).body, "Unauthorized request.");
  request.cookie = "mac=nonsense";
  EXPECT_EQ(box_.Send(request).body, "Unauthorized request.");
  request.cookie = std::string("mac=") + kBoxMac;
  request.authorization = "Bearer F6654F81AA00BB11CC22DD33EE44FF55";
  const BoxAnswer refused = box_.Send(request);
  EXPECT_EQ(refused.body, "Authorization failed.");
  EXPECT_EQ(refused.status, 200);
  EXPECT_THAT(refused.content_type, StartsWith("text/html"));
  request.authorization = "Bearer a.b.c";
  EXPECT_EQ(box_.Send(request).body, "Authorization failed.");
}

TEST_F(PortalContractTest, ATokenOfAnotherBoxIsRefused) {
  box_.LogIn();
  box_.HaveDevice("00:1A:79:00:00:01");
  BoxRequest request{.query = "type=itv&action=get_genres",
                     .cookie = "mac=00:1A:79:00:00:01",
                     .authorization = "Bearer " + box_.token};
  EXPECT_EQ(box_.Send(request).body, "Authorization failed.");
}

TEST_F(PortalContractTest, ABlockedAccountIsToldSoAndCutOff) {
  box_.LogIn();
  box_.HaveEntitlement("acc-1", {"basic"}, billing::v1::Entitlement::STATUS_SUSPENDED);
  EXPECT_EQ(box_.Call("itv", "get_all_channels").body, "Access denied.");
  EXPECT_EQ(box_.Call("itv", "create_link", "cmd=/ch/1").body, "Access denied.");
  EXPECT_EQ(box_.Call("watchdog", "get_events").Js()["data"]["event"], "cut_off");
  const Json profile = box_.Call("stb", "get_profile").Js();
  EXPECT_EQ(profile["status"], 1);
  ExpectTypes(profile, "s msg s block_msg");
  const std::string why =
      "Your account is blocked because it is not paid. 11.90 EUR to pay, due on 2026-02-14.";
  EXPECT_EQ(profile["block_msg"], why + "<br>Please contact your provider.");
  EXPECT_EQ(box_.Call("account_info", "get_payment_info").Js(), why);
  EXPECT_EQ(box_.Call("account_info", "get_main_info").Js()["fname"], "Ada Example");
}

TEST_F(PortalContractTest, PostWorksLikeGet) {
  box_.LogIn();
  BoxRequest request{.query = "JsHttpRequest=123-xml",
                     .method = "POST",
                     .body = "type=itv&action=get_fav_ids",
                     .authorization = "Bearer " + box_.token};
  EXPECT_EQ(box_.Send(request).Js(), Json::array());
}

TEST_F(PortalContractTest, AMacOutsideTheRangeIsBlockedWithoutATextThatCouldBeNull) {
  BoxRequest request{.query = "type=stb&action=get_profile", .cookie = "mac=AA:BB:CC:12:34:56"};
  EXPECT_EQ(box_.Send(request).Js(), Json({{"status", 1}}));
}

TEST_F(PortalContractTest, AnotherHardwareIdUnderTheSameMacConflicts) {
  Device device;
  device.mac = "00:1A:79:00:00:07";
  device.account = AccountId("acc-1");
  device.started = true;
  device.model = "MAG250";
  device.hardware_id = "first";
  device.revision = 1;
  box_.portal().devices().Put(device);
  BoxRequest request{.query = "type=stb&action=get_profile&device_id=second",
                     .cookie = "mac=00:1A:79:00:00:07"};
  const Json js = box_.Send(request).Js();
  EXPECT_EQ(js["status"], 1);
  EXPECT_EQ(js["msg"], "device conflict - device_id mismatch");
}

TEST_F(PortalContractTest, ABoxWithoutAnAccountIsAskedToLogIn) {
  box_.HaveDevice("00:1A:79:00:00:08", "");
  BoxRequest request{.query = "type=stb&action=get_profile", .cookie = "mac=00:1A:79:00:00:08"};
  const Json js = box_.Send(request).Js();
  EXPECT_EQ(js["status"], 2);
  ExpectTypes(js, "s template s info");
}

}  // namespace
}  // namespace holdfast::middleware

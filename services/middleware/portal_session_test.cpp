// One session per box, what a viewer sets up on it, and what is counted of what it plays.
#include <gmock/gmock.h>

#include "holdfast/analytics/v1/analytics.pb.h"
#include "libs/base/encoding.h"
#include "libs/testing/status_matchers.h"
#include "services/middleware/domain/m3u.h"
#include "services/middleware/portal_fixture_test.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;
using test::IsOk;

class PortalSessionTest : public testing::Test {
 protected:
  void SetUp() override {
    box_.HaveEverything();
    box_.LogIn();
    EXPECT_FALSE(box_.RunJob("follow_database").ok());  // PostgreSQL is away
  }

  Json Profile() { return box_.Call("stb", "get_profile").Js(); }

  // Kinds of all events that were reported so far, by event id.
  std::map<std::string, std::vector<int>> Reported() {
    EXPECT_THAT(box_.RunJob("reports"), IsOk());
    std::map<std::string, std::vector<int>> kinds;
    box_.reports()
        .Drain(1000,
               [&](const std::vector<std::string>& records) {
                 for (const std::string& record : records) {
                   analytics::v1::IngestRequest request;
                   EXPECT_TRUE(request.ParseFromString(record));
                   for (const auto& event : request.events()) {
                     kinds[event.event_id()].push_back(event.kind());
                   }
                 }
                 return absl::OkStatus();
               })
        .IgnoreError();
    return kinds;
  }
  static int Count(const std::map<std::string, std::vector<int>>& reported, int kind) {
    int ids = 0;
    for (const auto& [id, kinds] : reported) ids += kinds.front() == kind ? 1 : 0;
    return ids;
  }

  PortalFixture box_;
};

TEST_F(PortalSessionTest, TwoSessionsOfOneMomentGoOn) {
  // As when a box starts again through another instance before the two have heard of each other.
  const std::string older = box_.token;
  box_.token.clear();
  box_.LogIn();
  box_.token = older;
  EXPECT_TRUE(box_.Call("itv", "get_genres").Js().is_array());
}

TEST_F(PortalSessionTest, ANewerSessionEndsTheOlderOne) {
  const std::string older = box_.token;
  box_.clock().Advance(62s);
  box_.token.clear();
  box_.LogIn();
  EXPECT_NE(box_.token, older);
  EXPECT_TRUE(box_.Call("itv", "get_genres").Js().is_array());
  const std::string newer = box_.token;
  box_.token = older;
  EXPECT_EQ(box_.Call("itv", "get_genres").body, "Authorization failed.");
  // The older one cannot come back by loading its profile again, either.
  Profile();
  EXPECT_EQ(box_.Call("itv", "get_genres").body, "Authorization failed.");
  box_.token = newer;
  EXPECT_TRUE(box_.Call("itv", "get_genres").Js().is_array());
}

TEST_F(PortalSessionTest, AHandshakeAloneEndsNothing) {
  const std::string older = box_.token;
  box_.token.clear();
  EXPECT_TRUE(box_.Call("stb", "handshake").Js()["token"].is_string());
  box_.token = older;
  EXPECT_TRUE(box_.Call("itv", "get_genres").Js().is_array());
}

TEST_F(PortalSessionTest, ABoxThatKeepsItsTokenKeepsItsSession) {
  for (int i = 0; i < 3; ++i) {
    box_.clock().Advance(1h);
    EXPECT_EQ(box_.Call("stb", "handshake", "token=" + box_.token).Js()["token"], box_.token);
    EXPECT_EQ(Profile()["status"], "0");
  }
  EXPECT_TRUE(box_.Call("itv", "get_genres").Js().is_array());
}

TEST_F(PortalSessionTest, ATokenThatTheClientMadeUpEndsOursAndTheOtherWayRound) {
  const std::string ours = box_.token;
  box_.clock().Advance(62s);
  box_.token = "F6654F81AA00BB11CC22DD33EE44FF55";
  EXPECT_EQ(Profile()["status"], "0");
  EXPECT_TRUE(box_.Call("itv", "get_genres").Js().is_array());
  box_.token = ours;
  EXPECT_EQ(box_.Call("itv", "get_genres").body, "Authorization failed.");
  box_.clock().Advance(10s);
  box_.token.clear();
  box_.LogIn();
  box_.token = "F6654F81AA00BB11CC22DD33EE44FF55";
  EXPECT_EQ(box_.Call("itv", "get_genres").body, "Authorization failed.");
}

TEST_F(PortalSessionTest, SettingsAreInTheNextProfileAlsoWithoutADatabase) {
  const std::vector<std::pair<std::string, std::string>> calls = {
      {"set_volume", "vol=33"},
      {"set_aspect", "aspect=32"},
      {"set_playback_buffer", "playback_buffer_bytes=1000&playback_buffer_size=7"},
      {"set_spdif_mode", "spdif_mode=2"},
      {"set_screensaver_delay", "screensaver_delay=15"},
      {"set_plasma_saving", "plasma_saving=1"},
      {"set_hdmi_reaction", "data=2"},
      {"set_lang_priority", "pri_audio_lang=deu&sec_audio_lang=eng&pri_subtitle_lang="},
      {"set_portal_prefs", "show_after_loading=last_channel&play_in_preview_by_ok=1&theme=dark"},
      {"set_clock_on_video", "clockType=Upper%20right"},
      {"set_locale", "locale=de_DE.utf8&city=undefined"},
      {"set_parent_password", "pass=1234"},
      {"set_timeshift_settings",
       "data=%7B%22ts_enabled%22%3A1%2C%22ts_path%22%3A%22%2Fmedia%22%2C%22x%22%3A1%7D"}};
  for (const auto& [action, fields] : calls) {
    EXPECT_EQ(box_.Call("stb", action, fields).Js(), true) << action;
  }
  EXPECT_EQ(box_.Call("itv", "set_fav_status", "fav_itv_on=1").Js(), true);
  const Json js = Profile();
  const std::vector<std::pair<std::string, std::string>> wanted = {
      {"volume", "33"},
      {"aspect", "32"},
      {"playback_buffer_bytes", "1000"},
      {"playback_buffer_size", "7000"},
      {"audio_out", "2"},
      {"screensaver_delay", "15"},
      {"plasma_saving", "1"},
      {"pri_audio_lang", "deu"},
      {"sec_audio_lang", "eng"},
      {"show_after_loading", "last_channel"},
      {"theme", "dark"},
      {"video_clock", "Upper right"},
      {"locale", "de_DE.utf8"},
      {"parent_password", "1234"},
      {"ts_enabled", "1"},
      {"ts_path", "/media"},
      {"fav_itv_on", "1"}};
  for (const auto& [name, value] : wanted) EXPECT_EQ(js[name], value) << name;
  EXPECT_EQ(js["hdmi_event_reaction"], 2);
}

TEST_F(PortalSessionTest, SettingsSurviveARestartDuringTheOutage) {
  test::TempDir dir;
  const auto start = [&] {
    auto box = std::make_unique<PortalFixture>(FixtureOptions{.data_dir = dir.path()});
    box->HaveEverything();
    EXPECT_FALSE(box->RunJob("follow_database").ok());
    return box;
  };
  auto box = start();
  box->LogIn();
  EXPECT_EQ(box->Call("stb", "set_volume", "vol=5").Js(), true);
  box.reset();
  box = std::make_unique<PortalFixture>(FixtureOptions{.data_dir = dir.path()});
  box->HaveUsualLineup();
  box->HaveEntitlement();
  // The devices as the follower would have read them before the outage, then what waits on disk.
  v1::DeviceItem item;
  item.set_device_id(12);
  item.set_account_id("acc-1");
  item.set_started(true);
  ASSERT_THAT(
      box->portal().devices().Apply({.kind = replica::Update::Kind::kFull,
                                     .epoch = "x",
                                     .revision = 1,
                                     .items = {{kBoxMac, MakeShared(item.SerializeAsString())}}}),
      IsOk());
  ASSERT_THAT(box->portal().devices().SaveToDisk(), IsOk());
  box.reset();
  box = std::make_unique<PortalFixture>(FixtureOptions{.data_dir = dir.path()});
  box->HaveUsualLineup();
  box->HaveEntitlement();
  box->LogIn();
  EXPECT_EQ(box->Call("stb", "get_profile").Js()["volume"], "5");
}

TEST_F(PortalSessionTest, NoiseFromABoxChangesNoSetting) {
  box_.Call("stb", "set_volume", "vol=33");
  for (const char* fields : {"vol=undefined", "vol=NaN", "vol=-1", "vol=", "x=1"}) {
    box_.Call("stb", "set_volume", fields);
    EXPECT_EQ(Profile()["volume"], "33") << fields;
  }
  EXPECT_EQ(box_.Call("stb", "set_timeshift_settings", "data=%7B").Js(), false);
  EXPECT_EQ(box_.Call("stb", "set_parent_password", "pass=").Js(), false);
  EXPECT_EQ(box_.Call("stb", "set_parent_password", "pass=%3Cb%3E").Js(), false);
}

TEST_F(PortalSessionTest, ASettingThatIsNoTextIsKeptAsOneThatIs) {
  EXPECT_EQ(box_.Call("stb", "set_portal_prefs", "theme=dark%FF%FEer").Js(), true);
  const std::string theme = Profile()["theme"];
  EXPECT_EQ(theme, CleanUtf8("dark\xFF\xFE"
                             "er"));
  EXPECT_NE(theme.find("dark"), std::string::npos);
  EXPECT_EQ(theme.find('\xFF'), std::string::npos);
}

TEST_F(PortalSessionTest, AnOldPinThatIsSentHasToBeRight) {
  EXPECT_EQ(box_.Call("stb", "set_parent_password", "parent_password=9999&pass=1234").Js(), false);
  EXPECT_EQ(box_.Call("stb", "set_parent_password", "parent_password=0000&pass=1234").Js(), true);
  EXPECT_EQ(Profile()["parent_password"], "1234");
  // Guessing is slowed down: after ten tries even the right one has to wait.
  for (int i = 0; i < 10; ++i) {
    box_.Call("stb", "set_parent_password", "parent_password=1&pass=1");
  }
  EXPECT_EQ(box_.Call("stb", "set_parent_password", "parent_password=1234&pass=1").Js(), false);
}

TEST_F(PortalSessionTest, AspectsOfChannelsAreTheirOwn) {
  EXPECT_EQ(box_.Call("stb", "set_aspect", "aspect=32&ch_id=1").Js(), true);
  EXPECT_EQ(box_.Call("stb", "get_tv_aspects").Js(), Json({{"1", "32"}}));
  EXPECT_EQ(Profile()["aspect"], "16");
}

TEST_F(PortalSessionTest, AClientThatNeverLogsCountsByItsZaps) {
  box_.Zap(1);
  const auto reported = Reported();
  EXPECT_EQ(Count(reported, analytics::v1::PlaybackEvent::KIND_PLAY), 1);
  EXPECT_EQ(Count(reported, analytics::v1::PlaybackEvent::KIND_ZAP), 1);
}

TEST_F(PortalSessionTest, ABoxThatLogsWhatItZappedToCountsOnce) {
  const std::string link = box_.Zap(1);
  box_.clock().Advance(2s);
  // As boxes do: percent-encoded twice.
  for (const std::string& param : {PercentEncode(link), PercentEncode(PercentEncode(link))}) {
    EXPECT_EQ(box_.Call("stb", "log", "real_action=play&ch_id=1&tmp_type=1&param=" + param).Js(),
              1);
  }
  const auto reported = Reported();
  EXPECT_EQ(Count(reported, analytics::v1::PlaybackEvent::KIND_PLAY), 1);
  box_.clock().Advance(2s);
  box_.Zap(1);
  EXPECT_EQ(Count(Reported(), analytics::v1::PlaybackEvent::KIND_PLAY), 1);  // another one
}

}  // namespace
}  // namespace holdfast::middleware

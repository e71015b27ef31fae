// How many devices of an account may play at once, as boxes, players and apps see it.
#include <gmock/gmock.h>

#include <map>
#include <memory>

#include "libs/testing/status_matchers.h"
#include "services/middleware/apps_fixture_test.h"
#include "services/middleware/portal_fixture_test.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kOther = "00:1A:79:12:34:57";
constexpr const char* kThird = "00:1A:79:12:34:58";
const AccountId kAccount("acc-1");

// Three boxes of one account, each with a token of its own.
class StreamLimitTest : public testing::Test {
 protected:
  void SetUp() override { Begin(1); }

  void Begin(int max_streams) {
    box_->max_streams = max_streams;
    box_->HaveEverything();
    for (const char* mac : {kBoxMac, kOther, kThird}) {
      box_->HaveDevice(mac);
      tokens_[mac] = Ask(mac, "stb", "handshake").Js().value("token", "");
      ASSERT_EQ(Ask(mac, "stb", "get_profile").Js()["status"], "0");
    }
  }
  BoxAnswer Ask(const std::string& mac, const std::string& type, const std::string& action,
                const std::string& rest = "") {
    BoxRequest request{.query = "type=" + type + "&action=" + action + "&" + rest,
                       .cookie = "mac=" + mac,
                       .authorization = "Bearer " + tokens_[mac]};
    return box_->Send(request);
  }
  std::string Zap(const std::string& mac, const std::string& channel = "1") {
    const Json js = Ask(mac, "itv", "create_link", "cmd=/ch/" + channel).Js();
    return js["error"].get<std::string>() + js["cmd"].get<std::string>().substr(0, 6);
  }
  void Log(const std::string& mac, const std::string& what, const std::string& place = "1") {
    Ask(mac, "stb", "log", "real_action=" + what + "&ch_id=1&tmp_type=" + place);
  }
  int Count() const { return box_->portal().streams().Count(kAccount); }

  std::unique_ptr<PortalFixture> box_ = std::make_unique<PortalFixture>();
  std::map<std::string, std::string> tokens_;
};

TEST_F(StreamLimitTest, OneBoxMoreThanTheTariffAllowsIsToldSoAndWhoPlays) {
  EXPECT_EQ(Zap(kBoxMac), "ffmpeg");
  EXPECT_EQ(Zap(kBoxMac, "2"), "ffmpeg") << "zapping";
  const Json js = Ask(kOther, "itv", "create_link", "cmd=/ch/1").Js();
  EXPECT_EQ(js["error"], "limit");
  EXPECT_EQ(js["cmd"], "");
  EXPECT_EQ(js["id"], "1");
  EXPECT_EQ(js["msg"],
            "Your subscription lets 1 device play at once. Playing now: MAG250. Stop one of them "
            "and try again.");
  EXPECT_THAT(box_->metrics().Scrape(),
              HasSubstr("holdfast_middleware_stream_slots_total{result=\"refused\"} 1"));
  EXPECT_THAT(box_->metrics().Scrape(),
              HasSubstr("holdfast_middleware_zaps_total{result=\"limit\"} 1"));
}

TEST_F(StreamLimitTest, ABoxThatSaysThatItStoppedMakesRoomAtOnce) {
  Zap(kBoxMac);
  Log(kBoxMac, "play");
  EXPECT_EQ(Zap(kOther), "limit");
  Log(kBoxMac, "stop");
  EXPECT_EQ(Zap(kOther), "ffmpeg");
}

TEST_F(StreamLimitTest, ABoxAtTheRadioMakesRoom) {
  Zap(kBoxMac);
  Log(kBoxMac, "play");
  Log(kBoxMac, "play", "5");
  EXPECT_EQ(Zap(kOther), "ffmpeg");
}

TEST_F(StreamLimitTest, HeartbeatsKeepThePlaceOfABoxThatLogs) {
  Zap(kBoxMac);
  Log(kBoxMac, "play");
  for (int i = 0; i < 30; ++i) {
    box_->clock().Advance(2min);
    Ask(kBoxMac, "watchdog", "get_events", "cur_play_type=1");
  }
  EXPECT_EQ(Zap(kOther), "limit");
  Ask(kBoxMac, "watchdog", "get_events");  // says nothing
  EXPECT_EQ(Zap(kOther), "limit");
  Ask(kBoxMac, "watchdog", "get_events", "cur_play_type=0");
  EXPECT_EQ(Zap(kOther), "ffmpeg");
}

TEST_F(StreamLimitTest, HeartbeatsOfKodiKeepNothing) {
  Zap(kBoxMac);
  for (int i = 0; i < 10; ++i) {
    box_->clock().Advance(59s);
    Ask(kBoxMac, "watchdog", "get_events", "init=0&cur_play_type=1&event_active_id=0");
  }
  EXPECT_EQ(Zap(kOther), "limit");
  box_->clock().Advance(10s);
  EXPECT_EQ(Zap(kOther), "ffmpeg");
}

TEST_F(StreamLimitTest, ABoxThatLostItsPowerComesBackToItsPlace) {
  Zap(kBoxMac);
  Log(kBoxMac, "play");
  for (int i = 0; i < 5; ++i) {
    Ask(kBoxMac, "stb", "get_profile");
    Ask(kBoxMac, "watchdog", "get_events", "init=1&cur_play_type=0");
    EXPECT_EQ(Zap(kBoxMac), "ffmpeg");
    Log(kBoxMac, "play");
  }
}

TEST_F(StreamLimitTest, ArchiveTimeShiftAndRecordingsCountAndALinkThatIsNotGivenDoesNot) {
  Zap(kBoxMac);
  const std::string again = "cmd=auto%20/media/1_1767339000.mpg";
  EXPECT_EQ(Ask(kOther, "tv_archive", "create_link", again).Js()["error"], "limit");
  EXPECT_THAT(Ask(kOther, "tv_archive", "create_link", again).Js()["msg"].get<std::string>(),
              StartsWith("Your subscription"));
  EXPECT_EQ(Ask(kOther, "tv_archive", "get_link_for_channel", "ch_id=1").Js()["error"], "limit");
  EXPECT_EQ(Ask(kOther, "tv_archive", "get_next_part_url", "id=1_1767339000").Js(), false);
  EXPECT_EQ(Ask(kBoxMac, "tv_archive", "create_link", again).Js()["error"], "");
  Log(kBoxMac, "stop");
  EXPECT_EQ(Zap(kOther, "3"), "access_denied");
  EXPECT_EQ(Zap(kOther, "99"), "nothing_to_play");
  EXPECT_EQ(Count(), 0) << "a stop is believed also of a box that logged nothing before";
}

TEST_F(StreamLimitTest, ARevokedBoxAndOneThatLeftTheAccountMakeRoom) {
  Zap(kBoxMac);
  Device revoked = *box_->portal().devices().Find(kBoxMac);
  ++revoked.generation;
  ++revoked.revision;
  box_->portal().devices().Put(revoked);
  EXPECT_EQ(Zap(kOther), "ffmpeg");
  Device moved = *box_->portal().devices().Find(kOther);
  moved.account = AccountId("acc-2");
  ++moved.revision;
  box_->portal().devices().Put(moved);
  EXPECT_EQ(Zap(kThird), "ffmpeg");
  EXPECT_EQ(Count(), 1);
}

TEST_F(StreamLimitTest, ABlockedAccountHoldsNothing) {
  Zap(kBoxMac);
  box_->HaveEntitlement("acc-1", {"basic"}, billing::v1::Entitlement::STATUS_SUSPENDED);
  Ask(kBoxMac, "watchdog", "get_events", "cur_play_type=1");
  EXPECT_EQ(Count(), 0);
}

TEST_F(StreamLimitTest, WithoutALimitAndWithoutWordOfOneNobodyIsRefused) {
  box_->max_streams = 0;
  box_->HaveEntitlement();
  for (const char* mac : {kBoxMac, kOther, kThird}) EXPECT_EQ(Zap(mac), "ffmpeg");
  EXPECT_EQ(Count(), 3) << "they are counted";
  box_->max_streams = 2;
  box_->HaveEntitlement();
  EXPECT_EQ(Zap(kBoxMac), "ffmpeg");
  EXPECT_EQ(Zap(kOther), "ffmpeg");
  EXPECT_EQ(Zap(kThird), "limit") << "a smaller tariff: the latest goes with its next link";
}

TEST_F(StreamLimitTest, ATokenTellsNoLimit) {
  // Nothing was heard of this account but what its token remembers.
  box_->HaveDevice(kBoxMac, "acc-9");
  box_->HaveDevice(kOther, "acc-9");
  for (const char* mac : {kBoxMac, kOther}) {
    tokens_[mac] = "";
    tokens_[mac] = Ask(mac, "stb", "handshake").Js()["token"];
    Ask(mac, "stb", "get_profile");
    EXPECT_EQ(Zap(mac), "ffmpeg");
  }
}

class StreamLimitKnobsTest : public StreamLimitTest {
 protected:
  void SetUp() override {}
  void With(const std::string& limit, storage::RedisOptions redis = {}) {
    FixtureOptions options{.redis = std::move(redis)};
    options.streams.limit = limit;
    box_ = std::make_unique<PortalFixture>(std::move(options));
    Begin(1);
  }
};

TEST_F(StreamLimitKnobsTest, TheOperatorMayCountOnlyOrNotAtAll) {
  With("count");
  for (const char* mac : {kBoxMac, kOther}) EXPECT_EQ(Zap(mac), "ffmpeg");
  EXPECT_EQ(Count(), 2);
  With("off");
  for (const char* mac : {kBoxMac, kOther}) EXPECT_EQ(Zap(mac), "ffmpeg");
  EXPECT_EQ(Count(), 0);
}

TEST_F(StreamLimitKnobsTest, WithoutRedisTheInstanceCountsAloneAndSaysSo) {
  With("enforce", {.address = "127.0.0.1:1"});
  EXPECT_THAT(box_->RunJob("stream_slots"), test::IsOk());
  EXPECT_EQ(Ask(kBoxMac, "itv", "create_link", "cmd=/ch/1").Header("X-Degraded"), "");
  box_->clock().Advance(30s);
  const BoxAnswer zap = Ask(kBoxMac, "itv", "create_link", "cmd=/ch/1");
  EXPECT_THAT(zap.Js()["cmd"], StartsWith("ffmpeg "));
  EXPECT_THAT(zap.Header("X-Degraded"), HasSubstr("redis;age=30"));
  const BoxAnswer refused = Ask(kOther, "itv", "create_link", "cmd=/ch/1");
  EXPECT_EQ(refused.Js()["error"], "limit");
  EXPECT_THAT(refused.Header("X-Degraded"), HasSubstr("redis;age=30"));
  EXPECT_THAT(box_->metrics().Scrape(),
              HasSubstr("holdfast_middleware_degraded_answers_total{call=\"create_link\","
                        "neighbour=\"redis\"} 2"));
  // Where there is no limit, nothing depends on it.
  box_->max_streams = 0;
  box_->HaveEntitlement();
  EXPECT_THAT(Ask(kBoxMac, "itv", "create_link", "cmd=/ch/1").Header("X-Degraded"),
              testing::Not(HasSubstr("redis")));
}

// Players of the Xtream family and of playlists.
class PlayerLimitTest : public testing::Test {
 protected:
  void SetUp() override {
    app_.box().max_streams = 1;
    app_.box().HaveEverything();
    app_.HaveLogin();
  }
  AppAnswer Play(const std::string& address, const std::string& client = "VLC/3.0.18 LibVLC",
                 const std::string& path = "/live", const std::string& file = "1.ts",
                 const std::string& method = "GET") {
    return app_.Send(method, path + kAdaPath + "/" + file,
                     {{"X-Real-IP", address}, {"User-Agent", client}});
  }
  Json Info() {
    return app_.Get(std::string("/player_api.php?") + kAdaFields).AsJson()["user_info"];
  }

  AppsFixture app_;
};

TEST_F(PlayerLimitTest, AnotherPlayerIsForbiddenUntilTheFirstStopsComingBack) {
  EXPECT_EQ(Info()["active_cons"], "0");
  EXPECT_EQ(Info()["max_connections"], "1");
  for (int i = 0; i < 10; ++i) {  // the reloads of a live playlist
    EXPECT_EQ(Play("192.0.2.7").status, 302);
    app_.box().clock().Advance(6s);
  }
  EXPECT_EQ(Info()["active_cons"], "1");
  const AppAnswer refused = Play("198.51.100.9");
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.location, "");
  EXPECT_EQ(refused.body,
            "Your subscription lets 1 device play at once. Playing now: VLC/3.0.18. Stop one of "
            "them and try again.\n");
  EXPECT_EQ(Play("198.51.100.9", "VLC", "/live", "1.ts", "HEAD").status, 403);
  EXPECT_EQ(Play("192.0.2.7", "TiviMate/4.7").status, 403) << "another app at the same address";
  EXPECT_EQ(Play("192.0.2.7", "VLC/3.0.18", "/live", "2.m3u8").status, 302) << "zapping";
  app_.box().clock().Advance(10min);
  EXPECT_EQ(Info()["active_cons"], "0");
  EXPECT_EQ(Play("198.51.100.9").status, 302);
}

TEST_F(PlayerLimitTest, AskingForTheHeadTakesNoPlace) {
  EXPECT_EQ(Play("192.0.2.7", "Kodi/20", "/live", "1.m3u8", "HEAD").status, 302);
  EXPECT_EQ(Info()["active_cons"], "0");
}

TEST_F(PlayerLimitTest, CatchUpCounts) {
  Play("192.0.2.7");
  EXPECT_EQ(Play("198.51.100.9", "VLC", "/timeshift", "60/2026-01-02:08-00/1.ts").status, 403);
  EXPECT_EQ(Play("192.0.2.7", "VLC/3.0.18", "/timeshift", "60/2026-01-02:08-00/1.ts").status, 302);
}

TEST_F(PlayerLimitTest, BoxesAndPlayersOfAHouseholdShareItsPlaces) {
  app_.box().LogIn();
  EXPECT_THAT(app_.box().Zap(1), StartsWith("ffmpeg "));
  EXPECT_EQ(Play("192.0.2.7").status, 403);
  EXPECT_EQ(Info()["active_cons"], "1");
}

}  // namespace
}  // namespace holdfast::middleware

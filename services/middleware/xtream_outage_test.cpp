// Apps while neighbours and stores are away, whose account is whose, and what never reaches a log.
#include <gmock/gmock.h>

#include "libs/testing/eventually.h"
#include "libs/testing/temp_dir.h"
#include "services/middleware/apps_fixture_test.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;
using billing::v1::Entitlement;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// Every address of an app that names an account, as that account asks it.
std::vector<std::string> AddressesOf(const std::string& login, const std::string& password) {
  const std::string fields = "?username=" + login + "&password=" + password;
  const std::string path = "/" + login + "/" + password;
  std::vector<std::string> addresses = {
      "/panel_api.php" + fields,
      "/get.php" + fields,
      "/xmltv.php" + fields,
      "/live" + path + "/3.m3u8",
      "/movie" + path + "/7.mkv",
      "/series" + path + "/90.mkv",
      path + "/3",
      "/timeshift" + path + "/60/2026-01-02:08-30/3.ts",
      "/streaming/timeshift.php" + fields + "&stream=3&start=1767342600&duration=60"};
  for (const char* action :
       {"", "get_live_categories", "get_live_streams", "get_live_streams&category_id=3",
        "get_short_epg&stream_id=3", "get_simple_data_table&stream_id=3", "get_vod_categories",
        "get_vod_streams", "get_vod_streams&category_id=3", "get_vod_info&vod_id=7",
        "get_series_categories", "get_series", "get_series_info&series_id=9"}) {
    addresses.push_back("/player_api.php" + fields + "&action=" + action);
  }
  return addresses;
}

class XtreamOutageTest : public testing::Test {
 protected:
  void SetUp() override {
    app_.box().HaveEverything();
    app_.HaveLogin("ada", "pa", "acc-1");
    // The job that notices that PostgreSQL is away.
    EXPECT_FALSE(app_.box().RunJob("follow_database").ok());
  }

  // Film 7 and series 9 of package "sport".
  void HaveSportFilms() {
    replica::Update update{.kind = replica::Update::Kind::kFull, .epoch = "test", .revision = 1};
    const auto put = [&](const std::string& key, const v1::CatalogueItem& item) {
      update.items.emplace_back(key, MakeShared(item.SerializeAsString()));
    };
    v1::CatalogueItem category;
    category.mutable_category()->set_category_id(3);
    category.mutable_category()->set_title("Drama");
    put("c3", category);
    for (const int id : {7, 9}) {
      v1::CatalogueItem item;
      v1::VodTitle& title = *item.mutable_title();
      title.set_title_id(id);
      title.set_category_id(3);
      title.set_name("Sport " + std::to_string(id));
      title.set_package_id("sport");
      v1::VodFile file;
      file.set_file_id(id * 10);
      file.set_directory("vod/sport");
      file.set_file("film.mkv");
      if (id == 9) {
        v1::VodSeason& season = *title.add_seasons();
        season.set_number(1);
        v1::VodEpisode& episode = *season.add_episodes();
        episode.set_number(1);
        *episode.add_files() = file;
      } else {
        *title.add_files() = file;
      }
      put("t" + std::to_string(id), item);
    }
    ASSERT_THAT(app_.box().portal().models().catalogue_replica().Apply(update), test::IsOk());
  }

  test::TempDir dir_;
  AppsFixture app_{{.data_dir = dir_.path()}};
};

TEST_F(XtreamOutageTest, AKnownAppIsServedWithEverythingAway) {
  app_.box().clock().Advance(30s);
  const AppAnswer list =
      app_.Get("/player_api.php?username=ada&password=pa&action=get_live_streams");
  EXPECT_EQ(list.AsJson().size(), 2u);
  EXPECT_THAT(list.degraded, HasSubstr("postgres;age=30"));
  EXPECT_THAT(list.degraded, HasSubstr("billing;age=30"));
  const AppAnswer play = app_.Get("/live/ada/pa/1.m3u8");
  EXPECT_EQ(play.status, 302);
  EXPECT_THAT(play.degraded, HasSubstr("cdn_routing;age=30"));
  const AppAnswer guide = app_.Get("/xmltv.php?username=ada&password=pa");
  EXPECT_THAT(guide.body, HasSubstr("<programme"));
  EXPECT_THAT(guide.degraded, HasSubstr("epg;age=30"));
  EXPECT_THAT(app_.Get("/get.php?username=ada&password=pa").body, HasSubstr("/live/ada/pa/1.m3u8"));
  const std::string scrape = app_.box().metrics().Scrape();
  EXPECT_THAT(scrape, HasSubstr("degraded_answers_total{call=\"live\",neighbour=\"cdn_routing\"}"));
}

TEST_F(XtreamOutageTest, APlayAsksNobody) {
  ASSERT_EQ(app_.Get("/live/ada/pa/1.m3u8").status, 302);
  const auto calls = [&] {
    double sum = 0;
    std::istringstream lines(app_.box().metrics().Scrape());
    for (std::string line; std::getline(lines, line);) {
      for (const char* away : {"holdfast_rpc_client_", "holdfast_pg_", "holdfast_redis_"}) {
        if (line.starts_with(away)) sum += std::stod(line.substr(line.rfind(' ') + 1));
      }
    }
    return sum;
  };
  const double before = calls();
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(app_.Get("/live/ada/pa/1.m3u8").status, 302);
    ASSERT_EQ(app_.Get("/live/ada/pa/2.m3u8").status, 302);
  }
  EXPECT_EQ(calls(), before);
}

TEST(XtreamRestartTest, ARestartInTheOutageLocksNobodyOut) {
  const test::TempDir dir;
  {
    AppsFixture before({.data_dir = dir.path()});
    before.box().HaveEverything();
    before.HaveLogin("ada", "pa", "acc-1");
    ASSERT_THAT(before.box().RunJob("save_app_logins"), test::IsOk());
  }
  AppsFixture again({.data_dir = dir.path()});
  again.box().HaveUsualLineup();
  again.box().HaveEdges();
  EXPECT_EQ(again.Get("/live/ada/pa/1.m3u8").status, 302);
  // Unknown is not unpaid: the packages that everybody has, and no more.
  EXPECT_EQ(again.Get("/live/ada/pa/3.m3u8").status, 403);
}

TEST_F(XtreamOutageTest, ALoginThatNobodyKnowsIsAskedToTryAgain) {
  for (const std::string& address : AddressesOf("bob", "pb")) {
    app_.box().clock().Advance(10s);  // or there would be too many attempts
    const AppAnswer answer = app_.Get(address);
    EXPECT_EQ(answer.status, 503) << address;
    EXPECT_THAT(answer.retry_after, Not(IsEmpty())) << address;
  }
}

TEST_F(XtreamOutageTest, WithoutAnEdgeAPlayerIsAskedToTryAgain) {
  AppsFixture bare;
  bare.box().HaveUsualLineup();
  bare.HaveLogin("ada", "pa", "acc-1");
  bare.box().HaveEntitlement();
  EXPECT_EQ(bare.Get("/live/ada/pa/1.m3u8").status, 503);
}

// "acc-2" has sport, "acc-1" has not. Channel 3 is sport.
TEST_F(XtreamOutageTest, NoAddressShowsOneAccountWhatIsAnothers) {
  app_.HaveLogin("bob", "pb", "acc-2");
  app_.box().HaveEntitlement("acc-2", {"basic", "sport"});
  HaveSportFilms();
  const auto mine = AddressesOf("ada", "pa");
  const auto theirs = AddressesOf("bob", "pb");
  for (std::size_t i = 0; i < mine.size(); ++i) {
    // Bob's answer first: nothing of it may be left over for Ada, in whatever order.
    const AppAnswer his = app_.Get(theirs[i]);
    const AppAnswer hers = app_.Get(mine[i]);
    EXPECT_THAT(hers.body, Not(HasSubstr("Sport"))) << mine[i];
    EXPECT_THAT(hers.body, Not(HasSubstr("bob"))) << mine[i];
    EXPECT_THAT(hers.body, Not(HasSubstr("pb"))) << mine[i];
    EXPECT_THAT(hers.location, IsEmpty()) << mine[i];
    EXPECT_THAT(his.body, Not(HasSubstr("ada"))) << theirs[i];
  }
  EXPECT_THAT(app_.Get(theirs[1]).body, HasSubstr("Sport 1"));
  EXPECT_EQ(app_.Get("/live/bob/pb/3.m3u8").status, 302);
  EXPECT_EQ(app_.Get("/movie/bob/pb/7.mkv").status, 302);
  EXPECT_EQ(app_.Get("/series/bob/pb/90.mkv").status, 302);
  for (const char* list : {"get_vod_streams", "get_series", "get_vod_info&vod_id=7"}) {
    const std::string of_bob = "/player_api.php?username=bob&password=pb&action=";
    EXPECT_THAT(app_.Get(of_bob + list).body, HasSubstr("Sport")) << list;
  }
}

TEST_F(XtreamOutageTest, ALoginWithAnothersPasswordOpensNothing) {
  app_.HaveLogin("bob", "pb", "acc-2");
  for (const std::string& address : AddressesOf("ada", "pb")) {
    app_.box().clock().Advance(10s);  // or there would be too many attempts
    const AppAnswer answer = app_.Get(address);
    EXPECT_EQ(answer.status, 503) << address;  // billing is not there to say no
    EXPECT_THAT(answer.body, Not(HasSubstr("News"))) << address;
  }
}

TEST_F(XtreamOutageTest, ASuspendedAccountIsToldSoAndShownNothing) {
  app_.box().HaveEntitlement("acc-1", {"basic"}, Entitlement::STATUS_SUSPENDED);
  const std::string api = "/player_api.php?username=ada&password=pa&action=";
  const Json info = app_.Get(api).AsJson();
  EXPECT_EQ(info["user_info"]["auth"], 1);
  EXPECT_EQ(info["user_info"]["status"], "Disabled");
  EXPECT_EQ(app_.Get(api + "get_live_streams").body, "[]");
  EXPECT_EQ(app_.Get(api + "get_short_epg&stream_id=1").body, "{\"epg_listings\":[]}");
  EXPECT_EQ(app_.Get("/live/ada/pa/1.m3u8").status, 403);
  EXPECT_EQ(app_.Get("/timeshift/ada/pa/60/2026-01-02:08-30/1.ts").status, 403);
  EXPECT_THAT(app_.Get("/get.php?username=ada&password=pa").body, Not(HasSubstr("EXTINF")));
  // Paid again: everything is back at once.
  app_.box().HaveEntitlement("acc-1", {"basic"}, Entitlement::STATUS_ACTIVE);
  EXPECT_EQ(app_.Get("/live/ada/pa/1.m3u8").status, 302);
}

TEST_F(XtreamOutageTest, AClosedAccountIsNobody) {
  app_.box().HaveEntitlement("acc-1", {"basic"}, Entitlement::STATUS_CLOSED);
  EXPECT_EQ(app_.Get("/player_api.php?username=ada&password=pa").body,
            "{\"user_info\":{\"auth\":0}}");
  // From now on billing would have to say yes again.
  EXPECT_EQ(app_.Get("/live/ada/pa/1.m3u8").status, 503);
}

TEST_F(XtreamOutageTest, LoginsAndPasswordsReachNoLogAndNoMetric) {
  testing::internal::CaptureStderr();
  app_.box().clock().Advance(1s);  // an account keeps the login that was confirmed last
  app_.HaveLogin("login-of-ada", "password-of-ada", "acc-1");
  for (const std::string& address : AddressesOf("login-of-ada", "password-of-ada")) {
    app_.Get(address);
  }
  for (const std::string& address : AddressesOf("login-of-bob", "password-of-bob")) {
    app_.Get(address);
  }
  app_.Get("/live/login-of-bob/password-of-bob/../../1.m3u8");
  app_.Send("POST", "/live/login-of-bob/password-of-bob/1.ts");
  app_.box().RunJob("sync_app_logins").IgnoreError();
  app_.box().RunJob("save_app_logins").IgnoreError();
  const std::string logged = testing::internal::GetCapturedStderr();
  const std::string scrape = app_.box().metrics().Scrape();
  for (const std::string* text : {&logged, &scrape}) {
    for (const char* secret : {"login-of-", "password-of-"}) {
      EXPECT_THAT(*text, Not(HasSubstr(secret)));
    }
  }
}

}  // namespace
}  // namespace holdfast::middleware

// The whole service with a real PostgreSQL that comes and goes.
#include "services/middleware/jobs.h"

#include <gmock/gmock.h>

#include <span>

#include "libs/storage/pg_migrate.h"
#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/tcp_gate.h"
#include "libs/testing/test_postgres.h"
#include "services/middleware/portal_fixture_test.h"

namespace holdfast::middleware {

std::span<const storage::Migration> Migrations();

namespace {

using namespace std::chrono_literals;
using test::HasCode;
using test::IsOk;
using test::TestPostgres;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kLineup =
    "#EXTINF:-1,One\nhttp://x/live/one/i.m3u8\n#EXTINF:-1,Two\nhttp://x/live/two/i.m3u8\n"
    "#EXTINF:-1,Three\nhttp://x/live/three/i.m3u8\n";

class DatabaseTest : public testing::Test {
 protected:
  void SetUp() override {
    telemetry::Metrics metrics;
    storage::PgPool pool(Options(server_.port()), metrics);
    ASSERT_THAT(storage::Migrate(pool, Migrations(), Deadline::After(10s)), IsOk());
  }

  storage::PgOptions Options(std::uint16_t port) const {
    return {.hosts = "127.0.0.1:" + std::to_string(port),
            .database = database_,
            .user = server_.user(),
            .connect_timeout = 500ms};
  }

  // Through the gate, so that the database can go away.
  FixtureOptions Portal(const std::string& data_dir = "") {
    FixtureOptions options{.postgres = Options(gate_.port()), .data_dir = data_dir};
    options.portal.default_account = "acc-1";
    return options;
  }

  static void Import(PortalFixture& box, const std::string& m3u = kLineup) {
    v1::ImportLineupRequest request;
    request.set_m3u(m3u);
    request.set_allow_large_removal(true);
    const auto response = box.portal().service().ImportLineup(Now(), request);
    ASSERT_THAT(response, IsOk());
  }
  static rpc::Call Now() { return rpc::Call(Deadline::After(10s), {}); }

  static int Channels(PortalFixture& box) {
    return box.Call("itv", "get_all_channels").Js()["total_items"];
  }

  TestPostgres& server_ = TestPostgres::Shared();
  const std::string database_ = server_.NewDatabase();
  test::TcpGate gate_{server_.port()};
};

TEST_F(DatabaseTest, ANewBoxRegistersItselfAndPlays) {
  PortalFixture box(Portal());
  Import(box);
  box.HaveEntitlement();
  box.HaveEdges();
  ASSERT_THAT(box.RunJob("follow_database"), IsOk());
  box.LogIn();
  EXPECT_EQ(Channels(box), 3);
  EXPECT_THAT(box.Zap(1), StartsWith("ffmpeg http"));
}

TEST_F(DatabaseTest, ABoxThatRegisteredElsewhereIsKnownHereAtOnce) {
  PortalFixture here(Portal()), there(Portal());
  Import(there);
  for (PortalFixture* instance : {&here, &there}) {
    instance->HaveEntitlement();
    ASSERT_THAT(instance->RunJob("follow_database"), IsOk());
  }
  there.LogIn();
  here.token = there.token;
  EXPECT_EQ(Channels(here), 3);  // before here follows the database again
}

TEST_F(DatabaseTest, InstancesFollowWhatOthersChange) {
  PortalFixture here(Portal()), there(Portal());
  Import(there);
  there.HaveEntitlement();
  here.HaveEntitlement();
  ASSERT_THAT(there.RunJob("follow_database"), IsOk());
  there.LogIn();
  here.token = there.token;
  EXPECT_EQ(there.Call("itv", "set_fav", "fav_ch=3,1").Js(), true);
  EXPECT_EQ(there.Call("itv", "set_last_id", "id=2").Js(), true);
  ASSERT_THAT(there.RunJob("viewer_writes"), IsOk());
  ASSERT_THAT(here.RunJob("follow_database"), IsOk());
  EXPECT_EQ(Channels(here), 3);
  EXPECT_EQ(here.Call("itv", "get_fav_ids").Js(), Json({"3", "1"}));
  EXPECT_EQ(here.Call("stb", "get_profile").Js()["last_itv_id"], "2");

  Import(there, "#EXTINF:-1,One\nhttp://x/live/one/i.m3u8\n");
  ASSERT_THAT(here.RunJob("follow_database"), IsOk());
  EXPECT_EQ(Channels(here), 1);

  v1::RevokeDeviceRequest revoke;
  revoke.set_mac(kBoxMac);
  ASSERT_THAT(there.portal().service().RevokeDevice(Now(), revoke), IsOk());
  ASSERT_THAT(here.RunJob("follow_database"), IsOk());
  EXPECT_EQ(here.Call("itv", "get_genres").body, "Authorization failed.");
}

TEST_F(DatabaseTest, FavouritesOfAnOutageAreStoredAfterIt) {
  PortalFixture box(Portal());
  Import(box);
  box.HaveEntitlement();
  ASSERT_THAT(box.RunJob("follow_database"), IsOk());
  box.LogIn();
  EXPECT_EQ(box.Call("itv", "set_fav", "fav_ch=1").Js(), true);

  gate_.Cut();
  EXPECT_FALSE(box.RunJob("follow_database").ok());
  EXPECT_EQ(box.Call("itv", "set_fav", "fav_ch=2").Js(), true);
  EXPECT_EQ(box.Call("itv", "set_fav", "fav_ch=3,2").Js(), true);
  EXPECT_EQ(box.Call("itv", "get_fav_ids").Js(), Json({"3", "2"}));
  EXPECT_THAT(box.RunJob("viewer_writes"), IsOk());

  gate_.Open();
  ASSERT_TRUE(test::Eventually([&] { return box.RunJob("follow_database").ok(); }));
  EXPECT_EQ(box.Call("itv", "get_fav_ids").Js(), Json({"3", "2"}));  // the old row did not win
  ASSERT_THAT(box.RunJob("viewer_writes"), IsOk());
  PortalFixture other(Portal());
  other.HaveEntitlement();
  ASSERT_THAT(other.RunJob("follow_database"), IsOk());
  other.token = box.token;
  EXPECT_EQ(other.Call("itv", "get_fav_ids").Js(), Json({"3", "2"}));
}

TEST_F(DatabaseTest, AHungDatabaseCostsAKnownBoxNothing) {
  PortalFixture box(Portal());
  Import(box);
  box.HaveEntitlement();
  box.HaveEdges();
  ASSERT_THAT(box.RunJob("follow_database"), IsOk());
  box.LogIn();
  gate_.Blackhole();
  EXPECT_FALSE(box.RunJob("follow_database").ok());
  EXPECT_EQ(Channels(box), 3);
  EXPECT_THAT(box.Zap(1), StartsWith("ffmpeg http"));
  EXPECT_EQ(box.Call("stb", "get_profile", "stb_type=MAG322").Js()["status"], "0");
  BoxRequest unknown{.query = "type=stb&action=get_profile", .cookie = "mac=00:1A:79:00:00:99"};
  EXPECT_THAT(box.Send(unknown).Js()["block_msg"], HasSubstr("try again"));
}

TEST_F(DatabaseTest, ARestoredDatabaseIsReadAgainFromTheBeginning) {
  PortalFixture box(Portal());
  Import(box);
  box.HaveEntitlement();
  ASSERT_THAT(box.RunJob("follow_database"), IsOk());
  box.LogIn();
  ASSERT_THAT(box.RunJob("follow_database"), IsOk());

  telemetry::Metrics metrics;
  storage::PgPool pool(Options(server_.port()), metrics);
  ASSERT_THAT(pool.Execute(Deadline::After(5s),
                           "UPDATE database_life SET life = 'restored';"
                           "UPDATE device SET revision = 1, account_id = 'acc-2';"
                           "UPDATE change_counter SET revision = 1"),
              IsOk());
  ASSERT_THAT(box.RunJob("follow_database"), IsOk());
  EXPECT_EQ(box.portal().devices().Find(kBoxMac)->account, AccountId("acc-2"));
  EXPECT_EQ(box.portal().models().lineup_replica().epoch(), "restored");
}

TEST_F(DatabaseTest, AnEmptyDatabaseDoesNotEmptyTheLineup) {
  PortalFixture box(Portal());
  Import(box);
  ASSERT_THAT(box.RunJob("follow_database"), IsOk());
  telemetry::Metrics metrics;
  storage::PgPool pool(Options(server_.port()), metrics);
  ASSERT_THAT(
      pool.Execute(Deadline::After(5s),
                   "UPDATE database_life SET life = 'new'; DELETE FROM channel; DELETE FROM genre"),
      IsOk());
  EXPECT_THAT(box.RunJob("follow_database"), HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(box.portal().models().lineup()->channels().size(), 3u);
}

TEST_F(DatabaseTest, AClientThatMakesUpItsTokenMayKeepIt) {
  PortalFixture box(Portal());
  Import(box);
  box.HaveEntitlement();
  ASSERT_THAT(box.RunJob("follow_database"), IsOk());
  box.token = "0123456789ABCDEF0123456789ABCDEF";
  EXPECT_EQ(box.Call("itv", "get_genres").body, "Authorization failed.");  // nobody knows the box
  EXPECT_EQ(box.Call("stb", "get_profile").Js()["status"], "0");
  EXPECT_EQ(Channels(box), 3);
  box.token = "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF";
  EXPECT_EQ(box.Call("itv", "get_genres").body, "Authorization failed.");
}

TEST_F(DatabaseTest, LoggingOutMakesTheTokenWorthless) {
  PortalFixture box(Portal());
  Import(box);
  box.HaveEntitlement();
  ASSERT_THAT(box.RunJob("follow_database"), IsOk());
  box.LogIn();
  EXPECT_EQ(box.Call("stb", "logout").Js(), true);
  EXPECT_EQ(box.Call("itv", "get_genres").body, "Authorization failed.");
  box.token = box.Call("stb", "handshake").Js()["token"];
  EXPECT_EQ(box.Call("stb", "get_profile").Js()["status"], 2);  // log in, please
}

TEST_F(DatabaseTest, RegistrationMayBeSwitchedOff) {
  FixtureOptions options = Portal();
  options.portal.auto_register = false;
  PortalFixture box(options);
  EXPECT_THAT(box.Call("stb", "get_profile").Js()["block_msg"], HasSubstr("contact your provider"));
}

}  // namespace
}  // namespace holdfast::middleware

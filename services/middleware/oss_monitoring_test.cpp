// What an operator's monitoring asks for and tells, with a real database.
#include <gmock/gmock.h>

#include <span>

#include "libs/storage/pg_migrate.h"
#include "libs/testing/test_postgres.h"
#include "services/middleware/apps_fixture_test.h"
#include "services/middleware/oss_monitoring.h"

namespace holdfast::middleware {

std::span<const storage::Migration> Migrations();

namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::SizeIs;
using ::testing::StartsWith;

TEST(MonitoringPartTest, PartsJoinToTheWholeAndItemsCountFromOne) {
  const auto part = [](const std::string& text, std::size_t total) {
    const auto found = MonitoringPart(std::string(kMonitoringForm) + text, total);
    EXPECT_THAT(found, test::IsOk()) << text;
    return found.ok() ? std::pair(found->first, found->end) : std::pair<std::size_t, std::size_t>();
  };
  EXPECT_EQ(part("", 7), std::pair(0ul, 7ul));
  EXPECT_EQ(part(";part=1/2", 7), std::pair(0ul, 4ul));
  EXPECT_EQ(part(",part=2/2", 7), std::pair(4ul, 7ul));
  EXPECT_EQ(part(";items=1-3", 7), std::pair(0ul, 3ul));
  EXPECT_EQ(part(";items=4-", 7), std::pair(3ul, 7ul));
  EXPECT_EQ(part(";items=6-50", 7), std::pair(5ul, 7ul));
  EXPECT_EQ(part(";items=50-60", 7), std::pair(7ul, 7ul));
  EXPECT_EQ(part(";items=5-2", 7), std::pair(4ul, 4ul));
  for (std::size_t parts = 1; parts < 12; ++parts) {
    std::size_t end = 0;
    for (std::size_t i = 1; i <= parts; ++i) {
      const auto found = part(";part=" + std::to_string(i) + "/" + std::to_string(parts), 7);
      EXPECT_EQ(found.first, end);
      end = found.second;
    }
    EXPECT_EQ(end, 7u);
  }
  for (const char* wrong : {"part=", "part=0/2", "part=3/2", "part=1", "part=1/0", "part=x/y",
                            "part=1/99999999999999999999", "items=", "items=0-5", "items=x-y",
                            "items=5", "items=-1-2"}) {
    EXPECT_FALSE(MonitoringPart(std::string(kMonitoringForm) + ";" + wrong, 7).ok()) << wrong;
  }
}

class OssMonitoringTest : public testing::Test {
 protected:
  void SetUp() override {
    telemetry::Metrics metrics;
    storage::PgPool pool(options_, metrics);
    ASSERT_THAT(storage::Migrate(pool, Migrations(), Deadline::After(10s)), test::IsOk());
    app_.box().HaveEdges();
    for (const char* channel :
         {"name=News+One&number=1&url=live/one", "name=Two&number=2&url=live/two",
          "name=Three&number=3&url=live/three&hd=1"}) {
      ASSERT_EQ(Ask("POST", "itv", channel)["status"], "OK");
    }
    Follow();
  }
  static FixtureOptions WithOss(storage::PgOptions postgres) {
    FixtureOptions options{.postgres = std::move(postgres)};
    options.oss.enabled = true;
    options.oss_credentials = "crm:a-long-secret";
    return options;
  }
  AppAnswer Send(const std::string& method, const std::string& path, const std::string& body = "",
                 const std::string& accept = "*/*") {
    return app_.Send(method, "/api/" + path,
                     {{"Authorization", "Bearer a-long-secret"}, {"Accept", accept}}, body);
  }
  Json Ask(const std::string& method, const std::string& path, const std::string& body = "") {
    return Send(method, path, body).AsJson();
  }
  std::vector<std::string> Lines(const std::string& query = "", const std::string& part = "") {
    const AppAnswer answer =
        Send("GET", "monitoring_links" + query, "", std::string(kMonitoringForm) + part);
    EXPECT_THAT(answer.content_type, StartsWith("text/plain"));
    std::vector<std::string> lines;
    std::istringstream text(answer.body);
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
  }
  void Follow() { ASSERT_THAT(app_.box().RunJob("follow_database"), test::IsOk()); }
  int AuditEntries() {
    telemetry::Metrics metrics;
    storage::PgPool pool(options_, metrics);
    const auto rows = pool.Query(Deadline::After(10s), "SELECT count(*) FROM audit_entry");
    EXPECT_THAT(rows, test::IsOk());
    return rows.ok() ? static_cast<int>(rows->Int(0, 0)) : -1;
  }

  test::TestPostgres& server_ = test::TestPostgres::Shared();
  const storage::PgOptions options_{.hosts = "127.0.0.1:" + std::to_string(server_.port()),
                                    .database = server_.NewDatabase(),
                                    .user = server_.user()};
  AppsFixture app_{WithOss(options_)};
};

TEST_F(OssMonitoringTest, EachLinkIsALineThatAScriptCanCutAtSpaces) {
  const std::vector<std::string> lines = Lines();
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_THAT(lines[0], StartsWith("1 http://"));
  EXPECT_THAT(lines[0], EndsWith(" stream News_One up"));
  EXPECT_EQ(std::count(lines[0].begin(), lines[0].end(), ' '), 4);
  EXPECT_THAT(Lines("", ";part=2/2"), ElementsAre(lines[2]));
  EXPECT_THAT(Lines("", ";items=2-2"), ElementsAre(lines[1]));
  EXPECT_THAT(Lines("?status=down"), SizeIs(0));
  EXPECT_EQ(Ask("GET", "monitoring_links")["error"],
            "Unsupported Accept header, use text/channel-monitoring-id-url");
  EXPECT_EQ(Send("GET", "monitoring_links", "", std::string(kMonitoringForm) + ";part=0/0")
                .AsJson()["error"],
            "part is not like 1/2");
}

TEST_F(OssMonitoringTest, WhatIsSaidDecidesWhetherTheChannelIsOpen) {
  EXPECT_EQ(Ask("PUT", "monitoring_links/1", "status=0")["results"], true);
  Follow();
  EXPECT_TRUE(app_.box().portal().models().lineup()->FindChannel(ChannelId(1))->monitoring.down);
  ASSERT_THAT(Lines("?status=down"), SizeIs(1));
  EXPECT_THAT(Lines("?status=down")[0], EndsWith(" News_One down"));
  EXPECT_THAT(Lines("?status=up"), SizeIs(2));
  EXPECT_EQ(Ask("PUT", "itv/1,2", "monitoring_status=1")["results"], true);
  Follow();
  EXPECT_THAT(Lines("?status=down"), SizeIs(0));
}

TEST_F(OssMonitoringTest, RadioStationsAreTheSameByTheirOwnType) {
  const auto put = [&](const std::string& name, std::int64_t id) {
    v1::PutRadioStationRequest request;
    request.set_idempotency_key(name);
    request.mutable_station()->set_radio_id(id);
    request.mutable_station()->set_name(name);
    request.mutable_station()->set_number(1);
    request.mutable_station()->set_address("http://r/fm");
    const auto station =
        app_.box().portal().service().PutRadioStation(rpc::Call(Deadline::After(10s), {}), request);
    EXPECT_THAT(station, test::IsOk());
    return std::to_string(station.ok() ? station->radio_id() : 0);
  };
  const std::string id = put("FM 1", 0);
  Follow();
  EXPECT_THAT(Lines("?type=radio"), ElementsAre(id + " http://r/fm stream FM_1 up"));
  EXPECT_THAT(Lines("?type=radio", ";part=1/2"), SizeIs(1));
  EXPECT_THAT(Lines(), SizeIs(3)) << "channels have a list of their own";
  const int before = AuditEntries();
  const std::string target = "monitoring_links/" + id;
  EXPECT_EQ(Ask("PUT", target, "type=radio&status=1")["results"], true);
  EXPECT_EQ(AuditEntries(), before) << "nothing new";
  EXPECT_EQ(Ask("PUT", target, "type=radio&status=0")["results"], true);
  EXPECT_EQ(AuditEntries(), before + 1);
  put("FM One", std::stoll(id));  // an operator's change leaves it as monitoring said
  Follow();
  EXPECT_THAT(Lines("?type=radio&status=down"),
              ElementsAre(id + " http://r/fm stream FM_One down"));
  EXPECT_THAT(Lines("?type=radio&status=up"), SizeIs(0));

  app_.box().HaveDevice();
  app_.box().HaveEntitlement();
  app_.box().LogIn();
  const auto row = [&] { return app_.box().Call("radio", "get_channel_by_id", "number=1").Js(); };
  EXPECT_EQ(row()["open"], 0);
  EXPECT_EQ(row()["error"], "limit");
  EXPECT_EQ(row()["monitoring_status"], "0");
  EXPECT_EQ(Ask("PUT", target, "type=radio&status=1")["results"], true);
  Follow();
  EXPECT_EQ(row()["open"], 1);
  EXPECT_EQ(row()["error"], "");
}

TEST_F(OssMonitoringTest, SayingTheSameAgainIsNoChangeAndIsNotWrittenDown) {
  const int before = AuditEntries();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(Ask("PUT", "monitoring_links/2", "status=1")["results"], true);
  }
  EXPECT_EQ(AuditEntries(), before);
  EXPECT_EQ(Ask("PUT", "monitoring_links/2", "status=0")["results"], true);
  EXPECT_EQ(AuditEntries(), before + 1);
  // At once, before this instance has read what it wrote.
  EXPECT_EQ(Ask("PUT", "monitoring_links/2", "status=1")["results"], true);
  EXPECT_EQ(AuditEntries(), before + 2);
  Follow();
  EXPECT_FALSE(app_.box().portal().models().lineup()->FindChannel(ChannelId(2))->monitoring.down);
}

TEST_F(OssMonitoringTest, ErrorsHaveTheProtocolsTexts) {
  EXPECT_EQ(Ask("PUT", "monitoring_links/1")["error"], "HTTP PUT data is empty");
  EXPECT_EQ(Ask("PUT", "monitoring_links/1", "x=1")["error"], "Update data is empty");
  EXPECT_EQ(Ask("PUT", "monitoring_links", "status=1")["error"], "Empty link id");
  EXPECT_EQ(Ask("PUT", "monitoring_links/1", "status=2")["error"],
            "status is neither 1 (up) nor 0 (down)");
  EXPECT_EQ(Ask("PUT", "monitoring_links/99", "status=0")["error"], "channel_id 99 is unknown");
  EXPECT_EQ(Ask("PUT", "itv", "monitoring_status=1")["error"], "Identifier required");
  EXPECT_EQ(Ask("PUT", "itv/1", "status=1")["error"], "Update data is empty");
  EXPECT_EQ(Ask("DELETE", "monitoring_links/1")["error"],
            "Resource \"monitoring_links\" does not support action \"delete\"");
  EXPECT_EQ(Ask("GET", "monitoring_links?type=vod")["error"], "type is neither itv nor radio");
  EXPECT_EQ(Ask("PUT", "monitoring_links/9", "type=radio&status=0")["error"],
            "radio_id 9 is unknown");
  EXPECT_EQ(Ask("PUT", "monitoring_links/9", "type=radio&status=x")["error"],
            "status is neither 1 (up) nor 0 (down)");
  EXPECT_EQ(Ask("PUT", "monitoring_links", "type=radio&status=1")["error"], "Empty link id");
  EXPECT_EQ(Ask("PUT", "monitoring_links/9", "type=radio")["error"], "Update data is empty");
  EXPECT_THAT(Ask("POST", "itv", "name=X&url=live/x&status=0")["error"].get<std::string>(),
              StartsWith("status is not 1"));
}

TEST_F(OssMonitoringTest, ChannelsSayWhetherTheyAreHd) {
  const Json channels = Ask("GET", "itv")["results"];
  ASSERT_EQ(channels.size(), 3u);
  EXPECT_EQ(channels[0]["hd"], "0");
  EXPECT_EQ(channels[2]["hd"], "1");
  EXPECT_EQ(channels[0]["enable_monitoring"], "1");
}

}  // namespace
}  // namespace holdfast::middleware

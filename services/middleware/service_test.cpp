#include "services/middleware/service.h"

#include <gmock/gmock.h>

#include <span>

#include "libs/storage/pg_migrate.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/test_postgres.h"
#include "services/middleware/portal_fixture_test.h"

namespace holdfast::middleware {

std::span<const storage::Migration> Migrations();

namespace {

using namespace std::chrono_literals;
using test::HasCode;
using test::IsOk;
using test::TestPostgres;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ServiceTest : public testing::Test {
 protected:
  void SetUp() override {
    telemetry::Metrics metrics;
    storage::PgPool pool(options_, metrics);
    ASSERT_THAT(storage::Migrate(pool, Migrations(), Deadline::After(10s)), IsOk());
  }

  static rpc::Call Now() { return rpc::Call(Deadline::After(10s), {}); }
  Service& service() { return portal_.portal().service(); }

  absl::StatusOr<v1::ImportLineupResponse> Import(const std::string& m3u, bool dry_run = false) {
    v1::ImportLineupRequest request;
    request.set_m3u(m3u);
    request.set_dry_run(dry_run);
    return service().ImportLineup(Now(), request);
  }
  absl::StatusOr<v1::Device> Put(const std::string& mac, const std::string& account) {
    v1::PutDeviceRequest request;
    request.set_mac(mac);
    request.set_account_id(account);
    return service().PutDevice(Now(), request);
  }
  v1::Lineup Lineup() {
    EXPECT_THAT(portal_.RunJob("follow_database"), IsOk());
    return *service().GetLineup(Now(), {});
  }

  TestPostgres& server_ = TestPostgres::Shared();
  const storage::PgOptions options_{.hosts = "127.0.0.1:" + std::to_string(server_.port()),
                                    .database = server_.NewDatabase(),
                                    .user = server_.user()};
  PortalFixture portal_{{.postgres = options_}};
};

constexpr const char* kTwo =
    "#EXTINF:-1 tvg-id=\"a\",A\nhttp://x/live/a/i.m3u8\n#EXTINF:-1,\nhttp://x/live/n/i.m3u8\n"
    "#EXTINF:-1 tvg-id=\"b\",B\nhttp://x/live/b/i.m3u8\n";

TEST_F(ServiceTest, ADryRunReportsAndChangesNothing) {
  ASSERT_OK_AND_ASSIGN(const auto report, Import(kTwo, /*dry_run=*/true));
  EXPECT_EQ(report.added(), 2);
  EXPECT_THAT(report.problems(), ElementsAre("line 3: no name after the comma"));
  EXPECT_EQ(Lineup().channels_size(), 0);
}

TEST_F(ServiceTest, AnImportIsRepeatableAndReadsBackFromItsExport) {
  ASSERT_THAT(Import(kTwo), IsOk());
  EXPECT_EQ(Lineup().channels_size(), 2);
  ASSERT_OK_AND_ASSIGN(const auto again, Import(kTwo));
  EXPECT_EQ(again.unchanged(), 2);
  ASSERT_OK_AND_ASSIGN(const auto exported, service().ExportLineup(Now(), {}));
  ASSERT_OK_AND_ASSIGN(const auto read_back, Import(exported.m3u()));
  EXPECT_EQ(read_back.unchanged(), 2);
}

TEST_F(ServiceTest, CatchUpOfOneChannelCanBeSet) {
  ASSERT_THAT(Import(kTwo), IsOk());
  v1::SetCatchUpRequest request;
  request.set_channel_id(2);
  request.set_hours(5);
  request.set_source("http://a/{utc}");
  for (int i = 0; i < 2; ++i) {  // may be repeated
    ASSERT_OK_AND_ASSIGN(const v1::Channel channel, service().SetCatchUp(Now(), request));
    EXPECT_EQ(channel.catch_up_hours(), 5);
  }
  EXPECT_EQ(Lineup().channels(1).catch_up_source(), "http://a/{utc}");
  request.set_hours(-1);
  EXPECT_THAT(service().SetCatchUp(Now(), request), HasCode(absl::StatusCode::kInvalidArgument));
  request.set_channel_id(99);
  EXPECT_THAT(service().SetCatchUp(Now(), request), HasCode(absl::StatusCode::kNotFound));
}

TEST_F(ServiceTest, AUselessListIsRefused) {
  EXPECT_THAT(Import("hello"), HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Import(""), HasCode(absl::StatusCode::kInvalidArgument));
}

TEST_F(ServiceTest, DevicesArePutListedAndRevoked) {
  ASSERT_OK_AND_ASSIGN(const v1::Device device, Put("00-1a-79-12-34-56", "acc-1"));
  EXPECT_EQ(device.mac(), kBoxMac);
  EXPECT_THAT(Put("nonsense", "acc-1"), HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Put(kBoxMac, ""), HasCode(absl::StatusCode::kInvalidArgument));
  v1::ListDevicesRequest list;
  list.set_account_id("acc-1");
  ASSERT_OK_AND_ASSIGN(const auto listed, service().ListDevices(Now(), list));
  ASSERT_EQ(listed.devices_size(), 1);
  v1::RevokeDeviceRequest revoke;
  revoke.set_mac(kBoxMac);
  ASSERT_OK_AND_ASSIGN(const v1::Device revoked, service().RevokeDevice(Now(), revoke));
  EXPECT_EQ(revoked.generation(), device.generation() + 1);
  list.set_page_size(5000);
  EXPECT_THAT(service().ListDevices(Now(), list), HasCode(absl::StatusCode::kInvalidArgument));
}

TEST_F(ServiceTest, APutDeviceIsServedAtOnce) {
  ASSERT_THAT(Import(kTwo), IsOk());
  ASSERT_THAT(Put(kBoxMac, "acc-1"), IsOk());
  portal_.HaveEntitlement();
  ASSERT_THAT(portal_.RunJob("follow_database"), IsOk());
  portal_.LogIn();
  EXPECT_EQ(portal_.Call("itv", "get_all_channels").Js()["total_items"], 2);
}

}  // namespace
}  // namespace holdfast::middleware

// Messages and commands: from the operator's call to the box's heartbeat, over two instances.
#include <gmock/gmock.h>

#include <filesystem>
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

class PortalEventsTest : public testing::Test {
 protected:
  void SetUp() override {
    telemetry::Metrics metrics;
    storage::PgPool pool(options_, metrics);
    ASSERT_THAT(storage::Migrate(pool, Migrations(), Deadline::After(10s)), IsOk());
    v1::ImportLineupRequest lineup;
    lineup.set_m3u("#EXTINF:-1,News\nhttp://x/live/news/i.m3u8\n");
    ASSERT_THAT(here_.portal().service().ImportLineup(Now(), lineup), IsOk());
    v1::PutDeviceRequest device;
    device.set_mac(kBoxMac);
    device.set_account_id("acc-1");
    ASSERT_THAT(here_.portal().service().PutDevice(Now(), device), IsOk());
    Follow();
    for (PortalFixture* box : {&here_, &there_}) box->HaveEntitlement();
    here_.LogIn();
    EXPECT_THAT(here_.RunJob("viewer_writes"), IsOk());
    Follow();
    there_.token = here_.token;
  }

  static rpc::Call Now() { return rpc::Call(Deadline::After(10s), {}); }

  absl::StatusOr<v1::BoxEventInfo> Send(const std::string& event, const std::string& text = "",
                                        const v1::EventTarget& target = {}) {
    v1::SendEventRequest request;
    request.set_idempotency_key("key-" + std::to_string(++keys_));
    request.set_event(event);
    request.set_text(text);
    *request.mutable_target() = target;
    auto sent = here_.portal().service().SendEvent(Now(), request);
    Follow();
    return sent;
  }
  // Both instances read what is new; what boxes confirmed is stored first.
  void Follow() {
    for (PortalFixture* box : {&here_, &there_}) EXPECT_THAT(box->RunJob("event_receipts"), IsOk());
    for (PortalFixture* box : {&here_, &there_}) {
      EXPECT_THAT(box->RunJob("follow_database"), IsOk());
    }
  }
  static Json Heartbeat(PortalFixture& box) {
    return box.Call("watchdog", "get_events", "init=0&cur_play_type=1&event_active_id=0")
        .Js()["data"];
  }

  TestPostgres& server_ = TestPostgres::Shared();
  const storage::PgOptions options_{.hosts = "127.0.0.1:" + std::to_string(server_.port()),
                                    .database = server_.NewDatabase(),
                                    .user = server_.user()};
  PortalFixture here_{{.postgres = options_}}, there_{{.postgres = options_}};
  int keys_ = 0;
};

TEST_F(PortalEventsTest, AMessageStaysUntilTheViewerConfirmsItOnAnyInstance) {
  ASSERT_OK_AND_ASSIGN(const auto sent, Send("send_msg", "Hello %mac%"));
  for (PortalFixture* box : {&here_, &there_, &here_}) {
    const Json data = Heartbeat(*box);
    EXPECT_EQ(data["msgs"], 1);
    EXPECT_EQ(data["id"], std::to_string(sent.event_id()));
    EXPECT_EQ(data["event"], "send_msg");
    EXPECT_EQ(data["need_confirm"], "1");
    EXPECT_EQ(data["msg"], "Hello %mac%");
    EXPECT_EQ(data["reboot_after_ok"], "0");
    EXPECT_EQ(data["auto_hide_timeout"], "0");
    EXPECT_EQ(data["param1"], "");
    EXPECT_EQ(data["additional_services_on"], "1");
  }
  const std::string confirm = "event_active_id=" + std::to_string(sent.event_id());
  EXPECT_EQ(there_.Call("watchdog", "confirm_event", confirm).Js(), Json({{"data", "ok"}}));
  EXPECT_EQ(Heartbeat(there_)["msgs"], 0);
  Follow();
  EXPECT_EQ(Heartbeat(here_)["msgs"], 0);
}

TEST_F(PortalEventsTest, ACommandIsGivenOnceAndBeforeMessages) {
  ASSERT_THAT(Send("send_msg", "text"), IsOk());
  ASSERT_THAT(Send("reload_portal"), IsOk());
  const Json first = Heartbeat(here_);
  EXPECT_EQ(first["msgs"], 2);
  EXPECT_EQ(first["event"], "reload_portal");
  EXPECT_EQ(first["need_confirm"], "0");
  EXPECT_EQ(Heartbeat(here_)["event"], "send_msg");
}

TEST_F(PortalEventsTest, OnlyThoseWhoAreMeantGetIt) {
  v1::EventTarget target;
  target.add_macs("00-1a-79-00-00-99");
  ASSERT_THAT(Send("reboot", "", target), IsOk());
  EXPECT_EQ(Heartbeat(here_)["msgs"], 0);
  target.add_macs(kBoxMac);
  ASSERT_THAT(Send("play_channel", "7", target), IsOk());
  EXPECT_EQ(Heartbeat(here_)["msg"], "7");
  v1::EventTarget package;
  package.add_package_ids("basic");
  ASSERT_THAT(Send("update_epg", "", package), IsOk());
  EXPECT_EQ(Heartbeat(here_)["event"], "update_epg");
}

TEST_F(PortalEventsTest, EventsExpireAndCanBeCancelled) {
  ASSERT_THAT(Send("reboot"), IsOk());
  here_.clock().Advance(5min);  // two heartbeats are four minutes
  EXPECT_EQ(Heartbeat(here_)["msgs"], 0);
  ASSERT_OK_AND_ASSIGN(const auto message, Send("send_msg", "text"));
  EXPECT_EQ(Heartbeat(here_)["msgs"], 1);
  v1::CancelEventRequest cancel;
  cancel.set_event_id(message.event_id());
  ASSERT_THAT(here_.portal().service().CancelEvent(Now(), cancel), IsOk());
  Follow();
  EXPECT_EQ(Heartbeat(here_)["msgs"], 0);
  EXPECT_THAT(here_.portal().service().CancelEvent(Now(), cancel),
              HasCode(absl::StatusCode::kNotFound));
}

TEST_F(PortalEventsTest, TheSameKeyIsTheSameEvent) {
  v1::SendEventRequest request;
  request.set_idempotency_key("once");
  request.set_event("send_msg");
  request.set_text("text");
  ASSERT_OK_AND_ASSIGN(const auto first, here_.portal().service().SendEvent(Now(), request));
  ASSERT_OK_AND_ASSIGN(const auto second, there_.portal().service().SendEvent(Now(), request));
  EXPECT_EQ(first.event_id(), second.event_id());
  Follow();
  ASSERT_OK_AND_ASSIGN(const auto listed, here_.portal().service().ListEvents(Now(), {}));
  EXPECT_EQ(listed.events_size(), 1);
}

TEST_F(PortalEventsTest, NonsenseIsRefused) {
  EXPECT_THAT(Send("explode"), HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Send("send_msg", ""), HasCode(absl::StatusCode::kInvalidArgument));
  v1::EventTarget target;
  target.add_macs("nonsense");
  EXPECT_THAT(Send("reboot", "", target), HasCode(absl::StatusCode::kInvalidArgument));
  target.Clear();
  target.add_models("MAG250");
  target.add_account_ids("acc-1");
  EXPECT_THAT(Send("reboot", "", target), HasCode(absl::StatusCode::kInvalidArgument));
}

TEST_F(PortalEventsTest, EventsAreKnownWithoutADatabase) {
  ASSERT_THAT(Send("send_msg", "text"), IsOk());
  // What the follower keeps on disk is enough.
  EXPECT_THAT(here_.portal().devices().SaveToDisk(), IsOk());
  test::TempDir dir;
  for (const char* file : {"box_events.replica", "lineup.replica", "devices.replica"}) {
    std::filesystem::copy_file(here_.data_dir() + "/" + file, dir.path() + "/" + file);
  }
  PortalFixture away({.data_dir = dir.path()});
  away.HaveEntitlement();
  away.token = here_.token;
  EXPECT_FALSE(away.RunJob("follow_database").ok());
  EXPECT_EQ(Heartbeat(away)["msg"], "text");
}

TEST_F(PortalEventsTest, AnAccountThatIsGoodAgainIsToldSoOnce) {
  here_.HaveEntitlement("acc-1", {"basic"}, billing::v1::Entitlement::STATUS_SUSPENDED);
  EXPECT_EQ(Heartbeat(here_)["event"], "cut_off");
  EXPECT_EQ(Heartbeat(here_)["event"], "cut_off");
  here_.HaveEntitlement();
  EXPECT_EQ(Heartbeat(here_)["event"], "cut_on");
  EXPECT_EQ(Heartbeat(here_)["msgs"], 0);
}

TEST_F(PortalEventsTest, ConfirmingWhatIsNotThereDoesNothing) {
  for (const char* id : {"0", "-1", "999999", "undefined", ""}) {
    EXPECT_EQ(here_.Call("watchdog", "confirm_event", std::string("event_active_id=") + id).Js(),
              Json({{"data", "ok"}}));
  }
}

}  // namespace
}  // namespace holdfast::middleware

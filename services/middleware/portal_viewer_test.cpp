// What a box keeps with the portal, with a real PostgreSQL: what it may name, how much, and what an
// answer says when the database does not have it yet.
#include <gmock/gmock.h>

#include <span>
#include <tuple>

#include "libs/storage/pg_migrate.h"
#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/test_postgres.h"
#include "services/middleware/portal_fixture_test.h"

namespace holdfast::middleware {

std::span<const storage::Migration> Migrations();

namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::int64_t kNext = kNowSeconds + 1800;  // when the next programme begins

class PortalViewerTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(storage::Migrate(pool_, Migrations(), Deadline::After(10s)), test::IsOk());
    box_.HaveEverything();
    box_.LogIn();
  }
  std::int64_t Rows() {
    const auto rows = pool_.Query(Deadline::After(10s), "SELECT count(*) FROM viewer_item");
    EXPECT_THAT(rows, test::IsOk());
    return rows.ok() ? rows->Int(0, 0) : -1;
  }
  BoxAnswer Remind(int channel, std::int64_t start) {
    const std::string id = std::to_string(channel);
    return box_.Call("tvreminder", "add",
                     "ch_id=" + id + "&program_id=" + id + "_" + std::to_string(start) +
                         "&fire_ts=" + std::to_string(start) + "&program_name=x");
  }

  test::TestPostgres& server_ = test::TestPostgres::Shared();
  const storage::PgOptions options_{.hosts = "127.0.0.1:" + std::to_string(server_.port()),
                                    .database = server_.NewDatabase(),
                                    .user = server_.user()};
  telemetry::Metrics metrics_;
  storage::PgPool pool_{options_, metrics_};
  PortalFixture box_{{.postgres = options_}};
};

TEST_F(PortalViewerTest, ABoxIsRemindedOfWhatItMaySeeOnly) {
  EXPECT_TRUE(Remind(1, kNext).Js().is_object());
  EXPECT_EQ(box_.Call("itv", "set_played", "itv_id=1").Js(), true);
  box_.HaveEntitlement("acc-1", {"sport"});
  ASSERT_EQ(box_.Call("itv", "get_all_channels").Js()["total_items"], 1);  // "Sport 1"
  const BoxAnswer refused = Remind(1, kNext + 3600);
  EXPECT_EQ(refused.Js(), false);
  EXPECT_THAT(refused.body, Not(HasSubstr("News")));
  EXPECT_EQ(refused.Header("X-Degraded"), "");
  EXPECT_EQ(box_.Call("itv", "set_played", "itv_id=1").Js(), false);
  EXPECT_EQ(box_.Call("tv_archive", "set_played", "ch_id=1").Js(), false);
  EXPECT_EQ(box_.Call("tv_archive", "set_played_timeshift", "ch_id=1").Js(), false);
}

TEST_F(PortalViewerTest, RemovingWhatIsNotThereIsTrueAndLeavesNothing) {
  for (int i = 0; i < 20; ++i) {
    const std::string n = std::to_string(i);
    EXPECT_EQ(box_.Call("tvreminder", "del", "program_id=9_" + n).Js(), true);
    EXPECT_EQ(box_.Call("remote_pvr", "del_rec", "rec_id=" + n).Js(), true);
    EXPECT_EQ(box_.Call("vod", "del_fav", "video_id=" + n).Js(), true);
  }
  EXPECT_EQ(Rows(), 0);
  EXPECT_EQ(box_.Call("tvreminder", "del", "program_id=%FF%FE").Js(), false);
  EXPECT_TRUE(Remind(1, kNext).Js().is_object());
  EXPECT_EQ(box_.Call("tvreminder", "del", "program_id=1_" + std::to_string(kNext)).Js(), true);
  EXPECT_EQ(box_.Call("tvreminder", "get_all_active").Js(), Json::array());
}

TEST_F(PortalViewerTest, AHouseholdThatKeepsTooMuchIsToldFalseAndThatIsNoOutage) {
  ASSERT_THAT(pool_.Query(Deadline::After(10s),
                          "INSERT INTO viewer_item (viewer, kind, item_key, content, at_ms) "
                          "SELECT 'acc-1', 3, n, ''::bytea, n FROM generate_series(1, 5000) AS n"),
              test::IsOk());
  const BoxAnswer refused = Remind(1, kNext);
  EXPECT_EQ(refused.Js(), false);
  EXPECT_EQ(refused.Header("X-Degraded"), "");
  EXPECT_EQ(box_.Call("vod", "del_fav", "video_id=7").Js(), true);
  EXPECT_TRUE(Remind(1, kNext).Js().is_object());
}

TEST_F(PortalViewerTest, WhatOnlyTheDiskHasIsMarked) {
  EXPECT_EQ(Remind(1, kNext).Header("X-Degraded"), "");
  EXPECT_EQ(box_.Call("itv", "set_played", "itv_id=1").Header("X-Degraded"), "");
  server_.Kill();
  EXPECT_FALSE(box_.RunJob("follow_database").ok());
  const std::string row = "1_" + std::to_string(kNext);
  for (const auto& [type, action, rest] :
       {std::tuple("tvreminder", "del", "program_id=" + row),
        std::tuple("itv", "set_played", std::string("itv_id=1")),
        std::tuple("remote_pvr", "start_rec_now", std::string("ch_id=1")),
        std::tuple("media_favorites", "save", std::string("favorites=x")),
        std::tuple("radio", "set_fav", std::string("fav_radio=1"))}) {
    const BoxAnswer answer = box_.Call(type, action, rest);
    EXPECT_NE(answer.Js(), false) << action;
    EXPECT_THAT(answer.Header("X-Degraded"), HasSubstr("postgres")) << action;
  }
  server_.Restart();
  EXPECT_TRUE(test::Eventually([&] {
    // The job also follows a lineup that the fixture does not have from there.
    box_.RunJob("follow_database").IgnoreError();
    return box_.Call("tvreminder", "get_all_active").Header("X-Degraded").empty();
  }));
  EXPECT_THAT(box_.RunJob("viewer_items"), test::IsOk());
  EXPECT_EQ(box_.Call("tvreminder", "get_all_active").Js(), Json::array());
}

}  // namespace
}  // namespace holdfast::middleware

// The portal while its neighbours and stores are away. In these tests none of them ever exists:
// what is known came from replicas before.
#include <gmock/gmock.h>

#include <atomic>

#include "absl/synchronization/notification.h"
#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"
#include "services/middleware/portal_fixture_test.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;
using test::IsOk;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// The sum of all samples of one metric. Fails the test if nothing of that name was ever counted:
// a name that does not exist would prove nothing.
double SumOf(const std::string& scrape, const std::string& name) {
  double sum = 0;
  int samples = 0;
  std::istringstream lines(scrape);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(name)) continue;
    const char next = line.size() > name.size() ? line[name.size()] : ' ';
    if (next != ' ' && next != '{') continue;
    sum += std::stod(line.substr(line.rfind(' ') + 1));
    ++samples;
  }
  EXPECT_GT(samples, 0) << "no metric " << name;
  return sum;
}

class PortalOutageTest : public testing::Test {
 protected:
  void SetUp() override {
    box_.HaveEverything();
    box_.LogIn();
    // The job that notices that PostgreSQL is away.
    EXPECT_FALSE(box_.RunJob("follow_database").ok());
  }

  PortalFixture box_;
};

constexpr const char* kCallsOut[] = {"holdfast_rpc_client_requests_total",
                                     "holdfast_pg_queries_total", "holdfast_redis_calls_total",
                                     "holdfast_spool_pending", "holdfast_spool_bytes"};

TEST_F(PortalOutageTest, AZapAsksNobody) {
  box_.Zap(1);
  // Everything that reaches a neighbour, a store or the disk counts one of these; the jobs that
  // were run make each of them exist.
  box_.Call("watchdog", "get_events");
  EXPECT_TRUE(box_.RunJob("presence").ok());
  EXPECT_TRUE(box_.RunJob("reports").ok());
  const auto calls = [&] {
    const std::string scrape = box_.metrics().Scrape();
    std::vector<double> sums;
    for (const char* name : kCallsOut) sums.push_back(SumOf(scrape, name));
    return sums;
  };
  const std::vector<double> before = calls();
  for (int i = 0; i < 1000; ++i) {
    ASSERT_THAT(box_.Zap(1), StartsWith("ffmpeg http"));
    ASSERT_THAT(box_.Zap(2), StartsWith("ffmpeg http"));
  }
  EXPECT_EQ(calls(), before);
}

TEST_F(PortalOutageTest, EverythingThatAKnownBoxDoesStillWorks) {
  EXPECT_EQ(box_.Call("itv", "get_all_channels").Js()["total_items"], 2);
  EXPECT_EQ(box_.Call("itv", "get_genres").Js().size(), 4u);
  EXPECT_EQ(box_.Call("itv", "get_short_epg", "ch_id=1").Js().size(), 5u);
  EXPECT_EQ(box_.Call("itv", "get_epg_info", "period=3").Js()["data"].size(), 1u);
  EXPECT_EQ(box_.Call("watchdog", "get_events").Js()["data"]["msgs"], 0);
  EXPECT_EQ(box_.Call("stb", "get_profile").Js()["status"], "0");
  EXPECT_TRUE(box_.Call("stb", "handshake", "token=" + box_.token).Js()["token"].is_string());
}

TEST_F(PortalOutageTest, AnswersSayHowOldTheyAreAndAreCounted) {
  EXPECT_EQ(box_.Call("itv", "create_link", "cmd=/ch/1").Header("X-Degraded"), "");
  box_.clock().Advance(30s);
  const BoxAnswer zap = box_.Call("itv", "create_link", "cmd=/ch/1");
  EXPECT_EQ(zap.Header("X-Degraded"), "cdn_routing;age=30, billing;age=30");
  EXPECT_THAT(zap.Js()["cmd"], StartsWith("ffmpeg http"));
  EXPECT_THAT(box_.Call("itv", "get_all_channels").Header("X-Degraded"),
              HasSubstr("postgres;age=30"));
  EXPECT_THAT(box_.Call("itv", "get_short_epg", "ch_id=1").Header("X-Degraded"),
              HasSubstr("epg;age=30"));
  EXPECT_GT(SumOf(box_.metrics().Scrape(), "holdfast_middleware_degraded_answers_total"), 0);
}

TEST_F(PortalOutageTest, FavouritesAreShownAtOnceAndWaitOnDisk) {
  EXPECT_EQ(box_.Call("itv", "set_fav", "fav_ch=2,1").Js(), true);
  EXPECT_EQ(box_.Call("itv", "get_fav_ids").Js(), Json({"2", "1"}));
}

TEST_F(PortalOutageTest, AnUnknownBoxIsAskedToTryAgain) {
  BoxRequest request{.query = "type=stb&action=get_profile", .cookie = "mac=00:1A:79:00:00:99"};
  const Json js = box_.Send(request).Js();
  EXPECT_EQ(js["status"], 1);
  EXPECT_THAT(js["block_msg"], HasSubstr("try again"));
}

TEST_F(PortalOutageTest, ALoginIsRefusedNotGuessed) {
  EXPECT_EQ(box_.Call("stb", "do_auth", "login=ada&password=x").Js(), false);
}

TEST_F(PortalOutageTest, ManyLoginsFromOneBoxAreSlowedDown) {
  for (int i = 0; i < 30; ++i)
    EXPECT_EQ(box_.Call("stb", "do_auth", "login=ada&password=x").Js(), false);
  EXPECT_THAT(box_.metrics().Scrape(), HasSubstr("too_many_attempts"));
}

TEST_F(PortalOutageTest, UnknownIsNotUnpaid) {
  // Nothing was ever heard of this account, and nobody can be asked.
  box_.HaveDevice("00:1A:79:00:00:33", "acc-33");
  BoxRequest request{.query = "type=stb&action=handshake", .cookie = "mac=00:1A:79:00:00:33"};
  request.authorization = "Bearer " + box_.Send(request).Js()["token"].get<std::string>();
  request.query = "type=itv&action=create_link&cmd=/ch/1";
  EXPECT_THAT(box_.Send(request).Js()["cmd"], StartsWith("ffmpeg http"));
  request.query = "type=itv&action=create_link&cmd=/ch/3";  // but nobody gains a package
  EXPECT_EQ(box_.Send(request).Js()["error"], "access_denied");
}

TEST_F(PortalOutageTest, ATokenIsHonouredByAnInstanceThatKnowsNeitherDeviceNorAccount) {
  PortalFixture other;
  other.HaveUsualLineup();
  other.HaveEdges();
  other.token = box_.token;
  EXPECT_THAT(other.Zap(1), StartsWith("ffmpeg http"));
  EXPECT_EQ(other.Call("itv", "get_all_channels").Js()["total_items"], 2);
  EXPECT_EQ(other.Call("itv", "create_link", "cmd=/ch/3").Js()["error"], "access_denied");
}

TEST_F(PortalOutageTest, GraceEndsOnlyWhenItsTimeIsOver) {
  box_.clock().Advance(24h * 6);
  EXPECT_THAT(box_.Zap(1), StartsWith("ffmpeg http"));
}

TEST_F(PortalOutageTest, ARestartDuringTheOutageServesFromDisk) {
  test::TempDir dir;
  std::string token;
  {
    PortalFixture before({.data_dir = dir.path()});
    before.HaveEverything();
    before.LogIn();
    token = before.token;
    EXPECT_EQ(before.Call("itv", "set_fav", "fav_ch=1").Js(), true);
    EXPECT_THAT(before.portal().models().lineup_replica().SaveToDisk(), IsOk());
    EXPECT_THAT(before.portal().models().edges_replica().SaveToDisk(), IsOk());
    EXPECT_THAT(before.portal().models().guide_replica().SaveToDisk(), IsOk());
    EXPECT_THAT(before.RunJob("save_entitlements"), IsOk());
    // The devices as the follower would have read them.
    ASSERT_THAT(
        before.portal().devices().Apply({.kind = replica::Update::Kind::kFull,
                                         .epoch = "x",
                                         .revision = 1,
                                         .items = {{kBoxMac,
                                                    [] {
                                                      v1::DeviceItem item;
                                                      item.set_device_id(12);
                                                      item.set_account_id("acc-1");
                                                      item.set_started(true);
                                                      return MakeShared(item.SerializeAsString());
                                                    }()}}}),
        IsOk());
    EXPECT_THAT(before.portal().devices().SaveToDisk(), IsOk());
  }
  PortalFixture after({.data_dir = dir.path()});
  EXPECT_TRUE(after.portal().ready());
  after.token = token;
  EXPECT_THAT(after.Zap(2), StartsWith("ffmpeg http"));
  EXPECT_EQ(after.Call("itv", "get_fav_ids").Js(), Json({"1"}));  // from the spool
  EXPECT_EQ(after.Call("itv", "get_short_epg", "ch_id=1").Js()[0]["name"], "Show 0");
  EXPECT_EQ(after.Call("stb", "get_profile").Js()["fname"], "Ada Example");
}

TEST_F(PortalOutageTest, WithoutEdgesTheBoxIsToldInTheProtocolsWords) {
  PortalFixture box;
  box.HaveUsualLineup();
  box.HaveDevice();
  box.HaveEntitlement();
  box.LogIn();
  EXPECT_EQ(box.Call("itv", "create_link", "cmd=/ch/1").Js()["error"], "link_fault");
}

TEST_F(PortalOutageTest, RevokedTokensAreRefusedWithoutADatabase) {
  Device device = *box_.portal().devices().Find(kBoxMac);
  device.generation = 1;
  device.revision = 2;
  box_.portal().devices().Put(device);
  EXPECT_EQ(box_.Call("itv", "get_genres").body, "Authorization failed.");
  box_.LogIn();
  EXPECT_TRUE(box_.Call("itv", "get_genres").Js().is_array());
}

// Every worker is busy, and no more work is taken.
class PortalBusyTest : public testing::Test {
 protected:
  void SetUp() override {
    box_.HaveEverything();
    box_.LogIn();
    Before();
    // Every thread first, then the queue: a thread that took its job late would leave a place.
    const auto block = [this] {
      ++blocked_;
      release_.WaitForNotification();
    };
    for (std::size_t i = 0; i < box_.workers().threads(); ++i) {
      ASSERT_TRUE(test::Eventually([&] { return box_.workers().TrySubmit(block); }));
    }
    ASSERT_TRUE(test::Eventually([&] { return blocked_ == box_.workers().threads(); }));
    while (box_.workers().TrySubmit(block)) {
    }
  }
  void TearDown() override { release_.Notify(); }
  virtual void Before() {}  // while workers have time

  std::atomic<std::size_t> blocked_ = 0;
  absl::Notification release_;
  PortalFixture box_{{.max_waiting = 4}};
};

TEST_F(PortalBusyTest, ListsAreStillWhole) {
  EXPECT_EQ(box_.Call("itv", "get_all_channels").Js()["total_items"], 2);
  EXPECT_EQ(box_.Call("itv", "get_genres").Js().size(), 4u);
  EXPECT_EQ(box_.Call("itv", "get_ordered_list", "genre=10&p=1").Js()["total_items"], 1);
}

TEST_F(PortalBusyTest, WhatNeedsAWorkerIsAnsweredInItsShape) {
  EXPECT_EQ(box_.Call("itv", "get_epg_info", "period=3").status, 503) << "is asked again";
  EXPECT_EQ(box_.Call("itv", "set_fav", "fav_ch=1").Js(), false);
  EXPECT_EQ(box_.Call("stb", "do_auth", "login=a&password=b").Js(), false);
  BoxRequest unknown{.query = "type=stb&action=get_profile", .cookie = "mac=00:1A:79:00:00:99"};
  EXPECT_THAT(box_.Send(unknown).Js()["block_msg"], HasSubstr("try again"));
  EXPECT_THAT(box_.Zap(1), StartsWith("ffmpeg http"));
}

// The same after somebody has read the guide.
class PortalBusyWithGuideTest : public PortalBusyTest {
 protected:
  void Before() override { guide_ = box_.Call("itv", "get_epg_info", "period=3").Js(); }
  Json guide_;
};

TEST_F(PortalBusyWithGuideTest, TheGuideOfAMinuteAgoIsSentUntilTheNextIsMade) {
  EXPECT_FALSE(guide_["data"].empty());
  box_.clock().Advance(std::chrono::minutes(1));
  EXPECT_EQ(box_.Call("itv", "get_epg_info", "period=3").Js(), guide_);
  EXPECT_EQ(box_.Call("itv", "get_epg_info", "period=3").Js(), guide_);
}

TEST_F(PortalBusyWithGuideTest, AGuideOfHoursAgoIsNot) {
  box_.clock().Advance(std::chrono::hours(2));
  EXPECT_EQ(box_.Call("itv", "get_epg_info", "period=3").status, 503);
}

}  // namespace
}  // namespace holdfast::middleware

#include "services/analytics/jobs.h"

#include <gmock/gmock.h>

#include <span>

#include "libs/storage/pg_migrate.h"
#include "libs/testing/eventually.h"
#include "libs/testing/fake_clock.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/temp_dir.h"
#include "libs/testing/test_postgres.h"
#include "services/analytics/fake_store.h"
#include "services/analytics/pg_store.h"

namespace holdfast::analytics {

std::span<const storage::Migration> Migrations();

namespace {

using namespace std::chrono_literals;
using test::HasCode;
using test::IsOk;
using testing::ElementsAre;

const WallTime kNow = FromEpochSeconds(1767348000);

Deadline Soon() { return Deadline::After(20s); }

std::vector<PlaybackEvent> Plays(int first, int count) {
  std::vector<PlaybackEvent> events;
  for (int i = first; i < first + count; ++i) {
    events.push_back({.id = EventId("e" + std::to_string(i)),
                      .kind = EventKind::kPlay,
                      .channel = ChannelId("7"),
                      .at = kNow});
  }
  return events;
}

class FlushTest : public testing::Test {
 protected:
  void OpenSpool(std::uint64_t max_bytes = 1 << 20) {
    auto opened = storage::DiskSpool::Open(
        {.directory = dir_.File("spool"), .name = "events", .max_bytes = max_bytes}, registry_);
    ASSERT_THAT(opened, IsOk());
    spool_ = *std::move(opened);
  }

  void Accept(const std::vector<PlaybackEvent>& events) {
    ASSERT_THAT(buffer_.Offer(events), IsOk());
  }
  absl::Status FlushTo(Store& store) {
    return Flush(buffer_, store, *spool_, metrics_).Run(Soon());
  }

  test::TempDir dir_;
  telemetry::Metrics registry_;
  Metrics metrics_{registry_};
  EventBuffer buffer_{{}};
  std::unique_ptr<storage::DiskSpool> spool_;
  FakeStore store_;
};

TEST_F(FlushTest, CountsWhatWasAccepted) {
  OpenSpool();
  Accept(Plays(0, 2500));
  EXPECT_THAT(FlushTo(store_), IsOk());
  EXPECT_EQ(store_.counted(), 2500u);
  EXPECT_EQ(metrics_.counted.value(), 2500);
  EXPECT_EQ(buffer_.size(), 0u);
  EXPECT_EQ(spool_->pending_records(), 0u);
}

TEST_F(FlushTest, WaitsOnDiskWhileTheDatabaseIsAway) {
  OpenSpool();
  store_.Fail(absl::UnavailableError("away"));
  Accept(Plays(0, 2500));
  EXPECT_THAT(FlushTo(store_), HasCode(absl::StatusCode::kUnavailable));
  EXPECT_EQ(store_.tries(), 1) << "one try tells enough";
  EXPECT_EQ(buffer_.size(), 0u);
  EXPECT_EQ(metrics_.lost.value(), 0);

  store_.Recover();
  Accept(Plays(2500, 10));
  EXPECT_THAT(FlushTo(store_), IsOk());
  EXPECT_EQ(store_.counted(), 2510u);
  EXPECT_EQ(spool_->pending_records(), 0u);
}

TEST_F(FlushTest, SpooledEventsSurviveARestart) {
  OpenSpool();
  store_.Fail(absl::UnavailableError("away"));
  Accept(Plays(0, 10));
  EXPECT_FALSE(FlushTo(store_).ok());
  spool_.reset();
  OpenSpool();
  store_.Recover();
  EXPECT_THAT(FlushTo(store_), IsOk());
  EXPECT_EQ(store_.counted(), 10u);
}

TEST_F(FlushTest, AnUnknownOutcomeIsTriedAgainAndCountedOnce) {
  OpenSpool();
  store_.Fail(absl::DeadlineExceededError("no answer"), true);
  Accept(Plays(0, 10));
  EXPECT_FALSE(FlushTo(store_).ok());
  store_.Recover();
  EXPECT_THAT(FlushTo(store_), IsOk());
  EXPECT_EQ(store_.counted(), 10u);
  EXPECT_EQ(metrics_.counted.value(), 0) << "all of them had been counted by the first try";
}

TEST_F(FlushTest, EventsBeyondTheSpoolAreLostAndCounted) {
  OpenSpool(4096);
  store_.Fail(absl::UnavailableError("away"));
  Accept(Plays(0, 5000));
  EXPECT_FALSE(FlushTo(store_).ok());
  EXPECT_GT(metrics_.lost.value(), 0);
  store_.Recover();
  EXPECT_THAT(FlushTo(store_), IsOk());
  EXPECT_EQ(static_cast<double>(store_.counted()) + metrics_.lost.value(), 5000);
}

TEST_F(FlushTest, EventsThatTheDatabaseRefusesDoNotBlockTheOthers) {
  OpenSpool();
  store_.Fail(absl::InvalidArgumentError("bad text"));
  Accept(Plays(0, 10));
  EXPECT_THAT(FlushTo(store_), IsOk());
  EXPECT_EQ(metrics_.lost.value(), 10);
  EXPECT_EQ(spool_->pending_records(), 0u);
}

TEST_F(FlushTest, ADamagedSpoolRecordIsSkipped) {
  OpenSpool();
  ASSERT_THAT(spool_->Append("\x0a\xff not a batch"), IsOk());
  store_.Fail(absl::UnavailableError("away"));
  Accept(Plays(0, 10));
  EXPECT_FALSE(FlushTo(store_).ok());
  store_.Recover();
  EXPECT_THAT(FlushTo(store_), IsOk());
  EXPECT_EQ(store_.counted(), 10u);
  EXPECT_EQ(spool_->pending_records(), 0u);
}

TEST_F(FlushTest, EachEventCountsOnceThroughAnOutageOfPostgres) {
  OpenSpool();
  const std::unique_ptr<test::TestPostgres> server = test::TestPostgres::Start();
  storage::PgPool pool({.hosts = server->host() + ":" + std::to_string(server->port()),
                        .database = server->NewDatabase(),
                        .user = server->user()},
                       registry_);
  ASSERT_THAT(storage::Migrate(pool, Migrations(), Soon()), IsOk());
  PgStore store(pool);

  Accept(Plays(0, 100));
  EXPECT_THAT(FlushTo(store), IsOk());
  server->Kill();
  Accept(Plays(100, 100));
  EXPECT_FALSE(FlushTo(store).ok());
  EXPECT_GT(spool_->pending_records(), 0u);
  server->Restart();
  Accept(Plays(200, 100));
  EXPECT_TRUE(
      test::Eventually([&] { return FlushTo(store).ok() && spool_->pending_records() == 0; }, 60s));

  EXPECT_EQ(metrics_.lost.value(), 0);
  EXPECT_THAT(store.CountByChannel(Soon(), {.from = kNow - 1h, .to = kNow + 1h}).value(),
              ElementsAre(CountsRow{"7", {.plays = 300}}));
}

class RenewPopularityTest : public testing::Test {
 protected:
  absl::Status Renew(PopularityList& list) {
    return RenewPopularity(store_, list, metrics_, clock_, 12h).Run(Soon());
  }
  std::vector<std::string> Channels(const PopularityList& list) {
    std::vector<std::string> channels;
    for (const RankedChannel& channel : *list.Current())
      channels.push_back(channel.channel.value());
    return channels;
  }

  test::TempDir dir_;
  test::FakeClock clock_{kNow};
  telemetry::Metrics registry_;
  Metrics metrics_{registry_};
  FakeStore store_;
  PopularityList list_{dir_.File("popularity.replica"), clock_, registry_};
};

TEST_F(RenewPopularityTest, PublishesTheRanking) {
  store_.plays = {{ChannelId("1"), kNow, 5}, {ChannelId("2"), kNow, 9}};
  ASSERT_THAT(Renew(list_), IsOk());
  EXPECT_THAT(Channels(list_), ElementsAre("2", "1"));
  EXPECT_EQ(list_.publication().size(), 2u);
  const std::uint64_t revision = list_.publication().revision();
  ASSERT_THAT(Renew(list_), IsOk());
  EXPECT_EQ(list_.publication().revision(), revision) << "nothing new was published";

  store_.plays = {{ChannelId("2"), kNow, 9}};
  ASSERT_THAT(Renew(list_), IsOk());
  EXPECT_THAT(Channels(list_), ElementsAre("2"));
  EXPECT_EQ(list_.publication().size(), 1u);
}

TEST_F(RenewPopularityTest, InstancesAgreeWhateverTheyHeldBefore) {
  PopularityList other(dir_.File("other.replica"), clock_, registry_);
  store_.plays = {{ChannelId("1"), kNow, 5}, {ChannelId("3"), kNow - 5h, 9}};
  ASSERT_THAT(Renew(list_), IsOk());
  store_.plays.push_back({ChannelId("2"), kNow, 5});
  clock_.Advance(5s);
  ASSERT_THAT(Renew(list_), IsOk());
  ASSERT_THAT(Renew(other), IsOk());
  EXPECT_EQ(*list_.Current(), *other.Current());
}

TEST_F(RenewPopularityTest, TheListOutlivesARestartWithoutTheDatabase) {
  store_.plays = {{ChannelId("1"), kNow, 5}, {ChannelId("2"), kNow, 9}};
  ASSERT_THAT(Renew(list_), IsOk());
  store_.Fail(absl::UnavailableError("away"));
  clock_.Advance(90s);

  PopularityList restarted(dir_.File("popularity.replica"), clock_, registry_);
  restarted.Load();
  EXPECT_THAT(Renew(restarted), HasCode(absl::StatusCode::kUnavailable));
  EXPECT_THAT(Channels(restarted), ElementsAre("2", "1"));
  EXPECT_EQ(restarted.publication().size(), 2u);
  EXPECT_EQ(restarted.age(), 90s);
}

TEST_F(RenewPopularityTest, AnEmptiedDatabaseDoesNotEmptyTheList) {
  store_.plays = {{ChannelId("1"), kNow, 5}};
  ASSERT_THAT(Renew(list_), IsOk());
  store_.plays.clear();
  clock_.Advance(1min);
  ASSERT_THAT(Renew(list_), IsOk());
  EXPECT_THAT(Channels(list_), ElementsAre("1"));
  EXPECT_EQ(list_.age(), 60s);
}

TEST_F(RenewPopularityTest, ADamagedCopyOnDiskIsNotUsed) {
  PopularityList list(dir_.path() + "/absent/popularity.replica", clock_, registry_);
  list.Load();
  EXPECT_FALSE(list.loaded());
  EXPECT_THAT(Channels(list), testing::IsEmpty());
}

}  // namespace
}  // namespace holdfast::analytics

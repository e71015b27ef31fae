#include "services/analytics/pg_store.h"

#include <gmock/gmock.h>

#include <span>
#include <thread>

#include "libs/storage/pg_migrate.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/test_postgres.h"

namespace holdfast::analytics {

std::span<const storage::Migration> Migrations();

namespace {

using namespace std::chrono_literals;
using test::IsOk;
using test::TestPostgres;
using testing::ElementsAre;
using testing::IsEmpty;

const WallTime kNow = FromEpochSeconds(1767348000);  // 10:00 UTC
const ReportRange kDay{.from = kNow - 12h, .to = kNow + 12h, .limit = 100};

Deadline Soon() { return Deadline::After(20s); }

class PgStoreTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_THAT(storage::Migrate(pool_, Migrations(), Soon()), IsOk()); }

  PlaybackEvent Event(EventKind kind, const char* channel, const char* edge, Duration after = 0s) {
    return {.id = EventId("e" + std::to_string(next_id_++)),
            .kind = kind,
            .channel = ChannelId(channel),
            .edge = EdgeId(edge),
            .error = kind == EventKind::kError ? "stall" : "",
            .at = kNow + std::chrono::duration_cast<WallTime::duration>(after)};
  }

  int Record(const std::vector<PlaybackEvent>& events) {
    const absl::StatusOr<int> counted = store_.Record(Soon(), events);
    EXPECT_THAT(counted, IsOk());
    return counted.value_or(-1);
  }

  std::vector<CountsRow> ByChannel(const ReportRange& range = kDay) {
    return store_.CountByChannel(Soon(), range).value();
  }

  int next_id_ = 0;
  TestPostgres& server_ = TestPostgres::Shared();
  telemetry::Metrics metrics_;
  storage::PgPool pool_{{.hosts = server_.host() + ":" + std::to_string(server_.port()),
                         .database = server_.NewDatabase(),
                         .user = server_.user()},
                        metrics_};
  PgStore store_{pool_};
};

TEST_F(PgStoreTest, CountsByChannelEdgeAndError) {
  EXPECT_EQ(
      Record({Event(EventKind::kPlay, "1", "edge-a"), Event(EventKind::kPlay, "1", "edge-b"),
              Event(EventKind::kStop, "1", "edge-a"), Event(EventKind::kHeartbeat, "1", ""),
              Event(EventKind::kZap, "2", "edge-a"), Event(EventKind::kError, "2", "edge-a")}),
      6);
  EXPECT_THAT(ByChannel(), ElementsAre(CountsRow{"1", {.plays = 2, .stops = 1, .heartbeats = 1}},
                                       CountsRow{"2", {.errors = 1, .zaps = 1}}));
  EXPECT_THAT(store_.CountByEdge(Soon(), kDay).value(),
              ElementsAre(CountsRow{"edge-a", {.plays = 1, .stops = 1, .errors = 1, .zaps = 1}},
                          CountsRow{"edge-b", {.plays = 1}}));
  EXPECT_THAT(store_.CountErrors(Soon(), kDay).value(), ElementsAre(ErrorCount{"stall", 1}));
}

TEST_F(PgStoreTest, AnIdCountsOnceWithinAndAcrossBatches) {
  const PlaybackEvent event = Event(EventKind::kPlay, "1", "edge-a");
  EXPECT_EQ(Record({event, event}), 1);
  EXPECT_EQ(Record({event, Event(EventKind::kPlay, "1", "edge-a")}), 1);
  EXPECT_THAT(ByChannel(), ElementsAre(CountsRow{"1", {.plays = 2}}));
  EXPECT_EQ(Record({}), 0);
}

TEST_F(PgStoreTest, ReportsCoverWholeMinutesOfTheRange) {
  Record({Event(EventKind::kPlay, "1", ""), Event(EventKind::kPlay, "1", "", 59s),
          Event(EventKind::kPlay, "1", "", 60s)});
  EXPECT_THAT(ByChannel({.from = kNow, .to = kNow + 60s, .limit = 10}),
              ElementsAre(CountsRow{"1", {.plays = 2}}));
  EXPECT_THAT(ByChannel({.from = kNow + 60s, .to = kNow + 120s, .limit = 10}),
              ElementsAre(CountsRow{"1", {.plays = 1}}));
  EXPECT_THAT(ByChannel({.from = kNow + 120s, .to = kNow + 180s, .limit = 10}), IsEmpty());
}

TEST_F(PgStoreTest, ReportsShowTheMostPlayedFirst) {
  Record({Event(EventKind::kPlay, "b", ""), Event(EventKind::kPlay, "a", ""),
          Event(EventKind::kPlay, "c", ""), Event(EventKind::kPlay, "c", "")});
  ReportRange two = kDay;
  two.limit = 2;
  EXPECT_THAT(ByChannel(two),
              ElementsAre(CountsRow{"c", {.plays = 2}}, CountsRow{"a", {.plays = 1}}));
}

TEST_F(PgStoreTest, PlaysAreSummedPerHourForPopularity) {
  Record({Event(EventKind::kPlay, "1", "", -61min), Event(EventKind::kPlay, "1", "", 1min),
          Event(EventKind::kPlay, "1", "", 59min), Event(EventKind::kZap, "1", "")});
  const std::vector<HourPlays> plays = store_.PlaysSince(Soon(), kNow).value();
  ASSERT_EQ(plays.size(), 1u);
  EXPECT_EQ(plays[0].hour, kNow);
  EXPECT_EQ(plays[0].plays, 2);
  EXPECT_EQ(store_.PlaysSince(Soon(), kNow - 2h).value().size(), 2u);
}

TEST_F(PgStoreTest, WritersOfTheSameSumsDoNotBlockEachOther) {
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 4; ++writer) {
    writers.emplace_back([this, writer] {
      for (int batch = 0; batch < 20; ++batch) {
        std::vector<PlaybackEvent> events;
        for (int i = 0; i < 50; ++i) {
          PlaybackEvent event{.kind = EventKind::kPlay, .at = kNow};
          // Each id is reported by two writers, in opposite order.
          event.id = EventId(std::to_string(writer / 2) + "." + std::to_string(batch) + "." +
                             std::to_string(writer % 2 == 0 ? i : 49 - i));
          event.channel = ChannelId(std::to_string((i + writer) % 7));
          events.push_back(event);
        }
        EXPECT_THAT(store_.Record(Soon(), events), IsOk());
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  std::int64_t plays = 0;
  for (const CountsRow& row : ByChannel()) plays += row.counts.plays;
  EXPECT_EQ(plays, 2 * 20 * 50);
}

TEST_F(PgStoreTest, RemovesIdsAndSumsByTheirOwnAge) {
  const PlaybackEvent old = Event(EventKind::kError, "1", "edge-a", -10h);
  Record({old, Event(EventKind::kPlay, "1", "edge-a")});
  ASSERT_THAT(store_.RemoveBefore(Soon(), kNow - 1h, kNow - 20h), IsOk());
  EXPECT_THAT(ByChannel(), ElementsAre(CountsRow{"1", {.plays = 1, .errors = 1}}));
  EXPECT_EQ(Record({old}), 1) << "its id was removed";

  ASSERT_THAT(store_.RemoveBefore(Soon(), kNow - 20h, kNow - 1h), IsOk());
  EXPECT_THAT(ByChannel(), ElementsAre(CountsRow{"1", {.plays = 1}}));
  EXPECT_THAT(store_.CountErrors(Soon(), kDay).value(), IsEmpty());
  EXPECT_EQ(Record({old}), 0) << "its id was kept";
}

}  // namespace
}  // namespace holdfast::analytics

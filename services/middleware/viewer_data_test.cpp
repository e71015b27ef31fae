// What belongs to viewers, against a real PostgreSQL: nothing that was acknowledged goes out of
// sight, whoever writes it, when, and through which instance.
#include "services/middleware/viewer_data.h"

#include <gmock/gmock.h>

#include <functional>
#include <span>
#include <thread>
#include <utility>

#include "libs/storage/pg_migrate.h"
#include "libs/testing/fake_clock.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/temp_dir.h"
#include "libs/testing/test_postgres.h"
#include "services/middleware/convert_items.h"
#include "services/middleware/pg_store.h"

namespace holdfast::middleware {

std::span<const storage::Migration> Migrations();

namespace {

using namespace std::chrono_literals;
using test::HasCode;
using test::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Kind = ViewerItem::Kind;
using Path = ViewerData::Path;

constexpr std::int64_t kNow = 1767348000;
constexpr const char* kViewer = "acc-1";

Deadline Soon() { return Deadline::After(10s); }

ViewerItem Item(Kind kind, std::string key, std::optional<std::string> text = "x",
                std::int64_t at_ms = 0, std::int64_t sequence = 0) {
  return {.kind = kind,
          .key = std::move(key),
          .text = std::move(text),
          .at_ms = at_ms,
          .sequence = sequence};
}

// Something happens after the database was read and before the answer is used.
class WatchedStore : public PgStore {
 public:
  using PgStore::PgStore;
  absl::StatusOr<std::vector<ViewerItem>> LoadViewer(Deadline deadline,
                                                     const std::string& viewer) override {
    auto read = PgStore::LoadViewer(deadline, viewer);
    if (after_reading) std::exchange(after_reading, nullptr)();
    return read;
  }
  std::function<void()> after_reading;
};

// One instance of the service, as far as it holds viewers' items.
struct Instance {
  Instance(storage::PgPool& pool, const Clock& clock, const std::string& name)
      : store(pool),
        spool(*storage::DiskSpool::Open(
            {.directory = dir.path() + "/spool",
             .name = name,
             .durability = storage::DiskSpool::Options::Durability::kWrite},
            metrics)),
        data({.file = "", .instance = name}, store, *spool, database, workers, clock, metrics) {}

  std::vector<std::string> Keys(Kind kind) {
    std::vector<std::string> keys;
    const ViewerData::Loaded loaded = data.Load(kViewer, Soon());
    for (const ViewerItem* item : loaded.items->Newest(kind)) {
      keys.push_back(item->key);
    }
    return keys;
  }
  std::string TextOf(Kind kind, const std::string& key) {
    const auto loaded = data.Load(kViewer, Soon());
    const ViewerItem* item = loaded.items->Find(kind, key);
    return item == nullptr ? "" : *item->text;
  }
  absl::StatusOr<ViewerData::Written> Save(ViewerItem item, Path path = Path::kDatabaseFirst) {
    return data.Save(kViewer, {std::move(item)}, path, Soon());
  }

  test::TempDir dir;
  telemetry::Metrics metrics;
  WatchedStore store;
  std::unique_ptr<storage::DiskSpool> spool;
  DatabaseHealth database;
  WorkerPool workers{WorkerPool::Options{.threads = 2}};
  ViewerData data;
};

class ViewerDataTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_THAT(storage::Migrate(pool_, Migrations(), Soon()), IsOk()); }

  std::int64_t Rows(const std::string& condition = "true") {
    const auto rows = pool_.Query(
        Soon(), "SELECT count(*) FROM viewer_item WHERE viewer = 'acc-1' AND " + condition);
    EXPECT_THAT(rows, IsOk());
    return rows.ok() ? rows->Int(0, 0) : -1;
  }
  // So many favourite films, without a call for each.
  void HaveFilms(std::size_t count, std::size_t removed = 0) {
    const auto fill = pool_.Query(
        Soon(),
        "INSERT INTO viewer_item (viewer, kind, item_key, content, at_ms) "
        "SELECT 'acc-1', 3, n, CASE WHEN n <= $2 THEN NULL ELSE ''::bytea END, 1000 + n "
        "FROM generate_series(1, $1::bigint) AS n",
        static_cast<std::int64_t>(count), static_cast<std::int64_t>(removed));
    ASSERT_THAT(fill, IsOk());
  }

  test::TestPostgres& server_ = test::TestPostgres::Shared();
  telemetry::Metrics metrics_;
  storage::PgPool pool_{{.hosts = server_.host() + ":" + std::to_string(server_.port()),
                         .database = server_.NewDatabase(),
                         .user = server_.user()},
                        metrics_};
  test::FakeClock clock_{FromEpochSeconds(kNow)};
  Instance a_{pool_, clock_, "middleware-a"};
  Instance b_{pool_, clock_, "middleware-b"};
};

// -- How much ---------------------------------------------------------------------------------

TEST_F(ViewerDataTest, WhatIsBeyondTheLimitIsRefusedAndWhatIsThereMayChange) {
  HaveFilms(kMaxViewerItems);
  EXPECT_THAT(a_.Save(Item(Kind::kReminder, "1_5")),
              HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(Rows(), static_cast<std::int64_t>(kMaxViewerItems));
  EXPECT_THAT(a_.Save(Item(Kind::kFavouriteFilm, "7", "changed")), IsOk());
  EXPECT_THAT(a_.Save(Item(Kind::kHistory, "9")), IsOk());  // its own limits
  EXPECT_THAT(a_.Save(Item(Kind::kFavouriteFilm, "8", std::nullopt)), IsOk());
  EXPECT_THAT(a_.Save(Item(Kind::kReminder, "1_5")), IsOk());
  EXPECT_THAT(a_.Keys(Kind::kReminder), ElementsAre("1_5"));
  EXPECT_THAT(a_.Keys(Kind::kFavouriteFilm), SizeIs(kMaxViewerItems - 1));
}

TEST_F(ViewerDataTest, WhatIsBeyondTheLimitIsRefusedInAnOutageToo) {
  HaveFilms(kMaxViewerItems);
  EXPECT_THAT(a_.Keys(Kind::kFavouriteFilm), SizeIs(kMaxViewerItems));
  a_.database.Set(false);
  EXPECT_THAT(a_.Save(Item(Kind::kReminder, "1_5")),
              HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(a_.Save(Item(Kind::kFavouriteFilm, "7", "changed")), IsOk());
  EXPECT_EQ(a_.spool->pending_records(), 1u);
}

TEST_F(ViewerDataTest, RemovalsTakeNoPlaceAndHideNothing) {
  HaveFilms(20'000, /*removed=*/19'990);
  EXPECT_THAT(a_.Keys(Kind::kFavouriteFilm), SizeIs(10));
  EXPECT_THAT(a_.Save(Item(Kind::kReminder, "1_5")), IsOk());
  EXPECT_THAT(b_.Keys(Kind::kReminder), ElementsAre("1_5"));
}

TEST_F(ViewerDataTest, RemovingWhatIsNotThereWritesNothing) {
  for (const char* key : {"1_5", "77", "list"}) {
    EXPECT_THAT(a_.Save(Item(Kind::kReminder, key, std::nullopt)), IsOk());
  }
  EXPECT_EQ(Rows(), 0);
  EXPECT_THAT(a_.Save(Item(Kind::kReminder, "1_5")), IsOk());
  EXPECT_THAT(a_.Save(Item(Kind::kReminder, "1_5", std::nullopt)), IsOk());
  EXPECT_EQ(Rows("content IS NULL"), 1);
  EXPECT_THAT(b_.Keys(Kind::kReminder), IsEmpty());
}

TEST_F(ViewerDataTest, OneViewerCannotFillTheDiskOfAllInAnOutage) {
  a_.database.Set(false);
  std::vector<ViewerItem> many;
  for (int i = 0; i < 5000; ++i) many.push_back(Item(Kind::kHistory, std::to_string(i)));
  EXPECT_THAT(a_.data.Save(kViewer, many, Path::kDiskFirst, Soon()), IsOk());
  EXPECT_THAT(a_.data.Save("acc-2", {Item(Kind::kHistory, "1")}, Path::kDiskFirst, Soon()), IsOk());
  for (ViewerItem& item : many) item.key += "b";
  EXPECT_THAT(a_.data.Save(kViewer, many, Path::kDiskFirst, Soon()), IsOk());
  EXPECT_THAT(a_.Save(Item(Kind::kHistory, "one-more"), Path::kDiskFirst),
              HasCode(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(a_.data.Save("acc-2", {Item(Kind::kHistory, "2")}, Path::kDiskFirst, Soon()), IsOk());
}

TEST_F(ViewerDataTest, KeysThatNoDatabaseTakesAreRefusedAndHoldUpNobody) {
  for (const char* key : {"", "\xff\xfe", "a b", "1\n2"}) {
    EXPECT_THAT(a_.Save(Item(Kind::kReminder, key, std::nullopt)),
                HasCode(absl::StatusCode::kInvalidArgument));
  }
  // One that an older release left on disk.
  v1::StoredViewerItem bad = ToProto(kViewer, Item(Kind::kReminder, "k", "x", 5));
  std::string record = bad.SerializeAsString();
  record[record.find('k')] = '\0';
  ASSERT_THAT(a_.spool->Append(record), IsOk());
  EXPECT_THAT(a_.Save(Item(Kind::kHistory, "9"), Path::kDiskFirst), IsOk());
  EXPECT_THAT(a_.data.Flush(Soon()), IsOk());
  EXPECT_EQ(a_.spool->pending_records(), 0u);
  EXPECT_THAT(b_.Keys(Kind::kHistory), ElementsAre("9"));
}

TEST_F(ViewerDataTest, OldRemovalsAreForgottenAndNothingElse) {
  const std::int64_t now_ms = kNow * 1000, day_ms = 86'400'000;
  ASSERT_THAT(
      a_.store.SaveViewerItems(
          Soon(), {{kViewer, Item(Kind::kReminder, "old", std::nullopt, now_ms - 31 * day_ms)},
                   {kViewer, Item(Kind::kReminder, "new", std::nullopt, now_ms - 29 * day_ms)},
                   {kViewer, Item(Kind::kReminder, "kept", "x", now_ms - 400 * day_ms)}}),
      IsOk());
  a_.database.Set(false);
  EXPECT_THAT(a_.data.ForgetRemoved(Soon()), IsOk());
  EXPECT_EQ(Rows(), 3);  // quiet while the database is away
  a_.database.Set(true);
  EXPECT_THAT(a_.data.ForgetRemoved(Soon()), IsOk());
  EXPECT_EQ(Rows("item_key = 'old'"), 0);
  EXPECT_EQ(Rows("item_key IN ('new', 'kept')"), 2);
}

TEST_F(ViewerDataTest, MoreRemovalsThanOneRoundTakesAreForgottenToo) {
  HaveFilms(12'000, /*removed=*/11'999);
  EXPECT_THAT(a_.data.ForgetRemoved(Soon()), IsOk());
  EXPECT_EQ(Rows(), 1);
}

// -- Which write stays ------------------------------------------------------------------------

TEST_F(ViewerDataTest, AWriteThatComesLateIsAnsweredWithWhatIsKept) {
  const std::int64_t at = kNow * 1000 - 60'000;
  ASSERT_THAT(a_.Save(Item(Kind::kResumePoint, "5", "later", at)), IsOk());
  ASSERT_OK_AND_ASSIGN(auto late, b_.Save(Item(Kind::kResumePoint, "5", "earlier", at - 1)));
  ASSERT_THAT(late.held, SizeIs(1));
  EXPECT_EQ(late.held[0].text, "later");
  EXPECT_EQ(late.held[0].at_ms, at);
  EXPECT_EQ(b_.TextOf(Kind::kResumePoint, "5"), "later");
  // Within a millisecond the sequence decides; the same write again is no other.
  ASSERT_OK_AND_ASSIGN(late, b_.Save(Item(Kind::kResumePoint, "5", "second", at, 2)));
  EXPECT_EQ(late.held[0].text, "second");
  ASSERT_OK_AND_ASSIGN(late, a_.Save(Item(Kind::kResumePoint, "5", "first", at, 1)));
  EXPECT_EQ(late.held[0].text, "second");
}

TEST_F(ViewerDataTest, AWriteThatComesLateIsNoneWithTheDatabaseAwayEither) {
  const std::int64_t at = kNow * 1000 - 60'000;
  ASSERT_THAT(a_.Save(Item(Kind::kResumePoint, "5", "in the database", at)), IsOk());
  EXPECT_EQ(a_.TextOf(Kind::kResumePoint, "5"), "in the database");
  a_.database.Set(false);
  ASSERT_OK_AND_ASSIGN(auto written, a_.Save(Item(Kind::kResumePoint, "5", "earlier", at - 1)));
  EXPECT_EQ(written.held[0].text, "in the database");
  EXPECT_TRUE(written.degraded);
  EXPECT_EQ(a_.spool->pending_records(), 0u);
  ASSERT_OK_AND_ASSIGN(written, a_.Save(Item(Kind::kResumePoint, "5", "later", at + 1)));
  EXPECT_EQ(written.held[0].text, "later");
  // An instance that knows nothing takes it; the database decides when it returns.
  b_.database.Set(false);
  ASSERT_THAT(b_.Save(Item(Kind::kResumePoint, "5", "from b, earlier", at)), IsOk());
  a_.database.Set(true);
  b_.database.Set(true);
  ASSERT_THAT(a_.data.Flush(Soon()), IsOk());
  ASSERT_THAT(b_.data.Flush(Soon()), IsOk());
  EXPECT_EQ(a_.TextOf(Kind::kResumePoint, "5"), "later");
  EXPECT_EQ(b_.TextOf(Kind::kResumePoint, "5"), "later");
}

TEST_F(ViewerDataTest, WhatABoxDoesIsTheNewestWhateverTheClocksSay) {
  ASSERT_THAT(a_.Save(Item(Kind::kResumePoint, "5", "a clock that is ahead", kNow * 1000 + 90'000)),
              IsOk());
  ASSERT_OK_AND_ASSIGN(const auto written, b_.Save(Item(Kind::kResumePoint, "5", "the box")));
  EXPECT_EQ(written.held[0].text, "the box");
  EXPECT_EQ(a_.TextOf(Kind::kResumePoint, "5"), "the box");
  ASSERT_THAT(b_.Save(Item(Kind::kResumePoint, "5", std::nullopt)), IsOk());
  EXPECT_EQ(a_.TextOf(Kind::kResumePoint, "5"), "");
  ASSERT_THAT(b_.Save(Item(Kind::kResumePoint, "5", "again")), IsOk());
  EXPECT_EQ(a_.TextOf(Kind::kResumePoint, "5"), "again");
}

// -- Copies -----------------------------------------------------------------------------------

TEST_F(ViewerDataTest, AFewItemsAreNotTakenForTheWhole) {
  ASSERT_THAT(a_.Save(Item(Kind::kReminder, "1_1")), IsOk());
  ASSERT_THAT(b_.Save(Item(Kind::kReminder, "2_2")), IsOk());  // b never read the viewer
  EXPECT_EQ(b_.data.Known(kViewer), nullptr);
  EXPECT_THAT(b_.Keys(Kind::kReminder), ElementsAre("2_2", "1_1"));
  b_.database.Set(false);
  const auto in_outage = b_.data.Load(kViewer, Soon());
  EXPECT_TRUE(in_outage.degraded);
  EXPECT_THAT(in_outage.items->Newest(Kind::kReminder), SizeIs(2));
}

TEST_F(ViewerDataTest, WhatWaitsOnDiskIsKnownAlsoWithoutACopy) {
  a_.database.Set(false);
  EXPECT_EQ(a_.data.Known(kViewer), nullptr);
  ASSERT_OK_AND_ASSIGN(const auto written, a_.Save(Item(Kind::kReminder, "1_1")));
  EXPECT_TRUE(written.degraded);
  ASSERT_NE(a_.data.Known(kViewer), nullptr);
  EXPECT_NE(a_.data.Known(kViewer)->Find(Kind::kReminder, "1_1"), nullptr);
}

TEST_F(ViewerDataTest, WritersOfOneViewerLoseNothingOfEachOther) {
  ASSERT_THAT(a_.Keys(Kind::kReminder), IsEmpty());  // a copy is there
  std::vector<std::thread> writers;
  for (int w = 0; w < 8; ++w) {
    writers.emplace_back([this, w] {
      for (int i = 0; i < 25; ++i) {
        const auto path = w % 2 == 0 ? Path::kDiskFirst : Path::kDatabaseFirst;
        EXPECT_THAT(a_.Save(Item(Kind::kReminder, std::to_string(w * 100 + i)), path), IsOk());
        if (i % 5 == 0) a_.data.Load(kViewer, Soon());
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  a_.database.Set(false);
  EXPECT_THAT(a_.Keys(Kind::kReminder), SizeIs(200));
  a_.database.Set(true);
  ASSERT_THAT(a_.data.Flush(Soon()), IsOk());
  EXPECT_THAT(b_.Keys(Kind::kReminder), SizeIs(200));
}

TEST_F(ViewerDataTest, AWriteDuringAReadIsInTheCopy) {
  ASSERT_THAT(a_.Keys(Kind::kReminder), IsEmpty());
  a_.store.after_reading = [this] { EXPECT_THAT(a_.Save(Item(Kind::kReminder, "1_1")), IsOk()); };
  a_.data.Load(kViewer, Soon());
  ASSERT_NE(a_.data.Known(kViewer), nullptr);
  EXPECT_NE(a_.data.Known(kViewer)->Find(Kind::kReminder, "1_1"), nullptr);
}

TEST_F(ViewerDataTest, AWriteDuringTheFirstReadIsNotMissingInTheCopy) {
  a_.store.after_reading = [this] { EXPECT_THAT(a_.Save(Item(Kind::kReminder, "1_1")), IsOk()); };
  a_.data.Load(kViewer, Soon());
  EXPECT_EQ(a_.data.Known(kViewer), nullptr);  // rather none than one without it
  EXPECT_THAT(a_.Keys(Kind::kReminder), ElementsAre("1_1"));
  ASSERT_NE(a_.data.Known(kViewer), nullptr);
}

TEST_F(ViewerDataTest, WhatIsDeliveredDuringAReadIsInTheAnswer) {
  ASSERT_THAT(a_.Save(Item(Kind::kHistory, "9"), Path::kDiskFirst), IsOk());
  a_.store.after_reading = [this] { EXPECT_THAT(a_.data.Flush(Soon()), IsOk()); };
  EXPECT_NE(a_.data.Load(kViewer, Soon()).items->Find(Kind::kHistory, "9"), nullptr);
}

// -- History ----------------------------------------------------------------------------------

TEST_F(ViewerDataTest, PagesOfHistoryJoinToAllOfItAndNotOnlyToWhatIsInMemory) {
  const auto fill = pool_.Query(Soon(),
                                "INSERT INTO viewer_item (viewer, kind, item_key, content, at_ms) "
                                "SELECT 'acc-1', 2, n, ''::bytea, n / 3 "
                                "FROM generate_series(1001, 1500) AS n");
  ASSERT_THAT(fill, IsOk());
  ASSERT_THAT(a_.Save(Item(Kind::kHistory, "2000"), Path::kDiskFirst), IsOk());  // waits on disk
  std::vector<std::string> keys;
  ItemPosition after;
  for (int pages = 0; pages < 100; ++pages) {
    const auto page = a_.data.History(kViewer, after, 7, Soon());
    EXPECT_FALSE(page.degraded);
    for (const ViewerItem& item : page.items) keys.push_back(item.key);
    if (!page.more) break;
    EXPECT_THAT(page.items, SizeIs(7));
    after = PositionOf(page.items.back());
  }
  ASSERT_THAT(keys, SizeIs(501));
  EXPECT_EQ(keys.front(), "2000");
  for (std::size_t i = 0; i < 500; ++i) EXPECT_EQ(keys[i + 1], std::to_string(1500 - i));
}

TEST_F(ViewerDataTest, InAnOutageHistoryIsWhatThisInstanceHas) {
  ASSERT_THAT(a_.Save(Item(Kind::kHistory, "1")), IsOk());
  clock_.Advance(1s);
  ASSERT_THAT(a_.Keys(Kind::kHistory), ElementsAre("1"));
  a_.database.Set(false);
  ASSERT_THAT(a_.Save(Item(Kind::kHistory, "2"), Path::kDiskFirst), IsOk());
  const auto page = a_.data.History(kViewer, {}, 50, Soon());
  EXPECT_TRUE(page.degraded);
  ASSERT_THAT(page.items, SizeIs(2));
  EXPECT_EQ(page.items[0].key, "2");
}

TEST(ViewerItemsTest, HoldAsMuchAsTheyAreGivenExceptForOldHistory) {
  ViewerItems items;
  for (int i = 0; i < 6000; ++i) items.Merge(Item(Kind::kReminder, std::to_string(i), "x", i));
  for (int i = 0; i < 250; ++i) items.Merge(Item(Kind::kHistory, std::to_string(i), "x", i));
  EXPECT_EQ(items.CountLimited(), 6000u);
  const auto history = items.Newest(Kind::kHistory);
  ASSERT_THAT(history, SizeIs(kMaxHistory));
  EXPECT_EQ(history.front()->key, "249");
  EXPECT_EQ(history.back()->key, "50");
  items.Merge(Item(Kind::kReminder, "7", std::nullopt, 10'000));
  EXPECT_EQ(items.Find(Kind::kReminder, "7"), nullptr);
  ASSERT_NE(items.FindLatest(Kind::kReminder, "7"), nullptr);
  EXPECT_EQ(items.CountLimited(), 5999u);
}

}  // namespace
}  // namespace holdfast::middleware

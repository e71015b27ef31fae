// Import against a real PostgreSQL: what is taken over, what is refused, what stays.

#include "services/epg/importer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <fstream>

#include "libs/storage/pg_migrate.h"
#include "libs/testing/fake_clock.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/temp_dir.h"
#include "libs/testing/test_postgres.h"
#include "services/epg/jobs.h"
#include "services/epg/pg_store.h"

namespace holdfast::epg {

std::span<const storage::Migration> Migrations();

namespace {

using ::testing::SizeIs;
using namespace std::chrono_literals;

Deadline Soon() { return Deadline::After(20s); }

class ImporterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    EXPECT_THAT(storage::Migrate(postgres_, Migrations(), Soon()), test::IsOk());
    ASSERT_THAT(store_.PutSource(Soon(), {.name = "main", .uri = "file://" + path_}), test::IsOk());
  }

  static storage::PgOptions Options() {
    test::TestPostgres& server = test::TestPostgres::Shared();
    return {.hosts = "127.0.0.1:" + std::to_string(server.port()),
            .database = server.NewDatabase(),
            .user = server.user()};
  }

  // Programmes of an hour each on channel "a", from `from_hour` after now.
  std::string Feed(int from_hour, int count, std::string_view title) const {
    std::string xml = "<tv>";
    for (int i = 0; i < count; ++i) {
      const auto time = [&](int hour) {
        return TimeZone::Utc().Format("%Y%m%d%H%M%S +0000", clock_.Now() + std::chrono::hours(hour));
      };
      xml += fmt::format("<programme start='{}' stop='{}' channel='a'><title>{} {}</title></programme>",
                         time(from_hour + i), time(from_hour + i + 1), title, i);
    }
    return xml + "</tv>";
  }

  void Write(const std::string& bytes) { std::ofstream(path_, std::ios::binary) << bytes; }

  absl::StatusOr<ImportReport> Import(ImportMode mode = ImportMode::kNormal) {
    return importer_.Import(Soon(), "main", mode);
  }

  std::vector<std::string> Titles() {
    const absl::StatusOr<GuideChanges> all = store_.ChangesSince(Soon(), 0);
    EXPECT_THAT(all, test::IsOk());
    std::map<std::int64_t, std::string> by_start;
    for (const GuidePage& page : all->pages) {
      for (const Programme& p : page.programmes) by_start[p.start] = p.title;
    }
    std::vector<std::string> titles;
    for (auto& [start, title] : by_start) titles.push_back(title);
    return titles;
  }

  test::FakeClock clock_;
  test::TempDir dir_;
  const std::string path_ = dir_.File("guide.xml");
  telemetry::Metrics registry_;
  Metrics metrics_{registry_};
  storage::PgPool postgres_{Options(), registry_};
  PgStore store_{postgres_};
  Importer importer_{store_, metrics_, clock_, {}};
};

TEST_F(ImporterTest, TakesAGuideOver) {
  Write(Feed(0, 30, "show"));
  const absl::StatusOr<ImportReport> report = Import();
  ASSERT_THAT(report, test::IsOk());
  EXPECT_EQ(report->programmes_in_window, 30);
  EXPECT_THAT(Titles(), SizeIs(30));
}

TEST_F(ImporterTest, TheSameBytesChangeNothing) {
  Write(Feed(0, 30, "show"));
  ASSERT_THAT(Import(), test::IsOk());
  EXPECT_TRUE(Import()->unchanged);
  EXPECT_EQ(Import(ImportMode::kForce)->pages_changed, 0);
}

TEST_F(ImporterTest, OnlyChangedDaysGetANewRevision) {
  Write(Feed(-48, 96, "show"));
  ASSERT_THAT(Import(), test::IsOk());
  const std::uint64_t before = store_.ChangesSince(Soon(), 0)->revision;
  std::string feed = Feed(-48, 96, "show");
  feed.replace(feed.find("show 5<"), 7, "news 5<");
  Write(feed);
  EXPECT_EQ(Import()->pages_changed, 1);
  EXPECT_THAT(store_.ChangesSince(Soon(), before)->pages, SizeIs(1));
}

TEST_F(ImporterTest, WhatAFeedDoesNotMentionStays) {
  Write(Feed(-5, 10, "old"));
  ASSERT_THAT(Import(), test::IsOk());
  Write(Feed(0, 10, "new"));
  ASSERT_THAT(Import(), test::IsOk());
  const std::vector<std::string> titles = Titles();
  EXPECT_THAT(titles, SizeIs(15));
  EXPECT_EQ(titles.front(), "old 0");
  EXPECT_EQ(titles.back(), "new 9");
}

TEST_F(ImporterTest, AShrunkenStaleBrokenOrMissingFeedLeavesTheGuide) {
  Write(Feed(0, 30, "show"));
  ASSERT_THAT(Import(), test::IsOk());

  Write(Feed(0, 3, "rest"));
  EXPECT_THAT(Import(), test::HasMessage("shrank from 30 to 3"));
  Write(Feed(-40, 30, "past"));
  EXPECT_THAT(Import(), test::HasMessage("stale"));
  const std::string whole = Feed(0, 40, "cut");
  Write(whole.substr(0, whole.size() - 50));
  EXPECT_THAT(Import(), test::HasCode(absl::StatusCode::kInvalidArgument));
  Write("");
  EXPECT_FALSE(Import().ok());
  std::filesystem::remove(path_);
  EXPECT_THAT(Import(), test::HasCode(absl::StatusCode::kUnavailable));

  EXPECT_THAT(Titles(), SizeIs(30));
  EXPECT_NE(store_.FindSource(Soon(), "main")->last_error, "");
}

TEST_F(ImporterTest, ForceTakesAShrunkenFeedAndADryRunNothing) {
  Write(Feed(0, 30, "show"));
  ASSERT_THAT(Import(ImportMode::kDryRun), test::IsOk());
  EXPECT_THAT(Titles(), SizeIs(0));
  ASSERT_THAT(Import(), test::IsOk());
  Write(Feed(0, 3, "rest"));
  ASSERT_THAT(Import(ImportMode::kForce), test::IsOk());
  EXPECT_EQ(Titles().front(), "rest 0");
}

TEST_F(ImporterTest, ReadsGzipByItsMagicAndRefusesABrokenOne) {
  const std::string xml = Feed(0, 30, "show");
  std::string packed(compressBound(xml.size()) + 64, '\0');
  z_stream z = {};
  deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(xml.data()));
  z.avail_in = static_cast<uInt>(xml.size());
  z.next_out = reinterpret_cast<Bytef*>(packed.data());
  z.avail_out = static_cast<uInt>(packed.size());
  ASSERT_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
  packed.resize(z.total_out);
  deflateEnd(&z);

  Write(packed.substr(0, packed.size() / 2));
  EXPECT_FALSE(Import().ok());
  Write(packed);
  EXPECT_EQ(Import()->programmes_in_window, 30);
}

TEST_F(ImporterTest, AGzipBombIsRefused) {
  Importer small(store_, metrics_, clock_, {.max_bytes = 1000});
  Write(Feed(0, 100, "show"));
  EXPECT_THAT(small.Import(Soon(), "main", ImportMode::kNormal),
              test::HasCode(absl::StatusCode::kResourceExhausted));
}

TEST_F(ImporterTest, OldDaysAreRemovedAndFollowersAreTold) {
  Write(Feed(-72, 100, "show"));
  ASSERT_THAT(Import(), test::IsOk());
  const std::uint64_t before = store_.ChangesSince(Soon(), 0)->revision;
  EXPECT_GT(*store_.RemoveBefore(Soon(), DayOf(EpochSeconds(clock_.Now()) - 86400)), 0);
  const absl::StatusOr<GuideChanges> changes = store_.ChangesSince(Soon(), before);
  ASSERT_FALSE(changes->pages.empty());
  EXPECT_TRUE(changes->pages[0].programmes.empty());
}

TEST_F(ImporterTest, AnInstanceFollowsTheDatabaseAndPublishes) {
  Guide guide({.name = "guide", .file = dir_.File("guide.replica"), .refuse_shrink_below = 0}, clock_,
              registry_);
  replica::Publication publication({.name = "guide", .epoch = "epg"});
  FollowDatabase follow(store_, guide, publication, metrics_);

  ASSERT_THAT(follow.Run(Soon()), test::IsOk());
  EXPECT_EQ(publication.size(), 0u);
  Write(Feed(0, 30, "show"));
  ASSERT_THAT(Import(), test::IsOk());
  ASSERT_THAT(follow.Run(Soon()), test::IsOk());
  EXPECT_GE(publication.size(), 2u);
  EXPECT_EQ(publication.size(), guide.Current()->items.size());
  EXPECT_EQ(publication.revision(), guide.revision());

  Guide restarted({.name = "guide", .file = dir_.File("guide.replica"), .refuse_shrink_below = 0}, clock_,
                  registry_);
  ASSERT_THAT(restarted.LoadFromDisk(), test::IsOk());
  EXPECT_EQ(restarted.Current()->items.size(), guide.Current()->items.size());
  EXPECT_EQ(restarted.revision(), guide.revision());
}

TEST(CheckSource, NamesTheFieldAtFault) {
  EXPECT_THAT(CheckSource({.name = "Bad Name", .uri = "file:///x"}), test::HasMessage("name"));
  EXPECT_THAT(CheckSource({.name = "a", .uri = "ftp://x"}), test::HasMessage("uri"));
  EXPECT_THAT(CheckSource({.name = "a", .uri = "file:///x", .default_zone = "Mars/Base"}),
              test::HasMessage("default_zone"));
  EXPECT_THAT(CheckSource({.name = "a", .uri = "file:///x", .shift_minutes = 5000}),
              test::HasMessage("shift_minutes"));
}

}  // namespace
}  // namespace holdfast::epg

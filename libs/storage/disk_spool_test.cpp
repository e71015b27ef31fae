#include "libs/storage/disk_spool.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <thread>

#include "libs/storage/spool_segment.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/temp_dir.h"

namespace holdfast::storage {
namespace {

namespace fs = std::filesystem;
using test::HasCode;
using test::IsOk;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class DiskSpoolTest : public testing::Test {
 protected:
  DiskSpoolTest() { Reopen(); }

  void Reopen() {
    spool_.reset();
    auto opened = DiskSpool::Open(options_, metrics_);
    ASSERT_THAT(opened, IsOk());
    spool_ = *std::move(opened);
  }

  void Append(const std::vector<std::string>& records) {
    for (const auto& record : records) EXPECT_THAT(spool_->Append(record), IsOk());
  }

  std::vector<std::string> DrainAll(int at_most = 100) {
    std::vector<std::string> all;
    while (true) {
      auto count = spool_->Drain(at_most, [&](const std::vector<std::string>& records) {
        all.insert(all.end(), records.begin(), records.end());
        return absl::OkStatus();
      });
      EXPECT_THAT(count, IsOk());
      if (!count.ok() || *count == 0) return all;
    }
  }

  // The segment files, oldest first.
  std::vector<std::string> Segments() {
    std::set<std::string> paths;
    for (const auto& entry : fs::directory_iterator(options_.directory)) {
      if (entry.path().extension() == ".segment") paths.insert(entry.path());
    }
    return {paths.begin(), paths.end()};
  }

  test::TempDir dir_;
  telemetry::Metrics metrics_;
  DiskSpool::Options options_{.directory = dir_.File("spool"), .name = "history"};
  std::unique_ptr<DiskSpool> spool_;
};

TEST_F(DiskSpoolTest, GivesBackInOrderWhatWasAppended) {
  Append({"one", "", std::string("\0HFsp\xff", 6)});
  EXPECT_EQ(spool_->pending_records(), 3u);
  EXPECT_THAT(DrainAll(2), ElementsAre("one", "", std::string("\0HFsp\xff", 6)));
  EXPECT_EQ(spool_->pending_records(), 0u);
  EXPECT_EQ(spool_->pending_bytes(), 0u);
}

TEST_F(DiskSpoolTest, KeepsWhatWasNotDelivered) {
  Append({"one", "two"});
  EXPECT_THAT(spool_->Drain(10, [](const auto&) { return Unavailable("still away"); }),
              HasCode(absl::StatusCode::kUnavailable));
  EXPECT_EQ(spool_->pending_records(), 2u);
  EXPECT_THAT(DrainAll(), ElementsAre("one", "two"));
}

TEST_F(DiskSpoolTest, RemembersOverARestartWhatIsLeft) {
  Append({"one", "two", "three"});
  EXPECT_THAT(spool_->Drain(1, [](const auto&) { return absl::OkStatus(); }), IsOk());
  Reopen();
  EXPECT_EQ(spool_->pending_records(), 2u);
  Append({"four"});
  EXPECT_THAT(DrainAll(), ElementsAre("two", "three", "four"));
  Reopen();
  EXPECT_THAT(DrainAll(), IsEmpty());
}

TEST_F(DiskSpoolTest, WithoutTheDeliveryNoteEverythingIsDeliveredAgain) {
  Append({"one", "two"});
  EXPECT_THAT(spool_->Drain(1, [](const auto&) { return absl::OkStatus(); }), IsOk());
  std::ofstream(options_.directory + "/delivered") << "nonsense";
  Reopen();
  EXPECT_THAT(DrainAll(), ElementsAre("one", "two"));
}

TEST_F(DiskSpoolTest, ACrashAtAnyByteCostsAtMostTheRecordThatWasBeingWritten) {
  Append({"first", "second", "third"});
  const std::string file = Segments().back();
  const auto whole = fs::file_size(file);
  std::ifstream in(file, std::ios::binary);
  const std::string content((std::istreambuf_iterator<char>(in)), {});
  const std::vector<std::string> all = {"first", "second", "third"};
  for (std::uintmax_t size = 0; size <= whole; ++size) {
    spool_.reset();
    fs::remove_all(options_.directory);
    fs::create_directories(options_.directory);
    std::ofstream(file, std::ios::binary) << content.substr(0, size);
    Reopen();
    std::size_t end = 0;
    std::size_t complete = 0;
    while (complete < all.size() && end + kFrameHeader + all[complete].size() <= size) {
      end += kFrameHeader + all[complete++].size();
    }
    EXPECT_EQ(spool_->pending_records(), complete);
    Append({"after"});
    std::vector<std::string> expected(all.begin(), all.begin() + static_cast<long>(complete));
    expected.push_back("after");
    EXPECT_EQ(DrainAll(), expected) << "cut at " << size;
  }
  EXPECT_THAT(metrics_.Scrape(), HasSubstr("holdfast_spool_lost_total{spool=\"history\"} 0"));
}

TEST_F(DiskSpoolTest, ADamagedRecordInTheMiddleIsSkippedAndCounted) {
  Append({"first", "second", "third"});
  const std::string file = Segments().back();
  for (const std::size_t damage : {std::size_t{0}, std::size_t{5}, kFrameHeader + 1}) {
    spool_.reset();
    std::fstream io(file, std::ios::in | std::ios::out | std::ios::binary);
    io.seekp(static_cast<std::streamoff>(kFrameHeader + 5 + damage));  // in the second
    io.put('#');
  }
  Reopen();
  EXPECT_THAT(DrainAll(), ElementsAre("first", "third"));
  EXPECT_THAT(metrics_.Scrape(), HasSubstr("holdfast_spool_lost_total{spool=\"history\"} 1"));
}

TEST_F(DiskSpoolTest, AnyDamageNeverInventsARecord) {
  const std::uint64_t seed = std::random_device{}();
  RecordProperty("seed", static_cast<int>(seed));
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  std::string good;
  std::set<std::string> written;
  for (int i = 0; i < 50; ++i) {
    const std::string record = "record " + std::to_string(i) + std::string(random() % 40, 'x');
    written.insert(record);
    AppendFrame(good, record);
  }
  for (int round = 0; round < 2000; ++round) {
    std::string bad = good;
    for (std::uint64_t flips = random() % 10 + 1; flips > 0; --flips) {
      bad[random() % bad.size()] = static_cast<char>(random());
    }
    if (round % 3 == 0) bad.resize(random() % bad.size());
    FrameReader reader(bad);
    std::string_view record;
    while (reader.Next(record)) EXPECT_TRUE(written.contains(std::string(record)));
  }
}

TEST_F(DiskSpoolTest, RefusesWhenFullAndCountsIt) {
  spool_.reset();
  options_.max_bytes = 100;
  Reopen();
  Append({std::string(60, 'a')});
  EXPECT_THAT(spool_->Append(std::string(60, 'b')), HasCode(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(metrics_.Scrape(), HasSubstr("holdfast_spool_lost_total{spool=\"history\"} 1"));
  EXPECT_THAT(DrainAll(), ElementsAre(std::string(60, 'a')));
  Append({std::string(60, 'c')});
}

TEST_F(DiskSpoolTest, DeletesSegmentsThatWereDelivered) {
  const std::string big(1 << 20, 'x');
  for (int i = 0; i < 12; ++i) Append({big + std::to_string(i)});
  EXPECT_EQ(Segments().size(), 3u);
  const std::vector<std::string> all = DrainAll(5);
  ASSERT_EQ(all.size(), 12u);
  for (int i = 0; i < 12; ++i) EXPECT_EQ(all[static_cast<std::size_t>(i)], big + std::to_string(i));
  EXPECT_EQ(Segments().size(), 1u);
}

TEST_F(DiskSpoolTest, ManyAppendWhileOneDrainsAndNothingIsLostOrDoubled) {
  constexpr int kThreads = 8;
  constexpr int kEach = 200;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < kEach; ++i) Append({std::to_string(t) + "/" + std::to_string(i)});
    });
  }
  std::multiset<std::string> seen;
  while (seen.size() < kThreads * kEach) {
    for (auto& record : DrainAll(7)) seen.insert(std::move(record));
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), seen.size());
  EXPECT_EQ(spool_->pending_records(), 0u);
}

TEST_F(DiskSpoolTest, BelongsToOneProcess) {
  EXPECT_THAT(DiskSpool::Open(options_, metrics_), HasCode(absl::StatusCode::kFailedPrecondition));
}

TEST_F(DiskSpoolTest, AFolderThatCannotBeMadeIsAnError) {
  std::ofstream(dir_.File("file")) << "x";
  EXPECT_FALSE(DiskSpool::Open({.directory = dir_.File("file") + "/spool"}, metrics_).ok());
}

}  // namespace
}  // namespace holdfast::storage

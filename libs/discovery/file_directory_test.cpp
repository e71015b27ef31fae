// What only a file has: half writes, links that are swapped, mistakes of people.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "absl/synchronization/mutex.h"
#include "libs/discovery/directory.h"
#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/temp_dir.h"

namespace holdfast::discovery {
namespace {

using namespace std::chrono_literals;
using test::Eventually;

class FileDirectoryTest : public ::testing::Test {
 protected:
  void Open(const std::string& path) {
    const Options options{.spec = "file:" + path, .file_interval = interval_};
    ASSERT_OK_AND_ASSIGN(directory_, OpenDirectory(options, SystemClock::Get(), random_, metrics_));
    watch_ = directory_->Subscribe("epg", [this](const InstanceSet& set) {
      absl::MutexLock lock(&mutex_);
      set_ = set;
      ++times_;
    });
  }
  static std::string Listing(std::string_view id) {
    return fmt::format(R"({{"epg":[{{"id":"{}","address":"127.0.0.1:1"}}]}})", id);
  }
  static void Write(const std::string& path, std::string_view text) { std::ofstream(path) << text; }
  bool Comes(std::string_view id) {
    return Eventually([&] {
      absl::MutexLock lock(&mutex_);
      return set_.size() == 1 && set_[0].id == id;
    });
  }
  int times() {
    absl::MutexLock lock(&mutex_);
    return times_;
  }
  double Refused() {
    return metrics_
        .Counter("holdfast_discovery_refused_files_total",
                 "Lists in a file that could not be read and were not used.")
        .value();
  }

  test::TempDir dir_;
  const std::string path_ = dir_.File("instances.json");
  std::chrono::milliseconds interval_ = 1h;  // what is seen was told by the kernel
  SeededRandom random_{1};
  telemetry::Metrics metrics_;
  absl::Mutex mutex_;
  InstanceSet set_ ABSL_GUARDED_BY(mutex_);
  int times_ ABSL_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<Directory> directory_;
  std::unique_ptr<Watch> watch_;
};

TEST_F(FileDirectoryTest, EverythingThatAFileSaysArrives) {
  Write(path_, R"({"epg":[{"id":"epg-a","address":"10.0.0.7:50051","zone":"a","version":"1.4",
                           "weight":250,"state":"draining"}]})");
  Open(path_);
  ASSERT_TRUE(Comes("epg-a"));
  absl::MutexLock lock(&mutex_);
  EXPECT_EQ(set_[0], (Instance{.id = "epg-a",
                               .address = "10.0.0.7:50051",
                               .zone = "a",
                               .version = "1.4",
                               .weight = 250,
                               .state = State::kDraining}));
}

TEST_F(FileDirectoryTest, AFileWrittenInPlaceIsSeen) {
  Write(path_, Listing("a"));
  Open(path_);
  ASSERT_TRUE(Comes("a"));
  Write(path_, Listing("b"));
  EXPECT_TRUE(Comes("b"));
}

// As the kubelet does: the file is a link into a link that is renamed over the one before.
TEST_F(FileDirectoryTest, ASwappedConfigMapIsSeen) {
  const auto make = [&](const std::string& version) {
    std::filesystem::create_directory(dir_.File(version));
    Write(dir_.File(version) + "/instances.json", Listing(version));
    std::filesystem::create_symlink(version, dir_.File("..data_tmp"));
    std::filesystem::rename(dir_.File("..data_tmp"), dir_.File("..data"));
  };
  make("one");
  std::filesystem::create_symlink("..data/instances.json", path_);
  Open(path_);
  ASSERT_TRUE(Comes("one"));
  make("two");
  std::filesystem::remove_all(dir_.File("one"));
  EXPECT_TRUE(Comes("two"));
  EXPECT_EQ(Refused(), 0);
}

TEST_F(FileDirectoryTest, ABrokenFileChangesNothingAndIsToldOnce) {
  Write(path_, Listing("a"));
  Open(path_);
  ASSERT_TRUE(Comes("a"));
  Write(path_, R"({"epg":[{"address":"nowhere"}]})");
  EXPECT_TRUE(Eventually([&] { return Refused() == 1; }));
  const std::string page = directory_->Describe();
  EXPECT_NE(page.find("entry 0: address is not host:port"), std::string::npos) << page;
  EXPECT_TRUE(Comes("a"));
  Write(path_, Listing("b"));
  EXPECT_TRUE(Comes("b"));
  EXPECT_TRUE(directory_->Describe().starts_with("file: connected"));
  EXPECT_EQ(Refused(), 1);
}

TEST_F(FileDirectoryTest, ALateWriterIsWaitedForBeforeAnybodyIsTold) {
  Write(path_, Listing("a"));
  Open(path_);
  ASSERT_TRUE(Comes("a"));
  std::ofstream writing(path_);  // empty from here on
  writing << Listing("b");
  writing.close();
  EXPECT_TRUE(Comes("b"));
  EXPECT_EQ(Refused(), 0);
}

TEST_F(FileDirectoryTest, AFolderThatIsMissingAtStartIsWaitedFor) {
  interval_ = 20ms;
  const std::string late = dir_.File("late/instances.json");
  Open(late);
  EXPECT_TRUE(Eventually([&] { return Refused() == 1; }));
  std::filesystem::create_directory(dir_.File("late"));
  Write(late, Listing("a"));
  EXPECT_TRUE(Comes("a"));
}

TEST_F(FileDirectoryTest, WhatTheKernelDoesNotTellIsSeenByLooking) {
  interval_ = 20ms;
  std::filesystem::create_directory(dir_.File("elsewhere"));
  const std::string target = dir_.File("elsewhere/instances.json");
  Write(target, Listing("a"));
  std::filesystem::create_symlink(target, path_);
  Open(path_);
  ASSERT_TRUE(Comes("a"));
  Write(target, Listing("b"));
  EXPECT_TRUE(Comes("b"));
}

TEST_F(FileDirectoryTest, APipeInItsPlaceDoesNotBlock) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  Open(path_);
  EXPECT_TRUE(Eventually([&] { return Refused() == 1; }));
}

TEST_F(FileDirectoryTest, TheSameListWrittenAgainIsNoChange) {
  Write(path_, Listing("a"));
  Open(path_);
  ASSERT_TRUE(Comes("a"));
  Write(path_, Listing("a") + "\n");
  Write(path_, Listing("b"));
  EXPECT_TRUE(Comes("b"));
  EXPECT_LE(times(), 2);
}

TEST_F(FileDirectoryTest, APathMustBeAbsoluteAndAFile) {
  for (const char* bad : {"file:", "file:instances.json", "file:/etc/"}) {
    EXPECT_THAT(OpenDirectory({.spec = bad}, SystemClock::Get(), random_, metrics_),
                test::HasCode(absl::StatusCode::kInvalidArgument))
        << bad;
  }
}

}  // namespace
}  // namespace holdfast::discovery

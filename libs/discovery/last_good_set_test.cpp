#include "libs/discovery/last_good_set.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "libs/base/random.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/temp_dir.h"

namespace holdfast::discovery {
namespace {

using test::HasCode;
using test::IsOk;

class LastGoodSetTest : public ::testing::Test {
 protected:
  std::string Read() const {
    std::ifstream file(path_, std::ios::binary);
    std::stringstream all;
    all << file.rdbuf();
    return all.str();
  }
  void Write(const std::string& bytes) const { std::ofstream(path_, std::ios::binary) << bytes; }

  test::TempDir dir_;
  const std::string folder_ = dir_.File("sets");
  const std::string path_ = folder_ + "/epg.instances";
  const InstanceSet set_ = {{.id = "epg-a", .address = "127.0.0.1:1", .zone = "a", .version = "7"},
                            {.id = "epg-b", .address = "127.0.0.1:2", .weight = 3}};
};

TEST_F(LastGoodSetTest, WhatWasSavedIsLoaded) {
  ASSERT_THAT(SaveLastGoodSet(folder_, "epg", set_), IsOk());
  ASSERT_OK_AND_ASSIGN(const InstanceSet loaded, LoadLastGoodSet(folder_, "epg"));
  EXPECT_EQ(loaded, set_);
}

TEST_F(LastGoodSetTest, NoFileIsNotFound) {
  EXPECT_THAT(LoadLastGoodSet(folder_, "epg"), HasCode(absl::StatusCode::kNotFound));
}

TEST_F(LastGoodSetTest, AnyFlippedByteIsNoticed) {
  ASSERT_THAT(SaveLastGoodSet(folder_, "epg", set_), IsOk());
  const std::string good = Read();
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    Write(bad);
    ASSERT_THAT(LoadLastGoodSet(folder_, "epg"), HasCode(absl::StatusCode::kDataLoss)) << i;
  }
}

TEST_F(LastGoodSetTest, ACutFileIsNoticed) {
  ASSERT_THAT(SaveLastGoodSet(folder_, "epg", set_), IsOk());
  const std::string good = Read();
  for (std::size_t length = 0; length < good.size(); ++length) {
    Write(good.substr(0, length));
    ASSERT_FALSE(LoadLastGoodSet(folder_, "epg").ok()) << length;
  }
}

TEST_F(LastGoodSetTest, AFolderThatCannotBeMadeIsAnErrorNotACrash) {
  EXPECT_THAT(SaveLastGoodSet("/proc/nothing/here", "epg", set_),
              HasCode(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace holdfast::discovery

#include "libs/replica/snapshot_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "libs/base/random.h"
#include "libs/replica/record.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/temp_dir.h"

namespace holdfast::replica {
namespace {

using test::HasCode;
using test::IsOk;

class SnapshotFileTest : public testing::Test {
 protected:
  std::string ReadRaw() {
    std::stringstream bytes;
    bytes << std::ifstream(path_, std::ios::binary).rdbuf();
    return bytes.str();
  }
  void WriteRaw(const std::string& bytes) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
  }

  test::TempDir dir_;
  const std::string path_ = dir_.File("model.replica");
};

TEST_F(SnapshotFileTest, GivesBackWhatWasWritten) {
  for (const std::string& content :
       {std::string("content"), std::string(), std::string(3'000'000, 'x')}) {
    ASSERT_THAT(WriteSnapshot(path_, content), IsOk());
    ASSERT_OK_AND_ASSIGN(const std::string read, ReadSnapshot(path_));
    EXPECT_EQ(read, content);
  }
}

TEST_F(SnapshotFileTest, LeavesNothingElseInTheFolder) {
  ASSERT_THAT(WriteSnapshot(path_, "one"), IsOk());
  ASSERT_THAT(WriteSnapshot(path_, "two"), IsOk());
  const auto files = std::filesystem::directory_iterator(dir_.path());
  EXPECT_EQ(std::distance(begin(files), end(files)), 1);
}

TEST_F(SnapshotFileTest, AFileThatIsNotThereIsNotFound) {
  EXPECT_THAT(ReadSnapshot(path_), HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(ReadSnapshot(dir_.File("no/such/folder")), HasCode(absl::StatusCode::kNotFound));
}

TEST_F(SnapshotFileTest, AFileCutAnywhereIsDataLoss) {
  ASSERT_THAT(WriteSnapshot(path_, "some content of a model"), IsOk());
  const std::string whole = ReadRaw();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    WriteRaw(whole.substr(0, size));
    EXPECT_THAT(ReadSnapshot(path_), HasCode(absl::StatusCode::kDataLoss)) << size;
  }
  WriteRaw(whole + "x");
  EXPECT_THAT(ReadSnapshot(path_), HasCode(absl::StatusCode::kDataLoss));
}

TEST_F(SnapshotFileTest, AnyFlippedBitIsDataLoss) {
  ASSERT_THAT(WriteSnapshot(path_, "some content of a model"), IsOk());
  const std::string whole = ReadRaw();
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    WriteRaw(damaged);
    EXPECT_THAT(ReadSnapshot(path_), HasCode(absl::StatusCode::kDataLoss)) << bit;
  }
}

TEST_F(SnapshotFileTest, AFailedWriteKeepsTheFormerFile) {
  ASSERT_THAT(WriteSnapshot(path_, "former"), IsOk());
  std::filesystem::create_directory(path_ + ".new");  // in the way of the new file
  EXPECT_THAT(WriteSnapshot(path_, "next"), HasCode(absl::StatusCode::kUnavailable));
  ASSERT_OK_AND_ASSIGN(const std::string read, ReadSnapshot(path_));
  EXPECT_EQ(read, "former");
  EXPECT_THAT(WriteSnapshot(dir_.File("no/such/folder"), "x"),
              HasCode(absl::StatusCode::kUnavailable));
}

TEST(RecordReader, NeverReadsPastTheEndWhateverTheLengthSays) {
  const std::uint64_t seed = SecureSeed();
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  for (int round = 0; round < 5000; ++round) {
    std::string bytes(random.Below(40), '\0');
    for (char& c : bytes) c = static_cast<char>(random.Below(3) == 0 ? random.Next() : 0);
    RecordReader in(bytes);
    std::size_t taken = 0;
    while (in.ok() && !in.Finished()) taken += 8 + in.Text().size();
    EXPECT_LE(taken, bytes.size() + 8);
  }
}

}  // namespace
}  // namespace holdfast::replica

#include "services/drm/epoch_keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "libs/base/encoding.h"
#include "libs/base/random.h"
#include "libs/replica/snapshot_file.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/temp_dir.h"
#include "services/drm/content_key.h"
#include "services/drm/epochs_for_test.h"

namespace holdfast::drm {
namespace {

using std::chrono::hours;
using test::HasCode;
using test::HasMessage;
using test::IsOk;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const WallTime kNow = FromEpochSeconds(1767348000);

class EpochKeeperTest : public testing::Test {
 protected:
  test::TempDir dir_;
  const std::string file_ = dir_.File("epochs.snapshot");
  EpochKeeper keeper_{TestKeks(), file_};
};

TEST_F(EpochKeeperTest, StartsWithoutEpochs) {
  EXPECT_FALSE(keeper_.loaded());
  EXPECT_FALSE(keeper_.WaitUntilLoaded(Deadline::After(std::chrono::milliseconds(1))));
  EXPECT_THAT(keeper_.LoadFromDisk(), HasCode(absl::StatusCode::kNotFound));
}

TEST_F(EpochKeeperTest, TakesEpochsAndFindsThemAgainAfterARestart) {
  ASSERT_THAT(keeper_.Take({TestEpoch(1, kNow), TestEpoch(2, kNow + hours(24))}), IsOk());
  EpochKeeper restarted(TestKeks(), file_);
  ASSERT_THAT(restarted.LoadFromDisk(), IsOk());
  EXPECT_EQ(restarted.ring()->epochs(), keeper_.ring()->epochs());
  EXPECT_EQ(restarted.ring()->At(kNow + hours(25))->id, EpochId(2));
}

TEST_F(EpochKeeperTest, NoKeyIsOnDiskInTheClear) {
  ASSERT_THAT(keeper_.Take({TestEpoch(77, kNow)}), IsOk());
  ASSERT_OK_AND_ASSIGN(const std::string bytes, replica::ReadSnapshot(file_));
  EXPECT_EQ(bytes.find(keeper_.ring()->At(kNow)->key), std::string::npos);
  EXPECT_EQ(bytes.find("77....."), std::string::npos);
}

TEST_F(EpochKeeperTest, WhoWaitsIsWokenByTheFirstEpoch) {
  std::thread waiter([&] { EXPECT_TRUE(keeper_.WaitUntilLoaded(Deadline::Never())); });
  ASSERT_THAT(keeper_.Take({TestEpoch(1, kNow)}), IsOk());
  waiter.join();
}

TEST_F(EpochKeeperTest, ADatabaseThatLostEpochsDoesNotMakeUsForgetThem) {
  const StoredEpoch one = TestEpoch(1, kNow);
  const StoredEpoch two = TestEpoch(2, kNow + hours(24));
  const StoredEpoch three = TestEpoch(3, kNow + hours(48));
  ASSERT_THAT(keeper_.Take({one, two}), IsOk());
  ASSERT_THAT(keeper_.Take({one, three}), IsOk());
  EXPECT_THAT(keeper_.ring()->epochs(), SizeIs(3));
  EXPECT_THAT(keeper_.MissingFrom({one, three}), ElementsAre(two));
  EXPECT_THAT(keeper_.MissingFrom({one, two, three}), IsEmpty());
}

TEST_F(EpochKeeperTest, AnEpochThatCannotBeUnwrappedRefusesAllAndChangesNothing) {
  ASSERT_THAT(keeper_.Take({TestEpoch(1, kNow)}), IsOk());
  StoredEpoch foreign = TestEpoch(2, kNow + hours(24));
  foreign.kek_id = "kek-9";
  EXPECT_THAT(keeper_.Take({TestEpoch(3, kNow + hours(1)), foreign}), HasMessage("kek-9"));
  StoredEpoch damaged = TestEpoch(2, kNow + hours(24));
  damaged.wrapped_key[5] ^= 1;
  EXPECT_THAT(keeper_.Take({damaged}), HasCode(absl::StatusCode::kDataLoss));
  EXPECT_THAT(keeper_.ring()->epochs(), SizeIs(1));
}

TEST_F(EpochKeeperTest, ADamagedFileOrAnotherKekLeavesItEmpty) {
  ASSERT_THAT(keeper_.Take({TestEpoch(1, kNow)}), IsOk());
  EpochKeeper other(security::KeySet::ForTest("kek-1", std::string(32, 'x')), file_);
  EXPECT_THAT(other.LoadFromDisk(), HasCode(absl::StatusCode::kDataLoss));

  ASSERT_OK_AND_ASSIGN(const std::string good, replica::ReadSnapshot(file_));
  const std::uint64_t seed = SecureSeed();
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  for (int round = 0; round < 500; ++round) {  // the checksum is right, the content is not
    std::string content = good.substr(0, random.Below(good.size()));
    if (!content.empty()) content[random.Below(content.size())] = static_cast<char>(random.Next());
    ASSERT_THAT(replica::WriteSnapshot(file_, content), IsOk());
    EpochKeeper damaged(TestKeks(), file_);
    EXPECT_THAT(damaged.LoadFromDisk(), HasCode(absl::StatusCode::kDataLoss));
    EXPECT_FALSE(damaged.loaded());
  }
}

TEST_F(EpochKeeperTest, AFailedWriteServesTheEpochsAndIsTriedAgain) {
  std::filesystem::create_directory(file_ + ".new");
  EXPECT_FALSE(keeper_.Take({TestEpoch(1, kNow)}).ok());
  EXPECT_TRUE(keeper_.loaded());
  std::filesystem::remove(file_ + ".new");
  ASSERT_THAT(keeper_.Take({TestEpoch(1, kNow)}), IsOk());
  EXPECT_TRUE(std::filesystem::exists(file_));
}

TEST_F(EpochKeeperTest, ANewKekWrapsOldEpochsAnewAndTheirKeysStay) {
  const StoredEpoch old = TestEpoch(1, kNow);
  EXPECT_EQ(keeper_.WithNewestKek(old), std::nullopt);

  test::TempDir keks;
  std::ofstream(keks.File("kek-1.key")) << ToHex(kTestKek);
  std::ofstream(keks.File("kek-2.key")) << std::string(64, 'a');
  ASSERT_OK_AND_ASSIGN(security::KeySet both, security::KeySet::Load(keks.path()));
  EpochKeeper rotated(both, dir_.File("other"));
  const auto rewrapped = rotated.WithNewestKek(old);
  ASSERT_TRUE(rewrapped);
  EXPECT_EQ(rewrapped->kek_id, "kek-2");
  ASSERT_THAT(keeper_.Take({old}), IsOk());
  ASSERT_THAT(rotated.Take({*rewrapped}), IsOk());
  EXPECT_EQ(rotated.ring()->epochs(), keeper_.ring()->epochs());
}

// Recordings outlive releases: these values never change.
TEST(ContentKey, TheDerivationIsFixed) {
  const Epoch epoch = {EpochId(1), kNow, std::string(32, 'e')};
  EXPECT_EQ(ToHex(ContentKey(epoch, ChannelId("ch-7"), 2945580)),
            "ad674ff48759e39e2db34e84ee7ca55c");
  EXPECT_EQ(ToHex(ContentKeyId(epoch, ChannelId("ch-7"), 2945580)),
            "805c5e95e04478bb56081536ad67cda6");
  EXPECT_EQ(IvHex(2945580), "000000000000000000000000002cf22c");
}

TEST(ContentKey, EachChannelPeriodAndEpochHasItsOwn) {
  const Epoch epoch = {EpochId(1), kNow, std::string(32, 'e')};
  const Epoch other = {EpochId(2), kNow, std::string(32, 'f')};
  const std::string key = ContentKey(epoch, ChannelId("ch-7"), 10);
  EXPECT_EQ(key.size(), 16u);
  EXPECT_NE(key, ContentKey(epoch, ChannelId("ch-8"), 10));
  EXPECT_NE(key, ContentKey(epoch, ChannelId("ch-7"), 11));
  EXPECT_NE(key, ContentKey(other, ChannelId("ch-7"), 10));
  EXPECT_NE(key, ContentKeyId(epoch, ChannelId("ch-7"), 10));
}

}  // namespace
}  // namespace holdfast::drm

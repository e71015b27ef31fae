#include "services/drm/domain/epoch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/random.h"
#include "services/drm/domain/epoch_plan.h"
#include "services/drm/domain/key_policy.h"

namespace holdfast::drm {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::SizeIs;

const WallTime kNow = FromEpochSeconds(1767348000);  // a start of a period
const Periods kPeriods(minutes(10));
const EpochPolicy kPolicy = {.epoch_length = hours(24), .epochs_ahead = 3, .lead = minutes(2)};

Epoch Make(std::int64_t id, WallTime from) { return {EpochId(id), from, std::string(32, 'k')}; }

TEST(Periods, CountWholeLengthsSince1970) {
  EXPECT_EQ(kPeriods.At(kNow), 2945580);
  EXPECT_EQ(kPeriods.At(kNow + seconds(599)), 2945580);
  EXPECT_EQ(kPeriods.At(kNow + seconds(600)), 2945581);
  EXPECT_EQ(kPeriods.StartOf(2945580), kNow);
  EXPECT_EQ(kPeriods.AlignUp(kNow), kNow);
  EXPECT_EQ(kPeriods.AlignUp(kNow + seconds(1)), kNow + minutes(10));
}

TEST(KeyRing, TheLatestEpochThatHasBegunIsUsed) {
  const KeyRing ring({Make(2, kNow + hours(24)), Make(1, kNow), Make(3, kNow + hours(30))});
  EXPECT_EQ(ring.At(kNow - seconds(1)), nullptr);
  EXPECT_EQ(ring.At(kNow)->id, EpochId(1));
  EXPECT_EQ(ring.At(kNow + hours(24) - seconds(1))->id, EpochId(1));
  EXPECT_EQ(ring.At(kNow + hours(24))->id, EpochId(2));
  EXPECT_EQ(ring.BeginningAfter(kNow), 2);
}

TEST(KeyRing, TheLastEpochGoesOnForEver) {
  const KeyRing ring({Make(1, kNow)});
  EXPECT_EQ(ring.At(kNow + hours(24 * 365))->id, EpochId(1));
}

TEST(EpochPlan, TheVeryFirstEpochBeginsAtOnceAndOthersFollow) {
  EXPECT_THAT(PlanEpochs(KeyRing(), kPolicy, kPeriods, kNow + seconds(5)),
              ElementsAre(kNow, kNow + hours(24), kNow + hours(48), kNow + hours(72)));
}

TEST(EpochPlan, WhenEnoughLieAheadNothingIsMade) {
  std::vector<Epoch> epochs;
  for (int day = 0; day < 4; ++day) epochs.push_back(Make(day + 1, kNow + hours(24 * day)));
  EXPECT_THAT(PlanEpochs(KeyRing(epochs), kPolicy, kPeriods, kNow), SizeIs(0));
  EXPECT_THAT(PlanEpochs(KeyRing(epochs), kPolicy, kPeriods, kNow + hours(24)),
              ElementsAre(kNow + hours(24 * 4)));
}

TEST(EpochPlan, AfterALongOutageNoKeyOfThePastOrOfTheNextPeriodChanges) {
  const KeyRing ring({Make(1, kNow)});
  const WallTime back = kNow + hours(24 * 30) + seconds(7);
  const auto beginnings = PlanEpochs(ring, kPolicy, kPeriods, back);
  ASSERT_THAT(beginnings, SizeIs(3));
  EXPECT_EQ(beginnings[0], kNow + hours(24 * 30) + minutes(20));
  EXPECT_EQ(beginnings[1], beginnings[0] + hours(24));
}

TEST(EpochPlan, AnEpochNeverBeginsWhereAKeyMayAlreadyHaveBeenFetched) {
  const std::uint64_t seed = SecureSeed();
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  for (int round = 0; round < 2000; ++round) {
    const Periods periods(seconds(1 + random.Below(3600)));
    const EpochPolicy policy = {.epoch_length = seconds(1 + random.Below(200000)),
                                .epochs_ahead = static_cast<int>(1 + random.Below(10)),
                                .lead = seconds(random.Below(1000))};
    const WallTime now = kNow + seconds(random.Below(100000));
    const KeyRing ring({Make(1, kNow - seconds(random.Below(1000000)))});
    auto beginnings = PlanEpochs(ring, policy, periods, now);
    beginnings.push_back(PlanRotation(ring, policy, periods, now));
    for (const WallTime beginning : beginnings) {
      EXPECT_EQ(periods.AlignUp(beginning), beginning);
      // When everybody has heard of it, its first key may not be asked for yet.
      const WallTime known = now + policy.lead;
      EXPECT_FALSE(CheckPeriod(periods.At(beginning), {}, periods, known - seconds(1)).ok());
    }
  }
}

TEST(EpochPlan, ARotationFindsAFreeBeginning) {
  const WallTime earliest = EarliestBeginning(kPolicy, kPeriods, kNow);
  EXPECT_EQ(earliest, kNow + minutes(20));
  const KeyRing ring({Make(1, kNow), Make(2, earliest)});
  EXPECT_EQ(PlanRotation(ring, kPolicy, kPeriods, kNow), earliest + minutes(10));
}

TEST(KeyPolicy, KeysReachFromTheOldestCatchUpToTheNextPeriod) {
  const KeyPolicy policy = {.oldest = hours(1)};
  const std::int64_t now = kPeriods.At(kNow);
  EXPECT_TRUE(CheckPeriod(now, policy, kPeriods, kNow).ok());
  EXPECT_TRUE(CheckPeriod(now + 1, policy, kPeriods, kNow).ok());
  EXPECT_FALSE(CheckPeriod(now + 2, policy, kPeriods, kNow).ok());
  EXPECT_TRUE(CheckPeriod(now - 6, policy, kPeriods, kNow).ok());
  EXPECT_FALSE(CheckPeriod(now - 7, policy, kPeriods, kNow).ok());
  EXPECT_FALSE(CheckPeriod(std::numeric_limits<std::int64_t>::max(), policy, kPeriods, kNow).ok());
  EXPECT_FALSE(CheckPeriod(0, policy, kPeriods, kNow).ok());
}

TEST(KeyPolicy, ATokenOpensItsOwnChannelOnly) {
  EXPECT_TRUE(CheckChannel(ChannelId("ch-7"), "ch-7").ok());
  EXPECT_FALSE(CheckChannel(ChannelId("ch-7"), "ch-70").ok());
  EXPECT_FALSE(CheckChannel(ChannelId("ch-7"), "").ok());
}

}  // namespace
}  // namespace holdfast::drm

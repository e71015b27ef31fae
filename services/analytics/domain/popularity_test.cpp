#include "services/analytics/domain/popularity.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace holdfast::analytics {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

const WallTime kHour = FromEpochSeconds(1767348000);  // 10:00 UTC

HourPlays Plays(const char* channel, Duration ago, std::int64_t plays) {
  return {.channel = ChannelId(channel),
          .hour = kHour - std::chrono::duration_cast<WallTime::duration>(ago),
          .plays = plays};
}

std::vector<RankedChannel> Rank(const std::vector<HourPlays>& plays, WallTime now = kHour) {
  return RankByPopularity(plays, now, 12h);
}

TEST(PopularityTest, APlayWeighsHalfAfterTheHalfLife) {
  EXPECT_THAT(Rank({Plays("old", 12h, 100), Plays("new", 0h, 60), Plays("older", 24h, 100)}),
              ElementsAre(RankedChannel{ChannelId("new"), 60}, RankedChannel{ChannelId("old"), 50},
                          RankedChannel{ChannelId("older"), 25}));
}

TEST(PopularityTest, HoursOfOneChannelAddUp) {
  EXPECT_THAT(Rank({Plays("a", 0h, 10), Plays("a", 12h, 10)}),
              ElementsAre(RankedChannel{ChannelId("a"), 15}));
}

TEST(PopularityTest, EqualScoresAreOrderedByChannel) {
  std::vector<HourPlays> plays = {Plays("b", 0h, 5), Plays("a", 0h, 5), Plays("c", 0h, 5)};
  const std::vector<RankedChannel> ranking = Rank(plays);
  std::reverse(plays.begin(), plays.end());
  EXPECT_EQ(Rank(plays), ranking);
  EXPECT_EQ(ranking.front().channel, ChannelId("a"));
}

TEST(PopularityTest, NothingChangesWithinAnHour) {
  const std::vector<HourPlays> plays = {Plays("a", 0h, 3), Plays("b", 5h, 4)};
  EXPECT_EQ(Rank(plays, kHour), Rank(plays, kHour + 59min));
  EXPECT_NE(Rank(plays, kHour), Rank(plays, kHour + 1h));
}

TEST(PopularityTest, LongAgoDoesNotCount) {
  EXPECT_THAT(Rank({Plays("a", 12h * kHalfLivesCounted + 1h, 1'000'000)}), IsEmpty());
  EXPECT_THAT(Rank({}), IsEmpty());
  EXPECT_THAT(Rank({Plays("a", 0h, 0)}), IsEmpty());
}

TEST(PopularityTest, AClockThatLeadsGainsNothing) {
  EXPECT_THAT(Rank({Plays("a", -5h, 10)}), ElementsAre(RankedChannel{ChannelId("a"), 10}));
}

}  // namespace
}  // namespace holdfast::analytics

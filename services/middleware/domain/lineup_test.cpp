#include "services/middleware/domain/lineup.h"

#include <gmock/gmock.h>

namespace holdfast::middleware {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Channel Make(int id, int number, const char* package) {
  Channel c;
  c.id = ChannelId(id);
  c.number = number;
  c.name = "c" + std::to_string(id);
  c.package = PackageId(package);
  c.directory = "live/s" + std::to_string(id);
  return c;
}

std::vector<std::string> Names(const std::vector<const Channel*>& channels) {
  std::vector<std::string> names;
  for (const Channel* c : channels) names.push_back(c->name);
  return names;
}

Lineup Example() {
  Channel adult = Make(4, 4, "basic");
  adult.adult = true;
  Channel removed = Make(5, 5, "basic");
  removed.removed = true;
  return Lineup({Make(2, 3, "basic"), Make(1, 2, "basic"), Make(3, 1, "sport"), adult, removed}, {},
                9);
}

TEST(LineupTest, ChannelsAreOrderedByNumberAndRemovedOnesAreGone) {
  const Lineup lineup = Example();
  EXPECT_THAT(Names(ChannelsFor(lineup, PackageSet({"basic", "sport"}), ListKind::kAll)),
              ElementsAre("c3", "c1", "c2", "c4"));
  EXPECT_EQ(lineup.FindChannel(ChannelId(5)), nullptr);
}

TEST(LineupTest, AdultChannelsHaveAListOfTheirOwn) {
  const Lineup lineup = Example();
  const PackageSet basic({"basic"});
  EXPECT_THAT(Names(ChannelsFor(lineup, basic, ListKind::kMain)), ElementsAre("c1", "c2"));
  EXPECT_THAT(Names(ChannelsFor(lineup, basic, ListKind::kAdult)), ElementsAre("c4"));
}

TEST(LineupTest, NoPackageNoChannels) {
  EXPECT_THAT(ChannelsFor(Example(), PackageSet(), ListKind::kAll), IsEmpty());
}

TEST(LineupTest, FavouritesKeepTheirOrderAndSkipWhatIsGoneOrNotPaid) {
  const Lineup lineup = Example();
  const std::vector<ChannelId> favourites = {ChannelId(2), ChannelId(77), ChannelId(3),
                                             ChannelId(1)};
  EXPECT_THAT(Names(FavouriteChannels(lineup, PackageSet({"basic"}), favourites)),
              ElementsAre("c2", "c1"));
}

TEST(LineupTest, TheStreamIsTheLastPartOfTheDirectory) {
  EXPECT_EQ(Make(7, 1, "basic").stream(), "s7");
}

TEST(PackageSetTest, OrderAndRepetitionDoNotMatter) {
  EXPECT_EQ(PackageSet({"b", "a", "b"}), PackageSet({"a", "b"}));
  EXPECT_EQ(PackageSet({"b", "a"}).key(), "a,b");
}

}  // namespace
}  // namespace holdfast::middleware

#include "services/middleware/domain/lineup_import.h"

#include <gmock/gmock.h>

#include "libs/testing/status_matchers.h"

namespace holdfast::middleware {
namespace {

using test::HasCode;

const WallTime kNow = FromEpochSeconds(1767348000);

std::string Line(const std::string& attributes, const std::string& name,
                 const std::string& stream) {
  return "#EXTINF:-1 " + attributes + "," + name + "\nhttp://127.0.0.1:8081/live/" + stream +
         "/index.m3u8\n";
}

LineupImport Plan(const StoredLineup& stored, const std::string& m3u,
                  LargeRemoval large_removal = LargeRemoval::kAllow) {
  auto plan = PlanImport(stored, ParseM3u(m3u), large_removal, kNow);
  EXPECT_TRUE(plan.ok()) << ToString(plan.status());
  return plan.ok() ? *std::move(plan) : LineupImport{};
}

// What the store would hold after the plan.
StoredLineup After(const StoredLineup& before, const LineupImport& plan) {
  StoredLineup after = before;
  for (const Channel& c : plan.put_channels) {
    std::erase_if(after.channels, [&](const Channel& old) { return old.id == c.id; });
    after.channels.push_back(c);
  }
  for (const Genre& g : plan.put_genres) after.genres.push_back(g);
  ++after.revision;
  return after;
}

const Channel* Named(const StoredLineup& lineup, const std::string& name) {
  for (const Channel& c : lineup.channels) {
    if (c.name == name && !c.removed) return &c;
  }
  return nullptr;
}

StoredLineup ThreeChannels() {
  return After({}, Plan({}, Line("tvg-id=\"one\" group-title=\"News\"", "One", "one") +
                                Line("tvg-id=\"two\"", "Two", "two") + Line("", "Three", "three")));
}

TEST(LineupImportTest, AttributesBecomeAChannel) {
  const LineupImport plan =
      Plan({}, Line("tvg-id=\"n1\" tvg-logo=\"http://l/x.png\" tvg-chno=\"40\" "
                    "group-title=\"News;HD\" catchup=\"default\" "
                    "catchup-days=\"3\" holdfast-encrypted=\"1\" holdfast-package=\"sport\"",
                    "News 1", "news-1"));
  ASSERT_EQ(plan.put_channels.size(), 1u);
  const Channel& channel = plan.put_channels[0];
  EXPECT_EQ(channel.name, "News 1");
  EXPECT_EQ(channel.number, 40);
  EXPECT_EQ(channel.guide_id, "n1");
  EXPECT_EQ(channel.logo, "http://l/x.png");
  EXPECT_EQ(channel.directory, "live/news-1");
  EXPECT_EQ(channel.package, PackageId("sport"));
  EXPECT_TRUE(channel.encrypted);
  EXPECT_FALSE(channel.adult);
  EXPECT_EQ(channel.catch_up_hours, 72);
  EXPECT_EQ(plan.put_genres.at(0).title, "News");
  EXPECT_EQ(plan.put_genres.at(1).title, "HD");
  EXPECT_EQ(channel.genre, plan.put_genres.at(0).id);
  EXPECT_THAT(channel.other_genres, testing::ElementsAre(plan.put_genres.at(1).id));
  EXPECT_TRUE(channel.hd);
}

TEST(LineupImportTest, ChannelsAreHdByWhatTheListSaysByNameOrByGroup) {
  const auto is_hd = [](const std::string& attributes, const std::string& name) {
    return Plan({}, Line(attributes, name, "a")).put_channels.at(0).hd;
  };
  for (const char* name : {"Sport HD", "Sport hd", "Sport FHD", "Film UHD", "Film 4K", "Kids (HD)",
                           "One-HD", "A | HD", "A [4k]"}) {
    EXPECT_TRUE(is_hd("", name)) << name;
    EXPECT_FALSE(is_hd("holdfast-hd=\"0\"", name)) << name;
  }
  for (const char* name : {"Sport", "HD", "HD Sport", "SportHD", "Sport HDX", "()", "]"}) {
    EXPECT_FALSE(is_hd("", name)) << name;
    EXPECT_TRUE(is_hd("holdfast-hd=\"1\"", name)) << name;
  }
  EXPECT_TRUE(is_hd("group-title=\"News; hd \"", "A"));
  EXPECT_FALSE(is_hd("group-title=\"HDTV\"", "A"));
}

TEST(LineupImportTest, GroupsAreSplitOnceEachAndBounded) {
  const auto titles = [](const std::string& groups) {
    const StoredLineup stored =
        After({}, Plan({}, Line("group-title=\"" + groups + "\"", "A", "a")));
    const Lineup lineup(stored.channels, stored.genres, 1);
    return GenreTitles(lineup, lineup.channels().at(0), "|");
  };
  EXPECT_EQ(titles("News;HD"), "News|HD");
  EXPECT_EQ(titles(" ; News ;; HD;News;"), "News|HD");
  EXPECT_EQ(titles(";;;"), "Other");
  EXPECT_EQ(titles("News;adult;HD"), "Adult");
  std::string many;
  for (int i = 0; i < 100; ++i) many += "g" + std::to_string(i) + ";";
  const StoredLineup stored = After({}, Plan({}, Line("group-title=\"" + many + "\"", "A", "a")));
  EXPECT_EQ(stored.channels.at(0).other_genres.size(), kMostGroups - 1);
}

TEST(LineupImportTest, AGroupOfBeforeWithTheSeparatorInItsTitleStaysOne) {
  StoredLineup stored;
  stored.genres = {{GenreId(1), "News; and more"}};
  const LineupImport plan = Plan(stored, Line("group-title=\"News; and more\"", "A", "a"));
  EXPECT_EQ(plan.put_channels.at(0).genre, GenreId(1));
  EXPECT_TRUE(plan.put_genres.empty());
}

TEST(LineupImportTest, AnImportLeavesWhatMonitoringSaid) {
  StoredLineup stored = ThreeChannels();
  stored.channels[0].monitoring = {.down = true, .changed_at = 7};
  const LineupImport plan =
      Plan(stored, Line("tvg-id=\"one\" group-title=\"Kids\"", "One", "one") +
                       Line("tvg-id=\"two\"", "Two", "two") + Line("", "Three", "three"));
  ASSERT_EQ(plan.put_channels.size(), 1u);
  EXPECT_EQ(plan.put_channels[0].monitoring, stored.channels[0].monitoring);
}

// Hours and source of one channel whose line has these attributes.
std::pair<int, std::string> CatchUpOf(const std::string& attributes) {
  const LineupImport plan = Plan({}, Line(attributes, "A", "a"));
  return {plan.put_channels.at(0).catch_up_hours, plan.put_channels.at(0).catch_up_source};
}

TEST(LineupImportTest, CatchUpIsReadInAllItsForms) {
  using Pair = std::pair<int, std::string>;
  EXPECT_EQ(CatchUpOf(""), Pair(0, ""));
  EXPECT_EQ(CatchUpOf("tvg-rec=\"2\""), Pair(48, ""));
  EXPECT_EQ(CatchUpOf("catchup=\"flussonic\""), Pair(168, ""));
  EXPECT_EQ(CatchUpOf("catchup-type=\"fs\" catchup-days=\"3\""), Pair(72, ""));
  EXPECT_EQ(CatchUpOf("catchup=\"default\" catchup-days=\"1\" catchup-source=\"http://a/{utc}\""),
            Pair(24, "http://a/{utc}"));
  EXPECT_EQ(CatchUpOf("catchup=\"append\" catchup-days=\"1\" catchup-source=\"?u=${start}\""),
            Pair(24, "?u=${start}"));
  EXPECT_EQ(CatchUpOf("catchup=\"shift\" catchup-days=\"1\""), Pair(24, "?utc={utc}&lutc={lutc}"));
  EXPECT_EQ(CatchUpOf("catchup=\"xc\" catchup-days=\"1\" catchup-source=\"x\""), Pair(24, ""));
  EXPECT_EQ(CatchUpOf("catchup=\"none\""), Pair(0, ""));
  EXPECT_EQ(CatchUpOf("holdfast-catchup-hours=\"5\" catchup-days=\"2\""), Pair(5, ""));
  EXPECT_EQ(CatchUpOf("catchup-source=\"http://a/{utc}\""), Pair(0, ""));
}

TEST(LineupImportTest, ACatchUpSourceThatNoBoxCouldOpenIsNamed) {
  const LineupImport plan =
      Plan({}, Line("catchup-days=\"1\" catchup-source=\"http://a b/{utc}\"", "A", "a"));
  EXPECT_EQ(plan.put_channels.at(0).catch_up_hours, 0);
  ASSERT_EQ(plan.problems.size(), 1u);
}

TEST(LineupImportTest, CatchUpComesBackFromTheExport) {
  const std::string list =
      Line("tvg-chno=\"1\" catchup-days=\"2\"", "A", "a") +
      Line("tvg-chno=\"2\" holdfast-catchup-hours=\"5\"", "B", "b") +
      Line("tvg-chno=\"3\" catchup-days=\"1\" catchup-source=\"http://a/{utc}\"", "C", "c") +
      Line("tvg-chno=\"4\" catchup=\"shift\" catchup-days=\"1\"", "D", "d");
  const StoredLineup stored = After({}, Plan({}, list));
  const std::string exported =
      ExportM3u(Lineup(stored.channels, stored.genres, stored.revision), "http://e");
  EXPECT_EQ(Plan(stored, exported).unchanged, 4);
}

TEST(LineupImportTest, AnArchiveBeginsWhenAChannelIsFirstToldToBeKept) {
  const std::string kept = "tvg-id=\"a\" catchup-days=\"7\"";
  const auto at = [](const StoredLineup& stored, const std::string& m3u, std::int64_t seconds) {
    return *PlanImport(stored, ParseM3u(m3u), LargeRemoval::kAllow, FromEpochSeconds(seconds));
  };
  const StoredLineup first = After({}, at({}, Line("tvg-id=\"a\"", "A", "a"), 1000));
  EXPECT_EQ(Named(first, "A")->catch_up_since, 0);
  const StoredLineup second = After(first, at(first, Line(kept, "A", "a"), 2000));
  EXPECT_EQ(Named(second, "A")->catch_up_since, 2000);
  EXPECT_EQ(at(second, Line(kept, "A", "a"), 3000).unchanged, 1);
  const std::string brought = kept + " holdfast-catchup-since=\"1500\"";
  EXPECT_EQ(Named(After(second, at(second, Line(brought, "A", "a"), 3000)), "A")->catch_up_since,
            1500);
  // Of an archive elsewhere nothing is known.
  const std::string elsewhere = kept + " catchup-source=\"http://x/{utc}\"";
  EXPECT_EQ(Named(After({}, at({}, Line(elsewhere, "A", "a"), 3000)), "A")->catch_up_since, 0);
  // It comes back from an export.
  const Lineup lineup(second.channels, second.genres, 1);
  EXPECT_EQ(Named(After({}, at({}, ExportM3u(lineup, "http://x"), 9000)), "A")->catch_up_since,
            2000);
}

TEST(LineupImportTest, TheSameListAgainChangesNothing) {
  const StoredLineup stored = ThreeChannels();
  const LineupImport again =
      Plan(stored, Line("tvg-id=\"one\" group-title=\"News\"", "One", "one") +
                       Line("tvg-id=\"two\"", "Two", "two") + Line("", "Three", "three"));
  EXPECT_EQ(again.unchanged, 3);
  EXPECT_FALSE(again.changes_anything());
}

TEST(LineupImportTest, ChannelsKeepIdAndNumberThroughRenamingAndReordering) {
  const StoredLineup stored = ThreeChannels();
  const StoredLineup after =
      After(stored, Plan(stored, Line("", "Three", "three-b") + Line("", "New", "new") +
                                     Line("tvg-id=\"one\"", "One HD", "one")));
  EXPECT_EQ(Named(after, "One HD")->id, Named(stored, "One")->id);
  EXPECT_EQ(Named(after, "One HD")->number, Named(stored, "One")->number);
  EXPECT_EQ(Named(after, "Three")->id, Named(stored, "Three")->id);
  EXPECT_EQ(Named(after, "Three")->directory, "live/three-b");
  EXPECT_EQ(Named(after, "Two"), nullptr);
  EXPECT_EQ(Named(after, "New")->id, ChannelId(4));
}

TEST(LineupImportTest, AChannelThatReturnsGetsItsIdBack) {
  const StoredLineup stored = ThreeChannels();
  const StoredLineup without = After(stored, Plan(stored, Line("tvg-id=\"one\"", "One", "one")));
  EXPECT_EQ(Named(without, "Two"), nullptr);
  const LineupImport plan =
      Plan(without, Line("tvg-id=\"one\"", "One", "one") + Line("tvg-id=\"two\"", "Two", "two"));
  EXPECT_EQ(plan.added, 1);
  EXPECT_EQ(Named(After(without, plan), "Two")->id, Named(stored, "Two")->id);
}

TEST(LineupImportTest, OneTvgIdForSeveralChannelsIsToldApartByName) {
  const StoredLineup stored = After(
      {}, Plan({}, Line("tvg-id=\"x\"", "X SD", "x-sd") + Line("tvg-id=\"x\"", "X HD", "x-hd")));
  const StoredLineup after = After(stored, Plan(stored, Line("tvg-id=\"x\"", "X HD", "x-hd2") +
                                                            Line("tvg-id=\"x\"", "X SD", "x-sd")));
  EXPECT_EQ(Named(after, "X HD")->id, Named(stored, "X HD")->id);
  EXPECT_EQ(Named(after, "X SD")->id, Named(stored, "X SD")->id);
}

TEST(LineupImportTest, NumbersAreUniqueAndTheListsWishesComeFirst) {
  const LineupImport plan =
      Plan({}, Line("", "A", "a") + Line("tvg-chno=\"1\"", "B", "b") +
                   Line("tvg-chno=\"1\"", "C", "c") + Line("tvg-chno=\"0\"", "D", "d"));
  std::map<std::string, int> numbers;
  for (const Channel& c : plan.put_channels) numbers[c.name] = c.number;
  EXPECT_EQ(numbers, (std::map<std::string, int>{{"A", 2}, {"B", 1}, {"C", 3}, {"D", 4}}));
  EXPECT_EQ(plan.problems.size(), 2u);
}

TEST(LineupImportTest, AdultChannelsShareGenreTenAndNoOtherGenreHasThatId) {
  std::string m3u;
  for (int i = 0; i < 15; ++i) {
    m3u += Line("group-title=\"G" + std::to_string(i) + "\"", "C" + std::to_string(i),
                "s" + std::to_string(i));
  }
  m3u += Line("group-title=\"Late\" holdfast-adult=\"1\"", "X", "x") +
         Line("group-title=\"adult\"", "Y", "y");
  const LineupImport plan = Plan({}, m3u);
  for (const Channel& c : plan.put_channels) {
    EXPECT_EQ(c.adult, c.name == "X" || c.name == "Y") << c.name;
    EXPECT_EQ(c.genre == kAdultGenre, c.adult) << c.name;
  }
}

TEST(LineupImportTest, UnusableEntriesAreNamedWithTheirLine) {
  const LineupImport plan =
      Plan({}, Line("", "Good", "good") + "#EXTINF:-1,Foreign\nhttp://x/a/b/c/d.m3u8\n" +
                   "#EXTINF:-1,Climber\nhttp://x/live/../index.m3u8\n" + Line("", "Good", "good") +
                   "#EXTINF:-1,Relative\nindex.m3u8\n");
  EXPECT_EQ(plan.added, 1);
  ASSERT_EQ(plan.problems.size(), 4u);
  EXPECT_EQ(plan.problems[0].line, 3);
  EXPECT_EQ(plan.problems[1].line, 5);
  EXPECT_EQ(plan.problems[2].line, 7);
  EXPECT_EQ(plan.problems[3].line, 9);
}

TEST(LineupImportTest, AListWithoutAnyUsableChannelIsRefused) {
  EXPECT_THAT(PlanImport({}, ParseM3u("#EXTM3U\nhello"), LargeRemoval::kAllow, kNow),
              HasCode(absl::StatusCode::kInvalidArgument));
}

TEST(LineupImportTest, ALargeRemovalMustBeMeant) {
  std::string many;
  for (int i = 0; i < 10; ++i) many += Line("", "C" + std::to_string(i), "s" + std::to_string(i));
  const StoredLineup stored = After({}, Plan({}, many));
  const M3uList few = ParseM3u(Line("", "C1", "s1"));
  EXPECT_THAT(PlanImport(stored, few, LargeRemoval::kRefuse, kNow),
              HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(PlanImport(stored, few, LargeRemoval::kAllow, kNow)->removed, 9);
}

TEST(LineupImportTest, AnExportReadsBackToTheSameLineup) {
  const StoredLineup stored =
      After({}, Plan({}, Line("tvg-id=\"a\" tvg-chno=\"7\" group-title=\"News\" catchup-days=\"2\"",
                              "A, the first", "a") +
                             Line("group-title=\"Adult\" holdfast-encrypted=\"1\"", "B", "b")));
  const Lineup lineup(stored.channels, stored.genres, stored.revision);
  const LineupImport again = Plan(stored, ExportM3u(lineup, "http://edge"));
  EXPECT_EQ(again.unchanged, 2);
  EXPECT_FALSE(again.changes_anything());
}

}  // namespace
}  // namespace holdfast::middleware

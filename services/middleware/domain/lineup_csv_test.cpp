#include "services/middleware/domain/lineup_csv.h"

#include <gmock/gmock.h>

#include "libs/testing/status_matchers.h"
#include "services/middleware/domain/csv.h"
#include "services/middleware/domain/lineup_import.h"

namespace holdfast::middleware {
namespace {

using test::HasCode;
using test::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const WallTime kNow = FromEpochSeconds(1767348000);

// What the stored lineup is after the plan.
StoredLineup After(const StoredLineup& before, const LineupImport& plan) {
  StoredLineup after = before;
  for (const Channel& channel : plan.put_channels) {
    std::erase_if(after.channels, [&](const Channel& c) { return c.id == channel.id; });
    after.channels.push_back(channel);
  }
  for (const Genre& genre : plan.put_genres) after.genres.push_back(genre);
  ++after.revision;
  return after;
}

absl::StatusOr<LineupImport> PlanCsv(const StoredLineup& stored, std::string_view csv) {
  auto list = ListOfCsv(csv);
  if (!list.ok()) return list.status();
  return PlanImport(stored, *list, LargeRemoval::kAllow, kNow);
}

TEST(CsvTest, CellsMayHoldCommasQuotesAndLineEnds) {
  const CsvTable table =
      ParseCsv("\xEF\xBB\xBF A ,b\r\n\"x,y\",\"say \"\"hi\"\"\"\n\"two\nlines\",\n\nz");
  EXPECT_THAT(table.columns, ElementsAre("a", "b"));
  ASSERT_THAT(table.rows, SizeIs(3));
  EXPECT_THAT(table.rows[0].cells, ElementsAre("x,y", "say \"hi\""));
  EXPECT_THAT(table.rows[1].cells, ElementsAre("two\nlines", ""));
  EXPECT_EQ(table.rows[2].line, 6);
  EXPECT_EQ(table.Cell(table.rows[2], "b"), "");
  EXPECT_EQ(table.Cell(table.rows[2], "none"), "");
  EXPECT_THAT(table.problem, IsEmpty());
}

TEST(CsvTest, SemicolonsDoWhereTheFirstLineHasNoComma) {
  const CsvTable table = ParseCsv("a;b\n1;\"2;3\"\n");
  EXPECT_THAT(table.columns, ElementsAre("a", "b"));
  EXPECT_THAT(table.rows.at(0).cells, ElementsAre("1", "2;3"));
}

TEST(CsvTest, ABrokenTableNamesItsLine) {
  EXPECT_EQ(ParseCsv("a\n\"x").problem, "line 2: a quoted cell does not end");
  EXPECT_EQ(ParseCsv("a\n\"x\"y").problem, "line 2: text behind a closing quote");
  EXPECT_EQ(ParseCsv("a\nb\nc", {.rows = 1}).problem, "line 3: more than 1 rows");
  EXPECT_EQ(ParseCsv("a\nb,c,d", {.cells = 2}).problem, "line 2: too many cells in a row");
  EXPECT_EQ(ParseCsv("a\nlong", {.cell_bytes = 3}).problem, "line 2: a cell is too long");
}

TEST(CsvTest, NothingIsAnEmptyTable) {
  EXPECT_THAT(ParseCsv("").columns, IsEmpty());
  EXPECT_THAT(ParseCsv("a,b").rows, IsEmpty());
}

TEST(CsvTest, ARowReadsBackAsItWasWritten) {
  const std::vector<std::string> cells = {"plain", "a,b", "a;b", "\"q\"", "x\r\ny", ""};
  std::string text = "1,2,3,4,5,6\n";
  AppendCsvRow(text, cells);
  EXPECT_EQ(ParseCsv(text).rows.at(0).cells, cells);
}

TEST(LineupCsvTest, AnExportReadsBackToTheSameLineup) {
  const M3uList m3u = ParseM3u(
      "#EXTINF:-1 tvg-id=\"n1\" tvg-logo=\"http://l/1,2.png\" group-title=\"News; HD;and more\" "
      "catchup=\"append\" catchup-days=\"2\" catchup-source=\"?utc={utc}\",One, \"two\"\n"
      "http://x/live/one/i.m3u8\n"
      "#EXTINF:-1 holdfast-encrypted=\"1\" holdfast-package=\"sport\" "
      "holdfast-catchup-hours=\"5\",Ball\nhttp://x/live/ball/i.m3u8\n"
      "#EXTINF:-1 group-title=\"Adult\",Late\nhttp://x/live/late/i.m3u8\n");
  ASSERT_OK_AND_ASSIGN(const LineupImport plan, PlanImport({}, m3u, LargeRemoval::kAllow, kNow));
  const StoredLineup stored = After({}, plan);
  const std::string csv = ExportCsv(Lineup(stored.channels, stored.genres, 1));
  ASSERT_OK_AND_ASSIGN(const LineupImport again, PlanCsv(stored, csv));
  EXPECT_EQ(again.unchanged, 3) << csv;
  EXPECT_FALSE(again.changes_anything()) << csv;
  EXPECT_THAT(again.problems, IsEmpty());
}

TEST(LineupCsvTest, AChannelIsKnownByItsIdWhateverElseChanges) {
  ASSERT_OK_AND_ASSIGN(const LineupImport plan,
                       PlanCsv({}, "name,directory\nA,live/a\nB,live/b\n"));
  const StoredLineup stored = After({}, plan);
  ASSERT_OK_AND_ASSIGN(
      const LineupImport renamed,
      PlanCsv(stored,
              "channel_id,name,directory\n2,A,live/x\n1,New,live/a\n2,C,live/c\n9,D,live/d\n"));
  EXPECT_EQ(renamed.changed, 2);
  EXPECT_EQ(renamed.added, 2);
  EXPECT_EQ(renamed.removed, 0);
  ASSERT_THAT(renamed.problems, SizeIs(2));
  EXPECT_EQ(renamed.problems[0].what, "the id 2 stands above");
  EXPECT_EQ(renamed.problems[1].what, "no channel has the id 9");
  EXPECT_EQ(renamed.put_channels[0].id, ChannelId(2));
  EXPECT_EQ(renamed.put_channels[0].name, "A");
}

TEST(LineupCsvTest, AWrongRowIsNamedWithItsColumnAndLeftOut) {
  ASSERT_OK_AND_ASSIGN(const M3uList list,
                       ListOfCsv("name,directory,number,adult\nA,live/a,x,\n,live/b,1,\n"
                                 "C,live/c,3,maybe\nD,,4,\nE,live/e,5,yes\nF,live/f,6,1,7\n"));
  ASSERT_THAT(list.entries, SizeIs(1));
  EXPECT_EQ(list.entries[0].name, "E");
  std::vector<std::string> problems;
  for (const M3uProblem& p : list.problems)
    problems.push_back(fmt::format("{}: {}", p.line, p.what));
  EXPECT_THAT(problems,
              ElementsAre("2: number is no number", "3: name is empty", "4: adult is not 0 or 1",
                          "5: directory is empty", "7: more cells than columns"));
}

TEST(LineupCsvTest, AWrongHeadingIsRefusedByItsName) {
  EXPECT_THAT(ListOfCsv("name,price\nA,1\n").status().message(), HasSubstr("'price'"));
  EXPECT_THAT(ListOfCsv("name\nA\n").status().message(), HasSubstr("directory is missing"));
  EXPECT_THAT(ListOfCsv("name,name,directory\n").status().message(), HasSubstr("stands twice"));
  EXPECT_THAT(ListOfCsv(""), HasCode(absl::StatusCode::kInvalidArgument));
}

TEST(LineupCsvTest, WithoutHoursThereIsNoCatchUp) {
  ASSERT_OK_AND_ASSIGN(const LineupImport plan,
                       PlanCsv({},
                               "name,directory,catch_up_hours,catch_up_source\n"
                               "A,live/a,,http://x/{utc}\nB,live/b,7,http://x/{utc}\n"));
  EXPECT_EQ(plan.put_channels.at(0).catch_up_hours, 0);
  EXPECT_EQ(plan.put_channels.at(0).catch_up_source, "");
  EXPECT_EQ(plan.put_channels.at(1).catch_up_hours, 7);
  EXPECT_EQ(plan.put_channels.at(1).catch_up_source, "http://x/{utc}");
}

}  // namespace
}  // namespace holdfast::middleware

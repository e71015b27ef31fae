// The words of apps and playlists: channel names of the guide, files and times in addresses.
#include <gmock/gmock.h>

#include <regex>
#include <set>

#include "services/middleware/domain/app_login.h"
#include "services/middleware/domain/guide_id.h"
#include "services/middleware/domain/xtream_address.h"

namespace holdfast::middleware {
namespace {

constexpr std::int64_t kTen = 1767348000;  // 2026-01-02 10:00:00 UTC

TEST(ExportedGuideIdTest, AHostLikeIdStaysAsItIs) {
  for (const char* id : {"news1.example", "DasErste.de", "a-b.c.d", "1.2"}) {
    EXPECT_EQ(ExportedGuideId(id), id);
  }
  EXPECT_EQ(ExportedGuideId(""), "");
}

TEST(ExportedGuideIdTest, AnyOtherIdBecomesOneThatXmltvAccepts) {
  const std::regex xmltv("[-a-zA-Z0-9]+(\\.[-a-zA-Z0-9]+)+");
  std::set<std::string> seen;
  const std::string long_id(500, 'x');
  for (const std::string& id :
       {std::string("UK_RT_2667"), std::string("UK-RT_2667"), std::string("EnerGeek Retro"),
        std::string("vmusic"), std::string(".de"), std::string("a..b"), std::string("a."),
        std::string("\xc3\xbc"), std::string("---"), std::string("a\0b", 3), long_id}) {
    const std::string exported = ExportedGuideId(id);
    EXPECT_TRUE(std::regex_match(exported, xmltv)) << id << " gave " << exported;
    EXPECT_TRUE(seen.insert(exported).second) << exported << " twice";
    EXPECT_EQ(exported, ExportedGuideId(id));
  }
  EXPECT_TRUE(ExportedGuideId("UK_RT_2667").starts_with("UK-RT-2667."));
}

TEST(StreamFileTest, TakesANumberWithOrWithoutAnEndingOfStreams) {
  EXPECT_EQ(ParseStreamFile("101")->form, StreamForm::kUnsaid);
  EXPECT_EQ(ParseStreamFile("101.ts")->form, StreamForm::kTs);
  EXPECT_EQ(ParseStreamFile("101.m3u8")->form, StreamForm::kHls);
  EXPECT_EQ(ParseStreamFile("101.m3u8")->id, ChannelId(101));
  for (const char* wrong : {"", ".ts", "0", "-1", "+1", "1e3", "101.mp4", "101.ts.ts", "101 ",
                            "9999999999999999999999", "../1", "1/2"}) {
    EXPECT_FALSE(ParseStreamFile(wrong)) << wrong;
  }
}

TEST(CatchUpStartTest, TakesEveryFormThatAppsSend) {
  for (const char* text :
       {"2026-01-02:10-00", "2026-01-02:10-00-00", "2026-01-02_10-00", "2026-01-02:10:00",
        "2026-01-02 10:00:00", "2026-01-02T10:00:00Z", "2026-01-02T10:00:00.000Z",
        "2026-01-02T12:00:00+02:00", "2026-01-02T06:30:00-0330", "1767348000", "1767348000000"}) {
    const auto start = ParseCatchUpStart(text);
    ASSERT_TRUE(start) << text;
    EXPECT_EQ(*start, kTen) << text;
  }
  EXPECT_EQ(*ParseCatchUpStart("2026-01-02:10-00-30"), kTen + 30);
}

TEST(CatchUpStartTest, RefusesTheRest) {
  for (const char* text :
       {"", "now", "2026", "2026-13-02:10-00", "2026-02-30:10-00", "2026-01-02:24-00",
        "2026-01-02:10-60", "2026-01-02:10", "2026-01-02", "0", "-5", "99999999999999999",
        "2026-01-02:10-00x", "2026-01-02T10:00:00+99:00", "1999-01-02:10-00"}) {
    EXPECT_FALSE(ParseCatchUpStart(text)) << text;
  }
}

TEST(CatchUpMinutesTest, AreFromOneToADay) {
  EXPECT_EQ(*ParseCatchUpMinutes("60"), 60);
  EXPECT_EQ(*ParseCatchUpMinutes("1440"), 1440);
  for (const char* text : {"", "0", "-1", "1441", "6o", "99999999999999999999"}) {
    EXPECT_FALSE(ParseCatchUpMinutes(text)) << text;
  }
}

TEST(AppLoginTest, BillingsLaterWordCounts) {
  const AppLogin early{.verified_at = 10, .revision = 9};
  const AppLogin late{.verified_at = 11};
  const AppLogin stored{.verified_at = 11, .revision = 1};
  EXPECT_TRUE(Supersedes(late, early));
  EXPECT_FALSE(Supersedes(early, late));
  EXPECT_TRUE(Supersedes(stored, late));
  EXPECT_FALSE(Supersedes(late, late));
}

}  // namespace
}  // namespace holdfast::middleware

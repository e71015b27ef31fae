#include "services/middleware/domain/m3u.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

namespace holdfast::middleware {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Test programs run in the root of the source tree.
std::string ReadFile(const std::string& name) {
  std::ifstream file("tests/contract/data/m3u/" + name, std::ios::binary);
  EXPECT_TRUE(file.good()) << name;
  std::stringstream content;
  content << file.rdbuf();
  return content.str();
}

std::vector<std::string> Names(const M3uList& list) {
  std::vector<std::string> names;
  for (const M3uEntry& e : list.entries) names.push_back(e.name);
  return names;
}

std::vector<int> ProblemLines(const M3uList& list) {
  std::vector<int> lines;
  for (const M3uProblem& p : list.problems) lines.push_back(p.line);
  return lines;
}

TEST(M3uTest, ReadsAttributesNameAndAddress) {
  const M3uList list = ParseM3u(
      "#EXTM3U url-tvg=\"http://x/guide.xml\"\n"
      "#EXTINF:-1 tvg-id=\"news1.example\" tvg-logo=\"http://x/a,b.png\" tvg-chno=5 "
      "group-title=\"News;HD\",News 1\n"
      "http://127.0.0.1/live/news-1/index.m3u8|user-agent=x\n");
  ASSERT_THAT(list.entries, SizeIs(1));
  const M3uEntry& entry = list.entries[0];
  EXPECT_EQ(entry.line, 2);
  EXPECT_EQ(entry.name, "News 1");
  EXPECT_EQ(entry.group, "News;HD");
  EXPECT_EQ(entry.Attribute("tvg-id"), "news1.example");
  EXPECT_EQ(entry.Attribute("tvg-logo"), "http://x/a,b.png");
  EXPECT_EQ(entry.Attribute("tvg-chno"), "5");
  EXPECT_EQ(entry.Attribute("absent"), "");
  EXPECT_EQ(entry.address, "http://127.0.0.1/live/news-1/index.m3u8");
  EXPECT_EQ(list.header.at("url-tvg"), "http://x/guide.xml");
  EXPECT_THAT(list.problems, IsEmpty());
}

TEST(M3uTest, AnyLineEndAndAByteOrderMarkWillDo) {
  for (const char* end : {"\n", "\r\n", "\r"}) {
    const std::string text = std::string("\xef\xbb\xbf#EXTM3U") + end + "#EXTINF:-1,One" + end +
                             "http://a/b" + end + "#EXTINF:0,Two" + end + "http://a/c";
    const M3uList list = ParseM3u(text);
    EXPECT_THAT(Names(list), ElementsAre("One", "Two"));
    EXPECT_EQ(list.entries[1].line, 4);
  }
}

TEST(M3uTest, NamesMayHoldCommasAndAttributesAnyCase) {
  EXPECT_THAT(Names(ParseM3u("#EXTINF: -1, name,with comma\nx")), ElementsAre("name,with comma"));
  const M3uList list = ParseM3u("#extinf:-1 TVG-ID=\"a\" tvg-id=\"b\",n\nx");
  EXPECT_EQ(list.entries.at(0).Attribute("tvg-id"), "a");
}

TEST(M3uTest, AQuoteThatNeverClosesCostsTheAttributesNotTheName) {
  EXPECT_THAT(Names(ParseM3u("#EXTINF:-1 tvg-id=\"a\" tvg-name=\"never closed,News 1\nhttp://a/b")),
              ElementsAre("News 1"));
}

TEST(M3uTest, ProblemsNameTheirLine) {
  const M3uList list = ParseM3u(
      "#EXTM3U\n"
      "#EXTINF:-1,no address\n"
      "#EXTINF:-1,\n"
      "http://a/no-name\n"
      "stray text\n"
      "#EXTINF:-1,good\nhttp://a/b\n"
      "#EXTINF:-1,last");
  EXPECT_THAT(Names(list), ElementsAre("good"));
  EXPECT_THAT(ProblemLines(list), ElementsAre(2, 3, 5, 8));
  EXPECT_EQ(list.problems[0].what, "no address after #EXTINF");
  EXPECT_EQ(list.problems[1].what, "no name after the comma");
}

TEST(M3uTest, ANameMayComeFromTvgName) {
  EXPECT_THAT(Names(ParseM3u("#EXTINF:-1 tvg-name=\"X\",\na")), ElementsAre("X"));
}

TEST(M3uTest, GroupLinesCountWhereThereIsNoGroupTitle) {
  const M3uList list =
      ParseM3u("#EXTINF:-1,a\n#EXTGRP:News\nx\n#EXTINF:-1 group-title=\"Kids\",b\n#EXTGRP:News\nx");
  EXPECT_EQ(list.entries.at(0).group, "News");
  EXPECT_EQ(list.entries.at(1).group, "Kids");
}

TEST(M3uTest, BrokenTextBecomesCleanUtf8) {
  EXPECT_EQ(CleanUtf8("Afyon T\xc3\xbcrk"), "Afyon T\xc3\xbcrk");
  EXPECT_EQ(CleanUtf8("a\xffz"), "a\xef\xbf\xbdz");
  EXPECT_EQ(CleanUtf8("\xc3"), "\xef\xbf\xbd");
  EXPECT_EQ(CleanUtf8("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");  // a surrogate
  EXPECT_EQ(CleanUtf8("\xc0\xaf"), "\xef\xbf\xbd\xef\xbf\xbd");                  // overlong
  EXPECT_EQ(CleanUtf8(std::string_view("a\0b\x7f", 4)), "a b ");
}

TEST(M3uTest, LimitsHold) {
  std::string many;
  for (int i = 0; i < 20; ++i) many += "#EXTINF:-1,c\nhttp://a/b\n";
  const M3uList list = ParseM3u(many, {.entries = 10});
  EXPECT_THAT(list.entries, SizeIs(10));
  EXPECT_THAT(list.problems, SizeIs(1));

  EXPECT_THAT(ParseM3u("#EXTINF:-1," + std::string(100, 'x') + "\na", {.line_bytes = 50}).entries,
              IsEmpty());

  std::string strays;
  for (int i = 0; i < 100; ++i) strays += "stray\n";
  EXPECT_THAT(ParseM3u(strays, {.problems = 5}).problems, SizeIs(6));
}

TEST(M3uTest, FilesOfTheFieldAreRead) {
  EXPECT_THAT(Names(ParseM3u(ReadFile("base.m3u"))),
              ElementsAre("Channel 1 (Tested)", "Channel 2", "=>(★ TURKİYE ★)<=", "TRT 1 HD",
                          "name,with comma", "The Good, the Bad and the Ugly"));
  EXPECT_THAT(Names(ParseM3u(ReadFile("comment.m3u"))), ElementsAre("tamazight tv8"));
  EXPECT_THAT(Names(ParseM3u(ReadFile("duplicate.m3u"))), ElementsAre("Agromais", "Agromais"));
  EXPECT_THAT(Names(ParseM3u(ReadFile("kodi.m3u"))), ElementsAre("RTP 1"));
  EXPECT_THAT(Names(ParseM3u(ReadFile("pipe.m3u"))), ElementsAre("Sport channel", "News channel"));
  EXPECT_EQ(ParseM3u(ReadFile("pipe.m3u")).entries[1].address,
            "http://my-news-stream:8999/d/letsplay/video.mp4");
  EXPECT_EQ(ParseM3u(ReadFile("base.m3u")).entries[1].address, "stream/chunklist.m3u8");
  EXPECT_THAT(ParseM3u(ReadFile("vlcopt.m3u")).entries, SizeIs(1));
  EXPECT_THAT(ParseM3u(ReadFile("url_tvg.m3u")).entries, SizeIs(1));
  EXPECT_THAT(ParseM3u(ReadFile("user_agent.m3u")).entries, SizeIs(1));
}

TEST(M3uTest, EveryEntryOfTheLargeListsIsFound) {
  for (const char* name : {"iptvorg2021_at.m3u", "iptvorg2021_tr.m3u"}) {
    const std::string text = ReadFile(name);
    std::size_t marks = 0;
    for (std::size_t at = 0; (at = text.find("#EXTINF", at)) != std::string::npos; ++at) ++marks;
    const M3uList list = ParseM3u(text);
    EXPECT_EQ(list.entries.size(), marks) << name;
    EXPECT_THAT(list.problems, IsEmpty()) << name;
  }
}

TEST(M3uTest, DamagedListsNeverCrashAndStayCleanUtf8) {
  const std::uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::string whole = ReadFile("base.m3u") + ReadFile("kodi.m3u");
  for (int round = 0; round < 2000; ++round) {
    std::string text = whole.substr(random() % whole.size());
    for (int flips = 0; flips < 20; ++flips)
      text[random() % text.size()] = static_cast<char>(random());
    for (const M3uEntry& e : ParseM3u(text).entries) {
      ASSERT_EQ(CleanUtf8(e.name), e.name);
      ASSERT_EQ(CleanUtf8(e.address), e.address);
    }
  }
}

}  // namespace
}  // namespace holdfast::middleware

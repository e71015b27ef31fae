#include "services/epg/domain/xmltv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "libs/testing/status_matchers.h"

namespace holdfast::epg {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Not;

struct Guide {
  absl::Status status;
  XmltvCounts counts;
  std::vector<XmltvChannel> channels;
  std::map<std::string, std::vector<RawProgramme>> programmes;
};

Guide Read(std::string_view xml, const XmltvOptions& options = {}, std::size_t piece = 4096) {
  Guide guide;
  XmltvReader reader(
      options, [&](XmltvChannel channel) { guide.channels.push_back(std::move(channel)); },
      [&](std::string channel, RawProgramme p) { guide.programmes[channel].push_back(std::move(p)); });
  for (std::size_t at = 0; at < xml.size() && guide.status.ok(); at += piece) {
    guide.status = reader.Feed(xml.substr(at, piece));
  }
  if (guide.status.ok()) guide.status = reader.Finish();
  guide.counts = reader.counts();
  return guide;
}

std::string File(const std::string& name) {
  std::ifstream in("services/epg/testdata/" + name, std::ios::binary);
  EXPECT_TRUE(in) << name << " is missing; run from the repository root";
  std::stringstream content;
  content << in.rdbuf();
  return content.str();
}

std::int64_t At(std::string_view text) { return *ParseXmltvTime(text, TimeZone::Utc()); }

// What a correct reader counts in each real file; times are of the programmes that stay.
struct Expected {
  std::string file;
  int channels;
  int programmes;
  int stop_before_start;
  int double_starts;
  std::string first_start;
  std::string last_stop;
};

class RealGuides : public ::testing::TestWithParam<Expected> {};

TEST_P(RealGuides, AreCountedRight) {
  const Expected& expected = GetParam();
  for (const std::size_t piece : {std::size_t{7}, std::size_t{65536}}) {
    const Guide guide = Read(File(expected.file), {}, piece);
    ASSERT_THAT(guide.status, test::IsOk());
    EXPECT_EQ(guide.counts.channels, expected.channels);
    EXPECT_EQ(guide.counts.programmes, expected.programmes);
    EXPECT_EQ(guide.counts.bad_times, 0);

    int stop_before_start = 0;
    int double_starts = 0;
    std::int64_t first = INT64_MAX, last = 0;
    for (const auto& [channel, list] : guide.programmes) {
      std::map<std::int64_t, int> starts;
      for (const RawProgramme& raw : list) {
        stop_before_start += raw.programme.stop <= raw.programme.start ? 1 : 0;
        double_starts += starts[raw.programme.start]++ > 0 ? 1 : 0;
        first = std::min(first, raw.programme.start);
        last = std::max(last, raw.programme.stop);
      }
    }
    EXPECT_EQ(stop_before_start, expected.stop_before_start);
    EXPECT_EQ(double_starts, expected.double_starts);
    EXPECT_EQ(first, At(expected.first_start));
    EXPECT_EQ(last, At(expected.last_stop));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Xmltv, RealGuides,
    ::testing::Values(
        Expected{"legalstream_EPG.xml", 6, 6, 0, 0, "201512312200", "201612312200"},
        Expected{"freearhey_basic.xml", 2, 2, 0, 0, "200807150630", "200807150830"},
        Expected{"iptvorg_energeek.cl.xml", 5, 294, 0, 0, "202211290300", "202212020300"},
        Expected{"iptvorg_makrodigitaltelevision.com.xml", 1, 66, 0, 2, "202502161300", "202502190459"},
        Expected{"iptvorg_nzxmltv.com.xml", 1, 2, 0, 0, "202311211030", "202311211210"},
        Expected{"iptvorg_vantagetv.ee.xml", 3, 332, 0, 0, "202601260001", "202602090400"},
        Expected{"jellyfin_MultilanguageData.xml", 1, 2, 0, 0, "201511261000", "201511261200"},
        Expected{"jellyfin_UK_Data.xml", 5, 1964, 49, 49, "201511260600", "201512090600"},
        Expected{"jellyfin_custom.xml", 1, 1, 0, 0, "202007290100", "202007290201"},
        Expected{"jellyfin_schedulesdirect.xml", 2, 2, 0, 0, "202007290000", "202007290201"}));

TEST(Xmltv, EmptyProgrammesDoNotHideTheRealOnes) {
  Guide guide = Read(File("jellyfin_UK_Data.xml"));
  int kept = 0;
  ScheduleRepairs repairs;
  for (auto& [channel, list] : guide.programmes) {
    kept += static_cast<int>(MakeSchedule(std::move(list), repairs).size());
  }
  EXPECT_EQ(repairs.dropped_empty, 49);
  EXPECT_EQ(repairs.dropped_doubles, 0);
  EXPECT_EQ(kept, 1964 - 49);
}

TEST(Xmltv, TakesThePreferredLanguage) {
  const std::string xml =
      "<tv><programme start='20260101' channel='a'><title lang='de'>Hallo</title>"
      "<title lang='en'>Hello</title><title lang='fr'>Salut</title></programme></tv>";
  EXPECT_EQ(Read(xml).programmes["a"][0].programme.title, "Hallo");
  EXPECT_EQ(Read(xml, {.languages = {"fr", "en"}}).programmes["a"][0].programme.title, "Salut");
  EXPECT_EQ(Read(xml, {.languages = {"es"}}).programmes["a"][0].programme.title, "Hallo");
}

TEST(Xmltv, ReadsEveryFieldThatBoxesShow) {
  const Guide guide = Read(
      "<tv><programme start='20260102100000 +0100' stop='20260102110000 +0100' channel='n'>"
      "<title>News &amp; more</title><sub-title>Friday</sub-title><desc>What &eacute;lse</desc>"
      "<credits><director>D</director><actor>A</actor><actor>B</actor></credits>"
      "<category>News</category><icon src='http://x/i.png'/>"
      "<episode-num system='onscreen'>S1E2</episode-num>"
      "<episode-num system='xmltv_ns'>0.1.</episode-num><rating><value>12</value></rating>"
      "</programme></tv>");
  ASSERT_THAT(guide.status, test::IsOk());
  const Programme& p = guide.programmes.at("n")[0].programme;
  EXPECT_EQ(p.title, "News & more");
  EXPECT_EQ(p.sub_title, "Friday");
  EXPECT_EQ(p.description, "What \u00e9lse");
  EXPECT_EQ(p.director, "D");
  EXPECT_EQ(p.actors, "A, B");
  EXPECT_EQ(p.category, "News");
  EXPECT_EQ(p.genre_code, 0x20);
  EXPECT_EQ(p.icon_url, "http://x/i.png");
  EXPECT_EQ(p.episode, "0.1.");
  EXPECT_EQ(p.rating, "12");
  EXPECT_EQ(p.start, At("20260102090000"));
}

TEST(Xmltv, OneBadProgrammeDoesNotSpoilTheFeed) {
  const Guide guide = Read(
      "<tv><programme start='yesterday' channel='a'><title>x</title></programme>"
      "<programme start='20260101'><title>no channel</title></programme>"
      "<programme start='20260101' stop='soon' channel='a'/>"
      "<programme start='20260101' channel='a'><title>good</title></programme></tv>");
  ASSERT_THAT(guide.status, test::IsOk());
  EXPECT_EQ(guide.counts.programmes, 4);
  EXPECT_EQ(guide.counts.bad_times, 2);
  EXPECT_EQ(guide.counts.without_channel, 1);
  EXPECT_EQ(guide.programmes.at("a").size(), 1u);
}

TEST(Xmltv, HalfAFeedIsAnErrorWhereverItEnds) {
  const std::string whole = File("jellyfin_custom.xml");
  const std::size_t end = whole.rfind("</tv>");
  for (std::size_t cut = 1; cut < end + 4; cut += 37) {
    EXPECT_THAT(Read(whole.substr(0, cut)).status, Not(test::IsOk())) << "cut at " << cut;
  }
}

TEST(Xmltv, RefusesWhatIsNotAGuide) {
  EXPECT_THAT(Read("").status, Not(test::IsOk()));
  EXPECT_THAT(Read("{\"a\":1}").status, Not(test::IsOk()));
  EXPECT_THAT(Read("<html></html>").status, test::HasMessage("not <tv>"));
  EXPECT_THAT(Read("<tv><programme></tv>").status, Not(test::IsOk()));
  EXPECT_THAT(Read(std::string("<tv>\0</tv>", 10)).status, Not(test::IsOk()));
}

TEST(Xmltv, RefusesDeepNesting) {
  std::string xml = "<tv>";
  for (int i = 0; i < 1000; ++i) xml += "<a>";
  EXPECT_THAT(Read(xml).status, test::HasMessage("nested deeper"));
}

TEST(Xmltv, ExpandsNoEntityOfTheFeed) {
  const Guide bomb = Read(
      "<?xml version='1.0'?><!DOCTYPE tv [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;'>"
      "<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"
      "<tv><programme start='20260101' channel='a'><title>&b;&b;&x;</title></programme></tv>");
  for (const auto& [channel, list] : bomb.programmes) {
    EXPECT_EQ(list[0].programme.title.find("root:"), std::string::npos);
    EXPECT_LT(list[0].programme.title.size(), 200u);
  }
}

TEST(Xmltv, CutsEndlessText) {
  const std::string xml = "<tv><programme start='20260101' channel='a'><title>" +
                          std::string(1 << 20, 'x') + "</title></programme></tv>";
  EXPECT_EQ(Read(xml, {.max_text_bytes = 1000}).programmes["a"][0].programme.title.size(), 1000u);
}

TEST(Xmltv, ReadsOtherEncodings) {
  const Guide guide = Read(
      "<?xml version='1.0' encoding='ISO-8859-1'?><tv><programme start='20260101' channel='a'>"
      "<title>caf\xe9</title></programme></tv>");
  ASSERT_THAT(guide.status, test::IsOk());
  EXPECT_EQ(guide.programmes.at("a")[0].programme.title, "caf\u00e9");
}

TEST(XmltvTime, KnowsTheFormsOfTheDtd) {
  const TimeZone utc;
  EXPECT_EQ(ParseXmltvTime("20260102100000 +0000", utc), 1767348000);
  EXPECT_EQ(ParseXmltvTime("20260102100000", utc), 1767348000);
  EXPECT_EQ(ParseXmltvTime("202601021000", utc), 1767348000);
  EXPECT_EQ(ParseXmltvTime("20260102110000 +0100", utc), 1767348000);
  EXPECT_EQ(ParseXmltvTime("20260102063000 -0330", utc), 1767348000);
  EXPECT_EQ(ParseXmltvTime("20260102224500 +12:45", utc), 1767348000);
  EXPECT_EQ(ParseXmltvTime("20260102110000 BST", utc), 1767348000);
  EXPECT_EQ(ParseXmltvTime("2026", utc), 1767225600);
}

TEST(XmltvTime, UsesTheDefaultZoneOfTheSource) {
  EXPECT_EQ(ParseXmltvTime("20260102180000", *TimeZone::Load("Asia/Shanghai")), 1767348000);
}

TEST(XmltvTime, SummerTimeEndsTwiceAtHalfPastTwoButOffsetsTellThemApart) {
  const TimeZone utc;
  EXPECT_EQ(*ParseXmltvTime("20261025023000 +0100", utc) - *ParseXmltvTime("20261025023000 +0200", utc), 3600);
}

TEST(XmltvTime, RefusesNonsense) {
  for (const std::string_view text :
       {"", "now", "202", "20261301", "20260230", "20260102250000", "2026010210000", "20260102 +1",
        "20260102100000 +9900", "20260102100000 IST", "20260102100000 +01x0", "99990101",
        "202601021000000", "-20260102"}) {
    EXPECT_EQ(ParseXmltvTime(text, TimeZone::Utc()), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace holdfast::epg

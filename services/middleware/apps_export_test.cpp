// Playlists and the guide as files: what players read from them, and what the tools of the XMLTV
// project say about them.
#include <gmock/gmock.h>

#include <cstdio>
#include <fstream>

#include "holdfast/epg/v1/epg.pb.h"
#include "libs/testing/temp_dir.h"
#include "services/middleware/apps_fixture_test.h"
#include "services/middleware/domain/m3u.h"
#include "services/middleware/playlist_export.h"
#include "services/middleware/xmltv_escape.h"
#include "services/middleware/xmltv_export.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class AppsExportTest : public testing::Test {
 protected:
  void SetUp() override {
    app_.box().HaveEverything();
    app_.HaveLogin();
  }
  AppAnswer Playlist(const std::string& rest = "") {
    return app_.Get(std::string("/get.php?") + kAdaFields + rest);
  }
  AppAnswer Guide(AppsFixture::Headers headers = {}) {
    return app_.Get(std::string("/xmltv.php?") + kAdaFields, std::move(headers));
  }

  AppsFixture app_;
};

TEST_F(AppsExportTest, APlaylistHasTheAttributesThatPlayersRead) {
  const AppAnswer answer = Playlist("&type=m3u_plus&output=m3u8");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.content_type, StartsWith("audio/x-mpegurl"));
  const M3uList list = ParseM3u(answer.body);
  EXPECT_TRUE(list.problems.empty());
  EXPECT_EQ(*Find(list.header, "url-tvg"), app_.url() + "/xmltv.php?" + kAdaFields);
  EXPECT_EQ(*Find(list.header, "x-tvg-url"), *Find(list.header, "url-tvg"));
  ASSERT_EQ(list.entries.size(), 2u);
  const M3uEntry& news = list.entries[0];
  EXPECT_EQ(news.name, "News 1");
  EXPECT_EQ(news.Attribute("tvg-id"), "news1.example");
  EXPECT_EQ(news.Attribute("tvg-name"), "News 1");
  EXPECT_EQ(news.Attribute("tvg-logo"), "http://l/1.png");
  EXPECT_EQ(news.Attribute("tvg-chno"), "1");
  EXPECT_EQ(news.Attribute("group-title"), "news");
  EXPECT_EQ(news.Attribute("catchup"), "default");
  EXPECT_EQ(news.Attribute("catchup-days"), "7");
  EXPECT_EQ(news.Attribute("catchup-source"), app_.url() + "/streaming/timeshift.php?" +
                                                  kAdaFields +
                                                  "&stream=1&start={utc}&duration={duration:60}");
  EXPECT_EQ(news.address, app_.url() + "/live" + kAdaPath + "/1.m3u8");
  EXPECT_EQ(list.entries[1].Attribute("catchup"), "");
  EXPECT_EQ(list.entries[1].Attribute("tvg-name"), "Film 'One'");
}

TEST_F(AppsExportTest, EveryAddressInAPlaylistPlays) {
  const M3uList list = ParseM3u(Playlist("&output=ts").body);
  ASSERT_EQ(list.entries.size(), 2u);
  for (const M3uEntry& entry : list.entries) {
    ASSERT_THAT(entry.address, StartsWith(app_.url()));
    EXPECT_THAT(entry.address, testing::EndsWith(".ts"));
    EXPECT_EQ(app_.Get(entry.address.substr(app_.url().size())).status, 302);
  }
}

TEST_F(AppsExportTest, TheBareFormHasNamesOnly) {
  EXPECT_EQ(Playlist("&type=m3u").body, "#EXTM3U\n#EXTINF:-1,News 1\n" + app_.url() + "/live" +
                                            kAdaPath + "/1.m3u8\n#EXTINF:-1,Film \"One\"\n" +
                                            app_.url() + "/live" + kAdaPath + "/2.m3u8\n");
}

TEST_F(AppsExportTest, StationsStandBehindTheChannelsAsRadio) {
  replica::Update update{.kind = replica::Update::Kind::kFull, .epoch = "test", .revision = 1};
  for (const auto& [number, package] : {std::pair(1, ""), std::pair(2, "sport")}) {
    v1::CatalogueItem item;
    item.mutable_radio()->set_radio_id(number);
    item.mutable_radio()->set_number(number);
    item.mutable_radio()->set_name("Radio \"" + std::to_string(number) + "\"");
    item.mutable_radio()->set_address("http://r/" + std::to_string(number));
    item.mutable_radio()->set_package_id(package);
    update.items.emplace_back("r" + std::to_string(number), MakeShared(item.SerializeAsString()));
  }
  ASSERT_THAT(app_.box().portal().models().catalogue_replica().Apply(update), test::IsOk());
  const M3uList list = ParseM3u(Playlist("&type=m3u_plus").body);
  EXPECT_TRUE(list.problems.empty());
  ASSERT_EQ(list.entries.size(), 3u);  // the other one is in no package of theirs
  const M3uEntry& station = list.entries[2];
  EXPECT_EQ(station.Attribute("radio"), "true");
  EXPECT_EQ(station.Attribute("group-title"), "Radio");
  EXPECT_EQ(station.Attribute("tvg-name"), "Radio '1'");
  EXPECT_EQ(station.name, "Radio \"1\"");
  EXPECT_EQ(station.address, "http://r/1");
  EXPECT_EQ(list.entries[0].Attribute("radio"), "");
  // Players of the bare form would take it for a channel.
  EXPECT_THAT(Playlist("&type=m3u").body, Not(HasSubstr("http://r/")));
}

TEST_F(AppsExportTest, WhoHasThePlaylistIsToldSo) {
  const AppAnswer first = Playlist();
  const std::string path = std::string("/get.php?") + kAdaFields;
  const AppAnswer again = app_.Get(path, {{"If-None-Match", first.etag}});
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.body, "");
  app_.box().HaveEntitlement("acc-1", {"basic", "sport"});
  EXPECT_EQ(app_.Get(path, {{"If-None-Match", first.etag}}).status, 200);
  EXPECT_TRUE(app_.Get(path, {{"Accept-Encoding", "gzip"}}).gzipped);
}

TEST(PlaylistTest, NothingInANameEndsALineOrAnAttribute) {
  Channel channel{.id = ChannelId(1), .number = 1, .name = "A\n#EXTINF:-1,B\r\"C", .logo = "\"\n"};
  const Lineup lineup({channel}, {}, 1);
  const Credentials credentials{"a b", "\"\n?&"};
  const std::string m3u = RenderPlaylist(lineup, {&lineup.channels()[0]},
                                         {.base_url = "http://x", .credentials = credentials});
  EXPECT_EQ(std::count(m3u.begin(), m3u.end(), '\n'), 3);
  EXPECT_THAT(m3u, HasSubstr("/live/a%20b/%22%0A%3F%26/1.m3u8\n"));
  EXPECT_EQ(ParseM3u(m3u).entries.size(), 1u);
}

TEST_F(AppsExportTest, TheGuideHasChannelsThenProgrammesInUtc) {
  const AppAnswer answer = Guide();
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.content_type, StartsWith("application/xml"));
  EXPECT_THAT(
      answer.body,
      StartsWith(
          "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<tv generator-info-name=\"Holdfast\">\n"
          "<channel id=\"news1.example\"><display-name>News 1</display-name>"
          "<icon src=\"http://l/1.png\"/></channel>\n<programme "));
  EXPECT_THAT(answer.body,
              HasSubstr("<programme start=\"20260102093000 +0000\" stop=\"20260102103000 +0000\" "
                        "channel=\"news1.example\"><title>Show 0</title>"
                        "<desc>About &quot;it&quot;</desc></programme>\n"));
  // A channel that has none is left out: validators and players want programmes.
  EXPECT_THAT(answer.body, Not(HasSubstr("film.example")));
}

TEST_F(AppsExportTest, TheGuideIsSentCompressedOrNotAtAll) {
  const AppAnswer packed = Guide({{"Accept-Encoding", "gzip"}});
  EXPECT_TRUE(packed.gzipped);
  EXPECT_EQ(packed.body, Guide().body);
  EXPECT_EQ(Guide({{"Accept-Encoding", "gzip"}, {"If-None-Match", packed.etag}}).status, 304);
  EXPECT_EQ(Guide({{"If-None-Match", Guide().etag}}).status, 304);
  // Another instance, which learnt the same by another way, tells the same tag.
  AppsFixture other;
  other.box().HaveEverything();
  other.HaveLogin();
  other.box().HaveGuide("news1.example", 30);
  EXPECT_EQ(other.Get(std::string("/xmltv.php?") + kAdaFields).etag, Guide().etag);
}

TEST_F(AppsExportTest, AnotherPackageIsAnotherGuide) {
  const std::string before = Guide().body;
  app_.box().HaveEntitlement("acc-1", {"sport"});
  EXPECT_NE(Guide().body, before);
  EXPECT_THAT(Guide().body, Not(HasSubstr("<programme")));
}

// What tv_validate_file and xmllint say about a file.
class XmltvValidityTest : public testing::Test {
 protected:
  static bool Passes(const std::string& command, const std::string& file) {
    return std::system((command + " " + file + " >" + file + ".log 2>&1").c_str()) == 0;
  }
  void ExpectValid(const std::string& xml) {
    const std::string file = dir_.File("guide.xml");
    std::ofstream(file, std::ios::binary) << xml;
    EXPECT_TRUE(Passes("xmllint --noout --nonet --dtdvalid /usr/share/xmltv/xmltv.dtd", file))
        << Log(file);
    EXPECT_TRUE(Passes("XMLTV_SUPPLEMENT=/usr/share/xmltv tv_validate_file", file)) << Log(file);
  }
  static std::string Log(const std::string& file) {
    std::ifstream in(file + ".log");
    return {std::istreambuf_iterator<char>(in), {}};
  }

  test::TempDir dir_;
};

TEST_F(XmltvValidityTest, TheServedFileIsValid) {
  AppsFixture app;
  app.box().HaveEverything();
  app.HaveLogin();
  ExpectValid(app.Get(std::string("/xmltv.php?") + kAdaFields).body);
}

TEST_F(XmltvValidityTest, AnyGuideGivesAValidFile) {
  std::string all_bytes;
  for (int i = 0; i < 256; ++i) all_bytes += static_cast<char>(i);
  const std::vector<Programme> programmes = {{.start = kNowSeconds,
                                              .stop = kNowSeconds + 60,
                                              .title = all_bytes,
                                              .description = all_bytes,
                                              .category = all_bytes,
                                              .director = all_bytes,
                                              .actors = all_bytes,
                                              .sub_title = all_bytes,
                                              .episode = all_bytes,
                                              .icon = all_bytes},
                                             {.start = kNowSeconds + 60,
                                              .stop = kNowSeconds + 120,
                                              .title = " \xc2\xa0\t",
                                              .description = "\n",
                                              .actors = " , ,",
                                              .sub_title = " "},
                                             {.start = kNowSeconds + 120,
                                              .stop = kNowSeconds + 180,
                                              .title = "\xc2\x85\x01",
                                              .actors = "Ann,, Bob",
                                              .episode = "0.4."},
                                             {.start = kNowSeconds + 180,
                                              .stop = kNowSeconds + 240,
                                              .title = "]]>&amp;<b>",
                                              .episode = "1/.2.3"},
                                             {.start = kNowSeconds + 240,
                                              .stop = kNowSeconds + 300,
                                              .title = "T\xc3\xbcrk \xf0\x9f\x93\xba",
                                              .episode = "S01E02"}};
  const std::string rendered = RenderXmltvProgrammes("a.b", programmes);
  EXPECT_THAT(rendered, HasSubstr("<actor>Ann</actor><actor>Bob</actor>"));
  EXPECT_THAT(rendered, HasSubstr("<episode-num system=\"xmltv_ns\">0.4.</episode-num>"));
  EXPECT_THAT(rendered, HasSubstr("<episode-num system=\"onscreen\">1/.2.3</episode-num>"));
  EXPECT_THAT(rendered, HasSubstr("<title>]]&gt;&amp;amp;&lt;b&gt;</title>"));
  ExpectValid(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<tv><channel id=\"a.b\">"
      "<display-name>x</display-name></channel>\n" +
      rendered + "</tv>\n");
}

// U+FFFD, noncharacters of every plane, and bytes that are not UTF-8.
TEST_F(XmltvValidityTest, WhatASourceHasBrokenIsLeftOut) {
  const std::string broken =
      "A\xef\xbf\xbd"
      "B\xef\xbf\xbe\xef\xb7\x90\xef\xb7\xaf\xf0\x9f\xbf\xbf\xf4\x8f\xbf\xbe"
      "C\xff\xed\xa0\x80"
      "D\xf0\x9f\x98\x80";
  std::string xml;
  AppendXmlEscaped(xml, broken);
  EXPECT_EQ(xml, "ABCD\xf0\x9f\x98\x80");
  EXPECT_TRUE(IsBlankInXml(" \xef\xbf\xbd\xff"));
  EXPECT_FALSE(IsBlankInXml("\xef\xbf\xbd.\xff"));

  AppsFixture app;
  app.box().HaveEverything();
  app.HaveLogin();
  app.box().HaveLineup(
      "#EXTM3U\n#EXTINF:-1 tvg-id=\"news1.example\",News \xef\xbf\xbd 1\n"
      "http://x/live/news-1/i.m3u8\n"
      "#EXTINF:-1 group-title=\"films\",F\nhttp://x/live/f/i.m3u8\n"
      "#EXTINF:-1 group-title=\"sport\",S\nhttp://x/live/s/i.m3u8\n");
  const AppAnswer guide = app.Get(std::string("/xmltv.php?") + kAdaFields);
  EXPECT_THAT(guide.body, HasSubstr("<display-name>News  1</display-name>"));
  ExpectValid(guide.body);
}

TEST_F(XmltvValidityTest, ChannelsThatShareAGuideAreOneChannelWithAllTheirNames) {
  AppsFixture app;
  app.box().HaveEverything();
  app.HaveLogin();
  app.box().HaveLineup(
      "#EXTM3U\n#EXTINF:-1 tvg-id=\"UK_RT 1\",One HD\nhttp://x/live/a/i.m3u8\n"
      "#EXTINF:-1 tvg-id=\"UK_RT 1\",One <SD>\nhttp://x/live/b/i.m3u8\n"
      "#EXTINF:-1,Two\nhttp://x/live/c/i.m3u8\n"
      "#EXTINF:-1,Three\nhttp://x/live/d/i.m3u8\n");
  app.box().HaveGuide("UK_RT 1", 30);
  const AppAnswer guide = app.Get(std::string("/xmltv.php?") + kAdaFields);
  EXPECT_THAT(guide.body, HasSubstr("<display-name>One HD</display-name>"
                                    "<display-name>One &lt;SD&gt;</display-name></channel>"));
  ExpectValid(guide.body);
  // The playlist calls the guide by the same name.
  const M3uList list = ParseM3u(app.Get(std::string("/get.php?") + kAdaFields).body);
  ASSERT_EQ(list.entries.size(), 4u);
  EXPECT_THAT(guide.body, HasSubstr("<channel id=\"" +
                                    std::string(list.entries[0].Attribute("tvg-id")) + "\">"));
}

// A large operator: a thousand channels with three days of guide each.
class LargeGuideTest : public XmltvValidityTest {
 protected:
  static constexpr int kChannels = 1000;
  static constexpr std::int64_t kDay = 24 * 3600;

  void SetUp() override {
    std::string m3u = "#EXTM3U\n";
    for (int i = 0; i < kChannels; ++i) {
      const std::string n = std::to_string(i);
      m3u += "#EXTINF:-1 tvg-id=\"c" + n + ".example\",Channel " + n + "\nhttp://x/live/c" + n +
             "/i.m3u8\n";
    }
    app_.box().HaveLineup(m3u);
    app_.box().HaveEntitlement();
    app_.HaveLogin();
    Publish(replica::Update::Kind::kFull, 0, kChannels, "Show");
  }
  // The guide of the channels [first, last), each day 40 programmes.
  void Publish(replica::Update::Kind kind, int first, int last, const std::string& title) {
    replica::Update update{.kind = kind, .epoch = "large", .revision = ++revision_};
    for (int i = first; i < last; ++i) {
      for (std::int64_t day = 0; day < 3; ++day) {
        const std::int64_t midnight = kNowSeconds / kDay * kDay + day * kDay;
        epg::v1::GuideDay item;
        item.set_epg_channel_id("c" + std::to_string(i) + ".example");
        item.set_day(TimeZone::Utc().Format("%Y%m%d", FromEpochSeconds(midnight)));
        for (int n = 0; n < 40; ++n) {
          epg::v1::Programme& p = *item.add_programmes();
          p.set_start(midnight + n * kDay / 40);
          p.set_stop(midnight + (n + 1) * kDay / 40);
          p.set_title(title + " " + std::to_string(n * i));
          p.set_description("What happens in part " + std::to_string(n) + " of " + title);
        }
        update.items.emplace_back(item.epg_channel_id() + "|" + item.day(),
                                  MakeShared(item.SerializeAsString()));
      }
    }
    ASSERT_THAT(app_.box().portal().models().guide_replica().Apply(update), test::IsOk());
  }
  double BytesHeld() {
    const std::string scrape = app_.box().metrics().Scrape();
    const std::string name = "holdfast_middleware_body_cache_bytes{cache=\"xmltv\"} ";
    const std::size_t at = scrape.find(name);
    return at == std::string::npos ? -1 : std::stod(scrape.substr(at + name.size()));
  }
  AppAnswer Guide(AppsFixture::Headers headers) {
    return app_.Get(std::string("/xmltv.php?") + kAdaFields, std::move(headers));
  }

  AppsFixture app_;
  std::uint64_t revision_ = 0;
};

TEST_F(LargeGuideTest, IsHeldCompressedAndChangesByTheChannelsThatChanged) {
  const AppAnswer guide = Guide({{"Accept-Encoding", "gzip"}});
  const std::string file = dir_.File("guide.xml");
  std::ofstream(file, std::ios::binary) << guide.body;
  EXPECT_TRUE(Passes("xmllint --noout --nonet --dtdvalid /usr/share/xmltv/xmltv.dtd", file))
      << Log(file);
  EXPECT_GT(guide.body.size(), 15u << 20);
  EXPECT_GT(BytesHeld(), 0);
  EXPECT_LT(BytesHeld(), 4 << 20);

  Publish(replica::Update::Kind::kDelta, 5, 6, "News");
  const AppAnswer changed = Guide({{"Accept-Encoding", "gzip"}, {"If-None-Match", guide.etag}});
  EXPECT_EQ(changed.status, 200);
  EXPECT_THAT(changed.body, HasSubstr("channel=\"c5.example\"><title>News "));
  EXPECT_THAT(changed.body, HasSubstr("channel=\"c6.example\"><title>Show "));
}

TEST_F(LargeGuideTest, WithoutCompressionAllReadersShareOneCopy) {
  const AppAnswer packed = Guide({{"Accept-Encoding", "gzip"}});
  const AppAnswer plain = Guide({});
  EXPECT_FALSE(plain.gzipped);
  EXPECT_EQ(plain.body.size(), packed.body.size());
  EXPECT_LT(BytesHeld(), 4 << 20);  // nothing of it stays
}

}  // namespace
}  // namespace holdfast::middleware

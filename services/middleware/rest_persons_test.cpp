// REST v1: persons of a household, reminders and films: what is whose, and what is kept.
#include <gmock/gmock.h>

#include "services/middleware/convert_items.h"
#include "services/middleware/domain/profile.h"
#include "services/middleware/rest_fixture_test.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class RestPersonsTest : public RestFixture {
 protected:
  void SetUp() override {
    RestFixture::SetUp();
    HaveCatalogue();
    ada_ = TokenOf("ada");
  }
  std::string HaveProfile(const std::string& token, const std::string& body) {
    const AppAnswer made = As(token, "POST", "/v1/profiles", body);
    EXPECT_EQ(made.status, 201) << made.body;
    return made.status == 201 ? made.AsJson()["id"].get<std::string>() : "";
  }
  static AppsFixture::Headers Of(const std::string& profile) { return {{"X-Profile", profile}}; }
  std::vector<std::string> Names(const std::string& target, AppsFixture::Headers headers = {}) {
    std::vector<std::string> names;
    const AppAnswer answer = As(ada_, "GET", target, "", std::move(headers));
    EXPECT_EQ(answer.status, 200) << answer.body;
    const Json list = answer.AsJson();
    for (const Json& item : list["items"]) names.push_back(item["name"]);
    return names;
  }
  std::string ada_;
};

TEST_F(RestPersonsTest, EachPersonHasFavouritesHistoryAndPlacesOfTheirOwn) {
  const std::string kim = HaveProfile(ada_, R"({"name":"Kim"})");
  const std::string lee = HaveProfile(ada_, R"({"name":"Lee"})");
  EXPECT_EQ(As(ada_, "PUT", "/v1/favourites", R"({"channels":["2"]})", Of(kim)).status, 200);
  EXPECT_EQ(As(ada_, "PUT", "/v1/resume-points/5", R"({"position_seconds":60})", Of(kim)).status,
            200);
  EXPECT_EQ(As(ada_, "POST", "/v1/history",
               R"({"what":"film","content_id":"5","started_at":"2026-01-02T08:00:00Z"})", Of(kim))
                .status,
            200);
  EXPECT_EQ(As(ada_, "PUT", "/v1/films/favourites/5", "", Of(kim)).status, 204);
  EXPECT_EQ(As(ada_, "GET", "/v1/favourites", "", Of(kim)).AsJson()["channels"], Json({"2"}));
  for (const char* target : {"/v1/resume-points", "/v1/history", "/v1/films/favourites"}) {
    EXPECT_EQ(As(ada_, "GET", target, "", Of(kim)).AsJson()["items"].size(), 1u) << target;
    EXPECT_EQ(As(ada_, "GET", target, "", Of(lee)).AsJson()["items"].size(), 0u) << target;
    EXPECT_EQ(As(ada_, "GET", target).AsJson()["items"].size(), 0u) << target;
  }
  EXPECT_EQ(As(ada_, "GET", "/v1/favourites").AsJson()["channels"], Json::array());
}

TEST_F(RestPersonsTest, WhoeverIsRemovedLeavesNothingBehind) {
  const std::string kim = HaveProfile(ada_, R"({"name":"Kim"})");
  EXPECT_EQ(As(ada_, "PUT", "/v1/films/favourites/5", "", Of(kim)).status, 204);
  EXPECT_EQ(As(ada_, "DELETE", "/v1/profiles/" + kim).status, 204);
  EXPECT_EQ(As(ada_, "GET", "/v1/films/favourites", "", Of(kim)).status, 404);
  const auto kept =
      app_.box().portal().viewers().Load(ViewerOfProfile("acc-1", kim), Deadline::After(5s));
  EXPECT_THAT(kept.items->Newest(ViewerItem::Kind::kFavouriteFilm), IsEmpty());
}

TEST_F(RestPersonsTest, OneKeyMakesOneProfile) {
  const AppsFixture::Headers key = {{"Idempotency-Key", "k"}};
  const AppAnswer first = As(ada_, "POST", "/v1/profiles", R"({"name":"Kim"})", key);
  const AppAnswer again = As(ada_, "POST", "/v1/profiles", R"({"name":"Kim"})", key);
  EXPECT_EQ(first.body, again.body);
  EXPECT_THAT(Names("/v1/profiles"), ElementsAre("Kim"));
}

TEST_F(RestPersonsTest, AProfileWithAnAgeSeesNoFilmForOlderViewers) {
  const std::string kid = HaveProfile(ada_, R"({"name":"Kid","max_age":12})");
  EXPECT_THAT(Names("/v1/films"), ElementsAre("Alpha", "Beta", "Delta"));
  EXPECT_THAT(Names("/v1/films", Of(kid)), ElementsAre("Alpha", "Delta"));
  EXPECT_EQ(As(ada_, "GET", "/v1/films/6").status, 200);
  EXPECT_EQ(As(ada_, "GET", "/v1/films/6", "", Of(kid)).status, 404);
  EXPECT_EQ(As(ada_, "GET", "/v1/films/files/60/link", "", Of(kid)).status, 404);
  EXPECT_EQ(As(ada_, "PUT", "/v1/films/favourites/6", "", Of(kid)).status, 404);
}

TEST(ProfileTest, AgesAreReadAsOperatorsWriteThem) {
  const auto age = [](const char* own, const char* mpaa) {
    VodTitle title;
    title.age = own;
    title.rating_mpaa = mpaa;
    return AgeOf(title);
  };
  EXPECT_EQ(age("16+", ""), 16);
  EXPECT_EQ(age("", "PG-13"), 13);
  EXPECT_EQ(age("FSK 12", "R"), 12);
  EXPECT_EQ(age("", ""), 0);
  EXPECT_EQ(age("99999999999999999999", ""), 150);
}

TEST_F(RestPersonsTest, FilmsAreChosenOrderedAndPaged) {
  EXPECT_THAT(Names("/v1/films?kind=series"), ElementsAre("Delta"));
  EXPECT_THAT(Names("/v1/films?kind=film&order=added"), ElementsAre("Beta", "Alpha"));
  EXPECT_THAT(Names("/v1/films?q=LPH"), ElementsAre("Alpha"));
  EXPECT_THAT(Names("/v1/films?category=4"), IsEmpty());
  std::vector<std::string> joined;
  std::string cursor;
  for (int pages = 0; pages < 5; ++pages) {
    const Json page = As(ada_, "GET", "/v1/films?limit=1&cursor=" + cursor).AsJson();
    for (const Json& item : page["items"]) joined.push_back(item["name"]);
    if (page["next_cursor"].is_null()) break;
    cursor = page["next_cursor"];
  }
  EXPECT_THAT(joined, ElementsAre("Alpha", "Beta", "Delta"));
}

TEST_F(RestPersonsTest, AFilmPlaysFromAnEdgeWithItsSubtitles) {
  const Json details = As(ada_, "GET", "/v1/films/8").AsJson();
  EXPECT_EQ(details["seasons"][0]["episodes"][0]["files"][0]["id"], "80");
  const Json link = As(ada_, "GET", "/v1/films/files/80/link").AsJson();
  EXPECT_THAT(link["url"].get<std::string>(), testing::HasSubstr("/vod/film-8/film.mkv"));
  EXPECT_EQ(link["format"], "mkv");
  EXPECT_EQ(link["subtitles"][0]["url"], "http://s/8.vtt");
}

TEST_F(RestPersonsTest, RemindersComeInTheirOrderAndGoWhenTheyAreOver) {
  // Programmes begin at half past.
  const auto programme = [](int hours) {
    return "/v1/reminders/1_" + std::to_string(kNowSeconds + 1800 + hours * 3600);
  };
  EXPECT_EQ(As(ada_, "PUT", programme(1)).status, 200);
  EXPECT_EQ(As(ada_, "PUT", programme(0), R"({"remind_at":"2026-01-02T10:20:00Z"})").status, 200);
  const Json items = As(ada_, "GET", "/v1/reminders").AsJson()["items"];
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[0]["remind_at"], "2026-01-02T10:20:00Z");
  EXPECT_EQ(items[0]["start"], "2026-01-02T10:30:00Z");
  app_.box().clock().Advance(1h);
  EXPECT_EQ(As(ada_, "GET", "/v1/reminders").AsJson()["items"].size(), 1u);
  EXPECT_EQ(As(ada_, "PUT", programme(-2)).status, 400);
  EXPECT_EQ(As(ada_, "DELETE", programme(1)).status, 204);
  EXPECT_EQ(As(ada_, "DELETE", programme(1)).status, 204);
  EXPECT_EQ(As(ada_, "GET", "/v1/reminders").AsJson()["items"].size(), 0u);
}

TEST_F(RestPersonsTest, AProgrammeThatTheViewerCannotSeeIsNotThere) {
  // Three channels with one guide: channel 3 is of package "sport", channel 4 is for adults.
  app_.box().HaveLineup(
      "#EXTINF:-1 tvg-id=\"news1.example\",News 1\nhttp://x/live/news-1/i.m3u8\n"
      "#EXTINF:-1 tvg-id=\"news1.example\" holdfast-package=\"sport\",Sport 1\n"
      "http://x/live/sport-1/i.m3u8\n"
      "#EXTINF:-1 tvg-id=\"news1.example\" group-title=\"Adult\",Late\n"
      "http://x/live/late-1/i.m3u8\n");
  const auto put = [&](const std::string& token, const std::string& channel) {
    return As(token, "PUT", "/v1/reminders/" + channel + "_" + std::to_string(kNowSeconds + 1800))
        .status;
  };
  EXPECT_EQ(put(ada_, "1"), 200);
  EXPECT_EQ(put(ada_, "3"), 404);
  EXPECT_EQ(put(TokenOf("bob"), "3"), 200);
  EXPECT_EQ(put(ada_, "4"), 404);
  EXPECT_EQ(put(ada_, "99"), 404);
}

TEST_F(RestPersonsTest, AReminderIsRemovedByTheNameThatItsProgrammeHasNow) {
  // The guide has moved "Show" by ten minutes since it was remembered.
  const std::int64_t start = kNowSeconds + 1800, before = start - 600;
  const auto guide = app_.box().portal().models().guide();
  const Programme* show = guide->ScheduleOf("news1.example")->StartingAt(start);
  ASSERT_NE(show, nullptr);
  const Reminder reminder{.fire_at = before,
                          .channel = ChannelId(1),
                          .start = before,
                          .channel_name = "News 1",
                          .programme_name = std::string(show->title)};
  ASSERT_THAT(
      app_.box().portal().viewers().Save("acc-1",
                                         {{.kind = ViewerItem::Kind::kReminder,
                                           .key = "1_" + std::to_string(before),
                                           .text = TextOf(reminder)}},
                                         ViewerData::Path::kDatabaseFirst, Deadline::After(5s)),
      test::IsOk());
  const Json items = As(ada_, "GET", "/v1/reminders").AsJson()["items"];
  ASSERT_EQ(items.size(), 1u);
  const std::string id = items[0]["programme_id"];
  EXPECT_EQ(id, "1_" + std::to_string(start));
  EXPECT_EQ(As(ada_, "DELETE", "/v1/reminders/" + id).status, 204);
  EXPECT_EQ(As(ada_, "GET", "/v1/reminders").AsJson()["items"].size(), 0u);
}

TEST_F(RestPersonsTest, WhatAPersonKeepsIsSeenThroughAnotherInstance) {
  const std::string kim = HaveProfile(ada_, R"({"name":"Kim"})");
  EXPECT_EQ(As(ada_, "PUT", "/v1/favourites", R"({"channels":["1"]})", Of(kim)).status, 200);
  AppsFixture other({.postgres = options_});
  other.box().HaveUsualLineup();
  AppsFixture::Headers headers = Of(kim);
  headers.emplace_back("Authorization", "Bearer " + ada_);
  EXPECT_EQ(other.Get("/v1/favourites", headers).AsJson()["channels"], Json({"1"}));
}

TEST(RestPersonsOutageTest, WithoutADatabaseWhatIsWrittenIsKeptOnDisk) {
  AppsFixture app;
  app.box().HaveEverything();
  app.HaveLogin("ada", "pa", "acc-1");
  // A device that is known: a new one could not be registered now.
  app.box().HaveDevice(MacOfApp(AccountId("acc-1"), "phone", 0).text(), "acc-1");
  const AppAnswer login =
      app.Send("POST", "/v1/login", {}, R"({"login":"ada","password":"pa","device":"phone"})");
  ASSERT_EQ(login.status, 200) << login.body;
  const AppsFixture::Headers token = {
      {"Authorization", "Bearer " + login.AsJson()["token"].get<std::string>()}};
  const AppAnswer made = app.Send("POST", "/v1/profiles", token, R"({"name":"Kim"})");
  ASSERT_EQ(made.status, 201) << made.body;
  const AppAnswer listed = app.Get("/v1/profiles", token);
  EXPECT_EQ(listed.AsJson()["items"].size(), 1u);
  EXPECT_THAT(listed.degraded, testing::HasSubstr("postgres"));
}

}  // namespace
}  // namespace holdfast::middleware

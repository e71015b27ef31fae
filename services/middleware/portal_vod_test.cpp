// Films, series, stations, and what belongs to a viewer: over two instances with a database that
// goes away.
#include <gmock/gmock.h>

#include <span>

#include "libs/storage/pg_migrate.h"
#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/tcp_gate.h"
#include "libs/testing/test_postgres.h"
#include "services/middleware/portal_fixture_test.h"

namespace holdfast::middleware {

std::span<const storage::Migration> Migrations();

namespace {

using namespace std::chrono_literals;
using test::HasCode;
using test::IsOk;
using test::TestPostgres;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class PortalVodTest : public testing::Test {
 protected:
  void SetUp() override {
    telemetry::Metrics metrics;
    storage::PgPool pool(Options(server_.port()), metrics);
    ASSERT_THAT(storage::Migrate(pool, Migrations(), Deadline::After(10s)), IsOk());
    v1::ImportLineupRequest lineup;
    lineup.set_m3u(
        "#EXTINF:-1 tvg-id=\"news1.example\" catchup-days=\"1\",News\n"
        "http://x/live/news/i.m3u8\n");
    ASSERT_THAT(here_.portal().service().ImportLineup(Now(), lineup), IsOk());
    v1::PutDeviceRequest device;
    device.set_mac(kBoxMac);
    device.set_account_id("acc-1");
    ASSERT_THAT(here_.portal().service().PutDevice(Now(), device), IsOk());
    PutCatalogue();
    for (PortalFixture* box : {&here_, &there_}) {
      ASSERT_THAT(box->RunJob("follow_database"), IsOk());
      box->HaveEntitlement();
      box->HaveEdges();
      box->HaveGuide("news1.example", 30);
    }
    here_.LogIn();
    EXPECT_THAT(here_.RunJob("viewer_writes"), IsOk());
    EXPECT_THAT(there_.RunJob("follow_database"), IsOk());
    there_.token = here_.token;
  }

  storage::PgOptions Options(std::uint16_t port) const {
    return {.hosts = "127.0.0.1:" + std::to_string(port),
            .database = database_,
            .user = server_.user(),
            .connect_timeout = 500ms};
  }
  static rpc::Call Now() { return rpc::Call(Deadline::After(10s), {}); }

  v1::VodTitle Put(v1::VodTitle title) {
    v1::PutVodTitleRequest request;
    request.set_idempotency_key(title.name());
    *request.mutable_title() = std::move(title);
    const auto stored = here_.portal().service().PutVodTitle(Now(), request);
    EXPECT_THAT(stored, IsOk());
    return stored.value_or(v1::VodTitle());
  }

  void PutCatalogue() {
    v1::PutVodCategoryRequest category;
    category.set_idempotency_key("films");
    category.mutable_category()->set_title("Films");
    category.mutable_category()->add_genres("drama");
    category.mutable_category()->add_genres("comedy");
    const auto stored = here_.portal().service().PutVodCategory(Now(), category);
    ASSERT_THAT(stored, IsOk());
    category_ = std::to_string(stored->category_id());

    v1::VodTitle film;
    film.set_category_id(stored->category_id());
    film.set_name("Alpha");
    film.set_year("2020");
    film.set_minutes(90);
    film.set_rating_imdb("7.1");
    film.add_genre_ids(2);
    film.set_poster_url("http://l/alpha.jpg");
    film.set_added_at(kNowSeconds - 3600);
    v1::VodFile& file = *film.add_files();
    file.set_file_id(71);
    file.set_quality("HD 720p");
    file.set_languages("en");
    file.set_directory("vod/alpha");
    file.set_file("film.mp4");
    file.add_subtitles()->set_address("http://s/alpha.srt");
    film_ = std::to_string(Put(film).title_id());

    v1::VodTitle series;
    series.set_category_id(stored->category_id());
    series.set_name("Beta");
    for (int number = 1; number <= 2; ++number) {
      v1::VodSeason& season = *series.add_seasons();
      season.set_number(number);
      for (int e = 1; e <= 3; ++e) {
        v1::VodEpisode& episode = *season.add_episodes();
        episode.set_number(e);
        v1::VodFile& f = *episode.add_files();
        f.set_file_id(number * 100 + e);
        f.set_address("http://far/beta-" + std::to_string(number) + "-" + std::to_string(e));
      }
    }
    series_ = std::to_string(Put(series).title_id());

    v1::VodTitle sport;
    sport.set_name("Gamma");
    sport.set_package_id("sport");
    v1::VodFile& f = *sport.add_files();
    f.set_file_id(999);
    f.set_address("http://far/gamma");
    sport_ = std::to_string(Put(sport).title_id());

    for (const auto& [number, name] : {std::pair(1, "One"), std::pair(2, "Two")}) {
      v1::PutRadioStationRequest radio;
      radio.set_idempotency_key(name);
      radio.mutable_station()->set_number(number);
      radio.mutable_station()->set_name(name);
      radio.mutable_station()->set_address(std::string("http://r/") + name);
      const auto station = here_.portal().service().PutRadioStation(Now(), radio);
      ASSERT_THAT(station, IsOk());
      stations_.push_back(std::to_string(station->radio_id()));
    }
  }

  Json List(const std::string& fields, const std::string& type = "vod") {
    return here_.Call(type, "get_ordered_list", fields).Js();
  }
  Json Link(const std::string& cmd, const std::string& series = "") {
    return here_.Call("vod", "create_link", "cmd=" + cmd + "&series=" + series).Js();
  }
  static std::vector<std::string> Names(const Json& page) {
    std::vector<std::string> names;
    for (const Json& row : page["data"]) names.push_back(row["name"]);
    return names;
  }

  TestPostgres& server_ = TestPostgres::Shared();
  const std::string database_ = server_.NewDatabase();
  test::TcpGate gate_{server_.port()};
  PortalFixture here_{{.postgres = Options(gate_.port())}};
  PortalFixture there_{{.postgres = Options(server_.port())}};
  std::string category_, film_, series_, sport_;
  std::vector<std::string> stations_;
};

TEST_F(PortalVodTest, CategoriesGenresYearsAndLettersAreChoices) {
  const Json categories = here_.Call("vod", "get_categories").Js();
  ASSERT_EQ(categories.size(), 2u);
  EXPECT_EQ(categories[0], Json({{"id", "*"}, {"title", "All"}, {"alias", "*"}, {"censored", 0}}));
  EXPECT_EQ(categories[1]["id"], category_);
  EXPECT_EQ(categories[1]["alias"], "Films");
  const Json genres = here_.Call("vod", "get_genres_by_category_alias", "cat_alias=Films").Js();
  EXPECT_EQ(genres[2], Json({{"id", "2"}, {"title", "comedy"}}));
  EXPECT_EQ(here_.Call("vod", "get_years", "category=*").Js()[1],
            Json({{"id", "2020"}, {"title", "2020"}}));
  EXPECT_EQ(here_.Call("vod", "get_abc").Js()[1], Json({{"id", "A"}, {"title", "A"}}));
}

TEST_F(PortalVodTest, AFilmsRowHasTheProtocolsTypes) {
  const Json page = List("category=*&p=1");
  EXPECT_EQ(page["total_items"], 2);  // not the one of another package
  EXPECT_EQ(page["max_page_items"], 14);
  const Json& row = page["data"][0];
  for (const char* text : {"id",
                           "name",
                           "o_name",
                           "description",
                           "director",
                           "actors",
                           "year",
                           "time",
                           "censored",
                           "category_id",
                           "cat_genre_id_1",
                           "cat_genre_id_4",
                           "rating_imdb",
                           "rating_kinopoisk",
                           "age",
                           "rating_mpaa",
                           "added",
                           "cost",
                           "is_series",
                           "path",
                           "protocol",
                           "rtsp_url",
                           "genres_str",
                           "cmd",
                           "screenshots",
                           "screenshot_uri"}) {
    EXPECT_TRUE(row[text].is_string()) << text << " " << row[text];
  }
  for (const char* number : {"lock", "fav", "for_rent", "low_quality", "has_files"}) {
    EXPECT_TRUE(row[number].is_number_integer()) << number;
  }
  EXPECT_EQ(row["is_movie"], true);
  EXPECT_EQ(row["id"], film_);
  EXPECT_EQ(row["time"], "90");
  EXPECT_EQ(row["genres_str"], "comedy");
  EXPECT_EQ(row["series"], Json::array());
  EXPECT_EQ(row["cmd"], "/media/" + film_ + ".mpg");
  EXPECT_EQ(page["data"][1]["series"], Json({1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(page["data"][1]["screenshot_uri"], false);
}

TEST_F(PortalVodTest, ListsAreChosenSortedAndPaged) {
  using Names_ = std::vector<std::string>;
  EXPECT_EQ(Names(List("category=" + category_ + "&genre=2&p=1")), Names_{"Alpha"});
  EXPECT_EQ(Names(List("years=2020&p=1")), Names_{"Alpha"});
  EXPECT_EQ(Names(List("abc=B&p=1")), Names_{"Beta"});
  EXPECT_EQ(Names(List("search=LPH&p=1")), Names_{"Alpha"});
  EXPECT_EQ(Names(List("sortby=added&p=1")).size(), 2u);
  EXPECT_EQ(List("sortby=added&category=*&p=1")["data"][1]["today"], true);
  EXPECT_EQ(Names(List("category=*", "series")), Names_{"Beta"});
  EXPECT_EQ(List("p=99")["data"], Json::array());
  EXPECT_EQ(List("movie_id=424242")["data"], Json::array());
}

TEST_F(PortalVodTest, ASeriesOpensIntoSeasonsEpisodesAndFiles) {
  const Json seasons = List("movie_id=" + series_);
  ASSERT_EQ(seasons["data"].size(), 2u);
  EXPECT_EQ(seasons["data"][0]["is_season"], true);
  EXPECT_EQ(seasons["data"][0]["series"], Json({1, 2, 3}));
  const Json episodes = List("movie_id=" + series_ + "&season_id=2");
  ASSERT_EQ(episodes["data"].size(), 3u);
  EXPECT_EQ(episodes["data"][1]["is_episode"], true);
  const Json files = List("movie_id=" + series_ + "&season_id=2&episode_id=3");
  ASSERT_EQ(files["data"].size(), 1u);
  EXPECT_EQ(files["data"][0]["is_file"], true);
  EXPECT_EQ(files["data"][0]["cmd"], "/media/file_203.mpg");
  EXPECT_EQ(List("movie_id=" + film_)["data"][0]["name"], "en / HD 720p");
}

TEST_F(PortalVodTest, LinksPlayFilmsEpisodesAndFiles) {
  const Json film = Link("auto%20/media/" + film_ + ".mpg%20position:30");
  EXPECT_EQ(film["id"], film_);
  EXPECT_THAT(film["cmd"], StartsWith("ffmpeg http://edge-"));
  EXPECT_THAT(film["cmd"], EndsWith("/-/vod/alpha/film.mp4 position:30"));
  EXPECT_EQ(film["storage_id"], "1");
  EXPECT_EQ(film["load"], "");
  EXPECT_EQ(film["error"], "");
  EXPECT_EQ(film["subtitles"], Json::array({{{"file", "http://s/alpha.srt"}, {"lang", ""}}}));
  EXPECT_EQ(Link("/media/file_102.mpg")["cmd"], "ffmpeg http://far/beta-1-2");
  EXPECT_EQ(Link("/media/" + series_ + ".mpg", "5")["cmd"], "ffmpeg http://far/beta-2-2");
  EXPECT_EQ(Link("/media/season_" + series_ + "_2.mpg", "3")["cmd"], "ffmpeg http://far/beta-2-3");
  EXPECT_EQ(Link("/media/episode_" + series_ + "_1_1.mpg")["cmd"], "ffmpeg http://far/beta-1-1");
}

TEST_F(PortalVodTest, WhatCannotBePlayedSaysWhy) {
  EXPECT_EQ(Link("/media/" + sport_ + ".mpg")["error"], "access_denied");
  EXPECT_EQ(Link("/media/file_999.mpg")["error"], "access_denied");
  for (const char* cmd :
       {"", "x", "/media/", "/media/0.mpg", "/media/424242.mpg", "/media/file_424242.mpg",
        "/media/season_1_1_1.mpg", "/media/__.mpg", "/media/99999999999999999999.mpg"}) {
    const Json js = Link(cmd);
    EXPECT_EQ(js["error"], "nothing_to_play") << cmd;
    EXPECT_EQ(js["cmd"], "") << cmd;
  }
  EXPECT_EQ(Link("/media/" + series_ + ".mpg", "7")["error"], "nothing_to_play");
}

TEST_F(PortalVodTest, FavouritesAndResumePointsAreSeenThroughTheOtherInstance) {
  EXPECT_EQ(here_.Call("vod", "set_fav", "video_id=" + film_).Js(), true);
  EXPECT_EQ(
      here_.Call("vod", "set_not_ended", "video_id=" + film_ + "&series=0&end_time=1234&file_id=71")
          .Js(),
      true);
  const Json favourites = there_.Call("vod", "get_ordered_list", "fav=1&p=1").Js();
  ASSERT_EQ(favourites["data"].size(), 1u);
  EXPECT_EQ(favourites["data"][0]["fav"], 1);
  EXPECT_EQ(favourites["data"][0]["position"], 1234);
  EXPECT_EQ(there_.Call("vod", "get_ordered_list", "not_ended=1").Js()["total_items"], 1);
  EXPECT_EQ(there_.Call("vod", "set_ended", "video_id=" + film_).Js(), true);
  EXPECT_EQ(there_.Call("vod", "del_fav", "video_id=" + film_).Js(), true);
  EXPECT_EQ(here_.Call("vod", "get_ordered_list", "not_ended=1").Js()["total_items"], 0);
  EXPECT_EQ(here_.Call("vod", "get_ordered_list", "fav=1").Js()["total_items"], 0);
  EXPECT_EQ(here_.Call("vod", "set_fav", "video_id=424242").Js(), false);
  EXPECT_EQ(here_.Call("vod", "set_played", "video_id=" + film_ + "&storage_id=1").Js(), true);
  EXPECT_EQ(here_.Call("vod", "del_link", "item=x").Js(), true);
  EXPECT_EQ(here_.Call("vod", "set_claim", "id=1&real_type=video").Js(), true);
}

TEST_F(PortalVodTest, WhatWasWatchedLastComesFirstAndNothingWasBought) {
  const auto names = [&](const std::string& fields) {
    std::vector<std::string> names;
    const Json js = here_.Call("vod", "get_ordered_list", fields).Js();
    for (const Json& row : js["data"]) {
      names.push_back(row["name"]);
    }
    return names;
  };
  EXPECT_THAT(names("p=1&sortby=last_ended"), testing::ElementsAre("Alpha", "Beta"));
  EXPECT_EQ(here_.Call("vod", "set_not_ended", "video_id=" + series_ + "&series=1&end_time=9").Js(),
            true);
  EXPECT_THAT(names("p=1&sortby=last_ended"), testing::ElementsAre("Beta", "Alpha"));
  EXPECT_THAT(names("p=1&sortby=name"), testing::ElementsAre("Alpha", "Beta"));
  EXPECT_THAT(names("p=1&sortby=purchased"), testing::IsEmpty());
}

TEST_F(PortalVodTest, SeriesHaveTheirOwnCategories) {
  v1::PutVodCategoryRequest category;
  category.set_idempotency_key("films only");
  category.mutable_category()->set_title("Shorts");
  const auto shorts = here_.portal().service().PutVodCategory(Now(), category);
  ASSERT_THAT(shorts, IsOk());
  v1::VodTitle film;
  film.set_category_id(shorts->category_id());
  film.set_name("Short");
  film.add_files()->set_file_id(4711);
  film.mutable_files(0)->set_address("http://far/short");
  Put(film);
  ASSERT_THAT(here_.RunJob("follow_database"), IsOk());
  const BoxAnswer all = here_.Call("vod", "get_categories");
  const BoxAnswer series = here_.Call("series", "get_categories");
  EXPECT_TRUE(all.gzipped && series.gzipped);
  ASSERT_EQ(all.Js().size(), 3u);
  ASSERT_EQ(series.Js().size(), 2u);
  EXPECT_EQ(series.Js()[0]["id"], "*");
  EXPECT_EQ(series.Js()[1]["id"], category_);
}

TEST_F(PortalVodTest, APageThatAViewerMarkedIsNobodyElses) {
  const Json unmarked = there_.Call("vod", "get_ordered_list", "p=1").Js();
  EXPECT_EQ(here_.Call("vod", "get_ordered_list", "p=1").Js(), unmarked);
  EXPECT_EQ(here_.Call("vod", "set_fav", "video_id=" + film_).Js(), true);
  Json marked = unmarked;
  marked["data"][0]["fav"] = 1;
  EXPECT_EQ(here_.Call("vod", "get_ordered_list", "p=1").Js(), marked);
  // Another household asks the same instance.
  here_.HaveDevice("00:1A:79:00:00:77", "acc-77");
  here_.HaveEntitlement("acc-77");
  BoxRequest other{.query = "type=stb&action=handshake", .cookie = "mac=00:1A:79:00:00:77"};
  other.authorization = "Bearer " + here_.Send(other).Js()["token"].get<std::string>();
  other.query = "type=vod&action=get_ordered_list&p=1";
  EXPECT_EQ(here_.Send(other).Js(), unmarked);
}

TEST_F(PortalVodTest, WhatAViewerWroteDuringAnOutageReachesTheDatabaseOnce) {
  EXPECT_EQ(here_.Call("vod", "get_ordered_list", "p=1").Js()["total_items"], 2);
  gate_.Cut();
  EXPECT_FALSE(here_.RunJob("follow_database").ok());
  here_.clock().Advance(11s);
  const BoxAnswer saved =
      here_.Call("vod", "set_not_ended", "video_id=" + film_ + "&series=0&end_time=77");
  EXPECT_EQ(saved.Js(), true);
  const BoxAnswer list = here_.Call("vod", "get_ordered_list", "p=1");
  EXPECT_EQ(list.Js()["data"][0]["position"], 77);
  EXPECT_THAT(list.Header("X-Degraded"), HasSubstr("postgres"));
  EXPECT_EQ(here_.Call("tv_archive", "set_played", "ch_id=1").Js().is_number_integer(), true);
  // Another instance may write later meanwhile; its word is the newer one.
  there_.clock().Advance(1min);
  EXPECT_EQ(there_.Call("vod", "set_not_ended", "video_id=" + film_ + "&series=0&end_time=99").Js(),
            true);
  gate_.Open();
  ASSERT_TRUE(test::Eventually([&] { return here_.RunJob("follow_database").ok(); }));
  for (int i = 0; i < 2; ++i) EXPECT_THAT(here_.RunJob("viewer_items"), IsOk());
  for (PortalFixture* box : {&here_, &there_}) {
    EXPECT_EQ(box->Call("vod", "get_ordered_list", "p=1").Js()["data"][0]["position"], 99);
  }
}

TEST_F(PortalVodTest, HistoryBeginsAndEnds) {
  const Json id = here_.Call("tv_archive", "set_played", "ch_id=1").Js();
  ASSERT_TRUE(id.is_number_integer());
  EXPECT_THAT(here_.RunJob("viewer_items"), IsOk());
  EXPECT_EQ(there_.Call("tv_archive", "update_played_end_time", "hist_id=" + id.dump()).Js(), true);
  EXPECT_EQ(there_.Call("tv_archive", "update_played_end_time", "hist_id=5").Js(), false);
  EXPECT_TRUE(here_.Call("tv_archive", "set_played_timeshift", "ch_id=1").Js().is_number_integer());
  EXPECT_EQ(here_.Call("tv_archive", "set_played", "ch_id=99").Js(), false);
  EXPECT_EQ(here_.Call("itv", "set_played", "itv_id=1").Js(), true);
}

TEST_F(PortalVodTest, RemindersAreKeptForProgrammesThatComeYet) {
  const std::int64_t start = kNowSeconds + 1800;
  const std::string real_id = "1_" + std::to_string(start);
  const std::string fields = "ch_id=1&program_id=" + real_id +
                             "&fire_ts=" + std::to_string(start - 60) + "&program_name=Show";
  const Json added = here_.Call("tvreminder", "add", fields).Js();
  EXPECT_EQ(added["tv_program_real_id"], real_id);
  EXPECT_EQ(added["fire_ts"], std::to_string(start - 60));
  EXPECT_EQ(added["t_fire_time"], "10:29");
  EXPECT_EQ(added["itv_name"], "News");
  EXPECT_EQ(added["ch_id"], "1");
  EXPECT_EQ(added["program_name"], "Show 1");
  EXPECT_EQ(there_.Call("tvreminder", "get_all_active").Js(), Json::array({added}));
  EXPECT_EQ(there_.Call("tvreminder", "del", "program_id=" + real_id).Js(), true);
  EXPECT_EQ(here_.Call("tvreminder", "get_all_active").Js(), Json::array());
  EXPECT_EQ(here_.Call("tvreminder", "add", "ch_id=1&program_id=1_5").Js(), false);
  EXPECT_EQ(here_.Call("tvreminder", "add").Js(), false);
}

TEST_F(PortalVodTest, StationsAreListedAndPlayedDirectly) {
  const Json page = here_.Call("radio", "get_ordered_list", "p=1&sortby=number").Js();
  ASSERT_EQ(page["data"].size(), 2u);
  const Json& row = page["data"][0];
  for (const char* text : {"id", "name", "number", "cmd", "count", "status", "volume_correction",
                           "enable_monitoring", "monitoring_status", "error"}) {
    EXPECT_TRUE(row[text].is_string()) << text;
  }
  EXPECT_EQ(row["fav"], 0);
  EXPECT_EQ(row["open"], 1);
  EXPECT_EQ(row["radio"], true);
  EXPECT_EQ(row["cmd"], "http://r/One");
  EXPECT_EQ(here_.Call("radio", "set_fav", "fav_radio=" + stations_[1]).Js(), true);
  EXPECT_EQ(there_.Call("radio", "get_fav_ids").Js(), Json::array({stations_[1]}));
  EXPECT_EQ(there_.Call("radio", "get_all_fav_radio").Js()["data"][0]["name"], "Two");
  EXPECT_EQ(here_.Call("radio", "get_channel_by_id", "number=2").Js()["name"], "Two");
  EXPECT_EQ(here_.Call("radio", "get_channel_by_id", "number=2").Js()["fav"], 1);
  EXPECT_EQ(here_.Call("radio", "get_channel_by_id", "number=1").Js()["fav"], 0);
  EXPECT_EQ(here_.Call("radio", "get_channel_by_id", "number=9").Js(), false);
  EXPECT_EQ(here_.Call("radio", "get_ordered_list", "search=tw").Js()["total_items"], 1);
}

TEST_F(PortalVodTest, ABoxGetsBackWhatItKeepsWithUs) {
  EXPECT_EQ(here_.Call("media_favorites", "get_all").Js(), "");
  EXPECT_EQ(here_.Call("media_favorites", "save", "favorites=%5B%7B%22a%22%3A1%7D%5D").Js(), true);
  EXPECT_EQ(there_.Call("media_favorites", "get_all").Js(), R"([{"a":1}])");
  EXPECT_EQ(here_.Call("itv", "save_dvb_channels", "channels=%5B%5D").Js(), true);
  EXPECT_EQ(here_.Call("downloads", "save", "downloads=x").Js(), true);
  EXPECT_EQ(there_.Call("downloads", "get_all").Js(), "x");
}

TEST_F(PortalVodTest, TheCatalogueIsKnownWithoutADatabaseAndRefusesNonsense) {
  ASSERT_OK_AND_ASSIGN(const auto stored, here_.portal().service().GetCatalogue(Now(), {}));
  EXPECT_EQ(stored.titles_size(), 3);
  EXPECT_EQ(stored.stations_size(), 2);
  v1::PutVodTitleRequest bad;
  bad.set_idempotency_key("x");
  EXPECT_THAT(here_.portal().service().PutVodTitle(Now(), bad),
              HasCode(absl::StatusCode::kInvalidArgument));
  bad.mutable_title()->set_name("X");
  bad.mutable_title()->add_files()->set_file_id(1);
  EXPECT_THAT(here_.portal().service().PutVodTitle(Now(), bad),
              HasCode(absl::StatusCode::kInvalidArgument));
  v1::RemoveFromCatalogueRequest remove;
  remove.set_title_id(std::stoll(film_));
  ASSERT_THAT(here_.portal().service().RemoveFromCatalogue(Now(), remove), IsOk());
  ASSERT_THAT(here_.RunJob("follow_database"), IsOk());
  EXPECT_EQ(List("p=1")["total_items"], 1);
  v1::VodTitle again;  // the same key again is the same title
  again.set_name("Gamma");
  EXPECT_EQ(std::to_string(Put(again).title_id()), sport_);
}

}  // namespace
}  // namespace holdfast::middleware

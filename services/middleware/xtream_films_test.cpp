// Films and series for apps: the JSON type of every field, addresses that play, and whose they are.
#include <gmock/gmock.h>

#include "services/middleware/apps_fixture_test.h"
#include "services/middleware/json_shape_test.h"
#include "services/middleware/xtream_films.h"

namespace holdfast::middleware {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class XtreamFilmsTest : public testing::Test {
 protected:
  void SetUp() override {
    app_.box().HaveEverything();
    app_.HaveLogin();
    replica::Update update{.kind = replica::Update::Kind::kFull, .epoch = "test", .revision = 1};
    const auto put = [&](const std::string& key, const v1::CatalogueItem& item) {
      update.items.emplace_back(key, MakeShared(item.SerializeAsString()));
    };
    for (const bool adult : {false, true}) {
      v1::CatalogueItem item;
      item.mutable_category()->set_category_id(adult ? 4 : 3);
      item.mutable_category()->set_title(adult ? "Late" : "Drama");
      item.mutable_category()->set_adult(adult);
      item.mutable_category()->add_genres("tragedy");
      put(adult ? "c4" : "c3", item);
    }
    put("t5", Film(5, 3, "Alpha", ""));
    put("t6", Series(6));
    put("t7", Film(7, 3, "Gamma", "sport"));
    put("t8", Film(8, 4, "Delta", ""));
    ASSERT_THAT(app_.box().portal().models().catalogue_replica().Apply(update), test::IsOk());
  }

  static v1::CatalogueItem Film(int id, int category, const std::string& name,
                                const std::string& package) {
    v1::CatalogueItem item;
    v1::VodTitle& film = *item.mutable_title();
    film.set_title_id(id);
    film.set_category_id(category);
    film.set_name(name);
    film.set_minutes(90);
    film.set_rating_imdb("7.1");
    film.add_genre_ids(1);
    film.set_poster_url("http://l/p.jpg");
    film.set_added_at(1700000000);
    film.set_package_id(package);
    v1::VodFile& file = *film.add_files();
    file.set_file_id(id * 10);
    file.set_directory("vod/film-" + std::to_string(id));
    file.set_file("film.mkv");
    return item;
  }
  static v1::CatalogueItem Series(int id) {
    v1::CatalogueItem item;
    v1::VodTitle& series = *item.mutable_title();
    series.set_title_id(id);
    series.set_category_id(3);
    series.set_name("Beta");
    for (int number = 1; number <= 2; ++number) {
      v1::VodSeason& season = *series.add_seasons();
      season.set_number(number);
      for (int e = 1; e <= 2; ++e) {
        v1::VodEpisode& episode = *season.add_episodes();
        episode.set_number(e);
        episode.set_minutes(45);
        v1::VodFile& file = *episode.add_files();
        file.set_file_id(number * 100 + e);
        file.set_address("http://far/beta-" + std::to_string(number) + std::to_string(e));
      }
    }
    return item;
  }
  AppAnswer Player(const std::string& action) {
    return app_.Get(std::string("/player_api.php?") + kAdaFields + "&action=" + action);
  }

  AppsFixture app_;
};

const std::string kSeriesFields =
    "name:str,series_id:int,cover:str,plot:str,cast:str,director:str,genre:str,"
    "releaseDate:str,release_date:str,last_modified:str,rating:str,rating_5based:num,"
    "backdrop_path:[any],youtube_trailer:str,episode_run_time:str,category_id:str,"
    "category_ids:[any]";

TEST_F(XtreamFilmsTest, FilmsHaveExactlyTheProtocolsTypes) {
  const Json categories = Player("get_vod_categories").AsJson();
  ASSERT_EQ(categories.size(), 1u);  // adult ones are not shown to apps
  EXPECT_EQ(Misfit(categories[0], "{category_id:str,category_name:str,parent_id:int}"), "");
  const Json films = Player("get_vod_streams").AsJson();
  ASSERT_EQ(films.size(), 1u);
  EXPECT_EQ(Misfit(films[0],
                   "{num:int,name:str,stream_type:str,stream_id:int,stream_icon:str,rating:str,"
                   "rating_5based:num,added:str,is_adult:int,category_id:str,category_ids:[any],"
                   "container_extension:str,custom_sid:null,direct_source:str,plot:str,year:str,"
                   "cast:str,director:str}"),
            "");
  EXPECT_EQ(films[0]["stream_id"], 5);
  EXPECT_EQ(films[0]["rating_5based"], 3.55);
  EXPECT_EQ(films[0]["container_extension"], "mkv");
  EXPECT_EQ(Player("get_vod_streams&category_id=3").AsJson(), films);
  EXPECT_EQ(Player("get_vod_streams&category_id=99").body, "[]");
}

TEST_F(XtreamFilmsTest, CategoriesAreMadeOnceForAllWithTheSamePackages) {
  const auto made = [&] {
    const std::string scrape = app_.box().metrics().Scrape();
    const std::string name = "holdfast_middleware_bodies_made_total{cache=\"apps\"} ";
    const std::size_t at = scrape.find(name);
    return at == std::string::npos ? -1.0 : std::stod(scrape.substr(at + name.size()));
  };
  for (int i = 0; i < 5; ++i) {
    for (const char* action : {"get_vod_categories", "get_series_categories"}) {
      const AppAnswer answer =
          app_.Get(std::string("/player_api.php?") + kAdaFields + "&action=" + action,
                   {{"Accept-Encoding", "gzip"}});
      EXPECT_TRUE(answer.gzipped);
      EXPECT_EQ(answer.AsJson().size(), 1u);
    }
  }
  EXPECT_EQ(made(), 2);
}

TEST_F(XtreamFilmsTest, AFilmIsTold) {
  const Json info = Player("get_vod_info&vod_id=5").AsJson();
  EXPECT_EQ(Misfit(info, "{info:{*:any},movie_data:{*:any}}"), "");
  EXPECT_EQ(
      Misfit(info["info"],
             "{name:str,o_name:str,cover_big:str,movie_image:str,release_date:str,releasedate:str,"
             "plot:str,description:str,cast:str,actors:str,director:str,genre:str,country:str,"
             "age:str,rating:str,youtube_trailer:str,backdrop_path:[any],duration_secs:int,"
             "duration:str,bitrate:int,video:{*:any},audio:{*:any}}"),
      "");
  EXPECT_EQ(Misfit(info["movie_data"],
                   "{stream_id:int,name:str,added:str,category_id:str,category_ids:[any],"
                   "container_extension:str,custom_sid:str,direct_source:str}"),
            "");
  EXPECT_EQ(info["info"]["duration"], "01:30:00");
  EXPECT_EQ(info["info"]["genre"], "tragedy");
  for (const char* other : {"6", "7", "8", "99", "x"}) {
    EXPECT_EQ(Player(std::string("get_vod_info&vod_id=") + other).body,
              R"({"info":[],"movie_data":{}})");
  }
}

TEST_F(XtreamFilmsTest, SeriesHaveExactlyTheProtocolsTypes) {
  const Json list = Player("get_series").AsJson();
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(Misfit(list[0], "{num:int," + kSeriesFields + "}"), "");
  const Json info = Player("get_series_info&series_id=6").AsJson();
  EXPECT_EQ(Misfit(info, "{seasons:[any],info:{*:any},episodes:{*:any}}"), "");
  EXPECT_EQ(Misfit(info["info"], "{" + kSeriesFields + "}"), "");
  ASSERT_EQ(info["seasons"].size(), 2u);
  EXPECT_EQ(Misfit(info["seasons"][0],
                   "{season_number:int,name:str,air_date:str,episode_count:int,id:int,overview:str,"
                   "cover:str,cover_big:str}"),
            "");
  ASSERT_EQ(info["episodes"]["2"].size(), 2u);
  const Json& episode = info["episodes"]["2"][1];
  EXPECT_EQ(Misfit(episode,
                   "{id:str,episode_num:int,title:str,container_extension:str,info:{*:any},"
                   "custom_sid:str,added:str,season:int,direct_source:str}"),
            "");
  EXPECT_EQ(Misfit(episode["info"],
                   "{plot:str,releasedate:str,duration_secs:int,duration:str,movie_image:str,"
                   "bitrate:int,rating:str,season:int}"),
            "");
  EXPECT_EQ(episode["id"], "202");
  EXPECT_EQ(Player("get_series_info&series_id=5").AsJson()["episodes"].size(), 0u);
}

TEST_F(XtreamFilmsTest, FilmsAndEpisodesPlayByRedirect) {
  const AppAnswer film = app_.Get(std::string("/movie") + kAdaPath + "/5.mkv");
  EXPECT_EQ(film.status, 302);
  EXPECT_THAT(film.location, StartsWith("http://edge-"));
  EXPECT_THAT(film.location, HasSubstr("/vod/film-5/film.mkv"));
  EXPECT_EQ(app_.Get(std::string("/series") + kAdaPath + "/202.mp4").location,
            "http://far/beta-22");
}

TEST_F(XtreamFilmsTest, WhatIsNotTheirsDoesNotPlay) {
  EXPECT_EQ(app_.Get(std::string("/movie") + kAdaPath + "/7.mkv").status, 403);
  EXPECT_EQ(app_.Get(std::string("/movie") + kAdaPath + "/8.mkv").status, 403);
  EXPECT_EQ(app_.Get(std::string("/series") + kAdaPath + "/70.mkv").status, 403);
  EXPECT_EQ(app_.Get(std::string("/movie") + kAdaPath + "/6.mkv").status, 404);  // a series
  for (const char* nothing : {"99.mp4", "x.mp4", "0", "-5.mp4"}) {
    EXPECT_EQ(app_.Get(std::string("/movie") + kAdaPath + "/" + nothing).status, 404) << nothing;
    EXPECT_EQ(app_.Get(std::string("/series") + kAdaPath + "/" + nothing).status, 404) << nothing;
  }
  app_.HaveLogin("bob", "pb", "acc-2");
  app_.box().HaveEntitlement("acc-2", {"sport"});
  EXPECT_EQ(app_.Get("/movie/bob/pb/7.mkv").status, 302);
  EXPECT_THAT(Player("get_vod_streams").body, Not(HasSubstr("Gamma")));
}

TEST(ContainerTest, IsTheEndingOfTheName) {
  EXPECT_EQ(ContainerOf({.file = "film.mkv"}), "mkv");
  EXPECT_EQ(ContainerOf({.address = "http://a.example/x/film.m3u8?token=a.b"}), "m3u8");
  EXPECT_EQ(ContainerOf({.address = "http://a.example/film"}), "mp4");
  EXPECT_EQ(ContainerOf({.file = "film.a/b"}), "mp4");
  EXPECT_EQ(ContainerOf({}), "mp4");
}

}  // namespace
}  // namespace holdfast::middleware

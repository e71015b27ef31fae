// Films and series for apps: the JSON type of every field, addresses that play, and whose they are.
#include <gmock/gmock.h>

#include "services/middleware/apps_fixture_test.h"
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
  // Exactly these fields: s a text, i a whole number, f a number, a an array, o an object, n null.
  static void ExpectExactly(const Json& object, const std::string& letters_and_names) {
    std::istringstream in(letters_and_names);
    std::string letter, name;
    std::size_t count = 0;
    while (in >> letter >> name) {
      ++count;
      ASSERT_TRUE(object.contains(name)) << name << " is missing in " << object.dump();
      const Json& value = object[name];
      const bool right = letter == "s"   ? value.is_string()
                         : letter == "i" ? value.is_number_integer()
                         : letter == "f" ? value.is_number()
                         : letter == "a" ? value.is_array()
                         : letter == "n" ? value.is_null()
                                         : value.is_object();
      EXPECT_TRUE(right) << name << " is " << value.dump() << ", wanted " << letter;
    }
    EXPECT_EQ(object.size(), count) << object.dump();
  }

  AppsFixture app_;
};

constexpr const char* kSeriesFields =
    "s name i series_id s cover s plot s cast s director s genre s releaseDate s release_date "
    "s last_modified s rating f rating_5based a backdrop_path s youtube_trailer "
    "s episode_run_time s category_id a category_ids";

TEST_F(XtreamFilmsTest, FilmsHaveExactlyTheProtocolsTypes) {
  const Json categories = Player("get_vod_categories").AsJson();
  ASSERT_EQ(categories.size(), 1u);  // adult ones are not shown to apps
  ExpectExactly(categories[0], "s category_id s category_name i parent_id");
  const Json films = Player("get_vod_streams").AsJson();
  ASSERT_EQ(films.size(), 1u);
  ExpectExactly(films[0],
                "i num s name s stream_type i stream_id s stream_icon s rating f rating_5based "
                "s added i is_adult s category_id a category_ids s container_extension "
                "n custom_sid s direct_source s plot s year s cast s director");
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
  ExpectExactly(info, "o info o movie_data");
  ExpectExactly(info["info"],
                "s name s o_name s cover_big s movie_image s release_date s releasedate s plot "
                "s description s cast s actors s director s genre s country s age s rating "
                "s youtube_trailer a backdrop_path i duration_secs s duration i bitrate o video "
                "o audio");
  ExpectExactly(info["movie_data"],
                "i stream_id s name s added s category_id a category_ids s container_extension "
                "s custom_sid s direct_source");
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
  ExpectExactly(list[0], std::string("i num ") + kSeriesFields);
  const Json info = Player("get_series_info&series_id=6").AsJson();
  ExpectExactly(info, "a seasons o info o episodes");
  ExpectExactly(info["info"], kSeriesFields);
  ASSERT_EQ(info["seasons"].size(), 2u);
  ExpectExactly(info["seasons"][0],
                "i season_number s name s air_date i episode_count i id s overview s cover "
                "s cover_big");
  ASSERT_EQ(info["episodes"]["2"].size(), 2u);
  const Json& episode = info["episodes"]["2"][1];
  ExpectExactly(episode,
                "s id i episode_num s title s container_extension o info s custom_sid s added "
                "i season s direct_source");
  ExpectExactly(episode["info"],
                "s plot s releasedate i duration_secs s duration s movie_image i bitrate s rating "
                "i season");
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

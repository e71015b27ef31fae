#include "services/middleware/xtream_films.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

namespace holdfast::middleware {
namespace {

constexpr int kSecondsPerMinute = 60;
constexpr std::size_t kLongestEnding = 5;

// "7.1" -> 7.1; 0 for anything else.
double RatingOf(const VodTitle& title) {
  double rating = 0;
  const std::string& text = title.rating_imdb;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rating);
  return error == std::errc() && end == text.data() + text.size() ? rating : 0;
}

std::string GenresOf(const VodTitle& title, const VodCategory* category) {
  std::string text;
  for (const int position : title.genres) {
    if (category == nullptr || position < 1 ||
        static_cast<std::size_t>(position) > category->genres.size()) {
      continue;
    }
    if (!text.empty()) text += ", ";
    text += category->genres[static_cast<std::size_t>(position) - 1];
  }
  return text;
}

std::string Clock(int minutes) { return fmt::format("{:02}:{:02}:00", minutes / 60, minutes % 60); }

void AppendCategoryIds(JsonWriter& json, const VodTitle& title) {
  json.Key("category_id").String(title.category);
  json.Key("category_ids").BeginArray().Int(title.category).EndArray();
}

void AppendBackdrops(JsonWriter& json, const VodTitle& title) {
  json.Key("backdrop_path").BeginArray();
  if (!title.poster.empty()) json.String(title.poster);
  json.EndArray();
}

// Of get_vod_streams.
void AppendFilm(JsonWriter& json, const VodTitle& title, int number) {
  json.BeginObject().Field("num", number).Field("name", title.name).Field("stream_type", "movie");
  json.Field("stream_id", title.id).Field("stream_icon", title.poster);
  json.Field("rating", title.rating_imdb).Field("rating_5based", RatingOf(title) / 2);
  json.Key("added").String(title.added_at).Field("is_adult", title.adult ? 1 : 0);
  AppendCategoryIds(json, title);
  json.Field("container_extension",
             title.files.empty() ? std::string("mp4") : ContainerOf(title.files.front()));
  json.Key("custom_sid").Null().Field("direct_source", "").Field("plot", title.description);
  json.Field("year", title.year).Field("cast", title.actors).Field("director", title.director);
  json.EndObject();
}

// The fields of get_series, inside an object.
void AppendSeriesFields(JsonWriter& json, const VodTitle& title, const std::string& genres) {
  json.Field("name", title.name).Field("series_id", title.id).Field("cover", title.poster);
  json.Field("plot", title.description).Field("cast", title.actors);
  json.Field("director", title.director).Field("genre", genres).Field("releaseDate", title.year);
  json.Field("release_date", title.year).Key("last_modified").String(title.added_at);
  json.Field("rating", title.rating_imdb).Field("rating_5based", RatingOf(title) / 2);
  AppendBackdrops(json, title);
  json.Field("youtube_trailer", "").Key("episode_run_time").String(title.minutes);
  AppendCategoryIds(json, title);
}

void AppendSeasons(JsonWriter& json, const VodTitle& title) {
  json.Key("seasons").BeginArray();
  for (const VodSeason& season : title.seasons) {
    json.BeginObject().Field("season_number", season.number);
    json.Field("name",
               season.title.empty() ? fmt::format("Season {}", season.number) : season.title);
    json.Field("air_date", title.year);
    json.Field("episode_count", static_cast<std::int64_t>(season.episodes.size()));
    json.Field("id", season.number).Field("overview", "");
    json.Field("cover", title.poster).Field("cover_big", title.poster).EndObject();
  }
  json.EndArray();
}

void AppendEpisode(JsonWriter& json, const VodTitle& title, const VodSeason& season,
                   const VodEpisode& episode) {
  const VodFile& file = episode.files.front();
  json.BeginObject().Key("id").String(file.id).Field("episode_num", episode.number);
  json.Field("title",
             episode.title.empty() ? fmt::format("Episode {}", episode.number) : episode.title);
  json.Field("container_extension", ContainerOf(file)).Key("info").BeginObject();
  json.Field("plot", "").Field("releasedate", title.year);
  json.Field("duration_secs", episode.minutes * kSecondsPerMinute);
  json.Field("duration", Clock(episode.minutes)).Field("movie_image", title.poster);
  json.Field("bitrate", 0).Field("rating", title.rating_imdb).Field("season", season.number);
  json.EndObject().Field("custom_sid", "").Key("added").String(title.added_at);
  json.Field("season", season.number).Field("direct_source", "").EndObject();
}

}  // namespace

std::string ContainerOf(const VodFile& file) {
  std::string_view name = file.file.empty() ? std::string_view(file.address) : file.file;
  name = name.substr(0, name.find_first_of("?#"));
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || name.find('/', dot) != std::string_view::npos) return "mp4";
  const std::string_view ending = name.substr(dot + 1);
  const bool plain = std::all_of(ending.begin(), ending.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  });
  return plain && !ending.empty() && ending.size() <= kLongestEnding ? std::string(ending) : "mp4";
}

FilmRights RightsOf(const AppCall& call, const ReadModels& models) {
  return {*call.knowledge.entitlement, models.rental_offers(), call.now};
}

std::vector<const VodTitle*> TitlesOfApp(const Catalogue& catalogue, const FilmRights& rights,
                                         AdultChannels adult, FilmKind kind) {
  std::vector<const VodTitle*> titles;
  for (const VodTitle& title : catalogue.titles()) {
    if (FindTitleForApp(catalogue, rights, adult, kind, title.id) != nullptr) {
      titles.push_back(&title);
    }
  }
  return titles;
}

const VodTitle* FindTitleForApp(const Catalogue& catalogue, const FilmRights& rights,
                                AdultChannels adult, FilmKind kind, std::int64_t id, Shelf shelf) {
  const VodTitle* title = catalogue.FindTitle(id);
  if (title == nullptr || title->is_series() != (kind == FilmKind::kSeries)) return nullptr;
  const VodCategory* category = catalogue.FindCategory(title->category);
  const bool for_adults = title->adult || (category != nullptr && category->adult);
  const FilmRight right = rights.Of(*title);
  const bool visible = !rights.blocked() &&
                       (shelf == Shelf::kForRentToo ? right.seen() : right.plays()) &&
                       (!for_adults || adult == AdultChannels::kShown);
  return visible ? title : nullptr;
}

std::string FilmCategories(const Catalogue& catalogue, const std::vector<const VodTitle*>& titles) {
  std::set<std::int64_t> present;
  for (const VodTitle* title : titles) present.insert(title->category);
  std::string text;
  JsonWriter json(text);
  json.BeginArray();
  for (const VodCategory& category : catalogue.categories()) {
    if (!present.contains(category.id)) continue;
    json.BeginObject().Key("category_id").String(category.id);
    json.Field("category_name", category.title).Field("parent_id", 0).EndObject();
  }
  json.EndArray();
  return text;
}

std::string FilmList(const Catalogue& catalogue, const std::vector<const VodTitle*>& titles,
                     FilmKind kind, std::int64_t category) {
  std::string text;
  JsonWriter json(text);
  json.BeginArray();
  int number = 0;
  for (const VodTitle* title : titles) {
    if (category != 0 && title->category != category) continue;
    ++number;
    if (kind == FilmKind::kFilms) {
      AppendFilm(json, *title, number);
      continue;
    }
    json.BeginObject().Field("num", number);
    AppendSeriesFields(json, *title, GenresOf(*title, catalogue.FindCategory(title->category)));
    json.EndObject();
  }
  json.EndArray();
  return text;
}

std::string FilmInfo(const Catalogue& catalogue, const VodTitle* title) {
  if (title == nullptr) return R"({"info":[],"movie_data":{}})";
  std::string text;
  JsonWriter json(text);
  json.BeginObject().Key("info").BeginObject();
  json.Field("name", title->name).Field("o_name", title->original_name);
  json.Field("cover_big", title->poster).Field("movie_image", title->poster);
  json.Field("release_date", title->year).Field("releasedate", title->year);
  json.Field("plot", title->description).Field("description", title->description);
  json.Field("cast", title->actors).Field("actors", title->actors);
  json.Field("director", title->director);
  json.Field("genre", GenresOf(*title, catalogue.FindCategory(title->category)));
  json.Field("country", title->country);
  json.Field("age", title->age).Field("rating", title->rating_imdb).Field("youtube_trailer", "");
  AppendBackdrops(json, *title);
  json.Field("duration_secs", title->minutes * kSecondsPerMinute);
  json.Field("duration", Clock(title->minutes)).Field("bitrate", 0);
  json.Key("video").BeginObject().EndObject().Key("audio").BeginObject().EndObject();
  json.EndObject().Key("movie_data").BeginObject();
  json.Field("stream_id", title->id).Field("name", title->name);
  json.Key("added").String(title->added_at);
  AppendCategoryIds(json, *title);
  json.Field("container_extension",
             title->files.empty() ? std::string("mp4") : ContainerOf(title->files.front()));
  json.Field("custom_sid", "").Field("direct_source", "").EndObject().EndObject();
  return text;
}

std::string SeriesInfo(const Catalogue& catalogue, const VodTitle* title) {
  if (title == nullptr) return R"({"seasons":[],"info":{},"episodes":{}})";
  std::string text;
  JsonWriter json(text);
  json.BeginObject();
  AppendSeasons(json, *title);
  json.Key("info").BeginObject();
  AppendSeriesFields(json, *title, GenresOf(*title, catalogue.FindCategory(title->category)));
  json.EndObject().Key("episodes").BeginObject();
  for (const VodSeason& season : title->seasons) {
    json.Key(std::to_string(season.number)).BeginArray();
    for (const VodEpisode& episode : season.episodes) {
      if (!episode.files.empty()) AppendEpisode(json, *title, season, episode);
    }
    json.EndArray();
  }
  json.EndObject().EndObject();
  return text;
}

}  // namespace holdfast::middleware

#include "services/middleware/vod_rows.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/time_zone.h"
#include "services/middleware/epg_rows.h"

namespace holdfast::middleware {
namespace {

constexpr int kGenreSlots = 4;

std::string GenresOf(const VodTitle& title, const VodCategory* category) {
  std::string text;
  for (const int position : title.genres) {
    if (category == nullptr || position < 1 ||
        position > static_cast<int>(category->genres.size())) {
      continue;
    }
    if (!text.empty()) text += ", ";
    text += category->genres[static_cast<std::size_t>(position - 1)];
  }
  return text;
}

bool HasFiles(const VodTitle& title) { return !title.files.empty() || title.is_series(); }

void AppendSeriesNumbers(JsonWriter& json, std::size_t count) {
  json.Key("series").BeginArray();
  for (std::size_t i = 1; i <= count; ++i) json.Int(static_cast<std::int64_t>(i));
  json.EndArray();
}

std::size_t EpisodeCount(const VodTitle& title) {
  std::size_t count = 0;
  for (const VodSeason& season : title.seasons) count += season.episodes.size();
  return count;
}

void AppendText(JsonWriter& json, const VodTitle& title, const FilmRight& right) {
  json.Field("name", title.name).Field("o_name", title.original_name).Field("old_name", "");
  json.Field("description", title.description).Field("pic", "");
  json.Field("cost", right.price != nullptr ? CostOf(*right.price) : std::string("0"));
  json.Key("time").String(static_cast<std::int64_t>(title.minutes));
  json.Field("director", title.director).Field("actors", title.actors);
  json.Field("year", title.year).Field("country", title.country).Field("age", title.age);
  json.Field("rating_imdb", title.rating_imdb).Field("rating_kinopoisk", "");
  json.Field("rating_count_imdb", "").Field("rating_mpaa", title.rating_mpaa);
}

void AppendStorage(JsonWriter& json, const VodTitle& title) {
  json.Field("path", absl::StrCat("t", title.id)).Field("protocol", "http").Field("rtsp_url", "");
  json.Field("file", "")
      .Field("status", "1")
      .Field("accessed", "1")
      .Field("volume_correction", "0");
  json.Field("disable_for_hd_devices", "0").Field("count", "0");
  json.Field("added", LocalTime(title.added_at, TimeZone::Utc()).DateTime());
  json.Field("censored", title.adult ? "1" : "0").Field("is_series", title.is_series() ? "1" : "0");
}

void AppendGenres(JsonWriter& json, const VodTitle& title, const VodCategory* category) {
  json.Key("category_id").String(title.category);
  for (int slot = 0; slot < kGenreSlots; ++slot) {
    const int genre = slot < static_cast<int>(title.genres.size())
                          ? title.genres[static_cast<std::size_t>(slot)]
                          : 0;
    json.Key(absl::StrCat("cat_genre_id_", slot + 1)).String(static_cast<std::int64_t>(genre));
  }
  json.Field("genres_str", GenresOf(title, category));
}

std::optional<std::int64_t> Number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value <= 0) return std::nullopt;
  return value;
}

std::optional<MediaChoice> Choice(const VodTitle* title, const std::vector<VodFile>* files) {
  if (title == nullptr || files == nullptr || files->empty()) return std::nullopt;
  return MediaChoice{title, files, &files->front()};
}

const std::vector<VodFile>* FilesOf(const VodEpisode* episode) {
  return episode == nullptr ? nullptr : &episode->files;
}

}  // namespace

void AppendTitleRow(JsonWriter& json, const VodTitle& title, const VodCategory* category,
                    const VodRowVariant& variant) {
  json.BeginObject().Key("id").String(title.id);
  AppendText(json, title, variant.right);
  AppendStorage(json, title);
  AppendGenres(json, title, category);
  json.Field("lock", title.adult ? 1 : 0).Field("fav", variant.favourite ? 1 : 0);
  // Boxes ask for the price of what is for rent and has no rent_info.
  const FilmAccess access = variant.right.access;
  const bool single = access == FilmAccess::kForRent || access == FilmAccess::kRented;
  json.Field("for_rent", single ? 1 : 0).Field("low_quality", title.hd ? 0 : 1);
  json.Field("has_files", HasFiles(title) ? 1 : 0).Field("open", variant.right.plays() ? 1 : 0);
  AppendSeriesNumbers(json, EpisodeCount(title));
  json.Field("screenshots", title.poster.empty() ? "0" : "1").Key("screenshot_uri");
  if (title.poster.empty()) {
    json.Bool(false);
  } else {
    json.String(title.poster);
  }
  json.Field("cmd", MediaOf(title)).Field("is_movie", true);
  if (access == FilmAccess::kRented) {
    json.Key("rent_info");
    AppendRentInfo(json, variant.right.until, variant.now,
                   variant.zone != nullptr ? *variant.zone : TimeZone::Utc());
  }
  if (variant.resume && !variant.resume->ended) {
    json.Key("position").Int(variant.resume->position_seconds);
    json.Key("cur_series").Int(variant.resume->episode);
  }
  if (!variant.added.empty()) json.Field(variant.added, true);
  json.EndObject();
}

void AppendRentInfo(JsonWriter& json, std::int64_t until, std::int64_t now, const TimeZone& zone) {
  const std::int64_t minutes = std::max<std::int64_t>(until - now, 0) / 60;
  const std::int64_t hours = minutes / 60, days = hours / 24;
  const std::string rest = days > 0    ? absl::StrCat(days, " d ", hours % 24, " h")
                           : hours > 0 ? absl::StrCat(hours, " h ", minutes % 60, " min")
                                       : absl::StrCat(minutes, " min");
  json.BeginObject().Field("rent_end_date", LocalTime(until, zone).DateTime());
  json.Field("expires_in", rest).EndObject();
}

std::int64_t RentHours(std::int64_t seconds) { return (seconds + 3599) / 3600; }

std::string CostOf(const Money& price) {
  const std::string text = price.ToString();
  return text.substr(0, text.find(' '));
}

void AppendSeasonRow(JsonWriter& json, const VodTitle& title, const VodSeason& season) {
  json.BeginObject().Key("id").String(static_cast<std::int64_t>(season.number));
  json.Key("video_id").String(title.id);
  const std::string name =
      season.title.empty() ? absl::StrCat("Season ", season.number) : season.title;
  json.Field("name", name).Field("season_name", name);
  json.Key("season_number").String(static_cast<std::int64_t>(season.number));
  json.Key("season_series").String(static_cast<std::int64_t>(season.episodes.size()));
  json.Field("description", title.description).Field("is_season", true);
  json.Key("screenshot_uri");
  if (title.poster.empty()) {
    json.Bool(false);
  } else {
    json.String(title.poster);
  }
  AppendSeriesNumbers(json, season.episodes.size());
  json.Field("lock", title.adult ? 1 : 0).Field("cmd", MediaOf(title, season)).EndObject();
}

void AppendEpisodeRow(JsonWriter& json, const VodTitle& title, const VodSeason& season,
                      const VodEpisode& episode) {
  json.BeginObject().Key("id").String(static_cast<std::int64_t>(episode.number));
  json.Key("season_id").String(static_cast<std::int64_t>(season.number));
  json.Key("video_id").String(title.id);
  json.Field("name",
             episode.title.empty() ? absl::StrCat("Episode ", episode.number) : episode.title);
  json.Key("series_number").String(static_cast<std::int64_t>(episode.number));
  json.Key("time").String(static_cast<std::int64_t>(episode.minutes));
  json.Field("is_episode", true).Field("has_files", episode.files.empty() ? 0 : 1);
  AppendSeriesNumbers(json, season.episodes.size());
  json.Field("lock", title.adult ? 1 : 0);
  json.Field("cmd", MediaOf(title, season, episode)).EndObject();
}

void AppendFileRow(JsonWriter& json, const VodTitle& title, const VodFile& file) {
  json.BeginObject().Key("id").String(file.id).Key("video_id").String(title.id);
  json.Field("name", absl::StrCat(file.languages, " / ", file.quality));
  json.Field("quality", file.quality).Field("languages", file.languages).Field("is_file", true);
  json.Field("protocol", file.address.empty() ? "http" : "custom").Field("url", "");
  json.Field("lock", title.adult ? 1 : 0).Field("cmd", MediaOf(file)).EndObject();
}

std::string MediaOf(const VodTitle& title) { return absl::StrCat("/media/", title.id, ".mpg"); }

std::string MediaOf(const VodTitle& title, const VodSeason& season) {
  return absl::StrCat("/media/season_", title.id, "_", season.number, ".mpg");
}

std::string MediaOf(const VodTitle& title, const VodSeason& season, const VodEpisode& episode) {
  return absl::StrCat("/media/episode_", title.id, "_", season.number, "_", episode.number, ".mpg");
}

std::string MediaOf(const VodFile& file) { return absl::StrCat("/media/file_", file.id, ".mpg"); }

std::optional<MediaChoice> FindMedia(const Catalogue& catalogue, std::string_view handle,
                                     int episode) {
  const std::vector<std::string> parts = absl::StrSplit(std::string(handle), '_');
  std::vector<std::int64_t> numbers;
  for (std::size_t i = parts.size() > 1 ? 1 : 0; i < parts.size(); ++i) {
    const auto number = Number(parts[i]);
    if (!number) return std::nullopt;
    numbers.push_back(*number);
  }
  const std::string_view kind = parts.size() > 1 ? std::string_view(parts[0]) : "title";
  if (kind == "file" && numbers.size() == 1) {
    const auto found = catalogue.FindFile(numbers[0]);
    if (!found) return std::nullopt;
    return MediaChoice{found->title, nullptr, found->file};
  }
  const VodTitle* title = numbers.empty() ? nullptr : catalogue.FindTitle(numbers[0]);
  if (title == nullptr) return std::nullopt;
  if (kind == "title" && numbers.size() == 1) {
    return title->is_series() ? Choice(title, FilesOf(EpisodeInOrder(*title, episode)))
                              : Choice(title, &title->files);
  }
  const bool of_season =
      (kind == "season" && numbers.size() == 2) || (kind == "episode" && numbers.size() == 3);
  const VodSeason* season = of_season ? FindSeason(*title, static_cast<int>(numbers[1])) : nullptr;
  if (season == nullptr) return std::nullopt;
  const auto number = kind == "episode" ? static_cast<int>(numbers[2]) : episode;
  return Choice(title, FilesOf(FindEpisode(*season, number)));
}

}  // namespace holdfast::middleware

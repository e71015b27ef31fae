#include "services/middleware/convert_catalogue.h"

#include <algorithm>
#include <cctype>

#include "libs/base/status.h"

namespace holdfast::middleware {
namespace {

constexpr std::size_t kLongestName = 300;
constexpr std::size_t kLongestText = 10'000;
constexpr std::size_t kLongestAddress = 2000;
constexpr int kMostSeasons = 200;
constexpr int kMostEpisodes = 2000;

// Boxes cut addresses at spaces.
bool IsAddress(const std::string& text) {
  return text.size() <= kLongestAddress && text.find("://") != std::string::npos &&
         std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) <= ' '; });
}

bool IsPlainPart(std::string_view part) {
  return !part.empty() && part.size() <= 200 && part != "." && part != ".." &&
         std::all_of(part.begin(), part.end(), [](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' ||
                  c == '.';
         });
}

// "vod/film-1": two parts, as edges sign them.
bool IsDirectory(std::string_view directory) {
  const std::size_t slash = directory.find('/');
  return slash != std::string_view::npos && IsPlainPart(directory.substr(0, slash)) &&
         IsPlainPart(directory.substr(slash + 1));
}

absl::Status CheckFile(const v1::VodFile& file) {
  if (file.file_id() <= 0) return InvalidArgument("a file has no file_id");
  if (!file.address().empty()) {
    if (!IsAddress(file.address())) {
      return InvalidArgument("the address of file {} is none", file.file_id());
    }
  } else if (!IsDirectory(file.directory()) || !IsPlainPart(file.file())) {
    return InvalidArgument("file {} has neither an address nor a directory and file",
                           file.file_id());
  }
  return absl::OkStatus();
}

VodFile FromProto(const v1::VodFile& file) {
  VodFile ours{.id = file.file_id(),
               .quality = file.quality(),
               .languages = file.languages(),
               .directory = file.directory(),
               .file = file.file(),
               .address = file.address(),
               .subtitles = {}};
  for (const v1::VodSubtitle& subtitle : file.subtitles()) {
    ours.subtitles.push_back({subtitle.address(), subtitle.language()});
  }
  return ours;
}

VodSeason FromProto(const v1::VodSeason& season) {
  VodSeason ours{.number = season.number(), .title = season.title(), .episodes = {}};
  for (const v1::VodEpisode& episode : season.episodes()) {
    VodEpisode& added = ours.episodes.emplace_back();
    added.number = episode.number();
    added.title = episode.title();
    added.minutes = episode.minutes();
    for (const v1::VodFile& file : episode.files()) added.files.push_back(FromProto(file));
  }
  std::stable_sort(ours.episodes.begin(), ours.episodes.end(),
                   [](const VodEpisode& a, const VodEpisode& b) { return a.number < b.number; });
  return ours;
}

}  // namespace

VodCategory FromProto(const v1::VodCategory& category) {
  return {.id = category.category_id(),
          .title = category.title(),
          .alias = category.alias().empty() ? category.title() : category.alias(),
          .adult = category.adult(),
          .genres = {category.genres().begin(), category.genres().end()}};
}

VodTitle FromProto(const v1::VodTitle& title) {
  VodTitle ours;
  ours.id = title.title_id();
  ours.category = title.category_id();
  ours.name = title.name();
  ours.original_name = title.original_name();
  ours.description = title.description();
  ours.director = title.director();
  ours.actors = title.actors();
  ours.year = title.year();
  ours.country = title.country();
  ours.minutes = title.minutes();
  ours.age = title.age();
  ours.rating_imdb = title.rating_imdb();
  ours.rating_mpaa = title.rating_mpaa();
  ours.adult = title.adult();
  ours.hd = title.hd();
  ours.package = PackageId(title.package_id());
  ours.poster = title.poster_url();
  ours.added_at = title.added_at();
  ours.genres.assign(title.genre_ids().begin(), title.genre_ids().end());
  for (const v1::VodFile& file : title.files()) ours.files.push_back(FromProto(file));
  for (const v1::VodSeason& season : title.seasons()) ours.seasons.push_back(FromProto(season));
  std::stable_sort(ours.seasons.begin(), ours.seasons.end(),
                   [](const VodSeason& a, const VodSeason& b) { return a.number < b.number; });
  return ours;
}

RadioStation FromProto(const v1::RadioStation& station) {
  return {.id = station.radio_id(),
          .number = station.number(),
          .name = station.name(),
          .address = station.address(),
          .package = PackageId(station.package_id()),
          .down = station.down()};
}

absl::Status Check(const v1::VodCategory& category) {
  if (category.category_id() < 0) return InvalidArgument("category_id is negative");
  if (category.title().empty() || category.title().size() > kLongestName) {
    return InvalidArgument("title has not from 1 to {} bytes", kLongestName);
  }
  return absl::OkStatus();
}

absl::Status Check(const v1::VodTitle& title) {
  if (title.title_id() < 0) return InvalidArgument("title_id is negative");
  if (title.name().empty() || title.name().size() > kLongestName) {
    return InvalidArgument("name has not from 1 to {} bytes", kLongestName);
  }
  if (title.description().size() > kLongestText || title.actors().size() > kLongestText) {
    return InvalidArgument("description or actors are longer than {} bytes", kLongestText);
  }
  if (title.files_size() > 0 && title.seasons_size() > 0) {
    return InvalidArgument("a title has either files or seasons");
  }
  if (title.seasons_size() > kMostSeasons) return InvalidArgument("too many seasons");
  for (const v1::VodFile& file : title.files()) HOLDFAST_RETURN_IF_ERROR(CheckFile(file));
  for (const v1::VodSeason& season : title.seasons()) {
    if (season.number() < 1) return InvalidArgument("a season has no number");
    if (season.episodes_size() > kMostEpisodes) return InvalidArgument("too many episodes");
    for (const v1::VodEpisode& episode : season.episodes()) {
      if (episode.number() < 1) return InvalidArgument("an episode has no number");
      for (const v1::VodFile& file : episode.files()) HOLDFAST_RETURN_IF_ERROR(CheckFile(file));
    }
  }
  return absl::OkStatus();
}

absl::Status Check(const v1::RadioStation& station) {
  if (station.radio_id() < 0) return InvalidArgument("radio_id is negative");
  if (station.name().empty() || station.name().size() > kLongestName) {
    return InvalidArgument("name has not from 1 to {} bytes", kLongestName);
  }
  if (station.number() < 1) return InvalidArgument("number is not positive");
  if (!IsAddress(station.address())) return InvalidArgument("address is none");
  return absl::OkStatus();
}

}  // namespace holdfast::middleware

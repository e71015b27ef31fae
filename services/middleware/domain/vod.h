// Films, series and radio stations: what an operator offers beside channels.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "services/middleware/domain/ids.h"
#include "services/middleware/domain/lineup.h"

namespace holdfast::middleware {

struct VodSubtitle {
  std::string address;
  std::string language;
};

struct VodFile {
  std::int64_t id = 0;  // unique over the catalogue
  std::string quality;
  std::string languages;
  std::string directory;  // on our edges
  std::string file;
  std::string address;  // anywhere else
  std::vector<VodSubtitle> subtitles;
};

struct VodEpisode {
  int number = 0;  // in its season
  std::string title;
  int minutes = 0;
  std::vector<VodFile> files;
};

struct VodSeason {
  int number = 0;
  std::string title;
  std::vector<VodEpisode> episodes;  // by number
};

struct VodTitle {
  std::int64_t id = 0;
  std::int64_t category = 0;
  std::string name;
  std::string original_name;
  std::string description;
  std::string director;
  std::string actors;
  std::string year;
  std::string country;
  int minutes = 0;
  std::string age;
  std::string rating_imdb;
  std::string rating_mpaa;
  bool adult = false;
  bool hd = false;
  PackageId package;  // empty: everybody
  std::string poster;
  std::int64_t added_at = 0;       // epoch seconds
  std::vector<int> genres;         // positions in the category's genres, from 1
  std::vector<VodFile> files;      // of a film
  std::vector<VodSeason> seasons;  // of a series, by number

  bool is_series() const { return !seasons.empty(); }
};

struct VodCategory {
  std::int64_t id = 0;
  std::string title;
  std::string alias;
  bool adult = false;
  std::vector<std::string> genres;
};

struct RadioStation {
  std::int64_t id = 0;
  int number = 0;
  std::string name;
  std::string address;
  PackageId package;  // empty: everybody
  bool down = false;  // as the operator's monitoring said last
};

// Immutable; replaced as a whole. Thread-safe.
class Catalogue {
 public:
  Catalogue() = default;
  Catalogue(std::vector<VodCategory> categories, std::vector<VodTitle> titles,
            std::vector<RadioStation> stations);
  Catalogue(const Catalogue&) = delete;  // points into itself
  Catalogue& operator=(const Catalogue&) = delete;

  const std::vector<VodCategory>& categories() const { return categories_; }  // by id
  const std::vector<VodTitle>& titles() const { return titles_; }             // by name
  const std::vector<RadioStation>& stations() const { return stations_; }     // by number
  const VodTitle* FindTitle(std::int64_t id) const;
  const VodCategory* FindCategory(std::int64_t id) const;
  // The title that the file belongs to, and the file.
  struct FoundFile {
    const VodTitle* title = nullptr;
    const VodFile* file = nullptr;
  };
  std::optional<FoundFile> FindFile(std::int64_t file_id) const;

 private:
  void IndexFiles(std::size_t title, const std::vector<VodFile>& files);

  std::vector<VodCategory> categories_;
  std::vector<VodTitle> titles_;
  std::vector<RadioStation> stations_;
  absl::flat_hash_map<std::int64_t, std::size_t> by_id_;
  absl::flat_hash_map<std::int64_t, FoundFile> files_;
};

bool MaySee(const PackageId& package, const PackageSet& packages);

const VodSeason* FindSeason(const VodTitle& title, int number);
const VodEpisode* FindEpisode(const VodSeason& season, int number);
// The nth episode of a series, counted over its seasons from 1.
const VodEpisode* EpisodeInOrder(const VodTitle& title, int position);

// Which titles a list shows. Unset fields choose nothing out.
struct VodQuery {
  enum class Only { kAll, kSeries };
  enum class Order { kName, kAdded, kRating };
  Only only = Only::kAll;
  std::int64_t category = 0;
  int genre = 0;  // position in the category's genres
  std::string_view year;
  std::string_view first_letter;
  std::string_view search;  // in the names, upper and lower case alike
  bool hd = false;
  Order order = Order::kName;
};

// Pointers into the catalogue, whoever may see them (rental.h).
std::vector<const VodTitle*> ChooseTitles(const Catalogue& catalogue, const VodQuery& query);

}  // namespace holdfast::middleware

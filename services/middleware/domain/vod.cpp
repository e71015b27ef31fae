#include "services/middleware/domain/vod.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace holdfast::middleware {
namespace {

absl::string_view Absl(std::string_view text) { return {text.data(), text.size()}; }

std::string Lower(std::string_view text) { return absl::AsciiStrToLower(Absl(text)); }

bool Matches(const VodTitle& title, const VodQuery& query, const std::string& search) {
  if (query.only == VodQuery::Only::kSeries && !title.is_series()) return false;
  if (query.category != 0 && title.category != query.category) return false;
  if (query.genre != 0 &&
      std::find(title.genres.begin(), title.genres.end(), query.genre) == title.genres.end()) {
    return false;
  }
  if (!query.year.empty() && title.year != query.year) return false;
  if (query.hd && !title.hd) return false;
  if (!query.first_letter.empty() && !Lower(title.name).starts_with(Lower(query.first_letter))) {
    return false;
  }
  return search.empty() || Lower(title.name).find(search) != std::string::npos ||
         Lower(title.original_name).find(search) != std::string::npos;
}

double Rating(const VodTitle& title) { return std::strtod(title.rating_imdb.c_str(), nullptr); }

}  // namespace

Catalogue::Catalogue(std::vector<VodCategory> categories, std::vector<VodTitle> titles,
                     std::vector<RadioStation> stations)
    : categories_(std::move(categories)),
      titles_(std::move(titles)),
      stations_(std::move(stations)) {
  std::sort(categories_.begin(), categories_.end(),
            [](const VodCategory& a, const VodCategory& b) { return a.id < b.id; });
  std::sort(titles_.begin(), titles_.end(), [](const VodTitle& a, const VodTitle& b) {
    return std::pair(Lower(a.name), a.id) < std::pair(Lower(b.name), b.id);
  });
  std::sort(stations_.begin(), stations_.end(), [](const RadioStation& a, const RadioStation& b) {
    return std::pair(a.number, a.id) < std::pair(b.number, b.id);
  });
  for (std::size_t i = 0; i < titles_.size(); ++i) {
    by_id_[titles_[i].id] = i;
    IndexFiles(i, titles_[i].files);
    for (const VodSeason& season : titles_[i].seasons) {
      for (const VodEpisode& episode : season.episodes) IndexFiles(i, episode.files);
    }
  }
}

void Catalogue::IndexFiles(std::size_t title, const std::vector<VodFile>& files) {
  for (const VodFile& file : files) files_[file.id] = {&titles_[title], &file};
}

const VodTitle* Catalogue::FindTitle(std::int64_t id) const {
  const auto it = by_id_.find(id);
  return it == by_id_.end() ? nullptr : &titles_[it->second];
}

const VodCategory* Catalogue::FindCategory(std::int64_t id) const {
  const auto it = std::find_if(categories_.begin(), categories_.end(),
                               [&](const VodCategory& c) { return c.id == id; });
  return it == categories_.end() ? nullptr : &*it;
}

std::optional<Catalogue::FoundFile> Catalogue::FindFile(std::int64_t file_id) const {
  const auto it = files_.find(file_id);
  if (it == files_.end()) return std::nullopt;
  return it->second;
}

bool MaySee(const PackageId& package, const PackageSet& packages) {
  return package.value().empty() || packages.Contains(package);
}

const VodSeason* FindSeason(const VodTitle& title, int number) {
  const auto it = std::find_if(title.seasons.begin(), title.seasons.end(),
                               [&](const VodSeason& s) { return s.number == number; });
  return it == title.seasons.end() ? nullptr : &*it;
}

const VodEpisode* FindEpisode(const VodSeason& season, int number) {
  const auto it = std::find_if(season.episodes.begin(), season.episodes.end(),
                               [&](const VodEpisode& e) { return e.number == number; });
  return it == season.episodes.end() ? nullptr : &*it;
}

const VodEpisode* EpisodeInOrder(const VodTitle& title, int position) {
  for (const VodSeason& season : title.seasons) {
    const auto count = static_cast<int>(season.episodes.size());
    if (position >= 1 && position <= count) {
      return &season.episodes[static_cast<std::size_t>(position - 1)];
    }
    position -= count;
  }
  return nullptr;
}

std::vector<const VodTitle*> ChooseTitles(const Catalogue& catalogue, const VodQuery& query) {
  const std::string search = Lower(query.search);
  std::vector<const VodTitle*> chosen;
  for (const VodTitle& title : catalogue.titles()) {
    if (Matches(title, query, search)) chosen.push_back(&title);
  }
  if (query.order == VodQuery::Order::kAdded) {
    std::stable_sort(chosen.begin(), chosen.end(), [](const VodTitle* a, const VodTitle* b) {
      return a->added_at > b->added_at;
    });
  } else if (query.order == VodQuery::Order::kRating) {
    std::stable_sort(chosen.begin(), chosen.end(),
                     [](const VodTitle* a, const VodTitle* b) { return Rating(*a) > Rating(*b); });
  }
  return chosen;
}

}  // namespace holdfast::middleware

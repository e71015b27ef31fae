#include "services/middleware/domain/lineup.h"

#include <algorithm>
#include <utility>

namespace holdfast::middleware {

std::string_view Channel::stream() const {
  const std::string_view path = directory;
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

Lineup::Lineup(std::vector<Channel> channels, std::vector<Genre> genres, std::uint64_t revision)
    : channels_(std::move(channels)), genres_(std::move(genres)), revision_(revision) {
  std::erase_if(channels_, [](const Channel& c) { return c.removed; });
  std::sort(channels_.begin(), channels_.end(), [](const Channel& a, const Channel& b) {
    return std::pair(a.number, a.id) < std::pair(b.number, b.id);
  });
  std::sort(genres_.begin(), genres_.end(),
            [](const Genre& a, const Genre& b) { return a.id < b.id; });
  for (std::size_t i = 0; i < channels_.size(); ++i) by_id_.emplace(channels_[i].id, i);
}

const Channel* Lineup::FindChannel(ChannelId id) const {
  const auto it = by_id_.find(id);
  return it == by_id_.end() ? nullptr : &channels_[it->second];
}

std::string_view Lineup::TitleOf(GenreId id) const {
  const auto it = std::lower_bound(genres_.begin(), genres_.end(), id,
                                   [](const Genre& g, GenreId wanted) { return g.id < wanted; });
  return it == genres_.end() || it->id != id ? std::string_view() : it->title;
}

std::set<GenreId> GenresOf(const std::vector<const Channel*>& channels) {
  std::set<GenreId> genres;
  for (const Channel* channel : channels) {
    genres.insert(channel->genre);
    genres.insert(channel->other_genres.begin(), channel->other_genres.end());
  }
  return genres;
}

std::string GenreTitles(const Lineup& lineup, const Channel& channel, std::string_view separator) {
  std::string titles(lineup.TitleOf(channel.genre));
  for (const GenreId id : channel.other_genres) {
    const std::string_view title = lineup.TitleOf(id);
    if (title.empty()) continue;
    if (!titles.empty()) titles += separator;
    titles += title;
  }
  return titles;
}

PackageSet::PackageSet(std::vector<std::string> ids) : ids_(std::move(ids)) {
  std::sort(ids_.begin(), ids_.end());
  ids_.erase(std::unique(ids_.begin(), ids_.end()), ids_.end());
  for (const std::string& id : ids_) {
    if (!key_.empty()) key_ += ',';
    key_ += id;
  }
}

bool PackageSet::Contains(const PackageId& id) const {
  return std::binary_search(ids_.begin(), ids_.end(), id.value());
}

std::vector<const Channel*> ChannelsFor(const Lineup& lineup, const PackageSet& packages,
                                        ListKind kind) {
  std::vector<const Channel*> chosen;
  for (const Channel& channel : lineup.channels()) {
    if (kind == ListKind::kMain && channel.adult) continue;
    if (kind == ListKind::kAdult && !channel.adult) continue;
    if (packages.Contains(channel.package)) chosen.push_back(&channel);
  }
  return chosen;
}

std::vector<const Channel*> FavouriteChannels(const Lineup& lineup, const PackageSet& packages,
                                              absl::Span<const ChannelId> favourites) {
  std::vector<const Channel*> chosen;
  for (const ChannelId id : favourites) {
    const Channel* channel = lineup.FindChannel(id);
    if (channel != nullptr && packages.Contains(channel->package)) chosen.push_back(channel);
  }
  return chosen;
}

}  // namespace holdfast::middleware

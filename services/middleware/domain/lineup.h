// The lineup: the ordered channels, their genres, and which packages they belong to.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "services/middleware/domain/ids.h"

namespace holdfast::middleware {

// Genre 10 is where boxes look for the channels that the full list leaves out (portal protocol
// section 7.2): all adult channels are shown there and nowhere else.
inline const GenreId kAdultGenre{10};

// What an operator's own monitoring says of a channel (OSS API).
struct Monitoring {
  bool down = false;
  std::int64_t changed_at = 0;  // epoch seconds; 0: it never said that the channel is down

  friend bool operator==(const Monitoring&, const Monitoring&) = default;
};

struct Channel {
  ChannelId id{0};
  int number = 0;        // what the viewer types; unique in a lineup
  std::string name;      // never empty
  std::string guide_id;  // of its programmes; "" if it has none
  std::string logo;      // an address, or ""
  GenreId genre{0};      // the first of its groups; kAdultGenre for adult channels
  // Further groups, in the operator's order: each once, not `genre`; none of adult channels.
  std::vector<GenreId> other_genres;
  std::string directory;  // where edges serve it: "live/news-1"
  PackageId package;
  bool encrypted = false;
  bool adult = false;
  bool hd = false;
  Monitoring monitoring;
  int catch_up_hours = 0;           // 0: none
  std::string catch_up_source;      // where its archive lies; see domain/catch_up.h
  std::int64_t catch_up_since = 0;  // epoch seconds: nothing before is kept; 0: not known
  std::int64_t modified_at = 0;     // epoch seconds
  bool removed = false;             // keeps its id for the day it returns; not in any list

  bool in_genre(GenreId wanted) const {
    return genre == wanted ||
           std::find(other_genres.begin(), other_genres.end(), wanted) != other_genres.end();
  }
  LinkId link() const { return LinkId(id.value()); }
  // The last part of the directory: the name by which play tokens and keys know the channel.
  std::string_view stream() const;

  friend bool operator==(const Channel&, const Channel&) = default;
};

struct Genre {
  GenreId id{0};
  std::string title;

  friend bool operator==(const Genre&, const Genre&) = default;
};

// Immutable; replaced as a whole. Thread-safe.
class Lineup {
 public:
  Lineup() = default;
  // Removed channels are dropped; the rest is ordered by number.
  Lineup(std::vector<Channel> channels, std::vector<Genre> genres, std::uint64_t revision);

  std::uint64_t revision() const { return revision_; }
  const std::vector<Channel>& channels() const { return channels_; }  // by number
  const std::vector<Genre>& genres() const { return genres_; }        // by id
  std::string_view TitleOf(GenreId id) const;                         // "" if it is unknown
  const Channel* FindChannel(ChannelId id) const;
  const Channel* FindLink(LinkId id) const { return FindChannel(ChannelId(id.value())); }

 private:
  std::vector<Channel> channels_;
  std::vector<Genre> genres_;
  absl::flat_hash_map<ChannelId, std::size_t> by_id_;
  std::uint64_t revision_ = 0;
};

// All groups that these channels are in.
std::set<GenreId> GenresOf(const std::vector<const Channel*>& channels);
// The titles of the channel's groups, in their order, between separators: "News;HD".
std::string GenreTitles(const Lineup& lineup, const Channel& channel, std::string_view separator);

// A set of packages as one comparable text: "basic,sport", sorted, each once.
class PackageSet {
 public:
  PackageSet() = default;
  explicit PackageSet(std::vector<std::string> ids);

  bool Contains(const PackageId& id) const;
  const std::string& key() const { return key_; }
  const std::vector<std::string>& ids() const { return ids_; }  // sorted

  friend bool operator==(const PackageSet& a, const PackageSet& b) { return a.key_ == b.key_; }

 private:
  std::vector<std::string> ids_;
  std::string key_;
};

enum class ListKind {
  kMain,   // what get_all_channels gives: without adult channels
  kAdult,  // only those
  kAll,
};

// The channels of an account in the order of their numbers. Pointers into `lineup`.
std::vector<const Channel*> ChannelsFor(const Lineup& lineup, const PackageSet& packages,
                                        ListKind kind);

// The viewer's channels in the viewer's order; those that are gone or no longer entitled are
// left out (not forgotten: they may return).
std::vector<const Channel*> FavouriteChannels(const Lineup& lineup, const PackageSet& packages,
                                              absl::Span<const ChannelId> favourites);

}  // namespace holdfast::middleware

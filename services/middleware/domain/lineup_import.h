// Turns an M3U playlist into changes of the lineup. Channels keep their ids over imports, because
// favourites, history and the boxes themselves remember them.
//
// Attributes used: tvg-id, tvg-name, tvg-logo, tvg-chno, group-title (of several, "News;HD", the
// first is the channel's own and the others are known, too), catchup (or catchup-type),
// catchup-days, catchup-source, tvg-rec, and our own holdfast-encrypted="1", holdfast-hd="1"
// (without it a channel is HD whose name ends in HD, or that is in a group of that name: see
// IsHdWord), holdfast-package="<package id>" (default "basic"), holdfast-adult="1" (a channel of
// group "Adult" is one, too), holdfast-catchup-hours="1" (instead of days),
// holdfast-catchup-since="1767348000" (when the archive on our edges began; 0: long ago; without it
// a channel is kept since it was first imported), holdfast-channel-id="12" (which of the known
// channels it is). The directory of the address
// ("/live/<stream>/index.m3u8" -> "live/<stream>") is what edges serve; its host is not used.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "services/middleware/domain/lineup.h"
#include "services/middleware/domain/m3u.h"

namespace holdfast::middleware {

// What is stored of the lineup: also the removed channels, whose ids stay theirs.
struct StoredLineup {
  std::vector<Channel> channels;
  std::vector<Genre> genres;
  std::uint64_t revision = 0;
};

struct LineupImport {
  std::vector<Channel> put_channels;  // new, changed, returned, and (with `removed`) taken out
  std::vector<Genre> put_genres;      // new ones; genres are never removed
  std::uint64_t based_on = 0;         // the revision that it was decided on
  int added = 0;
  int changed = 0;
  int removed = 0;
  int unchanged = 0;
  std::vector<M3uProblem> problems;  // by line

  bool changes_anything() const { return !put_channels.empty() || !put_genres.empty(); }
};

enum class LargeRemoval { kRefuse, kAllow };

// Decides the import. Entries with problems are left out and named. An existing channel is
// recognised by its id where the list gives one, by tvg-id and name, then by tvg-id where that is
// unique, then by name; it keeps its number when the list gives none. INVALID_ARGUMENT: no usable
// channel at all. FAILED_PRECONDITION: more than half of the present channels would be removed and
// `large_removal` does not allow it.
absl::StatusOr<LineupImport> PlanImport(const StoredLineup& stored, const M3uList& list,
                                        LargeRemoval large_removal, WallTime now);

// A present channel by its id; null if there is none.
const Channel* FindStored(const StoredLineup& stored, ChannelId id);

struct CatchUpSetting {
  ChannelId channel{0};
  int hours = 0;
  std::string source;  // see Channel::catch_up_source
};

inline constexpr char kGroupSeparator = ';';
inline constexpr std::size_t kMostGroups = 16;  // of one channel

// "HD", "FHD", "UHD", "4K", in any case.
bool IsHdWord(std::string_view word);

inline constexpr int kHighestChannelNumber = 99'999;

// "live/<stream>", of letters, digits and "-_.".
bool IsStreamDirectory(std::string_view directory);
// "http://host/live/news-1/index.m3u8" or "live/news-1" -> "live/news-1". INVALID_ARGUMENT.
absl::StatusOr<std::string> ParseDirectory(std::string_view address);

// Since when (epoch seconds) what is kept on our edges is kept: since the channel was first told to
// be, unless somebody knows better (`said`; -1: nobody does). Of archives elsewhere nothing is
// known. `before` may be null.
std::int64_t CatchUpSince(const Channel* before, const Channel& after, std::int64_t said,
                          std::int64_t now);

// INVALID_ARGUMENT names catch_up_hours or catch_up_source.
absl::Status CheckCatchUp(const CatchUpSetting& setting);

// One channel gets another archive. NOT_FOUND, INVALID_ARGUMENT.
absl::StatusOr<LineupImport> PlanCatchUp(const StoredLineup& stored, const CatchUpSetting& setting,
                                         WallTime now);

// The lineup as a playlist that PlanImport reads back to the same lineup. `base_url` stands before
// the directories: "http://edge.example".
std::string ExportM3u(const Lineup& lineup, std::string_view base_url);

}  // namespace holdfast::middleware

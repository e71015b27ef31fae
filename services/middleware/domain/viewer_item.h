// What belongs to one viewer and must not be lost: each item is a register of its own, and the
// write with the later device time wins, so that writes may come late, twice, and through any
// instance.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "services/middleware/domain/device.h"

namespace holdfast::middleware {

struct ViewerItem {
  // Stored as numbers: never used again for something else.
  enum class Kind {
    kResumePoint = 1,      // key: content id; text: see ResumePoint
    kHistory = 2,          // key: unique; text: see HistoryEntry
    kFavouriteFilm = 3,    // key: film id
    kFavouriteRadio = 4,   // key "list"; text: "3,1,2"
    kReminder = 5,         // key: "<channel>_<start>"; text: see Reminder
    kMediaFavourites = 6,  // key "list"; text: as the box wrote it
    kDownloads = 7,        // key "list"; likewise
    kDvbChannels = 8,      // key "list"; likewise
    kRecording = 9,        // key: its id; text: see Recording
    kProfile = 20,         // key: profile id; text: JSON (rest_profiles.cpp)
    kChannels = 21,        // favourite channels of a profile; key "list"; text: "3,1,2"
  };
  Kind kind = Kind::kResumePoint;
  std::string key;
  std::optional<std::string> text;  // nothing: removed
  std::int64_t at_ms = 0;           // device time
  std::int64_t sequence = 0;        // of writes in one millisecond

  friend bool operator==(const ViewerItem&, const ViewerItem&) = default;
};

// Whether `a` replaces `b`, of the same kind and key.
bool IsNewer(const ViewerItem& a, const ViewerItem& b);

// Whether PostgreSQL and every client can carry the key: 1 to 200 of [A-Za-z0-9_.:-].
bool IsItemKey(std::string_view key);

// A place in a list of one kind, which goes from the newest to the oldest and, within a
// millisecond, from the greatest key to the least. As made: before the whole list.
struct ItemPosition {
  std::int64_t at_ms = std::numeric_limits<std::int64_t>::max();
  std::string key;

  friend auto operator<=>(const ItemPosition&, const ItemPosition&) = default;
};
ItemPosition PositionOf(const ViewerItem& item);

// All that is held of one viewer, each kind and key once, by kind and key.
class ViewerItems {
 public:
  ViewerItems() = default;
  explicit ViewerItems(std::vector<ViewerItem> items);

  // Null if it is not there or was removed.
  const ViewerItem* Find(ViewerItem::Kind kind, std::string_view key) const;
  // The same for what was removed, too.
  const ViewerItem* FindLatest(ViewerItem::Kind kind, std::string_view key) const;
  // Those that are there, the newest first (see ItemPosition).
  std::vector<const ViewerItem*> Newest(ViewerItem::Kind kind) const;
  // How many are there, history aside: what kMaxViewerItems limits.
  std::size_t CountLimited() const;
  // Puts it in if it is newer than what is there. History is kept to kMaxHistory entries; nothing
  // else is ever left out: who writes is held to the limits below.
  void Merge(ViewerItem item);

  const std::vector<ViewerItem>& all() const { return items_; }  // removed ones too

 private:
  void ShortenHistory();

  std::vector<ViewerItem> items_;
};

inline constexpr std::size_t kMaxHistory = 200;       // entries in memory; the database has all
inline constexpr std::size_t kMaxViewerItems = 5000;  // that are there, history aside
inline constexpr std::size_t kLongestItemText = 64 * 1024;

// Whose items a box sees: those of its account, so that the household shares them; its own if it
// has none.
std::string ViewerOf(const Device& device);

}  // namespace holdfast::middleware

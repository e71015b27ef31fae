// What the items of a viewer say (see domain/viewer_item.h).
#pragma once

#include <cstdint>
#include <string>

#include "services/middleware/domain/ids.h"

namespace holdfast::middleware {

// Where a viewer stopped a film or an episode.
struct ResumePoint {
  std::int64_t position_seconds = 0;
  int episode = 0;      // of a series; 0: a film
  std::string file_id;  // which of its files; "" if there is only one
  bool ended = false;   // seen to the end
};

// One thing that was watched.
struct HistoryEntry {
  enum class What { kChannel = 1, kArchive = 2, kTimeShift = 3, kFilm = 4 };
  What what = What::kChannel;
  std::string content_id;       // the channel or film
  std::int64_t started_at = 0;  // UTC epoch seconds
  std::int64_t ended_at = 0;    // 0: not known to have ended
};

// A programme that a viewer wants to be reminded of.
struct Reminder {
  std::int64_t fire_at = 0;  // UTC epoch seconds
  ChannelId channel{0};
  std::int64_t start = 0;
  std::string channel_name;
  std::string programme_name;
};

// A part of a channel that a viewer keeps. Its pictures are those of the channel's archive, or a
// file on the box that recorded it.
struct Recording {
  std::int64_t id = 0;
  ChannelId channel{0};
  std::int64_t start = 0;            // UTC epoch seconds
  std::int64_t stop = 0;             // may lie ahead
  std::int64_t programme_start = 0;  // of the guide's row; 0: of none
  std::string channel_name;
  std::string programme_name;
  // Of a recording on a box alone.
  std::string mac;          // which box; "": on the network
  std::string file;         // as the box names it
  std::string internal_id;  // of the box's own recorder

  bool on_box() const { return !mac.empty(); }
};

}  // namespace holdfast::middleware

// One entry of the guide and the schedule of a channel.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace holdfast::epg {

// Times are UTC epoch seconds. A programme runs in [start, stop).
struct Programme {
  std::int64_t start = 0;
  std::int64_t stop = 0;
  std::string title;
  std::string sub_title;
  std::string description;
  std::string category;  // as in the source, the first one
  std::string director;
  std::string actors;  // comma separated
  std::string icon_url;
  std::string episode;
  int genre_code = 0;  // DVB content nibbles (EN 300 468 table 29), 0: unknown
  std::string rating;

  friend bool operator==(const Programme&, const Programme&) = default;
};

// Of one channel: starts ascend, nothing overlaps. Gaps are allowed and never invented.
using Schedule = std::vector<Programme>;

}  // namespace holdfast::epg

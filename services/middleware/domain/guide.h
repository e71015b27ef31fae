// The programme guide as the portal needs it: per channel, by time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/clock.h"
#include "libs/base/string_map.h"
#include "libs/base/time_zone.h"

namespace holdfast::middleware {

// Texts point into whatever the schedule keeps alive (see ChannelSchedule).
struct Programme {
  std::int64_t start = 0;  // UTC epoch seconds
  std::int64_t stop = 0;
  std::string_view title;
  std::string_view description;
  std::string_view category;
  std::string_view director;
  std::string_view actors;  // comma separated
  std::string_view sub_title;
  std::string_view episode;  // "0.4.", as XMLTV counts, or any text
  std::string_view icon;     // an address, or ""

  bool on_air_at(std::int64_t t) const { return start <= t && t < stop; }
};

// All known programmes of one channel, ascending, without overlap. Immutable.
class ChannelSchedule {
 public:
  // `owners` keep the texts alive. Programmes that end before they start, or overlap an earlier
  // one, are left out.
  ChannelSchedule(std::vector<Programme> programmes,
                  std::vector<std::shared_ptr<const void>> owners);

  std::span<const Programme> all() const { return programmes_; }
  // Those that end after `from` and start before `to`.
  std::span<const Programme> Between(std::int64_t from, std::int64_t to) const;
  // What is on at `t`; null in a gap.
  const Programme* At(std::int64_t t) const;
  const Programme* StartingAt(std::int64_t start) const;

 private:
  std::vector<Programme> programmes_;
  std::vector<std::shared_ptr<const void>> owners_;
};

using SharedSchedule = std::shared_ptr<const ChannelSchedule>;

// All schedules by guide id. Immutable; replaced as a whole.
struct Guide {
  std::uint64_t revision = 0;
  StringMap<SharedSchedule> schedules;

  // Null if nothing is known of that id.
  const ChannelSchedule* ScheduleOf(std::string_view guide_id) const {
    const SharedSchedule* found = Find(schedules, guide_id);
    return found == nullptr ? nullptr : found->get();
  }
};

// A whole local day.
struct TimeWindow {
  std::int64_t from = 0;
  std::int64_t to = 0;
};

// "2026-01-02" in that zone, 23 to 25 hours long where clocks change. Nothing for another form.
std::optional<TimeWindow> LocalDay(std::string_view date, const TimeZone& zone);

// The day of `now` shifted by whole days.
struct CalendarDay {
  std::string date;    // "2026-01-02"
  std::string spoken;  // "Fri 02 JANUARY"
  bool today = false;
};
std::vector<CalendarDay> DaysAround(WallTime now, const TimeZone& zone, int days_before,
                                    int days_after);

}  // namespace holdfast::middleware

#include "services/middleware/archive_programmes.h"

#include <charconv>

#include "services/middleware/domain/device.h"
#include "services/middleware/epg_rows.h"

namespace holdfast::middleware {
namespace {

constexpr std::int64_t kSecondsPerHour = 3600;

// The programme of that minute that the archive still has, or the newest of that minute.
const Programme* StartingInMinute(const ChannelSchedule& schedule, const Channel& channel,
                                  std::int64_t minute_mark, std::int64_t latest_start) {
  const std::int64_t oldest = latest_start - channel.catch_up_hours * kSecondsPerHour;
  for (const Programme& programme : schedule.Between(oldest, latest_start + 1)) {
    if (MinuteMark(programme.start) == minute_mark) return &programme;
  }
  return nullptr;
}

}  // namespace

std::optional<FoundProgramme> FindByRealId(const Lineup& lineup, const Guide& guide,
                                           std::string_view real_id) {
  const std::size_t bar = real_id.find('_');
  if (bar == std::string_view::npos) return std::nullopt;
  std::int64_t start = 0;
  const std::string_view digits = real_id.substr(bar + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), start);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  const Channel* channel = lineup.FindChannel(ParseChannelId(real_id.substr(0, bar)));
  const ChannelSchedule* schedule =
      channel == nullptr ? nullptr : guide.ScheduleOf(channel->guide_id);
  const Programme* programme = schedule == nullptr ? nullptr : schedule->At(start);
  if (programme == nullptr) return std::nullopt;
  return FoundProgramme{channel, programme};
}

std::optional<FoundProgramme> FindByRowId(const Lineup& lineup, const Guide& guide,
                                          std::int64_t row_id, std::int64_t latest_start) {
  const std::optional<RowMarks> marks = MarksOf(row_id);
  if (!marks) return std::nullopt;
  for (const Channel& channel : lineup.channels()) {
    if (ChannelMark(channel.id) != marks->channel || channel.catch_up_hours <= 0) continue;
    const ChannelSchedule* schedule = guide.ScheduleOf(channel.guide_id);
    if (schedule == nullptr) continue;
    const Programme* programme = StartingInMinute(*schedule, channel, marks->minute, latest_start);
    if (programme != nullptr) return FoundProgramme{&channel, programme};
  }
  return std::nullopt;
}

}  // namespace holdfast::middleware

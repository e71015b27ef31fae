#include "services/middleware/domain/recordings.h"

#include <algorithm>

namespace holdfast::middleware {
namespace {

constexpr std::int64_t kShortest = 60;  // seconds

}  // namespace

std::int64_t SecondsLeft(std::span<const Recording> recordings, const RecordingQuota& quota) {
  std::int64_t used = 0;
  for (const Recording& recording : recordings) {
    if (recording.on_box()) continue;
    used += std::max<std::int64_t>(0, recording.stop - recording.start);
  }
  return std::max<std::int64_t>(0, quota.seconds - used);
}

RecordingVerdict DecideRecording(std::span<const Recording> recordings, const RecordingQuota& quota,
                                 const Channel& channel, std::int64_t programme_start,
                                 std::int64_t now, AirTime& air_time) {
  if (channel.catch_up_hours <= 0) return RecordingVerdict::kNotKept;
  if (air_time.stop <= ArchiveBegins(channel, now)) return RecordingVerdict::kNotKept;
  for (const Recording& recording : recordings) {
    const bool same = !recording.on_box() && recording.channel == channel.id &&
                      programme_start != 0 && recording.programme_start == programme_start;
    if (same) return RecordingVerdict::kKnown;
  }
  const std::int64_t left = SecondsLeft(recordings, quota);
  if (left < kShortest) return RecordingVerdict::kNoSpace;
  air_time.stop = std::min(air_time.stop, air_time.start + left);
  return RecordingVerdict::kAllowed;
}

}  // namespace holdfast::middleware

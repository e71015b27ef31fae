// What may be recorded: within the quota of the viewer, for which the channel must be kept at all.
#pragma once

#include <cstdint>
#include <span>

#include "services/middleware/domain/catch_up.h"
#include "services/middleware/domain/viewer_records.h"

namespace holdfast::middleware {

struct RecordingQuota {
  std::int64_t seconds = 0;  // of all recordings of one viewer together
};

// How much of the quota is left; never negative. What lies on boxes takes none of it.
std::int64_t SecondsLeft(std::span<const Recording> recordings, const RecordingQuota& quota);

enum class RecordingVerdict {
  kAllowed,
  kNotKept,  // the channel has no archive, or what is asked for is older than it
  kNoSpace,  // not even a minute of the quota is left
  kKnown,    // the programme is recorded already
};

// Whether the air time may be recorded; `air_time` is cut to what the quota leaves.
RecordingVerdict DecideRecording(std::span<const Recording> recordings, const RecordingQuota& quota,
                                 const Channel& channel, std::int64_t programme_start,
                                 std::int64_t now, AirTime& air_time);

}  // namespace holdfast::middleware

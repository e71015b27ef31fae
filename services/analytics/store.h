// What analytics remembers: sums per minute and hour, and the ids of what was summed.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/deadline.h"
#include "services/analytics/domain/counts.h"
#include "services/analytics/domain/event.h"
#include "services/analytics/domain/popularity.h"

namespace holdfast::analytics {

// Thread-safe. Every call blocks up to its deadline. UNAVAILABLE, DEADLINE_EXCEEDED: see PgPool.
class Store {
 public:
  virtual ~Store() = default;

  // Counts the events whose ids were never counted, in one statement; answers how many those were.
  // After an unknown outcome the same batch may be recorded again.
  virtual absl::StatusOr<int> Record(Deadline, const std::vector<PlaybackEvent>&) = 0;

  // Plays of the hours from `since` on.
  virtual absl::StatusOr<std::vector<HourPlays>> PlaysSince(Deadline, WallTime since) = 0;

  virtual absl::StatusOr<std::vector<CountsRow>> CountByChannel(Deadline, const ReportRange&) = 0;
  virtual absl::StatusOr<std::vector<CountsRow>> CountByEdge(Deadline, const ReportRange&) = 0;
  virtual absl::StatusOr<std::vector<ErrorCount>> CountErrors(Deadline, const ReportRange&) = 0;

  // Removes event ids and sums older than the two times. Stops early, with what it has done, when
  // the deadline is near.
  virtual absl::Status RemoveBefore(Deadline, WallTime ids, WallTime sums) = 0;
};

}  // namespace holdfast::analytics

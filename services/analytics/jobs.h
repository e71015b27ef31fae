// What analytics does without being asked.
#pragma once

#include <chrono>
#include <vector>

#include "absl/status/status.h"
#include "libs/base/clock.h"
#include "libs/base/deadline.h"
#include "libs/storage/disk_spool.h"
#include "services/analytics/event_buffer.h"
#include "services/analytics/metrics.h"
#include "services/analytics/popularity_list.h"
#include "services/analytics/store.h"

namespace holdfast::analytics {

// Moves accepted events from memory to the database; while that is away, to the spool on disk, and
// from there to the database later. An event whose outcome was unknown is recorded again: the
// database counts its id once. What the spool has no room for is lost and counted. Every instance
// runs it. One thread: Run.
class Flush {
 public:
  Flush(EventBuffer& buffer, Store& store, storage::DiskSpool& spool, const Metrics& metrics)
      : buffer_(buffer), store_(store), spool_(spool), metrics_(metrics) {}

  // The error of the database, after everything in memory found its place.
  absl::Status Run(Deadline deadline);

 private:
  absl::Status Record(Deadline deadline, const std::vector<PlaybackEvent>& events);
  void Keep(const std::vector<PlaybackEvent>& events);
  absl::Status Replay(Deadline deadline);
  absl::Status Deliver(Deadline deadline, const std::vector<std::string>& records);

  EventBuffer& buffer_;
  Store& store_;
  storage::DiskSpool& spool_;
  const Metrics& metrics_;
};

// Renews the popularity list from the sums in the database, which all instances share. With the
// database away the last list stays. One thread: Run.
class RenewPopularity {
 public:
  RenewPopularity(Store& store, PopularityList& list, const Metrics& metrics, const Clock& clock,
                  std::chrono::milliseconds half_life)
      : store_(store), list_(list), metrics_(metrics), clock_(clock), half_life_(half_life) {}
  absl::Status Run(Deadline deadline);

 private:
  Store& store_;
  PopularityList& list_;
  const Metrics& metrics_;
  const Clock& clock_;
  const std::chrono::milliseconds half_life_;
};

// Removes sums past their retention and ids that can no longer be repeated. On one instance.
class RemoveOld {
 public:
  RemoveOld(Store& store, const Clock& clock, std::chrono::milliseconds retention)
      : store_(store), clock_(clock), retention_(retention) {}
  absl::Status Run(Deadline deadline);

 private:
  Store& store_;
  const Clock& clock_;
  const std::chrono::milliseconds retention_;
};

}  // namespace holdfast::analytics

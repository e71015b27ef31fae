// What epg does without being asked.
#pragma once

#include <chrono>

#include "absl/status/status.h"
#include "libs/base/clock.h"
#include "libs/base/deadline.h"
#include "libs/replica/publication.h"
#include "services/epg/importer.h"
#include "services/epg/metrics.h"
#include "services/epg/service.h"
#include "services/epg/store.h"

namespace holdfast::epg {

// Keeps this instance's guide equal to the database and tells followers. Every instance runs it.
// With the database away the guide stays as it is, also over a restart (copy on disk).
// One thread: Run.
class FollowDatabase {
 public:
  FollowDatabase(Store& store, Guide& guide, replica::Publication& publication, Metrics& metrics);

  // Offers what the copy on disk held. Once, after guide.LoadFromDisk.
  void PublishLoaded();
  absl::Status Run(Deadline deadline);

 private:
  void Measure();

  Store& store_;
  Guide& guide_;
  replica::Publication& publication_;
  Metrics& metrics_;
};

// Looks at each source; imports what changed. On one instance at a time. A bad source does not keep
// the others from being imported.
class ImportSources {
 public:
  ImportSources(Store& store, Importer& importer) : store_(store), importer_(importer) {}
  absl::Status Run(Deadline deadline);

 private:
  Store& store_;
  Importer& importer_;
};

// Removes days older than the history. On one instance at a time.
class RemoveOldDays {
 public:
  RemoveOldDays(Store& store, const Clock& clock, std::chrono::milliseconds history)
      : store_(store), clock_(clock), history_(history) {}
  absl::Status Run(Deadline deadline);

 private:
  Store& store_;
  const Clock& clock_;
  const std::chrono::milliseconds history_;
};

}  // namespace holdfast::epg

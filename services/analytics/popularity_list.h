// The popularity list of this instance: in memory for Recommend, on disk for the next start, and
// published to followers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "holdfast/analytics/v1/analytics.pb.h"
#include "libs/base/clock.h"
#include "libs/replica/publication.h"
#include "libs/replica/replica.h"
#include "libs/telemetry/metrics.h"
#include "services/analytics/domain/popularity.h"

namespace holdfast::analytics {

// Thread-safe; Renew is for one thread (it writes the file).
class PopularityList {
 public:
  using Ranking = std::shared_ptr<const std::vector<RankedChannel>>;  // best first; never null

  // `file`: the copy on disk.
  PopularityList(const std::string& file, const Clock& clock, telemetry::Metrics& metrics);

  // Takes over and publishes what the copy on disk holds. Once, before the first Renew.
  void Load();

  // Takes over, publishes and saves a new ranking.
  absl::Status Renew(const std::vector<RankedChannel>& ranking);

  Ranking Current() const;
  std::chrono::seconds age() const { return kept_.age(); }  // since the last Renew
  bool loaded() const { return kept_.loaded(); }

  replica::Publication& publication() { return publication_; }

 private:
  void TakeOver();  // what kept_ holds: publishes it and ranks it

  replica::Publication publication_;
  replica::Replica<v1::ChannelPopularity> kept_;
  mutable absl::Mutex mutex_;
  Ranking ranking_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace holdfast::analytics

// The answer to get_epg_info: the guide of all channels of an account for some days, which is a
// hundred megabytes for a large lineup. Each channel's part is rendered and compressed by itself,
// kept while its programmes stay the same, and shared by all accounts; an account's block is its
// channels' parts joined, without compressing again.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "libs/base/string_map.h"
#include "libs/base/time_zone.h"
#include "services/middleware/body_cache.h"
#include "services/middleware/domain/lineup.h"
#include "services/middleware/gzip.h"
#include "services/middleware/read_models.h"

namespace holdfast::middleware {

struct BlockRequest {
  const PackageSet& packages;
  std::int64_t period_hours = 3;
  std::string zone_name;  // of `zone`
  TimeZone zone;
  WallTime now;  // rounded down to a minute: boxes that ask in one minute share one block
};

// Thread-safe. Ready never blocks; Make renders in the calling thread.
class GuideBlocks {
 public:
  GuideBlocks(const ReadModels& models, std::size_t max_bytes, telemetry::Metrics& metrics);

  // Only Body::gzip is set: boxes accept gzip, and the plain form would fill the memory.
  std::shared_ptr<const Body> Ready(const BlockRequest& request);
  std::shared_ptr<const Body> Make(const BlockRequest& request);

 private:
  using SharedPart = std::shared_ptr<const GzipPart>;
  struct CachedPart {
    SharedSchedule schedule;  // what it was made from
    std::int64_t first = 0;   // starts of its first and last programme
    std::int64_t last = 0;
    bool on_air = false;  // the first one had begun
    std::int64_t used_at = 0;
    SharedPart part;
  };

  std::string KeyOf(const BlockRequest& request) const;
  // Null for a channel without programmes in the window.
  SharedPart PartOf(const Channel& channel, const Guide& guide, const BlockRequest& request);
  void ForgetUnusedParts(std::int64_t now);

  const ReadModels& models_;
  BodyCache blocks_;
  const GzipPart head_, comma_, tail_;
  absl::Mutex mutex_;
  StringMap<CachedPart> parts_ ABSL_GUARDED_BY(mutex_);  // by channel, zone and period
};

}  // namespace holdfast::middleware

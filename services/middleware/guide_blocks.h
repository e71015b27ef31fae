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
#include "services/middleware/plain_copies.h"
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
  // `max_bytes`: of blocks, and once more of the channels' parts.
  GuideBlocks(const ReadModels& models, std::size_t max_bytes, telemetry::Metrics& metrics);

  // Only Body::gzip is set: nearly all boxes accept gzip.
  std::shared_ptr<const Body> Ready(const BlockRequest& request);
  std::shared_ptr<const Body> Make(const BlockRequest& request);

  // At the turn of a minute a whole town may ask for the block that is not made yet. One of them
  // makes it; the others get the one made last for such boxes, which is a minute or two old.
  //
  // That one, at most an hour old; null if there is none. Never blocks.
  std::shared_ptr<const Body> Last(const BlockRequest& request);
  // Whether this caller has to Make the block: true for the first that asks, and for the next one
  // after a GiveUp. Never blocks.
  bool Claim(const BlockRequest& request);
  void GiveUp(const BlockRequest& request);

  // The block for a box that cannot unpack it: a hundred megabytes, so that few different ones are
  // held at once. Null when that many others are being read. Blocks.
  http::SharedBody Plain(const Body& block) { return plain_.Of(block.gzip); }

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

  // What was made last for boxes that differ in the minute only.
  struct Latest {
    std::string key;  // of the block; the cache may have dropped it
    std::int64_t minute = 0;
    std::string claimed;  // key of the block that somebody is making
  };

  std::string KeyOf(const BlockRequest& request) const;
  Latest& LatestFor(const BlockRequest& request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Null for a channel without programmes in the window.
  SharedPart PartOf(const Channel& channel, const Guide& guide, const BlockRequest& request);
  void Keep(const std::string& key, CachedPart part) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ForgetUnusedParts(std::int64_t now);

  const ReadModels& models_;
  const std::size_t max_part_bytes_;
  BodyCache blocks_;
  PlainCopies plain_;
  const GzipPart head_, comma_, tail_;
  absl::Mutex mutex_;
  StringMap<CachedPart> parts_ ABSL_GUARDED_BY(mutex_);  // by channel, zone and period
  std::size_t part_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  StringMap<Latest> latest_ ABSL_GUARDED_BY(mutex_);  // by packages, zone and period
};

}  // namespace holdfast::middleware

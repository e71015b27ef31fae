// Which boxes were seen lately, told to Redis in batches: for operators and for sessions counted
// over all instances. Nothing waits for it and nothing depends on it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "libs/base/clock.h"
#include "libs/base/string_map.h"
#include "libs/storage/redis_pool.h"

namespace holdfast::middleware {

// A box that was seen by any instance.
struct SeenBox {
  std::int64_t at = 0;  // epoch seconds
  std::string address;
  bool online = false;
};

// Thread-safe. Seen never blocks; the rest does.
class Presence {
 public:
  struct Options {
    std::chrono::seconds online_for{180};  // after it was seen
    std::chrono::hours keep_for{30 * 24};  // when and where it was seen last
    std::size_t max_waiting = 200'000;     // beyond: the rest of the batch is not told
  };

  Presence(const Options& options, storage::RedisPool& redis) : options_(options), redis_(redis) {}

  void Seen(std::string_view mac, std::string_view address);

  // Tells Redis of everybody seen since the last call, as seen `now`. What could not be told is
  // dropped: the next heartbeat of the box tells it again.
  absl::Status Flush(WallTime now, Deadline deadline);

  // Those of `macs` that were seen within `keep_for`. An error of Redis means that nobody knows.
  absl::StatusOr<StringMap<SeenBox>> Find(const std::vector<std::string>& macs, WallTime now,
                                          Deadline deadline) const;

 private:
  const Options options_;
  storage::RedisPool& redis_;
  absl::Mutex mutex_;
  StringMap<std::string> seen_ ABSL_GUARDED_BY(mutex_);  // the address of each
};

}  // namespace holdfast::middleware

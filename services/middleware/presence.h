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

// Thread-safe. Seen never blocks.
class Presence {
 public:
  struct Options {
    std::chrono::seconds keep_for{180};  // a box is online while its key lives
    std::size_t max_waiting = 200'000;   // beyond: the rest of the batch is not told
  };

  explicit Presence(const Options& options) : options_(options) {}

  void Seen(std::string_view mac, std::string_view address);

  // Tells Redis of everybody seen since the last call, as seen `now`. What could not be told is
  // dropped: the next heartbeat of the box tells it again.
  absl::Status Flush(storage::RedisPool& redis, WallTime now, Deadline deadline);

 private:
  const Options options_;
  absl::Mutex mutex_;
  StringMap<std::string> seen_ ABSL_GUARDED_BY(mutex_);  // the address of each
};

// A box that was seen lately, by any instance.
struct SeenBox {
  std::int64_t at = 0;  // epoch seconds
  std::string address;
};

// Those of `macs` that are online. Blocks. An error of Redis means that nobody knows.
absl::StatusOr<StringMap<SeenBox>> FindOnline(storage::RedisPool& redis,
                                              const std::vector<std::string>& macs,
                                              Deadline deadline);

}  // namespace holdfast::middleware

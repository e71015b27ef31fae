// Shares the slots of devices that play over all instances, through one stream in Redis: every
// instance appends its changes in batches and reads those of the others, twice a second. What lies
// in the stream is as long as the longest lease, so that an instance which starts reads all slots
// that count.
//
// While Redis is away each instance counts what it sees itself and what it last heard of the
// others; nothing is refused for the lack of Redis. When it is back, maybe empty, every instance
// tells all its slots again.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "libs/base/deadline.h"
#include "libs/storage/redis_pool.h"
#include "services/middleware/stream_slots.h"

namespace holdfast::middleware {

// For one thread (a job). Blocks up to its deadline.
class StreamSlotSync {
 public:
  // `instance` differs between instances.
  StreamSlotSync(std::string instance, StreamSlots& slots, storage::RedisPool& redis,
                 const Clock& clock);

  // Reads what others told, then tells what changed here. An error says why it could not; what was
  // not told is told by the next call.
  absl::Status Exchange(Deadline deadline);

 private:
  struct Heard {
    std::size_t entries = 0;
    std::int64_t redis_ms = 0;  // the server's clock
  };

  absl::StatusOr<Heard> ReadSome(Deadline deadline);
  absl::StatusOr<Heard> ReadAll(Deadline deadline);
  absl::Status Tell(std::int64_t redis_ms, Deadline deadline);
  void Learn(const storage::RedisReply& entry, std::int64_t redis_ms, SteadyTime asked_at);

  const std::string origin_;  // of this run of this instance
  StreamSlots& slots_;
  storage::RedisPool& redis_;
  const Clock& clock_;
  std::string last_id_;    // read so far; "": from the beginning
  bool together_ = false;  // the last exchange succeeded
  std::int64_t last_redis_ms_ = 0;
};

}  // namespace holdfast::middleware

// Redis through hiredis: only for what can be rebuilt (presence, rate limits, leases, buffers).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/deadline.h"
#include "libs/config/knobs.h"
#include "libs/telemetry/metrics.h"

namespace holdfast::storage {

struct RedisOptions {
  std::string address;  // "127.0.0.1:6379"; empty: none, every call answers UNAVAILABLE
  std::string password;
  std::int64_t connections = 2;
  std::chrono::milliseconds connect_timeout = std::chrono::milliseconds(300);

  void Describe(config::Knobs& k);
};

using RedisCommand = std::vector<std::string>;  // {"SETEX", "presence:..", "180", "1"}

// The answer of one command: text, integer (as text), nil or an array.
struct RedisReply {
  enum class Kind { kNil, kText, kInteger, kArray, kError };
  Kind kind = Kind::kNil;
  std::string text;
  std::int64_t integer = 0;
  std::vector<RedisReply> array;
};

// Thread-safe; calls block their thread up to the deadline. UNAVAILABLE or DEADLINE_EXCEEDED when
// the server cannot be used; after a failure calls fail at once for a short, jittered while.
class RedisPool {
 public:
  RedisPool(const RedisOptions& options, telemetry::Metrics& metrics);
  ~RedisPool();
  RedisPool(RedisPool&&) noexcept;

  absl::StatusOr<RedisReply> Call(Deadline deadline, const RedisCommand& command);

  // One round trip for many commands; replies in order.
  absl::StatusOr<std::vector<RedisReply>> Pipeline(Deadline deadline,
                                                   const std::vector<RedisCommand>& commands);

  absl::Status Ping(Deadline deadline);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::storage

// One connection to Redis by non-blocking hiredis. Inside libs/storage only: services use
// RedisPool.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/deadline.h"
#include "libs/storage/redis_pool.h"

struct redisContext;

namespace holdfast::storage {

// Not thread-safe. After any error it is of no more use: answers may still be under way.
class RedisConnection {
 public:
  static absl::StatusOr<std::unique_ptr<RedisConnection>> Open(const RedisOptions& options,
                                                               Deadline deadline);
  ~RedisConnection();
  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;

  absl::StatusOr<std::vector<RedisReply>> Run(const std::vector<RedisCommand>& commands,
                                              Deadline deadline);

  // Looks, without waiting, whether the server has hung up.
  bool HungUp() const;

 private:
  RedisConnection() = default;
  absl::Status Connect(const std::string& address, const std::string& port, Deadline deadline);
  absl::Status Flush(Deadline deadline);
  absl::StatusOr<RedisReply> Read(Deadline deadline);
  absl::Status WaitFor(short events, Deadline deadline);
  absl::Status Lost() const;

  redisContext* context_ = nullptr;
};

}  // namespace holdfast::storage

// Knobs of a pool that admits calls, and the pool's queue made from them.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "libs/base/job_queue.h"

namespace holdfast::admission {

struct PoolOptions {
  std::int64_t threads = 8;
  std::int64_t min_concurrency = 2;  // the adaptive limit is never lower
  std::int64_t max_waiting = 512;
  std::chrono::milliseconds max_wait = std::chrono::seconds(1);
  std::chrono::milliseconds overload_after = std::chrono::milliseconds(100);
  std::chrono::milliseconds overload_wait = std::chrono::milliseconds(100);
};

// An AdmissionQueue.
std::unique_ptr<JobQueue> MakeQueue(const PoolOptions& options);

}  // namespace holdfast::admission

// Knobs of a pool that admits calls, and the pool's queue made from them.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>

#include "libs/admission/admission_queue.h"

namespace holdfast::admission {

struct PoolOptions {
  std::int64_t threads = 8;
  std::int64_t min_concurrency = 2;  // the adaptive limit is never lower
  std::int64_t max_waiting = 512;
  std::chrono::milliseconds max_wait = std::chrono::seconds(1);
  std::chrono::milliseconds overload_after = std::chrono::milliseconds(100);
  std::chrono::milliseconds overload_wait = std::chrono::milliseconds(100);
};

inline std::unique_ptr<AdmissionQueue> MakeQueue(const PoolOptions& options) {
  AdmissionQueue::Options queue;
  queue.limit.ceiling = static_cast<std::size_t>(options.threads);
  queue.limit.floor = static_cast<std::size_t>(std::min(options.min_concurrency, options.threads));
  queue.max_waiting = static_cast<std::size_t>(options.max_waiting);
  queue.max_wait = options.max_wait;
  queue.overload_after = options.overload_after;
  queue.overload_wait = options.overload_wait;
  return std::make_unique<AdmissionQueue>(queue);
}

}  // namespace holdfast::admission

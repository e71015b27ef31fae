#include "libs/admission/pool_options.h"

#include <algorithm>

#include "libs/admission/admission_queue.h"

namespace holdfast::admission {

std::unique_ptr<JobQueue> MakeQueue(const PoolOptions& options) {
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

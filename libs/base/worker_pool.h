// Threads for work that may block (database, disk, other services), so that no thread that serves
// the network ever does.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"

namespace holdfast {

// Bounded in threads and in waiting jobs. Thread-safe. The destructor runs what was accepted, then
// joins; jobs must therefore end by their own deadlines.
class WorkerPool {
 public:
  struct Options {
    std::string name = "worker";      // shown as the thread name, 15 characters count
    std::size_t threads = 8;
    std::size_t max_waiting = 1024;
  };

  explicit WorkerPool(const Options& options);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // False, and `job` is not run, when the queue is full or the pool is stopping.
  [[nodiscard]] bool TrySubmit(std::function<void()> job);

  std::size_t waiting() const;
  std::size_t busy() const;
  std::size_t threads() const { return options_.threads; }

 private:
  void Work();
  bool HasWorkOrStops() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || !jobs_.empty();
  }

  const Options options_;
  mutable absl::Mutex mutex_;
  std::deque<std::function<void()>> jobs_ ABSL_GUARDED_BY(mutex_);
  std::size_t busy_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace holdfast

// Threads for work that may block (database, disk, other services), so that no thread that serves
// the network ever does.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "libs/base/job_queue.h"

namespace holdfast {

// Bounded in threads and in waiting jobs; a JobQueue decides which runs next. Thread-safe. The
// destructor runs or refuses what was accepted, then joins; jobs must therefore end by their own
// deadlines.
class WorkerPool {
 public:
  // Told what happens to each job, by any thread, never under the pool's lock.
  class Observer {
   public:
    virtual ~Observer() = default;
    virtual void Started(const Job& job, Duration waited) = 0;
    virtual void Refused(const Job& job, Refusal why) = 0;
  };

  struct Options {
    std::string name = "worker";  // shown as the thread name, 15 characters count
    std::size_t threads = 8;
    std::size_t max_waiting = 1024;  // of the default queue
  };

  // First come, first served.
  explicit WorkerPool(const Options& options);
  // `queue` decides; `observer`, unless null, outlives the pool.
  WorkerPool(const Options& options, std::unique_ptr<JobQueue> queue, Observer* observer);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Either runs the job or refuses it, now or later; once. Not from within `run` or `refuse` of a
  // job whose caller holds a lock that they take.
  void Submit(Job job);

  // A job that must run once it is accepted. False, and it is not run, when the queue is full or
  // the pool is stopping.
  [[nodiscard]] bool TrySubmit(std::function<void()> job);

  // Returns when nothing waits, nothing runs and everybody refused has been told.
  void AwaitIdle();

  std::size_t waiting() const;
  std::size_t busy() const;
  std::size_t limit() const;  // how many may run together now
  std::size_t threads() const { return options_.threads; }

 private:
  using Refused = std::vector<RefusedJob>;

  void Work();
  void KeepTime();                // refuses what waits too long while every thread is busy
  void Answer(Refused& refused);  // counted in answering_ unless empty

  bool HasWorkOrEnds() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return queue_->has_next() || (stopping_ && queue_->waiting() == 0);
  }
  bool HasExpiryOrStops() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || queue_->next_expiry() != SteadyTime::max();
  }
  bool ExpiresSoonerOrStops() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || queue_->next_expiry() < wakes_at_;
  }
  bool IsIdle() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return busy_ == 0 && answering_ == 0 && queue_->waiting() == 0;
  }

  const Options options_;
  Observer* const observer_;
  mutable absl::Mutex mutex_;
  const std::unique_ptr<JobQueue> queue_ ABSL_PT_GUARDED_BY(mutex_);
  std::size_t busy_ ABSL_GUARDED_BY(mutex_) = 0;
  std::size_t answering_ ABSL_GUARDED_BY(mutex_) = 0;  // threads that tell jobs of their refusal
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  SteadyTime wakes_at_ ABSL_GUARDED_BY(mutex_);  // the timekeeper
  std::vector<std::thread> threads_;
};

}  // namespace holdfast

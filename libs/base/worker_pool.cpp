#include "libs/base/worker_pool.h"

#include <pthread.h>

#include <utility>

namespace holdfast {

WorkerPool::WorkerPool(const Options& options) : options_(options) {
  threads_.reserve(options_.threads);
  for (std::size_t i = 0; i < options_.threads; ++i) {
    threads_.emplace_back([this] { Work(); });
    pthread_setname_np(threads_.back().native_handle(), options_.name.substr(0, 15).c_str());
  }
}

WorkerPool::~WorkerPool() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  for (std::thread& thread : threads_) thread.join();
}

bool WorkerPool::TrySubmit(std::function<void()> job) {
  absl::MutexLock lock(&mutex_);
  if (stopping_ || jobs_.size() >= options_.max_waiting) return false;
  jobs_.push_back(std::move(job));
  return true;
}

std::size_t WorkerPool::waiting() const {
  absl::MutexLock lock(&mutex_);
  return jobs_.size();
}

std::size_t WorkerPool::busy() const {
  absl::MutexLock lock(&mutex_);
  return busy_;
}

void WorkerPool::Work() {
  while (true) {
    std::function<void()> job;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &WorkerPool::HasWorkOrStops));
      if (jobs_.empty()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
      ++busy_;
    }
    job();
    job = nullptr;
    absl::MutexLock lock(&mutex_);
    --busy_;
  }
}

}  // namespace holdfast

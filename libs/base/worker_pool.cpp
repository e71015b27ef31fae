#include "libs/base/worker_pool.h"

#include <pthread.h>

#include <utility>

#include "absl/time/time.h"

namespace holdfast {
namespace {

SteadyTime Now() { return SystemClock::Get().SteadyNow(); }

void Name(std::thread& thread, const std::string& name) {
  pthread_setname_np(thread.native_handle(), name.substr(0, 15).c_str());
}

}  // namespace

WorkerPool::WorkerPool(const Options& options)
    : WorkerPool(options, std::make_unique<FirstComeQueue>(options.threads, options.max_waiting),
                 nullptr) {}

WorkerPool::WorkerPool(const Options& options, std::unique_ptr<JobQueue> queue, Observer* observer)
    : options_(options), observer_(observer), queue_(std::move(queue)) {
  threads_.reserve(options_.threads + 1);
  for (std::size_t i = 0; i < options_.threads; ++i) {
    threads_.emplace_back([this] { Work(); });
    Name(threads_.back(), options_.name);
  }
  threads_.emplace_back([this] { KeepTime(); });
  Name(threads_.back(), options_.name + "-time");
}

WorkerPool::~WorkerPool() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  for (std::thread& thread : threads_) thread.join();
}

void WorkerPool::Submit(Job job) {
  Refused refused;
  {
    absl::MutexLock lock(&mutex_);
    const SteadyTime now = job.submitted_at = Now();
    if (stopping_) {
      refused.push_back({std::move(job), Refusal::kQueueFull});
    } else {
      queue_->Push(std::move(job), now, refused);
    }
    if (!refused.empty()) ++answering_;
  }
  Answer(refused);
}

bool WorkerPool::TrySubmit(std::function<void()> job) {
  Refused refused;
  bool accepted = true;
  Job must_run;
  must_run.must_run = true;
  must_run.run = [job = std::move(job)] {
    job();
    return Job::Timing::kUntypical;
  };
  {
    absl::MutexLock lock(&mutex_);
    if (stopping_) return false;
    const SteadyTime now = must_run.submitted_at = Now();
    queue_->Push(std::move(must_run), now, refused);
    for (const RefusedJob& other : refused) accepted = accepted && !other.job.must_run;
    if (!refused.empty()) ++answering_;
  }
  Answer(refused);
  return accepted;
}

void WorkerPool::Answer(Refused& refused) {
  if (refused.empty()) return;
  for (RefusedJob& each : refused) {
    if (observer_ != nullptr) observer_->Refused(each.job, each.why);
    if (each.job.refuse != nullptr) each.job.refuse(each.why);
  }
  refused.clear();
  absl::MutexLock lock(&mutex_);
  --answering_;
}

void WorkerPool::AwaitIdle() {
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(this, &WorkerPool::IsIdle));
}

std::size_t WorkerPool::waiting() const {
  absl::MutexLock lock(&mutex_);
  return queue_->waiting();
}

std::size_t WorkerPool::busy() const {
  absl::MutexLock lock(&mutex_);
  return busy_;
}

std::size_t WorkerPool::limit() const {
  absl::MutexLock lock(&mutex_);
  return queue_->limit();
}

void WorkerPool::Work() {
  Refused refused;
  while (true) {
    std::optional<Job> job;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &WorkerPool::HasWorkOrEnds));
      if (queue_->waiting() == 0) return;
      job = queue_->Pop(Now(), refused);
      if (job) ++busy_;
      if (!refused.empty()) ++answering_;
    }
    Answer(refused);
    if (!job) continue;
    const SteadyTime start = Now();
    if (observer_ != nullptr) observer_->Started(*job, start - job->submitted_at);
    const Job::Timing timing = job->run();
    job->run = nullptr;
    job->refuse = nullptr;
    const SteadyTime end = Now();
    absl::MutexLock lock(&mutex_);
    --busy_;
    queue_->Finished(*job, timing, end - start, end);
  }
}

void WorkerPool::KeepTime() {
  Refused refused;
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &WorkerPool::HasExpiryOrStops));
      if (stopping_) return;
      wakes_at_ = queue_->next_expiry();
      mutex_.AwaitWithTimeout(absl::Condition(this, &WorkerPool::ExpiresSoonerOrStops),
                              absl::FromChrono(wakes_at_ - Now()));
      if (stopping_) return;
      queue_->Expire(Now(), refused);
      if (!refused.empty()) ++answering_;
    }
    Answer(refused);
  }
}

}  // namespace holdfast

#include "libs/base/job_queue.h"

#include <atomic>

namespace holdfast {

std::size_t NewJobKind() {
  static std::atomic<std::size_t> last = 0;
  return ++last;
}

void FirstComeQueue::Push(Job job, SteadyTime, std::vector<RefusedJob>& refused) {
  if (jobs_.size() >= max_waiting_) {
    refused.push_back({std::move(job), Refusal::kQueueFull});
    return;
  }
  jobs_.push_back(std::move(job));
}

std::optional<Job> FirstComeQueue::Pop(SteadyTime now, std::vector<RefusedJob>& refused) {
  while (!jobs_.empty()) {
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    if (job.must_run || now < job.deadline.at()) return job;
    refused.push_back({std::move(job), Refusal::kLate});
  }
  return std::nullopt;
}

}  // namespace holdfast

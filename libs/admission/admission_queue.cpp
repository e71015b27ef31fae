#include "libs/admission/admission_queue.h"

#include <algorithm>
#include <utility>

#include "libs/base/check.h"

namespace holdfast::admission {
namespace {

constexpr std::uint64_t kTurnOfTheLeastServed = 8;
constexpr std::string_view kOwnWork = "(own work)";  // no certificate names such a caller
constexpr double kMeanWeight = 0.05;
constexpr double kSomeJobs = 4;
// While a place is free nothing is near its end, and it is not looked at more often than this.
constexpr Duration kLookAgain = std::chrono::milliseconds(5);

double Seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

AdmissionQueue::AdmissionQueue(const Options& options) : options_(options), limit_(options.limit) {}

bool AdmissionQueue::overloaded(SteadyTime now) const {
  return waiting_ > 0 && FullTime(now) - waiting_since_ >= AtLeastSomeJobs(options_.overload_after);
}

Duration AdmissionQueue::FullTime(SteadyTime now) const {
  if (!full() || now <= touched_at_) return full_time_;
  return full_time_ + (now - touched_at_);
}

// The pool's threads read the clock before they take its lock: `now` may be a little behind.
void AdmissionQueue::Touch(SteadyTime now) {
  full_time_ = FullTime(now);
  touched_at_ = std::max(touched_at_, now);
}

Duration AdmissionQueue::AtLeastSomeJobs(Duration duration) const {
  return std::max(duration, std::chrono::duration_cast<Duration>(
                                std::chrono::duration<double>(kSomeJobs * mean_seconds_)));
}

std::string_view AdmissionQueue::NameOfCaller(const Job& job) const {
  return job.must_run ? kOwnWork : std::string_view(job.caller);
}

AdmissionQueue::Caller& AdmissionQueue::CallerOf(const Job& job) {
  const std::string_view name = NameOfCaller(job);
  if (Caller* known = Find(callers_, name)) return *known;
  // Who was away has saved nothing up: it starts level with whom we serve now.
  return callers_.emplace(std::string(name), Caller{.served = served_}).first->second;
}

void AdmissionQueue::Push(Job job, SteadyTime now, std::vector<RefusedJob>& refused) {
  Touch(now);
  if (!job.must_run && now >= job.deadline.at()) {
    refused.push_back({std::move(job), Refusal::kLate});
    return;
  }
  if (waiting_ >= options_.max_waiting && !MakeRoom(job, refused)) {
    refused.push_back({std::move(job), Refusal::kQueueFull});
    return;
  }
  if (waiting_ == 0) waiting_since_ = FullTime(now);
  const std::size_t lane = IndexOf(job.criticality);
  Caller& caller = CallerOf(job);
  caller.lanes[lane].push_back({.job = std::move(job), .since = FullTime(now)});
  ++caller.waiting;
  ++waiting_;
  next_expiry_ = std::min(next_expiry_, ExpiryOf(caller.lanes[lane], lane, now));
}

bool AdmissionQueue::MakeRoom(const Job& job, std::vector<RefusedJob>& refused) {
  if (options_.max_waiting == 0) return false;
  for (std::size_t lane = kCriticalities; lane-- > IndexOf(job.criticality);) {
    Callers::iterator most = callers_.end();
    for (auto it = callers_.begin(); it != callers_.end(); ++it) {
      const Lane& jobs = it->second.lanes[lane];
      if (jobs.empty() || jobs.front().job.must_run) continue;
      if (most == callers_.end() || jobs.size() > most->second.lanes[lane].size()) most = it;
    }
    if (most == callers_.end()) continue;
    Lane& jobs = most->second.lanes[lane];
    refused.push_back({std::move(jobs.front().job), Refusal::kQueueFull});
    jobs.pop_front();
    Left(most->second);
    Forget(most);
    return true;
  }
  return false;
}

std::optional<Job> AdmissionQueue::Pop(SteadyTime now, std::vector<RefusedJob>& refused) {
  Touch(now);
  if (now >= next_expiry_) Expire(now, refused);
  while (has_next()) {
    Callers::iterator caller = callers_.end();
    std::size_t lane = 0;
    while ((caller = LeastServed(lane)) == callers_.end()) ++lane;
    if ((starts_ + 1) % kTurnOfTheLeastServed == 0) {
      caller = LeastServedOfAll();
      for (lane = 0; caller->second.lanes[lane].empty();) ++lane;
    }
    Job job = TakeFrom(caller, lane, now);
    if (!job.must_run && now >= job.deadline.at()) {
      refused.push_back({std::move(job), Refusal::kLate});
      Forget(caller);
      continue;
    }
    ++starts_;
    ++running_;
    ++caller->second.running;
    served_ = std::max(served_, caller->second.served);
    caller->second.served += mean_seconds_;
    return job;
  }
  return std::nullopt;
}

AdmissionQueue::Callers::iterator AdmissionQueue::LeastServed(std::size_t lane) {
  Callers::iterator least = callers_.end();
  for (auto it = callers_.begin(); it != callers_.end(); ++it) {
    if (it->second.lanes[lane].empty()) continue;
    if (least == callers_.end() || it->second.served < least->second.served) least = it;
  }
  return least;
}

AdmissionQueue::Callers::iterator AdmissionQueue::LeastServedOfAll() {
  Callers::iterator least = callers_.end();
  for (auto it = callers_.begin(); it != callers_.end(); ++it) {
    if (it->second.waiting == 0) continue;
    if (least == callers_.end() || it->second.served < least->second.served) least = it;
  }
  return least;
}

Job AdmissionQueue::TakeFrom(Callers::iterator caller, std::size_t lane, SteadyTime now) {
  Lane& jobs = caller->second.lanes[lane];
  const bool newest = overloaded(now) && !jobs.back().job.must_run;
  Job job = std::move((newest ? jobs.back() : jobs.front()).job);
  newest ? jobs.pop_back() : jobs.pop_front();
  Left(caller->second);
  return job;
}

void AdmissionQueue::Left(Caller& caller) {
  --caller.waiting;
  if (--waiting_ > 0) return;
  waiting_since_ = Duration::max();
  next_expiry_ = SteadyTime::max();
}

void AdmissionQueue::Forget(Callers::iterator caller) {
  if (caller->second.waiting == 0 && caller->second.running == 0) callers_.erase(caller);
}

void AdmissionQueue::Finished(const Job& job, Job::Timing timing, Duration took, SteadyTime now) {
  Touch(now);
  const auto caller = callers_.find(NameOfCaller(job));
  HOLDFAST_CHECK(caller != callers_.end() && caller->second.running > 0);
  caller->second.served += Seconds(took) - mean_seconds_;
  if (timing == Job::Timing::kTypical) {
    limit_.Observe(job.kind, took, running_, now);
    mean_seconds_ += kMeanWeight * (Seconds(took) - mean_seconds_);
  }
  --running_;
  --caller->second.running;
  Forget(caller);
}

Duration AdmissionQueue::ShortWait(std::size_t lane) const {
  if (lane == IndexOf(Criticality::kCritical)) return Duration::zero();
  return AtLeastSomeJobs(options_.overload_wait) / (1 << (lane - 1));
}

SteadyTime AdmissionQueue::EndOfWait(const Waiting& waiting, std::size_t lane,
                                     SteadyTime now) const {
  const Job& job = waiting.job;
  SteadyTime end = job.submitted_at + options_.max_wait;
  if (!overloaded(now)) return end;
  end = std::min(end, job.submitted_at + (job.deadline.at() - job.submitted_at) / 2);
  const Duration wait = ShortWait(lane);
  if (wait == Duration::zero()) return end;
  return std::min(end, now + (wait - (FullTime(now) - waiting.since)));
}

SteadyTime AdmissionQueue::ExpiryOf(const Lane& jobs, std::size_t lane, SteadyTime now) const {
  if (jobs.empty() || jobs.front().job.must_run) return SteadyTime::max();
  const SteadyTime end = EndOfWait(jobs.front(), lane, now);
  if (overloaded(now)) return full() ? end : std::max(end, now + kLookAgain);
  // From then on shorter waits are too long.
  const Duration until_overload =
      AtLeastSomeJobs(options_.overload_after) - (FullTime(now) - waiting_since_);
  return std::min(end, now + (full() ? until_overload : std::max(until_overload, kLookAgain)));
}

void AdmissionQueue::Expire(SteadyTime now, std::vector<RefusedJob>& refused) {
  Touch(now);
  for (auto it = callers_.begin(); it != callers_.end();) {
    const auto caller = it++;
    for (std::size_t lane = 0; lane < kCriticalities; ++lane) {
      Lane& jobs = caller->second.lanes[lane];
      while (!jobs.empty() && !jobs.front().job.must_run &&
             now >= EndOfWait(jobs.front(), lane, now)) {
        refused.push_back({std::move(jobs.front().job), Refusal::kWaitedLong});
        jobs.pop_front();
        Left(caller->second);
      }
    }
    Forget(caller);
  }
  next_expiry_ = SteadyTime::max();
  for (const auto& [name, caller] : callers_) {
    for (std::size_t lane = 0; lane < kCriticalities; ++lane) {
      next_expiry_ = std::min(next_expiry_, ExpiryOf(caller.lanes[lane], lane, now));
    }
  }
}

}  // namespace holdfast::admission

// Which waiting call is answered next, and which is not answered any more, when there is more to do
// than one instance can.
//
//   who       the more critical first; among equals the caller that has had least of our time, so
//             that one runaway caller cannot starve the rest. Every eighth start goes to that
//             caller whatever its class: not even critical calls in masses shut the others out.
//   when      first come, first served, until the queue has not been empty for `overload_after`:
//             that is overload, and then newest first, because the oldest will be too late anyway.
//   how long  a call whose deadline has passed is refused. So is one that has waited `max_wait`, or
//             in overload, unless it is critical, `overload_wait` (halved for background calls,
//             halved again for bulk), and in overload half of the time that its caller gave it: the
//             other half is for asking another instance.
//             Where jobs take long, both times are at least as long as four of them.
//             The two times of overload pass only while every place is taken. While one is free the
//             jobs do not wait for each other but for the machine, which does not let the thread
//             run that has been woken for them: refusing them makes nothing shorter, and they are
//             served in the moment in which it runs.
//   how many  a full queue gives up the oldest call of the least critical class, of the caller that
//             has most waiting there.
//
// The concurrency limit says how many run together. Jobs that must run wait their turn as those of
// one caller of their own.
//
// Not thread-safe: WorkerPool calls it under its lock. Reads no clock. Time per call grows with the
// number of callers that wait, not with the number of calls.
#pragma once

#include <array>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "libs/admission/concurrency_limit.h"
#include "libs/base/job_queue.h"
#include "libs/base/string_map.h"

namespace holdfast::admission {

class AdmissionQueue final : public JobQueue {
 public:
  struct Options {
    ConcurrencyLimit::Options limit;
    std::size_t max_waiting = 512;  // zero: refuses everything
    Duration max_wait = std::chrono::seconds(1);
    Duration overload_after = std::chrono::milliseconds(100);
    Duration overload_wait = std::chrono::milliseconds(100);
  };

  explicit AdmissionQueue(const Options& options);

  void Push(Job job, SteadyTime now, std::vector<RefusedJob>& refused) override;
  std::optional<Job> Pop(SteadyTime now, std::vector<RefusedJob>& refused) override;
  void Finished(const Job& job, Job::Timing timing, Duration took, SteadyTime now) override;
  void Expire(SteadyTime now, std::vector<RefusedJob>& refused) override;

  bool has_next() const override { return waiting_ > 0 && running_ < limit_.limit(); }
  std::size_t waiting() const override { return waiting_; }
  std::size_t limit() const override { return limit_.limit(); }
  SteadyTime next_expiry() const override { return next_expiry_; }

  std::size_t running() const { return running_; }
  bool overloaded(SteadyTime now) const;

 private:
  struct Waiting {
    Job job;
    Duration since;  // on the clock of full_time
  };
  using Lane = std::deque<Waiting>;  // oldest first
  struct Caller {
    double served = 0;  // seconds of our time, on a clock that all callers share
    std::size_t running = 0;
    std::size_t waiting = 0;
    std::array<Lane, kCriticalities> lanes;
  };
  using Callers = OrderedStringMap<Caller>;

  std::string_view NameOfCaller(const Job& job) const;
  Caller& CallerOf(const Job& job);
  Callers::iterator LeastServed(std::size_t lane);  // of those that wait there
  Callers::iterator LeastServedOfAll();
  Job TakeFrom(Callers::iterator caller, std::size_t lane, SteadyTime now);
  void Forget(Callers::iterator caller);  // unless something of it waits or runs

  Duration AtLeastSomeJobs(Duration duration) const;
  // Makes room for `job`, or refuses it. True: there is room.
  bool MakeRoom(const Job& job, std::vector<RefusedJob>& refused);
  bool full() const { return running_ >= limit_.limit(); }
  // How long every place was taken, up to `now`; a clock that stands still while one is free.
  Duration FullTime(SteadyTime now) const;
  void Touch(SteadyTime now);  // before anything changes
  // In overload, on that clock; zero: as long as max_wait.
  Duration ShortWait(std::size_t lane) const;
  // If every place is taken from now on.
  SteadyTime EndOfWait(const Waiting& waiting, std::size_t lane, SteadyTime now) const;
  // When the oldest of the lane has waited too long; max(): never.
  SteadyTime ExpiryOf(const Lane& lane, std::size_t index, SteadyTime now) const;
  void Left(Caller& caller);  // one fewer waits

  const Options options_;
  ConcurrencyLimit limit_;
  Callers callers_;
  std::size_t waiting_ = 0;
  std::size_t running_ = 0;
  std::uint64_t starts_ = 0;
  double served_ = 0;        // of the caller that was started last
  double mean_seconds_ = 0;  // of a job
  Duration full_time_ = {};  // up to touched_at_
  SteadyTime touched_at_ = SteadyTime::min();
  Duration waiting_since_ = Duration::max();    // full time when it was empty last; max(): it is
  SteadyTime next_expiry_ = SteadyTime::max();  // never too late, perhaps too early
};

}  // namespace holdfast::admission

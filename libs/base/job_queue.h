// What a WorkerPool runs next, and what it does not run any more.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/base/clock.h"
#include "libs/base/criticality.h"
#include "libs/base/deadline.h"

namespace holdfast {

// Why a job was not run.
enum class Refusal {
  kQueueFull,   // at once, or because a worthier one needed its place
  kWaitedLong,  // longer than the queue lets its kind wait
  kLate,        // its deadline passed: nobody waits for the answer any more
  kBusy,        // no queue: there is too much to do for its class
};
inline constexpr std::size_t kRefusals = 4;

// "queue_full" ..., for labels.
inline std::string_view NameOf(Refusal refusal) {
  constexpr std::string_view kNames[] = {"queue_full", "waited_long", "late", "busy"};
  return kNames[static_cast<std::size_t>(refusal)];
}

// Another number for Job::kind; small, never given twice. Thread-safe.
std::size_t NewJobKind();

// A piece of work that may block, and what is known about it before it runs.
struct Job {
  enum class Timing {
    kTypical,   // how long it took tells how loaded we are
    kUntypical  // it gave up early, failed, or waited for something rare
  };

  std::function<Timing()> run;
  std::function<void(Refusal)> refuse;  // instead of `run`, by any thread; null: nobody to tell
  Criticality criticality = Criticality::kInteractive;
  Deadline deadline = Deadline::Never();
  std::string caller;       // callers share fairly; whose name is unknown is one caller
  std::size_t kind = 0;     // jobs of one kind take similar time; see NewJobKind
  bool must_run = false;    // once it was accepted, however late
  SteadyTime submitted_at;  // set by the pool
};

struct RefusedJob {
  Job job;
  Refusal why;
};

// The policy of a WorkerPool, which calls it under its own lock: need not be thread-safe, must not
// block. Jobs that are refused are handed back, never called.
class JobQueue {
 public:
  virtual ~JobQueue() = default;

  // `job`, or another one that it displaces, may end in `refused`.
  virtual void Push(Job job, SteadyTime now, std::vector<RefusedJob>& refused) = 0;
  // A job to run now; nothing: none waits, or none may run before another has finished.
  virtual std::optional<Job> Pop(SteadyTime now, std::vector<RefusedJob>& refused) = 0;
  // A job from Pop has run; `job` without its functions.
  virtual void Finished(const Job& job, Job::Timing timing, Duration took, SteadyTime now) = 0;
  // Refuses what has waited too long.
  virtual void Expire(SteadyTime now, std::vector<RefusedJob>& refused) = 0;

  virtual bool has_next() const = 0;  // Pop would find a job that may run
  virtual std::size_t waiting() const = 0;
  virtual std::size_t limit() const = 0;       // how many may run together now
  virtual SteadyTime next_expiry() const = 0;  // when to call Expire; SteadyTime::max(): never
};

// First come, first served; refuses what finds `max_waiting` jobs before it.
class FirstComeQueue final : public JobQueue {
 public:
  FirstComeQueue(std::size_t threads, std::size_t max_waiting)
      : threads_(threads), max_waiting_(max_waiting) {}

  void Push(Job job, SteadyTime now, std::vector<RefusedJob>& refused) override;
  std::optional<Job> Pop(SteadyTime now, std::vector<RefusedJob>& refused) override;
  void Finished(const Job&, Job::Timing, Duration, SteadyTime) override {}
  void Expire(SteadyTime, std::vector<RefusedJob>&) override {}

  bool has_next() const override { return !jobs_.empty(); }
  std::size_t waiting() const override { return jobs_.size(); }
  std::size_t limit() const override { return threads_; }
  SteadyTime next_expiry() const override { return SteadyTime::max(); }

 private:
  const std::size_t threads_;
  const std::size_t max_waiting_;
  std::deque<Job> jobs_;
};

}  // namespace holdfast

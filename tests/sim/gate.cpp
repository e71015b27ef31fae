#include "tests/sim/gate.h"

#include <utility>

namespace holdfast::sim {

namespace {

Job JobOf(const Visitor& visitor) {
  return {.criticality = visitor.criticality,
          .deadline = visitor.deadline,
          .caller = visitor.caller,
          .kind = visitor.kind};
}

}  // namespace

Gate::Gate(const Options& options, OwnClock& clock, Host& host)
    : options_(options), clock_(clock), host_(host) {
  Forget();
}

void Gate::Forget() {
  queue_ = std::make_unique<admission::AdmissionQueue>(options_.queue);
  refused_.clear();
  running_ = 0;
}

void Gate::Arrive(const Visitor& visitor) {
  Job job = JobOf(visitor);
  job.submitted_at = clock_.SteadyNow();
  job.run = [this, request = visitor.request] {
    host_.Admitted(request);
    return Job::Timing::kUntypical;  // how long it took is not known yet: see Leave
  };
  job.refuse = [this, request = visitor.request](Refusal why) { host_.Refused(request, why); };
  queue_->Push(std::move(job), clock_.SteadyNow(), refused_);
  Serve();
}

void Gate::Leave(const Visitor& visitor, Duration took) {
  --running_;
  queue_->Finished(JobOf(visitor), visitor.timing, took, clock_.SteadyNow());
  Serve();
}

void Gate::Serve() {
  if (std::exchange(serving_, true)) return;
  while (running_ < options_.threads && queue_->has_next()) {
    const std::optional<Job> job = queue_->Pop(clock_.SteadyNow(), refused_);
    SendAway();
    if (!job) continue;
    ++running_;
    job->run();
  }
  SendAway();
  serving_ = false;
  const SteadyTime next = queue_->next_expiry();
  if (next >= wakes_at_) return;
  wakes_at_ = next;
  clock_.In(next - clock_.SteadyNow(), *this, 0);
}

void Gate::SendAway() {
  for (const RefusedJob& each : std::exchange(refused_, {})) each.job.refuse(each.why);
}

void Gate::Act(std::uint32_t, std::uint64_t) {
  wakes_at_ = SteadyTime::max();
  queue_->Expire(clock_.SteadyNow(), refused_);
  Serve();
}

}  // namespace holdfast::sim

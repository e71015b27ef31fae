#include "tests/sim/server.h"

#include "libs/admission/retry_advice.h"
#include "tests/sim/process.h"

namespace holdfast::sim {

Server::Server(World& world, Process& process)
    : world_(world),
      process_(process),
      spec_(world.spec(process.service())),
      gate_(spec_.gate, process.clock(), *this),
      inline_gate_(spec_.inline_gate, process.clock(), world.dice, *this) {}

void Server::Arrive(Handle handle) {
  Request& request = *world_.requests.Find(handle);
  request.wanted_until = process_.clock().SteadyNow() + request.wanted_for;
  request.place = held_.size();
  held_.push_back(handle);
  if (process_.closed()) {
    return Answer(handle, absl::StatusCode::kUnavailable, rpc::Origin::kDeclined);
  }
  if (MethodOf(request).from_memory) return inline_gate_.Arrive(VisitorOf(handle, request));
  gate_.Arrive(VisitorOf(handle, request));
}

Visitor Server::VisitorOf(Handle handle, const Request& request) const {
  const bool outside = request.from == kOutside;
  return {.request = handle,
          .criticality = request.criticality,
          .deadline = Deadline(request.wanted_until),
          .caller = outside ? "" : world_.spec(world_.process(request.from).service()).name,
          .who = request.who,
          .kind = request.method};
}

void Server::Refused(Handle handle, Refusal why) {
  const bool late = why == Refusal::kLate;
  Request& request = *world_.requests.Find(handle);
  if (!late) request.pushback = admission::RetryPushback(request.criticality, world_.dice);
  Answer(handle, late ? absl::StatusCode::kDeadlineExceeded : absl::StatusCode::kResourceExhausted,
         rpc::Origin::kDeclined);
}

void Server::Admitted(Handle handle) {
  Request& request = *world_.requests.Find(handle);
  request.started = process_.clock().SteadyNow();
  if (request.cancelled) {
    return Finish(handle, absl::StatusCode::kCancelled, rpc::Origin::kDeclined);
  }
  if (failing_ > 0 && world_.dice.Chance(failing_)) {
    return Finish(handle, absl::StatusCode::kUnavailable, rpc::Origin::kHandler);
  }
  if (busy_cores_ < spec_.cores) return Work(handle);
  for_cores_.push_back(handle);
}

void Server::Work(Handle handle) {
  ++busy_cores_;
  const Request& request = *world_.requests.Find(handle);
  const MethodSpec& method = MethodOf(request);
  const Duration work = method.steady ? method.work : world_.dice.Latency(method.work);
  world_.timeline.In(std::chrono::duration_cast<Duration>(work * slowness_), *this,
                     process_.incarnation(), handle);
}

void Server::Act(std::uint32_t incarnation, std::uint64_t handle) {
  if (process_.PutOff(*this, incarnation, handle)) return;
  if (incarnation != process_.incarnation()) return;
  ++worked_;
  --busy_cores_;
  if (!for_cores_.empty()) {
    const Handle next = for_cores_.front();
    for_cores_.pop_front();
    Work(next);
  }
  Continue(handle);
}

void Server::Continue(Handle handle) {
  Request& request = *world_.requests.Find(handle);
  const std::vector<Need>& needs = MethodOf(request).needs;
  while (request.next_need < needs.size()) {
    const Need& need = needs[request.next_need];
    if (need.chance < 1 && !world_.dice.Chance(need.chance)) {
      ++request.next_need;
      continue;
    }
    return process_.caller(need.service)
        .Start({.method = need.method,
                .criticality = request.criticality,
                .deadline = Deadline(request.wanted_until),
                .asker = this,
                .token = handle});
  }
  Finish(handle, absl::StatusCode::kOk, rpc::Origin::kHandler);
}

void Server::Answered(Handle handle, absl::StatusCode code) {
  Request* request = world_.requests.Find(handle);
  if (request == nullptr) return;  // the process has been restarted since
  const Need& need = MethodOf(*request).needs[request->next_need++];
  if (code != absl::StatusCode::kOk) {
    if (!need.fallback) return Finish(handle, code, rpc::Origin::kHandler);
    request->degraded = true;
  }
  Continue(handle);
}

void Server::Finish(Handle handle, absl::StatusCode code, rpc::Origin origin) {
  const Request& request = *world_.requests.Find(handle);
  Visitor visitor = VisitorOf(handle, request);
  if (code != absl::StatusCode::kOk) visitor.timing = Job::Timing::kUntypical;
  const Duration took = process_.clock().SteadyNow() - request.started;
  const bool from_memory = MethodOf(request).from_memory;
  Answer(handle, code, origin);
  if (from_memory) return inline_gate_.Leave();
  gate_.Leave(visitor, took);
}

void Server::Answer(Handle handle, absl::StatusCode code, rpc::Origin origin) {
  const std::size_t place = world_.requests.Find(handle)->place;
  held_[place] = held_.back();
  world_.requests.Find(held_[place])->place = place;
  held_.pop_back();
  world_.post.Answer(handle, code, origin);
}

void Server::Forget() {
  for (const Handle handle : held_) world_.requests.Free(handle);
  held_.clear();
  for_cores_.clear();
  busy_cores_ = 0;
  gate_.Forget();
  inline_gate_.Forget();
}

const MethodSpec& Server::MethodOf(const Request& request) const {
  return spec_.methods[request.method];
}

}  // namespace holdfast::sim

#include "tests/sim/caller.h"

#include <algorithm>
#include <utility>

#include "libs/rpc/pick_instance.h"
#include "tests/sim/process.h"

namespace holdfast::sim {

namespace {

using rpc::Origin;
using rpc::Peer;

rpc::TryResult Result(absl::StatusCode code, Origin origin) {
  return {.status = absl::Status(code, ""), .origin = origin};
}

}  // namespace

Caller::Caller(World& world, Process& owner, std::size_t service)
    : world_(world),
      owner_(owner),
      service_(service),
      breaker_(rpc::NeighbourBreakerOptions(world.spec(service).neighbour), owner.clock()),
      budget_(rpc::RetryOptions(world.spec(service).neighbour), owner.clock()),
      hedge_budget_(rpc::HedgeOptions(world.spec(service).neighbour), owner.clock()),
      list_(std::make_shared<const List>(List{.options = world.spec(service).neighbour})) {
  for (std::size_t i = 0; i < world.spec(service).methods.size(); ++i) {
    usual_.push_back(std::make_unique<rpc::LatencyWindow>(owner.clock()));
  }
  owner_.clock().In(world_.dice.Between({}, options().probe_interval), *this, kProbe);
  Update(world_.directory.Believed(service));
}

void Caller::Start(const OutgoingCall& call) {
  const Handle id = pending_.Make();
  Pending& pending = *pending_.Find(id);
  pending.call = call;
  pending.began = owner_.clock().SteadyNow();
  pending.place = running_.size();
  running_.push_back(id);
  const absl::StatusCode begun = Begin(id, pending);
  if (begun != absl::StatusCode::kOk) End(id, begun);
}

absl::Status Caller::Change(const std::vector<std::string>& assignments) {
  auto after = std::make_shared<List>(*list_);
  if (const absl::Status changed = rpc::Change(after->options, assignments); !changed.ok()) {
    return changed;
  }
  breaker_.SetOptions(rpc::NeighbourBreakerOptions(after->options));
  budget_.SetOptions(rpc::RetryOptions(after->options));
  hedge_budget_.SetOptions(rpc::HedgeOptions(after->options));
  for (Peer* peer : after->peers) peer->SetOptions(rpc::InstanceOptions(after->options));
  list_ = std::move(after);
  return absl::OkStatus();
}

absl::StatusCode Caller::Begin(Handle id, Pending& pending) {
  ++in_flight_;
  pending.list = list_;
  const rpc::PeerOptions& knobs = options();
  if (in_flight_ > rpc::BulkheadFor(pending.call.criticality, knobs.max_in_flight)) {
    return absl::StatusCode::kResourceExhausted;
  }
  const Clock& clock = owner_.clock();
  const Duration time = rpc::CallTime(pending.call.deadline.Remaining(clock), knobs.timeout);
  if (time <= Duration::zero()) return absl::StatusCode::kDeadlineExceeded;
  const MethodSpec& method = world_.spec(service_).methods[pending.call.method];
  pending.deadline = Deadline::After(time, clock);
  pending.tries = rpc::Tries({.timeout = knobs.timeout,
                              .try_timeout = knobs.try_timeout,
                              .p95 = usual_[pending.call.method]->p95(),
                              .idempotent = method.reads,
                              .max_tries = static_cast<std::size_t>(knobs.max_tries)},
                             pending.deadline, list_->instances.size());
  const std::optional<std::size_t> first = Pick(pending);
  if (!first) return absl::StatusCode::kUnavailable;
  pending.permit = breaker_.TryAcquire();
  if (!pending.permit) return absl::StatusCode::kUnavailable;
  budget_.RecordCall();
  if (method.reads && canary_wanted_) SendCanaries(pending, *first);
  Try(id, pending, *first);
  if (method.hedged) PlanHedge(id, pending);
  return absl::StatusCode::kOk;
}

void Caller::SendCanaries(const Pending& original, std::size_t chosen) {
  for (std::size_t index = 0; index < original.list->instances.size(); ++index) {
    if (index == chosen) continue;
    std::optional<Peer::Attempt> attempt = original.list->peers[index]->BeginCanary();
    if (!attempt) continue;
    const Handle id = pending_.Make();
    Pending& canary = *pending_.Find(id);
    canary.call = original.call;
    canary.call.asker = nullptr;
    canary.list = original.list;
    canary.canary = true;
    canary.place = running_.size();
    running_.push_back(id);
    canary.flights.push_back(
        std::make_unique<Flight>(*std::move(attempt), index, owner_.clock().SteadyNow()));
    Send(id, canary, *canary.flights.back(), FairTime(canary.call.method));
  }
}

Duration Caller::FairTime(std::size_t method) const {
  return rpc::FairTryTime(options().try_timeout, usual_[method]->p95());
}

Duration Caller::SlowLimit(const Pending& pending) const {
  const rpc::PeerOptions& knobs = pending.list->options;
  return rpc::SlowFrom(usual_[pending.call.method]->median(), knobs.instance_slow_factor,
                       knobs.instance_slow_call);
}

void Caller::PlanHedge(Handle id, const Pending& pending) {
  const rpc::PeerOptions& knobs = pending.list->options;
  if (knobs.hedge_share <= 0 || pending.list->instances.size() < 2) return;
  hedge_budget_.RecordCall();
  const std::size_t method = pending.call.method;
  const std::optional<Duration> wait =
      rpc::HedgeAfter(usual_[method]->p95(), knobs.hedge_after_at_least, FairTime(method));
  if (wait) owner_.clock().In(*wait, *this, kHedge, id);
}

void Caller::Hedge(Handle id) {
  Pending* pending = pending_.Find(id);
  if (pending == nullptr || pending->flights.size() != 1) return;
  if (pending->tries.tried().size() != 1) return;
  const rpc::Verdict slow = {.instance = rpc::TryOutcome::kUnknown,
                             .neighbour_answered = false,
                             .retry = true,
                             .connection_lost = false};
  if (!pending->tries.MayTryAgain(slow, owner_.clock())) return;
  const std::optional<std::size_t> other = Pick(*pending);
  if (!other) return;
  const Peer& peer = *pending->list->peers[*other];
  if (!peer.usable() || peer.draining()) return;
  if (!hedge_budget_.TryTakeRetry(rpc::BudgetPartFor(pending->call.criticality))) return;
  world_.recorder.Hedged();
  Try(id, *pending, *other);
}

void Caller::Try(Handle id, Pending& pending, std::size_t index) {
  const rpc::Tries::Allowance allowed = pending.tries.Begin(index, owner_.clock());
  const SteadyTime now = owner_.clock().SteadyNow();
  pending.flights.push_back(
      std::make_unique<Flight>(pending.list->peers[index]->Begin(), index, now));
  Flight& flight = *pending.flights.back();
  flight.fair = allowed.fair;
  if (allowed.overdue_after < allowed.time) {
    flight.due = now + allowed.overdue_after;
    owner_.clock().In(allowed.overdue_after, *this, kOverdue, id);
  }
  Send(id, pending, flight, allowed.time);
}

void Caller::Send(Handle id, Pending& pending, Flight& flight, Duration time) {
  const std::size_t to = pending.list->instances[flight.target]->process;
  flight.number = ++pending.try_number;
  owner_.clock().In(time, *this, kTimeout | flight.number << 8, id);
  if (to == kOutside) return;  // nobody is there, and nobody says so
  world_.recorder.TryBegan(owner_.place(), world_.process(to).place(),
                           pending.canary ? Recorder::For::kCanary : Recorder::For::kSomebody);
  flight.request = world_.post.Send({.sender = this,
                                     .token = id,
                                     .from = owner_.index(),
                                     .to = to,
                                     .method = pending.call.method,
                                     .criticality = pending.call.criticality,
                                     .who = std::uint64_t{owner_.index()} << 48 ^ id,
                                     .wanted_for = time});
}

// Somebody should have answered by now: another instance is asked beside it.
void Caller::Overdue(Handle id) {
  Pending* pending = pending_.Find(id);
  if (pending == nullptr || pending->pausing || pending->flights.empty()) return;
  const SteadyTime now = owner_.clock().SteadyNow();
  for (const auto& flight : pending->flights) {
    flight->overdue = flight->overdue || now >= flight->due;
    if (!flight->overdue) return;
  }
  WillTryAgain(id, *pending,
               rpc::Judge(Result(absl::StatusCode::kDeadlineExceeded, Origin::kTransport),
                          /*idempotent=*/true, pending->flights.back()->fair));
}

void Caller::Answered(Handle handle) {
  const Request& request = *world_.requests.Find(handle);
  Pending* pending = pending_.Find(request.token);
  if (pending == nullptr) return;  // too late
  for (const auto& flight : pending->flights) {
    if (flight->request != handle) continue;
    rpc::TryResult result = Result(request.code, request.origin);
    result.pushback = request.pushback;
    return TryEnded(request.token, *pending, *flight, result);
  }
}

void Caller::TimedOut(Handle id, std::uint32_t try_number) {
  Pending* pending = pending_.Find(id);
  if (pending == nullptr) return;
  for (const auto& flight : pending->flights) {
    if (flight->number != try_number) continue;
    if (Request* request = world_.requests.Find(flight->request)) request->cancelled = true;
    return TryEnded(id, *pending, *flight,
                    Result(absl::StatusCode::kDeadlineExceeded, Origin::kTransport));
  }
}

// Tells the peer the outcome, with its speed.
void Caller::Finish(const Pending& pending, Flight& flight, rpc::TryOutcome outcome) {
  rpc::LatencyWindow& usual = *usual_[pending.call.method];
  const Duration took = flight.attempt.age();
  outcome = rpc::WithSpeed(outcome, took, SlowLimit(pending));
  flight.attempt.Finish(outcome);
  const bool answered = outcome == rpc::TryOutcome::kAnswered || outcome == rpc::TryOutcome::kSlow;
  if (answered && !pending.canary) usual.Record(took);
}

void Caller::TryEnded(Handle id, Pending& pending, const Flight& flight,
                      const rpc::TryResult& result) {
  const bool reads = world_.spec(service_).methods[pending.call.method].reads;
  const auto at = std::find_if(pending.flights.begin(), pending.flights.end(),
                               [&](const auto& known) { return known.get() == &flight; });
  const std::unique_ptr<Flight> ended = std::move(*at);
  pending.flights.erase(at);
  Peer& peer = *pending.list->peers[ended->target];
  const rpc::Verdict verdict = rpc::Judge(result, reads, ended->fair);
  Finish(pending, *ended, verdict.instance);
  if (verdict.connection_lost) peer.ConnectionLost("refused");
  if (pending.canary) return End(id, result.status.code());
  if (verdict.leave_alone > Duration::zero() && rpc::HeedsPushback(pending.call.criticality)) {
    peer.AskedToWait(verdict.leave_alone);
  }
  const bool answered = result.status.ok() || result.origin == Origin::kHandler;
  if (answered && !verdict.retry) {
    GiveUpOthers(pending, *ended);
    return Decided(id, pending, verdict, result.status.code());
  }
  pending.verdict = verdict;
  pending.code = result.status.code();
  if (pending.pausing) return;
  const bool all_overdue = std::all_of(pending.flights.begin(), pending.flights.end(),
                                       [](const auto& other) { return other->overdue; });
  if (!all_overdue || WillTryAgain(id, pending, verdict) || !pending.flights.empty()) return;
  Decided(id, pending, verdict, pending.code);
}

void Caller::GiveUpOthers(const Pending& pending, const Flight& winner) {
  const Duration took = owner_.clock().SteadyNow() - winner.start;
  for (const auto& flight : pending.flights) {
    const bool blamed = flight->overdue && flight->fair && winner.start - flight->start > took;
    if (Request* request = world_.requests.Find(flight->request)) request->cancelled = true;
    // As OutgoingCall::TryEnded judges one that we have ended ourselves.
    const Duration age = flight->attempt.age();
    flight->attempt.Finish(blamed                      ? rpc::TryOutcome::kFailed
                           : age >= SlowLimit(pending) ? rpc::TryOutcome::kSlow
                                                       : rpc::TryOutcome::kOvertaken);
    if (!blamed) usual_[pending.call.method]->Record(age);
  }
}

bool Caller::WillTryAgain(Handle id, Pending& pending, const rpc::Verdict& verdict) {
  const std::size_t tries = pending.tries.tried().size();
  if (!pending.tries.MayTryAgain(verdict, owner_.clock())) return false;
  if (tries >= pending.list->instances.size()) return false;
  const double part = rpc::BudgetPartFor(pending.call.criticality, verdict.instance);
  if (!budget_.TryTakeRetry(part)) return false;
  pending.verdict = verdict;
  pending.pausing = true;
  const Duration pause =
      rpc::RetryPause(static_cast<int>(tries), pending.list->options.retry_pause, world_.dice);
  owner_.clock().In(std::min(pause, pending.deadline.Remaining(owner_.clock()) / 4), *this,
                    kTryAgain, id);
  return true;
}

void Caller::TryAgain(Handle id) {
  Pending* pending = pending_.Find(id);
  if (pending == nullptr) return;
  pending->pausing = false;
  const bool may = pending->tries.MayTryAgain(pending->verdict, owner_.clock());
  const std::optional<std::size_t> next = may ? Pick(*pending) : std::nullopt;
  if (next) return Try(id, *pending, *next);
  if (pending->flights.empty()) Decided(id, *pending, pending->verdict, pending->code);
}

// There will be no other try.
void Caller::Decided(Handle id, Pending& pending, const rpc::Verdict& last, absl::StatusCode code) {
  rpc::Tries::Report(last, *pending.permit);
  End(id, code);
}

void Caller::End(Handle id, absl::StatusCode code) {
  const Pending& pending = *pending_.Find(id);
  const OutgoingCall call = pending.call;
  const Duration took = owner_.clock().SteadyNow() - pending.began;
  const bool canary = pending.canary;
  const std::size_t place = pending.place;
  running_[place] = running_.back();
  pending_.Find(running_[place])->place = place;
  running_.pop_back();
  pending_.Free(id);
  if (canary) return;
  --in_flight_;
  world_.recorder.CallEnded(owner_.index(), call.criticality, code, took);
  if (call.asker != nullptr) call.asker->Answered(call.token, code);
}

void Caller::HungUp(std::size_t process) {
  for (const auto& instance : list_->instances) {
    if (instance->process == process) instance->peer->ConnectionLost("connection lost");
  }
  const std::vector<Handle> running = running_;
  for (const Handle id : running) {
    Pending* pending = pending_.Find(id);
    if (pending == nullptr) continue;
    const auto lost =
        std::find_if(pending->flights.begin(), pending->flights.end(), [&](const auto& flight) {
          return pending->list->instances[flight->target]->process == process;
        });
    if (lost == pending->flights.end()) continue;
    TryEnded(id, *pending, **lost, Result(absl::StatusCode::kUnavailable, Origin::kTransport));
  }
}

void Caller::Die() {
  dead_ = true;
  for (const Handle id : running_) pending_.Free(id);
  running_.clear();
  list_ = std::make_shared<const List>(List{.options = options()});
}

void Caller::Act(std::uint32_t what, std::uint64_t with) {
  if (dead_ || owner_.PutOff(*this, what, with)) return;
  if (what == kProbe) return ProbeAll();
  if (what == kTryAgain) return TryAgain(with);
  if (what == kOverdue) return Overdue(with);
  if (what == kProbeMissed) return ProbeMissed(with);
  if (what == kHedge) return Hedge(with);
  TimedOut(with, what >> 8);
}

std::optional<std::size_t> Caller::Pick(const Pending& pending) {
  return rpc::PickInstance(pending.list->peers, pending.tries.tried(), owner_.zone_name(),
                           world_.dice, rpc::ChoiceOptions(pending.list->options));
}

}  // namespace holdfast::sim

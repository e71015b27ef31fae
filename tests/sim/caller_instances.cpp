// The half of a Caller that knows who is there: probes, connections, what discovery says.
#include <algorithm>
#include <utility>

#include "tests/sim/caller.h"
#include "tests/sim/process.h"

namespace holdfast::sim {

namespace {

using rpc::CircuitBreaker;
using rpc::Peer;

}  // namespace

void Caller::ProbeAll() {
  owner_.clock().In(options().probe_interval, *this, kProbe);
  canary_wanted_ = false;
  for (const auto& instance : list_->instances) {
    canary_wanted_ = canary_wanted_ || !instance->closed;
    Probe(instance);
  }
}

void Caller::Probe(const std::shared_ptr<Instance>& instance) {
  const std::optional<Duration> time = instance->probes.TryBegin(
      {.interval = options().probe_interval, .misses = static_cast<int>(options().probes_to_fail)});
  if (!time || Answers(*instance, *time)) return;
  const Handle which = silent_.Make();
  *silent_.Find(which) = instance;
  owner_.clock().In(*time, *this, kProbeMissed, which);
}

// An answer is there at once: its time on the way is nothing to what is decided by it.
bool Caller::Answers(Instance& instance, Duration within) {
  if (instance.process == kOutside) return false;
  Peer& peer = *instance.peer;
  const Process& process = world_.process(instance.process);
  const auto there = world_.network.Travel(owner_.place(), process.place());
  const auto back = world_.network.Travel(process.place(), owner_.place());
  const bool refused = process.life() == Process::Life::kDead;
  const bool answers = refused || process.life() == Process::Life::kRunning;
  if (!there || !back || !answers || *there + *back >= within) return false;
  if (refused) {
    if (instance.probes.Missed()) peer.ProbeFailed("refused");
    return true;
  }
  instance.probes.Answered();
  if (process.leaving()) {
    peer.SaidNotServing();
  } else if (peer.ProbeSucceeded()) {
    breaker_.LookAgain();
  }
  return true;
}

void Caller::ProbeMissed(Handle which) {
  const std::shared_ptr<Instance> instance = silent_.Find(which)->lock();
  silent_.Free(which);
  if (instance == nullptr) return;
  if (instance->probes.Missed()) instance->peer->ProbeFailed("no answer");
  Probe(instance);
}

void Caller::Update(const discovery::InstanceSet& set) {
  auto after = std::make_shared<List>();
  after->options = options();
  auto known = list_->instances.begin();  // both are sorted by id
  for (const discovery::Instance& wanted : set) {
    while (known != list_->instances.end() && (*known)->peer->instance().id < wanted.id) ++known;
    const bool same = known != list_->instances.end() &&
                      discovery::SameProcess((*known)->peer->instance(), wanted);
    if (same) (*known)->peer->Announced(wanted);
    after->instances.push_back(same ? *known : Connect(wanted));
    after->peers.push_back(&*after->instances.back()->peer);
  }
  list_ = std::move(after);
}

std::shared_ptr<Caller::Instance> Caller::Connect(const discovery::Instance& wanted) {
  auto instance = std::make_shared<Instance>(owner_.clock());
  instance->process = world_.ProcessAt(wanted.address);
  instance->peer.emplace(
      wanted, rpc::InstanceOptions(options()), owner_.clock(),
      [this, raw = instance.get()](const Peer&, std::string_view what, std::string_view) {
        Noticed(*raw, what);
      },
      &tally_);
  Probe(instance);
  return instance;
}

void Caller::Noticed(Instance& instance, std::string_view what) {
  if (dead_) return;
  const bool used = instance.up && instance.closed;
  if (what == rpc::Name(Peer::Health::kUp)) instance.up = true;
  if (what == rpc::Name(Peer::Health::kDown)) instance.up = false;
  if (what == rpc::Name(CircuitBreaker::State::kClosed)) instance.closed = true;
  if (what == rpc::Name(CircuitBreaker::State::kOpen)) instance.closed = false;
  const bool uses = instance.up && instance.closed;
  if (used && !uses) world_.recorder.Ejected();
  if (!used && uses && std::exchange(instance.used_before, true)) world_.recorder.Readmitted();
  canary_wanted_ = true;
}

std::size_t Caller::usable() const {
  return static_cast<std::size_t>(std::count_if(list_->peers.begin(), list_->peers.end(),
                                                [](const Peer* peer) { return peer->usable(); }));
}

}  // namespace holdfast::sim

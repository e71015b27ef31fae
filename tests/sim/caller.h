// The calling half of a process: what it knows of one neighbour, and its calls to it. The
// production classes decide everything; this is the wire between them and the simulated world.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "libs/rpc/circuit_breaker.h"
#include "libs/rpc/latency_window.h"
#include "libs/rpc/peer.h"
#include "libs/rpc/probe_plan.h"
#include "libs/rpc/retry_budget.h"
#include "libs/rpc/slow_row.h"
#include "libs/rpc/tries.h"
#include "tests/sim/world.h"

namespace holdfast::sim {

// Who started a call.
class Asker {
 public:
  // Runs once for each call, inside Start when the call cannot begin.
  virtual void Answered(Handle token, absl::StatusCode code) = 0;

 protected:
  ~Asker() = default;
};

struct OutgoingCall {
  std::size_t method = 0;
  Criticality criticality = Criticality::kInteractive;
  Deadline deadline = Deadline::Never();
  Asker* asker = nullptr;  // null: nobody waits
  Handle token = kNothing;
};

// One process's view of one service. Probes all instances together, every probe_interval.
class Caller final : public Actor, public Sender {
 public:
  Caller(World& world, Process& owner, std::size_t service);

  void Start(const OutgoingCall& call);
  void Update(const discovery::InstanceSet& set);
  // As the admin port does: INVALID_ARGUMENT names the knob, and nothing is changed.
  absl::Status Change(const std::vector<std::string>& assignments);
  void HungUp(std::size_t process);
  // Its process has died. Nothing of it acts any more.
  void Die();

  void Answered(Handle request) override;
  void Act(std::uint32_t what, std::uint64_t with) override;

  std::size_t usable() const;  // instances
  const rpc::PeerOptions& options() const { return list_->options; }

 private:
  // kOverdue and kTimeout have the number of their try above them.
  enum What : std::uint32_t { kProbe, kTryAgain, kOverdue, kTimeout, kProbeMissed, kHedge };

  struct Instance {
    explicit Instance(const Clock& clock) : probes(clock) {}

    rpc::ProbePlan probes;
    std::optional<rpc::Peer> peer;
    std::size_t process = kOutside;  // kOutside: nobody is at its address
    bool up = false;                 // what the peer last told
    bool closed = true;              // and its breaker
    bool used_before = false;        // it has been up
  };
  struct List {
    std::vector<std::shared_ptr<Instance>> instances;
    std::vector<rpc::Peer*> peers;
    rpc::PeerOptions options;
  };
  // A try on its way.
  struct Flight {
    Flight(rpc::Peer::Attempt a, std::size_t t, SteadyTime s)
        : attempt(std::move(a)), target(t), start(s) {}

    rpc::Peer::Attempt attempt;
    std::size_t target;  // index into the list
    SteadyTime start;
    SteadyTime due = SteadyTime::max();
    std::uint32_t number = 0;
    bool fair = true;
    bool overdue = false;
    Handle request = kNothing;
  };
  using Flights = absl::InlinedVector<std::unique_ptr<Flight>, 1>;
  struct Pending {
    OutgoingCall call;
    SteadyTime began;
    std::shared_ptr<const List> list;
    rpc::Tries tries;
    Deadline deadline = Deadline::Never();
    rpc::Verdict verdict = {};  // of the last try that failed
    absl::StatusCode code = absl::StatusCode::kUnavailable;
    bool pausing = false;  // another try begins soon
    std::optional<rpc::CircuitBreaker::Permit> permit;
    Flights flights;
    std::uint32_t try_number = 0;
    bool canary = false;
    std::size_t place = 0;  // in running_
  };

  absl::StatusCode Begin(Handle id, Pending& pending);
  void SendCanaries(const Pending& original, std::size_t chosen);
  Duration FairTime(std::size_t method) const;
  Duration SlowLimit(const Pending& pending) const;
  void PlanHedge(Handle id, const Pending& pending);
  void Hedge(Handle id);
  void Try(Handle id, Pending& pending, std::size_t index);
  void Send(Handle id, Pending& pending, Flight& flight, Duration time);
  void Overdue(Handle id);
  void TryEnded(Handle id, Pending& pending, const Flight& ended, const rpc::TryResult& result);
  void Finish(const Pending& pending, Flight& flight, rpc::TryOutcome outcome);
  bool WillTryAgain(Handle id, Pending& pending, const rpc::Verdict& verdict);
  void TryAgain(Handle id);
  void Decided(Handle id, Pending& pending, const rpc::Verdict& last, absl::StatusCode code);
  void GiveUpOthers(const Pending& pending, const Flight& winner);
  void End(Handle id, absl::StatusCode code);

  void TimedOut(Handle id, std::uint32_t try_number);
  void ProbeAll();
  void Probe(const std::shared_ptr<Instance>& instance);
  bool Answers(Instance& instance, Duration within);
  void ProbeMissed(Handle which);
  std::optional<std::size_t> Pick(const Pending& pending);
  std::shared_ptr<Instance> Connect(const discovery::Instance& wanted);
  void Noticed(Instance& instance, std::string_view what);

  World& world_;
  Process& owner_;
  const std::size_t service_;
  rpc::CircuitBreaker breaker_;
  rpc::RetryBudget budget_;
  rpc::RetryBudget hedge_budget_;
  rpc::SlowTally tally_;
  std::vector<std::unique_ptr<rpc::LatencyWindow>> usual_;  // by method
  std::shared_ptr<const List> list_;
  bool canary_wanted_ = false;  // the breaker of some instance is not closed
  std::int64_t in_flight_ = 0;
  bool dead_ = false;
  Slab<Pending> pending_;
  Slab<std::weak_ptr<Instance>> silent_;  // probes that nobody will answer
  std::vector<Handle> running_;
};

}  // namespace holdfast::sim

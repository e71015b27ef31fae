// The serving half of a process: admission, cores, handlers that call others.
#pragma once

#include <deque>
#include <vector>

#include "tests/sim/caller.h"
#include "tests/sim/gate.h"
#include "tests/sim/timeline.h"
#include "tests/sim/world.h"

namespace holdfast::sim {

// A handler works on a core, then makes its calls one after the other while it keeps its place in
// the gate, then answers. Work in excess of the cores waits its turn, so an instance gets slower
// as it admits more than it can do.
class Server final : public Actor, public Asker, public Gate::Host {
 public:
  Server(World& world, Process& process);

  void Arrive(Handle request);
  // The process died: what it held is gone.
  void Forget();
  bool Owns(const Actor& actor) const {
    return &actor == this || &actor == &gate_ || &actor == &inline_gate_;
  }

  void SetSlowness(double factor) { slowness_ = factor; }  // work takes this many times as long
  void SetFailing(double share) { failing_ = share; }      // answers UNAVAILABLE, looks healthy

  void Act(std::uint32_t what, std::uint64_t with) override;
  void Admitted(Handle request) override;
  void Refused(Handle request, Refusal why) override;
  void Answered(Handle request, absl::StatusCode code) override;

  std::size_t holds() const { return held_.size(); }
  std::uint64_t worked() const { return worked_; }
  double shed_level() const { return inline_gate_.shed_level(); }

 private:
  void Work(Handle handle);
  void Continue(Handle handle);
  void Finish(Handle handle, absl::StatusCode code, rpc::Origin origin);
  void Answer(Handle handle, absl::StatusCode code, rpc::Origin origin);
  const MethodSpec& MethodOf(const Request& request) const;
  Visitor VisitorOf(Handle handle, const Request& request) const;

  World& world_;
  Process& process_;
  const ServiceSpec& spec_;
  Gate gate_;
  InlineGate inline_gate_;
  double slowness_ = 1;
  double failing_ = 0;
  int busy_cores_ = 0;
  std::uint64_t worked_ = 0;
  std::deque<Handle> for_cores_;
  std::vector<Handle> held_;
};

}  // namespace holdfast::sim

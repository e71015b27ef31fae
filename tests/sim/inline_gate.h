// The door for methods that answer from memory: no queue of ours, only threads that come when they
// come, and the production LoadLevel fed by the production DelayWatch.
#pragma once

#include <deque>

#include "libs/admission/delay_watch.h"
#include "libs/admission/load_level.h"
#include "tests/sim/gate.h"
#include "tests/sim/own_clock.h"

namespace holdfast::sim {

// What arrives lies in the kernel until a thread comes to it. How long it lay is what the watch
// sees; whether it is let in is asked only then, as in libs/rpc/server_calls.cpp. A refusal costs
// the thread a little, too.
class InlineGate final : public Actor {
 public:
  struct Options {
    std::size_t threads = 4;
    admission::DelayWatch::Options delay = {.right = std::chrono::milliseconds(50)};
    Duration refusal_costs = std::chrono::microseconds(20);
  };

  // All must outlive the gate.
  InlineGate(const Options& options, OwnClock& clock, Random& random, Gate::Host& host);

  void Arrive(const Visitor& visitor);
  void Leave();
  void Forget();  // everybody has gone

  double shed_level() const { return load_.level(); }

  void Act(std::uint32_t what, std::uint64_t with) override;

 private:
  struct Lying {
    Visitor visitor;
    SteadyTime since;
  };
  void Serve();
  void Take(const Lying& next);

  const Options options_;
  OwnClock& clock_;
  Gate::Host& host_;
  admission::LoadLevel load_;
  admission::DelayWatch delay_;
  std::deque<Lying> lying_;
  std::size_t busy_ = 0;  // threads
  std::uint32_t epoch_ = 0;
  bool serving_ = false;
};

}  // namespace holdfast::sim

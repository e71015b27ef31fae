// What a simulated plant is made of: services, their methods, who needs whom.
#pragma once

#include <string>
#include <vector>

#include "libs/base/criticality.h"
#include "libs/rpc/channel.h"
#include "tests/sim/gate.h"
#include "tests/sim/inline_gate.h"

namespace holdfast::sim {

inline constexpr int kZones = 3;

struct Place {
  std::size_t node;
  int zone;
};

// A call that a handler makes before it answers.
struct Need {
  std::size_t service;
  std::size_t method;
  double chance = 1;     // how often the handler's own memory does not do
  bool fallback = true;  // without an answer the handler answers all the same, degraded
};

struct MethodSpec {
  std::string name;
  Duration work;             // of a core, median
  bool steady = false;       // takes exactly that
  bool reads = true;         // idempotent, and copies of it may be canaries
  bool hedged = false;       // marked in the proto
  bool from_memory = false;  // inline: has no needs, does not pass the queue
  std::vector<Need> needs;
};

struct ServiceSpec {
  std::string name;
  int per_zone = 1;
  int cores = 4;
  Gate::Options gate;
  InlineGate::Options inline_gate;
  rpc::PeerOptions neighbour;  // how others call it
  std::vector<MethodSpec> methods;
  std::vector<std::size_t> calls;  // services that it calls
};

}  // namespace holdfast::sim

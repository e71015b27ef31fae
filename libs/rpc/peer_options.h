// The knobs of one neighbour, and what the policies make of them. No threads, no gRPC.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "libs/config/knobs.h"
#include "libs/rpc/circuit_breaker.h"
#include "libs/rpc/peer.h"
#include "libs/rpc/pick_instance.h"
#include "libs/rpc/retry_budget.h"

namespace holdfast::rpc {

// docs/resilience.md says why the defaults are what they are.
struct PeerOptions {
  std::chrono::milliseconds timeout = std::chrono::milliseconds(500);      // of a whole call
  std::chrono::milliseconds try_timeout = std::chrono::milliseconds(150);  // of one try
  std::chrono::milliseconds deadline_margin = std::chrono::milliseconds(2);
  std::int64_t max_in_flight = 256;  // beyond: RESOURCE_EXHAUSTED at once

  std::int64_t max_tries = 3;
  double retry_share = 0.2;
  double retry_min_per_second = 10;
  std::chrono::milliseconds retry_window = std::chrono::seconds(10);
  std::chrono::milliseconds retry_pause = std::chrono::milliseconds(10);
  double hedge_share = 0.05;
  std::chrono::milliseconds hedge_after_at_least = std::chrono::milliseconds(5);

  // The breaker of the whole neighbour: calls that no instance answered.
  std::int64_t failures_to_open = 0;
  double failure_ratio = 0.5;
  std::chrono::milliseconds slow_call = std::chrono::milliseconds(0);
  double slow_ratio = 0.8;
  std::int64_t min_calls = 5;
  std::chrono::milliseconds breaker_window = std::chrono::seconds(10);
  std::chrono::milliseconds open_for = std::chrono::seconds(2);
  std::chrono::milliseconds open_for_max = std::chrono::seconds(10);
  std::int64_t probes_to_close = 2;

  // The breaker of each instance.
  std::int64_t instance_failures_to_open = 3;
  double instance_failure_ratio = 0.5;
  double instance_slow_factor = 3;
  std::chrono::milliseconds instance_slow_call = std::chrono::milliseconds(10);
  double instance_slow_ratio = 0.5;
  std::int64_t instance_min_calls = 10;
  std::chrono::milliseconds instance_slow_row = std::chrono::milliseconds(500);
  std::chrono::milliseconds instance_open_for = std::chrono::seconds(1);
  std::chrono::milliseconds instance_open_for_max = std::chrono::seconds(8);
  std::int64_t instance_probes_to_close = 1;
  std::chrono::milliseconds instance_canary_patience = std::chrono::seconds(5);
  double max_ejected = 0.5;
  double panic_below = 0.5;

  double zone_factor = 1.4;
  std::chrono::milliseconds slow_start = std::chrono::seconds(10);
  std::chrono::milliseconds latency_memory = std::chrono::seconds(1);

  std::chrono::milliseconds probe_interval = std::chrono::milliseconds(250);
  std::int64_t probes_to_fail = 2;
  std::int64_t probes_to_admit = 2;

  void Describe(config::Knobs& k);
};

// "name = value" lines.
std::string Show(const PeerOptions& options);

// What contradicts what, in one line that names both knobs; "" where all is well.
std::string ContradictionIn(const PeerOptions& options);

// Sets fields as in {"try_timeout=80ms", "max_in_flight=64"}. INVALID_ARGUMENT names the field at
// fault, and then nothing is changed: one out of its bounds, or one that now contradicts another.
absl::Status Change(PeerOptions& options, const std::vector<std::string>& assignments);

CircuitBreaker::Options NeighbourBreakerOptions(const PeerOptions& options);
Peer::Options InstanceOptions(const PeerOptions& options);
RetryBudget::Options RetryOptions(const PeerOptions& options);
RetryBudget::Options HedgeOptions(const PeerOptions& options);
PickOptions ChoiceOptions(const PeerOptions& options);

}  // namespace holdfast::rpc

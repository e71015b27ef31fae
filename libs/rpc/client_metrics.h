// What a caller measures of its neighbours. For the .cpp files behind Channel.
#pragma once

#include <array>
#include <string_view>

#include "libs/rpc/peer.h"
#include "libs/telemetry/metrics.h"

namespace holdfast::rpc {

struct ClientMetrics {
  explicit ClientMetrics(telemetry::Metrics& metrics);

  telemetry::CounterFamily requests;   // service, method, code
  telemetry::HistogramFamily seconds;  // service, method

  telemetry::CounterFamily tries;          // service, instance, outcome
  telemetry::HistogramFamily try_seconds;  // service, instance
  telemetry::CounterFamily zones;          // service, zone: own, other

  telemetry::CounterFamily retries;          // service
  telemetry::CounterFamily retries_refused;  // service, reason
  telemetry::CounterFamily hedges;           // service, result: sent, won, refused
  telemetry::CounterFamily canaries;         // service
  telemetry::GaugeFamily budget_left;        // service, budget: retry, hedge

  telemetry::GaugeFamily in_flight;  // service
  telemetry::GaugeFamily limit;      // service
  telemetry::CounterFamily refused;  // service, reason

  telemetry::GaugeFamily breaker;        // service
  telemetry::CounterFamily transitions;  // service, scope, state, reason
  telemetry::GaugeFamily instances;      // service, state
  telemetry::GaugeFamily panic;          // service
};

// Handles of one instance, so that a try takes no lock of a family.
struct InstanceMetrics {
  InstanceMetrics(const ClientMetrics& metrics, std::string_view service, std::string_view instance,
                  bool own_zone);

  void Count(TryOutcome outcome, Duration took) const;

  std::array<telemetry::Counter, 6> outcomes;  // by TryOutcome
  telemetry::Histogram seconds;
  telemetry::Counter zone;
};

}  // namespace holdfast::rpc

// What a caller measures of its neighbours. For the .cpp files behind Channel.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "libs/base/string_map.h"
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

  telemetry::GaugeFamily breaker;         // service
  telemetry::CounterFamily transitions;   // service, scope, state, reason
  telemetry::GaugeFamily instances;       // service, state
  telemetry::GaugeFamily instance_state;  // service, instance
  telemetry::GaugeFamily panic;           // service
};

// Handles of one instance, so that a try takes no lock of a family.
struct InstanceMetrics {
  InstanceMetrics(const ClientMetrics& metrics, std::string_view service, std::string_view instance,
                  bool own_zone);

  void Count(TryOutcome outcome, Duration took) const;
  void Show(const Peer& peer) const;

  const std::string label;
  telemetry::Gauge state;                      // of a shared label: of whoever was shown last
  std::array<telemetry::Counter, 6> outcomes;  // by TryOutcome
  telemetry::Histogram seconds;
  telemetry::Counter zone;
};

// The label of each instance of a neighbour: its id, for at most 64 at a time; those beyond are
// "other". Who has left takes his series along, so that instances may come and go for years.
// Not thread-safe.
class InstanceLabels {
 public:
  InstanceLabels(const ClientMetrics& metrics, std::string_view service)
      : metrics_(metrics), service_(service) {}

  InstanceMetrics Take(const std::string& id, bool own_zone);
  // The handles are of no use any more, unless another instance has the same label.
  void GiveBack(const std::string& label);

 private:
  const ClientMetrics& metrics_;
  const std::string service_;
  StringMap<int> users_;  // by label, without "other"
};

}  // namespace holdfast::rpc

#include "libs/rpc/client_metrics.h"

namespace holdfast::rpc {

ClientMetrics::ClientMetrics(telemetry::Metrics& m)
    : requests(m.CounterFamily("holdfast_rpc_client_requests_total",
                               "Calls to a neighbour that ended, by final status code.",
                               {"service", "method", "code"})),
      seconds(m.HistogramFamily("holdfast_rpc_client_seconds",
                                "Time of a call to a neighbour, all tries together.",
                                {"service", "method"})),
      tries(m.CounterFamily("holdfast_rpc_client_tries_total",
                            "Tries at an instance, by what they said about it: answered, slow, "
                            "failed, full, overtaken (a hedge was faster), unknown.",
                            {"service", "instance", "outcome"})),
      try_seconds(m.HistogramFamily("holdfast_rpc_client_try_seconds",
                                    "Time of one try at an instance.", {"service", "instance"})),
      zones(m.CounterFamily("holdfast_rpc_client_zone_tries_total",
                            "Tries that stayed in the caller's zone (own) or left it (other).",
                            {"service", "zone"})),
      retries(m.CounterFamily("holdfast_rpc_client_retries_total", "Tries beyond the first.",
                              {"service"})),
      retries_refused(m.CounterFamily(
          "holdfast_rpc_client_retries_refused_total",
          "Calls that failed although another try was allowed: budget (used up), nobody (no other "
          "instance), late (no time left).",
          {"service", "reason"})),
      hedges(m.CounterFamily("holdfast_rpc_client_hedges_total",
                             "Second requests to another instance because the first was slow: "
                             "sent, won (answered first), refused (no budget).",
                             {"service", "result"})),
      canaries(m.CounterFamily("holdfast_rpc_client_canaries_total",
                               "Copies of reads that were sent to ejected instances.",
                               {"service"})),
      budget_left(m.GaugeFamily("holdfast_rpc_client_budget_left",
                                "Retries and hedges that may start now.", {"service", "budget"})),
      in_flight(m.GaugeFamily("holdfast_rpc_client_in_flight", "Calls under way to a neighbour.",
                              {"service"})),
      limit(m.GaugeFamily("holdfast_rpc_client_limit", "Calls that may be under way at once.",
                          {"service"})),
      refused(m.CounterFamily("holdfast_rpc_client_refused_total",
                              "Calls that failed here without a try: bulkhead, breaker, no_time, "
                              "no_instance, certificates, stopping.",
                              {"service", "reason"})),
      breaker(m.GaugeFamily("holdfast_rpc_client_breaker_state",
                            "Breaker of a neighbour: 0 closed, 1 half-open, 2 open.", {"service"})),
      transitions(m.CounterFamily(
          "holdfast_rpc_client_transitions_total",
          "Changes of a breaker (scope neighbour or instance; open at an instance: an ejection) or "
          "of an instance's health (scope health), with the reason of the breaker.",
          {"service", "scope", "state", "reason"})),
      instances(m.GaugeFamily(
          "holdfast_rpc_client_instances",
          "Instances of a neighbour: up, ejected (answers probes, fails calls), unproven, down, "
          "draining.",
          {"service", "state"})),
      panic(m.GaugeFamily("holdfast_rpc_client_panic",
                          "1 while so few instances are usable that health is ignored.",
                          {"service"})) {}

InstanceMetrics::InstanceMetrics(const ClientMetrics& metrics, std::string_view service,
                                 std::string_view instance, bool own_zone)
    : outcomes{metrics.tries.With({service, instance, "answered"}),
               metrics.tries.With({service, instance, "slow"}),
               metrics.tries.With({service, instance, "failed"}),
               metrics.tries.With({service, instance, "full"}),
               metrics.tries.With({service, instance, "overtaken"}),
               metrics.tries.With({service, instance, "unknown"})},
      seconds(metrics.try_seconds.With({service, instance})),
      zone(metrics.zones.With({service, own_zone ? "own" : "other"})) {}

void InstanceMetrics::Count(TryOutcome outcome, Duration took) const {
  outcomes[static_cast<std::size_t>(outcome)].Add();
  seconds.Observe(std::chrono::duration<double>(took).count());
  zone.Add();
}

}  // namespace holdfast::rpc

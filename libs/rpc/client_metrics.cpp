#include "libs/rpc/client_metrics.h"

namespace holdfast::rpc {

namespace {

constexpr std::string_view kOutcomes[] = {"answered", "slow",      "failed",
                                          "full",     "overtaken", "unknown"};
constexpr std::size_t kMaxInstanceLabels = 64;
constexpr std::string_view kOther = "other";  // instances beyond

}  // namespace

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
      retries(m.CounterFamily("holdfast_rpc_client_retries_total",
                              "Tries beyond the first that began; hedges are counted apart.",
                              {"service"})),
      retries_refused(m.CounterFamily("holdfast_rpc_client_retries_refused_total",
                                      "Calls that failed although another try was allowed, by why "
                                      "none began: budget (used up), "
                                      "nobody (no other instance), late (no time left).",
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
      instance_state(m.GaugeFamily(
          "holdfast_rpc_client_instance_state",
          "What is thought of one instance: 0 up, 1 draining, 2 unproven (not probed yet), 3 "
          "ejected "
          "by its breaker, 4 down. Instances beyond 64 are called other, and others that have left "
          "are not shown.",
          {"service", "instance"})),
      panic(m.GaugeFamily("holdfast_rpc_client_panic",
                          "1 while so few instances are usable that health is ignored.",
                          {"service"})) {}

InstanceMetrics::InstanceMetrics(const ClientMetrics& metrics, std::string_view service,
                                 std::string_view instance, bool own_zone)
    : label(instance),
      state(metrics.instance_state.With({service, instance})),
      outcomes{metrics.tries.With({service, instance, kOutcomes[0]}),
               metrics.tries.With({service, instance, kOutcomes[1]}),
               metrics.tries.With({service, instance, kOutcomes[2]}),
               metrics.tries.With({service, instance, kOutcomes[3]}),
               metrics.tries.With({service, instance, kOutcomes[4]}),
               metrics.tries.With({service, instance, kOutcomes[5]})},
      seconds(metrics.try_seconds.With({service, instance})),
      zone(metrics.zones.With({service, own_zone ? "own" : "other"})) {}

void InstanceMetrics::Count(TryOutcome outcome, Duration took) const {
  outcomes[static_cast<std::size_t>(outcome)].Add();
  seconds.Observe(std::chrono::duration<double>(took).count());
  zone.Add();
}

void InstanceMetrics::Show(const Peer& peer) const {
  enum { kUp, kDraining, kUnproven, kEjected, kDown } shown = kUp;
  if (peer.health() == Peer::Health::kDown) {
    shown = kDown;
  } else if (peer.ejected()) {
    shown = kEjected;
  } else if (peer.health() == Peer::Health::kUnproven) {
    shown = kUnproven;
  } else if (peer.draining()) {
    shown = kDraining;
  }
  state.Set(shown);
}

InstanceMetrics InstanceLabels::Take(const std::string& id, bool own_zone) {
  const bool full = id == kOther || (users_.size() >= kMaxInstanceLabels && !users_.contains(id));
  if (!full) ++users_[id];
  return InstanceMetrics(metrics_, service_, full ? kOther : std::string_view(id), own_zone);
}

void InstanceLabels::GiveBack(const std::string& label) {
  const auto user = users_.find(label);
  if (user == users_.end() || --user->second > 0) return;
  users_.erase(user);
  for (const std::string_view outcome : kOutcomes) {
    metrics_.tries.Remove({service_, label, outcome});
  }
  metrics_.try_seconds.Remove({service_, label});
  metrics_.instance_state.Remove({service_, label});
}

}  // namespace holdfast::rpc

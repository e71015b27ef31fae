// Everything cdn_routing measures beyond what the libraries already count.
#pragma once

#include <array>

#include "libs/telemetry/metrics.h"

namespace holdfast::cdn_routing {

struct Metrics {
  explicit Metrics(telemetry::Metrics& m)
      : registry(m),
        edge_up(m.GaugeFamily("holdfast_cdn_routing_edge_up",
                              "1 while probes of an edge succeed, 0 while they fail, NaN once it "
                              "was removed.",
                              {"edge", "cdn", "site"})),
        edge_degraded(m.GaugeFamily("holdfast_cdn_routing_edge_degraded",
                                    "1 while an edge answers probes slowly.",
                                    {"edge", "cdn", "site"})),
        edge_changes(m.CounterFamily("holdfast_cdn_routing_edge_changes_total",
                                     "Verdicts on an edge that changed.", {"edge"})),
        probe_seconds(m.HistogramFamily("holdfast_cdn_routing_probe_seconds",
                                        "How long edges took to answer a probe.", {"edge"},
                                        kProbeBuckets)),
        probe_failures(m.CounterFamily("holdfast_cdn_routing_probe_failures_total",
                                       "Probes without a good answer in time.", {"edge"})),
        redirects(m.CounterFamily("holdfast_cdn_routing_redirects_total",
                                  "Players sent to an edge.", {"edge"})),
        refused(m.CounterFamily("holdfast_cdn_routing_refused_total", "Players not sent anywhere.",
                                {"reason"})),
        degraded_answers(m.CounterFamily("holdfast_cdn_routing_degraded_answers_total",
                                         "Answers made without news of a neighbour.",
                                         {"neighbour", "call"})),
        inventory_refused(m.Counter("holdfast_cdn_routing_inventory_refused_total",
                                    "Inventories of the database that were not believed.")) {}

  static constexpr std::array<double, 7> kProbeBuckets = {0.002, 0.01, 0.05, 0.1, 0.2, 0.4, 1};

  telemetry::Metrics& registry;
  telemetry::GaugeFamily edge_up;
  telemetry::GaugeFamily edge_degraded;
  telemetry::CounterFamily edge_changes;
  telemetry::HistogramFamily probe_seconds;
  telemetry::CounterFamily probe_failures;
  telemetry::CounterFamily redirects;
  telemetry::CounterFamily refused;
  telemetry::CounterFamily degraded_answers;
  telemetry::Counter inventory_refused;
};

}  // namespace holdfast::cdn_routing

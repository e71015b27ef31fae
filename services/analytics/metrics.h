// Everything analytics measures beyond what the libraries already count.
#pragma once

#include <vector>

#include "libs/telemetry/metrics.h"
#include "services/analytics/domain/event.h"

namespace holdfast::analytics {

struct Metrics {
  explicit Metrics(telemetry::Metrics& m)
      : errors(m.Counter("holdfast_analytics_errors_total", "Playback errors that were reported.")),
        duplicates(m.Counter("holdfast_analytics_duplicates_total",
                             "Reported events that were already known.")),
        refused(m.Counter("holdfast_analytics_refused_total", "Malformed events.")),
        counted(m.Counter("holdfast_analytics_counted_total",
                          "Events that this instance has written to the sums.")),
        lost(m.Counter("holdfast_analytics_lost_total",
                       "Accepted events that could be neither counted nor kept on disk.")),
        buffered(m.Gauge("holdfast_analytics_buffered", "Accepted events that wait in memory.")),
        ranked_channels(
            m.Gauge("holdfast_analytics_ranked_channels", "Channels in the popularity list.")) {
    const auto by_kind = m.CounterFamily("holdfast_analytics_events_total",
                                         "Events accepted, without repetitions.", {"kind"});
    for (int kind = 1; kind <= kEventKinds; ++kind) {
      events.push_back(by_kind.With({NameOf(static_cast<EventKind>(kind))}));
    }
  }

  void Accepted(const PlaybackEvent& event) const {
    events[static_cast<std::size_t>(event.kind) - 1].Add();
    if (event.kind == EventKind::kError) errors.Add();
  }

  std::vector<telemetry::Counter> events;  // by kind
  telemetry::Counter errors;
  telemetry::Counter duplicates;
  telemetry::Counter refused;
  telemetry::Counter counted;
  telemetry::Counter lost;
  telemetry::Gauge buffered;
  telemetry::Gauge ranked_channels;
};

}  // namespace holdfast::analytics

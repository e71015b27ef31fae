// Everything epg measures beyond what the libraries already count.
#pragma once

#include "libs/telemetry/metrics.h"

namespace holdfast::epg {

struct Metrics {
  explicit Metrics(telemetry::Metrics& m)
      : imports(m.CounterFamily("holdfast_epg_imports_total", "Guide imports by their outcome.",
                                {"outcome"})),
        pages(m.Gauge("holdfast_epg_pages", "Days of channels held in memory.")),
        revision(m.Gauge("holdfast_epg_guide_revision", "Revision of the guide held in memory.")),
        guide_ends(m.Gauge("holdfast_epg_guide_ends_seconds",
                           "When the last programme of the guide ends, UTC epoch.")) {}

  telemetry::CounterFamily imports;
  telemetry::Gauge pages;
  telemetry::Gauge revision;
  telemetry::Gauge guide_ends;
};

}  // namespace holdfast::epg

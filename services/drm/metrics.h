// Everything drm measures beyond what the libraries already count.
#pragma once

#include "libs/telemetry/metrics.h"

namespace holdfast::drm {

struct Metrics {
  explicit Metrics(telemetry::Metrics& m)
      : keys_delivered(m.Counter("holdfast_drm_keys_delivered_total",
                                 "Content keys given to players and packagers.")),
        refused(m.CounterFamily("holdfast_drm_refused_total",
                                "Key requests refused: address, token, channel, period, packager, "
                                "not_loaded.",
                                {"reason"})),
        epochs_ahead(
            m.Gauge("holdfast_drm_epochs_ahead", "Key epochs known that begin in the future.")),
        epochs_given_back(m.Counter("holdfast_drm_epochs_given_back_total",
                                    "Key epochs that the database had lost and got back.")) {}

  telemetry::Counter keys_delivered;
  telemetry::CounterFamily refused;
  telemetry::Gauge epochs_ahead;
  telemetry::Counter epochs_given_back;
};

}  // namespace holdfast::drm

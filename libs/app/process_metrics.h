// holdfast_process_*: what the kernel knows about this process, read from /proc at each scrape.
#pragma once

#include "libs/base/clock.h"
#include "libs/telemetry/metrics.h"

namespace holdfast::app {

void ExportProcessMetrics(telemetry::Metrics& metrics, const Clock& clock);

}  // namespace holdfast::app

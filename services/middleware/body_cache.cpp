#include "services/middleware/body_cache.h"

namespace holdfast::middleware {

std::size_t SizeOf(const Body& body) {
  return (body.plain == nullptr ? 0 : body.plain->size()) +
         (body.gzip == nullptr ? 0 : body.gzip->size());
}

std::size_t SizeOf(const GzipPart& part) { return part.deflated.size(); }

CacheMetrics::CacheMetrics(const std::string& name, telemetry::Metrics& metrics)
    : made(metrics
               .CounterFamily("holdfast_middleware_bodies_made_total",
                              "Lists and guide blocks that had to be rendered.", {"cache"})
               .With({name})),
      bytes(metrics
                .GaugeFamily("holdfast_middleware_body_cache_bytes",
                             "Rendered lists and guide blocks held in memory.", {"cache"})
                .With({name})) {}

}  // namespace holdfast::middleware

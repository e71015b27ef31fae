// The knobs of analytics.
#pragma once

#include <chrono>
#include <cstdint>

#include "libs/config/knobs.h"
#include "libs/storage/pg_pool.h"

namespace holdfast::analytics {

struct Config {
  storage::PgOptions postgres;
  std::chrono::milliseconds flush_interval = std::chrono::milliseconds(500);
  std::int64_t buffer_events = 200'000;
  std::int64_t spool_bytes = 256 << 20;
  std::chrono::milliseconds popularity_interval = std::chrono::seconds(5);
  std::chrono::milliseconds half_life = std::chrono::hours(12);
  std::chrono::milliseconds retention = std::chrono::hours(24 * 90);

  void Describe(config::Knobs& k) {
    using namespace std::chrono_literals;
    k.Group("postgres", postgres);
    k.Duration("flush_interval", flush_interval, {.min = 10ms, .max = 1min},
               "Pause between two writes of accepted events; what a crash may cost.");
    k.Int("buffer_events", buffer_events, {.min = 1000, .max = 10'000'000},
          "Accepted events that may wait in memory; beyond, reporters are asked to wait.");
    k.Int("spool_bytes", spool_bytes, {.min = 1 << 20, .max = 1ll << 40},
          "Room on disk for events while PostgreSQL is away; beyond, events are lost.");
    k.Duration("popularity_interval", popularity_interval, {.min = 100ms, .max = 1h},
               "Pause between two looks at what is popular.");
    k.Duration("half_life", half_life, {.min = 1h, .max = 24h * 30},
               "Time after which a play weighs half as much in the popularity list.");
    k.Duration("retention", retention, {.min = 24h * 7, .max = 24h * 3650},
               "How long sums per minute are kept for reports.");
  }
};

}  // namespace holdfast::analytics

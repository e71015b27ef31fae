// The knobs of epg.
#pragma once

#include <chrono>

#include "libs/config/knobs.h"
#include "libs/storage/pg_pool.h"

namespace holdfast::epg {

struct Config {
  storage::PgOptions postgres;
  std::chrono::milliseconds import_interval = std::chrono::minutes(5);
  std::chrono::milliseconds follow_interval = std::chrono::seconds(1);
  std::chrono::milliseconds history = std::chrono::hours(24 * 8);
  std::chrono::milliseconds horizon = std::chrono::hours(24 * 15);
  double max_shrink = 0.5;

  void Describe(config::Knobs& k) {
    using namespace std::chrono_literals;
    k.Group("postgres", postgres);
    k.Duration("import_interval", import_interval, {.min = 1s, .max = 24h},
               "Pause between two looks at the guide sources; unchanged feeds cost one read.");
    k.Duration("follow_interval", follow_interval, {.min = 100ms, .max = 1min},
               "How often an instance asks the database for guide changes.");
    k.Duration("history", history, {.min = 0s, .max = 24h * 60},
               "How much of the past the guide keeps, for catch-up.");
    k.Duration("horizon", horizon, {.min = 1h, .max = 24h * 60},
               "How much of the future is taken from feeds.");
    k.Real("max_shrink", max_shrink, {.min = 0, .max = 1},
           "Share of its programmes that a feed may lose before an import is refused.");
  }
};

}  // namespace holdfast::epg

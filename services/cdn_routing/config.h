// The knobs of cdn_routing.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "libs/app/app.h"
#include "libs/config/knobs.h"
#include "libs/storage/pg_pool.h"
#include "services/cdn_routing/domain/health_score.h"

namespace holdfast::cdn_routing {

struct Config {
  app::HttpConfig http;
  storage::PgOptions postgres;
  std::string link_secrets_dir;
  std::string play_keys_dir;
  std::chrono::milliseconds link_ttl = std::chrono::hours(12);
  bool links_without_token = true;
  std::chrono::milliseconds inventory_interval = std::chrono::seconds(1);
  std::chrono::milliseconds probe_interval = std::chrono::milliseconds(500);
  std::chrono::milliseconds probe_timeout = std::chrono::milliseconds(400);
  std::chrono::milliseconds probe_slow_after = std::chrono::milliseconds(200);
  std::int64_t probe_failures_to_down = 2;
  std::int64_t probe_successes_to_up = 2;
  std::int64_t degraded_weight_percent = 10;

  void Describe(config::Knobs& k) {
    using namespace std::chrono_literals;
    k.Group("http", http);
    k.Group("postgres", postgres);
    k.Text("link_secrets_dir", link_secrets_dir,
           "Folder of <key id>.key files: the secrets that edges check in links.");
    k.Text("play_keys_dir", play_keys_dir,
           "Folder of the keys of play tokens; empty: no token is accepted.");
    k.Duration("link_ttl", link_ttl, {.min = 1min, .max = 7 * 24h},
               "How long a link stays good; never longer than its play token.");
    k.Bool("links_without_token", links_without_token,
           "Hand out links for clear channels to players without a play token.");
    k.Duration("inventory_interval", inventory_interval, {.min = 100ms, .max = 1min},
               "Pause between two looks for changes of the inventory.");
    k.Duration("probe_interval", probe_interval, {.min = 50ms, .max = 1min},
               "Pause between two probes of an edge.");
    k.Duration("probe_timeout", probe_timeout, {.min = 10ms, .max = 30s},
               "A probe that takes longer has failed.");
    k.Duration("probe_slow_after", probe_slow_after, {.min = 1ms, .max = 30s},
               "A probe that takes longer speaks for a slow edge.");
    k.Int("probe_failures_to_down", probe_failures_to_down, {.min = 1, .max = 100},
          "Failed probes in a row that take an edge out.");
    k.Int("probe_successes_to_up", probe_successes_to_up, {.min = 1, .max = 100},
          "Good probes in a row that bring it back.");
    k.Int("degraded_weight_percent", degraded_weight_percent, {.min = 1, .max = 100},
          "Share of its weight that a slow edge keeps.");
  }

  HealthScore::Options ScoreOptions() const {
    return {.failures_to_down = static_cast<int>(probe_failures_to_down),
            .successes_to_up = static_cast<int>(probe_successes_to_up),
            .slow_after = probe_slow_after,
            .degraded_percent = static_cast<int>(degraded_weight_percent)};
  }
};

}  // namespace holdfast::cdn_routing

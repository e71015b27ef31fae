// The knobs of drm.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "libs/app/app.h"
#include "libs/config/knobs.h"
#include "libs/storage/pg_pool.h"

namespace holdfast::drm {

struct Config {
  storage::PgOptions postgres;
  app::HttpConfig http;
  std::string kek_dir;
  std::string play_keys_dir;
  std::string packager_secret;
  std::chrono::milliseconds period_length = std::chrono::minutes(10);
  std::chrono::milliseconds oldest_key = std::chrono::hours(24 * 8);
  std::chrono::milliseconds epoch_length = std::chrono::hours(24);
  std::int64_t epochs_ahead = 7;
  std::chrono::milliseconds epoch_lead = std::chrono::minutes(2);
  std::chrono::milliseconds refresh_interval = std::chrono::seconds(5);
  std::chrono::milliseconds maintain_interval = std::chrono::seconds(30);

  void Describe(config::Knobs& k) {
    using namespace std::chrono_literals;
    k.Group("postgres", postgres);
    k.Group("http", http);
    k.Text("kek_dir", kek_dir,
           "Folder with <id>.key files (64 hex digits) that wrap the epoch keys; the newest wraps. "
           "Must be set.");
    k.Text("play_keys_dir", play_keys_dir,
           "Folder with the <id>.key files that play tokens are signed with. Must be set.");
    k.Secret("packager_secret", packager_secret,
             "What packagers show to get keys. Empty: no packager gets any.");
    k.Duration("period_length", period_length, {.min = 10s, .max = 24h},
               "How long one content key is used. The same on all instances, for ever.");
    k.Duration("oldest_key", oldest_key, {.min = 1h, .max = 24h * 365},
               "How far back players may ask for keys, for catch-up.");
    k.Duration("epoch_length", epoch_length, {.min = 1h, .max = 24h * 365},
               "How long one epoch key is used.");
    k.Int("epochs_ahead", epochs_ahead, {.min = 1, .max = 365},
          "How many future epochs are kept ready.");
    k.Duration("epoch_lead", epoch_lead, {.min = 10s, .max = 24h},
               "How long before its first use every instance must know an epoch.");
    k.Duration("refresh_interval", refresh_interval, {.min = 500ms, .max = 1min},
               "How often an instance reads the epochs from the database.");
    k.Duration("maintain_interval", maintain_interval, {.min = 1s, .max = 1h},
               "How often one instance looks whether epochs must be made.");
  }
};

}  // namespace holdfast::drm

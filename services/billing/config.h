// The knobs of billing; app::CommonConfig holds those that every service has.
#pragma once

#include <chrono>

#include "libs/app/app.h"
#include "libs/config/knobs.h"
#include "libs/storage/pg_pool.h"
#include "services/billing/gateway.h"
#include "services/billing/jobs_events.h"

namespace holdfast::billing {

struct Config {
  storage::PgOptions postgres;
  std::chrono::milliseconds feed_interval = std::chrono::milliseconds(200);
  std::chrono::milliseconds expiry_interval = std::chrono::minutes(1);

  std::chrono::milliseconds verify_interval = std::chrono::hours(1);

  std::string time_zone = "UTC";

  std::string entitlement_keys;

  std::string dunning_days = "1,7,14";
  GatewayConfig gateway;
  app::HttpConfig http;  // of the gateway's webhook
  WebhookConfig webhook;

  void Describe(config::Knobs& k) {
    using namespace std::chrono_literals;
    k.Group("postgres", postgres);
    k.Duration("feed_interval", feed_interval, {.min = 10ms, .max = 10s},
               "Pause between two looks for entitlements that changed.");
    k.Duration("expiry_interval", expiry_interval, {.min = 100ms, .max = 24h},
               "Pause between two sweeps for subscriptions whose paid time or grace is over.");
    k.Text("entitlement_keys", entitlement_keys,
           "Folder of the Ed25519 keys of which the newest signs entitlements. Read again every "
           "5 s. Empty: they are not signed.");
    k.Text("time_zone", time_zone, "Where the operator's days begin: an IANA name.");
    k.Duration("verify_interval", verify_interval, {.min = 100ms, .max = 24h},
               "Pause between two verifications of the books; each reads all of them.");
    k.Text(
        "dunning_days", dunning_days,
        "Days after the due day of an invoice on which it is collected, where that is set up, and "
        "reminded of while it is open.");
    k.Group("gateway", gateway);
    k.Group("http", http);
    k.Group("webhook", webhook);
  }
};

}  // namespace holdfast::billing

// Knobs of middleware.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "libs/app/app.h"
#include "libs/config/knobs.h"
#include "libs/rpc/channel.h"
#include "libs/storage/pg_pool.h"
#include "libs/storage/redis_pool.h"
#include "services/middleware/apps_config.h"
#include "services/middleware/oss_config.h"
#include "services/middleware/streams_config.h"

namespace holdfast::middleware {

// What boxes are told and how they are treated.
struct PortalConfig {
  std::chrono::milliseconds heartbeat = std::chrono::seconds(120);
  std::chrono::milliseconds link_lifetime = std::chrono::hours(12);
  std::chrono::milliseconds token_lifetime = std::chrono::hours(24 * 365);
  std::int64_t epg_block_hours = 5;
  std::int64_t epg_history_days = 7;
  std::int64_t recording_hours = 20;
  bool auto_register = true;
  std::string default_account;
  std::string unbound_devices = "login";
  std::string default_packages = "basic";
  std::string full_account = "replace";
  bool check_mac_range = true;
  bool check_hardware_id = true;
  bool strict_hardware_id = false;
  std::int64_t registrations_per_address = 120;
  std::int64_t registrations_per_minute = 3000;
  std::int64_t oldest_player = 0;
  bool closed = false;
  std::string closed_message = "The service is being improved.<br>It will be back in a while.";
  bool require_pin = false;
  bool store_token_on_box = true;
  bool subscription_from_box = false;
  std::string time_zone = "UTC";
  std::string locale = "en_GB.utf8";

  void Describe(config::Knobs& k) {
    using namespace std::chrono_literals;
    k.Duration("heartbeat", heartbeat, {.min = 30s, .max = 1h},
               "How often boxes call in to say they live.");
    k.Duration("link_lifetime", link_lifetime, {.min = 1min, .max = 48h},
               "How long a stream link opens: longer than anybody watches one channel.");
    k.Duration("token_lifetime", token_lifetime, {.min = 1h, .max = 24h * 3650},
               "How long a portal token is good; a box that starts gets a new one at half of it.");
    k.Int("epg_block_hours", epg_block_hours, {.min = 1, .max = 168},
          "How much of the guide a box loads at once, in hours.");
    k.Int("epg_history_days", epg_history_days, {.min = 0, .max = 14},
          "Days of the past in the guide's calendar.");
    k.Int("recording_hours", recording_hours, {.min = 0, .max = 10'000},
          "How much a household may have recorded, all recordings together.");
    k.Bool("auto_register", auto_register, "Register a box that is seen for the first time.");
    k.Text("default_account", default_account,
           "Account of boxes that register themselves; empty: none.");
    k.Choice("unbound_devices", unbound_devices, {"login", "empty", "block"},
             "A box without an account: shows the login form, an empty lineup, or is refused.");
    k.Text("default_packages", default_packages,
           "Packages of an account of which billing has never answered, comma separated. One that "
           "billing does not know has none.");
    k.Choice(
        "full_account", full_account, {"replace", "refuse"},
        "A login on one box more than the account may have: the box that joined it longest ago "
        "leaves it, or the login is refused.");
    k.Bool("check_mac_range", check_mac_range, "Refuse MACs outside 00:1A:79.");
    k.Bool("check_hardware_id", check_hardware_id,
           "Refuse a box whose device_id differs from the first one its MAC came with.");
    k.Bool(
        "strict_hardware_id", strict_hardware_id,
        "Refuse also a box that sends no device_id although its MAC came with one before, or "
        "whose device_id2 or serial number differs from the first one. They are counted anyway.");
    k.Int("registrations_per_address", registrations_per_address, {.min = 1, .max = 100'000},
          "Unknown boxes that may be registered from one address in a minute, by each instance. "
          "The balancer has to name the address of the box in X-Real-IP.");
    k.Int("registrations_per_minute", registrations_per_minute, {.min = 0, .max = 1'000'000},
          "Unknown boxes that may be registered in a minute by each instance. 0: no limit, none "
          "for an address either.");
    k.Int("oldest_player", oldest_player, {.min = 0, .max = 1'000'000},
          "Refuse boxes (not MAG200, MAG260) whose player engine has a lower version: 1382 is the "
          "0x566 that Ministra asks for. 0: none.");
    k.Bool("closed", closed,
           "Tell boxes that start that the portal is closed: they ask again each minute and start "
           "when it is open. Running sessions go on.");
    k.Text("closed_message", closed_message, "What they show meanwhile.");
    k.Bool("require_pin", require_pin,
           "Give boxes links to adult channels and films, and to channels that the viewer locked, "
           "only with the PIN, as `pin` or `parent_password`. Boxes that send none cannot play "
           "them then. Apps: see apps_adult_channels.");
    k.Bool("store_token_on_box", store_token_on_box, "Let boxes keep their token over a restart.");
    k.Bool("subscription_from_box", subscription_from_box,
           "Let viewers add and drop optional packages on the box.");
    k.Text("time_zone", time_zone, "Zone of boxes that name none.");
    k.Text("locale", locale, "Locale of boxes that name none.");
  }
};

// The operators' REST API: who may use it, and its port. Without the file there is no port.
struct OperatorsConfig {
  app::HttpConfig http;
  std::string file;

  OperatorsConfig() { http.max_body_bytes = 32 << 20; }

  void Describe(config::Knobs& k) {
    k.Group("http", http);
    k.Text("file", file,
           "Who may use the operators' REST API: lines of a name, a role (viewer, support, editor) "
           "and a token of 32 characters or more. Read again every 5 s. Empty: no such API.");
  }
};

struct Config {
  app::HttpConfig http;
  OperatorsConfig operators;
  PortalConfig portal;
  StreamsConfig streams;
  AppsConfig apps;
  OssConfig oss;
  storage::PgOptions postgres;
  storage::RedisOptions redis;
  rpc::PeerOptions billing;
  rpc::PeerOptions epg;
  rpc::PeerOptions cdn_routing;
  rpc::PeerOptions analytics;
  std::string portal_keys;
  std::string play_keys;
  std::string link_secrets;
  std::string entitlement_keys;
  std::int64_t list_cache_mebibytes = 256;
  std::int64_t guide_cache_mebibytes = 256;
  std::int64_t spool_mebibytes = 256;

  std::uint64_t SpoolBytes() const { return static_cast<std::uint64_t>(spool_mebibytes) << 20; }

  void Describe(config::Knobs& k) {
    k.Group("http", http);
    k.Group("operators", operators);
    k.Group("portal", portal);
    k.Group("streams", streams);
    k.Group("apps", apps);
    k.Group("oss", oss);
    k.Group("postgres", postgres);
    k.Group("redis", redis);
    k.Group("billing", billing);
    k.Group("epg", epg);
    k.Group("cdn_routing", cdn_routing);
    k.Group("analytics", analytics);
    k.Text("portal_keys", portal_keys, "Folder of the Ed25519 keys that sign portal tokens.");
    k.Text("play_keys", play_keys, "Folder of the HMAC keys that sign play tokens.");
    k.Text("link_secrets", link_secrets, "Folder of the secrets by which edges check links.");
    k.Text("entitlement_keys", entitlement_keys,
           "Folder of billing's public keys (KEY_ID.pub). What none of them has signed is not "
           "believed, and what was believed before stays. Read again every 5 s. Empty: "
           "entitlements need no signature.");
    k.Int("list_cache_mebibytes", list_cache_mebibytes, {.min = 1, .max = 65536},
          "Memory for rendered channel lists.");
    k.Int("guide_cache_mebibytes", guide_cache_mebibytes, {.min = 1, .max = 65536},
          "Memory for rendered guide blocks.");
    k.Int("spool_mebibytes", spool_mebibytes, {.min = 1, .max = 65536},
          "Disk for writes and for reports that wait while their destination is away, each.");
  }
};

}  // namespace holdfast::middleware

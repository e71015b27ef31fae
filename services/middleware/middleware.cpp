#include "services/middleware/middleware.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "libs/base/status.h"
#include "services/middleware/entitlements.h"
#include "services/middleware/guide_blocks.h"
#include "services/middleware/jobs.h"
#include "services/middleware/lists.h"
#include "services/middleware/metrics.h"
#include "services/middleware/peers.h"
#include "services/middleware/pg_store.h"
#include "services/middleware/portal_epg.h"
#include "services/middleware/portal_http.h"
#include "services/middleware/portal_itv.h"
#include "services/middleware/portal_stb.h"
#include "services/middleware/portal_watchdog.h"
#include "services/middleware/presence.h"
#include "services/middleware/read_models.h"
#include "services/middleware/reporter.h"
#include "services/middleware/service.h"
#include "services/middleware/sessions.h"
#include "services/middleware/viewer_writes.h"
#include "services/middleware/zones.h"

namespace holdfast::middleware {

std::span<const storage::Migration> Migrations();

namespace {

// What an account of which billing never told counts as having.
SharedEntitlement WhenUnknown(const PortalConfig& config) {
  auto entitlement = std::make_shared<Entitlement>();
  entitlement->packages = PackageSet(absl::StrSplit(config.default_packages, ',', absl::SkipEmpty()));
  return entitlement;
}

}  // namespace

absl::Status Run(const Config& config, app::Runtime& runtime) {
  Metrics metrics(runtime.metrics());
  const Clock& clock = runtime.clock();
  HOLDFAST_ASSIGN_OR_RETURN(const security::KeySet portal_keys,
                            security::KeySet::Load(config.portal_keys));
  HOLDFAST_ASSIGN_OR_RETURN(const security::KeySet play_keys,
                            security::KeySet::Load(config.play_keys));
  const auto link_secrets = placement::LinkSecrets::Load(config.link_secrets);

  // State. Losing PostgreSQL costs new devices and logins; known boxes are served from memory.
  storage::PgPool postgres = runtime.OpenPostgres(config.postgres);
  runtime.MigrateInBackground(postgres, Migrations());
  PgStore store(postgres);
  // Losing Redis costs the knowledge of who is online.
  storage::RedisPool redis = runtime.OpenRedis(config.redis);
  HOLDFAST_ASSIGN_OR_RETURN(const auto write_spool,
                            runtime.OpenSpool("writes", config.spool_mebibytes << 20));
  HOLDFAST_ASSIGN_OR_RETURN(const auto report_spool,
                            runtime.OpenSpool("reports", config.spool_mebibytes << 20));

  // Neighbours: see the table in peers.h. None of them is asked while a box waits for its picture.
  rpc::Channel to_billing = runtime.Connect("billing", config.billing);
  rpc::Channel to_epg = runtime.Connect("epg", config.epg);
  rpc::Channel to_cdn_routing = runtime.Connect("cdn_routing", config.cdn_routing);
  rpc::Channel to_analytics = runtime.Connect("analytics", config.analytics);
  Billing billing(to_billing, {clock, runtime.random()});
  Analytics analytics(to_analytics, {clock, runtime.random()});

  // Read models: all that the portal answers from, in memory and on disk.
  ReadModels models({.lineup = runtime.DataPath("lineup.replica"),
                     .edges = runtime.DataPath("edges.replica"),
                     .guide = runtime.DataPath("guide.replica"),
                     .popularity = runtime.DataPath("popularity.replica")},
                    clock, runtime.metrics());
  DeviceTable devices({.name = "devices", .file = runtime.DataPath("devices.replica")}, clock,
                      runtime.metrics());
  Entitlements entitlements({.file = runtime.DataPath("entitlements.cache")}, clock,
                            runtime.metrics(), billing, runtime.workers());
  DatabaseHealth database;
  DatabaseFollower follower(store, models.lineup_replica(), devices, database, clock);
  ViewerWrites writes(store, devices, *write_spool, database, clock);
  Reporter reporter({.instance = runtime.common().instance_id}, analytics, *report_spool,
                    runtime.metrics());
  Presence presence({.keep_for = std::chrono::duration_cast<std::chrono::seconds>(
                         config.portal.heartbeat * 3 / 2)});
  follower.LoadFromDisk();
  entitlements.LoadFromDisk();
  writes.ShowPending();

  // The portal.
  Sessions sessions(portal_keys, {.token_lifetime = config.portal.token_lifetime},
                    runtime.metrics());
  Zones zones(config.portal.time_zone);
  Lists lists(models, static_cast<std::size_t>(config.list_cache_mebibytes) << 20,
              runtime.metrics());
  GuideBlocks blocks(models, static_cast<std::size_t>(config.guide_cache_mebibytes) << 20,
                     runtime.metrics());
  ActionTable actions;
  StbActions stb(config.portal, {store, database, devices, entitlements, sessions, billing, models,
                                 reporter, zones, metrics, clock});
  ItvActions itv({.zone = runtime.common().zone, .link_lifetime = config.portal.link_lifetime},
                 {models, lists, blocks, writes, reporter, zones, play_keys, link_secrets, metrics});
  EpgActions epg(models, zones, static_cast<int>(config.portal.epg_history_days));
  WatchdogActions watchdog(presence, models, reporter);
  AccountActions account(entitlements, zones);
  stb.AddTo(actions);
  itv.AddTo(actions);
  epg.AddTo(actions);
  watchdog.AddTo(actions);
  account.AddTo(actions);
  PortalHttp portal({actions, devices, entitlements, sessions, store, database, runtime.workers(),
                     metrics, clock},
                    WhenUnknown(config.portal));
  http::Router router;
  portal.AddRoutes(router);
  runtime.ServeHttp(config.http, std::move(router));

  // What operators ask, and what happens unasked.
  Service service(store, devices, models, metrics, clock);
  runtime.Serve(service);
  runtime.Follow(to_cdn_routing, models.edges_replica());
  runtime.Follow(to_epg, models.guide_replica());
  runtime.Follow(to_billing, entitlements.feed());
  runtime.Follow(to_analytics, models.popularity_replica());
  AddJobs(runtime, {follower, writes, reporter, presence, redis, entitlements});

  runtime.metrics().GaugeFrom("holdfast_middleware_devices", "Devices known to this instance.",
                              [&] { return static_cast<double>(devices.size()); });
  runtime.metrics().GaugeFrom(
      "holdfast_middleware_channels", "Channels of the lineup that this instance serves.",
      [&] { return static_cast<double>(models.lineup()->channels().size()); });
  runtime.ReportDependency("postgres", [&](Deadline d) { return postgres.Ping(d); });
  runtime.ReportDependency("redis", [&](Deadline d) { return redis.Ping(d); });
  runtime.ReadyWhen("a lineup and the devices, from PostgreSQL or from disk", [&] {
    return models.lineup_replica().loaded() && devices.loaded();
  });
  return runtime.RunUntilStopped();
}

}  // namespace holdfast::middleware

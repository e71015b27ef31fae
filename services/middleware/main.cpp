// Middleware: devices, lineup, portal sessions; the portal that set-top boxes talk to. Owns golden
// data (devices, favourites, lineup). Start reading at domain/, then portal_http.h, then
// assembly.h.

#include <span>

#include "libs/app/app.h"
#include "libs/base/status.h"
#include "services/middleware/assembly.h"
#include "services/middleware/config.h"

namespace holdfast::middleware {

std::span<const storage::Migration> Migrations();

absl::Status Run(const Config& config, app::Runtime& runtime) {
  HOLDFAST_ASSIGN_OR_RETURN(Keys keys, Keys::Load(config));

  // State. Losing PostgreSQL costs new devices and logins; known boxes are served from memory.
  // Losing Redis costs the knowledge of who is online.
  storage::PgPool postgres = runtime.OpenPostgres(config.postgres);
  storage::RedisPool redis = runtime.OpenRedis(config.redis);
  HOLDFAST_ASSIGN_OR_RETURN(const auto writes, runtime.OpenSpool("writes", config.SpoolBytes()));
  HOLDFAST_ASSIGN_OR_RETURN(const auto settings,
                            runtime.OpenSpool("settings", config.SpoolBytes()));
  HOLDFAST_ASSIGN_OR_RETURN(const auto viewers,
                            runtime.OpenSpool("viewer_items", config.SpoolBytes()));
  HOLDFAST_ASSIGN_OR_RETURN(const auto reports, runtime.OpenSpool("reports", config.SpoolBytes()));
  HOLDFAST_ASSIGN_OR_RETURN(const auto hooks, runtime.OpenSpool("hooks", config.SpoolBytes()));

  // Neighbours: see the table in peers.h. None of them is asked while a box waits for its picture.
  rpc::Channel to_billing = runtime.Connect("billing", config.billing);
  rpc::Channel to_epg = runtime.Connect("epg", config.epg);
  rpc::Channel to_cdn_routing = runtime.Connect("cdn_routing", config.cdn_routing);
  rpc::Channel to_analytics = runtime.Connect("analytics", config.analytics);

  Assembly middleware(config, std::move(keys),
                      {postgres, redis, *writes, *settings, *viewers, *reports, *hooks, to_billing,
                       to_epg, to_analytics, runtime.workers(), runtime.metrics(), runtime.clock(),
                       runtime.random(), runtime.common().instance_id, runtime.common().zone,
                       [&](std::string_view name) { return runtime.DataPath(name); }});

  // What middleware offers, what it follows, and what it does unasked.
  http::Router router;
  middleware.AddRoutes(router);
  runtime.ServeHttp(config.http, std::move(router));
  if (!config.operators.file.empty()) {
    HOLDFAST_RETURN_IF_ERROR(middleware.operators().Load());
    http::Router operators;
    middleware.AddAdminRoutes(operators);
    runtime.ServeHttp(config.operators.http, std::move(operators));
  }
  runtime.Serve(middleware.service());
  runtime.Follow(to_cdn_routing, middleware.models().edges_replica());
  runtime.Follow(to_epg, middleware.models().guide_replica());
  runtime.Follow(to_billing, middleware.entitlements().feed());
  runtime.Follow(to_billing, middleware.models().packages_replica());
  runtime.Follow(to_analytics, middleware.models().popularity_replica());
  for (Job& job : middleware.Jobs()) runtime.Repeat(job.name, job.interval, std::move(job.body));
  runtime.MigrateInBackground(postgres, Migrations());

  runtime.ReportDependency("postgres", [&](Deadline d) { return postgres.Ping(d); });
  runtime.ReportDependency("redis", [&](Deadline d) { return redis.Ping(d); });
  runtime.ReadyWhen("a lineup and the devices, from PostgreSQL or from disk",
                    [&] { return middleware.ready(); });
  return runtime.RunUntilStopped();
}

}  // namespace holdfast::middleware

int main(int argc, char** argv) {
  return holdfast::app::Main<holdfast::middleware::Config>(argc, argv, "middleware",
                                                           holdfast::middleware::Run);
}

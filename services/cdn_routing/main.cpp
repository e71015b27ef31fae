// cdn_routing: which edges there are, which of them live, and where a player should fetch a
// channel. Owns golden data: the CDN inventory. Start reading at domain/, then edge_board.h, then
// service.cpp.

#include "libs/app/app.h"
#include "services/cdn_routing/config.h"
#include "services/cdn_routing/edge_board.h"
#include "services/cdn_routing/edge_prober.h"
#include "services/cdn_routing/jobs.h"
#include "services/cdn_routing/metrics.h"
#include "services/cdn_routing/pg_store.h"
#include "services/cdn_routing/routing_http.h"
#include "services/cdn_routing/service.h"

namespace holdfast::cdn_routing {

absl::Status Run(const Config& config, app::Runtime& runtime) {
  Metrics metrics(runtime.metrics());

  // Keys. A folder that is named but cannot be read stops the start: links would all be refused.
  const auto secrets = placement::LinkSecrets::Load(config.link_secrets_dir);
  security::KeySet play_keys;
  if (!config.play_keys_dir.empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(play_keys, security::KeySet::Load(config.play_keys_dir));
  }

  // State. Losing the database costs changes of the inventory, never an edge.
  storage::PgPool postgres = runtime.OpenPostgres(config.postgres);
  PgStore store(postgres);

  // The edge table: inventory and probes, published to whoever follows.
  replica::Publication publication({.name = "edges"});
  EdgeBoard board(config.ScoreOptions(), publication, metrics, runtime.clock());
  EdgeProber prober(
      {.interval = config.probe_interval, .timeout = config.probe_timeout}, runtime.random(),
      [&](const EdgeId& id, const HealthScore::Probe& probe) { board.Observe(id, probe); });
  const auto on_change = [&](const Inventory& inventory) {
    board.SetInventory(inventory);
    prober.SetTargets(Place(inventory));
  };
  InventoryFollower inventory(store, runtime.DataPath("inventory.snapshot"), on_change, metrics,
                              runtime.clock());
  inventory.LoadFromDisk();

  // What cdn_routing offers, and what it does unasked.
  Service service(store, inventory, board);
  RoutingHttp routing(
      {runtime.common().zone, config.link_ttl, config.links_without_token},
      {board, secrets, play_keys, metrics, runtime.clock(), [&] { return inventory.age(); }});
  runtime.MigrateInBackground(postgres, Migrations());
  runtime.Serve(service);
  runtime.Publish(publication);
  runtime.ServeHttp(config.http, routing.Routes());
  runtime.Repeat("inventory", config.inventory_interval,
                 [&](Deadline deadline) { return inventory.Refresh(deadline); });
  runtime.ReportDependency("postgres", [&](Deadline deadline) { return postgres.Ping(deadline); });
  runtime.ReadyWhen("inventory", [&] { return inventory.known(); });
  return runtime.RunUntilStopped();
}

}  // namespace holdfast::cdn_routing

int main(int argc, char** argv) {
  return holdfast::app::Main<holdfast::cdn_routing::Config>(argc, argv, "cdn_routing",
                                                            holdfast::cdn_routing::Run);
}

// Analytics: what was played, where it failed, what is popular. Owns no golden data: losing all of
// it costs reports and the order of recommendations. Start reading at domain/, then store.h, then
// jobs.h.

#include "libs/app/app.h"
#include "services/analytics/config.h"
#include "services/analytics/jobs.h"
#include "services/analytics/metrics.h"
#include "services/analytics/pg_store.h"
#include "services/analytics/service.h"

namespace holdfast::analytics {

std::span<const storage::Migration> Migrations();

absl::Status Run(const Config& config, app::Runtime& runtime) {
  Metrics metrics(runtime.metrics());

  // State. Losing PostgreSQL costs reports; events wait on disk, the popularity list stays.
  storage::PgPool postgres = runtime.OpenPostgres(config.postgres);
  runtime.MigrateInBackground(postgres, Migrations());
  PgStore store(postgres);
  HOLDFAST_ASSIGN_OR_RETURN(
      const std::unique_ptr<storage::DiskSpool> spool,
      runtime.OpenSpool("events", static_cast<std::uint64_t>(config.spool_bytes)));
  EventBuffer buffer({.max_events = static_cast<std::size_t>(config.buffer_events)});
  PopularityList popularity(runtime.DataPath("popularity.replica"), runtime.clock(),
                            runtime.metrics());
  popularity.Load();

  // What analytics offers.
  Service service(
      {.popularity_stale_after = config.popularity_interval * 3 + std::chrono::seconds(5)}, buffer,
      popularity, store, metrics, runtime.clock());
  runtime.Serve(service);
  runtime.Publish(popularity.publication());

  // What it does unasked.
  Flush flush(buffer, store, *spool, metrics);
  RenewPopularity renewal(store, popularity, metrics, runtime.clock(), config.half_life);
  RemoveOld removal(store, runtime.clock(), config.retention);
  runtime.Repeat("flush", config.flush_interval, [&](Deadline d) { return flush.Run(d); });
  runtime.Repeat("renew_popularity", config.popularity_interval,
                 [&](Deadline d) { return renewal.Run(d); });
  runtime.RepeatOnOneInstance("remove_old", config.postgres, std::chrono::minutes(10),
                              [&](Deadline d) { return removal.Run(d); });

  runtime.ReportDependency("postgres", [&](Deadline d) { return postgres.Ping(d); });
  const absl::Status stopped = runtime.RunUntilStopped();
  // What was accepted while draining; its error is the spool's business, not the caller's.
  flush.Run(Deadline::After(std::chrono::seconds(3))).IgnoreError();
  return stopped;
}

}  // namespace holdfast::analytics

int main(int argc, char** argv) {
  return holdfast::app::Main<holdfast::analytics::Config>(argc, argv, "analytics",
                                                          holdfast::analytics::Run);
}

// EPG: what is on. Reads guides, mends them, keeps them, and pushes them to whoever shows them.
// The guide is rebuildable; the list of its sources is golden.
// Start reading at domain/, then store.h, then importer.h.

#include "libs/app/app.h"
#include "services/epg/config.h"
#include "services/epg/importer.h"
#include "services/epg/jobs.h"
#include "services/epg/metrics.h"
#include "services/epg/pg_store.h"
#include "services/epg/service.h"

namespace holdfast::epg {

std::span<const storage::Migration> Migrations();

absl::Status Run(const Config& config, app::Runtime& runtime) {
  Metrics metrics(runtime.metrics());

  // State. Losing PostgreSQL costs new imports; the guide stays in memory and on disk.
  storage::PgPool postgres = runtime.OpenPostgres(config.postgres);
  runtime.MigrateInBackground(postgres, Migrations());
  PgStore store(postgres);
  Guide guide({.name = "guide", .file = runtime.DataPath("guide.replica"), .refuse_shrink_below = 0},
              runtime.clock(), runtime.metrics());
  guide.LoadFromDisk().IgnoreError();  // no copy yet: the database fills it

  // What epg offers.
  replica::Publication publication({.name = "guide", .epoch = "epg"});
  Importer importer(store, metrics, runtime.clock(),
                    {.history = config.history, .horizon = config.horizon, .max_shrink = config.max_shrink});
  Service service(guide, store, importer, runtime.clock());
  runtime.Serve(service);
  runtime.Publish(publication);

  // What it does unasked.
  FollowDatabase follow(store, guide, publication, metrics);
  follow.PublishLoaded();
  ImportSources imports(store, importer);
  RemoveOldDays removal(store, runtime.clock(), config.history);
  runtime.Repeat("follow_database", config.follow_interval, [&](Deadline d) { return follow.Run(d); });
  runtime.RepeatOnOneInstance("import_sources", config.postgres, config.import_interval,
                              [&](Deadline d) { return imports.Run(d); });
  runtime.RepeatOnOneInstance("remove_old_days", config.postgres, std::chrono::hours(1),
                              [&](Deadline d) { return removal.Run(d); });

  runtime.ReportDependency("postgres", [&](Deadline d) { return postgres.Ping(d); });
  return runtime.RunUntilStopped();
}

}  // namespace holdfast::epg

int main(int argc, char** argv) {
  return holdfast::app::Main<holdfast::epg::Config>(argc, argv, "epg", holdfast::epg::Run);
}

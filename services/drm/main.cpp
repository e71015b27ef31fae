// DRM: the keys of encrypted channels. Derives them from epochs that every instance holds, so a key
// request needs nobody. Owns golden data: the epochs.
// Start reading at domain/, then epoch_keeper.h, then key_http.h.

#include "libs/app/app.h"
#include "libs/base/status.h"
#include "libs/security/key_set.h"
#include "libs/telemetry/log.h"
#include "services/drm/config.h"
#include "services/drm/epoch_keeper.h"
#include "services/drm/epoch_maker.h"
#include "services/drm/jobs.h"
#include "services/drm/key_http.h"
#include "services/drm/metrics.h"
#include "services/drm/pg_store.h"
#include "services/drm/play_keys.h"
#include "services/drm/service.h"

namespace holdfast::drm {

std::span<const storage::Migration> Migrations();

namespace {

std::chrono::seconds Seconds(std::chrono::milliseconds duration) {
  return std::chrono::floor<std::chrono::seconds>(duration);
}

}  // namespace

absl::Status Run(const Config& config, app::Runtime& runtime) {
  Metrics metrics(runtime.metrics());
  const Periods periods(Seconds(config.period_length));

  // Secrets. Without them there is nothing to serve: the start fails and says which file.
  absl::StatusOr<security::KeySet> keks = security::KeySet::Load(config.kek_dir);
  if (!keks.ok()) return Annotate(keks.status(), "kek_dir");
  PlayKeys play_keys(config.play_keys_dir);
  HOLDFAST_RETURN_IF_ERROR(Annotate(play_keys.Reload(), "play_keys_dir"));

  // State. Losing PostgreSQL costs new epochs, and those are made days ahead.
  EpochKeeper epochs(*std::move(keks), runtime.DataPath("epochs.snapshot"));
  const absl::Status from_disk = epochs.LoadFromDisk();
  Log(telemetry::Info, "epochs on disk", {{"state", ToString(from_disk)}});
  storage::PgPool postgres = runtime.OpenPostgres(config.postgres);
  PgStore store(postgres);
  EpochMaker maker(store, epochs,
                   {.epoch_length = Seconds(config.epoch_length),
                    .epochs_ahead = static_cast<int>(config.epochs_ahead),
                    .lead = Seconds(config.epoch_lead)},
                   periods, runtime.clock(), metrics);
  runtime.MigrateInBackground(postgres, Migrations());

  // What drm offers, and what it does unasked.
  Service service(epochs, maker);
  KeyHttp key_http({.periods = periods,
                    .policy = {.oldest = Seconds(config.oldest_key)},
                    .packager_secret = config.packager_secret},
                   epochs, play_keys, runtime.clock(), runtime.workers(), metrics);
  http::Router router;
  key_http.AddTo(router);
  runtime.Serve(service);
  runtime.ServeHttp(config.http, std::move(router));

  RefreshJob refresh(maker, play_keys);
  MaintainJob maintain(maker);
  runtime.Repeat("refresh_epochs", config.refresh_interval,
                 [&](Deadline deadline) { return refresh.Run(deadline); });
  runtime.RepeatOnOneInstance("maintain_epochs", config.postgres, config.maintain_interval,
                              [&](Deadline deadline) { return maintain.Run(deadline); });
  runtime.ReportDependency("postgres", [&](Deadline deadline) { return postgres.Ping(deadline); });
  runtime.ReadyWhen("key epochs read from PostgreSQL or from disk",
                    [&] { return epochs.loaded(); });
  return runtime.RunUntilStopped();
}

}  // namespace holdfast::drm

int main(int argc, char** argv) {
  return holdfast::app::Main<holdfast::drm::Config>(argc, argv, "drm", holdfast::drm::Run);
}

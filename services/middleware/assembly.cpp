#include "services/middleware/assembly.h"

#include <memory>
#include <utility>

#include "absl/strings/str_split.h"
#include "libs/base/status.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMebibyte = 1 << 20;

// What an account of which billing never told counts as having.
SharedEntitlement WhenUnknown(const PortalConfig& config) {
  auto entitlement = std::make_shared<Entitlement>();
  const std::vector<std::string> packages =
      absl::StrSplit(config.default_packages, ',', absl::SkipEmpty());
  entitlement->packages = PackageSet(packages);
  return entitlement;
}

absl::StatusOr<security::KeySet> LoadKeys(std::string_view knob, const std::string& folder) {
  auto keys = security::KeySet::Load(folder);
  if (!keys.ok()) return Annotate(keys.status(), knob);
  return keys;
}

}  // namespace

absl::StatusOr<Keys> Keys::Load(const Config& config) {
  Keys keys;
  HOLDFAST_ASSIGN_OR_RETURN(keys.portal, LoadKeys("portal_keys", config.portal_keys));
  HOLDFAST_ASSIGN_OR_RETURN(keys.play, LoadKeys("play_keys", config.play_keys));
  keys.links = placement::LinkSecrets::Load(config.link_secrets);
  return keys;
}

Assembly::Assembly(const Config& config, Keys keys, const Surroundings& around)
    : keys_(std::move(keys)),
      metrics_(around.metrics),
      store_(around.postgres),
      operator_log_store_(around.postgres),
      operator_log_(operator_log_store_, around.clock),
      billing_(around.billing, {around.clock, around.random}),
      analytics_(around.analytics, {around.clock, around.random}),
      redis_(around.redis),
      models_({.lineup = around.data_path("lineup.replica"),
               .edges = around.data_path("edges.replica"),
               .guide = around.data_path("guide.replica"),
               .popularity = around.data_path("popularity.replica"),
               .catalogue = around.data_path("catalogue.replica")},
              around.clock, around.metrics),
      devices_({.name = "devices", .file = around.data_path("devices.replica")}, around.clock,
               around.metrics),
      entitlements_({.file = around.data_path("entitlements.cache")}, around.clock, around.metrics,
                    billing_, around.workers),
      events_(around.data_path("box_events.replica"), around.clock, around.metrics),
      follower_(store_, models_.lineup_replica(), devices_, events_, models_.catalogue_replica(),
                database_, around.clock),
      writes_(store_, devices_, {around.write_spool, around.settings_spool}, database_,
              around.clock),
      viewers_({.file = around.data_path("viewers.cache"), .instance = around.instance}, store_,
               around.viewer_spool, database_, around.workers, around.clock, around.metrics),
      reporter_({.instance = around.instance}, analytics_, around.report_spool, around.metrics),
      presence_({.keep_for = std::chrono::duration_cast<std::chrono::seconds>(
                     config.portal.heartbeat * 3 / 2)}),
      sessions_(keys_.portal, {.token_lifetime = config.portal.token_lifetime}, around.metrics),
      zones_(config.portal.time_zone),
      lists_(models_, static_cast<std::size_t>(config.list_cache_mebibytes) * kMebibyte,
             around.metrics),
      blocks_(models_, static_cast<std::size_t>(config.guide_cache_mebibytes) * kMebibyte,
              around.metrics),
      links_({.zone = around.zone, .lifetime = config.portal.link_lifetime}, models_, keys_.play,
             keys_.links),
      stb_(config.portal, {store_, database_, devices_, entitlements_, sessions_, billing_, models_,
                           writes_, reporter_, zones_, metrics_, around.clock}),
      settings_(config.portal, writes_, around.clock),
      itv_({models_, lists_, blocks_, writes_, reporter_, zones_, links_, metrics_}),
      epg_(models_, zones_, static_cast<int>(config.portal.epg_history_days)),
      archive_(models_, links_, metrics_),
      watchdog_({presence_, models_, reporter_, events_, writes_}),
      history_(models_, viewers_),
      reminders_(models_, viewers_, zones_),
      keepsakes_(viewers_),
      vod_({models_, links_, viewers_, reporter_, zones_, metrics_}),
      radio_(models_, viewers_),
      account_(entitlements_, zones_),
      portal_({actions_, devices_, entitlements_, sessions_, store_, database_, around.workers,
               metrics_, around.clock},
              WhenUnknown(config.portal)),
      apps_(config.apps, around.data_path("app_logins.cache"), WhenUnknown(config.portal),
            {around.postgres, billing_, database_, keys_.portal, store_, sessions_, devices_,
             writes_, viewers_, events_, entitlements_, models_, links_, reporter_, around.workers,
             metrics_, around.metrics, around.clock}),
      service_({store_, devices_, entitlements_, models_, events_, operator_log_, metrics_,
                around.clock},
               config.portal.heartbeat),
      operators_(config.operators.file),
      admin_(service_, store_),
      admin_api_({admin_, operators_, operator_log_store_, around.workers, around.clock}) {
  stb_.AddTo(actions_);
  settings_.AddTo(actions_);
  itv_.AddTo(actions_);
  epg_.AddTo(actions_);
  archive_.AddTo(actions_);
  watchdog_.AddTo(actions_);
  history_.AddTo(actions_);
  reminders_.AddTo(actions_);
  keepsakes_.AddTo(actions_);
  vod_.AddTo(actions_);
  radio_.AddTo(actions_);
  account_.AddTo(actions_);
  follower_.LoadFromDisk();
  entitlements_.LoadFromDisk();
  writes_.ShowPending();
  viewers_.LoadFromDisk();
}

std::vector<Job> Assembly::Jobs() {
  std::vector<Job> jobs = {
      {"follow_database", 1s,
       [this](Deadline d) {
         const absl::Status followed = follower_.Follow(d);
         CountWhatIsHeld();
         return followed;
       }},
      {"viewer_writes", 500ms, [this](Deadline d) { return writes_.Flush(d); }},
      {"viewer_items", 500ms, [this](Deadline d) { return viewers_.Flush(d); }},
      {"event_receipts", 500ms,
       [this](Deadline d) {
         return database_.usable() ? events_.Flush(store_, d) : absl::OkStatus();
       }},
      {"save_viewers", 30s, [this](Deadline) { return viewers_.SaveToDisk(); }},
      {"reports", 500ms, [this](Deadline d) { return reporter_.Deliver(d); }},
      {"presence", 3s,
       [this](Deadline d) {
         presence_.Flush(redis_, d.AtMost(2s)).IgnoreError();  // the pool counts its errors
         return absl::OkStatus();
       }},
      {"operators", 5s, [this](Deadline) { return operators_.Load(); }},
      {"save_entitlements", 5s, [this](Deadline) { return entitlements_.SaveToDisk(); }},
  };
  for (Job& job : apps_.Jobs()) jobs.push_back(std::move(job));
  return jobs;
}

void Assembly::CountWhatIsHeld() {
  metrics_.devices.Set(static_cast<double>(devices_.size()));
  metrics_.channels.Set(static_cast<double>(models_.lineup()->channels().size()));
}

bool Assembly::ready() const { return models_.has_lineup() && devices_.loaded(); }

}  // namespace holdfast::middleware

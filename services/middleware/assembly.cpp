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
  if (!config.entitlement_keys.empty()) {
    const auto billing = LoadKeys("entitlement_keys", config.entitlement_keys);
    HOLDFAST_RETURN_IF_ERROR(billing.status());
  }
  keys.links = placement::LinkSecrets::Load(config.link_secrets);
  if (config.oss.enabled) {
    auto credentials = OssCredentials::Load(config.oss.credentials);
    if (!credentials.ok()) return Annotate(credentials.status(), "oss_credentials");
    keys.oss = *std::move(credentials);
  }
  HOLDFAST_RETURN_IF_ERROR(config.oss.CheckHooks());
  return keys;
}

Assembly::Assembly(const Config& config, Keys keys, const Surroundings& around)
    : keys_(std::move(keys)),
      boxes_give_way_(config.portal.full_account == "replace"),
      clock_(around.clock),
      metrics_(around.metrics),
      store_(around.postgres),
      audit_store_(around.postgres),
      audit_(audit_store_, around.clock),
      billing_(around.billing, {around.clock, around.random}),
      billing_office_(around.billing, {around.clock, around.random}),
      desk_(billing_office_),
      analytics_(around.analytics, {around.clock, around.random}),
      models_({.lineup = around.data_path("lineup.replica"),
               .edges = around.data_path("edges.replica"),
               .guide = around.data_path("guide.replica"),
               .popularity = around.data_path("popularity.replica"),
               .catalogue = around.data_path("catalogue.replica"),
               .packages = around.data_path("packages.replica")},
              around.clock, around.metrics),
      devices_({.name = "devices", .file = around.data_path("devices.replica")}, around.clock,
               around.metrics),
      notes_(around.data_path("account_notes.replica"), store_, around.clock, around.metrics),
      billing_keys_(config.entitlement_keys, security::KeyFolder::Need::kToVerify),
      entitlements_({.file = around.data_path("entitlements.kept"),
                     .older_file = around.data_path("entitlements.cache")},
                    {around.clock, around.metrics, billing_, notes_, around.workers, billing_keys_,
                     keys_.portal}),
      rentals_(billing_office_, entitlements_),
      events_(around.data_path("box_events.replica"), around.clock, around.metrics),
      follower_(store_, models_.lineup_replica(), devices_, events_, models_.catalogue_replica(),
                notes_.replica(), database_, around.clock),
      writes_(store_, devices_, {around.write_spool, around.settings_spool}, database_,
              around.clock),
      viewers_({.file = around.data_path("viewers.cache"), .instance = around.instance}, store_,
               around.viewer_spool, database_, around.workers, around.clock, around.metrics),
      reporter_({.instance = around.instance}, analytics_, around.report_spool, around.metrics),
      presence_({.online_for = std::chrono::duration_cast<std::chrono::seconds>(
                     config.portal.heartbeat * 3 / 2)},
                around.redis),
      streams_(config.streams.Options(config.portal.heartbeat, !config.redis.address.empty()),
               around.clock, around.metrics),
      stream_sync_(around.instance, streams_, around.redis, around.clock),
      stream_gate_(streams_, devices_),
      sender_(store_, around.clock, config.portal.heartbeat),
      oss_(config.oss, keys_.oss,
           {audit_,
            billing_office_,
            desk_,
            around.epg,
            {around.clock, around.random},
            around.hook_spool,
            store_,
            devices_,
            entitlements_,
            notes_,
            writes_,
            sender_,
            models_,
            links_,
            presence_,
            around.workers,
            metrics_,
            around.metrics,
            around.clock}),
      sessions_(keys_.portal, {.token_lifetime = config.portal.token_lifetime}, around.metrics),
      zones_(config.portal.time_zone),
      lists_(models_, static_cast<std::size_t>(config.list_cache_mebibytes) * kMebibyte,
             around.metrics),
      blocks_(models_, static_cast<std::size_t>(config.guide_cache_mebibytes) * kMebibyte,
              around.metrics),
      links_({.zone = around.zone, .lifetime = config.portal.link_lifetime}, models_, keys_.play,
             keys_.links),
      guard_(config.portal, around.metrics, around.clock),
      pins_(config.portal.require_pin, around.clock),
      stb_(config.portal,
           {store_, database_, devices_, entitlements_, sessions_, billing_, models_, writes_,
            reporter_, streams_, oss_.hooks(), zones_, guard_, metrics_, around.clock}),
      settings_(config.portal, writes_, around.clock),
      itv_({models_, lists_, blocks_, writes_, viewers_, reporter_, zones_, links_, stream_gate_,
            metrics_}),
      epg_(models_, viewers_, zones_, static_cast<int>(config.portal.epg_history_days)),
      archive_(models_, links_, stream_gate_, metrics_),
      recordings_({.seconds = config.portal.recording_hours * 3600},
                  {models_, viewers_, archive_, zones_}),
      watchdog_({presence_, models_, reporter_, events_, writes_, streams_}),
      history_(models_, viewers_),
      reminders_(models_, viewers_, zones_),
      keepsakes_(viewers_),
      vod_({models_, lists_, links_, stream_gate_, viewers_, reporter_, zones_, metrics_}),
      radio_({models_, lists_, viewers_}),
      account_(config.portal,
               {entitlements_, devices_, desk_, rentals_, sender_, oss_.hooks(), models_, zones_}),
      portal_({actions_, devices_, entitlements_, sessions_, store_, database_, around.workers,
               guard_, pins_, metrics_, around.clock},
              WhenUnknown(config.portal)),
      apps_(config.apps, around.data_path("app_logins.cache"), WhenUnknown(config.portal),
            {around.postgres, billing_,       database_,   keys_.portal, store_,    sessions_,
             devices_,        writes_,        viewers_,    events_,      notes_,    entitlements_,
             rentals_,        models_,        links_,      stream_gate_, reporter_, around.workers,
             metrics_,        around.metrics, around.clock}),
      service_({store_, devices_, entitlements_, models_, events_, stream_gate_, audit_, metrics_,
                around.clock},
               sender_),
      operators_(config.operators.file),
      admin_(service_, store_),
      admin_api_({admin_, operators_, audit_store_, around.workers, around.clock}) {
  devices_.WhenLeft([this](const Device& d) { streams_.GiveBack(d.account, d.mac); });
  stb_.AddTo(actions_);
  settings_.AddTo(actions_);
  itv_.AddTo(actions_);
  epg_.AddTo(actions_);
  archive_.AddTo(actions_);
  recordings_.AddTo(actions_);
  watchdog_.AddTo(actions_);
  history_.AddTo(actions_);
  reminders_.AddTo(actions_);
  keepsakes_.AddTo(actions_);
  vod_.AddTo(actions_);
  radio_.AddTo(actions_);
  account_.AddTo(actions_);
  follower_.LoadFromDisk();
  lists_.Prepare();
  ReloadBillingKeys().IgnoreError();  // Keys::Load has just read them; the job tells of errors
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
         lists_.Prepare();
         return followed;
       }},
      {"viewer_writes", 500ms, [this](Deadline d) { return writes_.Flush(d); }},
      {"viewer_items", 500ms, [this](Deadline d) { return viewers_.Flush(d); }},
      {"event_receipts", 500ms,
       [this](Deadline d) {
         return database_.usable() ? events_.Flush(store_, d) : absl::OkStatus();
       }},
      {"forget_removed_items", 1h, [this](Deadline d) { return viewers_.ForgetRemoved(d); }},
      {"save_viewers", 30s, [this](Deadline) { return viewers_.SaveToDisk(); }},
      {"reports", 500ms, [this](Deadline d) { return reporter_.Deliver(d); }},
      {"presence", 3s,
       [this](Deadline d) {
         presence_.Flush(clock_.Now(), d.AtMost(2s)).IgnoreError();  // the pool counts its errors
         return absl::OkStatus();
       }},
      {"stream_slots", 500ms,
       [this](Deadline d) {
         if (streams_.options().shared) {
           stream_sync_.Exchange(d.AtMost(2s)).IgnoreError();  // the pool counts its errors
         }
         return absl::OkStatus();
       }},
      {"forget_stream_slots", 1s,
       [this](Deadline) {
         streams_.Sweep();
         return absl::OkStatus();
       }},
      {"operators", 5s, [this](Deadline) { return operators_.Load(); }},
      {"entitlement_keys", 5s, [this](Deadline) { return ReloadBillingKeys(); }},
      {"trim_accounts", 1s, [this](Deadline d) { return TrimAccounts(d); }},
      {"save_entitlements", 5s, [this](Deadline) { return entitlements_.SaveToDisk(); }},
  };
  for (Job& job : apps_.Jobs()) jobs.push_back(std::move(job));
  for (Job& job : oss_.Jobs()) jobs.push_back(std::move(job));
  return jobs;
}

// A tariff that allows fewer boxes than the account has: those that joined first leave it, as with
// a login on one box more. Every instance hears of it; the second finds nothing to do.
absl::Status Assembly::TrimAccounts(Deadline deadline) {
  if (!database_.usable()) return absl::OkStatus();  // what is noted stays noted
  const auto shrunk = entitlements_.TakeShrunk();
  if (!boxes_give_way_) return absl::OkStatus();
  absl::Status status;
  for (const auto& [account, limit] : shrunk) {
    absl::StatusOr<std::vector<Device>> released = std::vector<Device>();
    if (status.ok()) released = store_.Trim(deadline, account, limit);
    if (status.ok() && released.ok()) {
      for (Device& device : *released) devices_.Put(std::move(device));
    } else {
      if (status.ok()) status = released.status();
      entitlements_.PutBackShrunk(account, limit);  // for the next round
    }
  }
  return status;
}

absl::Status Assembly::ReloadBillingKeys() {
  return Annotate(billing_keys_.Reload(), "entitlement_keys");
}

void Assembly::CountWhatIsHeld() {
  metrics_.devices.Set(static_cast<double>(devices_.size()));
  metrics_.channels.Set(static_cast<double>(models_.lineup()->channels().size()));
}

bool Assembly::ready() const { return models_.has_lineup() && devices_.loaded(); }

}  // namespace holdfast::middleware

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
      billing_(around.billing, {around.clock, around.random}),
      analytics_(around.analytics, {around.clock, around.random}),
      redis_(around.redis),
      models_({.lineup = around.data_path("lineup.replica"),
               .edges = around.data_path("edges.replica"),
               .guide = around.data_path("guide.replica"),
               .popularity = around.data_path("popularity.replica")},
              around.clock, around.metrics),
      devices_({.name = "devices", .file = around.data_path("devices.replica")}, around.clock,
               around.metrics),
      entitlements_({.file = around.data_path("entitlements.cache")}, around.clock, around.metrics,
                    billing_, around.workers),
      follower_(store_, models_.lineup_replica(), devices_, database_, around.clock),
      writes_(store_, devices_, around.write_spool, database_, around.clock),
      reporter_({.instance = around.instance}, analytics_, around.report_spool, around.metrics),
      presence_({.keep_for = std::chrono::duration_cast<std::chrono::seconds>(
                     config.portal.heartbeat * 3 / 2)}),
      sessions_(keys_.portal, {.token_lifetime = config.portal.token_lifetime}, around.metrics),
      zones_(config.portal.time_zone),
      lists_(models_, static_cast<std::size_t>(config.list_cache_mebibytes) * kMebibyte,
             around.metrics),
      blocks_(models_, static_cast<std::size_t>(config.guide_cache_mebibytes) * kMebibyte,
              around.metrics),
      stb_(config.portal, {store_, database_, devices_, entitlements_, sessions_, billing_, models_,
                           reporter_, zones_, metrics_, around.clock}),
      itv_({.zone = around.zone, .link_lifetime = config.portal.link_lifetime},
           {models_, lists_, blocks_, writes_, reporter_, zones_, keys_.play, keys_.links,
            metrics_}),
      epg_(models_, zones_, static_cast<int>(config.portal.epg_history_days)),
      watchdog_(presence_, models_, reporter_),
      account_(entitlements_, zones_),
      portal_({actions_, devices_, entitlements_, sessions_, store_, database_, around.workers,
               metrics_, around.clock},
              WhenUnknown(config.portal)),
      service_(store_, devices_, models_, metrics_, around.clock) {
  stb_.AddTo(actions_);
  itv_.AddTo(actions_);
  epg_.AddTo(actions_);
  watchdog_.AddTo(actions_);
  account_.AddTo(actions_);
  follower_.LoadFromDisk();
  entitlements_.LoadFromDisk();
  writes_.ShowPending();
}

std::vector<Job> Assembly::Jobs() {
  return {
      {"follow_database", 1s,
       [this](Deadline d) {
         const absl::Status followed = follower_.Follow(d);
         CountWhatIsHeld();
         return followed;
       }},
      {"viewer_writes", 500ms, [this](Deadline d) { return writes_.Flush(d); }},
      {"reports", 500ms, [this](Deadline d) { return reporter_.Deliver(d); }},
      {"presence", 3s,
       [this](Deadline d) {
         presence_.Flush(redis_, d.AtMost(2s)).IgnoreError();  // the pool counts its errors
         return absl::OkStatus();
       }},
      {"save_entitlements", 5s, [this](Deadline) { return entitlements_.SaveToDisk(); }},
  };
}

void Assembly::CountWhatIsHeld() {
  metrics_.devices.Set(static_cast<double>(devices_.size()));
  metrics_.channels.Set(static_cast<double>(models_.lineup()->channels().size()));
}

bool Assembly::ready() const { return models_.has_lineup() && devices_.loaded(); }

}  // namespace holdfast::middleware

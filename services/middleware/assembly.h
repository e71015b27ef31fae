// What middleware is made of, put together in the order of dependence. main.cpp gives it its
// surroundings and runs it; tests do the same with surroundings of their own.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/worker_pool.h"
#include "libs/http/server.h"
#include "libs/placement/placement.h"
#include "libs/rpc/channel.h"
#include "libs/security/key_folder.h"
#include "libs/security/key_set.h"
#include "libs/storage/disk_spool.h"
#include "libs/storage/pg_pool.h"
#include "libs/storage/redis_pool.h"
#include "services/middleware/account_notes.h"
#include "services/middleware/admin_api.h"
#include "services/middleware/apps.h"
#include "services/middleware/box_guard.h"
#include "services/middleware/config.h"
#include "services/middleware/entitlements.h"
#include "services/middleware/guide_blocks.h"
#include "services/middleware/jobs.h"
#include "services/middleware/lists.h"
#include "services/middleware/metrics.h"
#include "services/middleware/oss.h"
#include "services/middleware/peers.h"
#include "services/middleware/pg_store.h"
#include "services/middleware/pg_store_admin.h"
#include "services/middleware/portal_account.h"
#include "services/middleware/portal_archive.h"
#include "services/middleware/portal_epg.h"
#include "services/middleware/portal_events.h"
#include "services/middleware/portal_history.h"
#include "services/middleware/portal_http.h"
#include "services/middleware/portal_itv.h"
#include "services/middleware/portal_radio.h"
#include "services/middleware/portal_recordings.h"
#include "services/middleware/portal_reminders.h"
#include "services/middleware/portal_settings.h"
#include "services/middleware/portal_stb.h"
#include "services/middleware/portal_vod.h"
#include "services/middleware/rental_desk.h"
#include "services/middleware/service.h"
#include "services/middleware/stream_gate.h"
#include "services/middleware/stream_slot_sync.h"

namespace holdfast::middleware {

// All of it must outlive the assembly.
struct Surroundings {
  storage::PgPool& postgres;
  storage::RedisPool& redis;
  storage::DiskSpool& write_spool;  // favourites
  storage::DiskSpool& settings_spool;
  storage::DiskSpool& viewer_spool;
  storage::DiskSpool& report_spool;
  storage::DiskSpool& hook_spool;
  rpc::Channel& billing;
  rpc::Channel& epg;
  rpc::Channel& analytics;
  WorkerPool& workers;
  telemetry::Metrics& metrics;
  const Clock& clock;
  Random& random;
  std::string instance;
  std::string zone;
  std::function<std::string(std::string_view)> data_path;  // "lineup.replica" -> "/data/..."
};

struct Keys {
  security::KeySet portal;
  security::KeySet play;
  placement::LinkSecrets links;
  OssCredentials oss;  // of nobody while the OSS API is off

  // NOT_FOUND or INVALID_ARGUMENT names the folder or file at fault.
  static absl::StatusOr<Keys> Load(const Config& config);
};

// Loads the copies on disk when it is made. Nothing runs before its jobs are run.
class Assembly {
 public:
  Assembly(const Config& config, Keys keys, const Surroundings& surroundings);

  void AddRoutes(http::Router& router) {
    portal_.AddRoutes(router);
    apps_.AddRoutes(router);
    oss_.AddRoutes(router);
  }
  // On the operators' own port.
  void AddAdminRoutes(http::Router& router) { admin_api_.AddRoutes(router); }
  // One call of a box, as the routes hand it on.
  void HandlePortal(const http::Request& request, http::Reply reply) {
    portal_.Handle(request, std::move(reply));
  }
  const ActionTable& actions() const { return actions_; }
  Service& service() { return service_; }
  ReadModels& models() { return models_; }
  Entitlements& entitlements() { return entitlements_; }
  AccountNotes& notes() { return notes_; }
  EventBoard& events() { return events_; }
  ViewerData& viewers() { return viewers_; }
  DeviceTable& devices() { return devices_; }
  Apps& apps() { return apps_; }
  Operators& operators() { return operators_; }
  AdminApi& admin_api() { return admin_api_; }
  Oss& oss() { return oss_; }
  StreamSlots& streams() { return streams_; }

  std::vector<Job> Jobs();
  bool ready() const;  // can serve something

 private:
  void CountWhatIsHeld();
  absl::Status ReloadBillingKeys();
  absl::Status TrimAccounts(Deadline deadline);

  const Keys keys_;
  const bool boxes_give_way_;
  const Clock& clock_;
  Metrics metrics_;
  PgStore store_;
  PgAuditStore audit_store_;
  Audit audit_;
  Billing billing_;
  BillingOffice billing_office_;
  SubscriptionDesk desk_;
  Analytics analytics_;

  ReadModels models_;
  DeviceTable devices_;
  AccountNotes notes_;
  security::KeyFolder billing_keys_;
  Entitlements entitlements_;
  RentalDesk rentals_;
  EventBoard events_;
  DatabaseHealth database_;
  DatabaseFollower follower_;
  ViewerWrites writes_;
  ViewerData viewers_;
  Reporter reporter_;
  Presence presence_;
  StreamSlots streams_;
  StreamSlotSync stream_sync_;
  StreamGate stream_gate_;
  EventSender sender_;
  Oss oss_;

  Sessions sessions_;
  Zones zones_;
  Lists lists_;
  GuideBlocks blocks_;
  StreamLinks links_;
  BoxGuard guard_;
  PinGate pins_;
  ActionTable actions_;
  StbActions stb_;
  SettingsActions settings_;
  ItvActions itv_;
  EpgActions epg_;
  ArchiveActions archive_;
  RecordingActions recordings_;
  WatchdogActions watchdog_;
  HistoryActions history_;
  ReminderActions reminders_;
  KeepsakeActions keepsakes_;
  VodActions vod_;
  RadioActions radio_;
  AccountActions account_;
  PortalHttp portal_;
  Apps apps_;
  Service service_;
  Operators operators_;
  AdminResources admin_;
  AdminApi admin_api_;
};

}  // namespace holdfast::middleware

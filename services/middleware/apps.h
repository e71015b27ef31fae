// What middleware offers to apps and to players of playlists, put together: the Xtream API,
// streams, playlists and the guide as XMLTV.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "services/middleware/account_notes.h"
#include "services/middleware/app_call.h"
#include "services/middleware/apps_config.h"
#include "services/middleware/body_cache.h"
#include "services/middleware/jobs.h"
#include "services/middleware/peers.h"
#include "services/middleware/pg_store_admin.h"
#include "services/middleware/pg_store_app_logins.h"
#include "services/middleware/playlist_export.h"
#include "services/middleware/rental_desk.h"
#include "services/middleware/rest_api.h"
#include "services/middleware/rest_idempotency.h"
#include "services/middleware/xmltv_export.h"
#include "services/middleware/xtream_api.h"
#include "services/middleware/xtream_streams.h"

namespace holdfast::middleware {

// Loads its copy on disk when it is made. Nothing runs before its jobs are run.
class Apps {
 public:
  // All of it must outlive it.
  struct Parts {
    storage::PgPool& postgres;
    Billing& billing;
    const DatabaseHealth& database;
    const security::KeySet& portal_keys;
    Store& store;
    Sessions& sessions;
    DeviceTable& devices;
    ViewerWrites& writes;
    ViewerData& viewers;
    EventBoard& events;
    AccountNotes& notes;
    Entitlements& entitlements;
    RentalDesk& rentals;
    ReadModels& models;
    const StreamLinks& links;
    StreamGate& streams;
    Reporter& reporter;
    WorkerPool& workers;
    Metrics& metrics;
    telemetry::Metrics& registry;
    const Clock& clock;
  };

  // `logins_file`: the copy of confirmed logins on disk. `when_unknown`: what an account may watch
  // of which nobody has ever told.
  Apps(const AppsConfig& config, std::string logins_file, SharedEntitlement when_unknown,
       const Parts& parts);

  void AddRoutes(http::Router& router);
  std::vector<Job> Jobs();

  AppLogins& logins() { return logins_; }
  const RestApi& rest() const { return rest_; }

 private:
  const DatabaseHealth& database_;
  PgAppLoginStore store_;
  AppLogins logins_;
  BodyCache bodies_, rest_bodies_;
  XmltvFiles xmltv_files_;
  AppGate gate_;
  XtreamApi xtream_;
  XtreamStreams streams_;
  PlaylistExport playlist_;
  XmltvExport xmltv_;
  PgAuditStore keyed_answers_;
  IdempotentAnswers answers_;
  RestSession rest_session_;
  RestProfiles rest_profiles_;
  RestParental rest_parental_;
  RestStreams rest_streams_;
  RestReminders rest_reminders_;
  RestFilms rest_films_;
  RestCatalogue rest_catalogue_;
  RestViewer rest_viewer_;
  RestHistory rest_history_;
  RestApi rest_;
};

}  // namespace holdfast::middleware

#include "services/middleware/apps.h"

#include <chrono>
#include <utility>

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMebibyte = 1 << 20;

AppLogins::Options LoginOptions(const AppsConfig& config, std::string file) {
  using std::chrono::duration_cast;
  using std::chrono::seconds;
  return {.file = std::move(file),
          .check_again_after = duration_cast<seconds>(config.check_login_after),
          .honour_for = duration_cast<seconds>(config.honour_login_for)};
}

std::size_t Bytes(std::int64_t mebibytes) {
  return static_cast<std::size_t>(mebibytes) * kMebibyte;
}

}  // namespace

Apps::Apps(const AppsConfig& config, std::string logins_file, SharedEntitlement when_unknown,
           const Parts& parts)
    : database_(parts.database),
      store_(parts.postgres),
      logins_(
          LoginOptions(config, std::move(logins_file)),
          [&billing = parts.billing](const Credentials& credentials, Deadline deadline) {
            return billing.Authenticate(credentials.login, credentials.password, deadline);
          },
          store_, parts.portal_keys, parts.workers, parts.registry, parts.clock),
      bodies_({.name = "apps", .max_bytes = Bytes(config.list_cache_mebibytes)}, parts.registry),
      rest_bodies_({.name = "rest", .max_bytes = Bytes(config.list_cache_mebibytes) / 4},
                   parts.registry),
      xmltv_files_(parts.models, Bytes(config.xmltv_cache_mebibytes), parts.registry),
      gate_({logins_, parts.entitlements, parts.workers, parts.metrics, parts.clock}, when_unknown),
      xtream_(AdultRule(config.adult_channels, parts.notes),
              {gate_, parts.models, bodies_, parts.streams, parts.metrics}),
      streams_(AdultRule(config.adult_channels, parts.notes),
               {gate_, parts.models, parts.links, parts.streams, parts.reporter, parts.metrics,
                parts.clock}),
      playlist_(AdultRule(config.adult_channels, parts.notes),
                {gate_, parts.models, parts.metrics}),
      xmltv_(AdultRule(config.adult_channels, parts.notes),
             {gate_, xmltv_files_, parts.models, parts.metrics}),
      keyed_answers_(parts.postgres),
      answers_(keyed_answers_, parts.database, parts.clock),
      rest_session_({logins_, parts.sessions, parts.devices, parts.entitlements, parts.store,
                     parts.database, parts.clock}),
      rest_profiles_(parts.viewers, answers_, parts.metrics),
      rest_parental_(parts.writes, parts.notes, rest_profiles_, parts.database, parts.clock),
      rest_streams_(parts.streams, parts.metrics),
      rest_reminders_(AdultRule(config.adult_channels, parts.notes).InApps(), parts.models,
                      rest_profiles_),
      rest_films_(AdultRule(config.adult_channels, parts.notes).InApps(),
                  {parts.models, rest_bodies_, parts.links, rest_profiles_, parts.metrics,
                   rest_parental_, parts.rentals, rest_streams_}),
      rest_catalogue_(AdultRule(config.adult_channels, parts.notes).InApps(),
                      {parts.models, rest_bodies_, parts.links, parts.reporter, parts.metrics,
                       rest_parental_, rest_streams_}),
      rest_viewer_(parts.writes, rest_profiles_, answers_, parts.database),
      rest_history_(parts.viewers, rest_profiles_, answers_, parts.events),
      rest_({parts.sessions, parts.devices, parts.entitlements, parts.workers, parts.metrics,
             parts.clock, rest_session_, rest_catalogue_, rest_viewer_, rest_history_,
             rest_profiles_, rest_reminders_, rest_films_, rest_parental_, rest_streams_},
            std::move(when_unknown)) {
  logins_.LoadFromDisk();
}

void Apps::AddRoutes(http::Router& router) {
  xtream_.AddRoutes(router);
  streams_.AddRoutes(router);
  playlist_.AddRoutes(router);
  xmltv_.AddRoutes(router);
  rest_.AddRoutes(router);
}

std::vector<Job> Apps::Jobs() {
  return {
      {"sync_app_logins", 1s,
       [this](Deadline d) {
         // While the database is away everything waits on disk.
         return database_.usable() ? logins_.Sync(d) : absl::OkStatus();
       }},
      {"save_app_logins", 5s, [this](Deadline) { return logins_.SaveToDisk(); }},
  };
}

}  // namespace holdfast::middleware

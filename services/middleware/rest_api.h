// REST v1, for the operator's own apps: addresses, who may, and errors. docs/api/openapi.json is
// the contract, served at /v1/openapi.json.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libs/base/worker_pool.h"
#include "libs/http/server.h"
#include "services/middleware/rest_call.h"
#include "services/middleware/rest_catalogue.h"
#include "services/middleware/rest_films.h"
#include "services/middleware/rest_history.h"
#include "services/middleware/rest_parental.h"
#include "services/middleware/rest_profiles.h"
#include "services/middleware/rest_reminders.h"
#include "services/middleware/rest_session.h"
#include "services/middleware/rest_streams.h"
#include "services/middleware/rest_viewer.h"

namespace holdfast::middleware {

// The text of docs/api/openapi.json, carried by the program.
std::string_view OpenApiDocument();

// Thread-safe. Everything it is given outlives it.
class RestApi {
 public:
  struct Parts {
    Sessions& sessions;
    DeviceTable& devices;
    Entitlements& entitlements;
    WorkerPool& workers;
    Metrics& metrics;
    const Clock& clock;
    RestSession& session;
    RestCatalogue& catalogue;
    RestViewer& viewer;
    RestHistory& history;
    RestProfiles& profiles;
    RestReminders& reminders;
    RestFilms& films;
    RestParental& parental;
    RestStreams& streams;
  };

  // `when_unknown`: what an account may watch of which nobody has ever told.
  RestApi(const Parts& parts, SharedEntitlement when_unknown)
      : parts_(parts), when_unknown_(std::move(when_unknown)) {}

  void AddRoutes(http::Router& router);
  // Method and address of every route, as the router has them.
  const std::vector<std::pair<std::string, std::string>>& routes() const { return routes_; }

 private:
  enum class Access { kAnybody, kLoggedIn };
  enum class Where { kHere, kOnWorker };  // memory only; may block or takes long
  using Answer = std::function<http::Response(const RestCall&)>;

  void AddStreamRoutes(http::Router& router);
  void AddPersonRoutes(http::Router& router);
  void AddFilmRoutes(http::Router& router);
  void Add(http::Router& router, std::string_view method, std::string_view pattern, Access access,
           Where where, Answer answer);
  RestCall Parse(const http::Request& request) const;
  // The problem, if the call may not go on.
  std::optional<http::Response> LetIn(RestCall& call) const;
  http::Response Finish(http::Response response, const RestCall& call) const;

  const Parts parts_;
  const SharedEntitlement when_unknown_;
  std::vector<std::pair<std::string, std::string>> routes_;
};

}  // namespace holdfast::middleware

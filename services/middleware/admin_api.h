// The operators' REST API: addresses, who may, and requests that must happen once. It has a port of
// its own. docs/api/admin-openapi.json is the contract, served at /admin/v1/openapi.json.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/base/worker_pool.h"
#include "libs/http/server.h"
#include "services/middleware/admin_call.h"
#include "services/middleware/admin_operators.h"
#include "services/middleware/admin_resources.h"
#include "services/middleware/attempt_limiter.h"
#include "services/middleware/audit_store.h"

namespace holdfast::middleware {

// The text of docs/api/admin-openapi.json, carried by the program.
std::string_view AdminOpenApiDocument();

// Thread-safe. Everything it is given outlives it.
class AdminApi {
 public:
  struct Parts {
    AdminResources& resources;
    Operators& operators;
    AuditStore& store;
    WorkerPool& workers;
    const Clock& clock;
  };

  explicit AdminApi(const Parts& parts);

  void AddRoutes(http::Router& router);
  // Method and address of every route, as the router has them.
  const std::vector<std::pair<std::string, std::string>>& routes() const { return routes_; }

 private:
  using Answer = http::Response (AdminResources::*)(const AdminCall&);
  enum class Key { kNone, kMay, kMust };  // what a request says about an Idempotency-Key
  struct Rule {
    Role role = Role::kViewer;
    Key key = Key::kNone;
    std::chrono::seconds timeout{10};
  };

  void AddDeviceRoutes(http::Router& router);
  void AddLineupRoutes(http::Router& router);
  void AddCatalogueRoutes(http::Router& router);
  void Add(http::Router& router, std::string_view method, std::string_view pattern, Rule rule,
           Answer answer);
  AdminCall Parse(const http::Request& request, const Rule& rule) const;
  // The problem, if the call may not go on.
  std::optional<http::Response> LetIn(AdminCall& call, const Rule& rule, std::string_view bearer);
  // Once for each key of an operator, over all instances, for a day.
  http::Response Once(const AdminCall& call, const std::function<http::Response()>& act);

  const Parts parts_;
  AttemptLimiter attempts_;
  std::vector<std::pair<std::string, std::string>> routes_;
};

}  // namespace holdfast::middleware

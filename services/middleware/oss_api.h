// The OSS API (portal protocol, section 15): an operator's billing and CRM scripts manage accounts,
// boxes and messages. Addresses, who may, and the log of what was changed.
//
// Answers are HTTP 200, errors too; 401 without credentials; 404 while the API is off.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "libs/base/string_map.h"
#include "libs/base/worker_pool.h"
#include "libs/http/server.h"
#include "services/middleware/attempt_limiter.h"
#include "services/middleware/audit.h"
#include "services/middleware/oss_call.h"
#include "services/middleware/oss_credentials.h"

namespace holdfast::middleware {

// Thread-safe once its resources are added. Everything it is given outlives it.
class OssApi {
 public:
  struct Parts {
    Audit& audit;
    WorkerPool& workers;
    telemetry::Metrics& metrics;
    const Clock& clock;
  };
  using Resource = std::function<OssAnswer(const OssCall&)>;  // on a worker thread

  OssApi(bool enabled, OssCredentials credentials, const Parts& parts);

  void AddResource(std::string_view name, Resource resource);
  void AddRoutes(http::Router& router);

 private:
  void Handle(const http::Request& request, std::string_view path, http::Reply reply);
  // Whose credentials the request shows; nothing for wrong ones, and for any from an address that
  // has shown too many wrong ones lately.
  std::optional<std::string> WhoAsks(const http::Request& request);
  http::Response Respond(const OssCall& call);
  OssAnswer Answer(const OssCall& call);
  OssAnswer Run(const OssCall& call);

  const bool enabled_;
  const OssCredentials credentials_;
  const Parts parts_;
  telemetry::CounterFamily calls_;
  AttemptLimiter wrong_by_address_;
  StringMap<Resource> resources_;
};

}  // namespace holdfast::middleware

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
  struct Options {
    bool enabled = false;
    bool soap = false;
  };
  using Resource = std::function<OssAnswer(const OssCall&)>;  // on a worker thread
  // A command that would change nothing, as far as memory tells: it is not worth an audit entry.
  using NothingNew = std::function<bool(const OssCall&)>;

  OssApi(const Options& options, OssCredentials credentials, const Parts& parts);

  void AddResource(std::string_view name, Resource resource, NothingNew nothing_new = nullptr);
  void AddRoutes(http::Router& router);

 private:
  struct Entry {
    Resource resource;
    NothingNew nothing_new;  // may be null
    std::size_t job_kind = 0;
  };

  // `base_length`: of the path, what stands before the resource.
  void Handle(const http::Request& request, std::size_t base_length, http::Reply reply);
  void HandleSoap(const http::Request& request, const std::shared_ptr<OssCall>& call,
                  http::Reply reply);
  void RunLater(const http::Request& request, const std::shared_ptr<OssCall>& call,
                std::size_t kind, http::Reply reply, std::function<http::Response()> work,
                std::function<http::Response(const absl::Status&)> refuse);
  // Whose credentials the request shows; nothing for wrong ones, and for any from an address that
  // has shown too many wrong ones lately.
  std::optional<std::string> WhoAsks(const http::Request& request);
  http::Response Respond(const OssCall& call);
  OssAnswer Answer(const OssCall& call);
  OssAnswer Run(const OssCall& call);

  const bool enabled_;
  const bool soap_;
  const OssCredentials credentials_;
  const Parts parts_;
  telemetry::CounterFamily calls_;
  AttemptLimiter wrong_by_address_;
  const std::size_t unknown_kind_ = NewJobKind();
  const std::size_t soap_kind_ = NewJobKind();
  StringMap<Entry> resources_;
};

}  // namespace holdfast::middleware

// One request of an app that names itself by login and password: what it asks, who it is, and the
// way from the one to the other.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/job_queue.h"
#include "libs/base/worker_pool.h"
#include "libs/http/server.h"
#include "services/middleware/app_logins.h"
#include "services/middleware/domain/entitlement.h"
#include "services/middleware/entitlements.h"
#include "services/middleware/metrics.h"
#include "services/middleware/portal_call.h"

namespace holdfast::middleware {

// A value; moves to a worker thread when the answer needs one.
struct AppCall {
  http::Form form;                 // query and body
  std::vector<std::string> parts;  // of the path, where the route names some
  Credentials credentials;
  std::string base_url;  // how the app reached us: "http://tv.example:8080"
  std::string client_address;
  std::string client;  // the first word of its User-Agent: "VLC/3.0.18"
  std::string if_none_match;
  bool accepts_gzip = false;
  bool head_only = false;  // a HEAD: nothing is played
  WallTime now;
  const http::Request* request = nullptr;  // valid until the reply is sent

  // Known once it is let in.
  SharedAppLogin login;
  Knowledge knowledge;     // entitlement never null
  bool may_block = false;  // on a worker thread

  std::string_view Get(std::string_view name) const { return form.Get(name); }
  const PackageSet& packages() const { return knowledge.entitlement->packages; }
};

enum class AppRefusal {
  kWrong,            // no such login, another password, or the account is closed
  kTooManyAttempts,  // of this login or address
  kTryAgain,         // nobody could tell
};

// What an address answers.
struct AppRoute {
  std::string name;  // label of degraded answers
  // On an I/O thread: memory only. Nothing: it has to be rendered first, and `answer` is called
  // again with `may_block`, where it must answer.
  std::function<std::optional<http::Response>(AppCall&)> answer;
  std::function<http::Response(const AppCall&, AppRefusal)> refuse;
  std::size_t job_kind = NewJobKind();
};

// Lets apps in. Thread-safe. Everything it is given outlives it.
class AppGate {
 public:
  struct Parts {
    AppLogins& logins;
    Entitlements& entitlements;
    WorkerPool& workers;
    Metrics& metrics;
    const Clock& clock;
  };

  // `when_unknown`: what an account may watch of which nobody has ever told.
  AppGate(const Parts& parts, SharedEntitlement when_unknown)
      : parts_(parts), when_unknown_(std::move(when_unknown)) {}

  // Login and password from the fields `username` and `password`.
  AppCall Parse(const http::Request& request) const;
  // Answers the call. `route` must outlive the reply. Never blocks.
  void Run(AppCall call, const AppRoute& route, http::Reply reply);

 private:
  // False: the account is closed.
  bool Identify(AppCall& call);
  http::Response LogInAndAnswer(AppCall& call, const AppRoute& route);
  http::Response AnswerHere(AppCall& call, const AppRoute& route);
  http::Response Finish(http::Response response, const AppRoute& route);
  void RunOnWorker(AppCall call, const AppRoute& route, http::Reply reply);

  const Parts parts_;
  const SharedEntitlement when_unknown_;
};

// For files and streams, where players look at the status only: 403, 429, 503.
http::Response RefusePlainly(const AppCall& call, AppRefusal refusal);

// "Bytes for all, or gzip for who takes it", with an ETag; 304 for who has it. `etag` without
// quotes.
bool HasCurrent(const AppCall& call, std::string_view etag);
http::Response NotModified(std::string_view etag);

// The scheme and authority under which the request came, as links back to us begin.
std::string BaseUrlOf(const http::Request& request);
bool AcceptsGzip(std::string_view accept_encoding);

// Writes X-Degraded and counts.
void MarkDegraded(http::Response& response, const std::vector<Degradation>& degradations,
                  std::string_view call, const Metrics& metrics);

}  // namespace holdfast::middleware

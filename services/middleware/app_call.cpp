#include "services/middleware/app_call.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/middleware/answering_job.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr auto kLoginTimeout = 4s;
constexpr auto kEntitlementTimeout = 300ms;
constexpr std::size_t kLongestText = 64;  // of headers that are kept
constexpr std::size_t kLongestHost = 255;
constexpr std::chrono::seconds kNeverHeard = 24h * 365;  // an age beyond this is none

bool IsHostByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == ':' || c == '[' || c == ']';
}

}  // namespace

std::string BaseUrlOf(const http::Request& request) {
  // The proxy in front of us tells how it was reached; without one it is plain HTTP.
  const bool https = request.Header("X-Forwarded-Proto") == "https";
  const std::string_view host = request.Header("Host");
  const bool good = !host.empty() && host.size() <= kLongestHost &&
                    std::all_of(host.begin(), host.end(), IsHostByte);
  return absl::StrCat(https ? "https://" : "http://", good ? std::string(host) : "localhost");
}

bool AcceptsGzip(std::string_view accept_encoding) {
  const std::size_t at = accept_encoding.find("gzip");
  if (at == std::string_view::npos) return false;
  std::string_view rest = accept_encoding.substr(at + 4);
  rest = rest.substr(0, rest.find(','));
  return rest.find("q=0") == std::string_view::npos || rest.find("q=0.") != std::string_view::npos;
}

bool HasCurrent(const AppCall& call, std::string_view etag) {
  return call.if_none_match.find(fmt::format("\"{}\"", etag)) != std::string::npos ||
         call.if_none_match == "*";
}

http::Response NotModified(std::string_view etag) {
  http::Response response{.status = 304};
  response.headers.emplace_back("ETag", fmt::format("\"{}\"", etag));
  return response;
}

http::Response RefusePlainly(const AppCall&, AppRefusal refusal) {
  switch (refusal) {
    case AppRefusal::kWrong:
      return http::Response::Text(403, "Forbidden\n");
    case AppRefusal::kTooManyAttempts: {
      http::Response response = http::Response::Text(429, "Too many attempts\n");
      response.headers.emplace_back("Retry-After", "60");
      return response;
    }
    case AppRefusal::kTryAgain:
      break;
  }
  http::Response response = http::Response::Text(503, "Try again\n");
  response.headers.emplace_back("Retry-After", "5");
  return response;
}

void MarkDegraded(http::Response& response, const std::vector<Degradation>& degradations,
                  std::string_view call, const Metrics& metrics) {
  std::string value;
  for (const Degradation& degradation : degradations) {
    if (!value.empty()) value += ", ";
    value += NameOf(degradation.neighbour);
    if (degradation.age && *degradation.age < kNeverHeard) {
      absl::StrAppend(&value, ";age=", degradation.age->count());
    }
    metrics.degraded_answers.With({NameOf(degradation.neighbour), call}).Add();
  }
  if (value.empty()) return;
  for (auto& [name, present] : response.headers) {
    if (name == "X-Degraded") {
      absl::StrAppend(&present, ", ", value);
      return;
    }
  }
  response.headers.emplace_back("X-Degraded", std::move(value));
}

AppCall AppGate::Parse(const http::Request& request) const {
  AppCall call;
  call.now = parts_.clock.Now();
  call.form = http::Form(request.query());
  if (!request.body().empty()) call.form.Merge(request.body());
  call.request = &request;
  call.parts = request.captures();
  call.credentials = {std::string(call.Get("username")), std::string(call.Get("password"))};
  call.base_url = BaseUrlOf(request);
  // Set by the balancer in front of us; without one it decides nothing but limits.
  const std::string_view real_ip = request.Header("X-Real-IP");
  call.client_address =
      (real_ip.empty() ? request.remote_address() : real_ip).substr(0, kLongestText);
  const std::string_view client = request.Header("User-Agent");
  call.client = client.substr(0, std::min(client.find(' '), kLongestText));
  call.if_none_match = request.Header("If-None-Match");
  call.accepts_gzip = AcceptsGzip(request.Header("Accept-Encoding"));
  call.head_only = request.method() == "HEAD";
  return call;
}

void AppGate::Run(AppCall call, const AppRoute& route, http::Reply reply) {
  AppLogins::Found found = parts_.logins.Find(call.credentials, call.client_address);
  switch (found.standing) {
    case AppLogins::Standing::kWrong:
      return reply.Send(Finish(route.refuse(call, AppRefusal::kWrong), route));
    case AppLogins::Standing::kTooManyAttempts:
      return reply.Send(Finish(route.refuse(call, AppRefusal::kTooManyAttempts), route));
    case AppLogins::Standing::kAsk:
      return RunOnWorker(std::move(call), route, std::move(reply));
    case AppLogins::Standing::kKnown:
      break;
  }
  call.login = std::move(found.login);
  if (!Identify(call)) return reply.Send(Finish(route.refuse(call, AppRefusal::kWrong), route));
  if (auto response = route.answer(call)) return reply.Send(Finish(*std::move(response), route));
  RunOnWorker(std::move(call), route, std::move(reply));
}

bool AppGate::Identify(AppCall& call) {
  const AccountId& account = call.login->account;
  call.knowledge =
      BestKnowledge(account, parts_.entitlements.Peek(account), nullptr, when_unknown_);
  if (call.knowledge.entitlement->standing != Entitlement::Standing::kClosed) return true;
  parts_.logins.Refuse(account);
  return false;
}

http::Response AppGate::LogInAndAnswer(AppCall& call, const AppRoute& route) {
  if (call.login == nullptr) {
    const Deadline deadline = Deadline::After(kLoginTimeout, parts_.clock);
    absl::StatusOr<SharedAppLogin> login = parts_.logins.LogIn(call.credentials, deadline);
    if (absl::IsUnauthenticated(login.status())) return route.refuse(call, AppRefusal::kWrong);
    if (!login.ok()) {
      http::Response response = route.refuse(call, AppRefusal::kTryAgain);
      MarkDegraded(response, {{Neighbour::kBilling, {}}}, route.name, parts_.metrics);
      return response;
    }
    call.login = *std::move(login);
    // What it may watch is not known yet either.
    parts_.entitlements.Load(call.login->account,
                             deadline.AtMost(kEntitlementTimeout, parts_.clock));
    if (!Identify(call)) return route.refuse(call, AppRefusal::kWrong);
  }
  return AnswerHere(call, route);
}

http::Response AppGate::AnswerHere(AppCall& call, const AppRoute& route) {
  call.may_block = true;
  std::optional<http::Response> response = route.answer(call);
  return response ? *std::move(response) : RefusePlainly(call, AppRefusal::kTryAgain);
}

void AppGate::RunOnWorker(AppCall call, const AppRoute& route, http::Reply reply) {
  const http::Request& request = *call.request;
  auto waiting = std::make_shared<AppCall>(std::move(call));
  AnsweringJob job;
  job.caller = waiting->client_address;
  job.kind = route.job_kind;
  job.work = [this, waiting, &route]() -> AnsweringJob::Answered {
    return {Finish(LogInAndAnswer(*waiting, route), route)};
  };
  job.refuse = [this, waiting, &route] {
    parts_.metrics.busy.Add();
    return Finish(route.refuse(*waiting, AppRefusal::kTryAgain), route);
  };
  parts_.workers.Submit(JobFor(request, std::move(reply), std::move(job), parts_.clock));
}

http::Response AppGate::Finish(http::Response response, const AppRoute& route) {
  // An account's right to watch, known only from before: every good answer says so.
  if (response.status < 400) {
    if (const auto age = parts_.entitlements.StaleSince()) {
      MarkDegraded(response, {{Neighbour::kBilling, age}}, route.name, parts_.metrics);
    }
  }
  return response;
}

}  // namespace holdfast::middleware

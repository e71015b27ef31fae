#include "services/middleware/portal_http.h"

#include <charconv>
#include <chrono>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/middleware/answering_job.h"
#include "services/middleware/app_call.h"
#include "services/middleware/domain/session.h"
#include "services/middleware/lists.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr auto kLookUpTimeout = 700ms;
constexpr std::chrono::seconds kNeverHeard = 24h * 365;  // an age beyond this is none
constexpr std::size_t kLongestHeader = 64;               // of texts that are kept

absl::string_view Absl(std::string_view s) { return {s.data(), s.size()}; }

// "Bearer abc", any case of the word.
std::string_view BearerOf(std::string_view authorization) {
  constexpr std::string_view kWord = "Bearer ";
  if (!absl::StartsWithIgnoreCase(Absl(authorization), Absl(kWord))) return {};
  authorization.remove_prefix(kWord.size());
  while (authorization.starts_with(' ')) authorization.remove_prefix(1);
  return authorization;
}

// "Model: MAG250; Link: WiFi" -> "MAG250".
std::string_view ModelIn(std::string_view x_user_agent) {
  constexpr std::string_view kMark = "Model: ";
  const std::size_t at = x_user_agent.find(kMark);
  if (at == std::string_view::npos) return {};
  x_user_agent.remove_prefix(at + kMark.size());
  return x_user_agent.substr(0, std::min(x_user_agent.find_first_of("; "), kLongestHeader));
}

// Nobody between us and the box may keep an answer. The last lines are for some answers only.
constexpr std::string_view kGzipLines =
    "Expires: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
    "Pragma: no-cache\r\n"
    "Cache-Control: no-store, no-cache, must-revalidate\r\n"
    "Vary: Accept-Encoding\r\n"
    "Content-Encoding: gzip\r\n";
constexpr std::string_view kEveryLines = kGzipLines.substr(0, kGzipLines.find("Vary"));
constexpr std::string_view kBodyLines = kGzipLines.substr(0, kGzipLines.find("Content-Encoding"));

constexpr std::string_view kPage =
    "<!DOCTYPE html><html><head><meta charset=\"utf-8\"><title>Portal</title></head>"
    "<body><p>This address is for set-top boxes.</p></body></html>\n";
constexpr std::string_view kVersion = "var ver = '5.1.1';\n";

}  // namespace

void PortalHttp::AddRoutes(http::Router& router) {
  const auto portal = [this](const http::Request& request, http::Reply reply) {
    Handle(request, std::move(reply));
  };
  for (const char* path : {"/stalker_portal/server/load.php", "/server/load.php", "/portal.php",
                           "/c/portal.php", "/stalker_portal/portal.php"}) {
    router.Any(path, portal, Criticality::kCritical);  // the action decides: see Handle
  }
  const auto fixed = [&](std::string_view path, std::string_view type, std::string_view text) {
    router.Get(path, http::Inline([type, text](const http::Request&) {
                 return http::Response{.content_type = type, .text = std::string(text)};
               }),
               Criticality::kCritical);
  };
  for (const char* base : {"/stalker_portal/c", "/c"}) {
    for (const char* page : {"", "/", "/index.html"}) {
      fixed(absl::StrCat(base, page), "text/html; charset=utf-8", kPage);
    }
    fixed(absl::StrCat(base, "/version.js"), "application/javascript", kVersion);
  }
}

void PortalHttp::Handle(const http::Request& request, http::Reply reply) {
  PortalCall call = Parse(request);
  const ActionTable::Entry* entry = parts_.actions.Find(call.Get("type"), call.Get("action"));
  if (entry == nullptr) {
    parts_.metrics.unknown_action.Add();
    return reply.Send(Respond(PortalAnswer::False(), call));
  }
  if (!call.mac && call.Get("type") != "stb") {
    parts_.metrics.unauthorized.Add();
    return reply.Send(Respond(PortalAnswer::Plain(kUnauthorizedRequest), call));
  }
  const Shedding& shedding = entry->shedding;
  call.admitted =
      request.Admits(shedding.criticality, call.mac ? call.mac->text() : call.client_address);
  if (!call.admitted && !shedding.looks_itself) {
    parts_.metrics.busy.Add();
    return reply.Send(Respond(PortalAnswer::Js(std::string(shedding.js)), call));
  }
  Identify(call);
  const Admission admission = Admit(call, entry->access);
  if (admission == Admission::kLookUpDevice) {
    if (!call.admitted) {
      parts_.metrics.busy.Add();
      return reply.Send(Respond(PortalAnswer::TryAgain(), call));
    }
    if (!parts_.guard.MayBeLookedUp(call.client_address)) {
      return reply.Send(Respond(Refuse(Admission::kAuthorizationFailed), call));
    }
    return RunLater(std::move(call), *entry,
                    Later{[this, entry](PortalCall& c) { return LookUpAndRun(c, *entry); },
                          [this](PortalCall&) { return Refuse(Admission::kAuthorizationFailed); }},
                    request, std::move(reply));
  }
  if (admission != Admission::kGoOn) return reply.Send(Respond(Refuse(admission), call));

  PortalOutcome outcome = Act(call, *entry);
  if (auto* answer = std::get_if<PortalAnswer>(&outcome)) {
    return reply.Send(Respond(std::move(*answer), call));
  }
  RunLater(std::move(call), *entry, std::get<Later>(std::move(outcome)), request, std::move(reply));
}

PortalCall PortalHttp::Parse(const http::Request& request) const {
  PortalCall call;
  call.now = parts_.clock.Now();
  call.form = http::Form(request.query());
  if (!request.body().empty()) call.form.Merge(request.body());
  const std::string_view cookies = request.Header("Cookie");
  call.mac = Mac::Parse(http::CookieValue(cookies, "mac"));
  call.time_zone = http::CookieValue(cookies, "timezone");
  call.language = http::CookieValue(cookies, "stb_lang");
  call.bearer = BearerOf(request.Header("Authorization"));
  call.model = ModelIn(request.Header("X-User-Agent"));
  // Set by the balancer in front of us; without one it decides nothing but log lines and limits.
  const std::string_view real_ip = request.Header("X-Real-IP");
  call.client_address =
      (real_ip.empty() ? request.remote_address() : real_ip).substr(0, kLongestHeader);
  call.accepts_gzip = AcceptsGzip(request.Header("Accept-Encoding"));
  return call;
}

void PortalHttp::Identify(PortalCall& call) const {
  call.knowledge = {when_unknown_, Source::kDefault};
  if (!call.mac) return;
  call.offered = parts_.sessions.Examine(call.bearer, call.now);
  call.device = parts_.devices.Find(call.mac->text());
  const Session* session = call.offered.session.get();
  if (call.device == nullptr && session != nullptr && session->claims.mac == call.mac->text()) {
    call.device = DeviceInToken(session->claims);
  }
  if (call.device == nullptr || call.device->account.value().empty()) return;
  call.knowledge =
      BestKnowledge(call.device->account, parts_.entitlements.Peek(call.device->account),
                    session == nullptr ? nullptr : session->entitlement, when_unknown_);
}

PortalHttp::Admission PortalHttp::Admit(const PortalCall& call, Access access) const {
  if (access == Access::kAnybody) return Admission::kGoOn;
  if (!call.mac) return Admission::kAuthorizationFailed;
  const bool good =
      CheckSession(call.offered.token, *call.mac, call.device.get()) == SessionVerdict::kValid;
  if (call.device == nullptr) {
    if (access == Access::kUnknownToo) return Admission::kGoOn;
    return good ? Admission::kLookUpDevice : Admission::kAuthorizationFailed;
  }
  if (!good) return Admission::kAuthorizationFailed;
  if (access == Access::kSubscriber && call.knowledge.entitlement->blocked()) {
    return Admission::kAccessDenied;
  }
  return Admission::kGoOn;
}

PortalAnswer PortalHttp::Refuse(Admission admission) const {
  if (admission == Admission::kAccessDenied) {
    parts_.metrics.access_denied.Add();
    return PortalAnswer::Plain(kAccessDenied);
  }
  parts_.metrics.authorization_failed.Add();
  return PortalAnswer::Plain(kAuthorizationFailed);
}

PortalOutcome PortalHttp::Act(PortalCall& call, const ActionTable::Entry& entry) const {
  if (call.device != nullptr && AsksForLink(call.Get("action"))) {
    call.locked_is_open = parts_.pins.Opens(call);
  }
  return entry.action(call);
}

PortalAnswer PortalHttp::RunHere(PortalCall& call, const ActionTable::Entry& entry) const {
  PortalOutcome outcome = Act(call, entry);
  if (auto* answer = std::get_if<PortalAnswer>(&outcome)) return std::move(*answer);
  return std::get<Later>(outcome).work(call);
}

PortalAnswer PortalHttp::LookUpAndRun(PortalCall& call, const ActionTable::Entry& entry) const {
  if (!parts_.database.usable()) return Refuse(Admission::kAuthorizationFailed);
  const auto found = parts_.store.FindDevice(Deadline::After(kLookUpTimeout), *call.mac);
  if (!found.ok() || !found->has_value()) return Refuse(Admission::kAuthorizationFailed);
  parts_.devices.Put(**found);
  Identify(call);
  const Admission admission = Admit(call, entry.access);
  return admission == Admission::kGoOn ? RunHere(call, entry) : Refuse(admission);
}

void PortalHttp::RunLater(PortalCall call, const ActionTable::Entry& entry, Later later,
                          const http::Request& request, http::Reply reply) {
  struct Waiting {
    PortalCall call;
    Later later;
  };
  auto waiting = std::make_shared<Waiting>(Waiting{std::move(call), std::move(later)});
  AnsweringJob job;
  job.criticality = entry.shedding.criticality;
  job.caller = waiting->call.mac ? waiting->call.mac->text() : waiting->call.client_address;
  job.kind = entry.job_kind;
  job.work = [this, waiting]() -> AnsweringJob::Answered {
    PortalAnswer answer = waiting->later.work(waiting->call);
    // Whom it had to ask may have failed at once: that says nothing of how loaded we are.
    const auto timing =
        answer.degradations.empty() ? Job::Timing::kTypical : Job::Timing::kUntypical;
    return {Respond(std::move(answer), waiting->call), timing};
  };
  job.refuse = [this, waiting] {
    parts_.metrics.busy.Add();
    return Respond(waiting->later.if_busy(waiting->call), waiting->call);
  };
  parts_.workers.Submit(JobFor(request, std::move(reply), std::move(job), parts_.clock));
}

http::Response PortalHttp::Respond(PortalAnswer answer, const PortalCall& call) const {
  http::Response response;
  response.header_lines = kEveryLines;
  AddDegradations(response, answer, call);
  switch (answer.form) {
    case PortalAnswer::Form::kPayload:
      (answer.refused ? parts_.metrics.refused : parts_.metrics.answered).Add();
      response.text = Envelope(answer.text);
      break;
    case PortalAnswer::Form::kWhole:
      parts_.metrics.answered.Add();
      response.stored = std::move(answer.body);
      response.header_lines = answer.gzipped ? kGzipLines : kBodyLines;
      break;
    case PortalAnswer::Form::kPlain:
      response.content_type = "text/html; charset=utf-8";
      response.text = std::move(answer.text);
      break;
    case PortalAnswer::Form::kTryAgain:
      return http::Busy(Criticality::kBackground);
  }
  return response;
}

void PortalHttp::AddDegradations(http::Response& response, const PortalAnswer& answer,
                                 const PortalCall& call) const {
  // An account's right to watch, known only from before: every answer that depends on it says so.
  std::string value;
  const auto add = [&](const Degradation& degradation) {
    if (!value.empty()) value += ", ";
    value += NameOf(degradation.neighbour);
    if (degradation.age && *degradation.age < kNeverHeard) {
      absl::StrAppend(&value, ";age=", degradation.age->count());
    }
    parts_.metrics.degraded_answers.With({NameOf(degradation.neighbour), call.Get("action")}).Add();
  };
  for (const Degradation& degradation : answer.degradations) add(degradation);
  if (call.device != nullptr && !call.device->account.value().empty()) {
    if (const auto age = parts_.entitlements.StaleSince()) add({Neighbour::kBilling, age});
  }
  if (!value.empty()) response.headers.emplace_back("X-Degraded", std::move(value));
}

}  // namespace holdfast::middleware

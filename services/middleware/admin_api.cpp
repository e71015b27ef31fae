#include "services/middleware/admin_api.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "libs/base/encoding.h"
#include "libs/base/status.h"
#include "libs/security/hmac.h"
#include "services/middleware/answering_job.h"
#include "services/middleware/app_call.h"
#include "services/middleware/domain/m3u.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kLongestKey = 128;
constexpr std::size_t kLongestText = 64;
constexpr std::int64_t kStaleAfter = 120'000;      // ms: longer than any request takes
constexpr std::int64_t kRememberFor = 86'400'000;  // ms

std::string HashOf(const AdminCall& call) {
  static const security::HmacKey key("holdfast admin request");
  const auto tag = key.Sign(absl::StrCat(call.method, "\n", call.target, "\n", call.body));
  return ToHex({reinterpret_cast<const char*>(tag.data()), tag.size()});
}

bool IsPlain(std::string_view key) {
  return std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace

AdminApi::AdminApi(const Parts& parts)
    : parts_(parts), attempts_({.attempts = 20, .window = 60s}, parts.clock) {}

void AdminApi::AddRoutes(http::Router& router) {
  const std::string document = "/admin/v1/openapi.json";
  routes_.emplace_back("GET", document);
  router.Get(document, http::Inline([](const http::Request&) {
               return http::Response::Json(std::string(AdminOpenApiDocument()));
             }));
  AddDeviceRoutes(router);
  AddLineupRoutes(router);
  AddCatalogueRoutes(router);
  Add(router, "GET", "/admin/v1/audit", {}, &AdminResources::AuditLog);
}

void AdminApi::AddDeviceRoutes(http::Router& router) {
  using R = AdminResources;
  const Rule change{Role::kSupport, Key::kMay};
  const Rule bulk{Role::kSupport, Key::kMay, 60s};
  Add(router, "GET", "/admin/v1/devices", {}, &R::Devices);
  Add(router, "GET", "/admin/v1/devices/export", {.timeout = 60s}, &R::ExportDevices);
  Add(router, "POST", "/admin/v1/devices/import", bulk, &R::ImportDevices);
  Add(router, "GET", "/admin/v1/devices/{mac}", {}, &R::Device);
  Add(router, "PUT", "/admin/v1/devices/{mac}", change, &R::PutDevice);
  Add(router, "DELETE", "/admin/v1/devices/{mac}/account", change, &R::UnbindDevice);
  Add(router, "POST", "/admin/v1/devices/{mac}/revoke", change, &R::RevokeDevice);
  Add(router, "GET", "/admin/v1/accounts/{account}/devices", {}, &R::AccountDevices);
  Add(router, "GET", "/admin/v1/accounts/{account}/streams", {}, &R::Streams);
  Add(router, "DELETE", "/admin/v1/accounts/{account}/streams/{device}", change, &R::EndStream);
  Add(router, "GET", "/admin/v1/messages", {}, &R::Messages);
  Add(router, "POST", "/admin/v1/messages", {Role::kSupport, Key::kMust}, &R::SendMessage);
  Add(router, "DELETE", "/admin/v1/messages/{message}", change, &R::CancelMessage);
}

void AdminApi::AddLineupRoutes(http::Router& router) {
  using R = AdminResources;
  const Rule create{Role::kEditor, Key::kMust};
  const Rule change{Role::kEditor, Key::kMay};
  const Rule bulk{Role::kEditor, Key::kMay, 60s};
  Add(router, "GET", "/admin/v1/channels", {}, &R::Channels);
  Add(router, "POST", "/admin/v1/channels", create, &R::AddChannel);
  Add(router, "GET", "/admin/v1/channels/{channel}", {}, &R::Channel);
  Add(router, "PUT", "/admin/v1/channels/{channel}", change, &R::PutChannel);
  Add(router, "DELETE", "/admin/v1/channels/{channel}", change, &R::RemoveChannel);
  Add(router, "GET", "/admin/v1/groups", {}, &R::Groups);
  Add(router, "POST", "/admin/v1/groups", create, &R::AddGroup);
  Add(router, "PUT", "/admin/v1/groups/{group}", change, &R::PutGroup);
  Add(router, "GET", "/admin/v1/packages", {}, &R::Packages);
  Add(router, "GET", "/admin/v1/lineup", {}, &R::Lineup);
  Add(router, "POST", "/admin/v1/lineup/import", bulk, &R::ImportLineup);
  Add(router, "GET", "/admin/v1/lineup/export", {.timeout = 60s}, &R::ExportLineup);
}

void AdminApi::AddCatalogueRoutes(http::Router& router) {
  using R = AdminResources;
  const Rule create{Role::kEditor, Key::kMust};
  const Rule change{Role::kEditor, Key::kMay};
  const auto items = [&](const std::string& path, const std::string& item, Answer list, Answer add,
                         Answer show, Answer put, Answer remove) {
    Add(router, "GET", path, {}, list);
    Add(router, "POST", path, create, add);
    Add(router, "GET", item, {}, show);
    Add(router, "PUT", item, change, put);
    Add(router, "DELETE", item, change, remove);
  };
  items("/admin/v1/vod/categories", "/admin/v1/vod/categories/{category}", &R::Categories,
        &R::AddCategory, &R::Category, &R::PutCategory, &R::RemoveCategory);
  items("/admin/v1/vod/titles", "/admin/v1/vod/titles/{title}", &R::Titles, &R::AddTitle, &R::Title,
        &R::PutTitle, &R::RemoveTitle);
  items("/admin/v1/radio/stations", "/admin/v1/radio/stations/{station}", &R::Stations,
        &R::AddStation, &R::Station, &R::PutStation, &R::RemoveStation);
}

void AdminApi::Add(http::Router& router, std::string_view method, std::string_view pattern,
                   Rule rule, Answer answer) {
  routes_.emplace_back(method, pattern);
  router.Add(
      method, pattern,
      [this, rule, answer, kind = NewJobKind()](const http::Request& request, http::Reply reply) {
        AdminCall call = Parse(request, rule);
        if (auto problem = LetIn(call, rule, call.bearer)) return reply.Send(*std::move(problem));
        auto waiting = std::make_shared<AdminCall>(std::move(call));
        AnsweringJob job;
        job.caller = waiting->who.name;
        job.kind = kind;
        job.work = [this, waiting, answer]() -> AnsweringJob::Answered {
          const AdminCall& c = *waiting;
          const auto act = [&] { return (parts_.resources.*answer)(c); };
          return {c.idempotency_key.empty() || c.method == "GET" ? act() : Once(c, act)};
        };
        job.refuse = [] { return TryAgain("there is too much to do at the moment"); };
        parts_.workers.Submit(JobFor(request, std::move(reply), std::move(job), parts_.clock));
      });
}

AdminCall AdminApi::Parse(const http::Request& request, const Rule& rule) const {
  AdminCall call;
  call.now = parts_.clock.Now();
  call.method = request.method();
  call.target = request.target();
  call.form = http::Form(request.query());
  call.parts = request.captures();
  call.body = request.body();
  call.bearer = BearerOf(request.Header("Authorization"));
  const std::string_view real_ip = request.Header("X-Real-IP");
  call.client_address =
      CleanUtf8((real_ip.empty() ? request.remote_address() : real_ip).substr(0, kLongestText));
  call.if_none_match = request.Header("If-None-Match");
  call.if_match = request.Header("If-Match");
  call.idempotency_key = request.Header("Idempotency-Key");
  call.accepts_gzip = AcceptsGzip(request.Header("Accept-Encoding"));
  call.deadline = Deadline::After(rule.timeout);
  return call;
}

std::optional<http::Response> AdminApi::LetIn(AdminCall& call, const Rule& rule,
                                              std::string_view bearer) {
  std::optional<Operator> who = parts_.operators.Find(bearer);
  if (!who) {
    if (!attempts_.Allow(call.client_address)) {
      return Problem(429, "too-many-attempts", "too many wrong tokens from this address");
    }
    return Problem(401, "unauthenticated", "the token opens nothing");
  }
  call.who = *std::move(who);
  if (call.who.role < rule.role) {
    return Problem(403, "role", "the role of the token does not allow it");
  }
  const std::string& key = call.idempotency_key;
  if (key.size() > kLongestKey || !IsPlain(key)) {
    return FieldProblem(400, "bad-idempotency-key", "Idempotency-Key",
                        "Idempotency-Key has not from 1 to 128 plain characters");
  }
  if (key.empty() && rule.key == Key::kMust) {
    return FieldProblem(400, "bad-idempotency-key", "Idempotency-Key",
                        "Idempotency-Key is missing: what is created must be created once");
  }
  return std::nullopt;
}

http::Response AdminApi::Once(const AdminCall& call, const std::function<http::Response()>& act) {
  const KeyedRequest request{call.who.name, call.idempotency_key, HashOf(call)};
  const std::int64_t now = EpochMillis(call.now);
  const auto taken =
      parts_.store.TakeKey(call.deadline, request, now, now - kStaleAfter, now - kRememberFor);
  if (!taken.ok()) return TryAgain("the database cannot be used at the moment");
  switch (taken->state) {
    case KeyedAnswer::State::kMisused:
      return FieldProblem(409, "idempotency-key-reused", "Idempotency-Key",
                          "the key came with another request before");
    case KeyedAnswer::State::kUnderWay:
      return FieldProblem(409, "under-way", "Idempotency-Key",
                          "the request with this key has not ended");
    case KeyedAnswer::State::kAnswered: {
      http::Response response = FreshJson(taken->body);
      response.status = taken->status;
      if (response.status >= 400) response.content_type = "application/problem+json";
      if (response.status == 204) return NoContent();
      return response;
    }
    case KeyedAnswer::State::kNew:
      break;
  }
  http::Response response = act();
  // What failed may be asked again with the same key.
  const Deadline soon = Deadline::After(2s);
  if (response.status >= 500) {
    parts_.store.ReleaseKey(soon, request).IgnoreError();
  } else {
    parts_.store.KeepAnswer(soon, request, response.status, response.text).IgnoreError();
  }
  return response;
}

}  // namespace holdfast::middleware

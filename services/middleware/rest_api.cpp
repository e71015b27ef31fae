#include "services/middleware/rest_api.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "services/middleware/answering_job.h"
#include "services/middleware/app_call.h"

namespace holdfast::middleware {
namespace {

constexpr std::size_t kLongestText = 64;  // of headers that are kept
constexpr std::size_t kLongestHeader = 256;

}  // namespace

void RestApi::AddRoutes(http::Router& router) {
  routes_.emplace_back("GET", "/v1/openapi.json");
  router.Get("/v1/openapi.json", http::Inline([](const http::Request&) {
               http::Response response = http::Response::Json(std::string(OpenApiDocument()));
               response.headers.emplace_back("Access-Control-Allow-Origin", "*");
               return response;
             }));
  const auto session = [&](std::string_view path,
                           http::Response (RestSession::*method)(const RestCall&), Access access) {
    Add(router, "POST", path, access, Where::kOnWorker,
        [this, method](const RestCall& call) { return (parts_.session.*method)(call); });
  };
  session("/v1/login", &RestSession::LogIn, Access::kAnybody);
  session("/v1/logout", &RestSession::LogOut, Access::kLoggedIn);
  Add(router, "GET", "/v1/profile", Access::kLoggedIn, Where::kHere,
      [this](const RestCall& call) { return parts_.session.Profile(call); });

  const auto catalogue = [&](std::string_view path, Where where,
                             http::Response (RestCatalogue::*method)(const RestCall&) const) {
    Add(router, "GET", path, Access::kLoggedIn, where,
        [this, method](const RestCall& call) { return (parts_.catalogue.*method)(call); });
  };
  catalogue("/v1/genres", Where::kHere, &RestCatalogue::Genres);
  catalogue("/v1/channels", Where::kOnWorker, &RestCatalogue::Channels);
  catalogue("/v1/guide", Where::kOnWorker, &RestCatalogue::Guide);
  catalogue("/v1/guide/search", Where::kOnWorker, &RestCatalogue::Search);
  catalogue("/v1/channels/{channel}/link", Where::kHere, &RestCatalogue::LiveLink);
  catalogue("/v1/channels/{channel}/catch-up", Where::kHere, &RestCatalogue::CatchUpLink);

  const auto history = [&](std::string_view method, std::string_view path, Where where,
                           http::Response (RestHistory::*function)(const RestCall&)) {
    Add(router, method, path, Access::kLoggedIn, where,
        [this, function](const RestCall& call) { return (parts_.history.*function)(call); });
  };
  history("GET", "/v1/resume-points", Where::kOnWorker, &RestHistory::ResumePoints);
  history("PUT", "/v1/resume-points/{content}", Where::kOnWorker, &RestHistory::PutResumePoint);
  history("GET", "/v1/history", Where::kOnWorker, &RestHistory::History);
  history("POST", "/v1/history", Where::kOnWorker, &RestHistory::AddToHistory);
  history("GET", "/v1/message", Where::kHere, &RestHistory::Message);
  history("POST", "/v1/message/{message}/confirm", Where::kHere, &RestHistory::ConfirmMessage);

  Add(router, "GET", "/v1/parental", Access::kLoggedIn, Where::kHere,
      [this](const RestCall& call) { return parts_.parental.Get(call); });
  Add(router, "PUT", "/v1/parental", Access::kLoggedIn, Where::kOnWorker,
      [this](const RestCall& call) { return parts_.parental.Put(call); });
  Add(router, "GET", "/v1/favourites", Access::kLoggedIn, Where::kOnWorker,
      [this](const RestCall& call) { return parts_.viewer.Favourites(call); });
  Add(router, "PUT", "/v1/favourites", Access::kLoggedIn, Where::kOnWorker,
      [this](const RestCall& call) { return parts_.viewer.PutFavourites(call); });
  AddStreamRoutes(router);
  AddPersonRoutes(router);
  AddFilmRoutes(router);
}

void RestApi::AddStreamRoutes(http::Router& router) {
  Add(router, "GET", "/v1/streams", Access::kLoggedIn, Where::kHere,
      [this](const RestCall& call) { return parts_.streams.List(call); });
  Add(router, "PUT", "/v1/stream", Access::kLoggedIn, Where::kHere,
      [this](const RestCall& call) { return parts_.streams.Keep(call); });
  Add(router, "DELETE", "/v1/stream", Access::kLoggedIn, Where::kHere,
      [this](const RestCall& call) { return parts_.streams.End(call); });
}

void RestApi::AddPersonRoutes(http::Router& router) {
  const auto add = [&](std::string_view method, std::string_view path, auto& part, auto function) {
    Add(router, method, path, Access::kLoggedIn, Where::kOnWorker,
        [&part, function](const RestCall& call) { return (part.*function)(call); });
  };
  add("GET", "/v1/profiles", parts_.profiles, &RestProfiles::List);
  add("POST", "/v1/profiles", parts_.profiles, &RestProfiles::Add);
  add("PUT", "/v1/profiles/{profile}", parts_.profiles, &RestProfiles::Put);
  add("DELETE", "/v1/profiles/{profile}", parts_.profiles, &RestProfiles::Remove);
  add("GET", "/v1/reminders", parts_.reminders, &RestReminders::List);
  add("PUT", "/v1/reminders/{programme}", parts_.reminders, &RestReminders::Put);
  add("DELETE", "/v1/reminders/{programme}", parts_.reminders, &RestReminders::Remove);
}

void RestApi::AddFilmRoutes(http::Router& router) {
  const auto add = [&](std::string_view method, std::string_view path, auto function) {
    Add(router, method, path, Access::kLoggedIn, Where::kOnWorker,
        [this, function](const RestCall& call) { return (parts_.films.*function)(call); });
  };
  add("GET", "/v1/films", &RestFilms::List);
  add("GET", "/v1/films/categories", &RestFilms::Categories);
  add("GET", "/v1/films/favourites", &RestFilms::Favourites);
  add("PUT", "/v1/films/favourites/{film}", &RestFilms::AddFavourite);
  add("DELETE", "/v1/films/favourites/{film}", &RestFilms::RemoveFavourite);
  add("GET", "/v1/films/files/{file}/link", &RestFilms::Link);
  add("GET", "/v1/films/{film}", &RestFilms::Details);
  add("POST", "/v1/films/{film}/rental", &RestFilms::Rent);
}

void RestApi::Add(http::Router& router, std::string_view method, std::string_view pattern,
                  Access access, Where where, Answer answer) {
  routes_.emplace_back(method, pattern);
  router.Add(
      method, pattern,
      [this, access, where, kind = NewJobKind(), answer = std::move(answer)](
          const http::Request& request, http::Reply reply) {
        RestCall call = Parse(request);
        if (access == Access::kLoggedIn) {
          if (auto problem = LetIn(call)) return reply.Send(*std::move(problem));
        }
        if (where == Where::kHere) return reply.Send(Finish(answer(call), call));
        auto waiting = std::make_shared<RestCall>(std::move(call));
        AnsweringJob job;
        job.caller = ViewerOf(request);
        job.kind = kind;
        job.work = [this, waiting, answer]() -> AnsweringJob::Answered {
          return {Finish(answer(*waiting), *waiting)};
        };
        job.refuse = [this] {
          parts_.metrics.busy.Add();
          return TryAgain("there is too much to do at the moment");
        };
        parts_.workers.Submit(JobFor(request, std::move(reply), std::move(job), parts_.clock));
      });
}

RestCall RestApi::Parse(const http::Request& request) const {
  RestCall call;
  call.now = parts_.clock.Now();
  call.form = http::Form(request.query());
  call.parts = request.captures();
  call.body = request.body();
  call.bearer = BearerOf(request.Header("Authorization"));
  // Set by the balancer in front of us; without one it decides nothing but limits.
  const std::string_view real_ip = request.Header("X-Real-IP");
  call.client_address =
      (real_ip.empty() ? request.remote_address() : real_ip).substr(0, kLongestText);
  const std::string_view client = request.Header("User-Agent");
  call.client = client.substr(0, std::min(client.find(' '), kLongestText));
  call.if_none_match = request.Header("If-None-Match");
  call.request_line = std::string(request.method()) + " " + std::string(request.path());
  call.idempotency_key = request.Header("Idempotency-Key").substr(0, kLongestHeader);
  call.pin = request.Header("X-Pin").substr(0, kLongestText);
  call.profile = request.Header("X-Profile").substr(0, kLongestText);
  call.accepts_gzip = AcceptsGzip(request.Header("Accept-Encoding"));
  return call;
}

std::optional<http::Response> RestApi::LetIn(RestCall& call) const {
  const auto nobody = [] { return Problem(401, "unauthenticated", "the token opens nothing"); };
  call.offered = parts_.sessions.Examine(call.bearer, call.now);
  if (call.offered.session == nullptr) return nobody();
  const security::PortalClaims& claims = call.offered.session->claims;
  const std::optional<Mac> mac = Mac::Parse(claims.mac);
  if (!mac || claims.account_id.empty()) return nobody();
  call.device = parts_.devices.Find(mac->text());
  if (call.device == nullptr) call.device = DeviceInToken(claims);
  if (call.device == nullptr || call.device->account.value() != claims.account_id ||
      CheckSession(call.offered.token, *mac, call.device.get()) != SessionVerdict::kValid) {
    return nobody();
  }
  call.knowledge = BestKnowledge(call.account(), parts_.entitlements.Peek(call.account()),
                                 call.offered.session->entitlement, when_unknown_);
  if (call.knowledge.entitlement->standing == Entitlement::Standing::kClosed) return nobody();
  return std::nullopt;
}

http::Response RestApi::Finish(http::Response response, const RestCall& call) const {
  if (call.device != nullptr && response.status < 400) {
    if (const auto age = parts_.entitlements.StaleSince()) {
      MarkDegraded(response, {{Neighbour::kBilling, age}}, "rest", parts_.metrics);
    }
  }
  return response;
}

}  // namespace holdfast::middleware

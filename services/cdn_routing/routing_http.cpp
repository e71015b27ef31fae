#include "services/cdn_routing/routing_http.h"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <utility>

#include "libs/base/status.h"
#include "libs/security/token.h"

namespace holdfast::cdn_routing {
namespace {

constexpr Duration kFreshInventory = std::chrono::seconds(10);
constexpr std::size_t kMaxPart = 128;

// What may stand in a link without being escaped.
bool IsPathPart(std::string_view part) {
  return !part.empty() && part.size() <= kMaxPart && part.front() != '.' &&
         std::all_of(part.begin(), part.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
         });
}

// Any page may be redirected, none with credentials: the link itself is the right.
void AllowOtherOrigins(http::Response& response) {
  response.headers.emplace_back("Access-Control-Allow-Origin", "*");
  response.headers.emplace_back("Access-Control-Expose-Headers", "Location, X-Degraded");
  response.headers.emplace_back("Cache-Control", "no-store");
}

http::Response Preflight(const http::Request&) {
  http::Response response{.status = 204};
  AllowOtherOrigins(response);
  response.headers.emplace_back("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS");
  response.headers.emplace_back("Access-Control-Allow-Headers", "Range");
  response.headers.emplace_back("Access-Control-Max-Age", "86400");
  return response;
}

http::Response Health(const http::Request&) {
  http::Response response = http::Response::Text(200, "ok\n");
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

std::string ToJson(const std::vector<std::string>& locations, bool with_best) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> json(buffer);
  const auto put = [&json](const std::string& text) {
    json.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
  };
  json.StartObject();
  if (with_best) {
    json.Key("location");
    put(locations.front());
  }
  json.Key("locations");
  json.StartArray();
  for (const std::string& location : locations) put(location);
  json.EndArray();
  json.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace

struct RoutingHttp::Wish {
  std::string channel;
  std::string file;
  std::string token;
  bool as_json = false;
  bool all_as_json = false;
  WallTime expires;

  std::string directory() const { return "live/" + channel; }
};

RoutingHttp::RoutingHttp(const Options& options, Parts parts)
    : options_(options), parts_(std::move(parts)) {}

http::Router RoutingHttp::Routes() {
  constexpr std::string_view kRoute = "/route/live/{channel}/{file}";
  http::Router router;
  router.Get(kRoute, http::Inline([this](const http::Request& request) { return Route(request); }),
             Criticality::kCritical);
  router.Add("OPTIONS", kRoute, http::Inline(Preflight));
  router.Get("/health", http::Inline(Health), Criticality::kCritical);
  return router;
}

http::Response RoutingHttp::Route(const http::Request& request) const {
  absl::StatusOr<Wish> wish = Read(request);
  if (!wish.ok()) return Refuse(404, "path", "no such channel\n");
  if (const absl::Status status = CheckToken(*wish); !status.ok()) {
    return Refuse(403, "token", fmt::format("play token: {}\n", View(status.message())));
  }
  http::Response response = wish->all_as_json ? List(*wish, false)
                            : wish->as_json   ? List(*wish, true)
                                              : Redirect(*wish);
  MarkDegraded(response);
  return response;
}

absl::StatusOr<RoutingHttp::Wish> RoutingHttp::Read(const http::Request& request) const {
  const http::Form form(request.query());
  Wish wish{.channel = request.captures()[0],
            .file = request.captures()[1],
            .token = std::string(form.Get("token")),
            .as_json = form.Get("format") == "json",
            .all_as_json = form.Get("trred") == "false",
            .expires = parts_.clock.Now() + options_.link_ttl};
  if (!IsPathPart(wish.channel) || !IsPathPart(wish.file)) return NotFound("not a channel's file");
  return wish;
}

absl::Status RoutingHttp::CheckToken(Wish& wish) const {
  if (wish.token.empty()) {
    if (options_.links_without_token) return absl::OkStatus();
    return Unauthenticated("missing");
  }
  HOLDFAST_ASSIGN_OR_RETURN(
      const security::PlayClaims claims,
      security::VerifyPlayToken(wish.token, parts_.play_keys, parts_.clock.Now()));
  if (claims.channel_id != wish.channel) return PermissionDenied("is for another channel");
  wish.expires = std::min(wish.expires, FromEpochSeconds(claims.expires_at));
  return absl::OkStatus();
}

http::Response RoutingHttp::Redirect(const Wish& wish) const {
  const std::shared_ptr<const RoutingTable> table = parts_.board.table();
  const std::string directory = wish.directory();
  const placement::LinkRequest link{directory, wish.file, wish.token, wish.expires};
  const auto send_to = [&](const placement::Edge& edge, std::string location) {
    if (const telemetry::Counter* counter = Find(table->redirects, edge.id)) counter->Add();
    http::Response response = http::Response::Text(302, "");
    AllowOtherOrigins(response);
    response.headers.emplace_back("Location", std::move(location));
    return response;
  };
  const placement::Edge* best = table->edges.Best(wish.channel, options_.zone);
  if (best == nullptr) return Refuse(503, "no edge", "no edge is known\n");
  std::string location = placement::LinkOn(*best, link, parts_.secrets);
  if (!location.empty()) return send_to(*best, std::move(location));

  // The best one wants a signature that we cannot make: the next that we can.
  for (const placement::Edge* edge : table->edges.Rank(wish.channel, options_.zone)) {
    location = placement::LinkOn(*edge, link, parts_.secrets);
    if (!location.empty()) return send_to(*edge, std::move(location));
  }
  return Refuse(503, "no secret", "no link can be signed\n");
}

http::Response RoutingHttp::List(const Wish& wish, bool with_best) const {
  const std::shared_ptr<const RoutingTable> table = parts_.board.table();
  const std::string directory = wish.directory();
  std::vector<std::string> locations;
  for (const placement::Edge* edge : table->edges.Rank(wish.channel, options_.zone)) {
    std::string location =
        placement::LinkOn(*edge, {directory, wish.file, wish.token, wish.expires}, parts_.secrets);
    if (!location.empty()) locations.push_back(std::move(location));
  }
  if (locations.empty()) return Refuse(503, "no edge", "no edge can be used\n");
  http::Response response = http::Response::Json(ToJson(locations, with_best));
  AllowOtherOrigins(response);
  return response;
}

http::Response RoutingHttp::Refuse(int status, std::string_view reason,
                                   std::string_view text) const {
  parts_.metrics.refused.With({reason}).Add();
  http::Response response = http::Response::Text(status, std::string(text));
  AllowOtherOrigins(response);
  return response;
}

void RoutingHttp::MarkDegraded(http::Response& response) const {
  const Duration age = parts_.inventory_age();
  if (age < kFreshInventory) return;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(age).count();
  response.headers.emplace_back("X-Degraded", fmt::format("postgres;age={}", seconds));
  parts_.metrics.degraded_answers.With({"postgres", "Route"}).Add();
}

}  // namespace holdfast::cdn_routing

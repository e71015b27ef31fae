#include "tests/resilience/drill_load.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <utility>

#include "holdfast/analytics/v1/analytics.pb.h"
#include "holdfast/billing/v1/billing.pb.h"
#include "holdfast/cdn_routing/v1/cdn_routing.pb.h"
#include "holdfast/drm/v1/drm.pb.h"
#include "holdfast/epg/v1/epg.pb.h"
#include "holdfast/middleware/v1/middleware.pb.h"
#include "libs/base/status.h"
#include "libs/testing/eventually.h"
#include "tests/e2e/box.h"
#include "tests/load/known_boxes.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;

constexpr char kAccount[] = "demo";
constexpr int kBoxes = 40;
constexpr auto kPatience = 5s;        // of boxes and players
constexpr auto kPlayerPause = 100ms;  // of each of the players
constexpr int kPlayersOfAKind = 4;
constexpr std::size_t kLooksForKeys = 8;  // channels among which an encrypted one must be

template <class Request, class Response>
LoadedMethod Method(const std::string& service, const std::string& method, Request request,
                    double per_second = 20) {
  return {.service = service,
          .method = method,
          .request = std::make_shared<Request>(std::move(request)),
          .response = std::make_shared<Response>(),
          .per_second = per_second};
}

// A read of each service, and a command that may not be made twice.
std::vector<LoadedMethod> Methods() {
  billing::v1::GetEntitlementRequest entitlement;
  entitlement.set_account_id(kAccount);
  middleware::v1::RevokeDeviceRequest revoke;  // a box that nobody plays
  revoke.set_mac(load::MacOf(kBoxes));
  analytics::v1::ReportRequest day;
  day.set_to_ms(std::int64_t{1000} * std::time(nullptr));
  day.set_from_ms(day.to_ms() - 24 * 3600 * 1000);
  return {
      Method<billing::v1::GetEntitlementRequest, billing::v1::Entitlement>(
          "billing", "holdfast.billing.v1.Billing/GetEntitlement", entitlement),
      Method<epg::v1::ListSourcesRequest, epg::v1::ListSourcesResponse>(
          "epg", "holdfast.epg.v1.Epg/ListSources", {}),
      Method<cdn_routing::v1::ListEdgesRequest, cdn_routing::v1::ListEdgesResponse>(
          "cdn_routing", "holdfast.cdn_routing.v1.CdnRouting/ListEdges", {}),
      Method<drm::v1::ListEpochsRequest, drm::v1::ListEpochsResponse>(
          "drm", "holdfast.drm.v1.Drm/ListEpochs", {}),
      Method<analytics::v1::ReportRequest, analytics::v1::ListChannelCountsResponse>(
          "analytics", "holdfast.analytics.v1.Analytics/ListChannelCounts", day),
      Method<middleware::v1::ListDevicesRequest, middleware::v1::ListDevicesResponse>(
          "middleware", "holdfast.middleware.v1.Middleware/ListDevices", {}),
      Method<middleware::v1::RevokeDeviceRequest, middleware::v1::Device>(
          "middleware", "holdfast.middleware.v1.Middleware/RevokeDevice", revoke, 5),
  };
}

std::uint16_t PortOf(const std::string& url) {
  const std::size_t colon = url.find(':', url.find("//") + 2);
  return static_cast<std::uint16_t>(std::atoi(url.c_str() + colon + 1));
}

std::string GetOf(const std::string& target) {
  return "GET " + target + " HTTP/1.1\r\nHost: holdfast\r\n\r\n";
}

double Percentile99(std::vector<double> samples) {
  if (samples.empty()) return 0;
  std::ranges::sort(samples);
  const double rank = std::ceil(0.99 * static_cast<double>(samples.size()));
  return samples[static_cast<std::size_t>(rank) - 1];
}

// What drm is asked for the key at "/s/<md5>/<expires>/<token>/live/<channel>/key/<period>" of an
// edge; "" if the address is another.
std::string KeyRequest(const std::string& url) {
  const std::size_t live = url.find("/live/");
  const std::size_t key = url.find("/key/");
  if (live == url.npos || key == url.npos || key < live) return "";
  const std::size_t token = url.rfind('/', live - 1) + 1;
  const std::string channel = url.substr(live + 6, key - live - 6);
  return GetOf("/key/" + channel + "/" + url.substr(key + 5) +
               "?token=" + url.substr(token, live - token));
}

}  // namespace

GrpcLoad::Options CallerOptions(const Platform& platform, const std::string& snapshots) {
  const std::string tls = platform.Endpoint("RUN_DIR") + "/tls";
  return {.discovery = {.spec = "etcd:" + platform.Endpoint("ETCD_URL"), .snapshot_dir = snapshots},
          .tls = security::TlsFilesIn(tls, "operator"),
          .own_zone = "a"};
}

absl::Status RegisterBoxes(const Platform& platform, int count) {
  return load::Register({.etcd_url = platform.Endpoint("ETCD_URL"),
                         .tls_dir = platform.Endpoint("RUN_DIR") + "/tls",
                         .account_id = kAccount,
                         .count = static_cast<std::size_t>(count)});
}

SteadyGet::SteadyGet(std::string its_name, std::string request, int wanted_status,
                     std::chrono::milliseconds pause)
    : name(std::move(its_name)),
      request_(std::move(request)),
      wanted_status_(wanted_status),
      pause_(pause),
      next_(load::SteadyClock::now()) {}

std::string SteadyGet::Request() {
  next_ += pause_;
  return request_;
}

void SteadyGet::Take(const load::Outcome& outcome) {
  ++done;
  took_ms.push_back(outcome.took_ms);
  if (outcome.status == wanted_status_) return;
  if (failed++ > 0) return;
  first_failure = fmt::format("HTTP {} {} after {:.0f} ms: {}", outcome.status, outcome.trouble,
                              outcome.took_ms, outcome.body.substr(0, 80));
}

absl::StatusOr<std::unique_ptr<DrillLoad>> DrillLoad::Make(const Platform& platform) {
  std::unique_ptr<DrillLoad> load(new DrillLoad());
  HOLDFAST_RETURN_IF_ERROR(RegisterBoxes(platform, kBoxes + 1));
  load->grpc_ = std::make_unique<GrpcLoad>(CallerOptions(platform, ""), Methods());
  if (!Eventually([&] { return load->grpc_->AllUp(2); }, 30s)) {
    return Unavailable("not everybody is up:\n{}", load->grpc_->Describe());
  }
  load->loop_ = std::make_unique<load::OpenLoop>(kPatience);
  HOLDFAST_RETURN_IF_ERROR(load->AddPlayers(platform));
  return load;
}

absl::Status DrillLoad::AddPlayers(const Platform& platform) {
  Box box(platform.Endpoint("PORTAL_URL"), platform.Endpoint("DEMO_MAC"));
  HOLDFAST_RETURN_IF_ERROR(box.LogIn());
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<BoxChannel> channels, box.ListChannels());
  for (const BoxChannel& channel : channels) channels_.push_back(channel.command);
  std::string key_request;
  for (std::size_t i = 0; i < std::min(kLooksForKeys, channels.size()); ++i) {
    HOLDFAST_ASSIGN_OR_RETURN(const Playlist playlist, box.Zap(channels[i]));
    if (!playlist.keys.empty()) key_request = KeyRequest(playlist.keys.front());
    if (!key_request.empty()) break;
  }
  if (key_request.empty()) return Internal("no encrypted channel among the first of the lineup");

  const auto ports = [&](const std::string& service, int first) {
    std::vector<std::uint16_t> both;
    for (const char* zone : {"A", "B"}) {
      both.push_back(PortOf(platform.Endpoint("HOLDFAST_" + service + "_" + zone + "_HTTP")));
    }
    if (first == 1) std::swap(both[0], both[1]);
    return both;
  };
  for (int i = 0; i < kBoxes; ++i) {
    boxes_.push_back(std::make_unique<load::LivingBox>(load::MacOf(i), channels_, load::Rhythm{},
                                                       2s, SecureSeed(), log_));
    loop_->Add(*boxes_.back(), ports("MIDDLEWARE", i % 2));
  }
  for (int i = 0; i < kPlayersOfAKind; ++i) {
    players_.push_back(std::make_unique<SteadyGet>("drm key", key_request, 200, kPlayerPause));
    loop_->Add(*players_.back(), ports("DRM", i % 2));
    players_.push_back(std::make_unique<SteadyGet>(
        "cdn_routing redirect", GetOf("/route/live/ch1/index.m3u8"), 302, kPlayerPause));
    loop_->Add(*players_.back(), ports("CDN_ROUTING", i % 2));
  }
  return absl::OkStatus();
}

DrillLoad::~DrillLoad() { Stop(); }

void DrillLoad::Start() {
  grpc_->Start();
  thread_ = std::thread([this] { connections_ = loop_->Play([this] { return stop_.load(); }); });
}

void DrillLoad::Stop() {
  if (!thread_.joinable()) return;
  stop_ = true;
  calls_ = grpc_->Stop();
  thread_.join();
}

std::vector<HttpReport> DrillLoad::Http() {
  std::vector<HttpReport> reports;
  const load::BoxCounts& boxes = log_.at(0);
  HttpReport portal{.name = "middleware portal"};
  for (const std::size_t done : boxes.done) portal.requests += done;
  portal.failed = boxes.failures();
  portal.p99_ms = Percentile99(boxes.zap_ms);
  portal.first_failure = boxes.first_failure;
  reports.push_back(std::move(portal));
  for (const char* name : {"drm key", "cdn_routing redirect"}) {
    HttpReport report{.name = name};
    std::vector<double> took;
    for (const auto& player : players_) {
      if (player->name != name) continue;
      report.requests += static_cast<std::size_t>(player->done);
      report.failed += static_cast<std::size_t>(player->failed);
      took.insert(took.end(), player->took_ms.begin(), player->took_ms.end());
      if (report.first_failure.empty()) report.first_failure = player->first_failure;
    }
    report.p99_ms = Percentile99(std::move(took));
    reports.push_back(std::move(report));
  }
  return reports;
}

std::size_t DrillLoad::Print(std::string& failures) {
  std::size_t failed = 0;
  std::printf("\n| to | calls | failed | p99 ms | tries a call |\n|---|---|---|---|---|\n");
  for (const MethodReport& r : calls_) {
    failed += static_cast<std::size_t>(r.failed);
    std::printf("| gRPC %s | %d | %d | %.1f | %.3f |\n", r.method.substr(9).c_str(), r.calls,
                r.failed, r.p99_ms, r.tries_per_call);
    if (r.failed > 0) failures += r.method + ": " + r.first_failure + "\n";
  }
  for (const HttpReport& r : Http()) {
    failed += r.failed;
    std::printf("| HTTP %s | %zu | %zu | %.1f | - |\n", r.name.c_str(), r.requests, r.failed,
                r.p99_ms);
    if (r.failed > 0) failures += r.name + ": " + r.first_failure + "\n";
  }
  std::printf(
      "\nHTTP clients: %zu times not let in and asked the other instance, %zu times a kept "
      "connection had ended and the request was sent again\n\n",
      connections_.moved, connections_.sent_again);
  return failed;
}

}  // namespace holdfast::test

#include "services/middleware/portal_fixture_test.h"

#include <future>

#include "holdfast/cdn_routing/v1/cdn_routing.pb.h"
#include "holdfast/epg/v1/epg.pb.h"
#include "libs/testing/status_matchers.h"
#include "services/middleware/convert.h"
#include "services/middleware/gzip.h"

namespace holdfast::middleware {
namespace {

using replica::Update;
using test::IsOk;

class FakeRequest final : public http::Request {
 public:
  explicit FakeRequest(const BoxRequest& box) : box_(box), target_(box.path + "?" + box.query) {}

  std::string_view method() const override { return box_.method; }
  std::string_view target() const override { return target_; }
  std::string_view path() const override { return box_.path; }
  std::string_view query() const override { return box_.query; }
  std::string_view body() const override { return box_.body; }
  std::string_view remote_address() const override { return "127.0.0.1"; }
  const std::vector<std::string>& captures() const override { return captures_; }
  std::string_view Header(std::string_view name) const override {
    if (name == "Cookie") return box_.cookie;
    if (name == "Authorization") return box_.authorization;
    if (name == "Accept-Encoding") return box_.accept_encoding;
    if (name == "X-Real-IP") return box_.real_ip;
    if (name == "X-User-Agent") return "Model: MAG250; Link: WiFi";
    return {};
  }
  Deadline deadline() const override { return box_.deadline; }
  bool Admits(Criticality criticality, std::string_view) const override {
    return criticality <= box_.admitted;
  }

 private:
  const BoxRequest& box_;
  const std::string target_;
  const std::vector<std::string> captures_;
};

class Catcher final : public http::Reply::Target {
 public:
  void Send(http::Response response) override { promise_.set_value(std::move(response)); }
  http::Response Wait() { return promise_.get_future().get(); }

 private:
  std::promise<http::Response> promise_;
};

std::vector<std::pair<std::string, std::string>> HeadersOf(const http::Response& response) {
  auto headers = response.headers;
  for (std::string_view lines = response.header_lines; !lines.empty();) {
    const std::size_t colon = lines.find(": ");
    const std::size_t end = lines.find("\r\n");
    headers.emplace_back(lines.substr(0, colon), lines.substr(colon + 2, end - colon - 2));
    lines.remove_prefix(end + 2);
  }
  return headers;
}

SharedBytes Bytes(const google::protobuf::MessageLite& message) {
  return MakeShared(message.SerializeAsString());
}

}  // namespace

std::string BoxAnswer::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return "";
}

Json BoxAnswer::Js() const {
  EXPECT_EQ(status, 200);
  EXPECT_EQ(content_type, "application/json");
  const Json envelope = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  EXPECT_TRUE(envelope.is_object()) << body;
  if (!envelope.is_object()) return Json();
  EXPECT_TRUE(envelope.contains("js")) << body;
  EXPECT_TRUE(envelope.contains("text") && envelope["text"].is_string()) << body;
  return envelope.value("js", Json());
}

PortalFixture::PortalFixture(FixtureOptions options)
    : data_dir_(options.data_dir.empty() ? dir_.path() : options.data_dir) {
  directory_ = *discovery::OpenDirectory(
      {.spec = "static:billing=" + options.billing + ";analytics=127.0.0.1:1;epg=127.0.0.1:1"},
      clock_, random_, metrics_);
  const rpc::ChannelEnvironment environment{*directory_, clock_, random_, metrics_, {}, "a"};
  // The deadlines of calls that a neighbour answers are the real clock's.
  const bool answers = options.billing != FixtureOptions().billing;
  const Clock& clock = answers ? SystemClock::Get() : static_cast<const Clock&>(clock_);
  billing_ = std::make_unique<rpc::Channel>(
      "billing", rpc::PeerOptions{},
      rpc::ChannelEnvironment{*directory_, clock, random_, metrics_, {}, "a"});
  epg_ = std::make_unique<rpc::Channel>("epg", rpc::PeerOptions{}, environment);
  analytics_ = std::make_unique<rpc::Channel>("analytics", rpc::PeerOptions{}, environment);
  postgres_ = std::make_unique<storage::PgPool>(options.postgres, metrics_);
  redis_ = std::make_unique<storage::RedisPool>(options.redis, metrics_);
  writes_ =
      *storage::DiskSpool::Open({.directory = data_dir_ + "/writes", .name = "writes"}, metrics_);
  settings_ = *storage::DiskSpool::Open({.directory = data_dir_ + "/settings", .name = "settings"},
                                        metrics_);
  viewers_ = *storage::DiskSpool::Open(
      {.directory = data_dir_ + "/viewer_items", .name = "viewer_items"}, metrics_);
  reports_ =
      *storage::DiskSpool::Open({.directory = data_dir_ + "/reports", .name = "reports"}, metrics_);
  hooks_ =
      *storage::DiskSpool::Open({.directory = data_dir_ + "/hooks", .name = "hooks"}, metrics_);
  workers_ = std::make_unique<WorkerPool>(
      WorkerPool::Options{.threads = 2, .max_waiting = options.max_waiting});

  Keys keys{.portal = security::KeySet::ForTest("k1", "0123456789abcdef0123456789abcdef"),
            .play = play_keys_};
  keys.links.Set("cdn-1", "secret");
  if (!options.oss_credentials.empty()) keys.oss = *OssCredentials::Parse(options.oss_credentials);
  Config config;
  config.portal = options.portal;
  config.oss = options.oss;
  config.entitlement_keys = options.entitlement_keys;
  config.apps = options.apps;
  config.streams = options.streams;
  config.redis = options.redis;
  assembly_ = std::make_unique<Assembly>(
      config, std::move(keys),
      Surroundings{*postgres_, *redis_, *writes_, *settings_, *viewers_, *reports_, *hooks_,
                   *billing_, *epg_, *analytics_, *workers_, metrics_, clock_, random_,
                   "middleware-a", "a",
                   [this](std::string_view name) { return data_dir_ + "/" + std::string(name); }});
  // As the runtime does for what it follows.
  portal().models().edges_replica().LoadFromDisk().IgnoreError();
  portal().models().guide_replica().LoadFromDisk().IgnoreError();
}

// Workers may still hold the last request.
PortalFixture::~PortalFixture() { workers_.reset(); }

void PortalFixture::HaveLineup(const std::string& m3u) {
  const auto plan = PlanImport(lineup_, ParseM3u(m3u), LargeRemoval::kAllow, clock_.Now());
  ASSERT_THAT(plan, IsOk());
  lineup_ = {
      .channels = plan->put_channels, .genres = plan->put_genres, .revision = lineup_.revision + 1};
  Update update{.kind = Update::Kind::kFull, .epoch = "test", .revision = lineup_.revision};
  for (const Channel& c : lineup_.channels) {
    if (c.removed) continue;
    v1::LineupItem item;
    *item.mutable_channel() = ToProto(c);
    update.items.emplace_back("c" + std::to_string(c.id.value()), Bytes(item));
  }
  for (const Genre& g : lineup_.genres) {
    v1::LineupItem item;
    *item.mutable_genre() = ToProto(g);
    update.items.emplace_back("g" + std::to_string(g.id.value()), Bytes(item));
  }
  ASSERT_THAT(portal().models().lineup_replica().Apply(update), IsOk());
}

void PortalFixture::HaveUsualLineup() {
  HaveLineup(
      "#EXTM3U\n"
      "#EXTINF:-1 tvg-id=\"news1.example\" tvg-logo=\"http://l/1.png\" group-title=\"news\" "
      "catchup-days=\"7\" holdfast-catchup-since=\"0\",News 1\nhttp://x/live/news-1/index.m3u8\n"
      "#EXTINF:-1 tvg-id=\"film.example\" group-title=\"films\" holdfast-encrypted=\"1\",Film "
      "\"One\"\n"
      "http://x/live/film-1/index.m3u8\n"
      "#EXTINF:-1 group-title=\"sport\" holdfast-package=\"sport\",Sport "
      "1\nhttp://x/live/sport-1/index.m3u8\n"
      "#EXTINF:-1 group-title=\"Adult\",Late\nhttp://x/live/late-1/index.m3u8\n");
}

void PortalFixture::HaveDevice(const std::string& mac, const std::string& account, bool started) {
  Device device;
  device.mac = mac;
  device.id = 12;
  device.account = AccountId(account);
  device.started = started;
  device.model = started ? "MAG250" : "";
  device.revision = 1;
  portal().devices().Put(device);
}

void PortalFixture::HaveEntitlement(const std::string& account, std::vector<std::string> packages,
                                    billing::v1::Entitlement::Status status,
                                    const std::vector<std::pair<int, std::int64_t>>& rentals) {
  billing::v1::Entitlement entitlement;
  for (const auto& [title, until] : rentals) {
    billing::v1::RunningRental& rental = *entitlement.add_rentals();
    rental.set_item_id(RentalItemOf(title));
    rental.mutable_until()->set_seconds(until);
  }
  entitlement.set_account_id(account);
  entitlement.set_revision(++feed_revision_);
  entitlement.set_status(status);
  for (const std::string& package : packages) entitlement.add_package_ids(package);
  entitlement.set_full_name("Ada Example");
  entitlement.set_account_number("A-1");
  entitlement.set_phone("123");
  entitlement.set_tariff_plan_name("Everything");
  entitlement.set_balance_minor_units(1234);
  entitlement.set_currency("EUR");
  entitlement.set_max_streams(max_streams);
  if (status == billing::v1::Entitlement::STATUS_SUSPENDED) {
    entitlement.set_reason(billing::v1::Entitlement::REASON_UNPAID);
    entitlement.set_owed_minor_units(1190);
    entitlement.set_due_on("2026-02-14");
  }
  replica::ReplicaBase& feed = portal().entitlements().feed();
  if (!feed.loaded()) {
    ASSERT_THAT(feed.Apply({.kind = Update::Kind::kReset, .epoch = "test"}), IsOk());
  }
  ASSERT_THAT(feed.Apply({.kind = Update::Kind::kDelta,
                          .epoch = "test",
                          .revision = feed_revision_,
                          .items = {{account, Bytes(entitlement)}}}),
              IsOk());
}

void PortalFixture::HavePackages(std::int64_t price) {
  billing::v1::Package basic, cinema;
  basic.set_package_id("basic");
  cinema.set_package_id("cinema");
  cinema.set_name("Cinema");
  cinema.set_service_type(billing::v1::Package::SERVICE_TYPE_SINGLE);
  cinema.set_rental_seconds(48 * 3600);
  cinema.add_rental_prices()->set_minor_units(price);
  cinema.mutable_rental_prices(0)->set_currency("EUR");
  ASSERT_THAT(portal().models().packages_replica().Apply(
                  {.kind = Update::Kind::kFull,
                   .epoch = "billing",
                   .revision = ++package_revision_,
                   .items = {{"basic", Bytes(basic)}, {"cinema", Bytes(cinema)}}}),
              IsOk());
}

void PortalFixture::HaveEdges(int count) {
  Update update{.kind = Update::Kind::kFull, .epoch = "test", .revision = 1};
  for (int i = 1; i <= count; ++i) {
    cdn_routing::v1::Edge edge;
    edge.set_edge_id("edge-" + std::to_string(i));
    edge.set_cdn_id("cdn-1");
    edge.set_zone(i % 2 == 1 ? "a" : "b");
    edge.set_base_url("http://edge-" + std::to_string(i));
    edge.set_weight(100);
    edge.set_health(cdn_routing::v1::Edge::HEALTH_UP);
    edge.set_signing_key_id("cdn-1");
    update.items.emplace_back(edge.edge_id(), Bytes(edge));
  }
  ASSERT_THAT(portal().models().edges_replica().Apply(update), IsOk());
}

void PortalFixture::HaveGuide(const std::string& guide_id, int hours) {
  std::map<std::string, epg::v1::GuideDay> days;
  for (int hour = -3; hour < hours; ++hour) {
    const std::int64_t start = kNowSeconds + hour * 3600 - 1800;
    const std::string day = TimeZone::Utc().Format("%Y%m%d", FromEpochSeconds(start));
    epg::v1::Programme& programme = *days[day].add_programmes();
    programme.set_start(start);
    programme.set_stop(start + 3600);
    programme.set_title("Show " + std::to_string(hour));
    programme.set_description("About \"it\"");
  }
  Update update{.kind = Update::Kind::kFull, .epoch = "test", .revision = 1};
  for (auto& [day, item] : days) {
    item.set_epg_channel_id(guide_id);
    item.set_day(day);
    update.items.emplace_back(guide_id + "|" + day, Bytes(item));
  }
  ASSERT_THAT(portal().models().guide_replica().Apply(update), IsOk());
}

void PortalFixture::HaveEverything() {
  HaveUsualLineup();
  HaveDevice();
  HaveEntitlement();
  HaveEdges();
  HaveGuide("news1.example", 30);
}

BoxAnswer PortalFixture::Send(const BoxRequest& request) {
  const FakeRequest fake(request);
  auto catcher = std::make_shared<Catcher>();
  portal().HandlePortal(fake, http::Reply(catcher));
  http::Response response = catcher->Wait();
  BoxAnswer answer{.status = response.status,
                   .content_type = std::string(response.content_type),
                   .body = response.stored == nullptr ? response.text : response.stored->Copy(),
                   .headers = HeadersOf(response)};
  if (answer.Header("Content-Encoding") == "gzip") {
    answer.gzipped = true;
    answer.body = Gunzip(answer.body);
  }
  return answer;
}

BoxAnswer PortalFixture::Call(const std::string& type, const std::string& action,
                              const std::string& rest) {
  BoxRequest request;
  request.query = "type=" + type + "&action=" + action + (rest.empty() ? "" : "&" + rest) +
                  "&JsHttpRequest=1-xml";
  if (!token.empty()) request.authorization = "Bearer " + token;
  request.real_ip = real_ip;
  return Send(request);
}

void PortalFixture::LogIn() {
  const Json handshake = Call("stb", "handshake").Js();
  ASSERT_TRUE(handshake.is_object() && handshake["token"].is_string());
  token = handshake["token"];
  const Json profile = Call("stb", "get_profile").Js();
  ASSERT_TRUE(profile.contains("status"));
  ASSERT_EQ(profile["status"], "0") << profile.dump();
}

std::string PortalFixture::Zap(int link_id) {
  const Json js =
      Call("itv", "create_link", "cmd=ffrt%20http://localhost/ch/" + std::to_string(link_id)).Js();
  return js.value("cmd", "");
}

absl::Status PortalFixture::RunJob(std::string_view name) {
  for (const Job& job : portal().Jobs()) {
    if (job.name == name) return job.body(Deadline::After(std::chrono::seconds(5)));
  }
  return NotFound("no job {}", name);
}

}  // namespace holdfast::middleware

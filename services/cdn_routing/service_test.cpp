// The real program with a real PostgreSQL and real edges: what an operator and a player see.

#include "services/cdn_routing/service.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "holdfast/replica/v1/replica.pb.h"
#include "libs/base/check.h"
#include "libs/http/client.h"
#include "libs/http/server.h"
#include "libs/rpc/channel.h"
#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/tcp_gate.h"
#include "libs/testing/test_postgres.h"
#include "services/cdn_routing/pg_store.h"

namespace holdfast::cdn_routing {
namespace {

using namespace std::chrono_literals;
using test::Eventually;
using test::HasCode;
using test::HasMessage;
using test::IsOk;

// An edge that only answers /health.
class TestEdge {
 public:
  explicit TestEdge(telemetry::Metrics& metrics) {
    http::Router router;
    router.Get("/health",
               http::Inline([](const http::Request&) { return http::Response::Text(200, "ok"); }));
    server_ = std::make_unique<http::Server>(http::ServerOptions{}, std::move(router), metrics);
    HOLDFAST_CHECK(server_->Start().ok());
    gate_ = std::make_unique<test::TcpGate>(server_->port());
  }
  std::string url() const { return "http://" + gate_->address(); }
  test::TcpGate& gate() { return *gate_; }

 private:
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<test::TcpGate> gate_;
};

class CdnRoutingTest : public ::testing::Test {
 protected:
  void StartProgram() {
    const std::vector<std::string> command = {
        HOLDFAST_CDN_ROUTING,
        fmt::format("--grpc_port={}", grpc_port_),
        fmt::format("--admin_port={}", admin_port_),
        fmt::format("--http_port={}", http_port_),
        "--data_dir=" + dir_.File("data"),
        "--discovery=static:",
        "--inventory_interval=200ms",
        fmt::format("--postgres_hosts=127.0.0.1:{}", postgres_gate_.port()),
        "--postgres_database=" + database_,
        "--postgres_user=" + server_.user()};
    absl::StatusOr<test::Process> started =
        test::Process::Start({.command = command, .log_file = dir_.File("log")});
    ASSERT_THAT(started, IsOk());
    program_ = std::make_unique<test::Process>(*std::move(started));
    ASSERT_TRUE(Eventually([&] { return Fetch(admin_port_, "/readyz").status == 200; }, 20s))
        << Log();
  }
  std::string Log() const {
    std::ifstream file(dir_.File("log"));
    return {std::istreambuf_iterator<char>(file), {}};
  }

  http::ClientResponse Fetch(std::uint16_t port, std::string_view target) {
    const absl::StatusOr<http::ClientResponse> response = http::Fetch(
        {.url = fmt::format("http://127.0.0.1:{}{}", port, target)}, Deadline::After(2s));
    return response.ok() ? *response : http::ClientResponse{};
  }
  std::string Redirect(std::string_view channel) {
    return std::string(
        Fetch(http_port_, fmt::format("/route/live/{}/index.m3u8", channel)).Header("Location"));
  }

  rpc::Channel& Peer() {
    if (channel_ != nullptr) return *channel_;
    directory_ = *discovery::OpenDirectory(
        {.spec = fmt::format("static:cdn_routing=127.0.0.1:{}", grpc_port_)}, SystemClock::Get(),
        random_, metrics_);
    channel_ = std::make_unique<rpc::Channel>(
        "cdn_routing", rpc::PeerOptions{.timeout = 5s, .try_timeout = 5s},
        rpc::ChannelEnvironment{*directory_, SystemClock::Get(), random_, metrics_, {}, "a"});
    EXPECT_TRUE(Eventually([&] { return channel_->has_healthy_instance(); }));
    return *channel_;
  }
  rpc::Call NewCall() { return rpc::Call::Background(5s, SystemClock::Get(), random_); }

  template <class Response, class Request>
  absl::StatusOr<Response> Invoke(std::string_view method, const Request& request) {
    return Peer().Invoke<Response>(NewCall(), fmt::format("{}/{}", Service::kServiceName, method),
                                   request);
  }

  void PutSites() {
    v1::PutCdnRequest cdn;
    cdn.mutable_cdn()->set_cdn_id("alpha");
    ASSERT_THAT(Invoke<v1::Cdn>("PutCdn", cdn), IsOk());
    v1::PutSiteRequest site;
    site.mutable_site()->set_site_id("north");
    site.mutable_site()->set_cdn_id("alpha");
    site.mutable_site()->set_zone("a");
    ASSERT_THAT(Invoke<v1::Site>("PutSite", site), IsOk());
  }
  absl::StatusOr<v1::Edge> PutEdge(const std::string& id, const std::string& url) {
    v1::PutEdgeRequest request;
    request.mutable_edge()->set_edge_id(id);
    request.mutable_edge()->set_site("north");
    request.mutable_edge()->set_base_url(url);
    return Invoke<v1::Edge>("PutEdge", request);
  }
  absl::Status SetState(const std::string& id, v1::SetEdgeStateRequest::State state) {
    v1::SetEdgeStateRequest request;
    request.set_edge_id(id);
    request.set_state(state);
    return Invoke<v1::Edge>("SetEdgeState", request).status();
  }
  v1::Edge::Health HealthOf(const std::string& id) {
    const auto listed = Invoke<v1::ListEdgesResponse>("ListEdges", v1::ListEdgesRequest());
    if (!listed.ok()) return v1::Edge::HEALTH_UNSPECIFIED;
    for (const v1::Edge& edge : listed->edges()) {
      if (edge.edge_id() == id) return edge.health();
    }
    return v1::Edge::HEALTH_UNSPECIFIED;
  }
  bool Becomes(const std::string& id, v1::Edge::Health health,
               std::chrono::milliseconds limit = 5s) {
    return Eventually([&] { return HealthOf(id) == health; }, limit);
  }

  // A running platform of three edges that are up.
  void StartWithEdges() {
    StartProgram();
    PutSites();
    for (int i = 1; i <= 3; ++i) {
      edges_.push_back(std::make_unique<TestEdge>(metrics_));
      ASSERT_THAT(PutEdge(fmt::format("e{}", i), edges_.back()->url()), IsOk());
    }
    for (const char* id : {"e1", "e2", "e3"})
      ASSERT_TRUE(Becomes(id, v1::Edge::HEALTH_UP)) << Log();
  }

  test::TempDir dir_;
  test::TestPostgres& server_ = test::TestPostgres::Shared();
  const std::string database_ = server_.NewDatabase();
  test::TcpGate postgres_gate_{server_.port()};
  const std::uint16_t grpc_port_ = test::FreePort();
  const std::uint16_t admin_port_ = test::FreePort();
  const std::uint16_t http_port_ = test::FreePort();
  std::unique_ptr<test::Process> program_;
  telemetry::Metrics metrics_;
  SeededRandom random_{11};
  std::unique_ptr<discovery::Directory> directory_;
  std::unique_ptr<rpc::Channel> channel_;
  std::vector<std::unique_ptr<TestEdge>> edges_;
};

TEST_F(CdnRoutingTest, CommandsAreSeenInListsAndRedirects) {
  StartWithEdges();
  const auto sites = Invoke<v1::ListSitesResponse>("ListSites", v1::ListSitesRequest());
  ASSERT_THAT(sites, IsOk());
  EXPECT_EQ(sites->sites_size(), 1);
  const auto cdns = Invoke<v1::ListCdnsResponse>("ListCdns", v1::ListCdnsRequest());
  ASSERT_THAT(cdns, IsOk());
  EXPECT_EQ(cdns->cdns_size(), 1);
  EXPECT_NE(Redirect("ch-7").find("/live/ch-7/index.m3u8"), std::string::npos);
  ASSERT_OK_AND_ASSIGN(const v1::Edge again, PutEdge("e1", edges_[0]->url()));
  EXPECT_EQ(again.health(), v1::Edge::HEALTH_UP);
  EXPECT_EQ(again.zone(), "a");

  v1::RemoveEdgeRequest remove;
  remove.set_edge_id("e1");
  const auto removed = Invoke<v1::RemoveEdgeResponse>("RemoveEdge", remove);
  ASSERT_THAT(removed, IsOk());
  EXPECT_TRUE(removed->existed());
  EXPECT_EQ(HealthOf("e1"), v1::Edge::HEALTH_UNSPECIFIED);
}

TEST_F(CdnRoutingTest, AWrongCommandIsRefusedWithTheField) {
  StartProgram();
  EXPECT_THAT(PutEdge("e1", "nonsense"), HasMessage("edge.base_url"));
  EXPECT_THAT(PutEdge("e1", "http://h"), HasMessage("edge.site"));
  EXPECT_THAT(PutEdge("", "http://h"), HasMessage("edge.edge_id"));
  EXPECT_THAT(SetState("e1", v1::SetEdgeStateRequest::STATE_UNSPECIFIED), HasMessage("state"));
  EXPECT_THAT(SetState("e1", v1::SetEdgeStateRequest::STATE_DRAINING),
              HasCode(absl::StatusCode::kNotFound));
}

TEST_F(CdnRoutingTest, AKilledEdgeIsOutWithinAMomentAndComesBack) {
  StartWithEdges();
  edges_[1]->gate().Cut();
  EXPECT_TRUE(Becomes("e2", v1::Edge::HEALTH_DOWN));
  for (int channel = 0; channel < 20; ++channel) {
    EXPECT_NE(Redirect(fmt::format("ch-{}", channel)).rfind(edges_[1]->url(), 0), 0u);
  }
  edges_[1]->gate().Open();
  EXPECT_TRUE(Becomes("e2", v1::Edge::HEALTH_UP));
}

TEST_F(CdnRoutingTest, AHungEdgeIsOutAsWell) {
  StartWithEdges();
  edges_[2]->gate().Blackhole();
  EXPECT_TRUE(Becomes("e3", v1::Edge::HEALTH_DOWN));
}

TEST_F(CdnRoutingTest, ADrainedEdgeGetsNoNewSessions) {
  StartWithEdges();
  ASSERT_THAT(SetState("e1", v1::SetEdgeStateRequest::STATE_DRAINING), IsOk());
  EXPECT_EQ(HealthOf("e1"), v1::Edge::HEALTH_DRAINING);
  for (int channel = 0; channel < 20; ++channel) {
    EXPECT_NE(Redirect(fmt::format("ch-{}", channel)).rfind(edges_[0]->url(), 0), 0u);
  }
  ASSERT_THAT(SetState("e1", v1::SetEdgeStateRequest::STATE_IN_SERVICE), IsOk());
  EXPECT_EQ(HealthOf("e1"), v1::Edge::HEALTH_UP);
}

TEST_F(CdnRoutingTest, FollowersAreToldOfAChangeAtOnce) {
  StartWithEdges();
  replica::v1::WatchRequest request;
  request.set_model("edges");
  const auto stream =
      Peer().OpenStream(NewCall(), "holdfast.replica.v1.Publications/Watch", request);
  std::map<std::string, v1::Edge::Health> followed;
  const auto follow_until = [&](const std::string& id, v1::Edge::Health health) {
    replica::v1::WatchResponse response;
    while (followed[id] != health && stream->Read(response, Deadline::After(5s))) {
      for (const replica::v1::Item& item : response.items()) {
        v1::Edge edge;
        EXPECT_TRUE(edge.ParseFromString(item.value()));
        followed[item.key()] = edge.health();
      }
    }
    return followed[id] == health;
  };
  ASSERT_TRUE(follow_until("e3", v1::Edge::HEALTH_UP));
  EXPECT_EQ(followed.size(), 3u);
  edges_[0]->gate().Cut();
  ASSERT_TRUE(follow_until("e1", v1::Edge::HEALTH_DOWN));
  ASSERT_THAT(SetState("e2", v1::SetEdgeStateRequest::STATE_DRAINING), IsOk());
  ASSERT_TRUE(follow_until("e2", v1::Edge::HEALTH_DRAINING));
}

TEST_F(CdnRoutingTest, WithPostgresAwayItStartsFromDiskAndGoesOnProbing) {
  StartWithEdges();
  program_->Kill();
  postgres_gate_.Cut();
  StartProgram();
  for (const char* id : {"e1", "e2", "e3"}) EXPECT_TRUE(Becomes(id, v1::Edge::HEALTH_UP)) << Log();
  EXPECT_NE(Redirect("ch-7"), "");
  edges_[0]->gate().Cut();
  EXPECT_TRUE(Becomes("e1", v1::Edge::HEALTH_DOWN));
  EXPECT_THAT(PutEdge("e4", "http://127.0.0.1:1"), HasCode(absl::StatusCode::kUnavailable));

  postgres_gate_.Open();
  EXPECT_TRUE(Eventually([&] { return PutEdge("e4", "http://127.0.0.1:1").ok(); }));
}

TEST_F(CdnRoutingTest, AnotherInstancesCommandIsSeenWithinASecond) {
  StartWithEdges();
  storage::PgPool pool({.hosts = fmt::format("127.0.0.1:{}", server_.port()),
                        .database = database_,
                        .user = server_.user(),
                        .connections = 1},
                       metrics_);
  PgStore other(pool);
  ASSERT_THAT(other.SetDraining(Deadline::After(5s), EdgeId("e2"), true), IsOk());
  EXPECT_TRUE(Becomes("e2", v1::Edge::HEALTH_DRAINING, 1s));
}

TEST_F(CdnRoutingTest, ItStopsCleanlyWhenAsked) {
  StartWithEdges();
  EXPECT_EQ(program_->Terminate(), 0) << Log();
}

}  // namespace
}  // namespace holdfast::cdn_routing

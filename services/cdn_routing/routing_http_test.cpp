#include "services/cdn_routing/routing_http.h"

#include <gtest/gtest.h>

#include "libs/http/client.h"
#include "libs/security/token.h"
#include "libs/testing/fake_clock.h"
#include "libs/testing/status_matchers.h"

namespace holdfast::cdn_routing {
namespace {

using namespace std::chrono_literals;

class RoutingHttpTest : public ::testing::Test {
 protected:
  void SetUp() override {
    secrets_.Set("alpha-1", "alpha-secret");
    Serve(options_);
    SetEdges(3);
  }

  void Serve(const RoutingHttp::Options& options) {
    server_.reset();
    routing_ = std::make_unique<RoutingHttp>(
        options,
        RoutingHttp::Parts{board_, secrets_, keys_, product_, clock_, [this] { return age_; }});
    server_ = std::make_unique<http::Server>(http::ServerOptions{}, routing_->Routes(), metrics_);
    ASSERT_THAT(server_->Start(), test::IsOk());
  }

  void SetEdges(int count, std::string_view signing_key = "alpha-1") {
    Inventory inventory{.revision = 1,
                        .cdns = {{CdnId("alpha"), "", std::string(signing_key)}},
                        .sites = {{SiteId("north"), CdnId("alpha"), "a", ""}}};
    for (int i = 1; i <= count; ++i) {
      inventory.edges.push_back({.id = EdgeId(fmt::format("e{}", i)),
                                 .site = SiteId("north"),
                                 .base_url = fmt::format("http://edge-{}.example", i)});
    }
    board_.SetInventory(inventory);
    for (const Edge& edge : inventory.edges) board_.Observe(edge.id, {.ok = true, .took = 2ms});
  }

  http::ClientResponse Get(const std::string& target, std::string method = "GET") {
    const absl::StatusOr<http::ClientResponse> response =
        http::Fetch({.method = std::move(method),
                     .url = fmt::format("http://127.0.0.1:{}{}", server_->port(), target)},
                    Deadline::After(5s));
    EXPECT_THAT(response, test::IsOk());
    return response.ok() ? *response : http::ClientResponse{};
  }

  std::string Token(std::string_view channel, Duration valid = 1h) {
    return security::SignPlayToken(
        {.account_id = "acc",
         .device_id = "dev",
         .channel_id = std::string(channel),
         .expires_at =
             EpochSeconds(clock_.Now() + std::chrono::duration_cast<WallTime::duration>(valid))},
        keys_);
  }

  test::FakeClock clock_;
  telemetry::Metrics metrics_;
  Metrics product_{metrics_};
  replica::Publication publication_{{.name = "edges"}};
  EdgeBoard board_{{}, publication_, product_, clock_};
  placement::LinkSecrets secrets_;
  security::KeySet keys_ = security::KeySet::ForTest("2026-01", "0123456789abcdef0123456789abcdef");
  Duration age_{};
  RoutingHttp::Options options_{.zone = "a"};
  std::unique_ptr<RoutingHttp> routing_;
  std::unique_ptr<http::Server> server_;
};

TEST_F(RoutingHttpTest, APlayerIsSentToTheSignedLinkOnTheBestEdge) {
  const http::ClientResponse response = Get("/route/live/ch-7/index.m3u8");
  EXPECT_EQ(response.status, 302);
  const placement::Edge& best = *board_.table()->edges.Best("ch-7", "a");
  const WallTime expires = clock_.Now() + 12h;
  EXPECT_EQ(response.Header("Location"),
            placement::LinkOn(best, {"live/ch-7", "index.m3u8", "", expires}, secrets_));
  EXPECT_EQ(response.Header("Cache-Control"), "no-store");
  EXPECT_EQ(product_.redirects.With({best.id}).value(), 1);
}

TEST_F(RoutingHttpTest, APlayTokenTravelsInTheLinkAndBoundsIt) {
  const std::string token = Token("ch-7");
  const http::ClientResponse response = Get("/route/live/ch-7/index.m3u8?token=" + token);
  EXPECT_EQ(response.status, 302);
  const std::string expected =
      fmt::format("/{}/{}/live/ch-7/index.m3u8", EpochSeconds(clock_.Now() + 1h), token);
  EXPECT_TRUE(response.Header("Location").ends_with(expected)) << response.Header("Location");
}

TEST_F(RoutingHttpTest, ATokenThatIsNotGoodIsRefusedInWords) {
  std::string forged = Token("ch-7");
  forged[forged.size() / 2] = forged[forged.size() / 2] == 'A' ? 'B' : 'A';
  for (const std::string& bad : {Token("ch-8"), Token("ch-7", -1s), forged, std::string("x"),
                                 std::string("..."), std::string(5000, 'a')}) {
    const http::ClientResponse response = Get("/route/live/ch-7/index.m3u8?token=" + bad);
    EXPECT_EQ(response.status, 403);
    EXPECT_TRUE(response.body.starts_with("play token: ")) << response.body;
    EXPECT_EQ(response.Header("Location"), "");
  }
}

TEST_F(RoutingHttpTest, AnOperatorMayDemandATokenAlways) {
  options_.links_without_token = false;
  Serve(options_);
  EXPECT_EQ(Get("/route/live/ch-7/index.m3u8").status, 403);
  EXPECT_EQ(Get("/route/live/ch-7/index.m3u8?token=" + Token("ch-7")).status, 302);
}

TEST_F(RoutingHttpTest, AListNamesAllEdgesBestFirst) {
  const std::string best(Get("/route/live/ch-7/index.m3u8").Header("Location"));
  const http::ClientResponse response = Get("/route/live/ch-7/index.m3u8?format=json");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.Header("Content-Type"), "application/json");
  EXPECT_EQ(response.body.find(R"({"location":")" + best + R"(","locations":[")" + best + "\""), 0u)
      << response.body;
  for (int i = 1; i <= 3; ++i) {
    EXPECT_NE(response.body.find(fmt::format("http://edge-{}.example/s/", i)), std::string::npos);
  }
  EXPECT_EQ(Get("/route/live/ch-7/index.m3u8?trred=false").body.find(R"({"locations":[)"), 0u);
}

TEST_F(RoutingHttpTest, ADeadEdgeIsAvoided) {
  const std::string dead = board_.table()->edges.Best("ch-7", "a")->id;
  for (int i = 0; i < 2; ++i) board_.Observe(EdgeId(dead), {.ok = false, .took = 400ms});
  EXPECT_NE(board_.table()->edges.Best("ch-7", "a")->id, dead);
  EXPECT_EQ(Get("/route/live/ch-7/index.m3u8").Header("Location").find("edge-" + dead.substr(1)),
            std::string_view::npos);
}

TEST_F(RoutingHttpTest, WithAllEdgesDownPlayersStillGetALink) {
  for (const char* id : {"e1", "e2", "e3"}) {
    for (int i = 0; i < 2; ++i) board_.Observe(EdgeId(id), {.ok = false, .took = 400ms});
  }
  EXPECT_EQ(Get("/route/live/ch-7/index.m3u8").status, 302);
}

TEST_F(RoutingHttpTest, OnlyWithoutAnyEdgeItGivesUp) {
  board_.SetInventory({.revision = 2});
  EXPECT_EQ(Get("/route/live/ch-7/index.m3u8").status, 503);
  EXPECT_EQ(Get("/route/live/ch-7/index.m3u8?format=json").status, 503);
}

TEST_F(RoutingHttpTest, AnEdgeWhoseSecretWeLackIsPassedOver) {
  SetEdges(3, "unknown-key");
  EXPECT_EQ(Get("/route/live/ch-7/index.m3u8").status, 503);
  SetEdges(3, "");
  EXPECT_TRUE(Get("/route/live/ch-7/index.m3u8").Header("Location").starts_with("http://edge-"));
}

TEST_F(RoutingHttpTest, OddNamesAreNotFound) {
  for (const char* bad :
       {"/route/live/ch%0d%0aX:y/index.m3u8", "/route/live/ch-7/..", "/route/live/../x",
        "/route/live/ch%2f7/index.m3u8", "/route/live/%00/index.m3u8",
        "/route/live/ch\"7/index.m3u8", "/route/live/.hidden/index.m3u8"}) {
    EXPECT_EQ(Get(bad).status, 404) << bad;
  }
  EXPECT_EQ(Get("/route/live/" + std::string(500, 'a') + "/index.m3u8").status, 404);
}

TEST_F(RoutingHttpTest, BrowsersOfOtherOriginsMayAsk) {
  EXPECT_EQ(Get("/route/live/ch-7/index.m3u8").Header("Access-Control-Allow-Origin"), "*");
  const http::ClientResponse preflight = Get("/route/live/ch-7/index.m3u8", "OPTIONS");
  EXPECT_EQ(preflight.status, 204);
  EXPECT_EQ(preflight.Header("Access-Control-Allow-Origin"), "*");
  EXPECT_NE(preflight.Header("Access-Control-Allow-Methods").find("GET"), std::string_view::npos);
  EXPECT_EQ(preflight.Header("Access-Control-Allow-Credentials"), "");
}

TEST_F(RoutingHttpTest, AnOldInventoryIsMarked) {
  EXPECT_EQ(Get("/route/live/ch-7/index.m3u8").Header("X-Degraded"), "");
  age_ = 65s;
  const http::ClientResponse response = Get("/route/live/ch-7/index.m3u8");
  EXPECT_EQ(response.status, 302);
  EXPECT_EQ(response.Header("X-Degraded"), "postgres;age=65");
}

TEST_F(RoutingHttpTest, HealthAnswers) { EXPECT_EQ(Get("/health").body, "ok\n"); }

}  // namespace
}  // namespace holdfast::cdn_routing

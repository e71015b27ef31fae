#include "services/cdn_routing/edge_prober.h"

#include <gtest/gtest.h>

#include <map>

#include "absl/synchronization/mutex.h"
#include "libs/http/server.h"
#include "libs/testing/eventually.h"
#include "libs/testing/process.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/tcp_gate.h"
#include "services/cdn_routing/probe_connection.h"

namespace holdfast::cdn_routing {
namespace {

using namespace std::chrono_literals;
using test::Eventually;

class EdgeProberTest : public ::testing::Test {
 protected:
  void SetUp() override {
    http::Router router;
    router.Get("/health",
               http::Inline([](const http::Request&) { return http::Response::Text(200, "ok"); }));
    router.Get("/sick",
               http::Inline([](const http::Request&) { return http::Response::Text(503, "no"); }));
    server_ = std::make_unique<http::Server>(http::ServerOptions{}, std::move(router), metrics_);
    ASSERT_THAT(server_->Start(), test::IsOk());
  }

  static PlacedEdge At(std::string_view id, std::uint16_t port, std::string_view path = "/health") {
    return {.id = EdgeId(std::string(id)),
            .probe_url = fmt::format("http://127.0.0.1:{}{}", port, path)};
  }

  struct Count {
    int good = 0;
    int bad = 0;
    Duration last_took{};
  };
  Count Seen(const std::string& id) {
    absl::MutexLock lock(&mutex_);
    return seen_[id];
  }
  EdgeProber::Report Report() {
    return [this](const EdgeId& id, const HealthScore::Probe& probe) {
      absl::MutexLock lock(&mutex_);
      Count& count = seen_[id.value()];
      (probe.ok ? count.good : count.bad)++;
      count.last_took = probe.took;
    };
  }

  telemetry::Metrics metrics_;
  std::unique_ptr<http::Server> server_;
  SeededRandom random_{5};
  absl::Mutex mutex_;
  std::map<std::string, Count> seen_;
  EdgeProber prober_{{.interval = 30ms, .timeout = 100ms}, random_, Report()};
};

TEST_F(EdgeProberTest, AnEdgeThatAnswersIsGoodAgainAndAgain) {
  prober_.SetTargets({At("e1", server_->port())});
  EXPECT_TRUE(Eventually([&] { return Seen("e1").good >= 5; }));
  EXPECT_EQ(Seen("e1").bad, 0);
}

TEST_F(EdgeProberTest, ANameIsResolved) {
  PlacedEdge edge = At("e1", server_->port());
  edge.probe_url = fmt::format("http://localhost:{}/health", server_->port());
  prober_.SetTargets({edge});
  EXPECT_TRUE(Eventually([&] { return Seen("e1").good >= 2; }));
  EXPECT_EQ(Seen("e1").bad, 0);
}

TEST_F(EdgeProberTest, ANameThatCannotBeResolvedIsBad) {
  PlacedEdge edge = At("e1", server_->port());
  edge.probe_url = "http://no-such-edge.invalid/health";
  prober_.SetTargets({edge});
  EXPECT_TRUE(Eventually([&] { return Seen("e1").bad >= 2; }));
}

TEST_F(EdgeProberTest, AnythingButA2xxIsBad) {
  prober_.SetTargets({At("sick", server_->port(), "/sick"), At("none", server_->port(), "/x"),
                      At("refused", test::FreePort())});
  EXPECT_TRUE(Eventually(
      [&] { return Seen("sick").bad >= 2 && Seen("none").bad >= 2 && Seen("refused").bad >= 2; }));
  EXPECT_EQ(Seen("sick").good + Seen("none").good + Seen("refused").good, 0);
}

TEST_F(EdgeProberTest, AHungEdgeIsBadInTimeAndDelaysNobody) {
  test::TcpGate hung(server_->port());
  hung.Blackhole();
  std::vector<PlacedEdge> targets = {At("good", server_->port())};
  for (int i = 0; i < 50; ++i) targets.push_back(At(fmt::format("hung-{}", i), hung.port()));
  prober_.SetTargets(targets);
  EXPECT_TRUE(Eventually([&] { return Seen("hung-0").bad >= 2 && Seen("hung-49").bad >= 2; }));
  EXPECT_GE(Seen("hung-0").last_took, 100ms);
  EXPECT_GE(Seen("good").good, 3);
}

TEST_F(EdgeProberTest, ASlowEdgeIsMeasured) {
  test::TcpGate slow(server_->port());
  slow.Delay(25ms);
  prober_.SetTargets({At("slow", slow.port())});
  EXPECT_TRUE(Eventually([&] { return Seen("slow").good >= 1; }));
  EXPECT_GE(Seen("slow").last_took, 45ms);
}

TEST_F(EdgeProberTest, AnEdgeThatCameBackIsGoodAgain) {
  test::TcpGate gate(server_->port());
  prober_.SetTargets({At("e1", gate.port())});
  ASSERT_TRUE(Eventually([&] { return Seen("e1").good >= 1; }));
  gate.Cut();
  ASSERT_TRUE(Eventually([&] { return Seen("e1").bad >= 2; }));
  gate.Open();
  const int before = Seen("e1").good;
  EXPECT_TRUE(Eventually([&] { return Seen("e1").good > before; }));
}

TEST_F(EdgeProberTest, ARemovedEdgeIsAskedNoMore) {
  prober_.SetTargets({At("old", server_->port()), At("kept", server_->port())});
  ASSERT_TRUE(Eventually([&] { return Seen("old").good >= 1; }));
  prober_.SetTargets({At("kept", server_->port())});
  const int kept = Seen("kept").good;
  ASSERT_TRUE(Eventually([&] { return Seen("kept").good >= kept + 2; }));
  const int old = Seen("old").good;
  EXPECT_TRUE(Eventually([&] { return Seen("kept").good >= kept + 5; }));
  EXPECT_EQ(Seen("old").good, old);
}

TEST_F(EdgeProberTest, AnEdgeThatSendsGarbageIsBad) {
  test::TcpGate gate(server_->port());
  gate.CorruptNextBytes(1 << 20);
  prober_.SetTargets({At("e1", gate.port())});
  EXPECT_TRUE(Eventually([&] { return Seen("e1").bad >= 2; }));
  EXPECT_EQ(Seen("e1").good, 0);
}

TEST_F(EdgeProberTest, ItEndsAtOnceWithProbesUnderWay) {
  test::TcpGate hung(server_->port());
  hung.Blackhole();
  const SteadyTime begin = SystemClock::Get().SteadyNow();
  {
    EdgeProber prober({.interval = 10ms, .timeout = 30s}, random_, Report());
    prober.SetTargets({At("e1", hung.port())});
    ASSERT_TRUE(Eventually([&] { return hung.connections_seen() > 0; }));
  }
  EXPECT_LT(SystemClock::Get().SteadyNow() - begin, 20s) << "it waited for the probe";
}

TEST(IsGoodStatusLineTest, OnlyA2xxOfHttp1IsGood) {
  for (const char* good : {"HTTP/1.1 200 OK", "HTTP/1.0 204 No Content", "HTTP/1.1 200"}) {
    EXPECT_TRUE(IsGoodStatusLine(good)) << good;
  }
  for (const char* bad :
       {"", "HTTP/1.1 ", "HTTP/1.1 2", "HTTP/1.1 20", "HTTP/1.1 2xx OK", "HTTP/1.1 2000",
        "HTTP/1.1 302 Found", "HTTP/2 200", "http/1.1 200 OK", " HTTP/1.1 200 OK"}) {
    EXPECT_FALSE(IsGoodStatusLine(bad)) << bad;
  }
}

}  // namespace
}  // namespace holdfast::cdn_routing

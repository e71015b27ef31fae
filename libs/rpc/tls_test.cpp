// Mutual TLS between a server and its callers.

#include <gtest/gtest.h>

#include "libs/rpc/testing/echo.h"
#include "libs/rpc/testing/scrape.h"
#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/temp_dir.h"

namespace holdfast::rpc {
namespace {

using namespace std::chrono_literals;
using absl::StatusCode;
using test::Eventually;
using test::HasCode;
using test::IsOk;

class TlsTest : public testing::Test {
 protected:
  TlsTest() {
    for (const std::string& folder : {ours_.path(), foreign_.path()}) {
      const absl::Status made =
          security::CreateDevelopmentCertificates(folder, {"echo", "middleware", "billing"});
      EXPECT_TRUE(made.ok()) << ToString(made);
    }
  }

  security::TlsFiles Ours(std::string_view service) {
    return security::TlsFilesIn(ours_.path(), service);
  }
  absl::Status AskWith(const EchoServer& server, const security::TlsFiles& tls) {
    EchoClient client({server.address()}, {}, tls);
    return client.Ask(kOrder, "x").status();
  }

  test::TempDir ours_;
  test::TempDir foreign_;
};

TEST_F(TlsTest, TellsTheHandlerWhoCalls) {
  std::string caller;
  EchoServer server(
      [&](const Call& call, const v1::Text&) {
        caller = call.caller();
        return absl::OkStatus();
      },
      {.tls = Ours("echo")});
  EXPECT_THAT(AskWith(server, Ours("middleware")), IsOk());
  EXPECT_EQ(caller, "middleware");
  EXPECT_EQ(ValueOf(server.Scrape(),
                    "holdfast_rpc_server_requests_total{caller=\"middleware\","
                    "code=\"OK\",method=\"" +
                        std::string(kOrder) + "\"}"),
            1);
}

TEST_F(TlsTest, TheServerStillMeasuresHowLongCallsWaitForAThread) {
  EchoServer server(nullptr, {.tls = Ours("echo")});
  EchoClient client({server.address()}, {}, Ours("middleware"));
  EXPECT_TRUE(Eventually([&] {
    client.Ask(kSay, "x").IgnoreError();
    return ValueOf(server.Scrape(), "holdfast_rpc_server_loop_seconds_count") >= 2;
  }));
}

TEST_F(TlsTest, ProbesAndStreamsWorkToo) {
  EchoServer server(nullptr, {.tls = Ours("echo")});
  EchoClient client({server.address()}, {}, Ours("middleware"));
  EXPECT_TRUE(Eventually([&] { return client.AllUp(1); }));
  v1::Number number;
  EXPECT_TRUE(client.CountTo(1)->Read(number, Deadline::After(5s)));
}

TEST_F(TlsTest, ACallerOfAnotherAuthorityIsRefused) {
  EchoServer server(nullptr, {.tls = Ours("echo")});
  security::TlsFiles stranger = security::TlsFilesIn(foreign_.path(), "middleware");
  EXPECT_THAT(AskWith(server, stranger), HasCode(StatusCode::kUnavailable));
  stranger.ca = Ours("echo").ca;  // trusts us, but we do not trust it
  EXPECT_THAT(AskWith(server, stranger), HasCode(StatusCode::kUnavailable));
  EXPECT_EQ(server.echo().calls, 0);
}

TEST_F(TlsTest, APlaintextCallerIsRefused) {
  EchoServer server(nullptr, {.tls = Ours("echo")});
  EXPECT_FALSE(AskWith(server, {}).ok());
  EXPECT_EQ(server.echo().calls, 0);
}

TEST_F(TlsTest, AServerThatIsAnotherServiceIsNotBelieved) {
  EchoServer impostor(nullptr, {.tls = Ours("billing")});
  EXPECT_THAT(AskWith(impostor, Ours("middleware")), HasCode(StatusCode::kUnavailable));
  EXPECT_EQ(impostor.echo().calls, 0);
}

TEST_F(TlsTest, MissingFilesStopTheServerAndFailTheCalls) {
  telemetry::Metrics metrics;
  SeededRandom random(1);
  Server server({.tls = Ours("nobody")}, SystemClock::Get(), random, metrics);
  EXPECT_FALSE(server.Start().ok());
  EchoServer plain;
  EXPECT_THAT(AskWith(plain, Ours("nobody")), HasCode(StatusCode::kUnavailable));
}

}  // namespace
}  // namespace holdfast::rpc

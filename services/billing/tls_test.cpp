// Gateways and webhooks over TLS: a server that is not who it should be gets neither a charge nor
// an event, and nothing is lost by that.
#include <gmock/gmock.h>

#include <fstream>

#include "libs/security/tls.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/temp_dir.h"
#include "libs/testing/test_tls.h"
#include "services/billing/billing_fixture_test.h"
#include "services/billing/gateway.h"
#include "services/billing/jobs_events.h"

namespace holdfast::billing {
namespace {

using test::HasMessage;
using test::IsOk;
using test::TestTlsServer;
using testing::HasSubstr;

// The server has the certificate of a service that the development authority issued.
class TlsTest : public testing::Test {
 protected:
  TlsTest() {
    EXPECT_THAT(security::CreateDevelopmentCertificates(dir_.path(), {"gateway"}), IsOk());
  }
  static std::string Answer(const std::string& request) {
    const std::string body = R"({"attempt_id":"a-1","state":"paid","reference":"r-1"})";
    EXPECT_THAT(request, HasSubstr("Holdfast-Signature: t="));
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  test::TlsIdentity Identity() {
    const auto pem = security::ReadTlsFiles(security::TlsFilesIn(dir_.path(), "gateway"));
    EXPECT_THAT(pem, IsOk());
    return {pem->certificate, pem->key};
  }
  GatewayConfig ConfigFor(const TestTlsServer& server, const std::string& host = "localhost") {
    GatewayConfig config{.url = "https://" + host + ":" + std::to_string(server.port()),
                         .secret = "secret"};
    config.ca_file = dir_.File("ca.pem");
    config.secret = "secret";
    return config;
  }
  static PaymentAttempt Attempt() {
    PaymentAttempt attempt;
    attempt.id = AttemptId("a-1");
    attempt.account = AccountId("ann");
    attempt.gateway = "card";
    attempt.amount = *Money::Make(500, "EUR");
    return attempt;
  }
  std::string Unrelated() {
    std::ofstream(dir_.File("other.pem")) << test::TestAuthority().pem();
    return dir_.File("other.pem");
  }

  test::TempDir dir_;
  test::FakeClock clock_;
};

TEST_F(TlsTest, AGatewayIsAskedOverTls) {
  TestTlsServer server(Identity(), Answer);
  HttpGateway gateway(ConfigFor(server), clock_);
  ASSERT_THAT(gateway.CheckConfig(), IsOk());
  ASSERT_OK_AND_ASSIGN(const GatewayNews news, gateway.Charge(Soon(), Attempt()));
  EXPECT_EQ(news.state, GatewayNews::State::kPaid);
  EXPECT_THAT(gateway.Find(Soon(), AttemptId("a-1")), IsOk());
}

TEST_F(TlsTest, AnImpostorOfTheGatewayIsNotBelieved) {
  int asked = 0;
  const auto count = [&](const std::string& request) {
    ++asked;
    return Answer(request);
  };
  TestTlsServer unknown(test::TestAuthority().Issue("DNS:localhost"), count);
  EXPECT_THAT(HttpGateway(ConfigFor(unknown), clock_).Charge(Soon(), Attempt()).status(),
              HasMessage("the certificate of localhost is not believed"));
  TestTlsServer server(Identity(), count);
  GatewayConfig config = ConfigFor(server);
  config.ca_file = Unrelated();
  EXPECT_THAT(HttpGateway(config, clock_).Charge(Soon(), Attempt()).status(),
              HasMessage("believed are the authorities of " + dir_.File("other.pem")));
  config.ca_file.clear();
  EXPECT_THAT(HttpGateway(config, clock_).Find(Soon(), AttemptId("a-1")).status(),
              HasMessage("believed are the system's authorities"));
  EXPECT_EQ(asked, 0);
}

TEST_F(TlsTest, WrongSettingsAreNamedAtTheStart) {
  GatewayConfig gateway{.url = "pay.example", .secret = "secret"};
  EXPECT_THAT(HttpGateway(gateway, clock_).CheckConfig(), HasMessage("gateway_url"));
  gateway.url = "https://pay.example";
  gateway.ca_file = dir_.File("none.pem");
  EXPECT_THAT(HttpGateway(gateway, clock_).CheckConfig(), HasMessage("gateway_ca_file"));
  EXPECT_THAT(PostTo({.url = "ftp://x"}).status(), HasMessage("webhook_url"));
  EXPECT_THAT(
      PostTo({.url = "https://x", .ca_file = dir_.File("none.pem"), .secret = "s"}).status(),
      HasMessage("webhook_ca_file"));
}

// Anybody can sign with an empty key.
TEST_F(TlsTest, NothingIsSignedWithAnEmptySecret) {
  EXPECT_THAT(HttpGateway(GatewayConfig{.url = "https://pay.example"}, clock_).CheckConfig(),
              HasMessage("gateway_secret_file"));
  EXPECT_THAT(PostTo({.url = "https://x"}).status(), HasMessage("webhook_secret_file"));
  EXPECT_THAT(HttpGateway(GatewayConfig{}, clock_).CheckConfig(), IsOk());
  EXPECT_THAT(PostTo({}).status(), IsOk());
}

TEST_F(TlsTest, EventsGoToWhoIsBelievedOnly) {
  std::string received;
  const auto take = [&](const std::string& request) {
    received = request;
    return std::string("HTTP/1.1 204 No Content\r\n\r\n");
  };
  TestTlsServer server(Identity(), take);
  WebhookConfig config{.url = "https://localhost:" + std::to_string(server.port()) + "/events",
                       .secret = "secret"};
  config.ca_file = Unrelated();
  EXPECT_THAT((*PostTo(config))(Soon(), "{}", "signature").status(), HasMessage("not believed"));
  EXPECT_EQ(received, "");
  config.ca_file = dir_.File("ca.pem");
  ASSERT_OK_AND_ASSIGN(const int status, (*PostTo(config))(Soon(), "{}", "signature"));
  EXPECT_EQ(status, 204);
  EXPECT_THAT(received, HasSubstr("POST /events HTTP/1.1"));
  EXPECT_TRUE(received.ends_with("\r\n\r\n{}"));
}

}  // namespace
}  // namespace holdfast::billing

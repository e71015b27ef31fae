// The client behind https:// URLs, against a real TLS server: whom it believes, and what it says
// about those it does not.
#include <gmock/gmock.h>

#include <fstream>

#include "libs/http/client.h"
#include "libs/http/server.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/tcp_gate.h"
#include "libs/testing/temp_dir.h"
#include "libs/testing/test_tls.h"

namespace holdfast::http {
namespace {

using namespace std::chrono_literals;
using test::HasCode;
using test::HasMessage;
using test::IsOk;
using test::TestTlsServer;
using testing::HasSubstr;

constexpr char kNames[] = "DNS:localhost,IP:127.0.0.1";

std::string Ok(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}
std::string Echo(const std::string& request) { return Ok(request); }

class TlsClientTest : public testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& pem) {
    std::ofstream(dir_.File(name)) << pem;
    return dir_.File(name);
  }
  static std::string Url(const TestTlsServer& server, const std::string& host = "127.0.0.1") {
    return "https://" + host + ":" + std::to_string(server.port()) + "/pay?x=1";
  }
  absl::StatusOr<ClientResponse> Get(const TestTlsServer& server,
                                     const std::string& host = "127.0.0.1") {
    return Fetch({.url = Url(server, host), .trust = &trust_}, Deadline::After(20s));
  }

  test::TempDir dir_;
  test::TestAuthority authority_;
  TlsTrust trust_{Write("ca.pem", authority_.pem())};
};

TEST_F(TlsClientTest, BelievesAServerByItsAuthorityAndAddressOrName) {
  TestTlsServer server(authority_.Issue(kNames), Echo);
  for (const char* host : {"127.0.0.1", "localhost"}) {
    const auto answer = Get(server, host);
    ASSERT_THAT(answer, IsOk());
    EXPECT_THAT(answer->body, HasSubstr("GET /pay?x=1 HTTP/1.1\r\nHost: " + std::string(host)));
  }
}

TEST_F(TlsClientTest, SendsAndReceivesLargeBodies) {
  TestTlsServer server(authority_.Issue(kNames), Echo);
  const std::string body(1'000'000, 'x');
  const auto answer = Fetch({.method = "POST", .url = Url(server), .body = body, .trust = &trust_},
                            Deadline::After(20s));
  ASSERT_THAT(answer, IsOk());
  EXPECT_TRUE(answer->body.ends_with(body));
}

TEST_F(TlsClientTest, RefusesAnotherName) {
  TestTlsServer server(authority_.Issue("DNS:pay.example,IP:127.0.0.2"), Echo);
  EXPECT_THAT(Get(server), HasCode(absl::StatusCode::kUnavailable));
  EXPECT_THAT(Get(server).status(), HasMessage("the certificate of 127.0.0.1 is not believed: IP"));
  EXPECT_THAT(Get(server, "localhost").status(),
              HasMessage("the certificate of localhost is not believed: hostname mismatch"));
}

TEST_F(TlsClientTest, RefusesAnUnknownAuthority) {
  test::TestAuthority other;
  TestTlsServer server(other.Issue(kNames), Echo);
  const auto answer = Get(server);
  EXPECT_THAT(answer, HasCode(absl::StatusCode::kUnavailable));
  EXPECT_THAT(answer.status(), HasMessage("is not believed"));
  EXPECT_THAT(answer.status(),
              HasMessage("believed are the authorities of " + dir_.File("ca.pem")));
}

TEST_F(TlsClientTest, RefusesAnExpiredCertificate) {
  TestTlsServer server(authority_.Issue(kNames, -3600), Echo);
  EXPECT_THAT(Get(server).status(), HasMessage("certificate has expired"));
}

TEST_F(TlsClientTest, TheSystemsAuthoritiesDoNotKnowATestServer) {
  TestTlsServer server(authority_.Issue(kNames), Echo);
  EXPECT_THAT(Fetch({.url = Url(server)}, Deadline::After(20s)).status(),
              HasMessage("believed are the system's authorities"));
}

TEST_F(TlsClientTest, RefusesAServerThatDoesNotSpeakTls) {
  telemetry::Metrics metrics;
  Server plain({}, Router(), metrics);
  ASSERT_THAT(plain.Start(), IsOk());
  const std::string url = "https://127.0.0.1:" + std::to_string(plain.port()) + "/";
  EXPECT_THAT(Fetch({.url = url, .trust = &trust_}, Deadline::After(20s)).status(),
              HasMessage("TLS with 127.0.0.1: "));
}

TEST_F(TlsClientTest, AnAnswerThatWasCutIsNoAnswer) {
  const auto until_close = [](const std::string&) { return "HTTP/1.1 200 OK\r\n\r\nhalf of it"; };
  TestTlsServer polite(authority_.Issue(kNames), until_close);
  EXPECT_EQ(Get(polite)->body, "half of it");
  TestTlsServer cut(authority_.Issue(kNames), until_close, TestTlsServer::Goodbye::kOmitted);
  EXPECT_THAT(Get(cut), HasCode(absl::StatusCode::kDataLoss));
}

TEST_F(TlsClientTest, ADeadlineEndsAHandshakeThatHangs) {
  TestTlsServer server(authority_.Issue(kNames), Echo);
  test::TcpGate gate(server.port());
  gate.Blackhole();
  EXPECT_THAT(
      Fetch({.url = "https://" + gate.address() + "/", .trust = &trust_}, Deadline::After(50ms)),
      HasCode(absl::StatusCode::kDeadlineExceeded));
}

TEST_F(TlsClientTest, ANewFileOfAuthoritiesIsBelievedWithoutARestart) {
  test::TestAuthority next;
  TestTlsServer server(next.Issue(kNames), Echo);
  EXPECT_THAT(Get(server).status(), HasMessage("is not believed"));
  Write("ca.pem", authority_.pem() + next.pem());
  EXPECT_THAT(Get(server), IsOk());
  Write("ca.pem", "half a file");  // the last good one stays
  EXPECT_THAT(Get(server), IsOk());
}

TEST_F(TlsClientTest, AFileThatCannotBeUsedIsNamed) {
  EXPECT_THAT(TlsTrust(dir_.File("none.pem")).Check(), HasMessage("cannot read"));
  EXPECT_THAT(TlsTrust(Write("empty.pem", "")).Check(), HasMessage("no certificate in"));
  EXPECT_THAT(trust_.Check(), IsOk());
  TlsTrust broken(Write("broken.pem", "x"));
  EXPECT_THAT(Fetch({.url = "https://127.0.0.1:1/", .trust = &broken}, Deadline::After(20s)),
              testing::Not(IsOk()));
}

TEST(UrlTest, IsCheckedBeforeItIsUsed) {
  for (const char* good : {"http://a", "https://a/", "https://a:8443/b?c", "https://[::1]:1/"}) {
    EXPECT_THAT(CheckUrl(good), IsOk()) << good;
  }
  for (const char* bad : {"", "a", "ftp://a", "https://", "https://a:0", "https://a:99999",
                          "https://u:p@a/", "https://a b/", "https:/a"}) {
    EXPECT_THAT(CheckUrl(bad), HasCode(absl::StatusCode::kInvalidArgument)) << bad;
  }
}

}  // namespace
}  // namespace holdfast::http

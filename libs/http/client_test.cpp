#include "libs/http/client.h"

#include <gmock/gmock.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "libs/http/server.h"
#include "libs/testing/process.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/tcp_gate.h"

namespace holdfast::http {
namespace {

using namespace std::chrono_literals;
using test::HasCode;

// Answers each connection with the same bytes, then closes it.
class CannedServer {
 public:
  explicit CannedServer(std::string answer) : answer_(std::move(answer)) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
    listen(listener_, 16);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~CannedServer() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/x"; }

 private:
  void Serve() {
    for (int fd = -1; (fd = accept(listener_, nullptr, nullptr)) >= 0;) {
      std::string request;
      char buffer[4096];
      while (request.find("\r\n\r\n") == std::string::npos) {
        const ssize_t got = recv(fd, buffer, sizeof(buffer), 0);
        if (got <= 0) break;
        request.append(buffer, static_cast<std::size_t>(got));
      }
      send(fd, answer_.data(), answer_.size(), MSG_NOSIGNAL);
      close(fd);
    }
  }

  const std::string answer_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

absl::StatusOr<ClientResponse> FetchFrom(std::string answer, std::string method = "GET") {
  CannedServer server(std::move(answer));
  return Fetch({.method = std::move(method), .url = server.url()}, Deadline::After(20s));
}

TEST(ClientTest, SendsMethodHeadersAndBody) {
  Router router;
  router.Post("/a/b", Inline([](const Request& r) {
                Response response =
                    Response::Text(201, std::string(r.body()) + "|" + std::string(r.query()) + "|" +
                                            std::string(r.Header("x-token")));
                response.headers.emplace_back("X-Answer", "yes");
                return response;
              }));
  telemetry::Metrics metrics;
  Server server({}, std::move(router), metrics);
  ASSERT_TRUE(server.Start().ok());
  for (const std::string host : {"127.0.0.1", "localhost"}) {
    ASSERT_OK_AND_ASSIGN(
        const ClientResponse answer,
        Fetch({.method = "POST",
               .url = "http://" + host + ":" + std::to_string(server.port()) + "/a/b?c=d#e",
               .headers = {{"X-Token", "t"}},
               .body = "body"},
              Deadline::After(20s)));
    EXPECT_EQ(answer.status, 201);
    EXPECT_EQ(answer.body, "body|c=d|t");
    EXPECT_EQ(answer.Header("x-answer"), "yes");
    EXPECT_EQ(answer.Header("absent"), "");
  }
}

TEST(ClientTest, ReadsEveryKindOfBody) {
  for (const std::string answer : {
           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x\r\nllo\r\n0\r\nT: "
           "1\r\n\r\n",
           "HTTP/1.0 200\r\n\r\nhello",
           "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nhello",
       }) {
    ASSERT_OK_AND_ASSIGN(const ClientResponse response, FetchFrom(answer));
    EXPECT_EQ(response.status, 200) << answer;
    EXPECT_EQ(response.body, "hello") << answer;
  }
}

TEST(ClientTest, SomeAnswersHaveNoBody) {
  ASSERT_OK_AND_ASSIGN(const ClientResponse head,
                       FetchFrom("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD"));
  EXPECT_EQ(head.body, "");
  ASSERT_OK_AND_ASSIGN(const ClientResponse unchanged,
                       FetchFrom("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"));
  EXPECT_EQ(unchanged.status, 304);
}

TEST(ClientTest, RefusesAnswersThatAreNotHttp) {
  for (const std::string answer : {
           "SSH-2.0-OpenSSH\r\n\r\n",
           "HTTP/1.1 2x0 OK\r\n\r\n",
           "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
           "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nhell",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
           "HTTP/1.1 200",
       }) {
    EXPECT_THAT(FetchFrom(answer), HasCode(absl::StatusCode::kDataLoss)) << answer;
  }
  EXPECT_THAT(FetchFrom("HTTP/1.1 200 OK\r\nA: " + std::string(100'000, 'a') + "\r\n\r\n"),
              HasCode(absl::StatusCode::kDataLoss));
}

TEST(ClientTest, NobodyThereIsUnavailable) {
  const std::string url = "http://127.0.0.1:" + std::to_string(test::FreePort());
  EXPECT_THAT(Fetch({.url = url}, Deadline::After(20s)), HasCode(absl::StatusCode::kUnavailable));
  EXPECT_THAT(FetchFrom(""), HasCode(absl::StatusCode::kUnavailable));
}

TEST(ClientTest, AHungServerCostsTheDeadlineAndNoMore) {
  CannedServer server("HTTP/1.1 200 OK\r\n\r\n");
  const std::string url = server.url();
  test::TcpGate gate(static_cast<std::uint16_t>(std::stoi(url.substr(17))));
  gate.Blackhole();
  EXPECT_THAT(Fetch({.url = "http://" + gate.address() + "/"}, Deadline::After(50ms)),
              HasCode(absl::StatusCode::kDeadlineExceeded));
}

TEST(ClientTest, RefusesWhatItCannotSend) {
  for (const char* url :
       {"", "127.0.0.1", "ftp://127.0.0.1/", "http://", "http://:80/", "http://a:b/", "http://a:0/",
        "http://a:99999/", "http://u:p@a/", "http://[::1/", "http://a/b c", "http://a/\r\nX: y"}) {
    EXPECT_THAT(Fetch({.url = url}, Deadline::After(1s)),
                HasCode(absl::StatusCode::kInvalidArgument))
        << url;
  }
  EXPECT_THAT(
      Fetch({.url = "http://127.0.0.1/", .headers = {{"A", "b\r\nC: d"}}}, Deadline::After(1s)),
      HasCode(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace holdfast::http

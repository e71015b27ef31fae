#include "libs/http/server.h"

#include <gmock/gmock.h>

#include <string>

#include "libs/http/client.h"
#include "libs/http/server_fixture_test.h"
#include "libs/testing/eventually.h"

namespace holdfast::http {
namespace {

using namespace std::chrono_literals;
using test::Eventually;
using test::HasCode;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST_F(ServerTest, AnswersFromARoute) {
  Serve();
  RawClient client(server_->port());
  client.Send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string answer = client.ReadAnswer();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\nDate: "));
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Type: text/plain; charset=utf-8\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Length: 5\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\nhello"));
  EXPECT_THAT(answer, Not(HasSubstr("Server:")));
  EXPECT_THAT(answer, Not(HasSubstr("Connection:")));
}

struct Hostile {
  const char* why;
  std::string bytes;
  int status;
};

TEST_F(ServerTest, RefusesWhatTwoServersCouldReadDifferently) {
  Serve();
  const std::string get = "GET /hello HTTP/1.1\r\n";
  const std::string post = "POST /echo HTTP/1.1\r\nHost: x\r\n";
  const std::string many_fields = [] {
    std::string fields;
    for (int i = 0; i < 200; ++i) fields += "a: b\r\n";
    return fields;
  }();
  const Hostile cases[] = {
      {"no Host", get + "\r\n", 400},
      {"two Hosts", get + "Host: a\r\nHost: a\r\n\r\n", 400},
      {"a list of Hosts", get + "Host: a, b\r\n\r\n", 400},
      {"obs-fold", get + "Host: x\r\nA: b\r\n c\r\n\r\n", 400},
      {"obs-fold of an empty value", get + "Host: x\r\nA:\r\n\tc\r\n\r\n", 400},
      {"bare LF after the request line", "GET /hello HTTP/1.1\nHost: x\r\n\r\n", 400},
      {"bare LF in the fields", get + "Host: x\nA: b\r\n\r\n", 400},
      {"bare LFs only", "GET /hello HTTP/1.1\nHost: x\n\n", 400},
      {"bare CR", get + "Host: x\r\nA: b\rc\r\n\r\n", 400},
      {"NUL in a value", get + "Host: x\r\nA: b" + std::string(1, '\0') + "\r\n\r\n", 400},
      {"blank before the colon", get + "Host : x\r\n\r\n", 400},
      {"a field without a name", get + "Host: x\r\n: a\r\n\r\n", 400},
      {"a field without a colon", get + "Host: x\r\nabc\r\n\r\n", 400},
      {"a control character in the target", "GET /he\x01llo HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"a blank in the target", "GET /hel lo HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"a target without a slash", "GET hello HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"another scheme", "GET ftp://x/hello HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"no version", "GET /hello\r\nHost: x\r\n\r\n", 400},
      {"a lower-case version", "GET /hello http/1.1\r\nHost: x\r\n\r\n", 400},
      {"HTTP/2 in clear text", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"TLS on a plain port", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400},
      {"Content-Length with Transfer-Encoding",
       post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"differing lengths", post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", 400},
      {"a list of lengths", post + "Content-Length: 5, 5\r\n\r\nhello", 400},
      {"a signed length", post + "Content-Length: +5\r\n\r\nhello", 400},
      {"a hexadecimal length", post + "Content-Length: 0x5\r\n\r\nhello", 400},
      {"an empty length", post + "Content-Length:\r\n\r\nhello", 400},
      {"a length beyond 64 bits", post + "Content-Length: 99999999999999999999\r\n\r\n", 400},
      {"an unknown coding", post + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {"an obscured coding", post + "Transfer-Encoding: xchunked\r\n\r\n", 501},
      {"two codings",
       post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"chunks in HTTP/1.0", "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       400},
      {"a chunk without a size", post + "Transfer-Encoding: chunked\r\n\r\nx\r\n", 400},
      {"a negative chunk", post + "Transfer-Encoding: chunked\r\n\r\n-1\r\n", 400},
      {"a chunk size that wraps",
       post + "Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n", 400},
      {"a chunk that is longer than it says",
       post + "Transfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n", 400},
      {"bare LF in chunks", post + "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n", 400},
      {"an endless chunk extension",
       post + "Transfer-Encoding: chunked\r\n\r\n5;" + std::string(5000, 'x'), 400},
      {"a chunk too large", post + "Transfer-Encoding: chunked\r\n\r\n3e9\r\n", 413},
      {"a body too large", post + "Content-Length: 1001\r\n\r\n", 413},
      {"a head too large", get + "Host: x\r\nA: " + std::string(5000, 'a'), 431},
      {"a target too large", "GET /" + std::string(9000, 'a'), 431},
      {"too many fields", get + "Host: x\r\n" + many_fields + "\r\n", 431},
      {"an unknown method", "BREW /hello HTTP/1.1\r\nHost: x\r\n\r\n", 501},
      {"a method in lower case", "get /hello HTTP/1.1\r\nHost: x\r\n\r\n", 501},
      {"TRACE", "TRACE /hello HTTP/1.1\r\nHost: x\r\n\r\n", 501},
      {"CONNECT", "CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"an unknown expectation", post + "Expect: tea\r\nContent-Length: 1\r\n\r\nx", 417},
  };
  for (const Hostile& hostile : cases) {
    // A request smuggled in behind must never be answered.
    const std::string answer = Exchange(hostile.bytes + "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 " + std::to_string(hostile.status) + " "))
        << hostile.why;
    EXPECT_THAT(answer, HasSubstr("Connection: close\r\n")) << hostile.why;
    EXPECT_THAT(answer, Not(HasSubstr("200 OK"))) << hostile.why;
  }
}

TEST_F(ServerTest, SurvivesEveryPrefixOfARequest) {
  Serve();
  const std::string request =
      "POST /echo?a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3;n=v\r\nabc\r\n2\r\nde\r\n0\r\nT: r\r\n\r\n";
  for (std::size_t size = 0; size < request.size(); ++size) {
    EXPECT_EQ(Exchange(request.substr(0, size)), "") << size;
  }
  EXPECT_THAT(Exchange(request), EndsWith("\r\n\r\nPOST a abcde"));
}

TEST_F(ServerTest, ReadsARequestThatComesByteByByte) {
  Serve();
  RawClient client(server_->port());
  for (const char c :
       std::string_view("\r\nPOST /echo?q HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody")) {
    client.Send({&c, 1});
  }
  EXPECT_THAT(client.ReadAnswer(), EndsWith("\r\n\r\nPOST q body"));
}

TEST_F(ServerTest, TakesTheTargetsThatBoxesSend) {
  Serve();
  const std::string odd = "cmd=ffrt%20http://l/ch/1_&x=:/?@,|^{}[]\"<>`\\&y=\xc3\xa9\xff";
  EXPECT_THAT(Exchange("GET /echo?" + odd + " HTTP/1.1\r\nHost: x\r\n\r\n"),
              EndsWith("\r\n\r\nGET " + odd + " "));
  EXPECT_THAT(Exchange("GET http://portal.example/echo?a HTTP/1.1\r\nHost: x\r\n\r\n"),
              EndsWith("\r\n\r\nGET a "));
}

TEST_F(ServerTest, KeepsAConnectionForManyRequests) {
  Serve();
  RawClient client(server_->port());
  for (int i = 0; i < 100; ++i) {
    client.Send("GET /echo?" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(client.ReadAnswer(), EndsWith("\r\n\r\nGET " + std::to_string(i) + " "));
  }
  EXPECT_EQ(
      metrics_.GaugeFamily("holdfast_http_connections", "", {"server"}).With({"public"}).value(),
      1);
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  Serve();
  std::string requests;
  for (int i = 0; i < 500; ++i) {
    const std::string body(static_cast<std::size_t>(i % 50), 'b');
    requests += "POST /echo?" + std::to_string(i) +
                " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
                "\r\n\r\n" + body;
  }
  RawClient client(server_->port());
  client.Send(requests);
  for (int i = 0; i < 500; ++i) {
    EXPECT_THAT(client.ReadAnswer(), HasSubstr("\r\n\r\nPOST " + std::to_string(i) + " " +
                                               std::string(static_cast<std::size_t>(i % 50), 'b')));
  }
}

TEST_F(ServerTest, APipelinedRequestWaitsForTheAnswerBefore) {
  Serve();
  RawClient client(server_->port());
  client.Send("GET /held HTTP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(Eventually([&] { return held() == 1; }));
  held_.front().Send(Response::Text(200, "first"));
  EXPECT_THAT(client.ReadAnswer(), EndsWith("first"));
  EXPECT_THAT(client.ReadAnswer(), EndsWith("hello"));
}

TEST_F(ServerTest, HeadIsGetWithoutTheBody) {
  Serve();
  RawClient client(server_->port());
  client.Send("HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string head = client.ReadAnswer(true);
  EXPECT_THAT(head, HasSubstr("Content-Length: 5\r\n"));
  EXPECT_THAT(head, EndsWith("\r\n\r\n"));
  EXPECT_THAT(client.ReadAnswer(), StartsWith("HTTP/1.1 200 OK"));
}

TEST_F(ServerTest, AnswersWithoutContentHaveNoLength) {
  Serve();
  RawClient client(server_->port());
  client.Send("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string nothing = client.ReadAnswer();
  EXPECT_THAT(nothing, StartsWith("HTTP/1.1 204 No Content\r\n"));
  EXPECT_THAT(nothing, Not(HasSubstr("Content-")));
  EXPECT_THAT(client.ReadAnswer(), EndsWith("hello"));
}

TEST_F(ServerTest, OldClientsGetOneAnswerUnlessTheyAskForMore) {
  Serve();
  EXPECT_THAT(Exchange("GET /hello HTTP/1.0\r\n\r\nGET /hello HTTP/1.0\r\n\r\n"),
              testing::AllOf(HasSubstr("Connection: close\r\n"), EndsWith("hello")));
  RawClient client(server_->port());
  for (int i = 0; i < 2; ++i) {
    client.Send("GET /hello HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
    EXPECT_THAT(client.ReadAnswer(), HasSubstr("Connection: keep-alive\r\n"));
  }
}

TEST_F(ServerTest, ClosesWhenEitherSideSaysSo) {
  Serve();
  RawClient client(server_->port());
  client.Send("GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.ReadAll(), HasSubstr("Connection: close\r\n"));
  RawClient other(server_->port());
  other.Send("GET /headers HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string answer = other.ReadAll();
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer, HasSubstr("X-Good: 1\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("X-Injected")));
}

TEST_F(ServerTest, UnknownPathsAndMethodsKeepTheConnection) {
  Serve();
  RawClient client(server_->port());
  client.Send("GET /absent HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.ReadAnswer(), StartsWith("HTTP/1.1 404 Not Found\r\n"));
  client.Send("DELETE /echo HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string refused = client.ReadAnswer();
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 405 Method Not Allowed\r\n"));
  EXPECT_THAT(refused, HasSubstr("Allow: GET, HEAD, POST\r\n"));
  client.Send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.ReadAnswer(), EndsWith("hello"));
}

TEST_F(ServerTest, CapturesPartsOfThePathDecoded) {
  Serve();
  EXPECT_THAT(Exchange("GET /parts/a%2Fb+c/x/d/e%20f HTTP/1.1\r\nHost: x\r\n\r\n"),
              EndsWith("\r\n\r\na/b+c|d/e f"));
  EXPECT_THAT(Exchange("GET /parts//x/d HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 404"));
}

TEST_F(ServerTest, InvitesABodyThatTheClientHoldsBack) {
  Serve();
  RawClient client(server_->port());
  client.Send(
      "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  EXPECT_EQ(client.ReadAnswer(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.Send("body");
  EXPECT_THAT(client.ReadAnswer(), EndsWith("POST  body"));
  client.Send(
      "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4444\r\n\r\n");
  EXPECT_THAT(client.ReadAnswer(), StartsWith("HTTP/1.1 413"));
}

TEST_F(ServerTest, ADroppedReplyIsAnError) {
  Serve();
  RawClient client(server_->port());
  client.Send("GET /dropped HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.ReadAnswer(), StartsWith("HTTP/1.1 500 Internal Server Error\r\n"));
}

TEST_F(ServerTest, AReplyMayOutliveTheServer) {
  Serve();
  RawClient client(server_->port());
  client.Send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(Eventually([&] { return held() == 1; }));
  server_.reset();
  held_.front().Send(Response::Text(200, "too late"));
  EXPECT_TRUE(client.Closed());
}

TEST_F(ServerTest, LargeSharedBodiesArriveWhole) {
  Serve();
  const long owners = big_.use_count();
  ASSERT_OK_AND_ASSIGN(const ClientResponse answer,
                       Fetch({.url = Url("/big")}, Deadline::After(20s)));
  EXPECT_TRUE(answer.body == *big_);
  EXPECT_TRUE(Eventually([&] { return big_.use_count() == owners; }));
}

TEST_F(ServerTest, SeveralThreadsShareOnePort) {
  ServerOptions options = Quick();
  options.io_threads = 3;
  Serve(options);
  for (int i = 0; i < 50; ++i) {
    EXPECT_THAT(Exchange("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"), EndsWith("hello"));
  }
}

TEST_F(ServerTest, ATakenPortIsReported) {
  for (const int threads : {1, 2}) {
    ServerOptions options = Quick();
    options.io_threads = threads;
    Serve(options);
    options.port = server_->port();
    Server second(options, Router(), metrics_);
    EXPECT_THAT(second.Start(), HasCode(absl::StatusCode::kUnavailable)) << threads;
  }
}

TEST_F(ServerTest, HandlersRunInTheCallersTrace) {
  Serve();
  const std::string id = "4bf92f3577b34da6a3ce929d0e0e4736";
  EXPECT_THAT(Exchange("GET /trace HTTP/1.1\r\nHost: x\r\ntraceparent: 00-" + id +
                       "-00f067aa0ba902b7-01\r\n\r\n"),
              EndsWith(id));
  EXPECT_THAT(Exchange("GET /trace HTTP/1.1\r\nHost: x\r\ntraceparent: nonsense\r\n\r\n"),
              HasSubstr("Content-Length: 32\r\n"));
}

TEST_F(ServerTest, CountsAnswersByRouteAndClass) {
  Serve();
  Exchange("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  Exchange("GET /parts/a/x/b HTTP/1.1\r\nHost: x\r\n\r\n");
  Exchange("GET /absent HTTP/1.1\r\nHost: x\r\n\r\n");
  Exchange("GET /hello HTTP/1.1\r\n\r\n");
  const auto count = [this](std::string_view route, std::string_view code) {
    return metrics_.CounterFamily("holdfast_http_requests_total", "", {"server", "route", "code"})
        .With({"public", route, code})
        .value();
  };
  EXPECT_EQ(count("/hello", "2xx"), 1);
  EXPECT_EQ(count("/parts/{one}/x/{rest*}", "2xx"), 1);
  EXPECT_EQ(count("unmatched", "4xx"), 1);
  EXPECT_EQ(count("malformed", "4xx"), 1);
}

}  // namespace
}  // namespace holdfast::http

// Streams of responses, from handler to reader.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/rpc/testing/echo.h"
#include "libs/rpc/testing/scrape.h"
#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/tcp_gate.h"

namespace holdfast::rpc {
namespace {

using namespace std::chrono_literals;
using absl::StatusCode;
using test::Eventually;
using test::HasCode;
using test::HasMessage;
using test::IsOk;

TEST(StreamTest, DeliversEverythingInOrderToTheEnd) {
  EchoServer server;
  EchoClient client({server.address()});
  const auto reader = client.CountTo(5000, 100);
  v1::Number number;
  std::int64_t expected = 1;
  while (reader->Read(number, Deadline::After(5s))) ASSERT_EQ(number.value(), expected++);
  EXPECT_EQ(expected, 5001);
  EXPECT_THAT(reader->status(), IsOk());
  EXPECT_FALSE(reader->Read(number, Deadline::After(5s))) << "it stays ended";
}

TEST(StreamTest, DeliversWhatWasWrittenBeforeAnErrorEnd) {
  EchoServer server;
  EchoClient client({server.address()});
  const auto reader = client.CountTo(3);
  v1::Number number;
  ASSERT_TRUE(Eventually([&] { return server.echo().written == 3; }));
  for (int value = 1; value <= 3; ++value) {
    ASSERT_TRUE(reader->Read(number, Deadline::After(5s)));
    EXPECT_EQ(number.value(), value);
  }
  EXPECT_FALSE(reader->Read(number, Deadline::After(5s)));
}

TEST(StreamTest, ASlowReaderSlowsTheWriter) {
  EchoServer server;
  EchoClient client({server.address()});
  const auto reader = client.CountTo(200, 1 << 20);
  v1::Number number;
  ASSERT_TRUE(reader->Read(number, Deadline::After(5s)));
  // What fits into windows and buffers is written; 200 MiB do not.
  std::int64_t before = -1;
  ASSERT_TRUE(Eventually([&] { return std::exchange(before, server.echo().written) == before; }));
  EXPECT_LT(server.echo().written, 100);
  std::int64_t expected = 2;
  while (reader->Read(number, Deadline::After(5s))) ASSERT_EQ(number.value(), expected++);
  EXPECT_EQ(expected, 201);
}

TEST(StreamTest, LeavingStopsTheWriter) {
  EchoServer server;
  EchoClient client({server.address()});
  auto reader = client.CountTo(0);
  v1::Number number;
  ASSERT_TRUE(reader->Read(number, Deadline::After(5s)));
  reader.reset();
  EXPECT_TRUE(Eventually([&] { return server.echo().streams_stopped == 1; }));
}

TEST(StreamTest, CancelWakesABlockedRead) {
  EchoServer server;
  test::TcpGate gate(server.port());
  EchoClient client({gate.address()});
  const auto reader = client.CountTo(0, 1000);
  v1::Number number;
  ASSERT_TRUE(reader->Read(number, Deadline::After(5s)));
  gate.Blackhole();
  std::thread blocked([&] {
    while (reader->Read(number, Deadline::After(60s))) continue;
  });
  reader->Cancel();
  blocked.join();
  EXPECT_THAT(reader->status(), HasCode(StatusCode::kCancelled));
}

TEST(StreamTest, SilenceEndsAtTheReadersDeadline) {
  EchoServer server;
  test::TcpGate gate(server.port());
  EchoClient client({gate.address()});
  gate.Blackhole();
  const auto reader = client.CountTo(0);
  v1::Number number;
  EXPECT_FALSE(reader->Read(number, Deadline::After(50ms)));
  EXPECT_THAT(reader->status(), HasCode(StatusCode::kDeadlineExceeded));
}

TEST(StreamTest, ABrokenConnectionEndsItWithUnavailable) {
  EchoServer server;
  test::TcpGate gate(server.port());
  EchoClient client({gate.address()});
  const auto reader = client.CountTo(0);
  v1::Number number;
  ASSERT_TRUE(reader->Read(number, Deadline::After(5s)));
  gate.Cut();
  while (reader->Read(number, Deadline::After(5s))) continue;
  EXPECT_THAT(reader->status(), HasCode(StatusCode::kUnavailable));
  EXPECT_TRUE(Eventually([&] { return server.echo().streams_stopped == 1; }));
}

TEST(StreamTest, TooManyStreamsAreRefused) {
  EchoServer server(nullptr, {.max_streams = 2});
  EchoClient client({server.address()});
  v1::Number number;
  auto first = client.CountTo(0);
  const auto second = client.CountTo(0);
  ASSERT_TRUE(first->Read(number, Deadline::After(5s)));
  ASSERT_TRUE(second->Read(number, Deadline::After(5s)));
  const auto third = client.CountTo(0);
  EXPECT_FALSE(third->Read(number, Deadline::After(5s)));
  EXPECT_THAT(third->status(), HasCode(StatusCode::kResourceExhausted));
  first.reset();
  EXPECT_TRUE(Eventually([&] { return client.CountTo(1)->Read(number, Deadline::After(5s)); }));
}

TEST(StreamTest, WithoutAnyInstanceItSaysSo) {
  EchoClient client({});
  const auto reader = client.CountTo(1);
  v1::Number number;
  EXPECT_FALSE(reader->Read(number, Deadline::After(5s)));
  EXPECT_THAT(reader->status(), HasCode(StatusCode::kUnavailable));
}

TEST(StreamTest, ACallerThatLeavesEndsItsStreams) {
  EchoServer server;
  EchoClient client({server.address()});
  const auto cancellation = std::make_shared<Cancellation>();
  const Call call(Deadline::After(60s), telemetry::TraceContext::Start(client.random()),
                  Criticality::kInteractive, "", cancellation);
  const auto open = [&] { return client.channel().OpenStream(call, kCount, v1::CountTo()); };
  const auto reader = open();
  v1::Number number;
  ASSERT_TRUE(reader->Read(number, Deadline::After(5s)));
  cancellation->Cancel();
  while (reader->Read(number, Deadline::After(60s))) continue;
  EXPECT_THAT(reader->status(), HasCode(StatusCode::kCancelled));
  EXPECT_TRUE(Eventually([&] { return server.echo().streams_stopped == 1; }));
  EXPECT_THAT(open()->status(), HasCode(StatusCode::kCancelled)) << "and begins none";
}

TEST(StreamTest, ACallerMayLeaveAfterItsStream) {
  EchoServer server;
  EchoClient client({server.address()});
  const auto cancellation = std::make_shared<Cancellation>();
  const Call call(Deadline::After(60s), telemetry::TraceContext::Start(client.random()),
                  Criticality::kInteractive, "", cancellation);
  client.channel().OpenStream(call, kCount, v1::CountTo()).reset();
  cancellation->Cancel();
}

TEST(StreamTest, AStreamTakesAPlaceOfThoseUnderWay) {
  EchoServer server;
  EchoClient client({server.address()}, {.timeout = 20s, .try_timeout = 10s, .max_in_flight = 4});
  v1::Number number;
  std::vector<std::unique_ptr<StreamReader>> open;  // of a background call: three of four places
  for (int i = 0; i < 3; ++i) {
    open.push_back(client.CountTo(0));
    ASSERT_TRUE(open.back()->Read(number, Deadline::After(5s)));
  }
  EXPECT_THAT(client.Ask(kOrder, "x"), HasCode(StatusCode::kResourceExhausted));
  EXPECT_THAT(client.CountTo(1)->status(), HasMessage("3 calls are under way"));
  EXPECT_EQ(ValueOf(client.Scrape(),
                    "holdfast_rpc_client_refused_total{reason=\"bulkhead\",service=\"echo\"}"),
            2);
  EXPECT_EQ(ValueOf(client.Scrape(),
                    "holdfast_rpc_client_requests_total{code=\"RESOURCE_EXHAUSTED\",method=\"" +
                        std::string(kCount) + "\",service=\"echo\"}"),
            1);
  open.pop_back();
  EXPECT_TRUE(client.CountTo(1)->Read(number, Deadline::After(5s)));
  EXPECT_THAT(client.Ask(kOrder, "x"), IsOk()) << "the last one has given its place back";
}

TEST(StreamTest, AnOpenBreakerRefusesItAndItsFailureCounts) {
  EchoServer server;
  test::TcpGate gate(server.port());
  EchoClient client({gate.address()}, {.open_for = 60s, .open_for_max = 60s});
  v1::Number number;
  ASSERT_TRUE(client.CountTo(1)->Read(number, Deadline::After(5s)));
  gate.Cut();
  ASSERT_TRUE(Eventually([&] {
    const auto reader = client.CountTo(0);
    EXPECT_FALSE(reader->Read(number, Deadline::After(5s)));
    return client.Shows("echo: breaker open");
  }));
  EXPECT_THAT(client.CountTo(0)->status(), HasMessage("echo: breaker open"));
  EXPECT_GE(ValueOf(client.Scrape(),
                    "holdfast_rpc_client_refused_total{reason=\"breaker\",service=\"echo\"}"),
            1);
}

TEST(StreamTest, ManyStreamsComeAndGo) {
  EchoServer server;
  EchoClient client({server.address()});
  for (int i = 0; i < 100; ++i) {
    const auto reader = client.CountTo(i % 7);  // 0: without end
    v1::Number number;
    EXPECT_TRUE(i % 7 == 0 || i % 3 == 0 || reader->Read(number, Deadline::After(5s)));
  }
}

}  // namespace
}  // namespace holdfast::rpc

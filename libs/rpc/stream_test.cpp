// Streams of responses, from handler to reader.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/rpc/testing/echo.h"
#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/tcp_gate.h"

namespace holdfast::rpc {
namespace {

using namespace std::chrono_literals;
using absl::StatusCode;
using test::Eventually;
using test::HasCode;
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

// Which calls a server answers first, which it refuses and how, and when it asks connections to
// leave.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/rpc/testing/echo.h"
#include "libs/rpc/testing/gate.h"
#include "libs/rpc/testing/load.h"
#include "libs/rpc/testing/raw_call.h"
#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"

namespace holdfast::rpc {
namespace {

using namespace std::chrono_literals;
using test::Eventually;
using test::IsOk;

TEST(ServerAdmissionTest, AShedCallIsToldWhenToComeAgain) {
  EchoServer server(nullptr, {.workers = {.max_waiting = 0}});
  RawClient client(server.address());
  for (const Criticality criticality : {Criticality::kCritical, Criticality::kBulk}) {
    const RawAnswer answer = client.Ask(kOrder, "x", criticality);
    EXPECT_EQ(answer.status.error_code(), grpc::RESOURCE_EXHAUSTED);
    const int shortest = criticality == Criticality::kCritical ? 50 : 400;
    EXPECT_GE(std::stoi(answer.pushback), shortest);
    EXPECT_LE(std::stoi(answer.pushback), 3 * shortest);
  }
  EXPECT_EQ(server.echo().calls, 0);
}

TEST(ServerAdmissionTest, ACallThatIsServedHasNoPushback) {
  EchoServer server([](const Call&, const v1::Text&) { return ResourceExhausted("quota"); });
  RawClient client(server.address());
  EXPECT_EQ(client.Ask(kOrder, "x", Criticality::kBulk).pushback, "")
      << "the handler's own answer says nothing of our load";
}

TEST(ServerAdmissionTest, CriticalCallsOvertakeOthersInTheQueue) {
  Gate gate;
  std::vector<std::string> order;  // one thread: no lock
  EchoServer server(
      [&](const Call& call, const v1::Text& request) {
        order.push_back(request.text());
        return gate.Reply()(call, request);
      },
      {.workers = {.threads = 1, .max_wait = 60s, .overload_after = 60s}});
  RawClient client(server.address());
  std::vector<std::thread> callers;
  const auto ask = [&](const char* text, Criticality criticality) {
    const std::size_t before = server.waiting() + static_cast<std::size_t>(gate.waiting);
    callers.emplace_back([&client, text, criticality] {
      EXPECT_TRUE(client.Ask(kOrder, text, criticality).status.ok());
    });
    ASSERT_TRUE(Eventually(
        [&] { return server.waiting() + static_cast<std::size_t>(gate.waiting) == before + 1; }));
  };
  ask("wait", Criticality::kInteractive);
  ask("bulk", Criticality::kBulk);
  ask("critical", Criticality::kCritical);
  ask("interactive", Criticality::kInteractive);
  gate.open.Notify();
  for (std::thread& caller : callers) caller.join();
  EXPECT_THAT(order, testing::ElementsAre("wait", "critical", "interactive", "bulk"));
}

// Where no certificate names them, callers are told apart by their addresses.
TEST(ServerAdmissionTest, ACallerThatFloodsTakesNothingFromTheOthers) {
  Gate gate;
  std::vector<std::string> order;  // one thread: no lock
  EchoServer server(
      [&](const Call& call, const v1::Text& request) {
        order.push_back(request.text());
        return gate.Reply()(call, request);
      },
      {.workers = {.threads = 1, .max_wait = 60s, .overload_after = 60s}});
  RawClient flooding(server.port(), "127.0.0.1");
  RawClient modest(server.port(), "127.0.0.2");
  std::vector<std::thread> callers;
  const auto ask = [&](RawClient& client, const char* text) {
    const std::size_t before = server.waiting() + static_cast<std::size_t>(gate.waiting);
    callers.emplace_back([&client, text] {
      EXPECT_TRUE(client.Ask(kOrder, text, Criticality::kInteractive, 60s).status.ok());
    });
    ASSERT_TRUE(Eventually(
        [&] { return server.waiting() + static_cast<std::size_t>(gate.waiting) == before + 1; }));
  };
  ask(flooding, "wait");
  for (int i = 0; i < 20; ++i) ask(flooding, "flood");
  for (int i = 0; i < 3; ++i) ask(modest, "modest");
  gate.open.Notify();
  for (std::thread& caller : callers) caller.join();
  ASSERT_EQ(order.size(), 24u);
  order.resize(5);
  EXPECT_THAT(order, testing::ElementsAre("wait", "modest", "modest", "modest", "flood"))
      << "it had its share while the first call of the other one ran";
}

TEST(ServerAdmissionTest, AnOldConnectionIsAskedToLeaveAndNoCallFails) {
  EchoServer server(nullptr, {.max_connection_age = 100ms});
  RawClient raw(server.address());
  ASSERT_TRUE(raw.Ask(kSay, "x", Criticality::kCritical).status.ok());
  EXPECT_TRUE(raw.channel().WaitForStateChange(GRPC_CHANNEL_READY, GrpcDeadlineAfter(10s)));

  EchoClient client({server.address()});
  ASSERT_TRUE(Eventually([&] { return client.AllUp(1); }));
  Load load(client, kOrder);
  const Deadline several_ages = Deadline::After(1s);
  ASSERT_TRUE(Eventually([&] { return several_ages.Passed(); }));
  load.Stop();
  EXPECT_GT(load.calls(), 50);
  EXPECT_THAT(load.failures(), testing::IsEmpty());
}

TEST(ServerAdmissionTest, CallsInTheQueueAreStillAnswered) {
  Gate gate;
  EchoServer server(gate.Reply(), {.workers = {.threads = 1, .max_wait = 10s}});
  EchoClient client({server.address()});
  std::thread running([&] { EXPECT_THAT(client.Ask(kOrder, "wait", {.timeout = 10s}), IsOk()); });
  ASSERT_TRUE(Eventually([&] { return gate.waiting == 1; }));
  RawClient raw(server.address());
  std::thread waiting(
      [&] { EXPECT_TRUE(raw.Ask(kOrder, "x", Criticality::kCritical).status.ok()); });
  ASSERT_TRUE(Eventually([&] { return server.waiting() == 1; }));
  std::thread drain([&] { server.server().Drain(0ms, Deadline::After(10s)); });
  EXPECT_TRUE(Eventually([&] { return !client.channel().has_healthy_instance(); }));
  gate.open.Notify();
  for (std::thread* thread : {&running, &waiting, &drain}) thread->join();
}

TEST(ServerAdmissionTest, AHandlerHearsThatItsCallerHasLeft) {
  std::atomic<bool> heard = false;
  EchoServer server([&](const Call& call, const v1::Text&) {
    heard = Eventually([&] { return call.cancellation()->cancelled(); });
    return absl::OkStatus();
  });
  RawClient client(server.address());
  EXPECT_EQ(client.Ask(kOrder, "x", Criticality::kCritical, 100ms).status.error_code(),
            grpc::DEADLINE_EXCEEDED);
  EXPECT_TRUE(Eventually([&] { return heard.load(); }));
}

TEST(ServerAdmissionTest, WhatAHandlerCallsHearsItToo) {
  std::atomic<bool> heard = false;
  EchoServer inner([&](const Call& call, const v1::Text&) {
    heard = Eventually([&] { return call.cancellation()->cancelled(); });
    return absl::OkStatus();
  });
  EchoClient to_inner({inner.address()});
  EchoServer outer([&](const Call& call, const v1::Text& request) {
    return to_inner.channel().Invoke<v1::Text>(call, kOrder, request, {.timeout = 60s}).status();
  });
  EchoClient client({outer.address()});
  const auto cancellation = std::make_shared<Cancellation>();
  const Call call(Deadline::After(60s), telemetry::TraceContext::Start(client.random()),
                  Criticality::kInteractive, "", cancellation);
  std::thread leaver([&] {
    EXPECT_TRUE(Eventually([&] { return inner.echo().calls == 1; }));
    cancellation->Cancel();
  });
  EXPECT_THAT(client.channel().Invoke<v1::Text>(call, kOrder, v1::Text(), {.timeout = 60s}),
              test::HasCode(absl::StatusCode::kCancelled));
  EXPECT_TRUE(Eventually([&] { return heard.load(); }));
  leaver.join();
}

}  // namespace
}  // namespace holdfast::rpc

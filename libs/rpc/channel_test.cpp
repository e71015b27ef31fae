#include "libs/rpc/channel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/rpc/testing/echo.h"
#include "libs/rpc/testing/load.h"
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
using testing::HasSubstr;
using testing::IsEmpty;

absl::Status NoDatabase(const Call&, const v1::Text&) { return Unavailable("no database"); }

SteadyTime Now() { return SystemClock::Get().SteadyNow(); }

// Three instances, each behind a gate that can be made to misbehave.
class ThreeInstancesTest : public testing::Test {
 protected:
  ThreeInstancesTest()
      : client_({gates_[0].address(), gates_[1].address(), gates_[2].address()}, {.timeout = 10s}) {
    EXPECT_TRUE(Eventually([&] { return client_.AllUp(3); }));
  }

  void ServeFor(const Load& load, int calls) {
    const int before = load.calls();
    ASSERT_TRUE(Eventually([&] { return load.calls() >= before + calls; }));
  }

  EchoServer servers_[3];
  test::TcpGate gates_[3] = {test::TcpGate(servers_[0].port()), test::TcpGate(servers_[1].port()),
                             test::TcpGate(servers_[2].port())};
  EchoClient client_;
};

TEST_F(ThreeInstancesTest, AllGetCalls) {
  Load load(client_, kSay);
  for (EchoServer& server : servers_) {
    EXPECT_TRUE(Eventually([&] { return server.echo().calls > 10; }));
  }
}

TEST_F(ThreeInstancesTest, AKilledOneCostsNoIdempotentCall) {
  Load load(client_, kStore);
  ServeFor(load, 100);
  gates_[0].Cut();
  EXPECT_TRUE(Eventually([&] { return client_.AllUp(2); }));
  ServeFor(load, 200);
  load.Stop();
  EXPECT_THAT(load.failures(), IsEmpty());
}

TEST_F(ThreeInstancesTest, AHungOneLeavesTheChoiceAndCostsNoIdempotentCall) {
  Load load(client_, kStore);
  ServeFor(load, 100);
  gates_[0].Blackhole();
  EXPECT_TRUE(Eventually([&] { return client_.AllUp(2); }));
  ServeFor(load, 200);
  load.Stop();
  EXPECT_THAT(load.failures(), IsEmpty());
}

TEST_F(ThreeInstancesTest, TwoHungOnesCostNoIdempotentCall) {
  Load load(client_, kStore);
  ServeFor(load, 100);
  gates_[0].Blackhole();
  gates_[2].Blackhole();
  ServeFor(load, 300);
  load.Stop();
  EXPECT_THAT(load.failures(), IsEmpty());
}

TEST_F(ThreeInstancesTest, AnInstanceThatReturnsIsUsedAgain) {
  Load load(client_, kStore);
  for (const bool hung : {false, true}) {
    hung ? gates_[1].Blackhole() : gates_[1].Cut();
    ASSERT_TRUE(Eventually([&] { return client_.AllUp(2); }));
    const int before = servers_[1].echo().calls;
    gates_[1].Open();
    EXPECT_TRUE(Eventually([&] { return client_.AllUp(3); }, 20s)) << client_.channel().Describe();
    EXPECT_TRUE(Eventually([&] { return servers_[1].echo().calls > before + 3; }));
  }
  load.Stop();
  EXPECT_THAT(load.failures(), IsEmpty());
}

TEST_F(ThreeInstancesTest, AnInstanceThatLeavesTheDirectoryGetsNothingMore) {
  client_.directory().SetAddresses({gates_[0].address(), gates_[1].address()});
  const int before = servers_[2].echo().calls;
  for (int i = 0; i < 50; ++i) ASSERT_THAT(client_.Ask(kSay, "x"), IsOk());
  EXPECT_EQ(servers_[2].echo().calls, before);
}

TEST_F(ThreeInstancesTest, AnInstanceThatDrainsKeepsItsConnectionAndGetsNothingNew) {
  discovery::InstanceSet set;
  for (int i = 0; i < 3; ++i) {
    set.push_back({.id = "echo-" + std::to_string(i), .address = gates_[i].address(), .zone = "a"});
  }
  set[2].state = discovery::State::kDraining;
  set[1].weight = 50;
  const auto connections = gates_[1].connections_seen() + gates_[2].connections_seen();
  client_.directory().Set(set);
  EXPECT_TRUE(client_.Shows("1 draining"));
  const int before = servers_[2].echo().calls;
  for (int i = 0; i < 50; ++i) ASSERT_THAT(client_.Ask(kSay, "x"), IsOk());
  EXPECT_EQ(servers_[2].echo().calls, before);
  set[2].state = discovery::State::kServing;  // its restart was called off
  client_.directory().Set(set);
  Load load(client_, kSay);
  EXPECT_TRUE(Eventually([&] { return servers_[2].echo().calls > before + 5; }));
  EXPECT_EQ(gates_[1].connections_seen() + gates_[2].connections_seen(), connections);
}

TEST_F(ThreeInstancesTest, ANewInstanceIsUsedWithoutTouchingTheOthers) {
  client_.directory().SetAddresses({gates_[0].address(), gates_[1].address()});
  const auto connections = gates_[0].connections_seen();
  client_.directory().SetAddresses({gates_[0].address(), gates_[1].address(), gates_[2].address()});
  EXPECT_TRUE(Eventually([&] { return client_.AllUp(3); }));
  EXPECT_EQ(gates_[0].connections_seen(), connections);
}

TEST(ChannelTest, ARetryGoesToAnotherInstance) {
  EchoServer failing(NoDatabase);
  EchoServer working;
  EchoClient client({failing.address(), working.address()});
  ASSERT_TRUE(Eventually([&] { return client.AllUp(2); }));
  for (int i = 0; i < 30; ++i) ASSERT_THAT(client.Ask(kStore, "x"), IsOk());
  EXPECT_GT(failing.echo().calls, 0);
  EXPECT_EQ(working.echo().calls, 30);
  EXPECT_THAT(client.Scrape(), HasSubstr("holdfast_rpc_client_retries_total{service=\"echo\"}"));
}

TEST(ChannelTest, WhatMustNotRunTwiceIsNotRetried) {
  EchoServer first(NoDatabase);
  EchoServer second(NoDatabase);
  EchoClient client({first.address(), second.address()});
  ASSERT_TRUE(Eventually([&] { return client.AllUp(2); }));
  EXPECT_THAT(client.Ask(kOrder, "x"), HasCode(StatusCode::kUnavailable));
  EXPECT_EQ(first.echo().calls + second.echo().calls, 1);
}

TEST(ChannelTest, WhatAFullInstanceDeclinedIsDoneElsewhere) {
  EchoServer full(nullptr, {.workers = {.max_waiting = 0}});  // declines every worker call
  EchoServer idle;
  EchoClient client({full.address(), idle.address()});
  ASSERT_TRUE(Eventually([&] { return client.AllUp(2); }));
  for (int i = 0; i < 30; ++i) EXPECT_THAT(client.Ask(kOrder, "x"), IsOk());
  EXPECT_EQ(idle.echo().calls, 30);
  EXPECT_TRUE(client.AllUp(2)) << "full is not broken";
}

TEST(ChannelTest, AnInstanceThatOnlyPretendsHealthIsLeftOutAndComesBackWithoutCostingACall) {
  std::atomic<bool> broken = true;
  EchoServer pretender([&](const Call&, const v1::Text&) {
    return broken ? Unavailable("broken inside") : absl::OkStatus();
  });
  EchoServer working;
  EchoClient client({pretender.address(), working.address()});
  ASSERT_TRUE(Eventually([&] { return client.AllUp(2); }));
  Load load(client, kSay);
  ASSERT_TRUE(Eventually([&] { return client.Shows("breaker=open"); }, 20s));
  broken = false;
  EXPECT_TRUE(Eventually(
      [&] { return !client.Shows("breaker=open") && !client.Shows("breaker=half-open"); }));
  const int before = pretender.echo().calls;
  EXPECT_TRUE(Eventually([&] { return pretender.echo().calls > before + 5; }));
  load.Stop();
  EXPECT_THAT(load.failures(), IsEmpty());
}

TEST(ChannelTest, BusinessErrorsOpenNothing) {
  EchoServer server([](const Call&, const v1::Text&) { return NotFound("no such account"); });
  EchoClient client({server.address()});
  for (int i = 0; i < 30; ++i) EXPECT_THAT(client.Ask(kSay, "x"), HasCode(StatusCode::kNotFound));
  EXPECT_TRUE(client.Shows("echo: breaker closed"));
  EXPECT_EQ(server.echo().calls, 30);
}

TEST(ChannelTest, ANeighbourThatIsAwayFailsFastAndIsFoundAgain) {
  EchoServer server;
  test::TcpGate gate(server.port());
  EchoClient client({gate.address()}, {.open_for = 60s});
  ASSERT_TRUE(Eventually([&] { return client.AllUp(1); }));
  gate.Blackhole();
  for (int i = 0; i < 5; ++i) {
    EXPECT_THAT(client.Ask(kSay, "x", {.timeout = 30ms}), HasCode(StatusCode::kDeadlineExceeded));
  }
  const SteadyTime start = Now();
  const auto refused = client.Ask(kSay, "x", {.timeout = 5s});
  EXPECT_LT(Now() - start, 4s) << "it waited for the deadline";
  EXPECT_THAT(refused, HasCode(StatusCode::kUnavailable));
  EXPECT_THAT(refused, HasMessage("echo: breaker open"));
  EXPECT_FALSE(client.channel().has_healthy_instance());
  ASSERT_TRUE(Eventually([&] { return client.AllUp(0); }));
  gate.Open();
  EXPECT_TRUE(Eventually([&] { return client.Ask(kSay, "x").ok(); }, 20s))
      << "a good probe shortens the wait";
}

TEST(ChannelTest, WithoutAnyInstanceItFailsAtOnce) {
  EchoClient client({});
  const auto answer = client.Ask(kSay, "x");
  EXPECT_THAT(answer, HasCode(StatusCode::kUnavailable));
  EXPECT_THAT(answer, HasMessage("echo: no instance is known"));
  EXPECT_FALSE(client.channel().has_healthy_instance());
}

TEST(ChannelTest, TheOnlyInstanceIsAskedWhateverProbesSay) {
  EchoServer server(NoDatabase);
  EchoClient client({server.address()});
  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(client.Ask(kSay, "x"), HasMessage("no database"));
  }
}

TEST(ChannelTest, ACallThatComesTooLateIsNotMade) {
  EchoServer server;
  EchoClient client({server.address()});
  ASSERT_THAT(client.Ask(kSay, "x"), IsOk());
  v1::Text text;
  EXPECT_THAT(client.channel().Invoke<v1::Text>(client.NewCall(1ms), kSay, text),
              HasCode(StatusCode::kDeadlineExceeded));
  EXPECT_EQ(server.echo().calls, 1);
}

TEST(ChannelTest, ACallEndsBeforeItsCallersDeadline) {
  EchoServer server;
  test::TcpGate gate(server.port());
  gate.Blackhole();
  EchoClient client({gate.address()});
  v1::Text text;
  const Call call = client.NewCall(80ms);
  EXPECT_THAT(client.channel().Invoke<v1::Text>(call, kSay, text, {.timeout = 10s}),
              HasCode(StatusCode::kDeadlineExceeded));
  EXPECT_LT(Now(), call.deadline().at() + 5s) << "it took the time that it was given itself";
}

TEST(ChannelTest, MoreThanMaxInFlightAreRefusedHere) {
  absl::Notification open;
  EchoServer server([&](const Call&, const v1::Text&) {
    open.WaitForNotification();
    return absl::OkStatus();
  });
  EchoClient client({server.address()}, {.max_in_flight = 3});
  std::vector<std::thread> callers;
  for (int i = 0; i < 3; ++i) {
    callers.emplace_back([&] { EXPECT_THAT(client.Ask(kOrder, "x", {.timeout = 10s}), IsOk()); });
  }
  ASSERT_TRUE(Eventually([&] { return server.echo().calls == 3; }));
  EXPECT_THAT(client.Ask(kOrder, "x"), HasMessage("3 calls are under way"));
  open.Notify();
  for (std::thread& caller : callers) caller.join();
}

TEST(ChannelTest, StartAnswersWithoutBlocking) {
  EchoServer server;
  EchoClient client({server.address()});
  v1::Text request;
  request.set_text("hello");
  v1::Text response;
  absl::Notification done;
  client.channel().Start(client.NewCall(), kSay, request, response, {},
                         [&](const absl::Status& status) {
                           EXPECT_THAT(status, IsOk());
                           done.Notify();
                         });
  done.WaitForNotification();
  EXPECT_EQ(response.text(), "hello");
}

TEST(ChannelTest, AnInlineHandlerThatWouldBlockTheNetworkIsRefused) {
  EchoServer inner;
  EchoClient to_inner({inner.address()});
  EchoServer outer([&](const Call&, const v1::Text&) { return to_inner.Ask(kSay, "x").status(); });
  EchoClient client({outer.address()});
  EXPECT_THAT(client.Ask(kSay, "x"), HasCode(StatusCode::kInternal));
  EXPECT_THAT(client.Ask(kOrder, "x"), IsOk()) << "a worker may";
}

TEST(ChannelTest, PrefersItsOwnZoneAndLeavesItWhenItHasTo) {
  EchoServer near;
  EchoServer far;
  EchoClient client({});
  client.directory().Set({{.id = "far", .address = far.address(), .zone = "b"},
                          {.id = "near", .address = near.address(), .zone = "a"}});
  ASSERT_TRUE(Eventually([&] { return client.AllUp(2); }));
  for (int i = 0; i < 20; ++i) ASSERT_THAT(client.Ask(kSay, "x"), IsOk());
  EXPECT_EQ(near.echo().calls, 20);
  near.Kill();
  for (int i = 0; i < 20; ++i) ASSERT_THAT(client.Ask(kSay, "x"), IsOk());
  EXPECT_EQ(far.echo().calls, 20);
}

TEST(ChannelTest, ShowsWhatItThinks) {
  EchoServer server;
  EchoClient client({server.address()});
  ASSERT_TRUE(Eventually([&] { return client.AllUp(1); }));
  client.Ask(kSay, "x").IgnoreError();
  EXPECT_TRUE(client.Shows("echo-0"));
  EXPECT_TRUE(Eventually([&] {
    const std::string page = client.Scrape();
    return page.find("instances{service=\"echo\",state=\"up\"} 1") != page.npos;
  }));
  EXPECT_THAT(client.Scrape(), HasSubstr("breaker_state{service=\"echo\"} 0"));
  EXPECT_THAT(client.Scrape(), HasSubstr("holdfast_rpc_client_seconds_count"));
}

TEST(ChannelTest, CorruptedBytesNeverReachTheCaller) {
  EchoServer server;
  test::TcpGate gate(server.port());
  EchoClient client({gate.address()}, PeerOptions());
  ASSERT_TRUE(Eventually([&] { return client.AllUp(1); }));
  for (int i = 0; i < 20; ++i) {
    gate.CorruptNextBytes(16);
    const auto answer = client.Ask(kStore, "hello");
    EXPECT_TRUE(!answer.ok() || *answer == "hello");
  }
  EXPECT_TRUE(Eventually([&] { return client.Ask(kStore, "hello").ok(); }));
}

TEST(ChannelDeathTest, AMethodThatDoesNotExistIsABug) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // a fork beside threads can hang
  EchoClient client({});
  EXPECT_DEATH(client.Ask("holdfast.rpctest.v1.Echo/Shout", "x").IgnoreError(), "Shout");
}

}  // namespace
}  // namespace holdfast::rpc

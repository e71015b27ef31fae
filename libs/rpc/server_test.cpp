#include "libs/rpc/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/rpc/testing/echo.h"
#include "libs/rpc/testing/gate.h"
#include "libs/rpc/testing/load.h"
#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/temp_dir.h"

namespace holdfast::rpc {
namespace {

using namespace std::chrono_literals;
using absl::StatusCode;
using test::Eventually;
using test::HasCode;
using test::HasMessage;
using test::IsOk;
using testing::HasSubstr;

TEST(ServerTest, AnswersInlineAndWorkerMethods) {
  EchoServer server;
  EchoClient client({server.address()});
  for (const char* method : {kSay, kStore, kOrder}) {
    const auto answer = client.Ask(method, "hello");
    ASSERT_THAT(answer, IsOk());
    EXPECT_EQ(*answer, "hello");
  }
}

TEST(ServerTest, PassesStatusesThrough) {
  EchoServer server([](const Call&, const v1::Text& request) {
    return absl::Status(static_cast<StatusCode>(std::stoi(request.text())), "because of \xC3\xA4");
  });
  EchoClient client({server.address()});
  for (int code = 1; code <= 16; ++code) {
    const auto answer = client.Ask(kOrder, std::to_string(code));
    EXPECT_THAT(answer, HasCode(static_cast<StatusCode>(code)));
    EXPECT_EQ(View(answer.status().message()), "because of \xC3\xA4");
  }
}

TEST(ServerTest, AVeryLongReasonIsCutNotLost) {
  EchoServer server(
      [](const Call&, const v1::Text&) { return NotFound("{}", std::string(100000, 'x')); });
  EchoClient client({server.address()});
  EXPECT_THAT(client.Ask(kOrder, ""), HasCode(StatusCode::kNotFound));
}

TEST(ServerTest, CarriesBigMessagesBothWays) {
  EchoServer server;
  EchoClient client({server.address()});
  const std::string big(20 << 20, 'x');
  const auto answer = client.Ask(kOrder, big, {.timeout = 20s});
  ASSERT_THAT(answer, IsOk());
  EXPECT_TRUE(*answer == big);
}

TEST(ServerTest, TellsTheHandlerDeadlineTraceAndCriticality) {
  std::optional<Call> seen;
  Duration left{};
  EchoServer server([&](const Call& call, const v1::Text&) {
    seen = call;
    left = call.deadline().Remaining();
    return absl::OkStatus();
  });
  EchoClient client({server.address()});
  v1::Text text;
  const Call call(Deadline::After(60s), telemetry::TraceContext::Start(client.random()),
                  Criticality::kCritical);
  ASSERT_THAT(client.channel().Invoke<v1::Text>(call, kOrder, text, {.timeout = 60s}), IsOk());
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->trace().trace_id, call.trace().trace_id);
  EXPECT_NE(seen->trace().parent_id, call.trace().parent_id);
  EXPECT_EQ(seen->criticality(), Criticality::kCritical);
  EXPECT_EQ(seen->caller(), "") << "plaintext proves nothing";
  // What travels is the time that is left, so what the way took is not known to the server.
  EXPECT_LT(left, 60s);
  EXPECT_GT(left, 30s);
}

TEST(ServerTest, AFullQueueRefusesAtOnce) {
  Gate gate;
  EchoServer server(gate.Reply(), {.workers = {.threads = 1, .max_waiting = 1}});
  EchoClient client({server.address()});
  std::thread running([&] { EXPECT_THAT(client.Ask(kOrder, "wait", {.timeout = 10s}), IsOk()); });
  ASSERT_TRUE(Eventually([&] { return gate.waiting == 1; }));
  EXPECT_THAT(client.Ask(kOrder, "waits in line", {.timeout = 50ms}),
              HasCode(StatusCode::kDeadlineExceeded));
  EXPECT_THAT(client.Ask(kOrder, "", {.timeout = 10s}), HasCode(StatusCode::kResourceExhausted));
  EXPECT_THAT(server.Scrape(),
              HasSubstr("{criticality=\"background\",reason=\"queue_full\",server=\"grpc\"} 1"));
  gate.open.Notify();
  running.join();
}

TEST(ServerTest, WorkThatNobodyWaitsForAnyMoreIsNotBegun) {
  Gate gate;
  EchoServer server(gate.Reply(), {.workers = {.threads = 1}});
  EchoClient client({server.address()});
  std::thread first([&] { EXPECT_THAT(client.Ask(kOrder, "wait", {.timeout = 10s}), IsOk()); });
  ASSERT_TRUE(Eventually([&] { return gate.waiting == 1; }));
  EXPECT_THAT(client.Ask(kOrder, "late", {.timeout = 50ms}),
              HasCode(StatusCode::kDeadlineExceeded));
  // The server's own deadline passes a moment after the caller's.
  const Deadline passed_everywhere = Deadline::After(100ms);
  ASSERT_TRUE(Eventually([&] { return passed_everywhere.Passed(); }));
  gate.open.Notify();
  first.join();
  EXPECT_TRUE(Eventually([&] {
    const std::string page = server.Scrape();
    return page.find("reason=\"late\"") != page.npos || page.find("reason=\"gone\"") != page.npos;
  }));
  EXPECT_EQ(server.echo().calls, 1);
}

TEST(ServerTest, AWaitingWorkerCallDoesNotHoldUpInlineOnes) {
  Gate gate;
  EchoServer server(gate.Reply(), {.workers = {.threads = 1}});
  EchoClient client({server.address()});
  std::thread blocked([&] { EXPECT_THAT(client.Ask(kOrder, "wait", {.timeout = 10s}), IsOk()); });
  ASSERT_TRUE(Eventually([&] { return gate.waiting == 1; }));
  for (int i = 0; i < 50; ++i) EXPECT_THAT(client.Ask(kSay, "x"), IsOk());
  gate.open.Notify();
  blocked.join();
}

TEST(ServerTest, APortThatIsTakenIsAnError) {
  EchoServer first;
  telemetry::Metrics metrics;
  SeededRandom random(1);
  Server second({.port = first.port()}, SystemClock::Get(), random, metrics);
  EXPECT_THAT(second.Start(), HasCode(StatusCode::kUnavailable));
}

TEST(ServerTest, CountsWhatItServes) {
  EchoServer server([](const Call&, const v1::Text& request) {
    return request.text().empty() ? NotFound("nothing") : absl::OkStatus();
  });
  EchoClient client({server.address()});
  client.Ask(kSay, "x").IgnoreError();
  client.Ask(kSay, "").IgnoreError();
  const std::string page = server.Scrape();
  EXPECT_THAT(page, HasSubstr("code=\"OK\""));
  EXPECT_THAT(page, HasSubstr("code=\"NOT_FOUND\""));
  EXPECT_THAT(page, HasSubstr("holdfast_rpc_server_seconds_count{method=\"" + std::string(kSay)));
  EXPECT_TRUE(Eventually([&] {
    return server.Scrape().find("holdfast_rpc_server_in_flight 0") != std::string::npos;
  }));
}

class ServiceTableDeathTest : public testing::Test {
 protected:
  // A plain fork beside gRPC's threads can hang.
  ServiceTableDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

  void Register() {
    telemetry::Metrics metrics;
    SeededRandom random(1);
    Server server({}, SystemClock::Get(), random, metrics);
    server.Register(table_);
  }

  Echo echo_;
  ServiceTable table_{"holdfast.rpctest.v1.Echo"};
};

TEST_F(ServiceTableDeathTest, AMissingHandlerStopsTheStart) {
  table_.Inline("Say", echo_, &Echo::Say);
  EXPECT_DEATH(Register(), "Echo.Store has no handler");
}

TEST_F(ServiceTableDeathTest, AnUnknownMethodStopsTheStart) {
  echo_.Register(table_);
  table_.Inline("Shout", echo_, &Echo::Say);
  EXPECT_DEATH(Register(), "has no method Shout");
}

TEST_F(ServiceTableDeathTest, TwoHandlersForOneMethodStopTheStart) {
  echo_.Register(table_);
  table_.Worker("Say", echo_, &Echo::Say);
  EXPECT_DEATH(Register(), "Say has two handlers");
}

TEST_F(ServiceTableDeathTest, AHandlerOfTheWrongKindStopsTheStart) {
  table_.Stream("Say", echo_, &Echo::Count);
  EXPECT_DEATH(Register(), "the handler streams, the proto says it does not");
}

TEST_F(ServiceTableDeathTest, AnUnknownServiceStopsTheStart) {
  table_ = ServiceTable("holdfast.rpctest.v1.Nobody");
  EXPECT_DEATH(Register(), "no linked proto has the service");
}

TEST(DrainTest, FailsNoCallUnderLoad) {
  auto leaving = std::make_unique<EchoServer>();
  EchoServer staying;
  for (const char* method : {kSay, kOrder}) {
    if (!leaving) leaving = std::make_unique<EchoServer>();
    EchoClient client({leaving->address(), staying.address()});
    ASSERT_TRUE(Eventually([&] { return client.AllUp(2); }));
    Load load(client, method);
    ASSERT_TRUE(Eventually([&] { return leaving->echo().calls > 20; }));
    leaving->server().Drain(600ms, Deadline::After(5s));
    const int before = load.calls();
    leaving.reset();
    ASSERT_TRUE(Eventually([&] { return load.calls() > before + 50; }));
    load.Stop();
    EXPECT_THAT(load.failures(), testing::IsEmpty()) << method;
  }
}

TEST(DrainTest, ARollingRestartFailsNoCall) {
  std::array<std::unique_ptr<EchoServer>, 2> servers;
  for (auto& server : servers) server = std::make_unique<EchoServer>();
  EchoClient client({servers[0]->address(), servers[1]->address()});
  ASSERT_TRUE(Eventually([&] { return client.AllUp(2); }));
  Load inline_load(client, kSay), worker_load(client, kOrder);
  for (auto& server : servers) {
    server->server().Drain(600ms, Deadline::After(5s));
    server = std::make_unique<EchoServer>();
    client.directory().SetAddresses({servers[0]->address(), servers[1]->address()});
    ASSERT_TRUE(Eventually([&] { return server->echo().calls > 20; }));
  }
  for (Load* load : {&inline_load, &worker_load}) {
    load->Stop();
    EXPECT_THAT(load->failures(), testing::IsEmpty());
  }
}

TEST(DrainTest, LetsRunningCallsFinish) {
  Gate gate;
  EchoServer server(gate.Reply());
  EchoClient client({server.address()});
  std::thread caller([&] { EXPECT_THAT(client.Ask(kOrder, "wait", {.timeout = 10s}), IsOk()); });
  ASSERT_TRUE(Eventually([&] { return gate.waiting == 1; }));
  std::thread drain([&] { server.server().Drain(0ms, Deadline::After(10s)); });
  EXPECT_TRUE(Eventually([&] { return !client.channel().has_healthy_instance(); }));
  gate.open.Notify();
  caller.join();
  drain.join();
}

TEST(DrainTest, SendsStreamsElsewhereAtOnce) {
  EchoServer server;
  EchoClient client({server.address()});
  const auto reader = client.CountTo(0);
  v1::Number number;
  ASSERT_TRUE(reader->Read(number, Deadline::After(5s)));
  std::thread drain([&] { server.server().Drain(0ms, Deadline::After(60s)); });
  while (reader->Read(number, Deadline::After(5s))) continue;
  EXPECT_THAT(reader->status(), HasCode(StatusCode::kUnavailable));
  drain.join();
}

TEST(DrainTest, ASecondDrainDoesNothing) {
  EchoServer server;
  server.server().Drain(0ms, Deadline::After(1s));
  server.server().Drain(0ms, Deadline::After(1s));
}

}  // namespace
}  // namespace holdfast::rpc

// Hedges, pushback, cancellation, knobs that change, faults made on purpose: over real connections.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/rpc/testing/declining_server.h"
#include "libs/rpc/testing/echo.h"
#include "libs/rpc/testing/scrape.h"
#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"

namespace holdfast::rpc {
namespace {

using namespace std::chrono_literals;
using absl::StatusCode;
using test::Eventually;
using test::HasCode;
using test::HasMessage;
using test::IsOk;
using testing::HasSubstr;

SteadyTime Now() { return SystemClock::Get().SteadyNow(); }

// Declines every call in gRPC's own words, with a wish to be left alone.
class PushingServer {
 public:
  explicit PushingServer(std::string pushback) : pushback_(std::move(pushback)) {}

  const std::string& address() const { return server_.address(); }
  std::atomic<int> calls = 0;

 private:
  const std::string pushback_;
  DecliningServer server_{{grpc::StatusCode::RESOURCE_EXHAUSTED, "full"},
                          [this](grpc::GenericCallbackServerContext& context) {
                            ++calls;
                            context.AddTrailingMetadata("hf-origin", "d");
                            context.AddTrailingMetadata("grpc-retry-pushback-ms", pushback_);
                          }};
};

TEST(PushbackTest, AnInstanceThatPushesBackIsLeftAloneForThatTime) {
  EchoServer working;  // also switches gRPC's health service on, for the other one
  PushingServer full("5000");
  EchoClient client({full.address(), working.address()});
  ASSERT_TRUE(Eventually([&] { return client.AllUp(2); }));
  const auto ask = [&](Criticality criticality) {
    return client.channel().Invoke<v1::Text>(client.NewCall().As(criticality), kOrder, v1::Text());
  };
  for (int i = 0; i < 10; ++i) ASSERT_THAT(ask(Criticality::kBackground), IsOk());
  EXPECT_FALSE(client.Shows("asked us to wait")) << "it may have room for those that matter more";
  const int before = full.calls;
  for (int i = 0; i < 50; ++i) ASSERT_THAT(ask(Criticality::kInteractive), IsOk());
  EXPECT_LE(full.calls, before + 1);
  EXPECT_EQ(full.calls > before, client.Shows("asked us to wait"));
}

TEST(PushbackTest, ANegativeOneStopsAllRetries) {
  EchoServer elsewhere;
  PushingServer first("-1");
  PushingServer second("-1");
  EchoClient client({first.address(), second.address()});
  ASSERT_TRUE(Eventually([&] { return client.AllUp(2); }));
  EXPECT_THAT(client.Ask(kStore, "x"), HasCode(StatusCode::kResourceExhausted));
  EXPECT_EQ(first.calls + second.calls, 1);
}

// Two instances, one of which can be made to answer nothing for a while.
class HedgeTest : public testing::Test {
 protected:
  HedgeTest()
      : stuck_([this](const Call&, const v1::Text&) {
          absl::MutexLock lock(&mutex_);
          mutex_.Await(absl::Condition(&open_));
          return absl::OkStatus();
        }),
        client_({stuck_.address(), quick_.address()},
                {.timeout = 10s, .try_timeout = 10s, .hedge_share = 0.5}) {
    EXPECT_TRUE(Eventually([&] { return client_.AllUp(2); }));
  }
  ~HedgeTest() override { Open(true); }

  void Open(bool open) {
    absl::MutexLock lock(&mutex_);
    open_ = open;
  }
  void LearnHowLongItUsuallyTakes() {
    for (int i = 0; i < 100; ++i) ASSERT_THAT(client_.Ask(kLook, "x"), IsOk());
  }

  absl::Mutex mutex_;
  bool open_ ABSL_GUARDED_BY(mutex_) = true;
  EchoServer stuck_;
  EchoServer quick_;
  EchoClient client_;
};

TEST_F(HedgeTest, AReadThatTakesLongIsAskedOfAnotherInstance) {
  LearnHowLongItUsuallyTakes();
  Open(false);
  const SteadyTime start = Now();
  for (int i = 0; i < 20; ++i) {
    const auto answer = client_.Ask(kLook, "hello");
    ASSERT_THAT(answer, IsOk());
    EXPECT_EQ(*answer, "hello");
  }
  EXPECT_LT(Now() - start, 5s) << "without a hedge one of them takes 10 s";
  EXPECT_THAT(client_.Scrape(),
              HasSubstr("holdfast_rpc_client_hedges_total{result=\"won\",service=\"echo\"}"));
}

TEST_F(HedgeTest, WhatIsNotMarkedIsNotHedged) {
  for (int i = 0; i < 100; ++i) ASSERT_THAT(client_.Ask(kStore, "x"), IsOk());
  EXPECT_THAT(client_.Scrape(),
              HasSubstr("holdfast_rpc_client_hedges_total{result=\"sent\",service=\"echo\"} 0"));
}

TEST_F(HedgeTest, WithoutABudgetThereIsNone) {
  LearnHowLongItUsuallyTakes();
  ASSERT_THAT(client_.channel().Control().ChangeOptions({"hedge_share=0"}), IsOk());
  const std::string before = client_.Scrape();
  for (int i = 0; i < 50; ++i) ASSERT_THAT(client_.Ask(kLook, "x"), IsOk());
  const auto sent = [](const std::string& page) {
    const auto at = page.find("hedges_total{result=\"sent\"");
    return page.substr(at, page.find('\n', at) - at);
  };
  EXPECT_EQ(sent(client_.Scrape()), sent(before));
}

TEST(CancellationTest, ACallerThatLeavesEndsItsCall) {
  absl::Notification open;
  EchoServer server([&](const Call&, const v1::Text&) {
    open.WaitForNotification();
    return absl::OkStatus();
  });
  EchoClient client({server.address()});
  ASSERT_TRUE(Eventually([&] { return client.AllUp(1); }));
  const auto cancellation = std::make_shared<Cancellation>();
  const Call call(Deadline::After(30s), telemetry::TraceContext::Start(client.random()),
                  Criticality::kInteractive, "", cancellation);
  v1::Text response;
  absl::Status status;
  absl::Notification done;
  client.channel().Start(call, kOrder, v1::Text(), response, {.timeout = 30s},
                         [&](absl::Status result) {
                           status = std::move(result);
                           done.Notify();
                         });
  ASSERT_TRUE(Eventually([&] { return server.echo().calls == 1; }));
  cancellation->Cancel();
  EXPECT_TRUE(done.WaitForNotificationWithTimeout(absl::Seconds(10)));
  EXPECT_EQ(status.code(), StatusCode::kCancelled);
  EXPECT_TRUE(client.AllUp(1)) << "that is not the instance's fault";
  EXPECT_THAT(client.channel().Invoke<v1::Text>(call, kOrder, v1::Text()),
              HasCode(StatusCode::kCancelled));
  EXPECT_EQ(server.echo().calls, 1) << "a cancelled caller begins nothing";
  open.Notify();
}

TEST(CancellationTest, HooksRunOnceAndOnlyWhileTheyAreKept) {
  const auto cancellation = std::make_shared<Cancellation>();
  int ran = 0;
  auto kept = cancellation->OnCancel([&] { ++ran; });
  {
    auto dropped = cancellation->OnCancel([&] { ran += 100; });
  }
  cancellation->Cancel();
  cancellation->Cancel();
  EXPECT_EQ(ran, 1);
  auto late = cancellation->OnCancel([&] { ++ran; });
  EXPECT_EQ(ran, 2);
}

TEST(BulkheadTest, WhatMattersLessIsRefusedSooner) {
  absl::Notification open;
  EchoServer server([&](const Call&, const v1::Text&) {
    open.WaitForNotification();
    return absl::OkStatus();
  });
  EchoClient client({server.address()}, {.max_in_flight = 4});
  const auto ask = [&](Criticality criticality) {
    return client.channel().Invoke<v1::Text>(client.NewCall().As(criticality), kOrder, v1::Text(),
                                             {.timeout = 10s});
  };
  std::vector<std::thread> callers;
  for (int i = 0; i < 2; ++i) callers.emplace_back([&] { EXPECT_THAT(ask({}), IsOk()); });
  ASSERT_TRUE(Eventually([&] { return server.echo().calls == 2; }));
  EXPECT_THAT(ask(Criticality::kBulk), HasMessage("2 calls are under way"));
  callers.emplace_back([&] { EXPECT_THAT(ask(Criticality::kCritical), IsOk()); });
  EXPECT_TRUE(Eventually([&] { return server.echo().calls == 3; }));
  open.Notify();
  for (std::thread& caller : callers) caller.join();
}

TEST(KnobsTest, AChangedKnobCountsForTheNextCall) {
  EchoServer server;
  EchoClient client({server.address()});
  const ChannelControl control = client.channel().Control();
  ASSERT_THAT(client.Ask(kSay, "x"), IsOk());
  EXPECT_THAT(control.ChangeOptions({"max_in_flight=7", "timeout=no"}), HasMessage("timeout"));
  EXPECT_THAT(control.ShowOptions(), HasSubstr("max_in_flight = 256"));
  EXPECT_THAT(control.ChangeOptions({"max_in_flight=7"}), IsOk());
  EXPECT_THAT(control.ShowOptions(), HasSubstr("max_in_flight = 7"));
  ASSERT_THAT(client.Ask(kSay, "x"), IsOk());
}

TEST(KnobsTest, AControlMayOutliveItsChannel) {
  std::optional<EchoClient> client(std::in_place, std::vector<std::string>{});
  const ChannelControl control = client->channel().Control();
  client.reset();
  EXPECT_EQ(control.Describe(), "");
  EXPECT_THAT(control.ChangeOptions({"timeout=1s"}), HasCode(StatusCode::kUnavailable));
}

class FaultsTest : public testing::Test {
 protected:
  FaultsTest() : client_({first_.address(), second_.address()}, {.timeout = 10s}) {
    EXPECT_TRUE(Eventually([&] { return client_.AllUp(2); }));
  }
  void Add(Fault fault) {
    fault.neighbour = "echo";
    fault.percent = 100;
    fault.lasts = 1min;
    ASSERT_THAT(client_.faults().Add(fault), IsOk());
  }

  EchoServer first_;
  EchoServer second_;
  EchoClient client_;
};

TEST_F(FaultsTest, AnErrorAtOneInstanceIsRetriedAtTheOther) {
  Add({.instance = "echo-0", .kind = Fault::Kind::kError});
  for (int i = 0; i < 20; ++i) ASSERT_THAT(client_.Ask(kStore, "x"), IsOk());
  EXPECT_EQ(first_.echo().calls, 0);
  EXPECT_EQ(second_.echo().calls, 20);
}

TEST_F(FaultsTest, AHangCostsOneTry) {
  Add({.instance = "echo-0", .kind = Fault::Kind::kHang});
  for (int i = 0; i < 5; ++i) ASSERT_THAT(client_.Ask(kStore, "x"), IsOk());
  EXPECT_THAT(client_.Ask(kOrder, "x", {.timeout = 50ms}),
              testing::AnyOf(IsOk(), HasCode(StatusCode::kDeadlineExceeded)));
  EXPECT_EQ(first_.echo().calls, 0);
}

TEST_F(FaultsTest, LatencyIsAdded) {
  Add({.kind = Fault::Kind::kLatency, .latency = 60ms});
  const SteadyTime start = Now();
  ASSERT_THAT(client_.Ask(kOrder, "x"), IsOk());
  EXPECT_GE(Now() - start, 60ms);
}

TEST_F(FaultsTest, AStreamBreaksInTheMiddle) {
  Add({.kind = Fault::Kind::kTruncate, .after_messages = 3});
  const auto reader = client_.CountTo(100);
  v1::Number number;
  int read = 0;
  while (reader->Read(number, Deadline::After(5s))) ++read;
  EXPECT_EQ(read, 3);
  EXPECT_EQ(reader->status().code(), StatusCode::kUnavailable);
}

TEST_F(FaultsTest, ACanaryMeetsTheFaultTooAndHealsNothing) {
  ASSERT_THAT(client_.channel().Control().ChangeOptions(
                  {"instance_open_for=20ms", "instance_open_for_max=20ms"}),
              IsOk());
  Add({.instance = "echo-0", .kind = Fault::Kind::kError});
  ASSERT_TRUE(Eventually([&] {
    EXPECT_THAT(client_.Ask(kSay, "x"), IsOk());
    return ValueOf(client_.Scrape(), "holdfast_rpc_client_canaries_total{service=\"echo\"}") >= 5;
  }));
  EXPECT_EQ(first_.echo().calls, 0);
  EXPECT_TRUE(client_.Shows("breaker=open") || client_.Shows("breaker=half-open"));
  client_.faults().Clear();
  EXPECT_TRUE(Eventually([&] {
    EXPECT_THAT(client_.Ask(kSay, "x"), IsOk());
    return first_.echo().calls > 3;
  })) << "without it a canary heals";
}

TEST_F(FaultsTest, ACallerThatLeavesDoesNotWaitForAFault) {
  for (const Fault::Kind kind : {Fault::Kind::kHang, Fault::Kind::kLatency}) {
    client_.faults().Clear();
    Add({.kind = kind, .latency = 50s});
    const auto cancellation = std::make_shared<Cancellation>();
    const Call call(Deadline::After(60s), telemetry::TraceContext::Start(client_.random()),
                    Criticality::kInteractive, "", cancellation);
    v1::Text response;
    absl::Status status;
    absl::Notification done;
    client_.channel().Start(call, kOrder, v1::Text(), response, {.timeout = 60s},
                            [&](absl::Status result) {
                              status = std::move(result);
                              done.Notify();
                            });
    cancellation->Cancel();
    done.WaitForNotification();
    EXPECT_EQ(status.code(), StatusCode::kCancelled);
  }
  EXPECT_TRUE(client_.Shows("breaker=closed"));
  EXPECT_FALSE(client_.Shows("breaker=open"));
}

TEST_F(FaultsTest, AHungTryThatLosesToAHedgeIsGivenUpAndNotBlamed) {
  ASSERT_THAT(client_.channel().Control().ChangeOptions({"try_timeout=10s", "hedge_share=1"}),
              IsOk());
  for (int i = 0; i < 100; ++i) ASSERT_THAT(client_.Ask(kLook, "x"), IsOk());
  Add({.instance = "echo-0", .kind = Fault::Kind::kHang});
  const auto tries = [&](const std::string& outcome) {
    return ValueOf(client_.Scrape(),
                   "holdfast_rpc_client_tries_total{instance=\"echo-0\",outcome=\"" + outcome +
                       "\",service=\"echo\"}");
  };
  const double before = tries("slow") + tries("overtaken");
  EXPECT_TRUE(Eventually([&] {
    EXPECT_THAT(client_.Ask(kLook, "x"), IsOk());
    return tries("slow") + tries("overtaken") > before;
  })) << "it ends when the other one has answered, not after its 10 s";
  EXPECT_EQ(tries("failed"), 0);
}

TEST_F(FaultsTest, OneThatEndsIsNoticedWithoutACall) {
  ASSERT_THAT(client_.faults().Add({.neighbour = "echo", .percent = 10, .lasts = 1ms}), IsOk());
  EXPECT_TRUE(Eventually([&] { return ValueOf(client_.Scrape(), "holdfast_faults_active") == 0; }));
}

// Calls of every kind, cancelled or not, while instances come and go, to the end of the channel:
// each ends exactly once, and nothing is left behind.
TEST(StressTest, EveryCallEndsOnceWhateverHappensAround) {
  const std::uint64_t seed = SecureSeed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededRandom random(seed);
  EchoServer servers[3];
  std::atomic<int> ended = 0;
  std::vector<std::unique_ptr<v1::Text>> responses;
  constexpr int kCalls = 600;
  {
    EchoClient client({servers[0].address(), servers[1].address()},
                      {.max_in_flight = 10000, .hedge_share = 1, .hedge_after_at_least = 0ms});
    const std::string_view methods[] = {kSay, kLook, kStore, kOrder};
    for (int i = 0; i < kCalls; ++i) {
      const auto cancellation = std::make_shared<Cancellation>();
      const Call call(Deadline::After(std::chrono::milliseconds(random.Below(200))),
                      telemetry::TraceContext::Start(random), static_cast<Criticality>(i % 4), "",
                      cancellation);
      responses.push_back(std::make_unique<v1::Text>());
      client.channel().Start(call, methods[random.Below(4)], v1::Text(), *responses.back(), {},
                             [&](const absl::Status&) { ++ended; });
      if (random.Below(4) == 0) cancellation->Cancel();
      if (random.Below(20) == 0) {
        std::vector<std::string> addresses = {servers[random.Below(3)].address()};
        if (random.Below(2) == 0) addresses.push_back(servers[random.Below(3)].address());
        client.directory().SetAddresses(addresses);
      }
      if (random.Below(20) == 0) {
        EXPECT_THAT(client.channel().Control().ChangeOptions({"retry_pause=1ms"}), IsOk());
      }
    }
  }
  EXPECT_EQ(ended, kCalls);
}

}  // namespace
}  // namespace holdfast::rpc

// Inline calls when more of them come than gRPC's threads can take.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "libs/rpc/testing/echo.h"
#include "libs/rpc/testing/gate.h"
#include "libs/rpc/testing/raw_call.h"
#include "libs/rpc/testing/scrape.h"
#include "libs/testing/eventually.h"

namespace holdfast::rpc {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr char kLoopCount[] = "holdfast_rpc_server_loop_seconds_count";
constexpr char kLevel[] = "holdfast_rpc_server_inline_shed_level";

// A level takes seconds to rise, on a busy machine many.
bool Eventually(const std::function<bool()>& condition) { return test::Eventually(condition, 60s); }

// On which gRPC runs the handlers and callbacks of a process.
std::size_t NetworkThreads() {
  return std::clamp<std::size_t>(std::thread::hardware_concurrency() / 2, 2, 16);
}

// What keeps a thread from everything else.
absl::Status Spin(const Call&, const v1::Text& request) {
  if (request.text() != "heavy") return absl::OkStatus();
  const Deadline worked = Deadline::After(2ms);
  while (!worked.Passed()) {
  }
  return absl::OkStatus();
}

// Critical calls, so many at any time that each waits for more than 100 ms.
class Flood {
 public:
  explicit Flood(EchoClient& client) : client_(client), responses_(60 * NetworkThreads()) {
    request_.set_text("heavy");
    running_ = responses_.size();
    for (v1::Text& response : responses_) Next(response);
  }
  ~Flood() { Stop(); }
  void Stop() {
    stop_ = true;
    EXPECT_TRUE(Eventually([&] { return running_ == 0; }));
  }
  int failed() const { return failed_; }

 private:
  void Next(v1::Text& response) {
    client_.channel().Start(client_.NewCall(60s).As(Criticality::kCritical), kSay, request_,
                            response, {.timeout = 60s}, [&](const absl::Status& status) {
                              if (!status.ok()) ++failed_;
                              if (!status.ok() || stop_) {
                                --running_;
                              } else {
                                Next(response);
                              }
                            });
  }

  EchoClient& client_;
  v1::Text request_;
  std::vector<v1::Text> responses_;
  std::atomic<bool> stop_ = false;
  std::atomic<int> failed_ = 0;
  std::atomic<std::size_t> running_ = 0;
};

TEST(InlineTest, ACallThatWouldWaitTooLongIsRefusedUnlessItIsCritical) {
  EchoServer server(Spin);
  EchoClient client({server.address()},
                    {.timeout = 60s, .try_timeout = 60s, .max_in_flight = 100000});
  RawClient raw(server.address());
  ASSERT_TRUE(raw.Ask(kSay, "x", Criticality::kBulk).status.ok());

  Flood flood(client);
  RawAnswer refusal;
  ASSERT_TRUE(Eventually([&] {
    refusal = raw.Ask(kSay, "x", Criticality::kInteractive);
    return refusal.status.error_code() == grpc::RESOURCE_EXHAUSTED;
  }));
  EXPECT_NE(refusal.pushback, "");
  EXPECT_EQ(raw.Ask(kSay, "x", Criticality::kBackground).status.error_code(),
            grpc::RESOURCE_EXHAUSTED)
      << "less critical: sooner";
  for (int i = 0; i < 5; ++i) {
    const grpc::Status status = raw.Ask(kSay, "x", Criticality::kCritical).status;
    EXPECT_TRUE(status.ok()) << status.error_message();
  }
  EXPECT_THAT(server.Scrape(), HasSubstr("holdfast_admission_shed_total{criticality="
                                         "\"interactive\",reason=\"busy\",server=\"grpc\"}"));
  EXPECT_GT(ValueOf(server.Scrape(), kLevel), 2);
  flood.Stop();
  EXPECT_EQ(flood.failed(), 0);

  // Nobody calls any more, only the operator looks.
  EXPECT_TRUE(Eventually([&] { return ValueOf(server.Scrape(), kLevel) == 0; }));
  EXPECT_TRUE(raw.Ask(kSay, "x", Criticality::kBulk).status.ok());
}

TEST(InlineTest, ACallThatNobodyWaitsForAnyMoreIsNotBegun) {
  Gate gate;
  EchoServer server(gate.Reply());
  RawClient client(server.address());
  std::vector<std::thread> blocked;
  int answered = 0;
  const auto ask = [&](Duration timeout) {
    return client.Ask(kSay, "x", Criticality::kCritical, timeout).status.error_code();
  };
  // One after the other, until there is no thread left.
  for (; ask(1s) == grpc::OK; ++answered) {
    blocked.emplace_back(
        [&] { EXPECT_TRUE(client.Ask(kSay, "wait", Criticality::kCritical, 60s).status.ok()); });
    ASSERT_TRUE(
        Eventually([&] { return static_cast<std::size_t>(gate.waiting) == blocked.size(); }));
  }
  for (int i = 0; i < 5; ++i) EXPECT_EQ(ask(50ms), grpc::DEADLINE_EXCEEDED);
  // The server's own deadlines pass a moment after the caller's.
  const Deadline passed_everywhere = Deadline::After(100ms);
  ASSERT_TRUE(Eventually([&] { return passed_everywhere.Passed(); }));
  gate.open.Notify();
  for (std::thread& thread : blocked) thread.join();
  EXPECT_TRUE(Eventually([&] {
    const std::string page = server.Scrape();
    const std::string of = "holdfast_admission_shed_total{criticality=\"critical\",reason=\"";
    return ValueOf(page, of + "late\",server=\"grpc\"}") >= 1 ||
           ValueOf(page, of + "gone\",server=\"grpc\"}") >= 1;
  }));
  EXPECT_EQ(server.echo().calls, answered + std::ssize(blocked));
}

TEST(LoopProbeTest, AServerThatNobodyCallsDoesNotCallItself) {
  EchoServer server;
  const Deadline some_time = Deadline::After(300ms);
  ASSERT_TRUE(Eventually([&] {
    EXPECT_EQ(ValueOf(server.Scrape(), kLoopCount), 0);
    return some_time.Passed();
  }));
}

TEST(LoopProbeTest, ItGoesOnAfterItsConnectionWasAskedToLeave) {
  EchoServer server(nullptr, {.max_connection_age = 50ms});
  EchoClient client({server.address()});
  EXPECT_TRUE(Eventually([&] {
    client.Ask(kSay, "x").IgnoreError();
    return ValueOf(server.Scrape(), kLoopCount) >= 10;
  }));
}

TEST(LoopProbeTest, NobodyElseMayMeasureWithIt) {
  EchoServer server;
  RawClient raw(server.address());
  EXPECT_EQ(raw.Ask("holdfast.rpc.v1.Loop/Probe", "x", Criticality::kCritical).status.error_code(),
            grpc::PERMISSION_DENIED);
  EXPECT_EQ(ValueOf(server.Scrape(), kLoopCount), 0);
}

}  // namespace
}  // namespace holdfast::rpc

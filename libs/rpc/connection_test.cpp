// What becomes of calls whose connection leaves or breaks.
#include "libs/rpc/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "absl/synchronization/notification.h"
#include "libs/rpc/testing/echo.h"
#include "libs/rpc/testing/gate.h"
#include "libs/rpc/testing/leaving_server.h"
#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/tcp_gate.h"

namespace holdfast::rpc {
namespace {

using namespace std::chrono_literals;
using test::Eventually;
using test::HasCode;
using test::IsOk;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// One connection, without the probes and retries of a channel.
class ConnectionTest : public testing::Test {
 protected:
  ~ConnectionTest() override { under_way_->WaitUntilNobody(); }

  CancelHandle Start(Connection& connection, std::string_view text) {
    v1::Text request;
    request.set_text(std::string(text));
    return connection.Start({.path = path_,
                             .headers = headers_,
                             .encoded = EncodeRequest(request),
                             .response = &response_},
                            30s, [this](const TryResult& result) {
                              result_ = result;
                              done_.Notify();
                            });
  }
  absl::Status Wait() {
    done_.WaitForNotification();
    return result_.status;
  }

  const std::shared_ptr<UnderWay> under_way_ = std::make_shared<UnderWay>();
  const std::string path_ = std::string("/") + kOrder;  // must not run twice
  const Headers headers_;
  v1::Text response_;
  TryResult result_;  // of the call that is done
  absl::Notification done_;
};

TEST_F(ConnectionTest, ACallThatALeavingServerNeverLookedAtIsSentAgain) {
  EchoServer server;
  LeavingServer leaving(server.port());
  Connection connection(leaving.address(), {}, "", under_way_);
  Start(connection, "x");
  EXPECT_THAT(Wait(), IsOk());
  EXPECT_EQ(response_.text(), "x");
  EXPECT_TRUE(leaving.has_left());
  EXPECT_EQ(server.echo().calls, 1);
}

TEST_F(ConnectionTest, ACallThatIsGivenUpEndsAlsoIfItWasSentAgain) {
  Gate gate;
  EchoServer server(gate.Reply());
  LeavingServer leaving(server.port());
  Connection connection(leaving.address(), {}, "", under_way_);
  const CancelHandle call = Start(connection, "wait");
  ASSERT_TRUE(Eventually([&] { return gate.waiting == 1; }));
  call.Cancel();
  EXPECT_THAT(Wait(), HasCode(absl::StatusCode::kCancelled));
  gate.open.Notify();
}

TEST_F(ConnectionTest, ACallThatMayHaveRunIsNotSentAgainAlthoughItsConnectionWasLeaving) {
  Gate gate;
  EchoServer server(gate.Reply(), {.max_connection_age = 50ms});
  test::TcpGate relay(server.port());
  Connection connection(relay.address(), {}, "", under_way_);
  Start(connection, "wait");
  ASSERT_TRUE(Eventually([&] { return gate.waiting == 1; }));
  // A new connection means that the first one was asked to leave.
  ConnectionEvents events;
  const auto listener = std::make_shared<int>();
  events.Watch(connection, listener, [](ConnectionEvents::Event) {});
  ASSERT_TRUE(Eventually([&] {
    events.Look();
    return relay.connections_seen() >= 2;
  }));
  relay.Cut();
  const absl::Status status = Wait();
  EXPECT_THAT(status, HasCode(absl::StatusCode::kUnavailable));
  EXPECT_THAT(status.message(), AllOf(Not(HasSubstr("GOAWAY")), Not(HasSubstr("Transport"))))
      << "that is how gRPC speaks of calls that nobody looked at";
  EXPECT_EQ(server.echo().calls, 1);
  gate.open.Notify();
}

}  // namespace
}  // namespace holdfast::rpc

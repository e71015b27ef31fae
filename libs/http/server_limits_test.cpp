// Clients that are slow, idle or too many, and a server that goes away.
#include <gmock/gmock.h>

#include <atomic>
#include <set>
#include <string>
#include <thread>

#include "libs/http/server_fixture_test.h"
#include "libs/testing/eventually.h"

namespace holdfast::http {
namespace {

using namespace std::chrono_literals;
using test::Eventually;
using testing::ContainsRegex;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

using ServerLimitsTest = ServerTest;

TEST_F(ServerLimitsTest, AFullPoolSaysTryAgain) {
  Serve();
  RawClient running(server_->port());
  running.Send("GET /work?1 HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(Eventually([&] { return pool_.busy() == 1; }));
  RawClient waiting(server_->port());
  waiting.Send("GET /work?2 HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(Eventually([&] { return pool_.waiting() == 1; }));
  RawClient refused(server_->port());
  refused.Send("GET /work?3 HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string answer = refused.ReadAnswer();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_THAT(answer, testing::ContainsRegex("Retry-After: [123]\r\n"));
  work_may_end_.Notify();
  EXPECT_THAT(running.ReadAnswer(), EndsWith("done 1"));
  EXPECT_THAT(waiting.ReadAnswer(), EndsWith("done 2"));
}

TEST_F(ServerLimitsTest, CutsOffAClientThatSendsSlowly) {
  ServerOptions options = Quick();
  options.read_timeout = 100ms;
  Serve(options);
  RawClient client(server_->port());
  client.Send("GET /hello HTTP/1.1\r\nHost:");
  EXPECT_TRUE(client.Closed());
}

TEST_F(ServerLimitsTest, DripFeedingDoesNotExtendTheLimit) {
  ServerOptions options = Quick();
  options.read_timeout = 200ms;
  Serve(options);
  RawClient client(server_->port());
  std::atomic<bool> closed = false;
  std::thread dripping([&] {
    client.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");
    EXPECT_TRUE(Eventually([&] {
      client.Send("x");
      return closed.load();
    }));
  });
  EXPECT_TRUE(client.Closed());
  closed = true;
  dripping.join();
}

TEST_F(ServerLimitsTest, CutsOffAClientThatDoesNotTakeItsAnswer) {
  ServerOptions options = Quick();
  options.read_timeout = 1ms;
  Serve(options);
  // 8 MiB at the slowest accepted speed would take longer than this test: ask for it and leave.
  const long owners = big_.use_count();
  {
    RawClient client(server_->port());
    client.Send("GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(Eventually([&] { return big_.use_count() > owners; }));
  }
  EXPECT_TRUE(Eventually([&] { return big_.use_count() == owners; }));
}

TEST_F(ServerLimitsTest, ClosesIdleConnections) {
  ServerOptions options = Quick();
  options.idle_timeout = 100ms;
  Serve(options);
  RawClient client(server_->port());
  client.Send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.ReadAnswer(), EndsWith("hello"));
  EXPECT_TRUE(client.Closed());
}

TEST_F(ServerLimitsTest, DrainAnswersWhatIsInFlightAndClosesTheRest) {
  Serve();
  RawClient idle(server_->port());
  idle.Send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(idle.ReadAnswer(), EndsWith("hello"));
  RawClient busy(server_->port());
  busy.Send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(Eventually([&] { return held() == 1; }));

  std::thread draining([&] { server_->Drain(Deadline::After(20s)); });
  EXPECT_TRUE(idle.Closed());
  held_.front().Send(Response::Text(200, "in time"));
  EXPECT_THAT(busy.ReadAll(),
              testing::AllOf(HasSubstr("Connection: close\r\n"), EndsWith("in time")));
  draining.join();
  EXPECT_FALSE(RawClient(server_->port()).connected());
}

TEST_F(ServerLimitsTest, DrainGivesUpAtItsDeadline) {
  Serve();
  RawClient busy(server_->port());
  busy.Send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(Eventually([&] { return held() == 1; }));
  server_->Drain(Deadline::After(50ms));
  EXPECT_TRUE(busy.Closed());
}

TEST_F(ServerLimitsTest, RefusesConnectionsBeyondItsLimit) {
  ServerOptions options = Quick();
  options.max_connections = 1;
  Serve(options);
  RawClient first(server_->port());
  first.Send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(first.ReadAnswer(), EndsWith("hello"));
  std::set<std::string> advice;
  for (int i = 0; i < 50; ++i) {
    const std::string refusal = RawClient(server_->port()).ReadAll();
    EXPECT_THAT(refusal, StartsWith("HTTP/1.1 503"));
    EXPECT_THAT(refusal, ContainsRegex("Retry-After: [123]\r\n"));
    advice.insert(refusal);
  }
  EXPECT_GT(advice.size(), 1u) << "those refused together do not come back together";
}

}  // namespace
}  // namespace holdfast::http

#include "libs/storage/redis_pool.h"

#include <gtest/gtest.h>

#include <thread>

#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/tcp_gate.h"
#include "libs/testing/test_redis.h"

namespace holdfast::storage {
namespace {

using namespace std::chrono_literals;
using test::Eventually;
using test::HasCode;
using test::IsOk;

Deadline Soon() { return Deadline::After(5s); }

template <class Work>
Duration TimeOf(Work&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::steady_clock::now() - start;
}

class RedisPoolTest : public testing::Test {
 protected:
  std::unique_ptr<test::TestRedis> server_ = test::TestRedis::Start();
  test::TcpGate gate_{server_->port()};
  telemetry::Metrics metrics_;
  RedisPool pool_{{.address = gate_.address()}, metrics_};
};

TEST_F(RedisPoolTest, RepliesComeBackInTheirKinds) {
  const std::string bytes("\0\r\n\xff", 4);
  EXPECT_EQ(pool_.Call(Soon(), {"SET", "key", bytes})->text, "OK");
  EXPECT_EQ(pool_.Call(Soon(), {"GET", "key"})->text, bytes);
  EXPECT_EQ(pool_.Call(Soon(), {"GET", "none"})->kind, RedisReply::Kind::kNil);
  EXPECT_EQ(pool_.Call(Soon(), {"INCR", "n"})->integer, 1);
  EXPECT_EQ(pool_.Call(Soon(), {"NOSUCH"})->kind, RedisReply::Kind::kError);
  ASSERT_OK_AND_ASSIGN(const RedisReply array, pool_.Call(Soon(), {"MGET", "key", "none"}));
  ASSERT_EQ(array.array.size(), 2u);
  EXPECT_EQ(array.array[0].text, bytes);
}

TEST_F(RedisPoolTest, APipelineAnswersInOrder) {
  std::vector<RedisCommand> commands;
  for (int i = 0; i < 10'000; ++i) commands.push_back({"ECHO", std::to_string(i)});
  ASSERT_OK_AND_ASSIGN(const std::vector<RedisReply> replies, pool_.Pipeline(Soon(), commands));
  ASSERT_EQ(replies.size(), commands.size());
  for (std::size_t i = 0; i < replies.size(); ++i) EXPECT_EQ(replies[i].text, std::to_string(i));
}

TEST_F(RedisPoolTest, ManyCallersShareFewConnections) {
  std::vector<std::thread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&] {
      for (int j = 0; j < 100; ++j) EXPECT_THAT(pool_.Call(Soon(), {"INCR", "n"}), IsOk());
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(pool_.Call(Soon(), {"GET", "n"})->text, "800");
  EXPECT_LE(gate_.connections_seen(), 2u);
}

TEST_F(RedisPoolTest, AHungServerCostsOneDeadlineThenNothing) {
  ASSERT_THAT(pool_.Ping(Soon()), IsOk());
  server_->Hang();
  EXPECT_LT(TimeOf([&] {
              EXPECT_THAT(pool_.Ping(Deadline::After(50ms)),
                          HasCode(absl::StatusCode::kDeadlineExceeded));
            }),
            2s);
  EXPECT_LT(TimeOf([&] {
              for (int i = 0; i < 20; ++i) {
                EXPECT_FALSE(pool_.Ping(Deadline::After(100ms)).ok());
              }
            }),
            1s);
  server_->Resume();
  EXPECT_TRUE(Eventually([&] { return pool_.Ping(Soon()).ok(); }, 5s));
  // The answer that came too late was not taken for the answer of a later command.
  EXPECT_EQ(pool_.Call(Soon(), {"ECHO", "new"})->text, "new");
}

TEST_F(RedisPoolTest, AServerThatIsGoneAnswersUnavailableAndIsFoundAgain) {
  ASSERT_THAT(pool_.Ping(Soon()), IsOk());
  gate_.Cut();
  EXPECT_THAT(pool_.Ping(Soon()), HasCode(absl::StatusCode::kUnavailable));
  gate_.Open();
  EXPECT_TRUE(Eventually([&] { return pool_.Ping(Soon()).ok(); }, 5s));
}

TEST_F(RedisPoolTest, ARestartBetweenTwoCallsIsNotSeenByTheSecond) {
  ASSERT_THAT(pool_.Ping(Soon()), IsOk());
  server_->Restart();
  EXPECT_THAT(pool_.Ping(Soon()), IsOk());
}

TEST_F(RedisPoolTest, GarbageInsteadOfAnAnswerIsAnError) {
  ASSERT_THAT(pool_.Ping(Soon()), IsOk());
  gate_.CorruptNextBytes(3);
  EXPECT_THAT(pool_.Ping(Soon()), HasCode(absl::StatusCode::kUnavailable));
  EXPECT_TRUE(Eventually([&] { return pool_.Ping(Soon()).ok(); }, 5s));
}

TEST_F(RedisPoolTest, AServerThatAsksForAPasswordGetsIt) {
  ASSERT_THAT(pool_.Call(Soon(), {"CONFIG", "SET", "requirepass", "secret"}), IsOk());
  RedisPool knows({.address = server_->address(), .password = "secret"}, metrics_);
  EXPECT_THAT(knows.Ping(Soon()), IsOk());
  RedisPool guesses({.address = server_->address(), .password = "wrong"}, metrics_);
  EXPECT_THAT(guesses.Ping(Soon()), HasCode(absl::StatusCode::kUnavailable));
}

TEST(RedisPoolWithoutServerTest, NoAddressMeansUnavailable) {
  telemetry::Metrics metrics;
  RedisPool pool({}, metrics);
  EXPECT_THAT(pool.Ping(Soon()), HasCode(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace holdfast::storage

#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "libs/base/status.h"
#include "libs/testing/eventually.h"
#include "libs/testing/exchange.h"
#include "libs/testing/process.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/tcp_gate.h"
#include "libs/testing/temp_dir.h"
#include "libs/testing/test_etcd.h"
#include "libs/testing/test_postgres.h"
#include "libs/testing/test_redis.h"

namespace holdfast::test {
namespace {

TEST(TempDirTest, IsThereWhileItLivesAndGoneAfterwards) {
  std::string path;
  {
    TempDir dir;
    path = dir.path();
    std::ofstream(dir.File("note")) << "x";
    EXPECT_TRUE(std::filesystem::exists(path + "/note"));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(ProcessTest, TellsTheExitCode) {
  ASSERT_OK_AND_ASSIGN(Process process, Process::Start({.command = {"/bin/sh", "-c", "exit 7"}}));
  EXPECT_TRUE(Eventually([&] { return !process.running(); }));
  EXPECT_EQ(process.Terminate(), 7);
}

TEST(ProcessTest, AProgramThatDoesNotExistIsAnError) {
  EXPECT_THAT(Process::Start({.command = {"/nowhere/nothing"}}),
              HasMessage("cannot start /nowhere/nothing"));
}

TEST(ProcessTest, OneThatIgnoresTheRequestToEndIsKilled) {
  TempDir dir;
  ASSERT_OK_AND_ASSIGN(
      Process process,
      Process::Start({.command = {"/bin/sh", "-c", "trap '' TERM; echo on; while :; do :; done"},
                      .log_file = dir.File("log")}));
  EXPECT_TRUE(Eventually([&] { return std::filesystem::file_size(dir.File("log")) > 0; }));
  EXPECT_EQ(process.Terminate(0), -SIGKILL);
}

TEST(ProcessTest, OutlivesTheThreadThatStartedIt) {
  std::unique_ptr<Process> process;
  std::thread([&] {
    auto started = Process::Start({.command = {"/bin/sleep", "100"}});
    process = std::make_unique<Process>(*std::move(started));
  }).join();
  EXPECT_TRUE(process->running());
}

TEST(ProcessTest, GetsTheEnvironmentAsked) {
  TempDir dir;
  ASSERT_OK_AND_ASSIGN(Process process, Process::Start({.command = {"/bin/sh", "-c", "echo $HOME"},
                                                        .environment = {"HOME=/elsewhere"},
                                                        .log_file = dir.File("log")}));
  EXPECT_TRUE(Eventually([&] { return !process.running(); }));
  std::string line;
  std::getline(std::ifstream(dir.File("log")), line);
  EXPECT_EQ(line, "/elsewhere");
}

class TestPostgresTest : public testing::Test {
 protected:
  // "1" when the server answers within the connect timeout.
  std::string Ask(const std::string& database) {
    TestPostgres& server = TestPostgres::Shared();
    PGconn* connection =
        PQconnectdb(fmt::format("host={} port={} user={} dbname={} connect_timeout=2",
                                server.host(), server.port(), server.user(), database)
                        .c_str());
    std::string answer;
    if (PQstatus(connection) == CONNECTION_OK) {
      PGresult* result = PQexec(connection, "SELECT 1");
      if (PQntuples(result) == 1) answer = PQgetvalue(result, 0, 0);
      PQclear(result);
    }
    PQfinish(connection);
    return answer;
  }
};

TEST_F(TestPostgresTest, GivesDatabasesThatAnswer) {
  TestPostgres& server = TestPostgres::Shared();
  const std::string first = server.NewDatabase();
  const std::string second = server.NewDatabase();
  EXPECT_NE(first, second);
  EXPECT_EQ(Ask(first), "1");
  EXPECT_EQ(Ask(second), "1");
}

TEST_F(TestPostgresTest, HangsAndResumes) {
  TestPostgres& server = TestPostgres::Shared();
  const std::string database = server.NewDatabase();
  server.Hang();
  EXPECT_EQ(Ask(database), "");
  server.Resume();
  EXPECT_EQ(Ask(database), "1");
}

TEST_F(TestPostgresTest, KeepsItsDataOverAKillAndRestart) {
  TestPostgres& server = TestPostgres::Shared();
  const std::string database = server.NewDatabase();
  server.Kill();
  EXPECT_EQ(Ask(database), "");
  server.Restart();
  EXPECT_EQ(Ask(database), "1");
}

TEST(TestRedisTest, AnswersAgainAfterARestart) {
  const auto redis = TestRedis::Start();
  redis->Kill();
  EXPECT_EQ(Exchange(redis->port(), "PING\r\n"), "");
  redis->Restart();
  EXPECT_EQ(Exchange(redis->port(), "PING\r\n"), "+PONG\r\n");
}

TEST(TestEtcdTest, AnswersAgainAfterARestart) {
  const auto etcd = TestEtcd::Start();
  const std::string request = "GET /version HTTP/1.0\r\n\r\n";
  EXPECT_NE(Exchange(etcd->port(), request).find("etcdserver"), std::string::npos);
  etcd->Restart();
  EXPECT_NE(Exchange(etcd->port(), request).find("etcdserver"), std::string::npos);
}

class TcpGateTest : public testing::Test {
 protected:
  std::string Ping() { return Exchange(gate_.port(), "PING\r\n"); }

  std::unique_ptr<TestRedis> redis_ = TestRedis::Start();
  TcpGate gate_{redis_->port()};
};

TEST_F(TcpGateTest, PassesBothWaysWhenOpen) {
  EXPECT_EQ(Ping(), "+PONG\r\n");
  EXPECT_EQ(gate_.connections_seen(), 1u);
}

TEST_F(TcpGateTest, RefusesWhenCutAndServesAgainWhenOpened) {
  gate_.Cut();
  EXPECT_EQ(Ping(), "");
  gate_.Open();
  EXPECT_EQ(Ping(), "+PONG\r\n");
}

TEST_F(TcpGateTest, CanBeCutAndOpenedAnyNumberOfTimes) {
  for (int i = 0; i < 200; ++i) {
    gate_.Cut();
    gate_.Open();
  }
  EXPECT_EQ(Ping(), "+PONG\r\n");
}

TEST_F(TcpGateTest, AcceptsButStaysSilentAsABlackhole) {
  gate_.Blackhole();
  EXPECT_EQ(Ping(), "");
  EXPECT_TRUE(Eventually([&] { return gate_.connections_seen() == 1; }));
  gate_.Open();
  EXPECT_EQ(Ping(), "+PONG\r\n");
}

TEST_F(TcpGateTest, DelaysEachWay) {
  gate_.Delay(std::chrono::milliseconds(60));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(Ping(), "+PONG\r\n");
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(120));
}

TEST_F(TcpGateTest, ThrottlesToTheRateAsked) {
  gate_.Throttle(100);
  const auto start = std::chrono::steady_clock::now();
  Exchange(gate_.port(), "PING " + std::string(13, 'x') + "\r\n");  // 20 bytes at 100 a second
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(150));
}

TEST_F(TcpGateTest, CorruptsWhatGoesToTheClient) {
  gate_.CorruptNextBytes(2);
  const std::string answer = Ping();
  ASSERT_EQ(answer.size(), 7u);
  EXPECT_NE(answer.substr(0, 2), "+P");
  EXPECT_EQ(answer.substr(2), "ONG\r\n");
  EXPECT_EQ(Ping(), "+PONG\r\n");
}

}  // namespace
}  // namespace holdfast::test

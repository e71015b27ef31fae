#include "libs/testing/test_redis.h"

#include "libs/base/check.h"
#include "libs/testing/eventually.h"
#include "libs/testing/exchange.h"

namespace holdfast::test {
namespace {

std::unique_ptr<Process> StartServer(const TempDir& dir, std::uint16_t port) {
  auto process = Process::Start(
      {.command = {"/usr/bin/redis-server", "--port", std::to_string(port), "--bind", "127.0.0.1",
                   "--save", "", "--appendonly", "no", "--dir", dir.path()},
       .log_file = dir.File("log")});
  HOLDFAST_CHECK(process.ok());
  const bool answers = Eventually(
      [&] { return !process->running() || Exchange(port, "PING\r\n").starts_with("+PONG"); });
  if (!answers || !process->running()) return nullptr;
  return std::make_unique<Process>(*std::move(process));
}

}  // namespace

std::unique_ptr<TestRedis> TestRedis::Start() {
  std::unique_ptr<TestRedis> server(new TestRedis);
  for (int attempt = 0; attempt < 5 && server->process_ == nullptr; ++attempt) {
    server->port_ = FreePort();
    server->process_ = StartServer(server->dir_, server->port_);
  }
  HOLDFAST_CHECK(server->process_ != nullptr);
  return server;
}

void TestRedis::Restart() {
  process_->Kill();
  process_ = StartServer(dir_, port_);
  HOLDFAST_CHECK(process_ != nullptr);
}

}  // namespace holdfast::test

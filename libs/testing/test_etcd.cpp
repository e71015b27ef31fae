#include "libs/testing/test_etcd.h"

#include "libs/base/check.h"
#include "libs/testing/eventually.h"
#include "libs/testing/exchange.h"

namespace holdfast::test {
namespace {

constexpr char kHealthRequest[] = "GET /health HTTP/1.1\r\nHost: etcd\r\nConnection: close\r\n\r\n";

std::unique_ptr<Process> StartServer(const TempDir& dir, std::uint16_t port) {
  const std::string clients = "http://127.0.0.1:" + std::to_string(port);
  const std::string peers = "http://127.0.0.1:" + std::to_string(FreePort());
  // Short elections: a member of one is ready in a moment, and leases may be as short as a second.
  auto process = Process::Start({.command = {"/usr/bin/etcd",
                                             "--name",
                                             "test",
                                             "--data-dir",
                                             dir.File("data"),
                                             "--listen-client-urls",
                                             clients,
                                             "--advertise-client-urls",
                                             clients,
                                             "--listen-peer-urls",
                                             peers,
                                             "--initial-advertise-peer-urls",
                                             peers,
                                             "--initial-cluster",
                                             "test=" + peers,
                                             "--heartbeat-interval",
                                             "20",
                                             "--election-timeout",
                                             "200",
                                             "--log-level",
                                             "error"},
                                 .log_file = dir.File("log")});
  HOLDFAST_CHECK(process.ok());
  const bool answers = Eventually([&] {
    return !process->running() ||
           Exchange(port, kHealthRequest).find("\"true\"") != std::string::npos;
  });
  if (!answers || !process->running()) return nullptr;
  return std::make_unique<Process>(*std::move(process));
}

}  // namespace

std::unique_ptr<TestEtcd> TestEtcd::Start() {
  std::unique_ptr<TestEtcd> server(new TestEtcd);
  for (int attempt = 0; attempt < 5 && server->process_ == nullptr; ++attempt) {
    server->port_ = FreePort();
    server->process_ = StartServer(server->dir_, server->port_);
  }
  HOLDFAST_CHECK(server->process_ != nullptr);
  return server;
}

void TestEtcd::Restart() {
  process_->Kill();
  process_ = StartServer(dir_, port_);
  HOLDFAST_CHECK(process_ != nullptr);
}

}  // namespace holdfast::test

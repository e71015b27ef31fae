#include "libs/testing/test_etcd_cluster.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "libs/base/check.h"
#include "libs/testing/eventually.h"
#include "libs/testing/exchange.h"

namespace holdfast::test {
namespace {

constexpr int kStarts = 5;  // a port may be taken between asking and using

std::string Ask(std::uint16_t port, std::string_view method, std::string_view path,
                std::string_view body) {
  return Exchange(port, fmt::format("{} {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n"
                                    "Content-Length: {}\r\n\r\n{}",
                                    method, path, port, body.size(), body));
}

// The number behind "name":" in etcd's JSON; empty if it is not there.
std::string NumberNamed(const std::string& json, const std::string& name) {
  const std::string mark = "\"" + name + "\":\"";
  const std::size_t begin = json.find(mark);
  if (begin == std::string::npos) return "";
  const std::size_t first = begin + mark.size();
  return json.substr(first, json.find('"', first) - first);
}

}  // namespace

std::unique_ptr<TestEtcdCluster> TestEtcdCluster::Start(const Options& options) {
  for (int attempt = 0; attempt < kStarts; ++attempt) {
    std::unique_ptr<TestEtcdCluster> cluster(new TestEtcdCluster(options));
    for (int i = 0; i < options.members; ++i) {
      cluster->members_.push_back({.name = "member" + std::to_string(i),
                                   .client_port = FreePort(),
                                   .peer_port = FreePort(),
                                   .health_port = FreePort()});
    }
    for (Member& member : cluster->members_) cluster->Launch(member);
    const auto& members = cluster->members_;
    const bool settled = Eventually(
        [&] {
          return std::all_of(members.begin(), members.end(), [&](const Member& member) {
            return !member.process->running() || cluster->Healthy(member);
          });
        },
        std::chrono::seconds(30));
    const bool all_run = std::all_of(members.begin(), members.end(),
                                     [](const Member& m) { return m.process->running(); });
    if (settled && all_run) return cluster;
  }
  CheckFailed(__FILE__, __LINE__, "etcd cluster does not start");
}

void TestEtcdCluster::Launch(Member& member) {
  const std::string clients =
      fmt::format("{}://127.0.0.1:{}", options_.ca.empty() ? "http" : "https", member.client_port);
  const std::string peers = fmt::format("http://127.0.0.1:{}", member.peer_port);
  // Elections must stay rare on a busy machine, and leases may be as short as two seconds.
  Process::Options process{
      .command = {"/usr/bin/etcd", "--name=" + member.name, "--data-dir=" + dir_.File(member.name),
                  "--listen-client-urls=" + clients, "--advertise-client-urls=" + clients,
                  "--listen-peer-urls=" + peers, "--initial-advertise-peer-urls=" + peers,
                  "--initial-cluster=" + PeerUrls(),
                  fmt::format("--listen-metrics-urls=http://127.0.0.1:{}", member.health_port),
                  "--heartbeat-interval=50", "--election-timeout=500", "--log-level=error"},
      .log_file = dir_.File(member.name + ".log")};
  if (!options_.ca.empty()) {
    process.command.push_back("--cert-file=" + options_.certificate);
    process.command.push_back("--key-file=" + options_.key);
    process.command.push_back("--trusted-ca-file=" + options_.ca);
    process.command.push_back("--client-cert-auth");
  }
  absl::StatusOr<Process> started = Process::Start(process);
  HOLDFAST_CHECK(started.ok());
  member.process = std::make_unique<Process>(*std::move(started));
}

bool TestEtcdCluster::Healthy(const Member& member) const {
  return Ask(member.health_port, "GET", "/health", "").find("\"true\"") != std::string::npos;
}

std::string TestEtcdCluster::PeerUrls() const {
  std::string all;
  for (const Member& member : members_) {
    all += fmt::format("{}{}=http://127.0.0.1:{}", all.empty() ? "" : ",", member.name,
                       member.peer_port);
  }
  return all;
}

std::string TestEtcdCluster::url(int member) const {
  return fmt::format("{}://127.0.0.1:{}", options_.ca.empty() ? "http" : "https", port(member));
}

std::string TestEtcdCluster::urls() const {
  std::string all;
  for (int i = 0; i < options_.members; ++i) all += (i == 0 ? "" : ",") + url(i);
  return all;
}

int TestEtcdCluster::leader() const {
  for (int i = 0; i < options_.members; ++i) {
    const std::string status = Ask(port(i), "POST", "/v3/maintenance/status", "{}");
    const std::string id = NumberNamed(status, "member_id");
    if (!id.empty() && id == NumberNamed(status, "leader")) return i;
  }
  return -1;
}

void TestEtcdCluster::Kill(int member) { members_[Index(member)].process->Kill(); }
void TestEtcdCluster::Hang(int member) { members_[Index(member)].process->Stop(); }
void TestEtcdCluster::Resume(int member) { members_[Index(member)].process->Continue(); }

void TestEtcdCluster::Restart(int member) {
  Member& restarted = members_[Index(member)];
  restarted.process->Kill();
  Launch(restarted);
}

}  // namespace holdfast::test

// A process that stands for Kubernetes' API server (fake_api_server.py): HTTPS on a real socket,
// with everything that a test wants to go wrong.
#pragma once

#include <fmt/format.h>

#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/check.h"
#include "libs/base/deadline.h"
#include "libs/http/client.h"
#include "libs/security/tls.h"
#include "libs/testing/eventually.h"
#include "libs/testing/process.h"
#include "libs/testing/temp_dir.h"

namespace holdfast::discovery {

// Tests run in the root of the repository.
class FakeApiServer {
 public:
  FakeApiServer() {
    const auto made = security::CreateDevelopmentCertificates(folder_.path(), {"kubernetes"});
    HOLDFAST_CHECK(made.ok());
    WriteToken("first");
    Restart();
  }

  // "kubernetes:..." with what a pod finds in its files.
  std::string spec() const {
    return fmt::format("kubernetes:https://127.0.0.1:{}?namespace=tv&ca={}&token={}", port_,
                       ca_file(), token_file());
  }
  std::uint16_t port() const { return port_; }
  std::string ca_file() const { return folder_.File("ca.pem"); }
  std::string token_file() const { return folder_.File("token"); }

  // As the kubelet does with the token of a pod.
  void WriteToken(std::string_view token) {
    std::ofstream(token_file() + ".new") << token;
    std::filesystem::rename(token_file() + ".new", token_file());
  }

  // `slices`: EndpointSlice objects as JSON. Everything else is gone.
  void SetSlices(const std::vector<std::string>& slices) {
    std::string items;
    for (const std::string& slice : slices) items += (items.empty() ? "" : ",") + slice;
    Control("PUT", "/slices", R"({"items":[)" + items + "]}");
  }
  void Tell(std::string_view action, std::string body = "") { Control("POST", action, body); }
  // The number behind `name`.
  int Stat(std::string_view name) const {
    const std::string stats = Stats();
    const std::string mark = fmt::format("\"{}\": ", name);
    const std::size_t at = stats.find(mark);
    HOLDFAST_CHECK(at != std::string::npos);
    return std::atoi(stats.c_str() + at + mark.size());
  }
  std::string Stats() const { return Control("GET", "/stats", ""); }

  void Kill() { process_->Kill(); }
  void Hang() { process_->Stop(); }
  void Resume() { process_->Continue(); }
  // Knows nothing of before but that versions went on.
  void Restart() {
    first_version_ += 1000;
    absl::StatusOr<test::Process> started = test::Process::Start(
        {.command = {"/usr/bin/python3", "libs/discovery/testing/fake_api_server.py",
                     fmt::format("--port={}", port_), fmt::format("--control-port={}", control_),
                     fmt::format("--first-version={}", first_version_), "--token=first",
                     "--namespace=tv", "--certificate=" + folder_.File("kubernetes.pem"),
                     "--key=" + folder_.File("kubernetes.key")},
         .log_file = folder_.File("log")});
    HOLDFAST_CHECK(started.ok());
    process_ = std::make_unique<test::Process>(*std::move(started));
    HOLDFAST_CHECK(test::Eventually([&] { return Ask("GET", "/stats", "").ok(); }));
  }

 private:
  absl::StatusOr<http::ClientResponse> Ask(std::string_view method, std::string_view path,
                                           const std::string& body) const {
    return http::Fetch({.method = std::string(method),
                        .url = fmt::format("http://127.0.0.1:{}{}", control_, path),
                        .body = body},
                       Deadline::After(std::chrono::seconds(5)));
  }
  std::string Control(std::string_view method, std::string_view path,
                      const std::string& body) const {
    const absl::StatusOr<http::ClientResponse> answer = Ask(method, path, body);
    HOLDFAST_CHECK(answer.ok() && answer->status == 200);
    return answer->body;
  }

  test::TempDir folder_;
  const std::uint16_t port_ = test::FreePort();
  const std::uint16_t control_ = test::FreePort();
  int first_version_ = 0;
  std::unique_ptr<test::Process> process_;
};

// One EndpointSlice with one endpoint per address ("10.0.0.7"), all ready, on port 50051.
inline std::string ReadySlice(std::string_view name, std::string_view service,
                              const std::vector<std::string>& addresses) {
  std::string endpoints;
  for (const std::string& address : addresses) {
    endpoints += fmt::format(R"({}{{"addresses":["{}"],"conditions":{{"ready":true}}}})",
                             endpoints.empty() ? "" : ",", address);
  }
  return fmt::format(
      R"({{"metadata":{{"name":"{}","labels":{{"kubernetes.io/service-name":"{}"}}}},)"
      R"("addressType":"IPv4","ports":[{{"name":"grpc","port":50051}}],"endpoints":[{}]}})",
      name, service, endpoints);
}

}  // namespace holdfast::discovery

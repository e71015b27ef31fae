// Runs a service inside the process of a test: ephemeral ports, a folder of its own, no signals.
//
//   TempDir dir;
//   InProcess producer({.service = "cdn_routing", .data_dir = dir.path()},
//                      [&](Runtime& runtime) { return cdn_routing::Run(config, runtime); });
//   ASSERT_TRUE(producer.serving());
//   ... use producer.grpc_address() ...
//   EXPECT_TRUE(producer.Stop().ok());
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "libs/app/app.h"
#include "libs/base/check.h"

namespace holdfast::app {

struct InProcessOptions {
  std::string service;
  std::string data_dir;
  std::string discovery;        // "static:epg=127.0.0.1:1234"
  std::uint16_t grpc_port = 0;  // 0: any free one
  std::string zone = "a";
  std::string tls_dir;
  bool fault_injection = false;
};

// Owns the runtime and the thread that `run` is called on. Used from the test's thread.
class InProcess {
 public:
  using Run = std::function<absl::Status(Runtime&)>;

  InProcess(const InProcessOptions& options, Run run) {
    RuntimeOptions full{.service = options.service, .handle_signals = false};
    full.common.data_dir = options.data_dir;
    full.common.discovery = options.discovery;
    full.common.grpc_port = options.grpc_port;
    full.common.zone = options.zone;
    full.common.tls_dir = options.tls_dir;
    full.common.fault_injection = options.fault_injection;
    full.common.worker_threads = 4;
    full.common.drain_announce = std::chrono::milliseconds(0);
    absl::StatusOr<std::unique_ptr<RunningRuntime>> made = MakeRuntime(full);
    HOLDFAST_CHECK(made.ok());
    runtime_ = *std::move(made);
    thread_ = std::thread([this, run = std::move(run)] { result_ = run(*runtime_); });
  }
  ~InProcess() { Stop().IgnoreError(); }
  InProcess(const InProcess&) = delete;
  InProcess& operator=(const InProcess&) = delete;

  // Waits until the ports are open. False: it did not come so far; see Stop().
  bool serving() { return runtime_->WaitUntilServing(Deadline::After(std::chrono::seconds(20))); }

  // Drains, joins, destroys everything; what `run` returned.
  absl::Status Stop() {
    if (runtime_ != nullptr) runtime_->RequestStop();
    if (thread_.joinable()) thread_.join();
    runtime_.reset();
    return result_;
  }

  RunningRuntime& runtime() { return *runtime_; }
  std::uint16_t grpc_port() const { return runtime_->grpc_port(); }
  std::string grpc_address() const { return At(runtime_->grpc_port()); }
  std::string admin_url() const { return "http://" + At(runtime_->admin_port()); }
  std::string http_url() const { return "http://" + At(runtime_->http_port()); }

 private:
  static std::string At(std::uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

  std::unique_ptr<RunningRuntime> runtime_;
  absl::Status result_;
  std::atomic<bool> ended_ = false;  // `run` has returned
  std::thread thread_;
};

}  // namespace holdfast::app

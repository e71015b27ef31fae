// The one implementation of app::RunningRuntime. Programs and tests get it from MakeRuntime.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "libs/admission/pool_metrics.h"
#include "libs/app/admin_pages.h"
#include "libs/app/app.h"
#include "libs/app/dependencies.h"
#include "libs/app/follower.h"
#include "libs/app/jobs.h"
#include "libs/app/publications.h"
#include "libs/app/schema.h"
#include "libs/app/signals.h"
#include "libs/app/threads.h"
#include "libs/rpc/fault_plan.h"

namespace holdfast::app {

// What is handed in is touched by other threads only inside RunUntilStopped: they all start and end
// there. A Run that fails half-way can therefore simply return.
class RuntimeImpl final : public RunningRuntime {
 public:
  static absl::StatusOr<std::unique_ptr<RunningRuntime>> Make(const RuntimeOptions& options);

  const CommonConfig& common() const override { return options_.common; }
  const Clock& clock() override { return SystemClock::Get(); }
  Random& random() override { return random_; }
  telemetry::Metrics& metrics() override { return metrics_; }
  WorkerPool& workers() override { return *workers_; }
  std::string DataPath(std::string_view name) override;

  storage::PgPool OpenPostgres(const storage::PgOptions& options) override;
  storage::RedisPool OpenRedis(const storage::RedisOptions& options) override;
  absl::StatusOr<std::unique_ptr<storage::DiskSpool>> OpenSpool(std::string_view name,
                                                                std::uint64_t max_bytes) override;
  void MigrateInBackground(storage::PgPool& pool, std::span<const storage::Migration> migrations,
                           std::function<void()> then) override;

  rpc::Channel Connect(std::string_view service, const rpc::PeerOptions& options) override;
  void ServeTable(const rpc::ServiceTable& table) override;
  void ServeHttp(const HttpConfig& config, http::Router router) override;
  http::Router& admin() override { return admin_router_; }

  void Publish(replica::Publication& publication) override { publications_.Add(publication); }
  void Follow(rpc::Channel& from, replica::ReplicaBase& replica) override;

  void Repeat(std::string_view job, std::chrono::milliseconds interval,
              std::function<absl::Status(Deadline)> body) override;
  void RepeatOnOneInstance(std::string_view job, const storage::PgOptions& lock,
                           std::chrono::milliseconds interval,
                           std::function<absl::Status(Deadline)> body,
                           std::function<void()> given_up) override;

  void ReportDependency(std::string_view name, std::function<absl::Status(Deadline)> ping) override;
  void ReadyWhen(std::string_view what, std::function<bool()> ready) override;

  absl::Status RunUntilStopped() override;

  void RequestStop() override { stop_.Stop(); }
  bool WaitUntilServing(Deadline deadline) override;
  std::uint16_t grpc_port() const override { return grpc_port_; }
  std::uint16_t admin_port() const override { return admin_port_; }
  std::uint16_t http_port() const override { return http_port_; }

 private:
  explicit RuntimeImpl(const RuntimeOptions& options);
  absl::Status Prepare();

  absl::Status Open();  // threads, then ports, then the registration
  absl::Status OpenPorts();
  absl::Status OpenAdminPort();
  void Register();
  void Drain();  // nobody new, finish what is under way
  void Close();  // joins and closes everything that Open began; safe after half of it
  void EndProcessWhenDrainHangs();

  void UpdateMetrics();
  std::string DescribeDependencies() const;

  // In this order: what is lower uses what is higher and is destroyed first.
  const RuntimeOptions options_;
  StopSignal stop_;
  std::unique_ptr<SignalWatcher> signals_;  // before any other thread
  SeededRandom random_;
  telemetry::Metrics metrics_;
  telemetry::GaugeFamily replica_age_, replica_revision_, replica_connected_;
  security::TlsFiles tls_;
  std::unique_ptr<discovery::Directory> directory_;
  std::unique_ptr<admission::PoolMetrics> work_metrics_;
  std::unique_ptr<WorkerPool> workers_;

  std::unique_ptr<rpc::FaultPlan> faults_;
  std::vector<rpc::ChannelControl> neighbours_;
  std::vector<ReadyCondition> ready_conditions_;
  std::vector<std::unique_ptr<SchemaKeeper>> schemas_;
  PublicationService publications_;
  std::vector<std::unique_ptr<Follower>> followers_;
  Jobs jobs_;
  Dependencies dependencies_;

  http::Router admin_router_;
  std::unique_ptr<rpc::Server> rpc_server_;
  std::vector<std::unique_ptr<http::Server>> http_servers_;
  std::unique_ptr<http::Server> admin_server_;
  std::unique_ptr<discovery::Watch> registration_;

  std::atomic<bool> draining_ = false;
  std::atomic<std::uint16_t> grpc_port_ = 0;
  std::atomic<std::uint16_t> admin_port_ = 0;
  std::atomic<std::uint16_t> http_port_ = 0;
  StopSignal serving_;  // set when all ports are open, or never will be
  std::atomic<bool> open_ = false;
};

}  // namespace holdfast::app

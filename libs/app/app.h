// The one runner of all programs. `Main` reads knobs and owns logging, metrics, discovery, the
// admin port, signals and draining; a service is a function that builds its parts and runs.
//
//   int main(int argc, char** argv) {
//     using namespace holdfast;
//     return app::Main<billing::Config>(argc, argv, "billing", billing::Run);
//   }
//
// Admin port: /metrics /livez /readyz /config /dependencies /debug/neighbours.
// SIGTERM: readyz and health say no, registration is withdrawn, in-flight work finishes, exit 0.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/admission/pool_options.h"
#include "libs/base/clock.h"
#include "libs/base/random.h"
#include "libs/base/worker_pool.h"
#include "libs/config/knobs.h"
#include "libs/discovery/directory.h"
#include "libs/http/server.h"
#include "libs/replica/publication.h"
#include "libs/replica/replica.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/server.h"
#include "libs/storage/disk_spool.h"
#include "libs/storage/pg_lock.h"
#include "libs/storage/pg_migrate.h"
#include "libs/storage/pg_pool.h"
#include "libs/storage/redis_pool.h"
#include "libs/telemetry/metrics.h"

namespace holdfast::app {

// How worker threads are shared out when there is more to do than they can; libs/admission.
struct AdmissionConfig : admission::PoolOptions {
  void Describe(config::Knobs& k);
};

// Knobs that every program has.
struct CommonConfig {
  std::string instance_id;  // default: <service>-<zone>
  std::string zone = "a";
  std::string bind_address = "127.0.0.1";
  std::string advertise_address;  // default: bind_address
  std::uint16_t grpc_port = 0;
  std::uint16_t admin_port = 0;
  std::string data_dir;   // replicas, spools, last good sets; made if missing
  std::string discovery;  // see discovery::Options::spec
  std::string tls_dir;    // folder with ca.pem, <service>.pem, <service>.key; empty: plaintext
  std::string log_level = "info";
  std::int64_t worker_threads = 8;
  AdmissionConfig grpc_admission;  // of calls that other services make
  AdmissionConfig work_admission;  // of public requests; viewers rather wait than fail
  std::chrono::milliseconds max_connection_age = {};  // of gRPC; see rpc::ServerOptions
  bool fault_injection = false;                       // see rpc::FaultPlan
  double fault_max_percent = 50;
  std::chrono::milliseconds drain_announce = std::chrono::milliseconds(500);
  std::chrono::milliseconds drain_timeout = std::chrono::seconds(10);

  CommonConfig() {
    work_admission.max_wait = std::chrono::seconds(5);
    work_admission.overload_wait = std::chrono::seconds(1);
  }

  void Describe(config::Knobs& k);
};

// Knobs of a public HTTP port; a service that has one keeps it in its Config as a group "http".
struct HttpConfig {
  std::string bind_address = "127.0.0.1";
  std::uint16_t port = 0;
  std::int64_t io_threads = 1;
  std::int64_t max_body_bytes = 1 << 20;
  std::chrono::milliseconds max_connection_age = std::chrono::minutes(30);

  void Describe(config::Knobs& k);
};

// What a service builds itself from. Used from the thread of Run only, until RunUntilStopped.
// Everything handed in by reference must outlive RunUntilStopped.
class Runtime {
 public:
  virtual ~Runtime() = default;

  virtual const CommonConfig& common() const = 0;
  virtual const Clock& clock() = 0;
  virtual Random& random() = 0;
  virtual telemetry::Metrics& metrics() = 0;
  virtual WorkerPool& workers() = 0;  // for blocking work of HTTP handlers and refreshes
  // "<data_dir>/<name>", its folder made.
  virtual std::string DataPath(std::string_view name) = 0;

  // Never fails because the server is away; migrations run when it is there (see Migrate).
  virtual storage::PgPool OpenPostgres(const storage::PgOptions& options) = 0;
  virtual storage::RedisPool OpenRedis(const storage::RedisOptions& options) = 0;
  virtual absl::StatusOr<std::unique_ptr<storage::DiskSpool>> OpenSpool(
      std::string_view name, std::uint64_t max_bytes) = 0;

  // Tries now (up to 5 s with a slow server; an unreachable one is not waited for), then in the
  // background until it succeeds: a start never waits for the
  // database. `then` runs once after success, on a background thread (or before this returns).
  virtual void MigrateInBackground(storage::PgPool& pool,
                                   std::span<const storage::Migration> migrations,
                                   std::function<void()> then = nullptr) = 0;

  virtual rpc::Channel Connect(std::string_view service, const rpc::PeerOptions& options) = 0;

  // Service must have: void Register(rpc::ServiceTable&), static constexpr kServiceName.
  template <class Service>
  void Serve(Service& service) {
    rpc::ServiceTable table{std::string(Service::kServiceName)};
    service.Register(table);
    ServeTable(table);
  }
  virtual void ServeTable(const rpc::ServiceTable& table) = 0;
  virtual void ServeHttp(const HttpConfig& config, http::Router router) = 0;
  // More pages on the admin port, e.g. operator commands. Worker handlers allowed.
  virtual http::Router& admin() = 0;

  // Offers a read model to followers, and follows one: loads the copy on disk now, then listens to
  // the neighbour for ever and saves behind.
  virtual void Publish(replica::Publication& publication) = 0;
  virtual void Follow(rpc::Channel& from, replica::ReplicaBase& replica) = 0;

  // Calls `body` on a thread of its own every `interval` (jittered +-10 %), first after a moment.
  // Its deadline is `interval` or 30 s, whichever is longer. An error is logged and counted in
  // holdfast_job_failures_total{job}.
  virtual void Repeat(std::string_view job, std::chrono::milliseconds interval,
                      std::function<absl::Status(Deadline)> body) = 0;
  // The same, but only on the instance that holds the job's advisory lock in that database; taken
  // over within seconds when the holder dies. `given_up` is called on the job's thread when this
  // instance held it and does not any more: what only the holder can know is no longer said here.
  virtual void RepeatOnOneInstance(
      std::string_view job, const storage::PgOptions& lock, std::chrono::milliseconds interval,
      std::function<absl::Status(Deadline)> body, std::function<void()> given_up = [] {}) = 0;

  // Shown on /dependencies and as holdfast_dependency_up{dependency}; never makes us "not ready".
  virtual void ReportDependency(std::string_view name,
                                std::function<absl::Status(Deadline)> ping) = 0;
  // Ready means: can serve something. All must be true for /readyz to say 200.
  virtual void ReadyWhen(std::string_view what, std::function<bool()> ready) = 0;

  // Opens the ports, registers with discovery, waits for SIGTERM or SIGINT, drains.
  virtual absl::Status RunUntilStopped() = 0;
};

// For Main and for tests that run a service inside their process (see in_process.h).
struct RuntimeOptions {
  std::string service;
  CommonConfig common;
  std::string config_dump;  // for /config
  bool handle_signals = true;
};
class RunningRuntime : public Runtime {
 public:
  virtual void RequestStop() = 0;  // what SIGTERM does; any thread
  virtual bool WaitUntilServing(Deadline deadline) = 0;
  virtual std::uint16_t grpc_port() const = 0;
  virtual std::uint16_t admin_port() const = 0;
  virtual std::uint16_t http_port() const = 0;  // of the first ServeHttp
};
absl::StatusOr<std::unique_ptr<RunningRuntime>> MakeRuntime(const RuntimeOptions& options);

// --help prints the knobs and ends; an unusable knob prints why and exits 2; an error of `run`
// exits 1. `--print-config-markdown` prints the table of docs/config.md.
int MainWith(int argc, char** argv, std::string_view service,
             const std::function<void(config::Knobs&)>& describe,
             const std::function<absl::Status(Runtime&)>& run);

template <class Config>
int Main(int argc, char** argv, std::string_view service,
         absl::Status (*run)(const Config&, Runtime&)) {
  Config config;
  return MainWith(
      argc, argv, service, [&](config::Knobs& knobs) { config.Describe(knobs); },
      [&](Runtime& runtime) { return run(config, runtime); });
}

}  // namespace holdfast::app

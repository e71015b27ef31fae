#include "libs/app/runtime.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/time/clock.h"
#include "libs/app/neighbour_pages.h"
#include "libs/app/process_metrics.h"
#include "libs/base/check.h"
#include "libs/base/status.h"
#include "libs/security/tls.h"
#include "libs/telemetry/log.h"

#ifndef HOLDFAST_VERSION
#define HOLDFAST_VERSION "unknown"
#endif

namespace holdfast::app {
namespace {

using namespace std::chrono_literals;

constexpr auto kMigrateNowFor = 5s;
constexpr auto kAdminDrain = 1s;
constexpr auto kHangMargin = 2s;  // what joining may take beyond the drain itself

telemetry::Level LevelOf(const std::string& name) {
  if (name == "debug") return telemetry::Debug;
  if (name == "warning") return telemetry::Warning;
  if (name == "error") return telemetry::Error;
  return telemetry::Info;
}

absl::Status MakeFolder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return FailedPrecondition("cannot make folder {}: {}", path, error.message());
  return absl::OkStatus();
}

// A wildcard cannot be dialled; the host's name can, where the operator gave no better one.
std::string HostToDial(const CommonConfig& common) {
  if (!common.advertise_address.empty()) return common.advertise_address;
  if (common.bind_address != "0.0.0.0" && common.bind_address != "::") return common.bind_address;
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "127.0.0.1";
}

std::string AdvertisedAddress(const CommonConfig& common, std::uint16_t port) {
  const std::string host = HostToDial(common);
  const bool ipv6 = host.find(':') != std::string::npos;
  return ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

}  // namespace

absl::StatusOr<std::unique_ptr<RunningRuntime>> RuntimeImpl::Make(const RuntimeOptions& given) {
  RuntimeOptions options = given;
  CommonConfig& common = options.common;
  if (common.instance_id.empty()) common.instance_id = options.service + "-" + common.zone;
  if (common.data_dir.empty()) {
    return InvalidArgument("data_dir is not set: last good copies need a folder of their own");
  }
  HOLDFAST_RETURN_IF_ERROR(MakeFolder(common.data_dir));
  std::unique_ptr<RuntimeImpl> runtime(new RuntimeImpl(options));
  HOLDFAST_RETURN_IF_ERROR(runtime->Prepare());
  return runtime;
}

RuntimeImpl::RuntimeImpl(const RuntimeOptions& options)
    : options_(options),
      signals_(options.handle_signals ? std::make_unique<SignalWatcher>([this] { RequestStop(); })
                                      : nullptr),
      random_(SecureSeed()),
      replica_age_(metrics_.GaugeFamily("holdfast_replica_age_seconds",
                                        "Time since the producer of a read model was last heard.",
                                        {"model"})),
      replica_revision_(metrics_.GaugeFamily("holdfast_replica_revision",
                                             "Revision of the copy of a read model.", {"model"})),
      replica_connected_(metrics_.GaugeFamily("holdfast_replica_connected",
                                              "1 while a producer of a read model is listened to.",
                                              {"model"})),
      jobs_(SystemClock::Get(), random_, metrics_),
      dependencies_(SystemClock::Get(), metrics_) {
  telemetry::InitLogging({.service = options_.service,
                          .instance = options_.common.instance_id,
                          .minimum = LevelOf(options_.common.log_level)});
  ExportProcessMetrics(metrics_, clock());
  metrics_
      .GaugeFamily("holdfast_build_info", "Always 1; the labels say what runs here.",
                   {"service", "instance", "zone", "version"})
      .With({options_.service, options_.common.instance_id, options_.common.zone, HOLDFAST_VERSION})
      .Set(1);
}

absl::Status RuntimeImpl::Prepare() {
  const CommonConfig& common = options_.common;
  if (!common.tls_dir.empty()) tls_ = security::TlsFilesIn(common.tls_dir, options_.service);

  discovery::Options discovery;
  discovery.spec = common.discovery.empty() ? "static:" : common.discovery;
  discovery.snapshot_dir = common.data_dir + "/discovery";
  HOLDFAST_RETURN_IF_ERROR(MakeFolder(discovery.snapshot_dir));
  HOLDFAST_ASSIGN_OR_RETURN(directory_,
                            discovery::OpenDirectory(discovery, clock(), random_, metrics_));

  faults_ = std::make_unique<rpc::FaultPlan>(
      common.fault_injection, rpc::FaultPlan::Limits{.max_percent = common.fault_max_percent},
      clock(), random_, metrics_);

  admission::PoolOptions work = common.work_admission;
  work.threads = common.worker_threads;
  work_metrics_ = std::make_unique<admission::PoolMetrics>("http", metrics_);
  workers_ = std::make_unique<WorkerPool>(
      WorkerPool::Options{.name = "work",
                          .threads = static_cast<std::size_t>(common.worker_threads)},
      admission::MakeQueue(work), work_metrics_.get());
  metrics_.GaugeFrom("holdfast_workers_busy", "Worker threads at work.",
                     [this] { return static_cast<double>(workers_->busy()); });
  metrics_.GaugeFrom("holdfast_workers_waiting", "Jobs in line for a worker thread.",
                     [this] { return static_cast<double>(workers_->waiting()); });

  admission::PoolOptions grpc = common.grpc_admission;
  grpc.threads = common.worker_threads;
  rpc_server_ = std::make_unique<rpc::Server>(
      rpc::ServerOptions{.bind_address = common.bind_address,
                         .port = common.grpc_port,
                         .workers = grpc,
                         .max_connection_age = common.max_connection_age,
                         .tls = tls_},
      clock(), random_, metrics_);
  return absl::OkStatus();
}

std::string RuntimeImpl::DataPath(std::string_view name) {
  const std::string path = options_.common.data_dir + "/" + std::string(name);
  const absl::Status made = MakeFolder(std::filesystem::path(path).parent_path().string());
  if (!made.ok()) Log(telemetry::Error, "no place for data", {{"error", ToString(made)}});
  return path;
}

storage::PgPool RuntimeImpl::OpenPostgres(const storage::PgOptions& options) {
  return storage::PgPool(options, metrics_);
}

storage::RedisPool RuntimeImpl::OpenRedis(const storage::RedisOptions& options) {
  return storage::RedisPool(options, metrics_);
}

absl::StatusOr<std::unique_ptr<storage::DiskSpool>> RuntimeImpl::OpenSpool(
    std::string_view name, std::uint64_t max_bytes) {
  storage::DiskSpool::Options options;
  options.directory = DataPath("spool-" + std::string(name));
  options.name = std::string(name);
  options.max_bytes = max_bytes;
  return storage::DiskSpool::Open(options, metrics_);
}

void RuntimeImpl::MigrateInBackground(storage::PgPool& pool,
                                      std::span<const storage::Migration> migrations,
                                      std::function<void()> then) {
  schemas_.push_back(std::make_unique<SchemaKeeper>(pool, migrations, std::move(then)));
  schemas_.back()->TryNow(kMigrateNowFor, stop_);
  dependencies_.Add("schema",
                    [schema = schemas_.back().get()](Deadline) { return schema->state(); });
}

rpc::Channel RuntimeImpl::Connect(std::string_view service, const rpc::PeerOptions& options) {
  rpc::Channel channel(std::string(service), options,
                       {.directory = *directory_,
                        .clock = clock(),
                        .random = random_,
                        .metrics = metrics_,
                        .tls = tls_,
                        .own_zone = options_.common.zone,
                        .faults = faults_.get()});
  neighbours_.push_back(channel.Control());
  return channel;
}

void RuntimeImpl::ServeTable(const rpc::ServiceTable& table) { rpc_server_->Register(table); }

void RuntimeImpl::ServeHttp(const HttpConfig& config, http::Router router) {
  http::ServerOptions options;
  if (!http_servers_.empty()) options.name += std::to_string(http_servers_.size() + 1);
  options.bind_address = config.bind_address;
  options.port = config.port;
  options.io_threads = config.io_threads;
  options.max_body_bytes = config.max_body_bytes;
  options.max_connection_age = config.max_connection_age;
  http_servers_.push_back(std::make_unique<http::Server>(options, std::move(router), metrics_));
}

void RuntimeImpl::Follow(rpc::Channel& from, replica::ReplicaBase& replica) {
  const absl::Status loaded = replica.LoadFromDisk();
  Log(loaded.ok() || absl::IsNotFound(loaded) ? telemetry::Info : telemetry::Warning,
      loaded.ok() ? "replica loaded from disk" : "replica starts empty",
      {{"model", replica.name()}, {"state", ToString(loaded)}});
  followers_.push_back(std::make_unique<Follower>(from, replica, clock(), random_));
}

void RuntimeImpl::Repeat(std::string_view job, std::chrono::milliseconds interval,
                         std::function<absl::Status(Deadline)> body) {
  jobs_.Repeat(job, interval, std::move(body));
}

void RuntimeImpl::RepeatOnOneInstance(std::string_view job, const storage::PgOptions& lock,
                                      std::chrono::milliseconds interval,
                                      std::function<absl::Status(Deadline)> body,
                                      std::function<void()> given_up) {
  jobs_.RepeatOnOneInstance(job, lock, interval, std::move(body), std::move(given_up));
}

void RuntimeImpl::ReportDependency(std::string_view name,
                                   std::function<absl::Status(Deadline)> ping) {
  dependencies_.Add(name, std::move(ping));
}

void RuntimeImpl::ReadyWhen(std::string_view what, std::function<bool()> ready) {
  ready_conditions_.push_back({std::string(what), std::move(ready)});
}

bool RuntimeImpl::WaitUntilServing(Deadline deadline) {
  return serving_.WaitFor(deadline.Remaining()) && open_;
}

absl::Status RuntimeImpl::RunUntilStopped() {
  absl::Status status;
  if (!stop_.stopped()) status = Open();
  open_ = status.ok();
  serving_.Stop();
  if (status.ok()) {
    stop_.Wait();
    Drain();
  }
  Close();
  Log(telemetry::Info, "stopped");
  return status;
}

absl::Status RuntimeImpl::Open() {
  for (auto& follower : followers_) follower->Start();
  for (auto& schema : schemas_) schema->Start();
  dependencies_.Start();
  jobs_.Start();
  HOLDFAST_RETURN_IF_ERROR(OpenPorts());
  Register();
  Log(telemetry::Info, "serving",
      {{"zone", options_.common.zone},
       {"grpc_port", grpc_port()},
       {"http_port", http_port()},
       {"admin_port", admin_port()},
       {"version", HOLDFAST_VERSION}});
  return absl::OkStatus();
}

absl::Status RuntimeImpl::OpenPorts() {
  if (!publications_.empty()) {
    rpc::ServiceTable table{std::string(PublicationService::kServiceName)};
    publications_.Register(table);
    rpc_server_->Register(table);
  }
  HOLDFAST_RETURN_IF_ERROR(Annotate(rpc_server_->Start(), "gRPC port"));
  grpc_port_ = rpc_server_->port();
  for (auto& server : http_servers_) {
    HOLDFAST_RETURN_IF_ERROR(Annotate(server->Start(), "HTTP port"));
    if (server == http_servers_.front()) http_port_ = server->port();
  }
  return OpenAdminPort();
}

absl::Status RuntimeImpl::OpenAdminPort() {
  AddAdminPages(admin_router_, {.metrics = metrics_,
                                .before_scrape = [this] { UpdateMetrics(); },
                                .draining = [this] { return draining_.load(); },
                                .ready_conditions = ready_conditions_,
                                .config = [this] { return options_.config_dump; },
                                .dependencies = [this] { return DescribeDependencies(); }});
  AddNeighbourPages(admin_router_, neighbours_, *faults_);
  http::ServerOptions options;
  options.name = "admin";
  options.sheds = false;
  options.bind_address = options_.common.bind_address;
  options.port = options_.common.admin_port;
  admin_server_ = std::make_unique<http::Server>(options, std::move(admin_router_), metrics_);
  HOLDFAST_RETURN_IF_ERROR(Annotate(admin_server_->Start(), "admin port"));
  admin_port_ = admin_server_->port();
  return absl::OkStatus();
}

void RuntimeImpl::Register() {
  registration_ = directory_->Register(options_.service,
                                       {.id = options_.common.instance_id,
                                        .address = AdvertisedAddress(options_.common, grpc_port()),
                                        .zone = options_.common.zone,
                                        .version = HOLDFAST_VERSION});
}

// Readiness goes first, and discovery says that this instance takes nothing new; then everything
// goes on for a while so that callers take notice, and only then does the door close. Callers keep
// their connections until the last call is answered, so the registration ends with the last one.
void RuntimeImpl::Drain() {
  draining_ = true;
  if (options_.handle_signals) EndProcessWhenDrainHangs();
  directory_->Drain();
  const Duration announce = options_.common.drain_announce;
  const Deadline deadline = Deadline::After(announce + options_.common.drain_timeout);
  std::thread grpc = StartThread("drain-grpc", [&] { rpc_server_->Drain(announce, deadline); });
  absl::SleepFor(absl::FromChrono(announce));
  publications_.Stop();
  for (auto& server : http_servers_) server->Drain(deadline);
  grpc.join();
  registration_.reset();
}

// A job that waits for a dead neighbour must not keep a stopped program alive: what it does is safe
// against being cut off, as it would be by a crash.
void RuntimeImpl::EndProcessWhenDrainHangs() {
  const Duration limit =
      options_.common.drain_announce + options_.common.drain_timeout + kHangMargin;
  std::thread([limit] {
    absl::SleepFor(absl::FromChrono(limit));
    Log(telemetry::Warning, "a job did not end in time: ending without it");
    std::_Exit(0);
  }).detach();
}

void RuntimeImpl::Close() {
  registration_.reset();
  for (auto& follower : followers_) follower->Stop();
  jobs_.Stop();
  dependencies_.Stop();
  for (auto& schema : schemas_) schema->Stop();
  publications_.Stop();
  workers_->AwaitIdle();
  // First: a scrape asks the others.
  if (admin_server_ != nullptr) admin_server_->Drain(Deadline::After(kAdminDrain));
  admin_server_.reset();
  rpc_server_.reset();
  http_servers_.clear();
}

void RuntimeImpl::UpdateMetrics() {
  dependencies_.UpdateMetrics();
  rpc_server_->UpdateMetrics();
  for (const auto& server : http_servers_) server->UpdateMetrics();
  work_metrics_->Update(*workers_);
  for (const auto& follower : followers_) {
    const replica::ReplicaBase& replica = follower->replica();
    replica_age_.With({replica.name()}).Set(static_cast<double>(replica.age().count()));
    replica_revision_.With({replica.name()}).Set(static_cast<double>(replica.revision()));
    replica_connected_.With({replica.name()}).Set(follower->connected() ? 1 : 0);
  }
}

std::string RuntimeImpl::DescribeDependencies() const {
  std::string page = "Dependencies\n\n" + dependencies_.Describe();
  page += "\nReplicas (read models of other services)\n\n";
  for (const auto& follower : followers_) {
    const replica::ReplicaBase& replica = follower->replica();
    page += fmt::format("{:<24} from {}: revision {}, {} s old, {}\n", replica.name(),
                        follower->producer(), replica.revision(), replica.age().count(),
                        !replica.loaded()       ? "EMPTY"
                        : follower->connected() ? "following"
                                                : "producer away, last copy serves");
  }
  if (followers_.empty()) page += "none\n";
  page += "\nPublications (read models for other services)\n\n" + publications_.Describe();
  return page + "\nDiscovery\n\n" + directory_->Describe() + "\n";
}

absl::StatusOr<std::unique_ptr<RunningRuntime>> MakeRuntime(const RuntimeOptions& options) {
  return RuntimeImpl::Make(options);
}

}  // namespace holdfast::app

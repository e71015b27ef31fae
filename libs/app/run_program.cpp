// What Main does around a service: knobs, exit codes, the runtime.

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "libs/app/app.h"
#include "libs/base/status.h"
#include "libs/telemetry/log.h"

#ifndef HOLDFAST_VERSION
#define HOLDFAST_VERSION "unknown"
#endif

namespace holdfast::app {
namespace {

using namespace std::chrono_literals;

constexpr int kExitRunFailed = 1;
constexpr int kExitBadKnob = 2;

void Print(std::FILE* out, const std::string& text) { std::fputs(text.c_str(), out); }

bool Contains(const std::vector<std::string>& arguments, std::string_view flag) {
  return std::find(arguments.begin(), arguments.end(), flag) != arguments.end();
}

int Refuse(std::string_view service, const absl::Status& status) {
  Print(stderr, fmt::format("holdfast-{}: {}\nholdfast-{} --help shows all settings.\n", service,
                            View(status.message()), service));
  return kExitBadKnob;
}

}  // namespace

void AdmissionConfig::Describe(config::Knobs& k) {
  k.Int("min_concurrency", min_concurrency, {.min = 1, .max = 256},
        "The adaptive concurrency limit never goes below; its ceiling is worker_threads.");
  k.Int("max_waiting", max_waiting, {.min = 0, .max = 100'000},
        "Calls in line for a worker thread; beyond, the least critical and oldest is refused.");
  k.Duration("max_wait", max_wait, {.min = 1ms, .max = 60s},
             "No call waits longer for a worker thread; it is refused then.");
  k.Duration("overload_after", overload_after, {.min = 1ms, .max = 60s},
             "A line that was never empty for so long is overload: the newest go first.");
  k.Duration(
      "overload_wait", overload_wait, {.min = 1ms, .max = 60s},
      "In overload an interactive call waits no longer, a background one half as long, bulk a "
      "quarter.");
}

void CommonConfig::Describe(config::Knobs& k) {
  k.Text("instance_id", instance_id,
         "Name of this instance, unique within the service. Empty: service and zone.");
  k.Text("zone", zone, "Failure zone of this instance: a rack, a room, a site.");
  k.Text("bind_address", bind_address, "Address that the gRPC and admin ports listen on.");
  k.Text("advertise_address", advertise_address,
         "Address that others are told to reach us at. Empty: bind_address.");
  k.Port("grpc_port", grpc_port, "Where the other services reach us; 0: any free port.");
  k.Port("admin_port", admin_port,
         "Metrics, health and operator pages; 0: any free port. Keep it off public networks.");
  k.Text("data_dir", data_dir,
         "Folder for replicas, spools and last good sets; made if missing. Must be set.");
  k.Text("discovery", discovery,
         "How instances are found: static:service=host:port@zone,...;..., file:/path.json, "
         "dns:{service}.domain:port, dns:_grpc._tcp.{service}.domain (SRV records), "
         "etcd:https://host:port,...?ca=/path or kubernetes: (docs/discovery.md). Empty: nobody is "
         "found.");
  k.Text("tls_dir", tls_dir,
         "Folder with ca.pem, <service>.pem and <service>.key. Empty: plain text.");
  k.Choice("log_level", log_level, {"debug", "info", "warning", "error"},
           "Least important lines that are logged.");
  k.Int(
      "worker_threads", worker_threads, {.min = 1, .max = 256},
      "Threads for work that may block, for calls of other services and for public requests each.");
  k.Group("grpc_admission", grpc_admission);
  k.Group("work_admission", work_admission);
  k.Duration(
      "max_connection_age", max_connection_age, {.min = 0ms, .max = 24h},
      "An older gRPC connection is asked to leave after its calls, so that load spreads over "
      "new instances; jittered. For callers of your own behind a balancer: services of Holdfast "
      "spread each call without it. 0: never.");
  k.Bool("fault_injection", fault_injection,
         "Allows faults to be made on purpose through the admin port. Not for production.");
  k.Real("fault_max_percent", fault_max_percent, {.min = 1, .max = 100},
         "No more than this share of the tries to a neighbour is ever struck by them.");
  k.Duration("drain_announce", drain_announce, {.min = 0ms, .max = 5min},
             "After SIGTERM: how long to go on serving while callers take notice.");
  k.Duration("drain_timeout", drain_timeout, {.min = 0ms, .max = 10min},
             "After that: how long calls under way may take to finish.");
}

void HttpConfig::Describe(config::Knobs& k) {
  k.Text("bind_address", bind_address, "Address that the public HTTP port listens on.");
  k.Port("port", port, "Public HTTP port; 0: any free port.");
  k.Int("io_threads", io_threads, {.min = 1, .max = 64}, "Threads that serve the public port.");
  k.Int("max_body_bytes", max_body_bytes, {.min = 1024, .max = 1 << 30},
        "Larger request bodies are refused.");
  k.Duration("max_connection_age", max_connection_age, {.min = 0ms, .max = 24h},
             "An older connection is closed after its next answer, so that load spreads over new "
             "instances; jittered. 0: never.");
}

int MainWith(int argc, char** argv, std::string_view service,
             const std::function<void(config::Knobs&)>& describe,
             const std::function<absl::Status(Runtime&)>& run) {
  // Debian builds Abseil with its search for lock cycles on; tests keep it, programs pay for it at
  // every lock.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  std::vector<std::string> environment;
  for (char** line = environ; line != nullptr && *line != nullptr; ++line) {
    environment.emplace_back(*line);
  }

  RuntimeOptions options;
  options.service = std::string(service);
  config::Knobs knobs(service);
  options.common.Describe(knobs);
  describe(knobs);

  if (Contains(arguments, "--print-config-markdown")) {
    Print(stdout, knobs.Markdown());
    return 0;
  }
  if (Contains(arguments, "--version")) {
    Print(stdout, fmt::format("holdfast-{} {}\n", service, HOLDFAST_VERSION));
    return 0;
  }
  if (const absl::Status parsed = knobs.Parse(arguments, environment); !parsed.ok()) {
    return Refuse(service, parsed);
  }
  if (knobs.help_wanted()) {
    Print(stdout, fmt::format("holdfast-{} {}\n\n{}", service, HOLDFAST_VERSION, knobs.Help()));
    return 0;
  }

  options.config_dump = knobs.Dump();
  absl::StatusOr<std::unique_ptr<RunningRuntime>> runtime = MakeRuntime(options);
  if (!runtime.ok()) return Refuse(service, runtime.status());
  const absl::Status status = run(**runtime);
  if (status.ok()) return 0;
  Log(telemetry::Error, "ended with an error", {{"error", ToString(status)}});
  return kExitRunFailed;
}

}  // namespace holdfast::app

#include "tests/e2e/platform.h"

#include <gtest/gtest.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "libs/base/deadline.h"
#include "libs/base/status.h"
#include "libs/http/client.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kServices[] = {"billing",     "middleware", "epg",
                                          "cdn_routing", "drm",        "analytics"};

std::string LocalCommand(std::string_view name) {
  return std::string(HOLDFAST_SOURCE_DIR "/deploy/local/") + std::string(name);
}

StringMap<std::string> ReadEndpoints(const std::string& file) {
  StringMap<std::string> endpoints;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    const std::size_t equals = line.find('=');
    if (equals != std::string::npos) endpoints[line.substr(0, equals)] = line.substr(equals + 1);
  }
  return endpoints;
}

std::string EndpointName(std::string_view service, std::string_view zone, std::string_view what) {
  std::string name = fmt::format("HOLDFAST_{}_{}_{}", service, zone, what);
  for (char& c : name) c = static_cast<char>(toupper(c));
  return name;
}

// What an instance says it lacks, a line each; "" if nothing.
std::string Complaints(const std::string& instance, const std::string& admin) {
  const auto ready = http::Fetch({.url = admin + "/readyz"}, Deadline::After(2s));
  if (!ready.ok()) return fmt::format("{}: {}\n", instance, ToString(ready.status()));
  if (ready->status != 200) return fmt::format("{} is not ready: {}\n", instance, ready->body);

  const auto metrics = http::Fetch({.url = admin + "/metrics"}, Deadline::After(2s));
  if (!metrics.ok()) return fmt::format("{}: {}\n", instance, ToString(metrics.status()));
  std::string complaints;
  std::istringstream lines(metrics->body);
  for (std::string line; std::getline(lines, line);) {
    const bool matters = line.starts_with("holdfast_dependency_up{") ||
                         line.starts_with("holdfast_replica_connected{");
    if (matters && line.ends_with(" 0")) complaints += instance + ": " + line + "\n";
  }
  return complaints;
}

// "billing" means "billing-a" and "billing-b".
bool IsOneOf(const std::string& name, const Parts& parts) {
  return std::ranges::any_of(
      parts, [&](const std::string& part) { return name == part || name.starts_with(part + "-"); });
}

// Where a platform with gates looks for its stores and services.
constexpr char kAtGates[] = "127.0.0.2";

bool was_started = false;

class NobodyDiedUnnoticed : public testing::Environment {
 public:
  void TearDown() override {
    if (was_started) {
      EXPECT_EQ(Platform::Shared().Casualties(), "");
    }
  }
};
[[maybe_unused]] const auto* const kEnvironment =
    testing::AddGlobalTestEnvironment(new NobodyDiedUnnoticed);

}  // namespace

absl::StatusOr<std::string> RunCommand(const std::string& command) {
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return Internal("{}: cannot be started", command);
  std::string output;
  char buffer[4096];
  while (const std::size_t n = fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, n);
  const int status = pclose(pipe);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return output;
  return Internal("{}: exit status {}\n{}", command, WEXITSTATUS(status), output);
}

Platform& Platform::Shared() { return TheOne(/*gates=*/false); }
Platform& Platform::SharedWithGates() { return TheOne(/*gates=*/true); }

Platform& Platform::TheOne(bool gates) {
  static const std::unique_ptr<Platform> platform = [gates] {
    absl::StatusOr<std::unique_ptr<Platform>> started = Start(gates);
    if (!started.ok()) {
      fprintf(stderr, "no platform to test: %s\n", ToString(started.status()).c_str());
      std::exit(1);
    }
    was_started = true;
    return *std::move(started);
  }();
  return *platform;
}

absl::StatusOr<std::unique_ptr<Platform>> Platform::Start(bool gates) {
  auto folder = std::make_unique<TempDir>();
  // PostgreSQL runs as a user of its own and has to enter.
  std::filesystem::permissions(folder->path(), std::filesystem::perms(0755));
  const std::string file = folder->File("endpoints.env");
  const std::string up = fmt::format("{} --bin-dir {} --no-install --no-box --run-dir {}",
                                     LocalCommand("up"), HOLDFAST_BIN_DIR, folder->path());
  const std::string path = folder->path();
  std::unique_ptr<Platform> platform(new Platform({}, std::move(folder)));
  const std::string first = gates ? " --only infrastructure" : "";
  HOLDFAST_ASSIGN_OR_RETURN(std::string output,
                            RunCommand(fmt::format("{} --down-after {}{}", up, getpid(), first)));
  platform->endpoints_ = ReadEndpoints(file);  // all ports are chosen with the first part
  if (gates) {
    HOLDFAST_RETURN_IF_ERROR(platform->PutGates());
    HOLDFAST_ASSIGN_OR_RETURN(output,
                              RunCommand(fmt::format("{} --reach-through {}", up, kAtGates)));
  }
  if (platform->endpoints_.empty()) return Internal("no endpoints.env in {}\n{}", path, output);
  return platform;
}

absl::Status Platform::PutGates() {
  StringMap<std::string> parts;  // what is to get a gate, and its address
  parts["postgres"] = Endpoint("POSTGRES_ADDRESS");
  parts["redis"] = Endpoint("REDIS_ADDRESS");
  parts["etcd"] = Endpoint("ETCD_URL");
  for (const std::string_view service : kServices) {
    for (const std::string_view zone : {"a", "b"}) {
      parts[fmt::format("{}-{}", service, zone)] = Endpoint(EndpointName(service, zone, "GRPC"));
    }
  }
  for (const auto& [part, address] : parts) {
    const int port = std::atoi(address.c_str() + address.rfind(':') + 1);
    if (port <= 0) return Internal("{} has no port: {}", part, address);
    gates_[part] = std::make_unique<TcpGate>(port, kAtGates, port);
  }
  return absl::OkStatus();
}

Platform::Platform(StringMap<std::string> endpoints, std::unique_ptr<TempDir> folder)
    : folder_(std::move(folder)), endpoints_(std::move(endpoints)) {}

Platform::~Platform() {
  extra_.reset();
  const char* keep = std::getenv("HOLDFAST_TEST_KEEP");
  if (keep != nullptr)
    RunCommand(fmt::format("cp -r {}/logs {}", folder_->path(), keep)).IgnoreError();
  RunCommand(fmt::format("{} --run-dir {} --purge", LocalCommand("down"), folder_->path()))
      .IgnoreError();
}

const std::string& Platform::Endpoint(std::string_view name) const {
  static const std::string kNone;
  const std::string* value = Find(endpoints_, name);
  return value == nullptr ? kNone : *value;
}

absl::Status Platform::Kill(const Parts& parts) { return Aim("kill", parts); }
absl::Status Platform::Hang(const Parts& parts) { return Aim("hang", parts); }
absl::Status Platform::Resume(const Parts& parts) { return Aim("resume", parts); }
absl::Status Platform::Restart(const Parts& parts) { return Aim("restart", parts); }

absl::Status Platform::Aim(std::string_view command, const Parts& parts) {
  std::string line = fmt::format("{} --run-dir {}", LocalCommand(command), folder_->path());
  for (const std::string& part : parts) line += " " + part;
  return RunCommand(line).status();
}

void Platform::Slow(const Parts& parts, std::chrono::milliseconds each_way) {
  for (const auto& [name, gate] : gates_) {
    if (IsOneOf(name, parts)) gate->Delay(each_way);
  }
}

std::string Platform::UnusedGates(const Parts& parts) const {
  std::string unused;
  for (const auto& [name, gate] : gates_) {
    if (IsOneOf(name, parts) && gate->connections_seen() == 0) unused += name + "\n";
  }
  return unused;
}

absl::StatusOr<std::string> Platform::StartExtra(const std::string& service) {
  using Json = nlohmann::json;
  std::ifstream in(folder_->File("parts/" + service + "-a.json"));
  const Json recipe = Json::parse(in, nullptr, /*allow_exceptions=*/false);
  if (recipe.is_discarded()) return NotFound("{} has no recipe", service);
  const Json& part = recipe["part"];
  std::string prefix = "HOLDFAST_" + service + "_";
  for (char& c : prefix) c = static_cast<char>(toupper(c));
  const std::string name = service + "-c";
  const std::uint16_t admin = FreePort();
  StringMap<std::string> settings;
  for (const auto& [key, value] : part["env"].items()) settings[key] = value.get<std::string>();
  settings[prefix + "INSTANCE_ID"] = name;
  settings[prefix + "DATA_DIR"] = folder_->File(name);
  settings[prefix + "ADMIN_PORT"] = std::to_string(admin);
  for (const char* port : {"GRPC_PORT", "HTTP_PORT", "OPERATORS_HTTP_PORT"}) {
    if (settings.contains(prefix + port)) settings[prefix + port] = std::to_string(FreePort());
  }
  std::vector<std::string> environment;
  for (const auto& [key, value] : settings) environment.push_back(key + "=" + value);
  HOLDFAST_ASSIGN_OR_RETURN(Process started,
                            Process::Start({.command = {part["argv"][0].get<std::string>()},
                                            .environment = std::move(environment),
                                            .log_file = folder_->File("logs/" + name + ".log"),
                                            .run_as = {}}));
  extra_ = std::make_unique<Process>(std::move(started));
  return fmt::format("http://127.0.0.1:{}", admin);
}

int Platform::EndExtra() {
  const int code = extra_ == nullptr ? 0 : extra_->Terminate();
  extra_.reset();
  return code;
}

int Platform::Pid(std::string_view part) const {
  std::ifstream in(folder_->File("pids/" + std::string(part)));
  int pid = 0;
  in >> pid;
  return pid;
}

absl::StatusOr<double> Platform::Metric(std::string_view instance, std::string_view name) const {
  const std::size_t dash = instance.rfind('-');
  const std::string& admin =
      Endpoint(EndpointName(instance.substr(0, dash), instance.substr(dash + 1), "ADMIN"));
  HOLDFAST_ASSIGN_OR_RETURN(const http::ClientResponse page,
                            http::Fetch({.url = admin + "/metrics"}, Deadline::After(2s)));
  double sum = 0;
  bool found = false;
  std::istringstream lines(page.body);
  for (std::string line; std::getline(lines, line);) {
    const bool is_it = line.starts_with(name) && line.size() > name.size() &&
                       (line[name.size()] == '{' || line[name.size()] == ' ');
    if (!is_it) continue;
    found = true;
    sum += std::strtod(line.c_str() + line.rfind(' '), nullptr);
  }
  if (!found) return NotFound("{} has no metric {}", instance, name);
  return sum;
}

bool Platform::Whole() const { return WhatIsMissing().empty(); }

std::string Platform::Casualties() const {
  const absl::StatusOr<std::string> found = RunCommand(
      fmt::format("{} --run-dir {} | grep 'not running'; "
                  "grep -E -A20 'Sanitizer: |runtime error: ' {}/logs/*.log | head -60; true",
                  LocalCommand("status"), folder_->path(), folder_->path()));
  return found.ok() ? *found : ToString(found.status());
}

std::string Platform::WhatIsMissing() const {
  std::string missing;
  for (const std::string_view service : kServices) {
    for (const std::string_view zone : {"a", "b"}) {
      missing += Complaints(fmt::format("{}-{}", service, zone),
                            Endpoint(EndpointName(service, zone, "ADMIN")));
    }
  }
  return missing;
}

}  // namespace holdfast::test

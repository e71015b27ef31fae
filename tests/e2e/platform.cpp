#include "tests/e2e/platform.h"

#include <gtest/gtest.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
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

std::string AdminName(std::string_view service, std::string_view zone) {
  std::string name = fmt::format("HOLDFAST_{}_{}_ADMIN", service, zone);
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

Platform& Platform::Shared() {
  static const std::unique_ptr<Platform> platform = [] {
    absl::StatusOr<std::unique_ptr<Platform>> started = Start();
    if (!started.ok()) {
      fprintf(stderr, "no platform to test: %s\n", ToString(started.status()).c_str());
      std::exit(1);
    }
    was_started = true;
    return *std::move(started);
  }();
  return *platform;
}

absl::StatusOr<std::unique_ptr<Platform>> Platform::Start() {
  auto folder = std::make_unique<TempDir>();
  // PostgreSQL runs as a user of its own and has to enter.
  std::filesystem::permissions(folder->path(), std::filesystem::perms(0755));
  HOLDFAST_ASSIGN_OR_RETURN(
      const std::string output,
      RunCommand(fmt::format("{} --bin-dir {} --no-install --no-box --run-dir {} --down-after {}",
                             LocalCommand("up"), HOLDFAST_BIN_DIR, folder->path(), getpid())));
  StringMap<std::string> endpoints = ReadEndpoints(folder->File("endpoints.env"));
  if (endpoints.empty()) return Internal("no endpoints.env in {}\n{}", folder->path(), output);
  return std::unique_ptr<Platform>(new Platform(std::move(endpoints), std::move(folder)));
}

Platform::Platform(StringMap<std::string> endpoints, std::unique_ptr<TempDir> folder)
    : folder_(std::move(folder)), endpoints_(std::move(endpoints)) {}

Platform::~Platform() {
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

int Platform::Pid(std::string_view part) const {
  std::ifstream in(folder_->File("pids/" + std::string(part)));
  int pid = 0;
  in >> pid;
  return pid;
}

absl::StatusOr<double> Platform::Metric(std::string_view instance, std::string_view name) const {
  const std::size_t dash = instance.rfind('-');
  const std::string& admin =
      Endpoint(AdminName(instance.substr(0, dash), instance.substr(dash + 1)));
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
      missing +=
          Complaints(fmt::format("{}-{}", service, zone), Endpoint(AdminName(service, zone)));
    }
  }
  return missing;
}

}  // namespace holdfast::test

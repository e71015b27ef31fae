#include "libs/app/dependencies.h"

#include "libs/base/status.h"
#include "libs/telemetry/log.h"

namespace holdfast::app {
namespace {

using namespace std::chrono_literals;

constexpr auto kPingInterval = 2s;
constexpr auto kPingTimeout = 500ms;
constexpr auto kAnswerIsOld = 6s;  // a ping that does not keep its deadline counts as down

}  // namespace

Dependencies::Dependencies(const Clock& clock, telemetry::Metrics& metrics)
    : clock_(clock),
      up_(metrics.GaugeFamily("holdfast_dependency_up",
                              "1 if the last ping of a dependency was answered in time.",
                              {"dependency"})) {}

Dependencies::~Dependencies() { Stop(); }

void Dependencies::Add(std::string_view name, Ping ping) {
  auto dependency = std::make_unique<Dependency>();
  dependency->name = std::string(name);
  dependency->ping = std::move(ping);
  absl::MutexLock lock(&dependency->mutex);
  dependency->answered_at = clock_.SteadyNow();
  dependencies_.push_back(std::move(dependency));
}

void Dependencies::Start() {
  for (const std::unique_ptr<Dependency>& dependency : dependencies_) {
    threads_.push_back(
        StartThread("ping-" + dependency->name, [this, d = dependency.get()] { Watch(*d); }));
  }
}

void Dependencies::Stop() {
  stop_.Stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Dependencies::Watch(Dependency& dependency) {
  bool was_up = true;
  do {
    const absl::Status status = dependency.ping(Deadline::After(kPingTimeout));
    if (status.ok() != was_up) {
      was_up = status.ok();
      Log(was_up ? telemetry::Info : telemetry::Warning,
          was_up ? "dependency is back" : "dependency is away",
          {{"dependency", dependency.name}, {"state", ToString(status)}});
    }
    absl::MutexLock lock(&dependency.mutex);
    dependency.last = status;
    dependency.answered_at = clock_.SteadyNow();
  } while (!stop_.WaitFor(kPingInterval));
}

absl::Status Dependencies::StateOf(const Dependency& dependency) const {
  absl::MutexLock lock(&dependency.mutex);
  const Duration silent = clock_.SteadyNow() - dependency.answered_at;
  if (silent < kAnswerIsOld) return dependency.last;
  return DeadlineExceeded("no answer for {} s",
                          std::chrono::duration_cast<std::chrono::seconds>(silent).count());
}

std::string Dependencies::Describe() const {
  std::string page;
  for (const std::unique_ptr<Dependency>& dependency : dependencies_) {
    const absl::Status state = StateOf(*dependency);
    page += fmt::format("{:<24} {}\n", dependency->name,
                        state.ok() ? "up" : "DOWN  " + ToString(state));
  }
  return page.empty() ? "none\n" : page;
}

void Dependencies::UpdateMetrics() const {
  for (const std::unique_ptr<Dependency>& dependency : dependencies_) {
    up_.With({dependency->name}).Set(StateOf(*dependency).ok() ? 1 : 0);
  }
}

}  // namespace holdfast::app

// Whether what we use can be reached, asked from threads of their own: a store that hangs makes its
// line on the page say so; it never hangs the page.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "libs/app/threads.h"
#include "libs/base/deadline.h"
#include "libs/telemetry/metrics.h"

namespace holdfast::app {

// Add, Start and Stop from one thread; the rest from any.
class Dependencies {
 public:
  using Ping = std::function<absl::Status(Deadline)>;

  Dependencies(const Clock& clock, telemetry::Metrics& metrics);
  ~Dependencies();  // Stop()

  void Add(std::string_view name, Ping ping);
  void Start();
  void Stop();

  // "postgres  up" or "postgres  DOWN  UNAVAILABLE: connection refused", a line each.
  std::string Describe() const;
  void UpdateMetrics() const;  // before a scrape

 private:
  struct Dependency {
    std::string name;
    Ping ping;
    mutable absl::Mutex mutex;
    absl::Status last ABSL_GUARDED_BY(mutex) = absl::UnavailableError("not asked yet");
    SteadyTime answered_at ABSL_GUARDED_BY(mutex);
  };

  void Watch(Dependency& dependency);
  absl::Status StateOf(const Dependency& dependency) const;

  const Clock& clock_;
  telemetry::GaugeFamily up_;
  StopSignal stop_;
  std::vector<std::unique_ptr<Dependency>> dependencies_;
  std::vector<std::thread> threads_;
};

}  // namespace holdfast::app

// Work that happens without being asked: a thread per job, started and stopped together.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "libs/app/threads.h"
#include "libs/base/deadline.h"
#include "libs/base/random.h"
#include "libs/storage/pg_lock.h"
#include "libs/telemetry/metrics.h"

namespace holdfast::app {

// Add, then Start, then Stop, all from one thread. Bodies run on their own threads.
class Jobs {
 public:
  using Body = std::function<absl::Status(Deadline)>;

  Jobs(const Clock& clock, Random& random, telemetry::Metrics& metrics);
  ~Jobs();  // Stop()

  // Every `interval`, jittered by a tenth, first after a moment.
  void Repeat(std::string_view name, std::chrono::milliseconds interval, Body body);
  // The same on the one instance that holds the job's advisory lock; `given_up` when it is lost.
  void RepeatOnOneInstance(std::string_view name, const storage::PgOptions& lock,
                           std::chrono::milliseconds interval, Body body,
                           std::function<void()> given_up);

  void Start();
  // Begins no further run and waits for those under way, which end by their own deadlines.
  void Stop();

 private:
  struct Job {
    std::string name;
    std::chrono::milliseconds interval;
    Body body;
    std::unique_ptr<storage::PgLeader> leader;  // null: runs on every instance
    std::function<void()> given_up;
  };

  void Run(Job& job);
  void RunOnce(Job& job);
  bool MayRun(Job& job);
  Duration Jittered(Duration pause);

  const Clock& clock_;
  Random& random_;
  telemetry::CounterFamily runs_;
  telemetry::CounterFamily failures_;
  telemetry::GaugeFamily last_success_;
  telemetry::GaugeFamily leads_;
  StopSignal stop_;
  std::vector<std::unique_ptr<Job>> jobs_;
  std::vector<std::thread> threads_;
};

}  // namespace holdfast::app

#include "libs/app/jobs.h"

#include <algorithm>
#include <utility>

#include "libs/base/status.h"
#include "libs/telemetry/log.h"

namespace holdfast::app {
namespace {

using namespace std::chrono_literals;

constexpr auto kFirstRunWithin = 100ms;
constexpr auto kShortestDeadline = 30s;
constexpr auto kLeaderCheckInterval = 1s;  // how fast another instance takes over
constexpr auto kLeaderCheckTimeout = 2s;

}  // namespace

Jobs::Jobs(const Clock& clock, Random& random, telemetry::Metrics& metrics)
    : clock_(clock),
      random_(random),
      runs_(metrics.CounterFamily("holdfast_job_runs_total", "Runs of a background job.", {"job"})),
      failures_(metrics.CounterFamily("holdfast_job_failures_total",
                                      "Runs of a background job that ended with an error.",
                                      {"job"})),
      last_success_(metrics.GaugeFamily("holdfast_job_last_success_timestamp_seconds",
                                        "When a background job last ended well.", {"job"})),
      leads_(metrics.GaugeFamily("holdfast_job_leader",
                                 "1 on the instance that runs a job for all.", {"job"})) {}

Jobs::~Jobs() { Stop(); }

void Jobs::Repeat(std::string_view name, std::chrono::milliseconds interval, Body body) {
  jobs_.push_back(
      std::make_unique<Job>(Job{std::string(name), interval, std::move(body), nullptr, nullptr}));
  failures_.With({name});  // seen as 0 before the first failure
}

void Jobs::RepeatOnOneInstance(std::string_view name, const storage::PgOptions& lock,
                               std::chrono::milliseconds interval, Body body,
                               std::function<void()> given_up) {
  Repeat(name, interval, std::move(body));
  jobs_.back()->leader = std::make_unique<storage::PgLeader>(lock, name);
  jobs_.back()->given_up = std::move(given_up);
}

void Jobs::Start() {
  for (const std::unique_ptr<Job>& job : jobs_) {
    threads_.push_back(StartThread("job-" + job->name, [this, j = job.get()] { Run(*j); }));
  }
}

void Jobs::Stop() {
  stop_.Stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

Duration Jobs::Jittered(Duration pause) {
  return std::chrono::duration_cast<Duration>(pause * (0.9 + 0.2 * random_.Uniform()));
}

void Jobs::Run(Job& job) {
  if (stop_.WaitFor(Jittered(std::min<Duration>(kFirstRunWithin, job.interval)))) return;
  SteadyTime due = clock_.SteadyNow();
  do {
    // A stand-by looks for the lock more often than the job runs, so that it takes over soon.
    if (!MayRun(job)) continue;
    if (clock_.SteadyNow() < due) continue;
    RunOnce(job);
    due = clock_.SteadyNow() + Jittered(job.interval);
  } while (!stop_.WaitFor(job.leader == nullptr
                              ? std::max<Duration>(due - clock_.SteadyNow(), 0ms)
                              : Jittered(std::min<Duration>(job.interval, kLeaderCheckInterval))));
}

bool Jobs::MayRun(Job& job) {
  if (job.leader == nullptr) return true;
  const bool leads = job.leader->IsLeader(Deadline::After(kLeaderCheckTimeout));
  const telemetry::Gauge gauge = leads_.With({job.name});
  if (leads != (gauge.value() != 0)) {
    Log(telemetry::Info, leads ? "job taken over" : "job given up", {{"job", job.name}});
    if (!leads) job.given_up();
  }
  gauge.Set(leads ? 1 : 0);
  return leads;
}

void Jobs::RunOnce(Job& job) {
  const absl::Status status =
      job.body(Deadline::After(std::max<Duration>(job.interval, kShortestDeadline)));
  runs_.With({job.name}).Add();
  if (status.ok()) {
    last_success_.With({job.name}).Set(static_cast<double>(EpochSeconds(clock_.Now())));
    return;
  }
  failures_.With({job.name}).Add();
  if (telemetry::ShouldLog("job " + job.name)) {
    Log(telemetry::Warning, "job failed", {{"job", job.name}, {"error", ToString(status)}});
  }
}

}  // namespace holdfast::app

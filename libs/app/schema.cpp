#include "libs/app/schema.h"

#include <chrono>
#include <utility>

#include "libs/base/status.h"
#include "libs/telemetry/log.h"

namespace holdfast::app {
namespace {

using namespace std::chrono_literals;

constexpr auto kFirstPause = 200ms;
constexpr auto kPause = 1s;
constexpr auto kAttemptTimeout = 60s;  // an index over a large table takes its time

}  // namespace

SchemaKeeper::SchemaKeeper(storage::PgPool& pool, std::span<const storage::Migration> migrations,
                           std::function<void()> then)
    : pool_(pool), migrations_(migrations), then_(std::move(then)) {}

SchemaKeeper::~SchemaKeeper() { Stop(); }

void SchemaKeeper::TryNow(Duration patience, const StopSignal& stop) {
  const Deadline deadline = Deadline::After(patience);
  while (!deadline.Passed()) {
    if (TryOnce(deadline)) return;
    // Away altogether: a restart during an outage must not cost the boxes a second more.
    if (absl::IsUnavailable(state())) return;
    if (stop.WaitFor(std::min<Duration>(kFirstPause, deadline.Remaining()))) return;
  }
}

void SchemaKeeper::Start() {
  if (state().ok()) return;
  thread_ = StartThread("schema", [this] {
    while (!TryOnce(Deadline::After(kAttemptTimeout)) && !stop_.WaitFor(kPause)) {
    }
  });
}

void SchemaKeeper::Stop() {
  stop_.Stop();
  if (thread_.joinable()) thread_.join();
}

absl::Status SchemaKeeper::state() const {
  absl::MutexLock lock(&mutex_);
  return state_;
}

bool SchemaKeeper::TryOnce(Deadline deadline) {
  const absl::Status status = storage::Migrate(pool_, migrations_, deadline);
  if (status.ok()) {
    if (then_) then_();
  } else if (telemetry::ShouldLog("schema")) {
    Log(telemetry::Warning, "schema not in place yet", {{"error", ToString(status)}});
  }
  absl::MutexLock lock(&mutex_);
  state_ = status;
  return status.ok();
}

}  // namespace holdfast::app

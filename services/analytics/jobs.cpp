#include "services/analytics/jobs.h"

#include <string>
#include <utility>

#include "libs/base/status.h"
#include "libs/telemetry/log.h"
#include "services/analytics/convert.h"

namespace holdfast::analytics {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kBatch = 1000;  // rows of one statement: where a larger one gains little
constexpr int kReplayedRecords = 8;   // batches of one look into the spool
constexpr auto kRecordTimeout = 3s;   // a hung database must not hold up the way to the disk

// Codes that say "not now" rather than "not these events".
bool MayWorkLater(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsAborted(status) || absl::IsResourceExhausted(status) ||
         absl::IsFailedPrecondition(status) || absl::IsInternal(status);
}

// Ids stay longer than events are accepted, so that a late repetition meets its id.
constexpr auto kIdRetention = kMaxEventAge + std::chrono::hours(24);

}  // namespace

absl::Status Flush::Run(Deadline deadline) {
  absl::Status database;
  while (true) {
    const std::vector<PlaybackEvent> events = buffer_.Take(kBatch);
    metrics_.buffered.Set(static_cast<double>(buffer_.size()));
    if (events.empty()) break;
    // After the first failure the rest goes to disk without trying again this time.
    if (database.ok()) database = Record(deadline.AtMost(kRecordTimeout), events);
    if (!database.ok()) Keep(events);
  }
  if (database.ok()) database = Replay(deadline);
  return database;
}

// OK also for events that the database will never take: those are lost.
absl::Status Flush::Record(Deadline deadline, const std::vector<PlaybackEvent>& events) {
  const absl::StatusOr<int> counted = store_.Record(deadline, events);
  if (counted.ok()) {
    metrics_.counted.Add(*counted);
    return absl::OkStatus();
  }
  if (MayWorkLater(counted.status())) return counted.status();
  telemetry::Log(telemetry::Error, "events refused by the database",
                 {{"events", events.size()}, {"error", ToString(counted.status())}});
  metrics_.lost.Add(static_cast<double>(events.size()));
  return absl::OkStatus();
}

void Flush::Keep(const std::vector<PlaybackEvent>& events) {
  const absl::Status kept = spool_.Append(ToSpoolRecord(events));
  if (kept.ok()) return;
  metrics_.lost.Add(static_cast<double>(events.size()));
  if (telemetry::ShouldLog("analytics spool")) {
    telemetry::Log(telemetry::Error, "events lost", {{"error", ToString(kept)}});
  }
}

absl::Status Flush::Replay(Deadline deadline) {
  while (!deadline.Passed()) {
    HOLDFAST_ASSIGN_OR_RETURN(
        const int delivered,
        spool_.Drain(kReplayedRecords, [&](const std::vector<std::string>& records) {
          return Deliver(deadline, records);
        }));
    // New events must not wait for a long replay.
    if (delivered == 0 || buffer_.size() > 0) break;
  }
  return absl::OkStatus();
}

absl::Status Flush::Deliver(Deadline deadline, const std::vector<std::string>& records) {
  for (const std::string& record : records) {
    const absl::StatusOr<std::vector<PlaybackEvent>> events = FromSpoolRecord(record);
    if (!events.ok()) {
      telemetry::Log(telemetry::Error, "spooled batch skipped",
                     {{"error", ToString(events.status())}});
      metrics_.lost.Add();
      continue;
    }
    HOLDFAST_RETURN_IF_ERROR(Record(deadline.AtMost(kRecordTimeout), *events));
  }
  return absl::OkStatus();
}

absl::Status RenewPopularity::Run(Deadline deadline) {
  const WallTime now = clock_.Now();
  const WallTime since =
      std::chrono::floor<std::chrono::hours>(now - half_life_ * kHalfLivesCounted);
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<HourPlays> plays, store_.PlaysSince(deadline, since));
  HOLDFAST_RETURN_IF_ERROR(list_.Renew(RankByPopularity(plays, now, half_life_)));
  metrics_.ranked_channels.Set(static_cast<double>(list_.Current()->size()));
  return absl::OkStatus();
}

absl::Status RemoveOld::Run(Deadline deadline) {
  const WallTime now = clock_.Now();
  return store_.RemoveBefore(deadline, now - kIdRetention, now - retention_);
}

}  // namespace holdfast::analytics

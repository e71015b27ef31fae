#include "libs/replica/replica.h"

#include <algorithm>

#include "libs/replica/record.h"
#include "libs/replica/snapshot_file.h"

namespace holdfast::replica {
namespace {

using Items = std::vector<std::pair<std::string, SharedBytes>>;

struct DiskCopy {
  std::string epoch;
  std::uint64_t revision = 0;
  WallTime heard_at;
  Items items;
};

std::string Encode(const DiskCopy& copy) {
  RecordWriter out;
  out.Text(copy.epoch);
  out.U64(copy.revision);
  out.I64(EpochMillis(copy.heard_at));
  out.U64(copy.items.size());
  for (const auto& [key, value] : copy.items) {
    out.Text(key);
    out.Text(*value);
  }
  return out.bytes();
}

absl::StatusOr<DiskCopy> Decode(std::string_view bytes) {
  RecordReader in(bytes);
  DiskCopy copy;
  copy.epoch = in.Text();
  copy.revision = in.U64();
  const std::int64_t heard_at_ms = in.I64();
  const std::uint64_t count = in.U64();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    std::string key(in.Text());
    copy.items.emplace_back(std::move(key), MakeShared(std::string(in.Text())));
  }
  // Years in milliseconds stay far from where system_clock's nanoseconds overflow.
  constexpr std::int64_t kLatestMs = 9'000'000'000'000;
  if (!in.Finished() || heard_at_ms < 0 || heard_at_ms > kLatestMs) {
    return DataLoss("the copy on disk is not a replica");
  }
  copy.heard_at = FromEpochMillis(heard_at_ms);
  return copy;
}

constexpr auto kNeverHeard = std::chrono::hours(24 * 365 * 10);

}  // namespace

ReplicaBase::ReplicaBase(const ReplicaOptions& options, const Clock& clock,
                         telemetry::Metrics& metrics)
    : options_(options),
      clock_(clock),
      heard_at_(clock.SteadyNow() - kNeverHeard),
      applied_(metrics
                   .CounterFamily("holdfast_replica_applied_total",
                                  "Updates of a followed model that were applied.", {"model"})
                   .With({options.name})),
      refused_(metrics
                   .CounterFamily("holdfast_replica_refused_total",
                                  "Updates of a followed model that were refused.", {"model"})
                   .With({options.name})) {}

std::string ReplicaBase::epoch() const {
  absl::MutexLock lock(&mutex_);
  return epoch_;
}

std::uint64_t ReplicaBase::revision() const {
  absl::MutexLock lock(&mutex_);
  return revision_;
}

std::chrono::seconds ReplicaBase::age() const {
  absl::MutexLock lock(&mutex_);
  return std::chrono::floor<std::chrono::seconds>(
      std::max<Duration>(clock_.SteadyNow() - heard_at_, Duration::zero()));
}

bool ReplicaBase::loaded() const {
  absl::MutexLock lock(&mutex_);
  return loaded_;
}

absl::Status ReplicaBase::Apply(const Update& update) {
  absl::Status status;
  switch (update.kind) {
    case Update::Kind::kHeartbeat: {
      absl::MutexLock lock(&mutex_);
      if (loaded_ && update.epoch == epoch_ && update.revision == revision_) {
        heard_at_ = clock_.SteadyNow();
      }
      return absl::OkStatus();
    }
    case Update::Kind::kReset:
      OnReset();
      Accept(update);
      break;
    case Update::Kind::kFull:
      status = ApplyFull(update);
      break;
    case Update::Kind::kDelta:
      status = ApplyDelta(update);
      break;
  }
  (status.ok() ? applied_ : refused_).Add();
  return Annotate(status, options_.name);
}

absl::Status ReplicaBase::ApplyFull(const Update& update) {
  for (const auto& [key, value] : update.items) {
    if (value == nullptr) return DataLoss("a full update deletes item {}", key);
  }
  if (ShrinksTooMuch(update.items.size())) {
    return FailedPrecondition("{} items would replace {}: refused for a while", update.items.size(),
                              ItemCount());
  }
  HOLDFAST_RETURN_IF_ERROR(ApplyItems(/*full=*/true, update.items));
  Accept(update);
  return absl::OkStatus();
}

absl::Status ReplicaBase::ApplyDelta(const Update& update) {
  {
    absl::MutexLock lock(&mutex_);
    if (!loaded_ || update.epoch != epoch_) {
      return FailedPrecondition("a delta of epoch {} does not fit what is held", update.epoch);
    }
    if (update.revision <= revision_) return absl::OkStatus();
  }
  HOLDFAST_RETURN_IF_ERROR(ApplyItems(/*full=*/false, update.items));
  Accept(update);
  return absl::OkStatus();
}

bool ReplicaBase::ShrinksTooMuch(std::size_t items) {
  const auto present = static_cast<double>(ItemCount());
  const SteadyTime now = clock_.SteadyNow();
  absl::MutexLock lock(&mutex_);
  if (static_cast<double>(items) >= present * options_.refuse_shrink_below) return false;
  if (!shrink_offered_) {
    shrink_offered_ = true;
    shrink_first_offered_ = now;
  }
  return now - shrink_first_offered_ < options_.shrink_patience;
}

void ReplicaBase::Accept(const Update& update) {
  absl::MutexLock lock(&mutex_);
  epoch_ = update.epoch;
  revision_ = update.revision;
  loaded_ = true;
  heard_at_ = clock_.SteadyNow();
  shrink_offered_ = false;
  dirty_ = true;
}

absl::Status ReplicaBase::LoadFromDisk() {
  if (options_.file.empty()) return NotFound("{} is not kept on disk", options_.name);
  HOLDFAST_ASSIGN_OR_RETURN(const std::string bytes, ReadSnapshot(options_.file));
  absl::StatusOr<DiskCopy> copy = Decode(bytes);
  if (!copy.ok()) return Annotate(copy.status(), options_.file);
  if (const absl::Status applied = ApplyItems(/*full=*/true, copy->items); !applied.ok()) {
    return DataLoss("{}: {}", options_.file, View(applied.message()));
  }
  // A file from the future (the machine's clock was set back) counts as fresh as can be.
  const Duration age = std::max<Duration>(clock_.Now() - copy->heard_at, Duration::zero());
  absl::MutexLock lock(&mutex_);
  epoch_ = copy->epoch;
  revision_ = copy->revision;
  loaded_ = true;
  heard_at_ = clock_.SteadyNow() - age;
  return absl::OkStatus();
}

absl::Status ReplicaBase::SaveToDisk() {
  if (options_.file.empty()) return absl::OkStatus();
  DiskCopy copy;
  {
    absl::MutexLock lock(&mutex_);
    if (!dirty_) return absl::OkStatus();
    copy.epoch = epoch_;
    copy.revision = revision_;
    copy.heard_at = clock_.Now() -
                    std::chrono::duration_cast<WallTime::duration>(clock_.SteadyNow() - heard_at_);
  }
  // Only the feeding thread changes items, and this is that thread: they belong to that revision.
  copy.items = AllItems();
  HOLDFAST_RETURN_IF_ERROR(WriteSnapshot(options_.file, Encode(copy)));
  absl::MutexLock lock(&mutex_);
  dirty_ = false;
  return absl::OkStatus();
}

}  // namespace holdfast::replica

// A store in memory that can be told to fail.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "services/analytics/store.h"

namespace holdfast::analytics {

// Thread-safe. Reports answer what was put into the public fields.
class FakeStore final : public Store {
 public:
  absl::StatusOr<int> Record(Deadline, const std::vector<PlaybackEvent>& events) override {
    absl::MutexLock lock(&mutex_);
    ++tries_;
    int counted = 0;
    for (const PlaybackEvent& event : events) {
      // An answer that is lost on its way back has counted all the same.
      if (failure_.ok() || counts_before_failing_) counted += counted_.insert(event.id).second;
    }
    if (!failure_.ok()) return failure_;
    return counted;
  }
  absl::StatusOr<std::vector<HourPlays>> PlaysSince(Deadline, WallTime since) override {
    if (absl::Status status = failure(); !status.ok()) return status;
    std::vector<HourPlays> found;
    for (const HourPlays& hour : plays) {
      if (hour.hour >= since) found.push_back(hour);
    }
    return found;
  }
  absl::StatusOr<std::vector<CountsRow>> CountByChannel(Deadline, const ReportRange&) override {
    return by_channel;
  }
  absl::StatusOr<std::vector<CountsRow>> CountByEdge(Deadline, const ReportRange&) override {
    return by_edge;
  }
  absl::StatusOr<std::vector<ErrorCount>> CountErrors(Deadline, const ReportRange&) override {
    return errors;
  }
  absl::Status RemoveBefore(Deadline, WallTime, WallTime) override { return failure(); }

  void Fail(absl::Status failure, bool counts_before_failing = false) {
    absl::MutexLock lock(&mutex_);
    failure_ = std::move(failure);
    counts_before_failing_ = counts_before_failing;
  }
  void Recover() { Fail(absl::OkStatus()); }
  std::size_t counted() const {
    absl::MutexLock lock(&mutex_);
    return counted_.size();
  }
  int tries() const {
    absl::MutexLock lock(&mutex_);
    return tries_;
  }

  std::vector<HourPlays> plays;
  std::vector<CountsRow> by_channel, by_edge;
  std::vector<ErrorCount> errors;

 private:
  absl::Status failure() const {
    absl::MutexLock lock(&mutex_);
    return failure_;
  }

  mutable absl::Mutex mutex_;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  bool counts_before_failing_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<EventId> counted_ ABSL_GUARDED_BY(mutex_);
  int tries_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace holdfast::analytics

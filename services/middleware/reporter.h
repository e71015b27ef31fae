// What boxes play, told to analytics: collected in memory, sent in batches by a job, kept on disk
// while analytics is away, counted as lost only when the disk allowance is used up.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "libs/base/clock.h"
#include "libs/storage/disk_spool.h"
#include "libs/telemetry/metrics.h"
#include "services/middleware/peers.h"

namespace holdfast::middleware {

struct PlaybackReport {
  enum class Kind { kPlay, kStop, kHeartbeat, kError, kZap };
  Kind kind = Kind::kZap;
  // The channel as analytics knows it; "catch-up:" and "time-shift:" before it and "film:<id>" are
  // counted apart.
  std::string stream;
  std::string edge_id;
  std::string error;  // a short code, for kError
  std::string model;
  std::string account;
  std::int64_t at_ms = 0;
  // The link that was given or is being played: one play, whoever reports it and however often.
  std::string device;             // the MAC
  std::int64_t link_expires = 0;  // epoch seconds, as the link says; 0: it does not
};

// Report: any thread, never blocks. Deliver: one job thread.
class Reporter {
 public:
  struct Options {
    std::string instance;  // makes event ids unique
    std::size_t max_waiting = 50'000;
    std::size_t batch = 500;
  };

  Reporter(const Options& options, Analytics& analytics, storage::DiskSpool& spool,
           telemetry::Metrics& metrics);

  void Report(PlaybackReport report);

  // Sends what waits; then, while analytics takes it, what was spooled before.
  absl::Status Deliver(Deadline deadline);

 private:
  std::vector<PlaybackReport> TakeBatch();
  std::string Serialize(const std::vector<PlaybackReport>& batch);
  // OK when analytics took it or never will.
  absl::Status Send(const std::string& batch, Deadline deadline);

  const Options options_;
  Analytics& analytics_;
  storage::DiskSpool& spool_;
  telemetry::Counter delivered_, spooled_, lost_;

  absl::Mutex mutex_;
  std::deque<PlaybackReport> waiting_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t next_event_ = 0;  // Deliver's thread only
  std::string boot_;              // differs from run to run
};

}  // namespace holdfast::middleware

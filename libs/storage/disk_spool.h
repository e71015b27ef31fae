// Writes that must not be lost while their destination is away: an append-only queue on local
// disk, replayed in order when the destination returns.
//
//   Append("favourites of 00:1A..")  -> acknowledged when on disk (fsync)
//   ...destination back...
//   Drain(batch, deliver)            -> deliver(records); delivered records are forgotten
//
// Delivery is at least once: a crash between delivery and forgetting delivers again, so records
// carry an idempotency key. Records are framed with length and CRC-32; a torn tail after a crash is
// cut off (it was never acknowledged), a corrupt record in the middle is skipped and counted.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/telemetry/metrics.h"

namespace holdfast::storage {

// Thread-safe. Append may be called from worker threads (it waits for the disk; concurrent
// appends share one fsync). Drain is for one thread.
class DiskSpool {
 public:
  struct Options {
    std::string directory;                   // made if missing; owned by one process
    std::string name;                        // label of the metrics
    std::uint64_t max_bytes = 256ull << 20;  // RESOURCE_EXHAUSTED beyond
    enum class Durability { kFsync, kWrite } durability = Durability::kFsync;
  };

  static absl::StatusOr<std::unique_ptr<DiskSpool>> Open(const Options& options,
                                                         telemetry::Metrics& metrics);
  ~DiskSpool();

  absl::Status Append(std::string_view record);

  // Gives up to `max_records` oldest records to `deliver`; forgets them when it answers OK.
  // Returns how many were delivered: 0 when empty; the error of `deliver` otherwise.
  absl::StatusOr<int> Drain(
      int max_records, const std::function<absl::Status(const std::vector<std::string>&)>& deliver);

  std::uint64_t pending_records() const;
  std::uint64_t pending_bytes() const;

 private:
  struct Impl;
  explicit DiskSpool(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::storage

// Reads a source and hands it to the store as a whole: fetch, unpack, parse, mend, check, take over.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "libs/base/deadline.h"
#include "services/epg/domain/schedule.h"
#include "services/epg/domain/source.h"
#include "services/epg/domain/xmltv.h"
#include "services/epg/metrics.h"
#include "services/epg/store.h"

namespace holdfast::epg {

struct ImportOptions {
  std::chrono::milliseconds history = std::chrono::hours(24 * 8);   // kept before now
  std::chrono::milliseconds horizon = std::chrono::hours(24 * 15);  // kept after now
  double max_shrink = 0.5;            // share of programmes a feed may lose
  std::uint64_t max_bytes = 4ull << 30;  // unpacked; more is a bomb or a mistake
};

struct ImportReport {
  XmltvCounts counts;
  ScheduleRepairs repairs;
  int programmes_in_window = 0;
  int pages_changed = 0;
  bool unchanged = false;
};

enum class ImportMode { kNormal, kForce, kDryRun };

// Thread-safe; imports of one source must not run at the same time on two instances to be quick,
// but are correct if they do (the store serialises them). Blocks; for jobs and workers.
class Importer {
 public:
  Importer(Store& store, Metrics& metrics, const Clock& clock, const ImportOptions& options);

  // NOT_FOUND, UNAVAILABLE (feed not reachable), INVALID_ARGUMENT (feed not readable),
  // FAILED_PRECONDITION (see CheckFeed). Any error leaves the guide as it was and is noted at the
  // source.
  absl::StatusOr<ImportReport> Import(Deadline deadline, std::string_view source_name,
                                      ImportMode mode);

 private:
  absl::StatusOr<ImportReport> ImportFrom(Deadline deadline, const Source& source, ImportMode mode);

  Store& store_;
  Metrics& metrics_;
  const Clock& clock_;
  const ImportOptions options_;
};

}  // namespace holdfast::epg

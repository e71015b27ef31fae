// What drm must remember: its epochs, each key wrapped. Golden: who loses them loses every
// recording that was encrypted with them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/deadline.h"
#include "services/drm/domain/epoch.h"

namespace holdfast::drm {

struct StoredEpoch {
  EpochId id;
  WallTime valid_from;
  std::string kek_id;       // what the key is wrapped with
  std::string wrapped_key;  // RFC 3394
  std::string command_id;   // of the operator's command that made it; "" for a planned one

  friend bool operator==(const StoredEpoch&, const StoredEpoch&) = default;
};

// Thread-safe. Calls block up to the deadline.
class Store {
 public:
  virtual ~Store() = default;

  virtual absl::StatusOr<std::vector<StoredEpoch>> LoadEpochs(Deadline deadline) = 0;

  // All or none. ABORTED if one of the ids, beginnings or commands is taken: somebody was faster.
  virtual absl::Status AddEpochs(Deadline deadline, const std::vector<StoredEpoch>& epochs) = 0;

  // Puts another wrapping of the same key in place, if it is still wrapped with `former_kek_id`.
  virtual absl::Status Rewrap(Deadline deadline, const StoredEpoch& epoch,
                              const std::string& former_kek_id) = 0;
};

}  // namespace holdfast::drm

// The last set of a service that was believed, on disk: a process that starts while its discovery
// is away starts from it. One file per service; whole or absent (written beside, flushed, renamed);
// a damaged file counts as none.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/discovery/directory.h"

namespace holdfast::discovery {

// Blocking; `folder` is made if missing. `service` must be a service name.
absl::Status SaveLastGoodSet(const std::string& folder, std::string_view service,
                             const InstanceSet& set);

// NOT_FOUND: none. DATA_LOSS: not what was written.
absl::StatusOr<InstanceSet> LoadLastGoodSet(const std::string& folder, std::string_view service);

// What such a file says.
absl::StatusOr<InstanceSet> ParseLastGoodSet(const std::string& content);

}  // namespace holdfast::discovery

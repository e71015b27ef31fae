// A list in the configuration: for tests, small installations and machines without a registry.
#pragma once

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/discovery/directory.h"

namespace holdfast::discovery {

// `list` is the spec after "static:". Owns no thread; callbacks run in Subscribe only.
absl::StatusOr<std::unique_ptr<Directory>> OpenStaticDirectory(std::string_view list,
                                                               const Options& options,
                                                               const Clock& clock,
                                                               telemetry::Metrics& metrics);

}  // namespace holdfast::discovery

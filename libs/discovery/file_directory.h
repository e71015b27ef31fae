// Lists in a file that people or their tools write: for plain machines without a registry, and for
// a ConfigMap that is mounted as a folder.
#pragma once

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/discovery/directory.h"

namespace holdfast::discovery {

// `path` is the spec after "file:", absolute. A file that is missing or cannot be read changes
// nothing but the metrics and the log. One thread reads, delivers and writes files.
absl::StatusOr<std::unique_ptr<Directory>> OpenFileDirectory(std::string_view path,
                                                             const Options& options,
                                                             const Clock& clock,
                                                             telemetry::Metrics& metrics);

}  // namespace holdfast::discovery

// Records of a headless service, asked for again and again: DNS itself never says that something
// changed.
#pragma once

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/discovery/directory.h"

namespace holdfast::discovery {

// `pattern` is the spec after "dns:". One thread resolves, delivers and writes files.
absl::StatusOr<std::unique_ptr<Directory>> OpenDnsDirectory(std::string_view pattern,
                                                            const Options& options,
                                                            const Clock& clock, Random& random,
                                                            telemetry::Metrics& metrics);

}  // namespace holdfast::discovery

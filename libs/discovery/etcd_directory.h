// Instances in etcd v3: keys under leases. For plain machines.
#pragma once

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/discovery/directory.h"

namespace holdfast::discovery {

// `spec` is what follows "etcd:" (etcd_access.h). One thread of its own does everything but gRPC's
// I/O.
absl::StatusOr<std::unique_ptr<Directory>> OpenEtcdDirectory(std::string_view spec,
                                                             const Options& options,
                                                             const Clock& clock, Random& random,
                                                             telemetry::Metrics& metrics);

}  // namespace holdfast::discovery

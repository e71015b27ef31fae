// Pods of a Service as Kubernetes' API server lists them. Pods do not register: Kubernetes does.
#pragma once

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/discovery/directory.h"

namespace holdfast::discovery {

// `spec` is what follows "kubernetes:" (kubernetes_access.h). One thread talks to the API server,
// delivers and writes files; one connection per followed service.
absl::StatusOr<std::unique_ptr<Directory>> OpenKubernetesDirectory(std::string_view spec,
                                                                   const Options& options,
                                                                   const Clock& clock,
                                                                   Random& random,
                                                                   telemetry::Metrics& metrics);

}  // namespace holdfast::discovery

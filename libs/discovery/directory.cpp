#include "libs/discovery/directory.h"

#include "libs/base/status.h"
#include "libs/discovery/dns_directory.h"
#include "libs/discovery/etcd_directory.h"
#include "libs/discovery/file_directory.h"
#include "libs/discovery/kubernetes_directory.h"
#include "libs/discovery/static_directory.h"

namespace holdfast::discovery {

bool SameProcess(const Instance& a, const Instance& b) {
  return a.id == b.id && a.address == b.address && a.zone == b.zone && a.version == b.version;
}

absl::StatusOr<std::unique_ptr<Directory>> OpenDirectory(const Options& options, const Clock& clock,
                                                         Random& random,
                                                         telemetry::Metrics& metrics) {
  const std::string_view spec = options.spec;
  const std::size_t colon = spec.find(':');
  const std::string_view scheme = spec.substr(0, colon);
  const std::string_view rest =
      colon == std::string_view::npos ? std::string_view() : spec.substr(colon + 1);
  if (colon != std::string_view::npos) {
    if (scheme == "static") return OpenStaticDirectory(rest, options, clock, metrics);
    if (scheme == "file") return OpenFileDirectory(rest, options, clock, metrics);
    if (scheme == "dns") return OpenDnsDirectory(rest, options, clock, random, metrics);
    if (scheme == "kubernetes") {
      return OpenKubernetesDirectory(rest, options, clock, random, metrics);
    }
    if (scheme == "etcd") return OpenEtcdDirectory(rest, options, clock, random, metrics);
  }
  return InvalidArgument("discovery '{}' begins with none of static: file: dns: etcd: kubernetes:",
                         spec);
}

}  // namespace holdfast::discovery

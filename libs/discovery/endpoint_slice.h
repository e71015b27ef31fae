// Kubernetes' EndpointSlices (discovery.k8s.io/v1) as JSON, and the instances that they list.
//
//   ready                        serving
//   terminating, but serving     draining: the pod was told to stop and still answers
//   anything else                not listed
//
// An instance's id is the name of its pod, else its address. Zone: the endpoint's. Version and
// weight: labels app.kubernetes.io/version and holdfast.internal/weight of the slice, which
// Kubernetes copies from the Service.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/string_map.h"
#include "libs/discovery/directory.h"

namespace holdfast::discovery {

struct EndpointSlice {
  std::string name;
  bool ipv6 = false;
  std::vector<Instance> instances;
};
using EndpointSlices = OrderedStringMap<EndpointSlice>;  // by name

struct EndpointSlicePage {
  std::vector<EndpointSlice> slices;
  std::string resource_version;
  std::string next;  // where the next page begins; empty: there is none
};

struct EndpointSliceEvent {
  enum class Kind { kChanged, kDeleted, kBookmark, kExpired, kError };
  Kind kind = Kind::kError;
  EndpointSlice slice;           // kChanged, kDeleted (its name)
  std::string resource_version;  // all but errors
  std::string reason;            // kExpired, kError
};

// INVALID_ARGUMENT: not what an API server sends. Endpoints that cannot be used (no address, no
// port of that name, an id with odd characters) are passed over; a slice with one port is not asked
// for the port's name.
absl::StatusOr<EndpointSlicePage> ParseEndpointSlices(std::string_view json,
                                                      std::string_view port_name);
absl::StatusOr<EndpointSliceEvent> ParseEndpointSliceEvent(std::string_view json,
                                                           std::string_view port_name);

// The message of the Status object that the API server sends with an error, cut to fit a log line.
std::string ReasonOf(std::string_view json);

// All slices of one service together. A pod that is listed several times (IPv4 and IPv6, or while
// it moves from one slice to another) is one instance: by IPv4 if possible, serving if one says so.
InstanceSet Merged(const EndpointSlices& slices);

}  // namespace holdfast::discovery

// Where the API server is and what we may read there.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/discovery/https_connection.h"

namespace holdfast::discovery {

struct KubernetesAccess {
  HttpsServer server;
  std::string ca_file;     // read for each connection
  std::string token_file;  // read for each request: the kubelet changes it
  std::string name_space;
  std::string service_pattern = "{service}";
  std::string port_name = "grpc";

  // The Service that stands for `service`; '_' becomes '-'.
  std::string NameOf(std::string_view service) const;
};

// `spec` is what follows "kubernetes:". Everything has a default inside a pod:
//
//   [https://10.96.0.1:443][?namespace=tv&service=holdfast-{service}&port=grpc&ca=...&token=...&name=...]
//
// The API server's address is numeric, in the URL and in the pod's environment alike: discovery
// must not need DNS. `name` is the name in its certificate if that does not carry the address.
absl::StatusOr<KubernetesAccess> ParseKubernetesSpec(std::string_view spec);

}  // namespace holdfast::discovery

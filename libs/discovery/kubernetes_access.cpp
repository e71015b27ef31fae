#include "libs/discovery/kubernetes_access.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_replace.h"
#include "libs/base/status.h"
#include "libs/discovery/instance_text.h"
#include "libs/discovery/spec_options.h"
#include "libs/security/secret_file.h"

namespace holdfast::discovery {
namespace {

constexpr char kAccountFolder[] = "/var/run/secrets/kubernetes.io/serviceaccount/";
constexpr std::string_view kScheme = "https://";
constexpr std::array<std::string_view, 6> kOptions = {"namespace", "service", "port",
                                                      "ca",        "token",   "name"};

bool IsNumeric(const std::string& host) {
  in6_addr ignored{};
  return inet_pton(AF_INET, host.c_str(), &ignored) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

absl::StatusOr<HttpsServer> ServerOf(std::string_view url) {
  HttpsServer server;
  std::string port;
  if (url.empty()) {
    server.host = Environment("KUBERNETES_SERVICE_HOST");
    port = Environment("KUBERNETES_SERVICE_PORT");
    if (server.host.empty()) {
      return InvalidArgument("kubernetes: no URL, and KUBERNETES_SERVICE_HOST is not set");
    }
  } else {
    if (url.ends_with('/')) url.remove_suffix(1);
    if (!url.starts_with(kScheme) || !IsAddress(url.substr(kScheme.size()))) {
      return InvalidArgument("kubernetes: '{}' is not https://address:port", url);
    }
    const std::string_view address = url.substr(kScheme.size());
    const std::size_t colon = address.rfind(':');
    server.host = std::string(address.substr(0, colon));
    port = std::string(address.substr(colon + 1));
    if (server.host.starts_with('[')) server.host = server.host.substr(1, server.host.size() - 2);
  }
  if (!IsNumeric(server.host)) {
    return InvalidArgument("kubernetes: '{}' is not a numeric address", server.host);
  }
  if (!absl::SimpleAtoi(port, &server.port) || server.port < 1 || server.port > 65535) {
    return InvalidArgument("kubernetes: '{}' is no port", port);
  }
  return server;
}

std::string Or(std::string value, std::string otherwise) {
  return value.empty() ? std::move(otherwise) : std::move(value);
}

}  // namespace

std::string KubernetesAccess::NameOf(std::string_view service) const {
  const std::string label =
      absl::StrReplaceAll(absl::string_view(service.data(), service.size()), {{"_", "-"}});
  return absl::StrReplaceAll(service_pattern, {{"{service}", label}});
}

absl::StatusOr<KubernetesAccess> ParseKubernetesSpec(std::string_view text) {
  HOLDFAST_ASSIGN_OR_RETURN(const SplitSpec spec, ReadSpecOptions(text, kOptions));
  const std::string folder = kAccountFolder;
  KubernetesAccess access;
  HOLDFAST_ASSIGN_OR_RETURN(access.server, ServerOf(spec.place));
  access.server.name = spec.Option("name");
  access.ca_file = Or(spec.Option("ca"), folder + "ca.crt");
  access.token_file = Or(spec.Option("token"), folder + "token");
  access.port_name = Or(spec.Option("port"), access.port_name);
  access.service_pattern = Or(spec.Option("service"), access.service_pattern);
  access.name_space = spec.Option("namespace");
  if (access.name_space.empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(access.name_space, security::ReadTrimmedSecret(folder + "namespace"));
  }
  if (access.service_pattern.find("{service}") == std::string::npos ||
      !IsServiceName(access.NameOf("x"))) {
    return InvalidArgument("kubernetes: '{}' is no name with {{service}}", access.service_pattern);
  }
  if (!IsServiceName(access.name_space)) {
    return InvalidArgument("kubernetes: '{}' is no namespace", access.name_space);
  }
  return access;
}

}  // namespace holdfast::discovery

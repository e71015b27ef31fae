#include "libs/discovery/etcd_access.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_split.h"
#include "libs/base/status.h"
#include "libs/discovery/instance_text.h"
#include "libs/discovery/spec_options.h"
#include "libs/security/secret_file.h"

namespace holdfast::discovery {
namespace {

constexpr std::string_view kPlain = "http://";
constexpr std::string_view kTls = "https://";
constexpr std::array<std::string_view, 5> kOptions = {"ca", "cert", "key", "user", "password_file"};

absl::Status ParseUrls(std::string_view urls, EtcdAccess& access) {
  const absl::string_view all(urls.data(), urls.size());
  for (const absl::string_view part : absl::StrSplit(all, ',', absl::SkipEmpty())) {
    std::string_view url = View(part);
    const bool tls = url.starts_with(kTls);
    const std::string_view scheme = tls ? kTls : kPlain;
    if (url.ends_with('/')) url.remove_suffix(1);
    if (!url.starts_with(scheme) || !IsAddress(url.substr(scheme.size()))) {
      return InvalidArgument("etcd: '{}' is not http(s)://host:port", url);
    }
    if (!access.endpoints.empty() && tls != access.tls) {
      return InvalidArgument("etcd: http and https are mixed");
    }
    access.tls = tls;
    access.endpoints.emplace_back(url.substr(scheme.size()));
  }
  if (access.endpoints.empty()) return InvalidArgument("etcd: no http(s)://host:port given");
  return absl::OkStatus();
}

absl::Status ReadCertificates(const SplitSpec& spec, EtcdAccess& access) {
  const std::string ca = spec.Option("ca");
  const std::string certificate = spec.Option("cert");
  const std::string key = spec.Option("key");
  if (!access.tls) {
    if (ca.empty() && certificate.empty() && key.empty()) return absl::OkStatus();
    return InvalidArgument("etcd: certificates are given, but the URLs are http");
  }
  if (certificate.empty() != key.empty()) {
    return InvalidArgument("etcd: cert and key go together");
  }
  if (!ca.empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(access.pem.ca, security::ReadSecretFile(ca));
  }
  if (!certificate.empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(access.pem.certificate, security::ReadSecretFile(certificate));
    HOLDFAST_ASSIGN_OR_RETURN(access.pem.key, security::ReadSecretFile(key));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<EtcdAccess> ParseEtcdSpec(std::string_view text, Random& random) {
  HOLDFAST_ASSIGN_OR_RETURN(const SplitSpec spec, ReadSpecOptions(text, kOptions));
  EtcdAccess access;
  HOLDFAST_RETURN_IF_ERROR(ParseUrls(spec.place, access));
  HOLDFAST_RETURN_IF_ERROR(ReadCertificates(spec, access));
  access.user = spec.Option("user");
  access.password_file = spec.Option("password_file");
  if (access.user.empty() != access.password_file.empty()) {
    return InvalidArgument("etcd: user and password_file go together");
  }
  const auto first = static_cast<std::ptrdiff_t>(random.Below(access.endpoints.size()));
  std::rotate(access.endpoints.begin(), access.endpoints.begin() + first, access.endpoints.end());
  return access;
}

std::shared_ptr<grpc::Channel> MakeEtcdChannel(const EtcdAccess& access,
                                               const std::string& endpoint) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 500);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  const auto credentials = access.tls
                               ? grpc::SslCredentials({.pem_root_certs = access.pem.ca,
                                                       .pem_private_key = access.pem.key,
                                                       .pem_cert_chain = access.pem.certificate})
                               : grpc::InsecureChannelCredentials();
  return grpc::CreateCustomChannel(endpoint, credentials, arguments);
}

}  // namespace holdfast::discovery

#include "libs/security/tls.h"

#include "libs/base/status.h"
#include "libs/security/secret_file.h"

namespace holdfast::security {
namespace {

constexpr std::string_view kTlsSuffix = ".holdfast.internal";

}  // namespace

TlsFiles TlsFilesIn(std::string_view folder, std::string_view service) {
  const std::string base(folder);
  const std::string stem = base + "/" + std::string(service);
  return {.ca = base + "/ca.pem", .certificate = stem + ".pem", .key = stem + ".key"};
}

absl::StatusOr<PemMaterial> ReadTlsFiles(const TlsFiles& files) {
  PemMaterial pem;
  HOLDFAST_ASSIGN_OR_RETURN(pem.ca, ReadSecretFile(files.ca));
  HOLDFAST_ASSIGN_OR_RETURN(pem.certificate, ReadSecretFile(files.certificate));
  HOLDFAST_ASSIGN_OR_RETURN(pem.key, ReadSecretFile(files.key));
  return pem;
}

// An underscore is not allowed in a DNS name.
std::string TlsNameOf(std::string_view service) {
  std::string name(service);
  for (char& c : name) {
    if (c == '_') c = '-';
  }
  return name.append(kTlsSuffix);
}

std::string ServiceOfTlsName(std::string_view name) {
  if (!name.ends_with(kTlsSuffix)) return "";
  name.remove_suffix(kTlsSuffix.size());
  std::string service(name);
  if (service.find('.') != std::string::npos) return "";
  for (char& c : service) {
    if (c == '-') c = '_';
  }
  return service;
}

}  // namespace holdfast::security

// Mutual TLS between services: where the files are, and a certificate authority for development.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace holdfast::security {

// Paths of PEM files. All empty: no TLS.
struct TlsFiles {
  std::string ca;
  std::string certificate;
  std::string key;

  bool enabled() const { return !ca.empty(); }
};

// The files of one service in a folder made by CreateDevelopmentCertificates.
TlsFiles TlsFilesIn(std::string_view folder, std::string_view service);

struct PemMaterial {
  std::string ca;
  std::string certificate;
  std::string key;
};
absl::StatusOr<PemMaterial> ReadTlsFiles(const TlsFiles& files);

// The name by which callers check a service, whatever its address: "billing.holdfast.internal".
std::string TlsNameOf(std::string_view service);
// The service in a certificate's name, or "": the reverse.
std::string ServiceOfTlsName(std::string_view name);

// Makes <folder>/ca.pem and <service>.pem, <service>.key for each service, valid for a year. Keeps
// what is already there and valid. For development and tests; production brings its own authority.
absl::Status CreateDevelopmentCertificates(const std::string& folder,
                                           const std::vector<std::string>& services);

}  // namespace holdfast::security

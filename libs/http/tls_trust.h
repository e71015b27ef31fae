// Whom the client believes behind an https:// URL.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct ssl_ctx_st;

namespace holdfast::http {

// The authorities of a file of PEM certificates, or the system's when it names none. The file is
// read again when it changes; one that cannot be used then leaves what was believed before.
// Thread-safe; must outlive the calls that use it.
class TlsTrust {
 public:
  explicit TlsTrust(std::string ca_file = "");
  ~TlsTrust();
  TlsTrust(const TlsTrust&) = delete;
  TlsTrust& operator=(const TlsTrust&) = delete;

  // Reads the authorities now. INVALID_ARGUMENT: the file holds no certificate; UNAVAILABLE: it
  // cannot be read.
  absl::Status Check() const;

  // "the authorities of /etc/holdfast/pay-ca.pem", for messages.
  std::string Describe() const;

  // For the client.
  absl::StatusOr<std::shared_ptr<ssl_ctx_st>> Context() const;

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::http

// One TLS connection of the blocking client. Inside client.cpp only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/http/tls_trust.h"

namespace holdfast::http {

// What carries it: both block, up to a deadline of theirs.
struct Wire {
  std::function<absl::Status(std::string_view)> write;
  std::function<absl::StatusOr<std::size_t>(char*, std::size_t)> read;  // 0: the end
};

// OpenSSL works on memory; reading and writing the socket is the caller's, so that a peer that has
// gone never raises a signal and every wait has its deadline. Not thread-safe.
class TlsSession {
 public:
  // Shakes hands with the server, whose certificate must be for `host` (a name or an address) and
  // come from an authority that is trusted. UNAVAILABLE says why it is not believed.
  static absl::StatusOr<std::unique_ptr<TlsSession>> Begin(const TlsTrust& trust,
                                                           const std::string& host, Wire wire);
  ~TlsSession();

  absl::Status Write(std::string_view bytes);
  // 0: the server said that this is the end. DATA_LOSS: the connection ended without.
  absl::StatusOr<std::size_t> Read(char* buffer, std::size_t size);

 private:
  struct Impl;
  explicit TlsSession(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::http

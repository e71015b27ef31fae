#include "libs/http/tls_session.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <utility>

#include "libs/base/status.h"

namespace holdfast::http {
namespace {

constexpr std::size_t kRecord = 16 * 1024;

struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

// The certificate must carry this name or address.
absl::Status SetName(SSL* ssl, const std::string& host) {
  X509_VERIFY_PARAM* checks = SSL_get0_param(ssl);
  X509_VERIFY_PARAM_set_hostflags(checks, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const bool set = X509_VERIFY_PARAM_set1_ip_asc(checks, host.c_str()) == 1 ||
                   (X509_VERIFY_PARAM_set1_host(checks, host.data(), host.size()) == 1 &&
                    SSL_set_tlsext_host_name(ssl, host.c_str()) == 1);
  ERR_clear_error();
  return set ? absl::OkStatus() : InvalidArgument("TLS: '{}' is no name for a server", host);
}

}  // namespace

struct TlsSession::Impl {
  std::string host;
  std::string believes;
  Wire wire;
  std::shared_ptr<ssl_ctx_st> context;
  std::unique_ptr<SSL, FreeSsl> ssl;
  BIO* from_wire = nullptr;  // both are the ssl's
  BIO* to_wire = nullptr;
  bool cut = false;

  absl::Status Flush() {
    std::array<char, kRecord> buffer;
    for (int got = 0; (got = BIO_read(to_wire, buffer.data(), kRecord)) > 0;) {
      HOLDFAST_RETURN_IF_ERROR(wire.write({buffer.data(), static_cast<std::size_t>(got)}));
    }
    return absl::OkStatus();
  }

  absl::Status Fill() {
    std::array<char, kRecord> buffer;
    HOLDFAST_ASSIGN_OR_RETURN(const std::size_t got, wire.read(buffer.data(), buffer.size()));
    cut = got == 0;
    if (cut) return DataLoss("TLS with {}: the connection ended in the middle", host);
    BIO_write(from_wire, buffer.data(), static_cast<int>(got));
    return absl::OkStatus();
  }

  // Why the last operation failed.
  absl::Status Failure() {
    const long verified = SSL_get_verify_result(ssl.get());
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    if (verified != X509_V_OK) {
      return Unavailable("TLS: the certificate of {} is not believed: {} (believed are {})", host,
                         X509_verify_cert_error_string(verified), believes);
    }
    const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    return Unavailable("TLS with {}: {}", host, reason == nullptr ? "connection broken" : reason);
  }

  // Repeats `operation` until it has what it needs from the wire. What it answered last.
  template <class Operation>
  absl::StatusOr<int> Run(const Operation& operation) {
    while (true) {
      ERR_clear_error();
      const int result = operation();
      const int what = result > 0 ? SSL_ERROR_NONE : SSL_get_error(ssl.get(), result);
      const absl::Status failure =
          what == SSL_ERROR_SSL || what == SSL_ERROR_SYSCALL ? Failure() : absl::OkStatus();
      const absl::Status flushed = Flush();  // an alert says why, even after a failure
      HOLDFAST_RETURN_IF_ERROR(failure);
      HOLDFAST_RETURN_IF_ERROR(flushed);
      if (what == SSL_ERROR_NONE) return result;
      if (what == SSL_ERROR_ZERO_RETURN) return 0;
      HOLDFAST_RETURN_IF_ERROR(Fill());
    }
  }
};

TlsSession::TlsSession(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsSession::~TlsSession() = default;

absl::StatusOr<std::unique_ptr<TlsSession>> TlsSession::Begin(const TlsTrust& trust,
                                                              const std::string& host, Wire wire) {
  HOLDFAST_ASSIGN_OR_RETURN(std::shared_ptr<ssl_ctx_st> context, trust.Context());
  auto impl = std::make_unique<Impl>();
  impl->host = host;
  impl->believes = trust.Describe();
  impl->wire = std::move(wire);
  impl->context = std::move(context);
  impl->ssl.reset(SSL_new(impl->context.get()));
  if (impl->ssl == nullptr) return Internal("TLS: no session");
  impl->from_wire = BIO_new(BIO_s_mem());
  impl->to_wire = BIO_new(BIO_s_mem());
  BIO_set_mem_eof_return(impl->from_wire, -1);
  SSL_set_bio(impl->ssl.get(), impl->from_wire, impl->to_wire);
  SSL_set_connect_state(impl->ssl.get());
  HOLDFAST_RETURN_IF_ERROR(SetName(impl->ssl.get(), host));
  HOLDFAST_ASSIGN_OR_RETURN(const int shaken,
                            impl->Run([&] { return SSL_do_handshake(impl->ssl.get()); }));
  if (shaken != 1) return Unavailable("TLS with {}: closed during the handshake", host);
  return std::unique_ptr<TlsSession>(new TlsSession(std::move(impl)));
}

absl::Status TlsSession::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto piece = static_cast<int>(std::min(bytes.size(), kRecord));
    HOLDFAST_ASSIGN_OR_RETURN(const int written, impl_->Run([&] {
      return SSL_write(impl_->ssl.get(), bytes.data(), piece);
    }));
    if (written == 0) return Unavailable("TLS with {}: the server has closed", impl_->host);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::size_t> TlsSession::Read(char* buffer, std::size_t size) {
  const auto room = static_cast<int>(std::min(size, kRecord));
  HOLDFAST_ASSIGN_OR_RETURN(const int got,
                            impl_->Run([&] { return SSL_read(impl_->ssl.get(), buffer, room); }));
  return static_cast<std::size_t>(got);
}

}  // namespace holdfast::http

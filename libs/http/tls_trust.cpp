#include "libs/http/tls_trust.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "libs/base/free_with.h"
#include "libs/base/status.h"
#include "libs/telemetry/log.h"

namespace holdfast::http {
namespace {

using ContextPtr = std::shared_ptr<ssl_ctx_st>;

using BioPtr = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;
using CertificatePtr = std::unique_ptr<X509, FreeWith<X509_free>>;

absl::StatusOr<ContextPtr> NewContext() {
  ContextPtr context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (context == nullptr) return Internal("TLS: no context");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  return context;
}

absl::StatusOr<ContextPtr> TrustSystem() {
  HOLDFAST_ASSIGN_OR_RETURN(ContextPtr context, NewContext());
  if (SSL_CTX_set_default_verify_paths(context.get()) != 1) {
    return Internal("TLS: the system's authorities cannot be read");
  }
  return context;
}

absl::StatusOr<ContextPtr> TrustFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string pem{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in.is_open() || in.bad()) return Unavailable("cannot read {}", path);
  HOLDFAST_ASSIGN_OR_RETURN(ContextPtr context, NewContext());
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  int authorities = 0;
  while (const CertificatePtr ca{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    authorities += X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), ca.get());
  }
  ERR_clear_error();  // the end of the text is an error to OpenSSL
  if (authorities == 0) return InvalidArgument("no certificate in {}", path);
  return context;
}

// What tells that a file was written anew.
struct Stamp {
  std::filesystem::file_time_type written;
  std::uintmax_t size = 0;
  friend bool operator==(const Stamp&, const Stamp&) = default;
};

Stamp StampOf(const std::string& path) {
  std::error_code error;
  Stamp stamp{std::filesystem::last_write_time(path, error), 0};
  stamp.size = std::filesystem::file_size(path, error);
  return stamp;
}

}  // namespace

struct TlsTrust::Impl {
  explicit Impl(std::string file) : ca_file(std::move(file)) {}

  absl::StatusOr<ContextPtr> Read(const Stamp& now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    absl::StatusOr<ContextPtr> read = ca_file.empty() ? TrustSystem() : TrustFile(ca_file);
    stamp = now;
    if (read.ok()) {
      context = *read;
    } else if (context != nullptr) {
      telemetry::Log(telemetry::Warning, "file of authorities cannot be used: the last one stays",
                     {{"file", ca_file}, {"error", ToString(read.status())}});
      return context;
    }
    return read;
  }

  const std::string ca_file;
  absl::Mutex mutex;
  ContextPtr context ABSL_GUARDED_BY(mutex);  // null: never read
  Stamp stamp ABSL_GUARDED_BY(mutex);         // of the file when it was last tried
};

TlsTrust::TlsTrust(std::string ca_file) : impl_(std::make_unique<Impl>(std::move(ca_file))) {}
TlsTrust::~TlsTrust() = default;

absl::StatusOr<ContextPtr> TlsTrust::Context() const {
  const Stamp now = impl_->ca_file.empty() ? Stamp{} : StampOf(impl_->ca_file);
  absl::MutexLock lock(&impl_->mutex);
  if (impl_->context != nullptr && impl_->stamp == now) return impl_->context;
  return impl_->Read(now);
}

absl::Status TlsTrust::Check() const { return Context().status(); }

std::string TlsTrust::Describe() const {
  return impl_->ca_file.empty() ? "the system's authorities"
                                : "the authorities of " + impl_->ca_file;
}

}  // namespace holdfast::http

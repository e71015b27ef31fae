#include "libs/testing/test_tls.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <thread>
#include <utility>

#include "libs/base/check.h"
#include "libs/base/free_with.h"
#include "libs/security/x509.h"

namespace holdfast::test {
namespace {

using security::BioPtr;
using security::CertificatePtr;
using security::KeyPtr;
using security::PemOf;
using ContextPtr = std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, FreeWith<SSL_free>>;

constexpr long kHour = 3600;

void AddExtension(X509* certificate, int nid, const std::string& value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
  HOLDFAST_CHECK(extension != nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

// Every one has a name of its own: a chain is looked up by names.
CertificatePtr NewCertificate(EVP_PKEY* key, const std::string& kind, long valid_seconds) {
  static std::atomic<long> count = 0;
  const long serial = ++count;
  const std::string name = kind + " " + std::to_string(serial);
  CertificatePtr certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -24 * kHour);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), valid_seconds);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return certificate;
}

}  // namespace

struct TestAuthority::Impl {
  KeyPtr key{EVP_EC_gen("P-256")};
  CertificatePtr certificate;
};

TestAuthority::TestAuthority() : impl_(std::make_unique<Impl>()) {
  impl_->certificate = NewCertificate(impl_->key.get(), "Test authority", 24 * kHour);
  X509* certificate = impl_->certificate.get();
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  AddExtension(certificate, NID_basic_constraints, "critical,CA:TRUE");
  AddExtension(certificate, NID_key_usage, "critical,keyCertSign");
  HOLDFAST_CHECK(X509_sign(certificate, impl_->key.get(), EVP_sha256()) > 0);
}
TestAuthority::~TestAuthority() = default;

std::string TestAuthority::pem() const { return PemOf(impl_->certificate.get()); }

TlsIdentity TestAuthority::Issue(const std::string& names, long valid_seconds) const {
  const KeyPtr key(EVP_EC_gen("P-256"));
  const CertificatePtr certificate = NewCertificate(key.get(), "Test server", valid_seconds);
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(impl_->certificate.get()));
  AddExtension(certificate.get(), NID_subject_alt_name, names);
  HOLDFAST_CHECK(X509_sign(certificate.get(), impl_->key.get(), EVP_sha256()) > 0);
  return {PemOf(certificate.get()), PemOf(key.get())};
}

struct TestTlsServer::Impl {
  ContextPtr context;
  Answer answer;
  Goodbye goodbye = Goodbye::kSaid;
  int listener = -1;
  std::uint16_t port = 0;
  std::thread thread;

  void Use(const TlsIdentity& identity) {
    context.reset(SSL_CTX_new(TLS_server_method()));
    const BioPtr certificate_bio(BIO_new_mem_buf(identity.certificate.data(), -1));
    const BioPtr key_bio(BIO_new_mem_buf(identity.key.data(), -1));
    const CertificatePtr certificate(
        PEM_read_bio_X509(certificate_bio.get(), nullptr, nullptr, nullptr));
    const KeyPtr key(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr));
    HOLDFAST_CHECK(SSL_CTX_use_certificate(context.get(), certificate.get()) == 1 &&
                   SSL_CTX_use_PrivateKey(context.get(), key.get()) == 1);
  }
  void Listen() {
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    HOLDFAST_CHECK(bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                   listen(listener, 16) == 0);
    getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
  }
  static bool IsWhole(const std::string& request) {
    const std::size_t end = request.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    constexpr std::string_view kLength = "Content-Length: ";
    const std::size_t length = request.find(kLength);
    const std::size_t body =
        length < end ? std::strtoul(request.c_str() + length + kLength.size(), nullptr, 10) : 0;
    return request.size() >= end + 4 + body;
  }
  void ServeOne(int fd) {
    const SslPtr ssl(SSL_new(context.get()));
    SSL_set_fd(ssl.get(), fd);
    if (SSL_accept(ssl.get()) != 1) return;
    std::string request;
    std::array<char, 4096> buffer;
    while (!IsWhole(request)) {
      const int got = SSL_read(ssl.get(), buffer.data(), buffer.size());
      if (got <= 0) return;
      request.append(buffer.data(), static_cast<std::size_t>(got));
    }
    const std::string bytes = answer(request);
    if (!bytes.empty()) SSL_write(ssl.get(), bytes.data(), static_cast<int>(bytes.size()));
    if (goodbye == Goodbye::kSaid) SSL_shutdown(ssl.get());
  }
  void Serve() {
    // A client that refuses us has closed already: that is an error here, not the end of the test.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    for (int fd = -1; (fd = accept(listener, nullptr, nullptr)) >= 0;) {
      ServeOne(fd);
      ERR_clear_error();
      close(fd);
    }
  }
};

TestTlsServer::TestTlsServer(const TlsIdentity& identity, Answer answer, Goodbye goodbye)
    : impl_(std::make_unique<Impl>()) {
  impl_->answer = std::move(answer);
  impl_->goodbye = goodbye;
  impl_->Use(identity);
  impl_->Listen();
  impl_->thread = std::thread([impl = impl_.get()] { impl->Serve(); });
}

TestTlsServer::~TestTlsServer() {
  shutdown(impl_->listener, SHUT_RDWR);
  impl_->thread.join();
  close(impl_->listener);
}

std::uint16_t TestTlsServer::port() const { return impl_->port; }

}  // namespace holdfast::test

#include "libs/discovery/https_connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "libs/base/free_with.h"
#include "libs/base/status.h"

namespace holdfast::discovery {
namespace {

using ContextPtr = std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, FreeWith<SSL_free>>;
using BioPtr = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;
using CertificatePtr = std::unique_ptr<X509, FreeWith<X509_free>>;

// A path that is dead (a host that is gone, a partition) is noticed by the kernel within this.
constexpr int kUserTimeoutMs = 10'000;
constexpr int kKeepaliveIdleSeconds = 5;
constexpr int kKeepaliveIntervalSeconds = 2;

constexpr int kReadsInOneTurn = 64;  // then others have their turn

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

absl::StatusOr<Socket> BeginToConnect(const HttpsServer& server) {
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  v4.sin_family = AF_INET;
  v6.sin6_family = AF_INET6;
  v4.sin_port = v6.sin6_port = htons(static_cast<std::uint16_t>(server.port));
  const bool is_v4 = inet_pton(AF_INET, server.host.c_str(), &v4.sin_addr) == 1;
  if (!is_v4 && inet_pton(AF_INET6, server.host.c_str(), &v6.sin6_addr) != 1) {
    return InvalidArgument("'{}' is not a numeric address", server.host);
  }
  Socket socket(
      ::socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.fd() < 0) return Unavailable("socket: {}", std::strerror(errno));
  const auto set = [&](int level, int option, int value) {
    ::setsockopt(socket.fd(), level, option, &value, sizeof value);
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, kUserTimeoutMs);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, kKeepaliveIdleSeconds);
  set(IPPROTO_TCP, TCP_KEEPINTVL, kKeepaliveIntervalSeconds);
  const auto* address =
      is_v4 ? reinterpret_cast<const sockaddr*>(&v4) : reinterpret_cast<const sockaddr*>(&v6);
  const auto size = static_cast<socklen_t>(is_v4 ? sizeof v4 : sizeof v6);
  if (::connect(socket.fd(), address, size) != 0 && errno != EINPROGRESS) {
    return Unavailable("connect: {}", std::strerror(errno));
  }
  return socket;
}

absl::StatusOr<ContextPtr> MakeContext(const std::string& ca_pem) {
  ContextPtr context(SSL_CTX_new(TLS_client_method()));
  if (context == nullptr) return Internal("TLS: no context");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  const BioPtr pem(BIO_new_mem_buf(ca_pem.data(), static_cast<int>(ca_pem.size())));
  int authorities = 0;
  while (const CertificatePtr ca{PEM_read_bio_X509(pem.get(), nullptr, nullptr, nullptr)}) {
    authorities += X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), ca.get());
  }
  ERR_clear_error();  // the end of the text is an error to OpenSSL
  if (authorities == 0) return InvalidArgument("TLS: no certificate in the file of authorities");
  return context;
}

absl::Status SetName(SSL* ssl, const HttpsServer& server) {
  const std::string& name = server.name.empty() ? server.host : server.name;
  X509_VERIFY_PARAM* checks = SSL_get0_param(ssl);
  X509_VERIFY_PARAM_set_hostflags(checks, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (X509_VERIFY_PARAM_set1_ip_asc(checks, name.c_str()) == 1) return absl::OkStatus();
  const bool set = X509_VERIFY_PARAM_set1_host(checks, name.data(), name.size()) == 1 &&
                   SSL_set_tlsext_host_name(ssl, name.c_str()) == 1;
  ERR_clear_error();
  return set ? absl::OkStatus() : InvalidArgument("TLS: '{}' is no name for a server", name);
}

}  // namespace

// OpenSSL works on memory; reading and writing the socket is ours, so that a peer that has gone
// never raises a signal.
struct HttpsConnection::Impl {
  Socket socket;
  ContextPtr context;
  SslPtr ssl;
  BIO* from_wire = nullptr;  // both are the ssl's
  BIO* to_wire = nullptr;
  bool connected = false;
  bool shaken = false;
  bool closed = false;
  std::string plain_out;  // not yet encrypted
  std::string wire_out;   // not yet taken by the kernel

  absl::Status FinishConnecting() {
    pollfd entry{.fd = socket.fd(), .events = POLLOUT, .revents = 0};
    if (::poll(&entry, 1, 0) <= 0) return absl::OkStatus();
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return Unavailable("connect: {}", std::strerror(error));
    connected = true;
    return absl::OkStatus();
  }

  absl::Status ReadWire() {
    std::array<char, 16 * 1024> buffer;
    for (int turns = 0; !closed && turns < kReadsInOneTurn; ++turns) {
      const ssize_t got = ::recv(socket.fd(), buffer.data(), buffer.size(), 0);
      if (got > 0) {
        BIO_write(from_wire, buffer.data(), static_cast<int>(got));
      } else if (got == 0) {
        closed = true;
      } else if (errno == EAGAIN) {
        break;
      } else if (errno != EINTR) {
        return Unavailable("recv: {}", std::strerror(errno));
      }
    }
    return absl::OkStatus();
  }

  absl::Status WriteWire() {
    std::array<char, 16 * 1024> buffer;
    for (int got = 0; (got = BIO_read(to_wire, buffer.data(), buffer.size())) > 0;) {
      wire_out.append(buffer.data(), static_cast<std::size_t>(got));
    }
    while (!wire_out.empty()) {
      const ssize_t sent = ::send(socket.fd(), wire_out.data(), wire_out.size(), MSG_NOSIGNAL);
      if (sent >= 0) {
        wire_out.erase(0, static_cast<std::size_t>(sent));
      } else if (errno == EAGAIN) {
        break;
      } else if (errno != EINTR) {
        return Unavailable("send: {}", std::strerror(errno));
      }
    }
    return absl::OkStatus();
  }

  // What OpenSSL meant by `result`: OK when it only waits for the wire.
  absl::Status Judge(int result) {
    const int what = SSL_get_error(ssl.get(), result);
    if (what == SSL_ERROR_WANT_READ || what == SSL_ERROR_WANT_WRITE) return absl::OkStatus();
    if (what == SSL_ERROR_ZERO_RETURN) {
      closed = true;
      return absl::OkStatus();
    }
    const long verified = SSL_get_verify_result(ssl.get());
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    if (verified != X509_V_OK) {
      return Unavailable("TLS: {}", X509_verify_cert_error_string(verified));
    }
    const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    return Unavailable("TLS: {}", reason == nullptr ? "connection broken" : reason);
  }

  absl::Status Shake() {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl.get());
    shaken = result == 1;
    return shaken ? absl::OkStatus() : Judge(result);
  }

  absl::Status Encrypt() {
    while (!plain_out.empty()) {
      ERR_clear_error();
      const int result = SSL_write(ssl.get(), plain_out.data(), static_cast<int>(plain_out.size()));
      if (result <= 0) return Judge(result);
      plain_out.erase(0, static_cast<std::size_t>(result));
    }
    return absl::OkStatus();
  }

  absl::Status Decrypt(std::string& received) {
    std::array<char, 16 * 1024> buffer;
    while (true) {
      ERR_clear_error();
      const int result = SSL_read(ssl.get(), buffer.data(), buffer.size());
      if (result <= 0) return Judge(result);
      received.append(buffer.data(), static_cast<std::size_t>(result));
    }
  }
};

HttpsConnection::HttpsConnection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpsConnection::~HttpsConnection() = default;

absl::StatusOr<std::unique_ptr<HttpsConnection>> HttpsConnection::Connect(
    const HttpsServer& server, const std::string& ca_pem) {
  HOLDFAST_ASSIGN_OR_RETURN(ContextPtr context, MakeContext(ca_pem));
  HOLDFAST_ASSIGN_OR_RETURN(Socket socket, BeginToConnect(server));
  std::unique_ptr<Impl> impl(new Impl{.socket = std::move(socket), .context = std::move(context)});
  impl->ssl.reset(SSL_new(impl->context.get()));
  impl->from_wire = BIO_new(BIO_s_mem());
  impl->to_wire = BIO_new(BIO_s_mem());
  BIO_set_mem_eof_return(impl->from_wire, -1);
  SSL_set_bio(impl->ssl.get(), impl->from_wire, impl->to_wire);
  SSL_set_connect_state(impl->ssl.get());
  HOLDFAST_RETURN_IF_ERROR(SetName(impl->ssl.get(), server));
  return std::unique_ptr<HttpsConnection>(new HttpsConnection(std::move(impl)));
}

int HttpsConnection::fd() const { return impl_->socket.fd(); }

short HttpsConnection::events() const {
  if (!impl_->connected) return POLLOUT;
  return static_cast<short>(impl_->wire_out.empty() ? POLLIN : POLLIN | POLLOUT);
}

bool HttpsConnection::closed() const { return impl_->closed; }

void HttpsConnection::Send(std::string_view bytes) { impl_->plain_out.append(bytes); }

absl::Status HttpsConnection::Work(std::string& received) {
  if (!impl_->connected) HOLDFAST_RETURN_IF_ERROR(impl_->FinishConnecting());
  if (!impl_->connected) return absl::OkStatus();
  HOLDFAST_RETURN_IF_ERROR(impl_->ReadWire());
  absl::Status status;
  if (!impl_->shaken) status = impl_->Shake();
  if (status.ok() && impl_->shaken) status = impl_->Encrypt();
  if (status.ok() && impl_->shaken) status = impl_->Decrypt(received);
  const absl::Status written = impl_->WriteWire();  // an alert says why, even after a failure
  HOLDFAST_RETURN_IF_ERROR(status);
  if (impl_->closed && !impl_->shaken) return Unavailable("TLS: closed during the handshake");
  return impl_->closed ? absl::OkStatus() : written;
}

}  // namespace holdfast::discovery

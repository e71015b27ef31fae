// Certificates and a TLS server for tests of clients.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace holdfast::test {

struct TlsIdentity {
  std::string certificate;  // PEM
  std::string key;          // PEM
};

// A certificate authority of its own: two of them do not know each other.
class TestAuthority {
 public:
  TestAuthority();
  ~TestAuthority();

  std::string pem() const;
  // For a server of these names, as X.509 writes them: "DNS:localhost,IP:127.0.0.1". It ends so
  // many seconds from now; less than nothing: it has ended.
  TlsIdentity Issue(const std::string& names, long valid_seconds = 3600) const;

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

// Listens on 127.0.0.1, one connection after the other: reads a request (its head, and a body of
// its Content-Length), writes what `answer` makes of it, says goodbye as TLS wants it and closes.
class TestTlsServer {
 public:
  using Answer = std::function<std::string(const std::string& request)>;
  enum class Goodbye { kSaid, kOmitted };  // omitted: as if the connection had been cut
  TestTlsServer(const TlsIdentity& identity, Answer answer, Goodbye goodbye = Goodbye::kSaid);
  ~TestTlsServer();

  std::uint16_t port() const;

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::test

// One TLS connection that never blocks: for long answers that arrive piece by piece.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace holdfast::discovery {

struct HttpsServer {
  std::string host;  // numeric: discovery must not need DNS
  int port = 0;
  std::string name;  // that its certificate must carry; empty: the host
};

// Not thread-safe. Whoever owns it polls fd() for events() and then calls Work.
class HttpsConnection {
 public:
  // Begins to connect. The server is believed only if `ca_pem` says so.
  static absl::StatusOr<std::unique_ptr<HttpsConnection>> Connect(const HttpsServer& server,
                                                                  const std::string& ca_pem);
  ~HttpsConnection();
  HttpsConnection(const HttpsConnection&) = delete;
  HttpsConnection& operator=(const HttpsConnection&) = delete;

  int fd() const;
  short events() const;  // of poll()

  void Send(std::string_view bytes);  // goes out in Work

  // Does what can be done now; what was received is appended. An error ends the connection:
  // refused, reset, not to be trusted. OK with closed(): the server has said all it wanted.
  absl::Status Work(std::string& received);
  bool closed() const;

 private:
  struct Impl;
  explicit HttpsConnection(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::discovery

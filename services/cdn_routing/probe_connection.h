// One question to one edge over a non-blocking socket: connect, send, read the status line.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <optional>
#include <string>
#include <vector>

namespace holdfast::cdn_routing {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

struct ProbeRequest {
  std::string path;
  std::string host_header;
};

// Not thread-safe. Never blocks. Time is the caller's business: destroy it when it takes too long.
class ProbeConnection {
 public:
  // Tries the addresses in their order; none: it never gets anywhere.
  ProbeConnection(std::vector<SocketAddress> addresses, const ProbeRequest& request);
  ~ProbeConnection();
  ProbeConnection(ProbeConnection&& other) noexcept;
  ProbeConnection& operator=(ProbeConnection&& other) noexcept;

  // What to poll for; fd is -1 (poll ignores it) while there is nothing to wait for.
  int fd() const { return fd_; }
  short events() const;

  // To be called when poll says so. Nothing while it is under way, else whether the edge is good.
  std::optional<bool> Advance();

 private:
  enum class State { kConnecting, kSending, kReading, kHopeless };

  bool ConnectToNext();
  void Close();
  std::optional<bool> Send();
  std::optional<bool> Read();

  std::vector<SocketAddress> addresses_;
  std::size_t next_address_ = 0;
  std::string request_;  // what is not sent yet
  std::string answer_;   // what was read so far
  int fd_ = -1;
  State state_ = State::kHopeless;
};

// "HTTP/1.1 204 No Content": any 2xx is good.
bool IsGoodStatusLine(std::string_view line);

}  // namespace holdfast::cdn_routing

// A socket that sends exactly the bytes a test wants sent.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::http {

class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval limit{.tv_sec = 20, .tv_usec = 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  }
  ~RawClient() { close(fd_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }

  void Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  void FinishSending() { shutdown(fd_, SHUT_WR); }

  // Up to the end of the stream.
  std::string ReadAll() {
    while (ReadSome()) {
    }
    return std::exchange(input_, {});
  }

  // One answer with a Content-Length, or the head alone.
  std::string ReadAnswer(bool head_only = false) {
    std::size_t end = std::string::npos;
    while ((end = input_.find("\r\n\r\n")) == std::string::npos) {
      if (!ReadSome()) return std::exchange(input_, {});
    }
    std::size_t size = end + 4;
    const std::size_t length = input_.find("Content-Length: ");
    if (!head_only && length < end) size += std::stoul(input_.substr(length + 16));
    while (input_.size() < size && ReadSome()) {
    }
    std::string answer = input_.substr(0, size);
    input_.erase(0, size);
    return answer;
  }

  // True when the server has closed without sending anything more.
  bool Closed() { return input_.empty() && !ReadSome() && input_.empty(); }

 private:
  bool ReadSome() {
    char buffer[64 * 1024];
    const ssize_t got = recv(fd_, buffer, sizeof(buffer), 0);
    if (got <= 0) return false;
    input_.append(buffer, static_cast<std::size_t>(got));
    return true;
  }

  const int fd_;
  bool connected_ = false;
  std::string input_;
};

}  // namespace holdfast::http

// A server that leaves at the worst moment: while a call is on its way to it.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>

#include "libs/base/check.h"

namespace holdfast::rpc {

// Says on its first connection, as soon as a call begins there, that it looks at no call and leaves
// (GOAWAY with no last stream, RFC 9113 section 6.8). Whoever connects again is led to the server
// at `target_port`. Owns its thread. Any thread.
class LeavingServer {
 public:
  explicit LeavingServer(std::uint16_t target_port) : target_port_(target_port) {
    sockaddr_in address = Loopback(0);
    HOLDFAST_CHECK(bind(listener_, Generic(address), sizeof address) == 0);
    HOLDFAST_CHECK(listen(listener_, 8) == 0);
    socklen_t size = sizeof address;
    HOLDFAST_CHECK(getsockname(listener_, Generic(address), &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Run(); });
  }
  ~LeavingServer() {
    shutdown(listener_, SHUT_RDWR);
    over_ = true;
    thread_.join();
    close(listener_);
  }

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  bool has_left() const { return left_; }

 private:
  static constexpr std::string_view kSettings{"\0\0\0\4\0\0\0\0\0", 9};
  static constexpr std::string_view kGoAway{"\0\0\10\7\0\0\0\0\0\0\0\0\0\0\0\0\0", 17};
  static constexpr std::size_t kPreface = 24;  // "PRI * HTTP/2.0 ..."
  static constexpr std::size_t kFrameHead = 9;
  static constexpr char kHeaders = 1;  // the type of the frame that begins a call

  static sockaddr_in Loopback(std::uint16_t port) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
  }
  static sockaddr* Generic(sockaddr_in& address) { return reinterpret_cast<sockaddr*>(&address); }
  static void Write(int to, std::string_view bytes) {
    HOLDFAST_CHECK(send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL) == std::ssize(bytes));
  }

  // Whether a call begins in what a client has sent so far.
  static bool HasCall(std::string_view bytes) {
    std::size_t at = kPreface;
    while (bytes.size() >= at + kFrameHead) {
      if (bytes[at + 3] == kHeaders) return true;
      const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[at + i]); };
      at += kFrameHead + (std::size_t{byte(0)} << 16 | std::size_t{byte(1)} << 8 | byte(2));
    }
    return false;
  }

  void Run() {
    const int first = accept(listener_, nullptr, nullptr);
    if (first < 0) return;
    Write(first, kSettings);
    std::string bytes;
    std::array<char, 4096> part;
    while (!HasCall(bytes)) {
      const ssize_t size = recv(first, part.data(), part.size(), 0);
      if (size <= 0) break;
      bytes.append(part.data(), static_cast<std::size_t>(size));
    }
    left_ = true;
    Write(first, kGoAway);
    const int second = accept(listener_, nullptr, nullptr);
    if (second >= 0) LeadOn(second);
    close(first);
  }

  void LeadOn(int client) {
    const int target = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = Loopback(target_port_);
    HOLDFAST_CHECK(connect(target, Generic(address), sizeof address) == 0);
    std::array<pollfd, 2> ends = {pollfd{client, POLLIN, 0}, pollfd{target, POLLIN, 0}};
    while (!over_) {
      if (poll(ends.data(), ends.size(), /*timeout_ms=*/20) <= 0) continue;
      if (!Pass(ends[0], target) || !Pass(ends[1], client)) break;
    }
    close(target);
    close(client);
  }
  static bool Pass(const pollfd& from, int to) {
    if (from.revents == 0) return true;
    std::array<char, 16384> part;
    const ssize_t size = recv(from.fd, part.data(), part.size(), 0);
    return size > 0 && send(to, part.data(), static_cast<std::size_t>(size), MSG_NOSIGNAL) == size;
  }

  const std::uint16_t target_port_;
  const int listener_ = socket(AF_INET, SOCK_STREAM, 0);
  std::uint16_t port_ = 0;
  std::atomic<bool> over_ = false;
  std::atomic<bool> left_ = false;
  std::thread thread_;
};

}  // namespace holdfast::rpc

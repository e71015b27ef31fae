#include "services/cdn_routing/probe_connection.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace holdfast::cdn_routing {
namespace {

constexpr std::size_t kMaxStatusLine = 1024;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

bool IsGoodStatusLine(std::string_view line) {
  if (!line.starts_with("HTTP/1.1 2") && !line.starts_with("HTTP/1.0 2")) return false;
  if (line.size() < 12 || !IsDigit(line[10]) || !IsDigit(line[11])) return false;
  return line.size() == 12 || line[12] == ' ';
}

ProbeConnection::ProbeConnection(std::vector<SocketAddress> addresses, const ProbeRequest& request)
    : addresses_(std::move(addresses)),
      request_("GET " + request.path + " HTTP/1.1\r\nHost: " + request.host_header +
               "\r\nUser-Agent: holdfast-probe\r\nConnection: close\r\n\r\n") {
  ConnectToNext();
}

ProbeConnection::~ProbeConnection() { Close(); }

ProbeConnection::ProbeConnection(ProbeConnection&& other) noexcept { *this = std::move(other); }

ProbeConnection& ProbeConnection::operator=(ProbeConnection&& other) noexcept {
  if (this == &other) return *this;
  Close();
  addresses_ = std::move(other.addresses_);
  next_address_ = other.next_address_;
  request_ = std::move(other.request_);
  answer_ = std::move(other.answer_);
  fd_ = std::exchange(other.fd_, -1);
  state_ = std::exchange(other.state_, State::kHopeless);
  return *this;
}

void ProbeConnection::Close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

bool ProbeConnection::ConnectToNext() {
  for (; next_address_ < addresses_.size();) {
    Close();
    const SocketAddress& address = addresses_[next_address_++];
    fd_ = ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0) continue;
    const auto* const to = reinterpret_cast<const sockaddr*>(&address.storage);
    if (::connect(fd_, to, address.length) == 0 || errno == EINPROGRESS) {
      state_ = State::kConnecting;
      return true;
    }
  }
  Close();
  state_ = State::kHopeless;
  return false;
}

short ProbeConnection::events() const { return state_ == State::kReading ? POLLIN : POLLOUT; }

std::optional<bool> ProbeConnection::Advance() {
  switch (state_) {
    case State::kConnecting: {
      int error = 0;
      socklen_t size = sizeof error;
      if (::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
        if (ConnectToNext()) return std::nullopt;
        return false;
      }
      state_ = State::kSending;
      return Send();
    }
    case State::kSending:
      return Send();
    case State::kReading:
      return Read();
    case State::kHopeless:
      return false;
  }
  return false;
}

std::optional<bool> ProbeConnection::Send() {
  const ssize_t sent = ::send(fd_, request_.data(), request_.size(), MSG_NOSIGNAL);
  if (sent < 0) {
    if (errno == EAGAIN || errno == EINTR) return std::nullopt;
    return false;
  }
  request_.erase(0, static_cast<std::size_t>(sent));
  if (request_.empty()) state_ = State::kReading;
  return std::nullopt;
}

std::optional<bool> ProbeConnection::Read() {
  char bytes[kMaxStatusLine];
  const ssize_t got = ::recv(fd_, bytes, sizeof bytes, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
  if (got <= 0) return false;
  answer_.append(bytes, static_cast<std::size_t>(got));
  const std::size_t end = answer_.find("\r\n");
  if (end != std::string::npos) return IsGoodStatusLine(std::string_view(answer_).substr(0, end));
  if (answer_.size() >= kMaxStatusLine) return false;
  return std::nullopt;
}

}  // namespace holdfast::cdn_routing

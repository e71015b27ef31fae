#include "tests/load/open_loop.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "libs/base/check.h"
#include "libs/http/head_parser.h"

namespace holdfast::load {
namespace {

constexpr int kEventsAtOnce = 128;
constexpr int kTickMs = 2;          // how late a request may be sent
constexpr std::size_t kRounds = 2;  // through all addresses before a client gives up

}  // namespace

struct OpenLoop::Line {
  Client* client = nullptr;
  std::vector<std::uint16_t> ports;
  std::size_t at = 0;  // the address in use
  int fd = -1;
  bool connected = false;
  bool kept = false;   // an answer came on this connection before
  bool waits = false;  // for an answer
  bool repeated = false;
  std::size_t refused = 0;  // of the present request
  SteadyClock::time_point due;
  std::string request;
  std::size_t sent = 0;
  std::string input;
};

OpenLoop::OpenLoop(std::chrono::milliseconds patience)
    : patience_(patience), epoll_(epoll_create1(EPOLL_CLOEXEC)), buffer_(256 << 10) {
  HOLDFAST_CHECK(epoll_ >= 0);
}

OpenLoop::~OpenLoop() {
  for (const auto& line : lines_) Disconnect(*line);
  close(epoll_);
}

void OpenLoop::Add(Client& client, std::vector<std::uint16_t> ports) {
  lines_.push_back(std::make_unique<Line>());
  lines_.back()->client = &client;
  lines_.back()->ports = std::move(ports);
}

OpenLoopCounts OpenLoop::Play(const std::function<bool()>& finished) {
  std::array<epoll_event, kEventsAtOnce> events;
  while (true) {
    const bool starting = !finished();
    if (!starting && under_way_ == 0) return counts_;
    LookAtTheClock(starting);
    const int count = epoll_wait(epoll_, events.data(), kEventsAtOnce, kTickMs);
    for (int i = 0; i < count; ++i) {
      Serve(*static_cast<Line*>(events[static_cast<std::size_t>(i)].data.ptr),
            events[static_cast<std::size_t>(i)].events);
    }
  }
}

// Few enough clients to look at each.
void OpenLoop::LookAtTheClock(bool starting) {
  const auto now = SteadyClock::now();
  for (const auto& line : lines_) {
    if (line->waits) {
      if (now - line->due > patience_) {
        Disconnect(*line);
        Finish(*line, {.trouble = "late"});
      }
    } else if (starting) {
      if (const auto due = line->client->Due(); due <= now) Begin(*line, due);
    }
  }
}

void OpenLoop::Begin(Line& line, SteadyClock::time_point due) {
  ++counts_.requests;
  ++under_way_;
  line.waits = true;
  line.repeated = false;
  line.refused = 0;
  line.due = due;
  line.request = line.client->Request();
  Attempt(line);
}

void OpenLoop::Attempt(Line& line) {
  line.sent = 0;
  line.input.clear();
  if (line.fd < 0 && !Connect(line)) return NotLetIn(line);
  if (line.connected) Send(line);
}

bool OpenLoop::Connect(Line& line) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(line.ports[line.at]);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 &&
      errno != EINPROGRESS) {
    close(fd);
    return false;
  }
  line.fd = fd;
  line.connected = line.kept = false;
  epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.ptr = &line}};
  HOLDFAST_CHECK(epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0);
  return true;
}

void OpenLoop::Disconnect(Line& line) {
  if (line.fd >= 0) close(line.fd);
  line.fd = -1;
  line.connected = line.kept = false;
}

void OpenLoop::NotLetIn(Line& line) {
  Disconnect(line);
  line.at = (line.at + 1) % line.ports.size();
  if (++line.refused >= kRounds * line.ports.size()) {
    return Finish(line, {.trouble = "refused by all"});
  }
  ++counts_.moved;
  Attempt(line);
}

void OpenLoop::Serve(Line& line, std::uint32_t events) {
  if (line.fd < 0) return;  // of a connection that was given up in this round
  if (!line.connected && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) {
    int error = 0;
    socklen_t size = sizeof(error);
    getsockopt(line.fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return NotLetIn(line);
    line.connected = true;
  }
  if (!line.connected) return;
  if (line.waits && line.sent < line.request.size()) Send(line);
  if (line.fd >= 0) Receive(line);
}

void OpenLoop::Send(Line& line) {
  while (line.sent < line.request.size()) {
    const ssize_t sent = send(line.fd, line.request.data() + line.sent,
                              line.request.size() - line.sent, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) return Ended(line);
    line.sent += static_cast<std::size_t>(sent);
  }
}

void OpenLoop::Receive(Line& line) {
  while (true) {
    const ssize_t got = recv(line.fd, buffer_.data(), buffer_.size(), 0);
    if (got < 0 && errno == EAGAIN) break;
    if (got <= 0) return Ended(line);
    line.input.append(buffer_.data(), static_cast<std::size_t>(got));
    // A whole answer may close the connection, or begin the next request on it.
    TakeAnswer(line);
    if (line.fd < 0) return;
  }
}

void OpenLoop::Ended(Line& line) {
  const bool may_repeat = line.waits && line.kept && line.input.empty() && !line.repeated;
  const bool part = !line.input.empty();
  Disconnect(line);
  if (!line.waits) return;  // an idle connection: nothing is lost
  if (!may_repeat) {
    return Finish(line, {.trouble = part ? "ended within an answer" : "ended without an answer"});
  }
  line.repeated = true;
  ++counts_.sent_again;
  Attempt(line);
}

void OpenLoop::TakeAnswer(Line& line) {
  http::HeadScanner scanner;
  if (scanner.Scan(line.input) != http::HeadScanner::Result::kComplete) return;
  http::ResponseHead head;
  if (!line.waits ||
      !http::ParseResponseHead(std::string_view(line.input).substr(0, scanner.size()), head)) {
    Disconnect(line);
    if (line.waits) Finish(line, {.trouble = "not HTTP"});
    return;
  }
  if (line.input.size() < scanner.size() + head.content_length) return;
  const std::string answer = std::move(line.input);
  line.input.clear();
  if (http::HasToken(http::FindField(head.fields, "connection"), "close")) {
    Disconnect(line);
  } else {
    line.kept = true;
  }
  // The head's views are gone with its string: read it again.
  http::ParseResponseHead(std::string_view(answer).substr(0, scanner.size()), head);
  Finish(line, {.status = head.status,
                .body = std::string_view(answer).substr(scanner.size()),
                .gzipped = http::FindField(head.fields, "content-encoding") == "gzip",
                .degraded = !http::FindField(head.fields, "x-degraded").empty()});
}

void OpenLoop::Finish(Line& line, Outcome outcome) {
  line.waits = false;
  --under_way_;
  outcome.took_ms =
      std::chrono::duration<double, std::milli>(SteadyClock::now() - line.due).count();
  line.client->Take(outcome);
}

}  // namespace holdfast::load

#include "libs/testing/tcp_gate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <list>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "libs/base/check.h"
#include "libs/base/clock.h"
#include "libs/testing/process.h"

namespace holdfast::test {
namespace {

constexpr std::size_t kMaxQueued = 256 << 10;  // per direction; beyond it the sender has to wait

struct Chunk {
  SteadyTime release_at;
  std::string bytes;
};

// One direction of a relayed connection.
struct Flow {
  int from = -1;
  int to = -1;
  bool to_client = false;
  std::deque<Chunk> queue;
  std::size_t queued = 0;
  bool source_ended = false;
  bool end_passed_on = false;
  SteadyTime next_write;  // a throttled flow may not write before
};

struct Connection {
  int client = -1;
  int server = -1;  // -1: not connected yet
  Flow up, down;
  bool broken = false;
};

constexpr char kLoopback[] = "127.0.0.1";

sockaddr_in SocketAddress(const std::string& host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  HOLDFAST_CHECK(inet_pton(AF_INET, host.c_str(), &address.sin_addr) == 1);
  return address;
}

int ListenOn(const std::string& host, std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  const sockaddr_in address = SocketAddress(host, port);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(fd, 128) != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

}  // namespace

struct TcpGate::Impl {
  std::uint16_t target_port = 0;
  std::string host = kLoopback;
  std::uint16_t port = 0;
  int wake = -1;
  std::thread thread;

  absl::Mutex mutex;
  bool stopping ABSL_GUARDED_BY(mutex) = false;
  bool cutting ABSL_GUARDED_BY(mutex) = false;  // asked for, not yet done
  bool blackhole ABSL_GUARDED_BY(mutex) = false;
  std::chrono::milliseconds delay ABSL_GUARDED_BY(mutex){0};
  std::size_t bytes_per_second ABSL_GUARDED_BY(mutex) = 0;
  std::size_t to_corrupt ABSL_GUARDED_BY(mutex) = 0;
  std::uint64_t seen ABSL_GUARDED_BY(mutex) = 0;
  int listener ABSL_GUARDED_BY(mutex) = -1;
  std::list<Connection> connections ABSL_GUARDED_BY(mutex);

  void Wake() const {
    const std::uint64_t one = 1;
    (void)!write(wake, &one, sizeof one);
  }

  void Close(Connection& connection) {
    // Reset rather than close in order: what a killed peer looks like.
    const linger now{.l_onoff = 1, .l_linger = 0};
    for (const int fd : {connection.client, connection.server}) {
      if (fd < 0) continue;
      setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
      close(fd);
    }
  }

  void CloseAll() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    for (Connection& connection : connections) Close(connection);
    connections.clear();
  }

  // By the relay's own thread: a socket that another thread polls stays open after its close().
  void CloseListenerAndAll() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    if (listener >= 0) close(listener);
    listener = -1;
    CloseAll();
    cutting = false;
  }

  void Accept() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    while (true) {
      const int client = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (client < 0) return;
      const int one = 1;
      setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      ++seen;
      connections.emplace_back();
      connections.back().client = client;
    }
  }

  void ConnectToTarget(Connection& connection) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = SocketAddress(kLoopback, target_port);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      close(fd);
      connection.broken = true;
      return;
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    const int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    connection.server = fd;
    connection.up.from = connection.down.to = connection.client;
    connection.up.to = connection.down.from = fd;
    connection.down.to_client = true;
  }

  void ReadFrom(Connection& connection, Flow& flow, SteadyTime now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    while (flow.queued < kMaxQueued) {
      char buffer[16 << 10];
      const ssize_t size = recv(flow.from, buffer, sizeof buffer, 0);
      if (size == 0) flow.source_ended = true;
      if (size < 0 && errno != EAGAIN) connection.broken = true;
      if (size <= 0) return;
      if (flow.to_client) {
        const std::size_t spoil = std::min(to_corrupt, static_cast<std::size_t>(size));
        for (std::size_t i = 0; i < spoil; ++i) buffer[i] = static_cast<char>(~buffer[i]);
        to_corrupt -= spoil;
      }
      flow.queue.push_back({now + delay, std::string(buffer, static_cast<std::size_t>(size))});
      flow.queued += static_cast<std::size_t>(size);
    }
  }

  void WriteTo(Connection& connection, Flow& flow, SteadyTime now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    while (!flow.queue.empty() && flow.queue.front().release_at <= now) {
      if (bytes_per_second > 0 && flow.next_write > now) return;
      std::string& bytes = flow.queue.front().bytes;
      std::size_t allowed = bytes.size();
      // A hundredth of a second's worth at a time.
      if (bytes_per_second > 0) {
        allowed = std::min(allowed, std::max<std::size_t>(bytes_per_second / 100, 1));
      }
      const ssize_t size = send(flow.to, bytes.data(), allowed, MSG_NOSIGNAL);
      if (size < 0) {
        if (errno != EAGAIN) connection.broken = true;
        return;
      }
      if (bytes_per_second > 0) {
        flow.next_write = now + std::chrono::nanoseconds(std::chrono::seconds(1)) * size /
                                    static_cast<std::int64_t>(bytes_per_second);
      }
      flow.queued -= static_cast<std::size_t>(size);
      bytes.erase(0, static_cast<std::size_t>(size));
      if (bytes.empty()) flow.queue.pop_front();
    }
    if (flow.queue.empty() && flow.source_ended && !flow.end_passed_on) {
      shutdown(flow.to, SHUT_WR);
      flow.end_passed_on = true;
    }
  }

  // Moves what may move now.
  void Pump(SteadyTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    if (listener >= 0) Accept();
    if (blackhole) return;
    for (auto it = connections.begin(); it != connections.end();) {
      if (it->server < 0) ConnectToTarget(*it);
      for (Flow* flow : {&it->up, &it->down}) {
        if (!it->broken && !flow->source_ended) ReadFrom(*it, *flow, now);
        if (!it->broken) WriteTo(*it, *flow, now);
      }
      if (it->broken || (it->up.end_passed_on && it->down.end_passed_on)) {
        Close(*it);
        it = connections.erase(it);
      } else {
        ++it;
      }
    }
  }

  // What to wait for, and how long at most.
  int Prepare(std::vector<pollfd>& fds, SteadyTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    fds.assign(1, {wake, POLLIN, 0});
    if (listener >= 0) fds.push_back({listener, POLLIN, 0});
    if (blackhole) return -1;
    SteadyTime next = SteadyTime::max();
    for (const Connection& connection : connections) {
      for (const Flow* flow : {&connection.up, &connection.down}) {
        if (!flow->source_ended && flow->queued < kMaxQueued)
          fds.push_back({flow->from, POLLIN, 0});
        if (flow->queue.empty()) continue;
        const SteadyTime due =
            std::max(flow->queue.front().release_at,
                     bytes_per_second > 0 ? flow->next_write : SteadyTime::min());
        if (due <= now) {
          fds.push_back({flow->to, POLLOUT, 0});
        } else {
          next = std::min(next, due);
        }
      }
    }
    if (next == SteadyTime::max()) return -1;
    return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(next - now).count());
  }

  void Begin() {
    wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    thread = std::thread([this] { Run(); });
  }

  void Run() {
    std::vector<pollfd> fds;
    while (true) {
      int timeout = 0;
      {
        absl::MutexLock lock(&mutex);
        if (stopping) return;
        if (cutting) CloseListenerAndAll();
        Pump(std::chrono::steady_clock::now());
        timeout = Prepare(fds, std::chrono::steady_clock::now());
      }
      poll(fds.data(), fds.size(), timeout);
      std::uint64_t ignored;
      if (fds[0].revents != 0) (void)!read(wake, &ignored, sizeof ignored);
    }
  }
};

TcpGate::TcpGate(std::uint16_t target_port) : impl_(std::make_unique<Impl>()) {
  impl_->target_port = target_port;
  {
    absl::MutexLock lock(&impl_->mutex);
    for (int attempt = 0; attempt < 10 && impl_->listener < 0; ++attempt) {
      impl_->port = FreePort();
      impl_->listener = ListenOn(impl_->host, impl_->port);
    }
    HOLDFAST_CHECK(impl_->listener >= 0);
  }
  impl_->Begin();
}

TcpGate::TcpGate(std::uint16_t target_port, const std::string& address, std::uint16_t port)
    : impl_(std::make_unique<Impl>()) {
  impl_->target_port = target_port;
  impl_->host = address;
  impl_->port = port;
  {
    absl::MutexLock lock(&impl_->mutex);
    impl_->listener = ListenOn(impl_->host, impl_->port);
    HOLDFAST_CHECK(impl_->listener >= 0);
  }
  impl_->Begin();
}

TcpGate::~TcpGate() {
  {
    absl::MutexLock lock(&impl_->mutex);
    impl_->stopping = true;
  }
  impl_->Wake();
  impl_->thread.join();
  absl::MutexLock lock(&impl_->mutex);
  impl_->CloseListenerAndAll();
  close(impl_->wake);
}

std::uint16_t TcpGate::port() const { return impl_->port; }

std::string TcpGate::address() const { return impl_->host + ":" + std::to_string(impl_->port); }

void TcpGate::Open() {
  {
    absl::MutexLock lock(&impl_->mutex);
    impl_->blackhole = false;
    impl_->delay = {};
    impl_->bytes_per_second = 0;
    impl_->to_corrupt = 0;
    if (impl_->listener < 0) impl_->listener = ListenOn(impl_->host, impl_->port);
    HOLDFAST_CHECK(impl_->listener >= 0);
  }
  impl_->Wake();
}

void TcpGate::Cut() {
  absl::MutexLock lock(&impl_->mutex);
  impl_->cutting = true;
  impl_->Wake();
  impl_->mutex.Await(absl::Condition(
      +[](bool* cutting) { return !*cutting; }, &impl_->cutting));
}

void TcpGate::Blackhole() {
  {
    absl::MutexLock lock(&impl_->mutex);
    impl_->blackhole = true;
    if (impl_->listener < 0) impl_->listener = ListenOn(impl_->host, impl_->port);
    HOLDFAST_CHECK(impl_->listener >= 0);
  }
  impl_->Wake();
}

void TcpGate::Delay(std::chrono::milliseconds each_way) {
  {
    absl::MutexLock lock(&impl_->mutex);
    impl_->delay = each_way;
  }
  impl_->Wake();
}

void TcpGate::Throttle(std::size_t bytes_per_second) {
  {
    absl::MutexLock lock(&impl_->mutex);
    impl_->bytes_per_second = bytes_per_second;
  }
  impl_->Wake();
}

void TcpGate::CorruptNextBytes(std::size_t count) {
  absl::MutexLock lock(&impl_->mutex);
  impl_->to_corrupt += count;
}

std::uint64_t TcpGate::connections_seen() const {
  absl::MutexLock lock(&impl_->mutex);
  return impl_->seen;
}

}  // namespace holdfast::test

// One thread of a server: its io_context, its listening socket, its connections and the sweep that
// ends the slow ones. Connections of one thread are touched by that thread only.
#pragma once

#include <atomic>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "libs/admission/pool_metrics.h"
#include "libs/base/random.h"
#include "libs/http/loop_probe.h"
#include "libs/http/route_table.h"
#include "libs/http/server.h"
#include "libs/telemetry/metrics.h"

namespace holdfast::http {

namespace asio = boost::asio;

// With the executor's own type: the type-erased one costs an allocation and a call per operation.
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, Executor>;

class Connection;

// SplitMix64 without a lock: for trace ids, on one thread.
class ThreadRandom final : public Random {
 public:
  std::uint64_t Next() override {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_ = SecureSeed();
};

// What all threads of a server share; filled before they start.
struct ServerState {
  ServerState(const ServerOptions& o, std::unique_ptr<RouteTable> r, telemetry::Metrics& metrics);

  // Handles live as long as the Metrics they came from; nothing is counted after the server died.
  const ServerOptions options;
  const std::unique_ptr<RouteTable> routes;
  RouteMetrics unmatched;  // 404
  RouteMetrics malformed;  // refused before a route was looked for
  telemetry::Gauge connections_gauge;
  telemetry::Gauge shed_level;
  admission::ShedCounters shed;
  std::atomic<bool> draining{false};

  absl::Mutex mutex;
  std::int64_t connections ABSL_GUARDED_BY(mutex) = 0;
  std::int64_t listening ABSL_GUARDED_BY(mutex) = 0;  // threads that may still bring one
};

class IoThread : public std::enable_shared_from_this<IoThread> {
 public:
  explicit IoThread(std::shared_ptr<ServerState> state);
  ~IoThread();

  // Listens; UNAVAILABLE when the port is taken. `port` 0: any. Before Run.
  absl::Status Listen(std::uint16_t port, bool shared_port);
  std::uint16_t port() const { return port_; }
  void Run();

  // From any thread: takes the connections that already wait, stops accepting, gives idle ones a
  // moment (their next request may be on its way) and closes them.
  void Drain();
  // From any thread: closes everything and joins. Posted work is refused afterwards.
  void Stop();

  // Runs `function` on this thread. False, and it is not run, after Stop.
  template <class Function>
  bool Post(Function&& function) {
    absl::MutexLock lock(&mutex_);
    if (stopped_) return false;
    asio::post(io_, std::forward<Function>(function));
    return true;
  }
  bool IsCurrent() const { return current_ == this; }

  ServerState& state() { return *state_; }
  asio::io_context& io() { return io_; }
  Random& random() { return random_; }
  LoopProbe& probe() { return *probe_; }
  // Counts what it does not admit.
  bool Admits(Criticality criticality, std::string_view who);

  // When a connection made now is asked to leave; the maximum: never.
  std::chrono::steady_clock::time_point RetirementOf(std::chrono::steady_clock::time_point now);

  // "Date: ...\r\n", made once per second. This thread only.
  std::string_view DateLine();

  // Called by connections. This thread only.
  void Link(Connection& connection);
  void Unlink(Connection& connection);

 private:
  void Accept();
  void StoppedListening();
  void OnAccepted(Socket socket);
  void AcceptWaiting(int at_most);
  bool IsFull() const;
  void ScheduleSweep();
  void Sweep();
  std::chrono::milliseconds SweepInterval() const;

  static thread_local const IoThread* current_;

  const std::shared_ptr<ServerState> state_;
  // One thread runs it and touches its sockets; others only post. So the reactor needs no locks.
  asio::io_context io_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO};
  Acceptor acceptor_{io_};
  Timer sweep_timer_{io_};
  Timer accept_pause_{io_};
  std::uint16_t port_ = 0;
  bool listening_ = false;  // I/O thread only, as are the next two
  bool accepting_ = false;  // the handler of an accept is still to come
  bool stopping_ = false;
  Connection* connections_ = nullptr;  // intrusive list, I/O thread only
  std::string date_line_;
  std::int64_t date_second_ = 0;
  ThreadRandom random_;
  const std::shared_ptr<LoopProbe> probe_ = std::make_shared<LoopProbe>(io_, random_);
  std::thread thread_;

  absl::Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace holdfast::http

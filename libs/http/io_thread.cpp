#include "libs/http/io_thread.h"

#include <fmt/format.h>
#include <pthread.h>
#include <sys/socket.h>

#include <algorithm>
#include <csignal>
#include <ctime>

#include "libs/admission/retry_advice.h"
#include "libs/base/status.h"
#include "libs/http/connection.h"
#include "libs/telemetry/log.h"

namespace holdfast::http {
namespace {

using boost::system::error_code;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kBacklog = 4096;
// Beside the first, before the connections that are there get their turn again: a burst of boxes
// that start does not wait a turn of a busy loop for each of them.
constexpr int kAcceptsATurn = 64;
constexpr milliseconds kDrainGrace(100);   // for requests on their way to a closing server
constexpr milliseconds kAcceptPause(100);  // after running out of descriptors

using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

RouteMetrics MakeRouteMetrics(std::string_view server, std::string_view route,
                              telemetry::Metrics& metrics) {
  return RouteMetrics(
      server, route,
      metrics.CounterFamily("holdfast_http_requests_total", "HTTP requests answered.",
                            {"server", "route", "code"}),
      metrics.HistogramFamily("holdfast_http_seconds",
                              "From the last byte of a request to the last byte of its answer.",
                              {"server", "route"}));
}

// sendfile(2) to a client that has gone raises a signal, and knows no flag against it.
void IgnoreBrokenPipes() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

}  // namespace

thread_local const IoThread* IoThread::current_ = nullptr;

ServerState::ServerState(const ServerOptions& o, std::unique_ptr<RouteTable> r,
                         telemetry::Metrics& metrics)
    : options(o),
      routes(std::move(r)),
      unmatched(MakeRouteMetrics(o.name, "unmatched", metrics)),
      malformed(MakeRouteMetrics(o.name, "malformed", metrics)),
      connections_gauge(
          metrics.GaugeFamily("holdfast_http_connections", "HTTP connections open now.", {"server"})
              .With({o.name})),
      shed_level(
          metrics
              .GaugeFamily("holdfast_http_shed_level",
                           "Classes of requests that are refused: 0 none, 1 bulk, 2 background "
                           "too, 3 interactive too.",
                           {"server"})
              .With({o.name})),
      shed(o.name, metrics) {
  for (const auto& route : routes->routes()) {
    route->metrics = MakeRouteMetrics(o.name, route->pattern, metrics);
  }
}

IoThread::IoThread(std::shared_ptr<ServerState> state) : state_(std::move(state)) {}

IoThread::~IoThread() = default;

absl::Status IoThread::Listen(std::uint16_t port, bool shared_port) {
  const ServerOptions& options = state_->options;
  error_code error;
  const auto address = asio::ip::make_address(options.bind_address, error);
  if (error) return InvalidArgument("bind address {} is not numeric", options.bind_address);
  const asio::ip::tcp::endpoint endpoint(address, port);
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(Acceptor::reuse_address(true), error);
  if (!error && shared_port) acceptor_.set_option(ReusePort(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(kBacklog, error);
  if (!error) acceptor_.non_blocking(true, error);
  if (!error) port_ = acceptor_.local_endpoint(error).port();
  if (error) {
    error_code ignored;
    acceptor_.close(ignored);
    return Unavailable("cannot listen on {}:{}: {}", options.bind_address, port, error.message());
  }
  return absl::OkStatus();
}

void IoThread::Run() {
  listening_ = true;
  {
    absl::MutexLock lock(&state_->mutex);
    ++state_->listening;
  }
  Accept();
  ScheduleSweep();
  thread_ = std::thread([self = shared_from_this()] {
    IgnoreBrokenPipes();
    current_ = self.get();
    self->io_.run();
    current_ = nullptr;
  });
  pthread_setname_np(thread_.native_handle(),
                     ("http-" + state_->options.name).substr(0, 15).c_str());
}

void IoThread::Accept() {
  accepting_ = true;
  acceptor_.async_accept([self = shared_from_this()](error_code error, Socket socket) {
    self->accepting_ = false;
    // Accepted, perhaps, just before we stopped to listen: it was told that it is connected.
    if (!error && !self->stopping_) {
      self->OnAccepted(std::move(socket));
      self->AcceptWaiting(kAcceptsATurn);
    }
    if (!self->acceptor_.is_open()) return self->StoppedListening();
    if (!error) return self->Accept();
    if (error == asio::error::no_descriptors || error == asio::error::no_buffer_space ||
        error == asio::error::no_memory) {
      if (telemetry::ShouldLog("http accept")) {
        telemetry::Log(telemetry::Warning, "cannot accept", {{"reason", error.message()}});
      }
      self->accept_pause_.expires_after(kAcceptPause);
      self->accept_pause_.async_wait([self](error_code) {
        if (self->acceptor_.is_open()) self->Accept();
      });
      return;
    }
    self->Accept();
  });
}

void IoThread::OnAccepted(Socket socket) {
  error_code ignored;
  if (IsFull()) {
    const std::string full = fmt::format(
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: {}\r\nContent-Length: 0\r\n"
        "Connection: close\r\n\r\n",
        admission::RetryAfter(Criticality::kInteractive, random_).count());
    (void)::send(socket.native_handle(), full.data(), full.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return;
  }
  socket.non_blocking(true, ignored);
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  const auto connection = std::make_shared<Connection>(shared_from_this(), std::move(socket));
  connection->Start();
  // One that comes while we drain is answered if it asks soon.
  if (state_->draining) connection->LeaveIfIdleAt(steady_clock::now() + kDrainGrace);
}

bool IoThread::IsFull() const {
  absl::MutexLock lock(&state_->mutex);
  return state_->connections >= state_->options.max_connections;
}

void IoThread::StoppedListening() {
  if (!listening_) return;
  listening_ = false;
  absl::MutexLock lock(&state_->mutex);
  --state_->listening;
}

void IoThread::AcceptWaiting(int at_most) {
  for (int i = 0; i < at_most; ++i) {
    error_code error;
    Socket socket = acceptor_.accept(error);
    if (error) return;  // nobody waits, or what Accept() will be told too
    OnAccepted(std::move(socket));
  }
}

void IoThread::Link(Connection& connection) {
  connection.previous_ = nullptr;
  connection.next_ = connections_;
  if (connections_ != nullptr) connections_->previous_ = &connection;
  connections_ = &connection;
  state_->connections_gauge.Add(1);
  absl::MutexLock lock(&state_->mutex);
  ++state_->connections;
}

void IoThread::Unlink(Connection& connection) {
  if (connection.previous_ != nullptr) connection.previous_->next_ = connection.next_;
  if (connection.next_ != nullptr) connection.next_->previous_ = connection.previous_;
  if (connections_ == &connection) connections_ = connection.next_;
  connection.previous_ = connection.next_ = nullptr;
  state_->connections_gauge.Add(-1);
  absl::MutexLock lock(&state_->mutex);
  --state_->connections;
}

bool IoThread::Admits(Criticality criticality, std::string_view who) {
  if (!state_->options.sheds || probe_->load().Admits(criticality, who)) return true;
  state_->shed.Add(criticality, Refusal::kBusy);
  return false;
}

steady_clock::time_point IoThread::RetirementOf(steady_clock::time_point now) {
  const milliseconds age = state_->options.max_connection_age;
  if (age.count() == 0) return steady_clock::time_point::max();
  return now + std::chrono::duration_cast<milliseconds>(age * (0.9 + 0.2 * random_.Uniform()));
}

milliseconds IoThread::SweepInterval() const {
  if (state_->draining) return milliseconds(20);
  const milliseconds shortest =
      std::min(state_->options.idle_timeout, state_->options.read_timeout);
  return std::clamp(shortest / 4, milliseconds(10), milliseconds(1000));
}

void IoThread::ScheduleSweep() {
  sweep_timer_.expires_after(SweepInterval());
  sweep_timer_.async_wait([self = shared_from_this()](error_code) {
    if (self->stopping_) return;
    self->Sweep();
    self->ScheduleSweep();
  });
}

void IoThread::Sweep() {
  const auto now = steady_clock::now();
  for (Connection* connection = connections_; connection != nullptr;) {
    Connection* const next = connection->next_;
    connection->CloseIfExpired(now);  // unlinks only itself
    connection = next;
  }
}

void IoThread::Drain() {
  Post([self = shared_from_this()] {
    if (!self->acceptor_.is_open()) return;
    self->AcceptWaiting(kBacklog);
    error_code ignored;
    self->acceptor_.close(ignored);
    if (!self->accepting_) self->StoppedListening();  // or else its handler says so
    const auto until = steady_clock::now() + kDrainGrace;
    for (Connection* c = self->connections_; c != nullptr; c = c->next_) c->LeaveIfIdleAt(until);
    self->sweep_timer_.cancel();  // its handler schedules the next one sooner
  });
}

void IoThread::Stop() {
  Post([self = shared_from_this()] {
    self->stopping_ = true;
    error_code ignored;
    self->acceptor_.close(ignored);
    self->accept_pause_.cancel();
    self->sweep_timer_.cancel();
    self->probe_->Close();
    while (self->connections_ != nullptr) self->connections_->Close();
  });
  if (thread_.joinable()) thread_.join();
  {
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
  }
  // What was posted between the end of the loop and the refusal holds connections alive.
  io_.restart();
  io_.poll();
}

std::string_view IoThread::DateLine() {
  const std::time_t now = std::time(nullptr);
  if (now != date_second_) {
    date_second_ = now;
    std::tm utc{};
    gmtime_r(&now, &utc);
    char text[64];
    const std::size_t size =
        std::strftime(text, sizeof(text), "Date: %a, %d %b %Y %T GMT\r\n", &utc);
    date_line_.assign(text, size);
  }
  return date_line_;
}

}  // namespace holdfast::http

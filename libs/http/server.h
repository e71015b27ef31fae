// A strict HTTP/1.1 server (Boost.Asio underneath, with a parser of its own that takes no memory
// per request): keep-alive, one request at a time per connection, head and body in one gather
// write.
//
// Strict: exactly one Host in HTTP/1.1, no Content-Length with Transfer-Encoding, no differing
// lengths, no obs-fold, no bare LF, bounded head (431) and body (413), slow clients are cut off,
// HEAD is GET without the body, Expect: 100-continue is honoured.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "libs/base/deadline.h"
#include "libs/base/worker_pool.h"
#include "libs/http/message.h"
#include "libs/telemetry/metrics.h"

namespace holdfast::http {

// Sends the one answer to one request; may be kept and used later from any thread. Dropped without
// an answer it sends 500.
class Reply {
 public:
  class Target {
   public:
    virtual ~Target() = default;
    virtual void Send(Response response) = 0;
  };

  explicit Reply(std::shared_ptr<Target> target) : target_(std::move(target)) {}
  Reply(Reply&&) noexcept = default;
  Reply& operator=(Reply&&) noexcept = default;
  ~Reply();

  void Send(Response response);

 private:
  std::shared_ptr<Target> target_;  // null once sent
};

// Runs on an I/O thread: must not block. `request` is valid until the reply is sent.
using Handler = std::function<void(const Request& request, Reply reply)>;

// From memory, on the I/O thread.
Handler Inline(std::function<Response(const Request&)> function);
// May block; runs on the pool, by the class of its route. A pool that refuses answers 503 with
// Retry-After. What had to wait is not begun when its client has left meanwhile (counted as 499),
// or when it is past Request::deadline().
Handler Worker(WorkerPool& pool, std::function<Response(const Request&)> function);

class RouteTable;

// Routes by method and path. Patterns: "/v1/keys/{channel}/{period}"; a last "{rest*}" takes the
// remaining segments. Unknown path: 404; known path with another method: 405 with Allow.
class Router {
 public:
  Router();
  ~Router();
  Router(Router&&) noexcept;

  // `criticality`: when there is too much to do, requests below critical may be answered 503.
  void Add(std::string_view method, std::string_view pattern, Handler handler,
           Criticality criticality = Criticality::kInteractive);
  void Get(std::string_view pattern, Handler handler,
           Criticality criticality = Criticality::kInteractive) {
    Add("GET", pattern, std::move(handler), criticality);
  }
  void Post(std::string_view pattern, Handler handler,
            Criticality criticality = Criticality::kInteractive) {
    Add("POST", pattern, std::move(handler), criticality);
  }
  // GET and POST with one handler: set-top boxes use either.
  void Any(std::string_view pattern, Handler handler,
           Criticality criticality = Criticality::kInteractive);

 private:
  friend class Server;
  std::unique_ptr<RouteTable> table_;
};

struct ServerOptions {
  std::string name = "public";  // label of the metrics
  std::string bind_address = "127.0.0.1";
  std::uint16_t port = 0;  // 0: any free one
  std::int64_t io_threads = 1;
  std::int64_t max_connections = 20000;
  std::int64_t max_head_bytes = 16 * 1024;
  std::int64_t max_body_bytes = 1 << 20;
  std::chrono::milliseconds idle_timeout = std::chrono::seconds(75);  // between requests
  std::chrono::milliseconds read_timeout = std::chrono::seconds(10);  // of one request
  // So long after its request a client is thought to wait for the answer: see Request::deadline.
  std::chrono::milliseconds client_patience = std::chrono::seconds(10);
  // An older connection is closed after its next answer. Jittered by a tenth. Zero: never.
  std::chrono::milliseconds max_connection_age = std::chrono::milliseconds(0);
  bool sheds = true;  // false: every request is handled, for operators
};

// Start once; Drain from any thread.
class Server {
 public:
  Server(const ServerOptions& options, Router router, telemetry::Metrics& metrics);
  ~Server();

  absl::Status Start();  // UNAVAILABLE: the port is taken
  std::uint16_t port() const;

  // Brings the gauges up to date; before a scrape.
  void UpdateMetrics() const;

  // Stops accepting, answers what is in flight with Connection: close, closes idle connections,
  // returns when all are closed or the deadline passed.
  void Drain(Deadline deadline);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::http

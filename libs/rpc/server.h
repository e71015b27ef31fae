// The gRPC side of a program: serves ServiceTables, answers grpc.health.v1, sheds what is too late
// or too much, drains without a failed call.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "libs/base/random.h"
#include "libs/base/worker_pool.h"
#include "libs/rpc/service.h"
#include "libs/security/tls.h"
#include "libs/telemetry/metrics.h"

namespace holdfast::rpc {

struct ServerOptions {
  std::string bind_address = "127.0.0.1";
  std::uint16_t port = 0;  // 0: any free one
  std::int64_t worker_threads = 8;
  std::int64_t max_waiting = 512;  // worker calls in line; beyond: RESOURCE_EXHAUSTED
  std::int64_t max_streams = 64;
  security::TlsFiles tls;  // empty: plaintext
};

// Register first, then Start, then Drain from any thread. Handlers run on gRPC's threads (inline),
// the pool (worker) or a thread of their own (stream).
class Server {
 public:
  Server(const ServerOptions& options, const Clock& clock, Random& random,
         telemetry::Metrics& metrics);
  ~Server();

  // Broken invariant if the table does not match its proto.
  void Register(const ServiceTable& table);

  absl::Status Start();  // UNAVAILABLE: the port is taken
  std::uint16_t port() const;

  // Health answers NOT_SERVING, new calls are still served for `announce` (callers take notice;
  // longer than their probe_interval), then no new ones are accepted, streams end at once so that
  // followers open them elsewhere, running calls finish until `deadline`, the rest is cancelled.
  // Returns when all have ended; a second call does nothing.
  void Drain(Duration announce, Deadline deadline);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::rpc

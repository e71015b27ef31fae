// The gRPC side of a program: serves ServiceTables, answers grpc.health.v1, sheds what is too late
// or too much (libs/admission), drains without a failed call.
//
// A call that was shed is answered RESOURCE_EXHAUSTED with grpc-retry-pushback-ms; one whose caller
// waits no more, DEADLINE_EXCEEDED. Neither has reached its handler.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "libs/admission/pool_options.h"
#include "libs/base/clock.h"
#include "libs/base/random.h"
#include "libs/rpc/service.h"
#include "libs/security/tls.h"
#include "libs/telemetry/metrics.h"

namespace holdfast::rpc {

struct ServerOptions {
  std::string bind_address = "127.0.0.1";
  std::uint16_t port = 0;          // 0: any free one
  admission::PoolOptions workers;  // of worker calls
  std::int64_t max_streams = 64;
  // A connection that is older is asked to leave after its present calls, so that load spreads over
  // new instances. Jittered by a tenth. Zero: never: our own callers spread each call themselves
  // (decision 0034), only others behind a balancer need it, and it costs each call.
  std::chrono::milliseconds max_connection_age = {};
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

  // Brings the gauges up to date; before a scrape.
  void UpdateMetrics() const;

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

// The only way to a neighbour. A Channel is all healthy instances of one service.
//
//   absl::StatusOr<v1::Entitlement> answer = billing.Invoke<v1::Entitlement>(
//       call, "holdfast.billing.v1.Billing/GetEntitlement", request, {.timeout = 150ms});
//
// In order: deadline (the caller's remaining time, less a margin, at most `timeout`; passed =
// DEADLINE_EXCEEDED at once) -> max_in_flight -> breaker of the neighbour -> choice of instance ->
// breaker of the instance -> call.
//
// A call that failed because of the instance (UNAVAILABLE, DEADLINE_EXCEEDED of the try,
// RESOURCE_EXHAUSTED, INTERNAL from the transport) is tried on another instance, at most twice, if
// its method is idempotent (idempotency_level in the proto) or the instance said that it did not
// begin; within the deadline and a budget (retry_budget.h). Business errors never count against an
// instance. The breaker of the neighbour counts only calls that no instance answered at all.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "libs/config/knobs.h"
#include "libs/discovery/directory.h"
#include "libs/rpc/call.h"
#include "libs/security/tls.h"

namespace holdfast::rpc {

// Knobs of one neighbour.
struct PeerOptions {
  std::chrono::milliseconds timeout = std::chrono::milliseconds(500);      // of a whole call
  std::chrono::milliseconds try_timeout = std::chrono::milliseconds(200);  // of one try
  std::int64_t max_in_flight = 256;  // beyond: RESOURCE_EXHAUSTED at once
  std::int64_t failures_to_open = 5;
  std::chrono::milliseconds open_for = std::chrono::seconds(2);
  std::chrono::milliseconds probe_interval = std::chrono::milliseconds(250);

  void Describe(config::Knobs& k);
};

struct InvokeOptions {
  std::chrono::milliseconds timeout = std::chrono::milliseconds(0);  // 0: the neighbour's
};

// What a stream of responses gives; Read blocks.
class StreamReader {
 public:
  virtual ~StreamReader() = default;  // cancels the call
  // True: `message` was filled. False: the stream ended, was cancelled, or nothing came before the
  // deadline (then status() is DEADLINE_EXCEEDED and the stream is of no more use).
  virtual bool Read(google::protobuf::Message& message, Deadline deadline) = 0;
  virtual absl::Status status() const = 0;
  // Thread-safe; makes a blocked Read return.
  virtual void Cancel() = 0;
};

struct ChannelEnvironment {  // what a Channel borrows; all must outlive it
  discovery::Directory& directory;
  const Clock& clock;
  Random& random;
  telemetry::Metrics& metrics;
  security::TlsFiles tls;
  std::string own_zone;
};

// Thread-safe. Invoke blocks its thread: use it on worker threads and in jobs (inside an inline
// handler or a `done` it refuses: INTERNAL). Start never blocks. The destructor waits for running
// calls, which end by their deadlines; stream readers must be gone before.
class Channel {
 public:
  Channel(std::string service, const PeerOptions& options, const ChannelEnvironment& environment);
  ~Channel();
  Channel(Channel&&) noexcept;

  // `method` is "package.Service/Method"; the types must be the method's.
  template <class Response>
  absl::StatusOr<Response> Invoke(const Call& call, std::string_view method,
                                  const google::protobuf::Message& request,
                                  const InvokeOptions& options = {}) {
    Response response;
    absl::Status status = InvokeInto(call, method, request, response, options);
    if (!status.ok()) return status;
    return response;
  }
  absl::Status InvokeInto(const Call& call, std::string_view method,
                          const google::protobuf::Message& request,
                          google::protobuf::Message& response, const InvokeOptions& options = {});

  // The same without blocking; `done` runs once, on a gRPC thread, or inside Start when the call
  // cannot begin: do not block in it and do not destroy the Channel. `response` is filled before
  // `done` runs and must live until then; `request` only until Start returns.
  void Start(const Call& call, std::string_view method, const google::protobuf::Message& request,
             google::protobuf::Message& response, const InvokeOptions& options,
             std::function<void(absl::Status)> done);

  // Opens a stream of responses from one healthy instance, without waiting for it: Read tells. The
  // stream itself has no deadline. Never null.
  std::unique_ptr<StreamReader> OpenStream(const Call& call, std::string_view method,
                                           const google::protobuf::Message& request);

  const std::string& service() const;
  bool has_healthy_instance() const;

  // What this instance thinks of every peer and why: a readable page.
  std::string Describe() const;
  // The same page from a function that may outlive the channel; it then answers "".
  std::function<std::string()> Describer() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace holdfast::rpc

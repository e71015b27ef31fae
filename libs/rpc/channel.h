// The only way to a neighbour. A Channel is all healthy instances of one service.
//
//   absl::StatusOr<v1::Entitlement> answer = billing.Invoke<v1::Entitlement>(
//       call, "holdfast.billing.v1.Billing/GetEntitlement", request, {.timeout = 150ms});
//
// In order: deadline (the caller's remaining time, less a margin, at most `timeout`; passed =
// DEADLINE_EXCEEDED at once) -> max_in_flight, less for what matters less -> choice of instance ->
// breaker of the neighbour -> call, and the breaker of the instance learns from it.
//
// A call that failed because of the instance (UNAVAILABLE, DEADLINE_EXCEEDED of the try,
// RESOURCE_EXHAUSTED, INTERNAL from the transport) is tried on another instance after a short
// random pause, at most twice, if its method is idempotent (idempotency_level in the proto) or the
// instance said that it did not begin; within the deadline and a budget (retry_budget.h). A read
// marked `hedged` in the proto is asked of a second instance when it takes longer than 95 % of its
// kind. Business errors never count against an instance. The breaker of the neighbour counts only
// calls that no instance answered at all. A caller that cancels (Call::cancellation) cancels its
// calls, and the instances hear of it. docs/resilience.md tells the whole story.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "libs/discovery/directory.h"
#include "libs/rpc/call.h"
#include "libs/rpc/peer_options.h"
#include "libs/security/tls.h"

namespace holdfast::rpc {

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

class FaultPlan;

struct ChannelEnvironment {  // what a Channel borrows; all must outlive it
  discovery::Directory& directory;
  const Clock& clock;
  Random& random;
  telemetry::Metrics& metrics;
  security::TlsFiles tls;
  std::string own_zone;
  FaultPlan* faults = nullptr;  // null: no faults are made on purpose
};

class Neighbour;

// What an operator may see and change of a channel. A value; may outlive the channel, which is then
// gone: "" and UNAVAILABLE. Thread-safe.
class ChannelControl {
 public:
  explicit ChannelControl(const std::shared_ptr<Neighbour>& neighbour);

  const std::string& service() const { return service_; }
  // What this instance thinks of every peer and why: a readable page.
  std::string Describe() const;
  // The knobs in effect, "name = value" lines.
  std::string ShowOptions() const;
  // Sets knobs as in {"try_timeout=80ms"}, for calls that begin from now on. INVALID_ARGUMENT names
  // the one at fault, and nothing is changed.
  absl::Status ChangeOptions(const std::vector<std::string>& assignments) const;

 private:
  std::string service_;
  std::weak_ptr<Neighbour> neighbour_;
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
  // stream itself has no deadline; it counts as a call under way until it is destroyed, and a
  // caller that cancels ends it. Never null.
  std::unique_ptr<StreamReader> OpenStream(const Call& call, std::string_view method,
                                           const google::protobuf::Message& request);

  const std::string& service() const;
  bool has_healthy_instance() const;

  ChannelControl Control() const;
  std::string Describe() const { return Control().Describe(); }

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace holdfast::rpc

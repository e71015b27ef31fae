// The wire to one instance of a neighbour: gRPC behind an interface that does not show it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "google/protobuf/message.h"
#include "libs/base/deadline.h"
#include "libs/rpc/call.h"
#include "libs/rpc/call_rules.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/under_way.h"
#include "libs/security/tls.h"

namespace holdfast::rpc {

// A request in wire form, made once and sent as often as tried. Immutable.
struct EncodedRequest;
std::shared_ptr<const EncodedRequest> EncodeRequest(const google::protobuf::Message& request);

// Beside the request.
struct Headers {
  std::string traceparent;
  std::optional<Criticality> criticality;  // nothing: as the method is declared
};

// A stream of responses as the wire gives it; see StreamReader.
class WireStream {
 public:
  enum class Result { kMessage, kEnded, kLate };

  virtual ~WireStream() = default;  // cancels
  virtual Result Read(google::protobuf::Message& message, Duration wait) = 0;
  virtual TryResult result() const = 0;  // once ended
  virtual void Cancel() = 0;
};

class ConnectionEvents;
struct UnaryState;
struct Wire;

// A unary call as the wire needs it. What it refers to must live until the call is done.
struct UnaryRequest {
  const std::string& path;  // "/package.Service/Method"
  const Headers& headers;
  std::shared_ptr<const EncodedRequest> encoded;
  google::protobuf::Message* response = nullptr;  // null: the answer is of no interest
};

// To give up on a call that is under way; it then ends soon, with CANCELLED. A value; holds
// nothing.
class CancelHandle {
 public:
  CancelHandle() = default;
  explicit CancelHandle(const std::shared_ptr<UnaryState>& state) : state_(state) {}

  void Cancel() const;

 private:
  std::weak_ptr<UnaryState> state_;
};

// Thread-safe. Connects by itself and again after every break (0.1 s to 1 s between attempts).
// Callbacks run on gRPC's threads, never inside the call that asked for them, and hold what they
// need. A Connection may be dropped while calls are under way, but not on a thread of gRPC's while
// it may be the last one: see UnderWay, where every call has a place.
class Connection {
 public:
  using Done = absl::AnyInvocable<void(const TryResult&)>;
  enum class Health { kServing, kNotServing, kNoAnswer };

  // `material` empty: plaintext. `tls_name`: the name the instance's certificate must bear.
  Connection(const std::string& address, const security::PemMaterial& material,
             const std::string& tls_name, std::shared_ptr<UnderWay> under_way);
  ~Connection();

  // `done` runs once, at the latest when `time` has passed.
  CancelHandle Start(UnaryRequest request, Duration time, Done done);

  std::unique_ptr<WireStream> OpenStream(const std::string& path, const Headers& headers,
                                         const std::shared_ptr<const EncodedRequest>& request);

  // grpc.health.v1: one question.
  void AskHealth(Duration time, std::function<void(Health, std::string why)> done);

 private:
  friend class ConnectionEvents;
  std::shared_ptr<Wire> wire_;
};

// Breaks and returns of connections, for one thread that looks at them now and then.
class ConnectionEvents {
 public:
  enum class Event { kConnected, kLost };
  using Callback = std::function<void(Event)>;

  ConnectionEvents();
  ~ConnectionEvents();  // the looking thread must have left

  // Any thread. `callback` runs on the thread inside Look, until `listener` has expired.
  void Watch(Connection& connection, std::weak_ptr<const void> listener, Callback callback);

  // Runs the callbacks of what has changed since it was called last, and connects what is idle. One
  // that broke and came back in between has not changed. One thread at a time; never blocks.
  void Look();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::rpc

#include "libs/rpc/connection.h"

#include <fmt/format.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <climits>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "grpc/health/v1/health.pb.h"
#include "libs/base/status.h"
#include "libs/rpc/grpc_wire.h"
#include "libs/rpc/inline_thread.h"
#include "libs/rpc/wire_stream.h"

namespace holdfast::rpc {

namespace {

std::shared_ptr<grpc::ChannelCredentials> Credentials(const security::PemMaterial& material) {
  if (material.ca.empty()) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = material.ca;
  options.pem_private_key = material.key;
  options.pem_cert_chain = material.certificate;
  return grpc::SslCredentials(options);
}

grpc::ChannelArguments Arguments(const security::PemMaterial& material,
                                 const std::string& tls_name) {
  grpc::ChannelArguments arguments;
  if (!material.ca.empty()) arguments.SetSslTargetNameOverride(tls_name);
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetMaxSendMessageSize(kMaxMessageBytes);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 300);  // also the time a connect may take
  // All retries are ours (decision 0008): with gRPC's own a client spends a seventh more.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // Our servers compress nothing: two filters less in the way of each call.
  arguments.SetInt(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  // Probes keep a connection busy for good: the filter that would notice idleness costs each call.
  arguments.SetInt(GRPC_ARG_CLIENT_IDLE_TIMEOUT_MS, INT_MAX);
  arguments.SetInt(GRPC_ARG_ENABLE_CHANNELZ, 0);
  // A connection that a partition killed is made anew instead of waiting for TCP to give up.
  // Shorter than 5 s would kill healthy connections of a process that is short of CPU.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 3000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  return arguments;
}

}  // namespace

// What calls hold of their connection.
struct Wire {
  Wire(std::shared_ptr<grpc::Channel> c, std::shared_ptr<UnderWay> u)
      : under_way(std::move(u)), channel(std::move(c)), stub(channel) {}

  const std::shared_ptr<UnderWay> under_way;
  const std::shared_ptr<grpc::Channel> channel;
  grpc::GenericStub stub;
};

// Everything one unary call needs until it is done. gRPC knows its address only: it owns itself.
struct UnaryState {
  UnaryState(std::shared_ptr<Wire> w, UnaryRequest r, Connection::Done d)
      : place(w->under_way->Enter()),
        wire(std::move(w)),
        request(std::move(r)),
        done(std::move(d)) {}

  const UnderWay::Place place;  // destroyed last
  const std::shared_ptr<Wire> wire;
  const UnaryRequest request;
  Connection::Done done;
  std::shared_ptr<UnaryState> self;    // until gRPC is done with it
  std::shared_ptr<UnaryState> before;  // the same call, sent first: CancelHandles know that one
  grpc::ClientContext context;
  grpc::ByteBuffer bytes;

  absl::Mutex mutex;
  bool cancelled ABSL_GUARDED_BY(mutex) = false;
  std::weak_ptr<UnaryState> again ABSL_GUARDED_BY(mutex);  // goes on in its place
};

namespace {

TryResult ResultOf(const UnaryState& state, const grpc::Status& status) {
  if (!status.ok()) return FailureOf(status, state.context);
  google::protobuf::Message* response = state.request.response;
  if (response != nullptr && !Decode(state.bytes, *response)) {
    return {Internal("the answer is not a {}", response->GetDescriptor()->full_name()),
            Origin::kTransport};
  }
  return {absl::OkStatus(), Origin::kHandler};
}

void Send(std::shared_ptr<UnaryState> state);

// A call that its server never looked at, because the connection was leaving or gone when it began,
// is sent once more: also one that must not run twice. False: it has ended.
bool SendAgain(const std::shared_ptr<UnaryState>& state, const TryResult& failure) {
  if (state->before != nullptr || !NeverLookedAt(failure)) return false;
  auto again = std::make_shared<UnaryState>(state->wire, state->request, nullptr);
  again->context.set_deadline(state->context.raw_deadline());
  again->before = state;
  {
    absl::MutexLock lock(&state->mutex);
    if (state->cancelled) return false;
    again->done = std::move(state->done);
    state->again = again;
  }
  Send(std::move(again));
  return true;
}

void Ended(UnaryState& ended, const grpc::Status& status) {
  const InlineThreadScope scope;
  const UnderWay::Place place = ended.place;  // until nothing else is held here
  std::shared_ptr<UnaryState> state = std::move(ended.self);
  const TryResult result = ResultOf(*state, status);
  if (!result.status.ok() && SendAgain(state, result)) return;
  Connection::Done done = std::move(state->done);
  state.reset();
  done(result);
}

void Send(std::shared_ptr<UnaryState> state) {
  UnaryState& call = *state;
  call.self = std::move(state);
  AddHeaders(call.request.headers, call.context);
  call.wire->stub.UnaryCall(&call.context, call.request.path, grpc::StubOptions(),
                            &call.request.encoded->bytes, &call.bytes,
                            [&call](const grpc::Status& status) { Ended(call, status); });
}

}  // namespace

void CancelHandle::Cancel() const {
  std::shared_ptr<UnaryState> state = state_.lock();
  while (state) {
    state->context.TryCancel();
    std::shared_ptr<UnaryState> again;
    {
      absl::MutexLock lock(&state->mutex);
      state->cancelled = true;
      again = state->again.lock();
    }
    state = std::move(again);
  }
}

std::shared_ptr<const EncodedRequest> EncodeRequest(const google::protobuf::Message& request) {
  return std::make_shared<const EncodedRequest>(EncodedRequest{Encode(request)});
}

Connection::Connection(const std::string& address, const security::PemMaterial& material,
                       const std::string& tls_name, std::shared_ptr<UnderWay> under_way)
    : wire_(std::make_shared<Wire>(
          grpc::CreateCustomChannel(address, Credentials(material), Arguments(material, tls_name)),
          std::move(under_way))) {
  wire_->channel->GetState(/*try_to_connect=*/true);
}

Connection::~Connection() = default;

CancelHandle Connection::Start(UnaryRequest request, Duration time, Done done) {
  auto state = std::make_shared<UnaryState>(wire_, std::move(request), std::move(done));
  state->context.set_deadline(GrpcDeadlineAfter(time));
  const CancelHandle handle(state);
  Send(std::move(state));
  return handle;
}

std::unique_ptr<WireStream> Connection::OpenStream(
    const std::string& path, const Headers& headers,
    const std::shared_ptr<const EncodedRequest>& request) {
  return OpenWireStream(wire_->channel, wire_->under_way->Enter(), path, headers, request);
}

void Connection::AskHealth(Duration time, std::function<void(Health, std::string why)> done) {
  // Never destroyed: a probe may still begin while the program ends.
  static const auto& path = *new std::string("/grpc.health.v1.Health/Check");
  static const auto& headers = *new Headers();
  static const auto& request = *new std::shared_ptr<const EncodedRequest>(
      EncodeRequest(grpc::health::v1::HealthCheckRequest()));
  auto answer = std::make_shared<grpc::health::v1::HealthCheckResponse>();
  Start({.path = path, .headers = headers, .encoded = request, .response = answer.get()}, time,
        [answer, done = std::move(done)](const TryResult& result) {
          using Answer = grpc::health::v1::HealthCheckResponse;
          if (!result.status.ok()) return done(Health::kNoAnswer, ToString(result.status));
          const bool serving = answer->status() == Answer::SERVING;
          done(serving ? Health::kServing : Health::kNotServing, "");
        });
}

struct ConnectionEvents::Impl {
  struct Watched {
    std::shared_ptr<grpc::Channel> channel;
    std::weak_ptr<const void> listener;
    Callback callback;
    bool connected = false;
  };

  // Looking costs an atomic read. A thread that waits for gRPC to say it becomes one of those that
  // serve the network, and they take work from each other (measured: a tenth of a client's work).
  void Look() {
    std::vector<Watched> looked;
    {
      absl::MutexLock lock(&mutex);
      looked.swap(watched);
    }
    std::erase_if(looked, [](Watched& one) {
      const std::shared_ptr<const void> listener = one.listener.lock();
      if (!listener) return true;
      const bool connected = one.channel->GetState(/*try_to_connect=*/true) == GRPC_CHANNEL_READY;
      if (std::exchange(one.connected, connected) != connected) {
        one.callback(connected ? Event::kConnected : Event::kLost);
      }
      return false;
    });
    absl::MutexLock lock(&mutex);
    std::move(watched.begin(), watched.end(), std::back_inserter(looked));  // came meanwhile
    watched.swap(looked);
  }

  absl::Mutex mutex;
  std::vector<Watched> watched ABSL_GUARDED_BY(mutex);
};

ConnectionEvents::ConnectionEvents() : impl_(std::make_unique<Impl>()) {}

ConnectionEvents::~ConnectionEvents() = default;

void ConnectionEvents::Watch(Connection& connection, std::weak_ptr<const void> listener,
                             Callback callback) {
  absl::MutexLock lock(&impl_->mutex);
  impl_->watched.push_back({connection.wire_->channel, std::move(listener), std::move(callback)});
}

void ConnectionEvents::Look() { impl_->Look(); }

}  // namespace holdfast::rpc

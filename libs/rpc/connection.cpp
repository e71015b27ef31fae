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
  // For what never reached the server, because the connection was leaving just then. All other
  // retries are ours and go to another instance.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 1);
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

// Everything one unary call needs until it is done.
struct UnaryState {
  explicit UnaryState(UnderWay::Place p) : place(std::move(p)) {}

  const UnderWay::Place place;  // destroyed last
  grpc::ClientContext context;
  std::shared_ptr<const EncodedRequest> request;
  grpc::ByteBuffer bytes;
  google::protobuf::Message* response = nullptr;
  Connection::Done done;
};

namespace {

TryResult ResultOf(const UnaryState& state, const grpc::Status& status) {
  if (!status.ok()) return FailureOf(status, state.context);
  if (state.response != nullptr && !Decode(state.bytes, *state.response)) {
    return {Internal("the answer is not a {}", state.response->GetDescriptor()->full_name()),
            Origin::kTransport};
  }
  return {absl::OkStatus(), Origin::kHandler};
}

}  // namespace

void CancelHandle::Cancel() const {
  if (const auto state = state_.lock()) state->context.TryCancel();
}

struct Connection::Impl {
  Impl(std::shared_ptr<grpc::Channel> c, std::shared_ptr<UnderWay> u)
      : under_way(std::move(u)), channel(std::move(c)), stub(channel) {}

  const std::shared_ptr<UnderWay> under_way;
  const std::shared_ptr<grpc::Channel> channel;
  grpc::GenericStub stub;
};

std::shared_ptr<const EncodedRequest> EncodeRequest(const google::protobuf::Message& request) {
  return std::make_shared<const EncodedRequest>(EncodedRequest{Encode(request)});
}

Connection::Connection(const std::string& address, const security::PemMaterial& material,
                       const std::string& tls_name, std::shared_ptr<UnderWay> under_way)
    : impl_(std::make_shared<Impl>(
          grpc::CreateCustomChannel(address, Credentials(material), Arguments(material, tls_name)),
          std::move(under_way))) {
  impl_->channel->GetState(/*try_to_connect=*/true);
}

Connection::~Connection() = default;

CancelHandle Connection::Start(const std::string& path, const Headers& headers,
                               const std::shared_ptr<const EncodedRequest>& request, Duration time,
                               google::protobuf::Message* response, Done done) {
  auto state = std::make_shared<UnaryState>(impl_->under_way->Enter());
  AddHeaders(headers, state->context);
  state->context.set_deadline(GrpcDeadlineAfter(time));
  state->request = request;
  state->response = response;
  state->done = std::move(done);
  const CancelHandle handle(state);
  UnaryState& call = *state;
  impl_->stub.UnaryCall(&call.context, path, grpc::StubOptions(), &call.request->bytes, &call.bytes,
                        [state = std::move(state)](const grpc::Status& status) mutable {
                          const InlineThreadScope scope;
                          const UnderWay::Place place =
                              state->place;  // until nothing else is held here
                          const TryResult result = ResultOf(*state, status);
                          const Done call_done = std::move(state->done);
                          state.reset();
                          call_done(result);
                        });
  return handle;
}

std::unique_ptr<WireStream> Connection::OpenStream(
    const std::string& path, const Headers& headers,
    const std::shared_ptr<const EncodedRequest>& request) {
  return OpenWireStream(impl_->channel, impl_->under_way->Enter(), path, headers, request);
}

void Connection::AskHealth(Duration time, std::function<void(Health, std::string why)> done) {
  // Never destroyed: a probe may still begin while the program ends.
  static const auto& request = *new std::shared_ptr<const EncodedRequest>(
      EncodeRequest(grpc::health::v1::HealthCheckRequest()));
  auto answer = std::make_shared<grpc::health::v1::HealthCheckResponse>();
  Start("/grpc.health.v1.Health/Check", Headers(), request, time, answer.get(),
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
  impl_->watched.push_back({connection.impl_->channel, std::move(listener), std::move(callback)});
}

void ConnectionEvents::Look() { impl_->Look(); }

}  // namespace holdfast::rpc

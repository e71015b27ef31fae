#include "libs/rpc/server.h"

#include <fmt/format.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <thread>
#include <utility>

#include "libs/base/check.h"
#include "libs/base/status.h"
#include "libs/rpc/grpc_wire.h"
#include "libs/rpc/method_table.h"
#include "libs/rpc/server_calls.h"
#include "libs/rpc/server_core.h"
#include "libs/telemetry/log.h"

namespace holdfast::rpc {

namespace {

// Unary methods, registered as generated code registers raw ones: gRPC has read the request when it
// tells of the call, one operation less than a generic stream of one message (measured: a twentieth
// of the server's work).
class UnaryService final : public grpc::Service {
 public:
  void Add(ServerCore& core, const ServedMethod& method) {
    using grpc::internal::RpcMethod;
    using grpc::internal::RpcServiceMethod;
    AddMethod(new RpcServiceMethod(method.path.c_str(), RpcMethod::NORMAL_RPC, nullptr));
    MarkMethodRawCallback(
        count_++,
        new grpc::internal::CallbackUnaryHandler<grpc::ByteBuffer, grpc::ByteBuffer>(
            [&core, &method](grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                             grpc::ByteBuffer* response) {
              return ServeUnary(core, method, *context, *request, *response);
            }));
  }

  // What the server calls itself by.
  void AddLoop(LoopProbe& loop) {
    using grpc::internal::RpcMethod;
    using grpc::internal::RpcServiceMethod;
    AddMethod(new RpcServiceMethod(LoopProbe::kMethod, RpcMethod::NORMAL_RPC, nullptr));
    MarkMethodRawCallback(
        count_++,
        new grpc::internal::CallbackUnaryHandler<grpc::ByteBuffer, grpc::ByteBuffer>(
            [&loop](grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                    grpc::ByteBuffer* response) {
              grpc::Slice mark;
              const bool ours =
                  request->TrySingleSlice(&mark).ok() &&
                  loop.Arrived({reinterpret_cast<const char*>(mark.begin()), mark.size()});
              *response = *request;
              auto* reactor = context->DefaultReactor();
              reactor->Finish(ours
                                  ? grpc::Status::OK
                                  : grpc::Status(grpc::StatusCode::PERMISSION_DENIED, "not yours"));
              return reactor;
            }));
  }

 private:
  int count_ = 0;
};

// Streams, and what is not served here.
class GenericService final : public grpc::CallbackGenericService {
 public:
  explicit GenericService(ServerCore& core) : core_(core) {}

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    return ServeStream(core_, core_.Find(context->method()), *context);
  }

 private:
  ServerCore& core_;
};

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> Credentials(
    const security::TlsFiles& files) {
  if (!files.enabled()) return grpc::InsecureServerCredentials();
  HOLDFAST_ASSIGN_OR_RETURN(const security::PemMaterial material, security::ReadTlsFiles(files));
  grpc::SslServerCredentialsOptions options(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = material.ca;
  options.pem_key_cert_pairs.push_back({material.key, material.certificate});
  return grpc::SslServerCredentials(options);
}

void SetArguments(const ServerOptions& options, grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.SetMaxSendMessageSize(kMaxMessageBytes);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // two servers on one port: an error
  // Callers ping to notice partitions; that is not abuse. We ping to free the streams of callers
  // that are gone without a word.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 10000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5000);
  // Answers are not compressed: a filter less in the way of each call. Requests of others may be.
  builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0);
  builder.AddChannelArgument(GRPC_ARG_ENABLE_CHANNELZ, 0);
  if (options.max_connection_age.count() > 0) {
    // gRPC jitters it. Streams that are open then may stay: they end when their reader wants.
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                               static_cast<int>(options.max_connection_age.count()));
  }
}

}  // namespace

struct Server::Impl {
  Impl(const ServerOptions& o, const Clock& clock, Random& random, telemetry::Metrics& metrics)
      : options(o), core(options, clock, random, metrics), streams(core) {
    unary.AddLoop(core.loop);
  }

  const ServerOptions options;
  ServerCore core;
  UnaryService unary;
  GenericService streams;
  int port = 0;
  absl::Mutex drain_mutex;               // one drain at a time
  std::unique_ptr<grpc::Server> server;  // null: not started, or drained
};

Server::Server(const ServerOptions& options, const Clock& clock, Random& random,
               telemetry::Metrics& metrics)
    : impl_(std::make_unique<Impl>(options, clock, random, metrics)) {}

Server::~Server() { Drain(Duration::zero(), Deadline::After(std::chrono::seconds(1))); }

void Server::Register(const ServiceTable& table) {
  HOLDFAST_CHECK(impl_->server == nullptr);
  CheckAgainstProto(table);
  for (const ServiceTable::Method& method : table.methods()) {
    const std::string label = table.full_name() + "/" + method.name;
    const auto& metrics = impl_->core.metrics;
    auto& served = impl_->core.methods["/" + label];
    HOLDFAST_CHECK(served == nullptr);
    const auto& descriptor = MethodByName(label);
    served = std::make_unique<ServedMethod>(
        ServedMethod{.label = label,
                     .path = "/" + label,
                     .method = method,
                     .criticality = DeclaredCriticality(descriptor),
                     .kind = NewJobKind(),
                     .response_type = descriptor.output_type(),
                     .answered_ok = metrics.requests.With({label, "", "OK"}),
                     .seconds = metrics.seconds.With({label})});
    if (!method.stream) impl_->unary.Add(impl_->core, *served);
  }
}

absl::Status Server::Start() {
  HOLDFAST_ASSIGN_OR_RETURN(auto credentials, Credentials(impl_->options.tls));
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  SetArguments(impl_->options, builder);
  const std::string address =
      fmt::format("{}:{}", impl_->options.bind_address, impl_->options.port);
  builder.AddListeningPort(address, std::move(credentials), &impl_->port);
  builder.RegisterService(&impl_->unary);
  builder.RegisterCallbackGenericService(&impl_->streams);
  impl_->server = builder.BuildAndStart();
  if (impl_->server == nullptr || impl_->port == 0) {
    impl_->server.reset();
    return Unavailable("cannot listen on {}", address);
  }
  impl_->core.loop.Open(*impl_->server);
  return absl::OkStatus();
}

std::uint16_t Server::port() const { return static_cast<std::uint16_t>(impl_->port); }

void Server::UpdateMetrics() const {
  ServerCore& core = impl_->core;
  // Where nobody calls any more the level would stay as it was.
  if (core.inline_load.sheds()) core.loop.Tick(core.clock.SteadyNow());
  core.admission.Update(core.workers);
  core.metrics.inline_shed_level.Set(core.inline_load.level());
}

void Server::Drain(Duration announce, Deadline deadline) {
  absl::MutexLock one_at_a_time(&impl_->drain_mutex);
  if (impl_->server == nullptr) return;
  impl_->server->GetHealthCheckService()->SetServingStatus(false);
  if (announce > Duration::zero()) {
    telemetry::Log(telemetry::Info, "draining: callers are told");
    std::this_thread::sleep_for(announce);
  }
  impl_->core.streams.StopForDrain();
  impl_->core.loop.Close();
  impl_->server->Shutdown(GrpcDeadlineAfter(deadline.Remaining(impl_->core.clock)));
  impl_->server.reset();
}

}  // namespace holdfast::rpc

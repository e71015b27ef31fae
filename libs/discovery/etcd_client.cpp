#include "libs/discovery/etcd_client.h"

#include <grpc/support/time.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/check.h"
#include "libs/base/status.h"
#include "libs/security/secret_file.h"

namespace holdfast::discovery {
namespace {

using namespace std::chrono_literals;
using namespace etcdserverpb;

// Of one call to one member. Long enough for a busy etcd (its own bound for a proposal is 5 s under
// an election, but then the next member or the next try is as good).
constexpr Duration kCallTimeout = 1500ms;

absl::Status FromGrpc(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

// The first key after all that begin with `prefix`.
std::string EndOfPrefix(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
  if (end.empty()) return std::string(1, '\0');
  end.back() = static_cast<char>(end.back() + 1);
  return end;
}

// Relative to the monotonic clock: a machine whose clock is set must not lose its calls.
gpr_timespec DeadlineAfter(Duration timeout) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_nanos(timeout.count(), GPR_TIMESPAN));
}

void AddToken(grpc::ClientContext& context, const std::string& token) {
  if (!token.empty()) context.AddMetadata("token", token);
}

}  // namespace

struct EtcdClient::Member {
  std::string endpoint;
  std::shared_ptr<grpc::Channel> channel;
};

// The calls under way. A call leaves in two steps: End() when gRPC is done with it, so that it is
// not cancelled any more, and Gone() when its context is destroyed. The second matters because a
// context holds the channel: were the last reference to a channel dropped by one of gRPC's own
// threads, that thread would destroy the completion queue that it is serving. So the client
// outlives all contexts.
struct EtcdClient::Pending {
  absl::Mutex mutex;
  absl::flat_hash_set<grpc::ClientContext*> contexts ABSL_GUARDED_BY(mutex);
  int not_gone ABSL_GUARDED_BY(mutex) = 0;

  void Begin(grpc::ClientContext* context) {
    absl::MutexLock lock(&mutex);
    contexts.insert(context);
    ++not_gone;
  }
  void End(grpc::ClientContext* context) {
    absl::MutexLock lock(&mutex);
    contexts.erase(context);
  }
  void Gone() {
    absl::MutexLock lock(&mutex);
    --not_gone;
  }
  void CancelAndWait() {
    const auto none = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) { return not_gone == 0; };
    absl::MutexLock lock(&mutex);
    for (grpc::ClientContext* context : contexts) context->TryCancel();
    mutex.Await(absl::Condition(&none));
  }
};

EtcdClient::EtcdClient(EtcdAccess access, EventLoop& loop)
    : access_(std::move(access)), loop_(loop), pending_(std::make_shared<Pending>()) {
  HOLDFAST_CHECK(!access_.endpoints.empty());
  for (const std::string& endpoint : access_.endpoints) {
    members_.push_back(
        std::make_unique<Member>(Member{endpoint, MakeEtcdChannel(access_, endpoint)}));
  }
}

EtcdClient::~EtcdClient() { pending_->CancelAndWait(); }

const EtcdClient::Member& EtcdClient::MemberAt(std::size_t member) const {
  return *members_[member % members_.size()];
}

const std::string& EtcdClient::endpoint(std::size_t member) const {
  return MemberAt(member).endpoint;
}

void EtcdClient::Login(std::size_t member, std::function<void(absl::Status)> then) {
  if (access_.user.empty() || !token_.empty()) return then(absl::OkStatus());
  awaiting_token_.push_back(std::move(then));
  if (awaiting_token_.size() > 1) return;
  const absl::StatusOr<std::string> password = security::ReadTrimmedSecret(access_.password_file);
  if (!password.ok()) return LoggedIn(password.status());
  AuthenticateRequest request;
  request.set_name(access_.user);
  request.set_password(*password);
  CallWithoutLogin<AuthenticateRequest, AuthenticateResponse>(
      member, "/etcdserverpb.Auth/Authenticate", std::move(request), kCallTimeout,
      [this](const auto& answer) { LoggedIn(answer); });
}

void EtcdClient::LoggedIn(const absl::StatusOr<AuthenticateResponse>& answer) {
  absl::Status status = answer.status();
  if (answer.ok()) token_ = answer->token();
  if (absl::IsFailedPrecondition(status)) status = absl::OkStatus();  // etcd asks nobody's name
  for (const auto& then : std::exchange(awaiting_token_, {})) then(status);
}

void EtcdClient::LookForRefusal(const absl::Status& status) {
  // "invalid auth token"; "revision of auth store is old", "user name is empty".
  if (absl::IsUnauthenticated(status) || absl::IsInvalidArgument(status)) token_.clear();
}

template <class Request, class Response>
void EtcdClient::Call(std::size_t member, const char* method, Request request, Duration timeout,
                      Done<Response> done) {
  Login(member, [this, member, method, request = std::move(request), timeout,
                 done = std::move(done)](const absl::Status& status) {
    if (!status.ok()) return done(status);
    CallWithoutLogin<Request, Response>(member, method, request, timeout,
                                        [this, done](absl::StatusOr<Response> answer) {
                                          LookForRefusal(answer.status());
                                          done(std::move(answer));
                                        });
  });
}

template <class Request, class Response>
void EtcdClient::CallWithoutLogin(std::size_t member, const char* method, Request request,
                                  Duration timeout, Done<Response> done) {
  struct State {
    grpc::ClientContext context;
    Request request;
    Response response;
  };
  auto state = std::make_shared<State>();
  state->request = std::move(request);
  state->context.set_deadline(DeadlineAfter(timeout));
  AddToken(state->context, token_);
  pending_->Begin(&state->context);
  grpc::TemplatedGenericStub<Request, Response> stub(MemberAt(member).channel);
  stub.UnaryCall(&state->context, method, {}, &state->request, &state->response,
                 [state, done = std::move(done), &loop = loop_,
                  pending = pending_](grpc::Status status) mutable {
                   loop.Post([done = std::move(done), status = FromGrpc(status),
                              response = std::move(state->response)]() mutable {
                     if (!status.ok()) return done(std::move(status));
                     done(std::move(response));
                   });
                   pending->End(&state->context);
                   state.reset();
                   pending->Gone();
                 });
}

void EtcdClient::List(std::size_t member, std::string_view prefix, Done<RangeResponse> done) {
  RangeRequest request;
  request.set_key(std::string(prefix));
  request.set_range_end(EndOfPrefix(prefix));
  Call(member, "/etcdserverpb.KV/Range", std::move(request), kCallTimeout, std::move(done));
}

void EtcdClient::Get(std::size_t member, std::string_view key, Done<RangeResponse> done) {
  RangeRequest request;
  request.set_key(std::string(key));
  Call(member, "/etcdserverpb.KV/Range", std::move(request), kCallTimeout, std::move(done));
}

void EtcdClient::Put(std::size_t member, const PutRequest& request, Done<PutResponse> done) {
  Call(member, "/etcdserverpb.KV/Put", request, kCallTimeout, std::move(done));
}

void EtcdClient::GrantLease(std::size_t member, std::chrono::seconds ttl,
                            Done<LeaseGrantResponse> done) {
  LeaseGrantRequest request;
  request.set_ttl(ttl.count());
  Call(member, "/etcdserverpb.Lease/LeaseGrant", request, kCallTimeout, std::move(done));
}

void EtcdClient::RevokeLease(std::size_t member, std::int64_t lease, Duration timeout,
                             Done<LeaseRevokeResponse> done) {
  LeaseRevokeRequest request;
  request.set_id(lease);
  Call(member, "/etcdserverpb.Lease/LeaseRevoke", request, timeout, std::move(done));
}

// etcd keeps leases alive over a stream only; one question and one answer per stream gives each
// renewal its own deadline. Deletes itself.
class EtcdClient::KeepAliveCall final
    : public grpc::ClientBidiReactor<LeaseKeepAliveRequest, LeaseKeepAliveResponse> {
 public:
  KeepAliveCall(EtcdClient& client, std::size_t member, std::int64_t lease, Duration timeout,
                Done<LeaseKeepAliveResponse> done)
      : loop_(client.loop_), pending_(client.pending_), done_(std::move(done)) {
    request_.set_id(lease);
    context_.set_deadline(DeadlineAfter(timeout));
    AddToken(context_, client.token_);
    pending_->Begin(&context_);
    grpc::TemplatedGenericStub<LeaseKeepAliveRequest, LeaseKeepAliveResponse> stub(
        client.MemberAt(member).channel);
    stub.PrepareBidiStreamingCall(&context_, "/etcdserverpb.Lease/LeaseKeepAlive", {}, this);
    StartWriteLast(&request_, {});
    StartRead(&response_);
    StartCall();
  }

  void OnReadDone(bool ok) override {
    if (!ok || answered_) return;
    answered_ = true;
    StartRead(&nothing_);  // to the end of the stream
  }

  void OnDone(const grpc::Status& status) override {
    loop_.Post([done = std::move(done_), status = FromGrpc(status), answered = answered_,
                response = std::move(response_)]() mutable {
      if (answered) return done(std::move(response));
      done(status.ok() ? Unavailable("lease stream ended without an answer") : status);
    });
    const std::shared_ptr<Pending> pending = pending_;
    pending->End(&context_);
    delete this;
    pending->Gone();
  }

 private:
  EventLoop& loop_;
  const std::shared_ptr<Pending> pending_;
  Done<LeaseKeepAliveResponse> done_;
  grpc::ClientContext context_;
  LeaseKeepAliveRequest request_;
  LeaseKeepAliveResponse response_;
  LeaseKeepAliveResponse nothing_;
  bool answered_ = false;
};

void EtcdClient::KeepAlive(std::size_t member, std::int64_t lease, Duration timeout,
                           Done<LeaseKeepAliveResponse> done) {
  const Duration shortest = std::min(timeout, kCallTimeout);
  Login(member, [this, member, lease, shortest, done = std::move(done)](const absl::Status& login) {
    if (!login.ok()) return done(login);
    new KeepAliveCall(*this, member, lease, shortest, [this, done](auto answer) {
      LookForRefusal(answer.status());
      done(std::move(answer));
    });
  });
}

// Lives until gRPC is done with the stream; shares itself with its handle through `context_`, which
// the handle may only cancel.
class EtcdClient::WatchCall final : public grpc::ClientBidiReactor<WatchRequest, WatchResponse>,
                                    public std::enable_shared_from_this<WatchCall> {
 public:
  WatchCall(EtcdClient& client, WatchOrder order)
      : loop_(client.loop_),
        pending_(client.pending_),
        order_(std::make_shared<const WatchOrder>(std::move(order))),
        context_(std::in_place) {
    AddToken(*context_, client.token_);
  }

  ~WatchCall() override {
    context_.reset();
    pending_->Gone();
  }

  void Start(grpc::TemplatedGenericStub<WatchRequest, WatchResponse> stub) {
    self_ = shared_from_this();
    WatchCreateRequest& create = *request_.mutable_create_request();
    create.set_key(order_->prefix);
    create.set_range_end(EndOfPrefix(order_->prefix));
    create.set_start_revision(order_->revision);
    pending_->Begin(&*context_);
    stub.PrepareBidiStreamingCall(&*context_, "/etcdserverpb.Watch/Watch", {}, this);
    StartWrite(&request_);
    StartRead(&response_);
    StartCall();
  }

  void Cancel() { context_->TryCancel(); }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    loop_.Post([order = order_, response = std::move(response_)] { order->changed(response); });
    response_.Clear();
    StartRead(&response_);
  }

  void OnDone(const grpc::Status& status) override {
    loop_.Post([order = order_, status = FromGrpc(status)] { order->ended(status); });
    pending_->End(&*context_);
    const std::shared_ptr<WatchCall> self = std::move(self_);  // may be the last
  }

 private:
  EventLoop& loop_;
  const std::shared_ptr<Pending> pending_;
  const std::shared_ptr<const WatchOrder> order_;
  std::shared_ptr<WatchCall> self_;             // while gRPC may call
  std::optional<grpc::ClientContext> context_;  // until the destructor
  WatchRequest request_;
  WatchResponse response_;
};

class EtcdClient::WatchHandle final : public Stream {
 public:
  explicit WatchHandle(std::shared_ptr<WatchCall> call) : call_(std::move(call)) {}
  ~WatchHandle() override { call_->Cancel(); }

 private:
  const std::shared_ptr<WatchCall> call_;
};

std::unique_ptr<EtcdClient::Stream> EtcdClient::Watch(std::size_t member, WatchOrder order) {
  auto call = std::make_shared<WatchCall>(*this, std::move(order));
  call->Start(grpc::TemplatedGenericStub<WatchRequest, WatchResponse>(MemberAt(member).channel));
  return std::make_unique<WatchHandle>(std::move(call));
}

}  // namespace holdfast::discovery

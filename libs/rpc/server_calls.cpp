#include "libs/rpc/server_calls.h"

#include <grpc/support/time.h>

#include <atomic>
#include <optional>
#include <string>
#include <utility>

#include "libs/admission/retry_advice.h"
#include "libs/base/check.h"
#include "libs/base/status.h"
#include "libs/rpc/call_rules.h"
#include "libs/rpc/cancellation.h"
#include "libs/rpc/grpc_wire.h"
#include "libs/rpc/inline_thread.h"
#include "libs/telemetry/trace.h"

namespace holdfast::rpc {

namespace {

using Context = grpc::CallbackServerContext;

std::string_view Header(const Context& context, const char* key) {
  const auto it = context.client_metadata().find(key);
  if (it == context.client_metadata().end()) return {};
  return {it->second.data(), it->second.size()};
}

Deadline DeadlineOf(const Context& context, SteadyTime now) {
  const gpr_timespec at = context.raw_deadline();
  if (gpr_time_cmp(at, gpr_inf_future(at.clock_type)) == 0) return Deadline::Never();
  const gpr_timespec left = gpr_time_sub(at, gpr_now(at.clock_type));
  return Deadline(now + std::chrono::seconds(left.tv_sec) + std::chrono::nanoseconds(left.tv_nsec));
}

std::string CallerOf(const Context& context, const ServerCore& core) {
  if (!core.callers_have_names) return "";
  const auto auth = context.auth_context();
  if (!auth || !auth->IsPeerAuthenticated()) return "";
  for (const grpc::string_ref& name : auth->GetPeerIdentity()) {
    std::string service = security::ServiceOfTlsName({name.data(), name.size()});
    if (!service.empty()) return service;
  }
  return "";
}

// Of "ipv4:10.0.0.1:4711" without the port. What has no port stays as it is.
std::string_view HostOf(std::string_view peer) {
  return peer.starts_with("ip") ? peer.substr(0, peer.rfind(':')) : peer;
}

// Who shares the workers' time with others: an instance, as far as can be told, so that one that
// has gone wild takes nothing from its siblings.
std::string SharerOf(const Context& context, const std::string& caller) {
  const std::string peer = context.peer();
  return caller + "@" + std::string(HostOf(peer));
}

// As the caller says; where it says nothing, as the method is declared.
Criticality CriticalityOf(const Context& context, const ServedMethod& method) {
  const std::string_view marks = Header(context, kContextKey);
  if (marks.size() == 1 && marks[0] >= '0' && marks[0] <= '3') {
    return static_cast<Criticality>(marks[0] - '0');
  }
  return method.criticality;
}

// How long it took tells of load: it ran to its end, or ran out of time.
Job::Timing TimingOf(const absl::Status& status) {
  return status.ok() || absl::IsDeadlineExceeded(status) ? Job::Timing::kTypical
                                                         : Job::Timing::kUntypical;
}

// What all served calls have in common: they are counted, and answered once.
template <class Reactor>
class ServerCall : public Reactor {
 public:
  ServerCall(ServerCore& core, const ServedMethod* method, Context& context)
      : core_(core),
        method_(method),
        context_(context),
        start_(core.clock.SteadyNow()),
        deadline_(DeadlineOf(context, start_)),
        caller_(CallerOf(context, core)),
        criticality_(method == nullptr ? Criticality::kInteractive
                                       : CriticalityOf(context, *method)) {
    core_.metrics.in_flight.Add(1);
  }

  void OnDone() override {
    core_.metrics.in_flight.Add(-1);
    delete this;
  }

  void OnCancel() override {
    gone_.store(true, std::memory_order_relaxed);
    std::shared_ptr<Cancellation> cancellation;
    {
      absl::MutexLock lock(&cancellation_mutex_);
      cancellation = cancellation_;
    }
    if (cancellation != nullptr) cancellation->Cancel();
  }

 protected:
  Call MakeCall(std::shared_ptr<Cancellation> cancellation = nullptr) {
    std::optional<telemetry::TraceContext> trace =
        telemetry::TraceContext::Parse(Header(context_, kTraceKey));
    if (!trace) trace = telemetry::TraceContext::Start(core_.random);
    return Call(deadline_, *std::move(trace), criticality_, caller_, std::move(cancellation));
  }

  // For handlers that take their time: says when the caller has left.
  std::shared_ptr<Cancellation> WatchCaller() {
    auto cancellation = std::make_shared<Cancellation>();
    {
      absl::MutexLock lock(&cancellation_mutex_);
      cancellation_ = cancellation;
    }
    if (gone()) cancellation->Cancel();
    return cancellation;
  }

  // An error is marked with who made it, so that the caller can tell it from a broken wire.
  void Finish(const absl::Status& status, Origin origin) {
    if (!status.ok())
      context_.AddTrailingMetadata(kOriginKey, origin == Origin::kHandler ? "h" : "d");
    Count(status);
    Reactor::Finish(ToGrpc(status));
  }

  void Decline(const absl::Status& status, std::string_view reason) {
    core_.admission.shed().Add(criticality_, reason);
    Finish(status, Origin::kDeclined);
  }

  // Not now: says when to come again.
  void Shed(std::string_view message) {
    const auto pushback = admission::RetryPushback(criticality_, core_.random);
    context_.AddTrailingMetadata(kPushbackKey, std::to_string(pushback.count()));
    Finish(ResourceExhausted("{}", message), Origin::kDeclined);
  }

  void Count(const absl::Status& status) {
    if (method_ != nullptr) {
      method_->seconds.Observe(
          std::chrono::duration<double>(core_.clock.SteadyNow() - start_).count());
      if (status.ok() && caller_.empty()) return method_->answered_ok.Add();
    }
    core_.metrics.requests
        .With({method_ == nullptr ? std::string_view("unknown") : std::string_view(method_->label),
               core_.callers.LabelOf(caller_), absl::StatusCodeToString(status.code())})
        .Add();
  }

  bool gone() const { return gone_.load(std::memory_order_relaxed); }

  ServerCore& core_;
  const ServedMethod* const method_;
  Context& context_;
  const SteadyTime start_;
  const Deadline deadline_;
  const std::string caller_;  // by its certificate, or ""
  const Criticality criticality_;

 private:
  std::atomic<bool> gone_ = false;
  absl::Mutex cancellation_mutex_;
  std::shared_ptr<Cancellation> cancellation_ ABSL_GUARDED_BY(cancellation_mutex_);
};

class UnknownMethod final : public ServerCall<grpc::ServerGenericBidiReactor> {
 public:
  UnknownMethod(ServerCore& core, grpc::GenericCallbackServerContext& context)
      : ServerCall(core, nullptr, context) {
    Finish(Unimplemented("{} is not served here", context.method()), Origin::kDeclined);
  }
};

class UnaryCall final : public ServerCall<grpc::ServerUnaryReactor> {
 public:
  UnaryCall(ServerCore& core, const ServedMethod& method, Context& context,
            const grpc::ByteBuffer& request, grpc::ByteBuffer& response)
      : ServerCall(core, &method, context), request_(request), response_(response) {}

  // It may be finished before this returns; OnDone waits until gRPC knows the reactor.
  void Begin() {
    if (method_->method.execution == Execution::kInline) return RunInline();
    Job job;
    job.run = [this] { return RunAfterWaiting(); };
    job.refuse = [this](Refusal why) { Refuse(why); };
    job.criticality = criticality_;
    job.deadline = deadline_;
    job.caller = SharerOf(context_, caller_);
    job.kind = method_->kind;
    core_.workers.Submit(std::move(job));
  }

 private:
  void RunInline() {
    core_.loop.Tick(start_);
    // It may have waited long for this thread, and nothing of ours has seen it waiting.
    if (start_ >= deadline_.at()) {
      return Decline(DeadlineExceeded("waited too long for a thread"), NameOf(Refusal::kLate));
    }
    if (context_.IsCancelled()) return Decline(absl::CancelledError("the caller has left"), "gone");
    // No caller's name: all calls of one caller would fare alike.
    if (core_.inline_load.sheds() &&
        !core_.inline_load.Admits(criticality_, Header(context_, kTraceKey))) {
      core_.admission.shed().Add(criticality_, Refusal::kBusy);
      return Shed("too busy for calls of this class");
    }
    const InlineThreadScope scope;
    Run();
  }

  Job::Timing RunAfterWaiting() {
    if (!gone()) return Run();
    Decline(absl::CancelledError("the caller has left"), "gone");
    return Job::Timing::kUntypical;
  }

  void Refuse(Refusal why) {  // and counted by the pool
    if (why == Refusal::kLate) {
      return Finish(DeadlineExceeded("waited too long for a worker"), Origin::kDeclined);
    }
    Shed(why == Refusal::kQueueFull ? "too many calls are waiting"
                                    : "waited too long for a worker");
  }

  Job::Timing Run() {
    const std::unique_ptr<google::protobuf::Message> request = method_->method.new_request();
    const std::unique_ptr<google::protobuf::Message> response = method_->method.new_response();
    if (!Decode(request_, *request)) {
      Finish(InvalidArgument("the request is not a {}", request->GetTypeName()), Origin::kDeclined);
      return Job::Timing::kUntypical;
    }
    const bool worker = method_->method.execution == Execution::kWorker;
    const Call call = MakeCall(worker ? WatchCaller() : nullptr);
    const telemetry::ScopedTrace trace(call.trace());
    const absl::Status status = method_->method.unary(call, *request, *response);
    if (!status.ok()) {
      Finish(status, Origin::kHandler);
      return TimingOf(status);
    }
    response_ = Encode(*response);
    Finish(status, Origin::kHandler);
    return Job::Timing::kTypical;
  }

  // Whether gRPC may call OnDone and OnCancel where it stands, as it does for its own reactors.
  // Else another thread is woken for each call (measured: a tenth of the server's work); ours are
  // short.
  bool InternalInlineable() override { return true; }

  const grpc::ByteBuffer& request_;
  grpc::ByteBuffer& response_;
};

// A handler that writes on a thread of its own. One message is on its way at a time.
class StreamCall final : public ServerCall<grpc::ServerGenericBidiReactor>,
                         public StreamWriter,
                         public RunningStream {
 public:
  StreamCall(ServerCore& core, const ServedMethod& method, Context& context)
      : ServerCall(core, &method, context) {
    StartRead(&received_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return ServerCall::Finish(InvalidArgument("no request came"), Origin::kDeclined);
    request_ = method_->method.new_request();
    if (!Decode(received_, *request_)) {
      return ServerCall::Finish(InvalidArgument("the request is not a {}", request_->GetTypeName()),
                                Origin::kDeclined);
    }
    switch (core_.streams.Start(*this)) {
      case StreamThreads::Started::kYes:
        return;
      case StreamThreads::Started::kFull:
        core_.admission.shed().Add(criticality_, "streams_full");
        return Shed("too many streams");
      case StreamThreads::Started::kDraining:
        return Decline(Unavailable("draining"), "draining");
    }
  }

  void OnCancel() override {
    ServerCall::OnCancel();
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
  }

  void OnWriteDone(bool ok) override {
    absl::MutexLock lock(&mutex_);
    writing_ = false;
    if (!ok) stopped_ = true;
  }

  bool Write(const google::protobuf::Message& message) override {
    if (message.GetDescriptor() != method_->response_type) {
      CheckFailed(__FILE__, __LINE__, method_->label + " streams a " + message.GetTypeName());
    }
    grpc::ByteBuffer encoded = Encode(message);
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &StreamCall::MayWriteOrStopped));
      if (stopped_) return false;
      writing_ = true;
      sending_.Swap(&encoded);
    }
    StartWrite(&sending_);
    return true;
  }

  bool cancelled() const override {
    absl::MutexLock lock(&mutex_);
    return stopped_;
  }

  void Serve() override {
    const Call call = MakeCall(WatchCaller());
    const telemetry::ScopedTrace trace(call.trace());
    status_ = method_->method.stream(call, *request_, *this);
  }

  void StopForDrain() override {
    absl::MutexLock lock(&mutex_);
    stopped_ = draining_ = true;
  }

  void Finish() override {
    bool draining = false;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &StreamCall::NothingOnItsWay));
      draining = draining_;
    }
    if (draining) return ServerCall::Finish(Unavailable("draining"), Origin::kDeclined);
    ServerCall::Finish(status_, Origin::kHandler);
  }

 private:
  bool MayWriteOrStopped() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return !writing_ || stopped_;
  }
  bool NothingOnItsWay() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return !writing_; }

  grpc::ByteBuffer received_;  // gRPC's until it is read
  std::unique_ptr<google::protobuf::Message> request_;
  absl::Status status_;       // of the handler
  grpc::ByteBuffer sending_;  // gRPC's while writing_

  mutable absl::Mutex mutex_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;   // no write will succeed any more
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;  // and that is why
};

}  // namespace

grpc::ServerUnaryReactor* ServeUnary(ServerCore& core, const ServedMethod& method,
                                     grpc::CallbackServerContext& context,
                                     const grpc::ByteBuffer& request, grpc::ByteBuffer& response) {
  auto* call = new UnaryCall(core, method, context, request, response);
  call->Begin();
  return call;
}

grpc::ServerGenericBidiReactor* ServeStream(ServerCore& core, const ServedMethod* method,
                                            grpc::GenericCallbackServerContext& context) {
  if (method == nullptr || !method->method.stream) return new UnknownMethod(core, context);
  return new StreamCall(core, *method, context);
}

}  // namespace holdfast::rpc

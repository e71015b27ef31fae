#include "libs/rpc/wire_stream.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/client_callback.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/base/status.h"
#include "libs/rpc/grpc_wire.h"

namespace holdfast::rpc {

void AddHeaders(const Headers& headers, grpc::ClientContext& context) {
  if (!headers.traceparent.empty()) context.AddMetadata(kTraceKey, headers.traceparent);
  if (headers.criticality) {
    context.AddMetadata(kContextKey, std::to_string(static_cast<int>(*headers.criticality)));
  }
}

namespace {

std::string_view Trailer(const grpc::ClientContext& context, const char* key) {
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto it = trailers.find(key);
  if (it == trailers.end()) return {};
  return {it->second.data(), it->second.size()};
}

std::optional<Duration> PushbackOf(const grpc::ClientContext& context) {
  const std::string_view text = Trailer(context, kPushbackKey);
  std::int64_t wait_ms = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), wait_ms);
  if (text.empty()) return std::nullopt;
  // As gRPC has it: what cannot be read means "do not retry".
  if (error != std::errc() || end != text.data() + text.size()) return -std::chrono::seconds(1);
  static constexpr std::int64_t kDayMs = 24 * 3600 * 1000;  // so that nothing overflows
  return std::chrono::milliseconds(std::clamp<std::int64_t>(wait_ms, -1, kDayMs));
}

}  // namespace

TryResult FailureOf(const grpc::Status& status, const grpc::ClientContext& context) {
  const std::string_view origin = Trailer(context, kOriginKey);
  return {.status = FromGrpc(status),
          .origin = origin.empty()  ? Origin::kTransport
                    : origin == "d" ? Origin::kDeclined
                                    : Origin::kHandler,
          .pushback = PushbackOf(context)};
}

bool NeverLookedAt(const TryResult& failure) {
  if (failure.origin != Origin::kTransport || !absl::IsUnavailable(failure.status)) return false;
  const absl::string_view text = failure.status.message();
  return text == "GOAWAY received" || text == "Transport closed";
}

namespace {

// The call itself. gRPC calls it until OnDone, whether or not somebody still reads: it owns itself
// until then. At most one message is fetched ahead, so a slow reader slows the writer.
class Reactor final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  explicit Reactor(UnderWay::Place place) : place_(std::move(place)) {}

  static std::shared_ptr<Reactor> Start(std::shared_ptr<grpc::Channel> channel,
                                        UnderWay::Place place, const std::string& path,
                                        const Headers& headers,
                                        std::shared_ptr<const EncodedRequest> request) {
    auto reactor = std::make_shared<Reactor>(std::move(place));
    reactor->self_ = reactor;
    reactor->channel_ = std::move(channel);
    reactor->request_ = std::move(request);
    AddHeaders(headers, reactor->context_);
    grpc::GenericStub stub(reactor->channel_);
    stub.PrepareBidiStreamingCall(&reactor->context_, path, grpc::StubOptions(), reactor.get());
    reactor->AddHold();  // reads are started by the reader's thread, until one says "no more"
    reactor->StartWriteLast(&reactor->request_->bytes, grpc::WriteOptions());
    reactor->StartRead(&reactor->bytes_);
    reactor->StartCall();
    return reactor;
  }

  WireStream::Result Read(google::protobuf::Message& message, Duration wait) {
    grpc::ByteBuffer bytes;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.AwaitWithTimeout(absl::Condition(this, &Reactor::HasMessageOrEnded),
                              absl::FromChrono(wait));
      if (!has_message_) {
        return done_ ? WireStream::Result::kEnded : WireStream::Result::kLate;
      }
      bytes.Swap(&bytes_);
      has_message_ = false;
    }
    StartRead(&bytes_);
    if (Decode(bytes, message)) return WireStream::Result::kMessage;
    Cancel();
    absl::MutexLock lock(&mutex_);
    broken_ = true;
    mutex_.Await(absl::Condition(&done_));
    return WireStream::Result::kEnded;
  }

  TryResult result() const {
    absl::MutexLock lock(&mutex_);
    if (broken_) return {Internal("the stream carries bytes of another type"), Origin::kTransport};
    return result_;
  }

  void Cancel() { context_.TryCancel(); }

  // Nobody will read any more.
  void Abandon() {
    context_.TryCancel();
    bool fetch = false;
    {
      absl::MutexLock lock(&mutex_);
      abandoned_ = true;
      fetch = std::exchange(has_message_, false);
    }
    if (fetch) StartRead(&bytes_);  // answers "no more" and thereby lets the call end
  }

  void OnReadDone(bool ok) override {
    if (!ok) return RemoveHold();
    bool drop = false;
    {
      absl::MutexLock lock(&mutex_);
      drop = abandoned_;
      has_message_ = !drop;
    }
    if (drop) StartRead(&bytes_);
  }

  void OnDone(const grpc::Status& status) override {
    const UnderWay::Place place = place_;  // until nothing else is held here
    const std::shared_ptr<Reactor> self = std::move(self_);
    absl::MutexLock lock(&mutex_);
    result_ =
        status.ok() ? TryResult{absl::OkStatus(), Origin::kHandler} : FailureOf(status, context_);
    done_ = true;
  }

 private:
  bool HasMessageOrEnded() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return has_message_ || done_;
  }

  const UnderWay::Place place_;  // destroyed last
  std::shared_ptr<Reactor> self_;
  std::shared_ptr<grpc::Channel> channel_;
  std::shared_ptr<const EncodedRequest> request_;
  grpc::ClientContext context_;
  grpc::ByteBuffer bytes_;  // gRPC's between StartRead and OnReadDone

  mutable absl::Mutex mutex_;
  bool has_message_ ABSL_GUARDED_BY(mutex_) = false;  // in bytes_
  bool abandoned_ ABSL_GUARDED_BY(mutex_) = false;
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  TryResult result_ ABSL_GUARDED_BY(mutex_);
};

class GrpcWireStream final : public WireStream {
 public:
  explicit GrpcWireStream(std::shared_ptr<Reactor> reactor) : reactor_(std::move(reactor)) {}
  ~GrpcWireStream() override { reactor_->Abandon(); }

  Result Read(google::protobuf::Message& message, Duration wait) override {
    return reactor_->Read(message, wait);
  }
  TryResult result() const override { return reactor_->result(); }
  void Cancel() override { reactor_->Cancel(); }

 private:
  const std::shared_ptr<Reactor> reactor_;
};

}  // namespace

std::unique_ptr<WireStream> OpenWireStream(std::shared_ptr<grpc::Channel> channel,
                                           UnderWay::Place place, const std::string& path,
                                           const Headers& headers,
                                           const std::shared_ptr<const EncodedRequest>& request) {
  return std::make_unique<GrpcWireStream>(
      Reactor::Start(std::move(channel), std::move(place), path, headers, request));
}

}  // namespace holdfast::rpc

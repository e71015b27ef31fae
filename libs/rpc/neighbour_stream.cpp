#include "libs/rpc/neighbour_stream.h"

#include <utility>

#include "libs/base/check.h"
#include "libs/base/status.h"
#include "libs/rpc/cancellation.h"
#include "libs/rpc/fault_plan.h"
#include "libs/rpc/tries.h"

namespace holdfast::rpc {

namespace {

// There was nobody to open a stream to.
class RefusedStream final : public StreamReader {
 public:
  explicit RefusedStream(absl::Status status) : status_(std::move(status)) {}

  bool Read(google::protobuf::Message&, Deadline) override { return false; }
  absl::Status status() const override { return status_; }
  void Cancel() override {}

 private:
  const absl::Status status_;
};

// What a stream takes of its neighbour, and gives back when it is gone.
class Place {
 public:
  explicit Place(std::shared_ptr<Neighbour> neighbour) : neighbour_(std::move(neighbour)) {}
  Place(Place&&) noexcept = default;
  ~Place() {
    if (neighbour_) neighbour_->Leave();
  }

  Neighbour& operator*() const { return *neighbour_; }
  Neighbour* operator->() const { return neighbour_.get(); }

 private:
  std::shared_ptr<Neighbour> neighbour_;  // null: moved from
};

class NeighbourStream final : public StreamReader {
 public:
  NeighbourStream(Place neighbour, const CalledMethod& method, CircuitBreaker::Permit permit,
                  std::shared_ptr<Instance> instance, std::unique_ptr<WireStream> wire,
                  std::optional<std::int64_t> breaks_after)
      : neighbour_(std::move(neighbour)),
        method_(method),
        instance_(std::move(instance)),
        start_(neighbour_->clock.SteadyNow()),
        permit_(std::move(permit)),
        attempt_(instance_->peer.Begin(start_)),
        breaks_after_(breaks_after),
        wire_(std::move(wire)) {}

  // When the caller on whose behalf it is open has left.
  void CancelWith(const std::shared_ptr<Cancellation>& cancellation) {
    if (!cancellation) return;
    cancel_hook_ = cancellation->OnCancel([weak = std::weak_ptr<WireStream>(wire_)] {
      if (const auto wire = weak.lock()) wire->Cancel();
    });
  }

  bool Read(google::protobuf::Message& message, Deadline deadline) override {
    if (ended_) return false;
    if (breaks_after_ && messages_ >= *breaks_after_) {
      wire_->Cancel();
      Ended({Unavailable("a fault made on purpose"), Origin::kTransport});
      return false;
    }
    switch (wire_->Read(message, deadline.Remaining(neighbour_->clock))) {
      case WireStream::Result::kMessage:
        if (messages_++ == 0) {  // later ones change nothing
          attempt_.FinishUntimed(TryOutcome::kAnswered);
          permit_.Succeeded();
        }
        return true;
      case WireStream::Result::kLate:
        wire_->Cancel();
        End(DeadlineExceeded("{} at {}: nothing came", neighbour_->service,
                             instance_->peer.instance().id));
        return false;
      case WireStream::Result::kEnded:
        Ended(wire_->result());
        return false;
    }
    return false;
  }

  absl::Status status() const override {
    absl::MutexLock lock(&mutex_);
    return status_;
  }

  void Cancel() override { wire_->Cancel(); }

 private:
  void Ended(const TryResult& result) {
    const bool cancelled_by_us = result.status.code() == absl::StatusCode::kCancelled;
    const Verdict verdict = Judge(result, /*idempotent=*/false, /*fair_time=*/true);
    attempt_.FinishUntimed(cancelled_by_us ? TryOutcome::kUnknown : verdict.instance);
    if (!cancelled_by_us) Tries::Report(verdict, permit_);
    if (verdict.leave_alone > Duration::zero()) instance_->peer.AskedToWait(verdict.leave_alone);
    if (verdict.connection_lost) instance_->peer.ConnectionLost(ToString(result.status));
    const bool from_wire = !result.status.ok() && result.origin == Origin::kTransport;
    if (!from_wire) return End(result.status);
    if (messages_ == 0) neighbour_->RememberFailure(result.status);
    End(Annotate(result.status, neighbour_->service + " at " + instance_->peer.instance().id));
  }

  void End(absl::Status status) {
    ended_ = true;
    neighbour_->Count(method_, status, start_);
    absl::MutexLock lock(&mutex_);
    status_ = std::move(status);
  }

  const Place neighbour_;
  const CalledMethod& method_;
  const std::shared_ptr<Instance> instance_;
  const SteadyTime start_;
  CircuitBreaker::Permit permit_;
  Peer::Attempt attempt_;
  const std::optional<std::int64_t> breaks_after_;  // messages, on purpose
  const std::shared_ptr<WireStream> wire_;          // shared with whoever cancels just now
  Cancellation::Hook cancel_hook_;
  std::int64_t messages_ = 0;  // the reader's thread only
  bool ended_ = false;         // the reader's thread only

  mutable absl::Mutex mutex_;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);  // OK while it runs
};

// The stream that cannot be opened, for a reason that is counted as any other call's.
std::unique_ptr<StreamReader> Refused(const Neighbour& neighbour, const CalledMethod& method,
                                      const absl::Status& status) {
  neighbour.Count(method, status, neighbour.clock.SteadyNow());
  return std::make_unique<RefusedStream>(status);
}

}  // namespace

std::unique_ptr<StreamReader> OpenNeighbourStream(const std::shared_ptr<Neighbour>& neighbour,
                                                  const Call& call, std::string_view name,
                                                  const google::protobuf::Message& request) {
  const CalledMethod& method = neighbour->Method(name);
  HOLDFAST_CHECK(method.descriptor->server_streaming());
  HOLDFAST_CHECK(method.descriptor->input_type() == request.GetDescriptor());
  auto entered = neighbour->Enter(call.criticality());
  if (!entered.ok()) return Refused(*neighbour, method, entered.status());
  Place place(neighbour);
  const std::shared_ptr<const InstanceList> list = *std::move(entered);
  if (call.cancellation() && call.cancellation()->cancelled()) {
    return Refused(*neighbour, method, absl::CancelledError("the caller has left"));
  }
  const std::optional<std::size_t> index = neighbour->Pick(*list, {});
  if (!index) {
    neighbour->CountRefused("no_instance");
    return Refused(*neighbour, method, Unavailable("{}: no instance is known", neighbour->service));
  }
  std::optional<CircuitBreaker::Permit> permit = neighbour->breaker.TryAcquire();
  if (!permit) return Refused(*neighbour, method, neighbour->RefusedByBreaker());
  const std::shared_ptr<Instance>& instance = list->instances[*index];
  std::optional<std::int64_t> breaks_after;
  if (neighbour->faults != nullptr) {
    const auto fault = neighbour->faults->Strike({.neighbour = neighbour->service,
                                                  .instance = instance->peer.instance().id,
                                                  .method = method.label,
                                                  .criticality = call.criticality(),
                                                  .stream = true});
    if (fault && fault->kind == Fault::Kind::kError) {
      return Refused(*neighbour, method, absl::Status(fault->code, "a fault made on purpose"));
    }
    if (fault) breaks_after = fault->after_messages;
  }
  auto wire = instance->connection.OpenStream(method.path, neighbour->HeadersFor(call, method),
                                              EncodeRequest(request));
  auto stream = std::make_unique<NeighbourStream>(std::move(place), method, *std::move(permit),
                                                  instance, std::move(wire), breaks_after);
  stream->CancelWith(call.cancellation());
  return stream;
}

}  // namespace holdfast::rpc

#include "libs/rpc/outgoing_call.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "libs/base/check.h"
#include "libs/base/status.h"

namespace holdfast::rpc {

namespace {

void CheckTypes(const CalledMethod& method, const google::protobuf::Message& request,
                const google::protobuf::Message& response) {
  const bool right = request.GetDescriptor() == method.descriptor->input_type() &&
                     response.GetDescriptor() == method.descriptor->output_type() &&
                     !method.descriptor->server_streaming();
  if (right) return;
  CheckFailed(__FILE__, __LINE__,
              fmt::format("{} is not called with {} and answered with {}", method.label,
                          request.GetTypeName(), response.GetTypeName()));
}

}  // namespace

OutgoingCall::OutgoingCall(std::shared_ptr<Neighbour> neighbour, const CalledMethod& method,
                           google::protobuf::Message& response, Done done)
    : neighbour_(std::move(neighbour)),
      method_(method),
      response_(response),
      done_(std::move(done)),
      start_(neighbour_->clock.SteadyNow()) {}

void OutgoingCall::Start(std::shared_ptr<Neighbour> neighbour, const Call& call,
                         std::string_view name, const google::protobuf::Message& request,
                         google::protobuf::Message& response, const InvokeOptions& options,
                         Done done) {
  const CalledMethod& method = neighbour->Method(name);
  CheckTypes(method, request, response);
  const absl::Status entered = neighbour->Enter();
  if (!entered.ok()) {
    neighbour->Count(method, entered, neighbour->clock.SteadyNow());
    return done(entered);
  }
  auto outgoing =
      std::make_shared<OutgoingCall>(std::move(neighbour), method, response, std::move(done));
  const absl::Status begun = outgoing->Begin(call, request, options);
  if (!begun.ok()) outgoing->End(begun);
}

absl::Status OutgoingCall::Begin(const Call& call, const google::protobuf::Message& request,
                                 const InvokeOptions& options) {
  timeout_ = options.timeout.count() > 0 ? options.timeout : neighbour_->options.timeout;
  const Duration time = CallTime(call.deadline().Remaining(neighbour_->clock), timeout_);
  if (time <= Duration::zero()) {
    return DeadlineExceeded("{}: no time left for {}", neighbour_->service, method_.label);
  }
  deadline_ = Deadline::After(time, neighbour_->clock);
  list_ = neighbour_->instances();
  const std::optional<std::size_t> first = neighbour_->Pick(*list_, tried_);
  if (!first) return Unavailable("{}: no instance is known", neighbour_->service);
  permit_ = neighbour_->breaker.TryAcquire();
  if (!permit_) return neighbour_->RefusedByBreaker();
  request_ = EncodeRequest(request);
  headers_ = neighbour_->HeadersFor(call);
  neighbour_->budget.RecordCall();
  if (method_.read_only && neighbour_->canary_wanted()) SendCanaries();
  Try(*first);
  return absl::OkStatus();
}

// Instances that failed calls before are shown a copy of this one; its answer decides whether they
// get real ones again. No caller ever waits for it.
void OutgoingCall::SendCanaries() {
  for (const std::shared_ptr<Instance>& instance : list_->instances) {
    std::optional<Peer::Attempt> attempt = instance->peer.BeginCanary();
    if (!attempt || !neighbour_->EnterUnasked()) continue;
    auto shared = std::make_shared<Peer::Attempt>(*std::move(attempt));
    instance->connection.Start(
        method_.path, headers_, request_, neighbour_->options.try_timeout, nullptr,
        [neighbour = neighbour_, instance, shared](const TryResult& result) {
          shared->Finish(Judge(result, /*idempotent=*/true, /*fair_time=*/true).instance);
          neighbour->LeaveUnasked();
        });
  }
}

void OutgoingCall::Try(std::size_t index) {
  tried_.push_back(index);
  const bool another_possible =
      method_.idempotent && tried_.size() < kMaxTries && tried_.size() < list_->instances.size();
  const Duration try_timeout = neighbour_->options.try_timeout;
  const Duration time =
      TryTime(deadline_.Remaining(neighbour_->clock), try_timeout, another_possible);
  const bool fair_time = time >= std::min<Duration>(try_timeout, timeout_ / 2);
  Instance& instance = *list_->instances[index];
  auto attempt = std::make_shared<Peer::Attempt>(instance.peer.Begin());
  instance.connection.Start(
      method_.path, headers_, request_, time, &response_,
      [self = shared_from_this(), index, fair_time, attempt](const TryResult& result) {
        self->TryEnded(index, fair_time, std::move(*attempt), result);
      });
}

void OutgoingCall::TryEnded(std::size_t index, bool fair_time, Peer::Attempt attempt,
                            const TryResult& result) {
  const Verdict verdict = Judge(result, method_.idempotent, fair_time);
  Peer& peer = list_->instances[index]->peer;
  attempt.Finish(verdict.instance);
  if (verdict.connection_lost) peer.ConnectionLost(ToString(result.status));
  if (verdict.retry && TriedAgain()) return;

  if (verdict.neighbour_answered) permit_->Succeeded();
  if (!verdict.neighbour_answered && verdict.instance == TryOutcome::kFailed) {
    neighbour_->RememberFailure(result.status);
    permit_->Failed();
  }
  const bool from_wire = !result.status.ok() && result.origin == Origin::kTransport;
  if (!from_wire) return End(result.status);
  End(Annotate(result.status, neighbour_->service + " at " + peer.instance().id));
}

bool OutgoingCall::TriedAgain() {
  if (tried_.size() >= kMaxTries) return false;
  if (deadline_.Remaining(neighbour_->clock) <= kDeadlineMargin) return false;
  const std::optional<std::size_t> next = neighbour_->Pick(*list_, tried_);
  if (!next || !neighbour_->budget.TryTakeRetry()) return false;
  neighbour_->retries.Add();
  Try(*next);
  return true;
}

void OutgoingCall::End(const absl::Status& status) {
  permit_.reset();
  neighbour_->Count(method_, status, start_);
  const Done done = std::move(done_);
  done(status);
  neighbour_->Leave();
}

}  // namespace holdfast::rpc

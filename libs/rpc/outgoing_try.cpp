// How a try of an OutgoingCall gets on the wire, or is kept from it on purpose.

#include <algorithm>
#include <utility>

#include "libs/base/status.h"
#include "libs/rpc/outgoing_call.h"

namespace holdfast::rpc {

void OutgoingCall::Try::GiveUp() {
  CancelHandle sent;
  WireTimer* timer = nullptr;  // stays as long as this does
  {
    absl::MutexLock lock(&mutex_);
    given_up_ = true;
    sent = handle_;
    timer = timer_.get();
  }
  if (timer != nullptr) timer->Cancel();
  sent.Cancel();
}

void OutgoingCall::Try::Sent(const CancelHandle& sent) {
  bool too_late = false;
  {
    absl::MutexLock lock(&mutex_);
    handle_ = sent;
    too_late = given_up_;
  }
  if (too_late) sent.Cancel();
}

void OutgoingCall::Try::Waits(std::unique_ptr<WireTimer> timer) {
  WireTimer* waits = timer.get();
  bool too_late = false;
  {
    absl::MutexLock lock(&mutex_);
    timer_ = std::move(timer);
    too_late = given_up_;
  }
  if (too_late) waits->Cancel();
}

void OutgoingCall::Send(const SharedTry& attempt) {
  if (neighbour_->faults != nullptr) {
    const std::optional<Fault> fault =
        neighbour_->faults->Strike({.neighbour = neighbour_->service,
                                    .instance = list_->peers[attempt->index]->instance().id,
                                    .method = method_.label,
                                    .criticality = criticality_});
    if (fault) return SendFaulty(attempt, *fault);
  }
  SendNow(attempt, attempt->allowed.time);
}

void OutgoingCall::SendNow(const SharedTry& attempt, Duration time) {
  google::protobuf::Message* response = attempt->response ? attempt->response.get() : &response_;
  if (attempt->kind == Kind::kCanary) response = nullptr;
  attempt->Sent(list_->instances[attempt->index]->connection.Start(
      {.path = method_.path, .headers = headers_, .encoded = request_, .response = response}, time,
      [attempt](const TryResult& result) { attempt->call->TryEnded(attempt, result); }));
}

// The try ends as if the wire had done it to us.
void OutgoingCall::SendFaulty(const SharedTry& attempt, const Fault& fault) {
  const Duration time = attempt->allowed.time;
  const auto end = [this, attempt](const TryResult& result) {
    return [this, attempt, result] { TryEnded(attempt, result); };
  };
  static constexpr char kWhy[] = "a fault made on purpose";
  switch (fault.kind) {
    case Fault::Kind::kError:
      return Later(attempt, Duration::zero(),
                   end({absl::Status(fault.code, kWhy), Origin::kHandler}));
    case Fault::Kind::kLatency:
      if (fault.latency >= time) break;
      return Later(attempt, fault.latency,
                   [this, attempt, left = time - fault.latency] { SendNow(attempt, left); });
    case Fault::Kind::kHang:
    case Fault::Kind::kTruncate:
      break;
  }
  Later(attempt, time, end({DeadlineExceeded("{}", kWhy), Origin::kTransport}));
}

void OutgoingCall::Later(const SharedTry& attempt, Duration wait, std::function<void()> then) {
  attempt->Waits(std::make_unique<WireTimer>(
      wait, place_,
      [self = shared_from_this(), attempt, then = std::move(then)](WireTimer::End end) {
        if (end == WireTimer::End::kDue) return then();
        self->TryEnded(attempt, {absl::CancelledError("given up"), Origin::kTransport});
      }));
}

// Instances that failed calls before are shown a copy of this one; its answer decides whether they
// get real ones again. No caller ever waits for it.
void OutgoingCall::SendCanaries(std::size_t chosen) {
  for (std::size_t i = 0; i < list_->instances.size(); ++i) {
    if (i == chosen) continue;
    std::optional<Peer::Attempt> attempt = list_->peers[i]->BeginCanary();
    if (!attempt) continue;
    neighbour_->metrics.canaries.With({neighbour_->service}).Add();
    const Tries::Allowance allowed = {
        .time = try_timeout_, .overdue_after = try_timeout_, .fair = true};
    Send(std::make_shared<Try>(shared_from_this(), i, Kind::kCanary, allowed,
                               neighbour_->clock.SteadyNow(), *std::move(attempt)));
  }
}

void OutgoingCall::CanaryEnded(Try& canary, const TryResult& result) {
  const Verdict verdict = Judge(result, /*idempotent=*/true, /*fair_time=*/true);
  canary.attempt.Finish(WithSpeed(verdict.instance, canary.attempt.age(), SlowLimit()));
}

}  // namespace holdfast::rpc

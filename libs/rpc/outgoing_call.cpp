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
                           const Call& call, std::shared_ptr<const InstanceList> list,
                           google::protobuf::Message& response, Done done)
    : place_(neighbour->under_way->Enter()),
      neighbour_(std::move(neighbour)),
      method_(method),
      criticality_(call.criticality()),
      list_(std::move(list)),
      response_(response),
      done_(std::move(done)),
      start_(neighbour_->clock.SteadyNow()) {}

void OutgoingCall::Start(std::shared_ptr<Neighbour> neighbour, const Call& call,
                         std::string_view name, const google::protobuf::Message& request,
                         google::protobuf::Message& response, const InvokeOptions& options,
                         Done done) {
  const CalledMethod& method = neighbour->Method(name);
  CheckTypes(method, request, response);
  auto entered = neighbour->Enter(call.criticality());
  if (!entered.ok()) {
    neighbour->Count(method, entered.status(), neighbour->clock.SteadyNow());
    return done(entered.status());
  }
  auto outgoing = std::make_shared<OutgoingCall>(std::move(neighbour), method, call,
                                                 *std::move(entered), response, std::move(done));
  const absl::Status begun = outgoing->Begin(call, request, options);
  if (!begun.ok()) outgoing->End(begun);
}

absl::Status OutgoingCall::Begin(const Call& call, const google::protobuf::Message& request,
                                 const InvokeOptions& options) {
  const PeerOptions& knobs = list_->options;
  const Duration timeout = options.timeout.count() > 0 ? options.timeout : knobs.timeout;
  const SteadyTime ends = call.deadline().at();
  const Duration left = ends <= start_ ? Duration::zero() : ends - start_;
  const Duration time = CallTime(left, timeout, knobs.deadline_margin);
  if (time <= Duration::zero()) {
    neighbour_->CountRefused("no_time");
    return DeadlineExceeded("{}: no time left for {}", neighbour_->service, method_.label);
  }
  if (call.cancellation() && call.cancellation()->cancelled()) {
    return absl::CancelledError("the caller has left");
  }
  const std::optional<std::size_t> first = neighbour_->Pick(*list_, {});
  if (!first) {
    neighbour_->CountRefused("no_instance");
    return Unavailable("{}: no instance is known", neighbour_->service);
  }
  permit_ = neighbour_->breaker.TryAcquire();
  if (!permit_) return neighbour_->RefusedByBreaker();
  deadline_ = Deadline(start_ + time);
  try_timeout_ = FairTryTime(knobs.try_timeout, method_.usual->p95());
  {
    absl::MutexLock lock(&mutex_);
    tries_ = Tries({.timeout = timeout,
                    .try_timeout = knobs.try_timeout,
                    .p95 = method_.usual->p95(),
                    .idempotent = method_.idempotent,
                    .max_tries = static_cast<std::size_t>(knobs.max_tries),
                    .margin = knobs.deadline_margin},
                   deadline_, list_->instances.size());
  }
  request_ = EncodeRequest(request);
  headers_ = neighbour_->HeadersFor(call, method_);
  neighbour_->budget.RecordCall(start_);
  if (method_.read_only && neighbour_->canary_wanted()) SendCanaries(*first);
  ListenForCancel(call);
  StartTry(*first, Kind::kCall);
  if (method_.hedged) PlanHedge();
  return absl::OkStatus();
}

void OutgoingCall::ListenForCancel(const Call& call) {
  if (!call.cancellation()) return;
  cancel_hook_ = call.cancellation()->OnCancel([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->Cancel();
  });
}

Duration OutgoingCall::SlowLimit() const {
  return SlowFrom(method_.usual->median(), list_->options.instance_slow_factor,
                  list_->options.instance_slow_call);
}

void OutgoingCall::PlanHedge() {
  const PeerOptions& knobs = list_->options;
  if (knobs.hedge_share <= 0 || list_->instances.size() < 2) return;
  neighbour_->hedge_budget.RecordCall();
  const std::optional<Duration> wait =
      HedgeAfter(method_.usual->p95(), knobs.hedge_after_at_least, try_timeout_);
  if (!wait) return;
  absl::MutexLock lock(&mutex_);
  if (over_) return;
  hedge_ = std::make_unique<WireTimer>(*wait, place_, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->Hedge();
  });
}

void OutgoingCall::Hedge() {
  std::size_t first = 0;
  {
    absl::MutexLock lock(&mutex_);
    if (over_ || cancelled_ || under_way_.size() != 1 || tries_.tried().size() != 1) return;
    first = under_way_.front()->index;
    const Verdict slow = {.instance = TryOutcome::kUnknown,
                          .neighbour_answered = false,
                          .retry = true,
                          .connection_lost = false};
    if (!tries_.MayTryAgain(slow, neighbour_->clock)) return;
  }
  const std::optional<std::size_t> other = neighbour_->Pick(*list_, {&first, 1});
  if (!other) return;
  const Peer& peer = *list_->peers[*other];
  if (!peer.usable() || peer.draining()) return;  // a doubtful one will not be faster
  if (!neighbour_->hedge_budget.TryTakeRetry(BudgetPartFor(criticality_))) {
    neighbour_->metrics.hedges.With({neighbour_->service, "refused"}).Add();
    return;
  }
  if (StartTry(*other, Kind::kHedge)) {
    neighbour_->hedges_sent.Add();
  } else {
    neighbour_->hedge_budget.GiveBack();
  }
}

// False: it was tried already, or the call is over.
bool OutgoingCall::StartTry(std::size_t index, Kind kind) {
  SharedTry attempt;
  {
    absl::MutexLock lock(&mutex_);
    const auto tried = tries_.tried();
    if (over_ || std::find(tried.begin(), tried.end(), index) != tried.end()) return false;
    const SteadyTime now = neighbour_->clock.SteadyNow();
    const Duration left = std::max<Duration>(deadline_.at() - now, Duration::zero());
    attempt = std::make_shared<Try>(shared_from_this(), index, kind, tries_.Begin(index, left), now,
                                    list_->peers[index]->Begin(now));
    if (method_.hedged || attempt->may_be_overdue() || !under_way_.empty()) {
      attempt->response.reset(response_.New());
    }
    under_way_.push_back(attempt);
    if (cancelled_) attempt->GiveUp();
  }
  if (attempt->may_be_overdue()) neighbour_->reminders.Add(attempt->due(), weak_from_this());
  Send(attempt);
  return true;
}

bool OutgoingCall::AllOverdue() const {
  return std::all_of(under_way_.begin(), under_way_.end(),
                     [](const SharedTry& attempt) { return attempt->overdue; });
}

// A try that should have been answered by now is not given up: where everybody is slow its answer
// is on its way, and another instance would be no quicker. Another one is asked beside it.
void OutgoingCall::Remind() {
  Failure late;
  {
    absl::MutexLock lock(&mutex_);
    if (over_ || cancelled_ || pausing_ || under_way_.empty()) return;
    const SteadyTime now = neighbour_->clock.SteadyNow();
    for (const SharedTry& attempt : under_way_) {
      attempt->overdue = attempt->overdue || now >= attempt->due();
    }
    if (!AllOverdue()) return;
    const SharedTry& last = under_way_.back();
    late.result = {DeadlineExceeded("no answer yet"), Origin::kTransport};
    late.verdict = Judge(late.result, method_.idempotent, last->allowed.fair);
    late.index = last->index;
    failure_ = late;
  }
  WillTryAgain(late.verdict);
}

void OutgoingCall::TryEnded(const SharedTry& ended, const TryResult& result) {
  if (ended->kind == Kind::kCanary) return CanaryEnded(*ended, result);
  const Instance& instance = *list_->instances[ended->index];
  const Verdict verdict = Judge(result, method_.idempotent, ended->allowed.fair);
  const bool answered = result.status.ok() || result.origin == Origin::kHandler;
  const Duration took = ended->attempt.age();
  bool late = false;  // the call is decided
  bool cancelled = false;
  bool blamed = false;
  bool decides = false;  // this answer is the call's
  bool alone = false;
  {
    absl::MutexLock lock(&mutex_);
    under_way_.erase(std::remove(under_way_.begin(), under_way_.end(), ended), under_way_.end());
    late = over_;
    cancelled = cancelled_;
    blamed = ended->blamed;
    decides = answered && !verdict.retry && !late && !cancelled;
    alone = under_way_.empty();
    if (decides) over_ = true;
  }
  TryOutcome outcome = WithSpeed(verdict.instance, took, SlowLimit());
  if ((late || cancelled) && result.status.code() == absl::StatusCode::kCancelled) {
    // It was us who ended it.
    outcome = cancelled             ? TryOutcome::kUnknown
              : blamed              ? TryOutcome::kFailed
              : took >= SlowLimit() ? TryOutcome::kSlow
                                    : TryOutcome::kOvertaken;
  } else if (verdict.connection_lost) {
    list_->peers[ended->index]->ConnectionLost(ToString(result.status));
  }
  ended->attempt.Finish(outcome);
  instance.metrics.Count(outcome, took);
  if (outcome == TryOutcome::kAnswered || outcome == TryOutcome::kSlow ||
      outcome == TryOutcome::kOvertaken) {
    method_.usual->Record(took);
  }
  if (verdict.leave_alone > Duration::zero() && HeedsPushback(criticality_)) {
    list_->peers[ended->index]->AskedToWait(verdict.leave_alone);
  }
  if (decides) return Answered(ended, result, verdict, alone);
  if (!late) Undecided(ended, result, verdict);
}

// The try has failed, or its answer is one that another try may better.
void OutgoingCall::Undecided(const SharedTry& ended, const TryResult& result,
                             const Verdict& verdict) {
  const Failure failure{.result = result, .verdict = verdict, .index = ended->index};
  bool cancelled = false;
  {
    absl::MutexLock lock(&mutex_);
    if (over_) return;
    failure_ = failure;
    cancelled = cancelled_;
    if (pausing_) return;  // it goes on after the pause
    if (!under_way_.empty() && (cancelled || !AllOverdue())) return;
  }
  if (!cancelled && verdict.retry && WillTryAgain(verdict)) return;
  {
    absl::MutexLock lock(&mutex_);
    // An overdue one may still answer, and a hedge or another try may have begun meanwhile.
    if (pausing_ || !under_way_.empty()) return;
    if (std::exchange(over_, true)) return;
  }
  if (cancelled) return End(absl::CancelledError("the caller has left"));
  const bool answered = result.status.ok() || result.origin == Origin::kHandler;
  if (answered) return Answered(ended, result, verdict, /*alone=*/true);
  Failed(failure);
}

// True: another try begins after a pause, and goes on from there. Otherwise the call remembers why
// not, in case it fails for that: one that is only slow goes on.
bool OutgoingCall::WillTryAgain(const Verdict& verdict) {
  const std::optional<std::string_view> refused = TryAgainUnless(verdict);
  absl::MutexLock lock(&mutex_);
  if (!refused) {
    refused_ = {};
  } else if (refused_.empty()) {  // what was refused first has cost the time that is missing now
    refused_ = *refused;
  }
  return !refused;
}

// Nothing: another try begins. Otherwise why not; "" where there have been enough.
std::optional<std::string_view> OutgoingCall::TryAgainUnless(const Verdict& verdict) {
  std::size_t tries = 0;
  {
    absl::MutexLock lock(&mutex_);
    if (pausing_) return std::nullopt;
    tries = tries_.tried().size();
    if (tries >= static_cast<std::size_t>(list_->options.max_tries)) return "";
    if (!tries_.MayTryAgain(verdict, neighbour_->clock)) return "late";
  }
  if (tries >= list_->instances.size()) return "nobody";
  if (!neighbour_->budget.TryTakeRetry(BudgetPartFor(criticality_, verdict.instance))) {
    return "budget";
  }
  const Duration pause =
      std::min(RetryPause(static_cast<int>(tries), list_->options.retry_pause, neighbour_->random),
               deadline_.Remaining(neighbour_->clock) / 4);
  {
    absl::MutexLock lock(&mutex_);
    if (!std::exchange(pausing_, true)) {
      pause_ = std::make_unique<WireTimer>(pause, place_,
                                           [self = shared_from_this()] { self->TryAgain(); });
      return std::nullopt;
    }
  }
  neighbour_->budget.GiveBack();  // somebody else was quicker, and took one for it
  return std::nullopt;
}

void OutgoingCall::TryAgain() {
  absl::InlinedVector<std::size_t, kMaxTries> tried;
  bool may = false;
  bool over = false;
  {
    absl::MutexLock lock(&mutex_);
    pausing_ = false;
    over = over_;
    tried.assign(tries_.tried().begin(), tries_.tried().end());
    may = !cancelled_ && tries_.MayTryAgain(failure_.verdict, neighbour_->clock);
  }
  if (over) return neighbour_->budget.GiveBack();
  const std::optional<std::size_t> next =
      may ? neighbour_->Pick(*list_, tried) : std::optional<std::size_t>();
  if (next && StartTry(*next, Kind::kCall)) return neighbour_->retries.Add();
  neighbour_->budget.GiveBack();
  Failure failure;
  bool cancelled = false;
  {
    absl::MutexLock lock(&mutex_);
    if (over_ || !under_way_.empty()) return;  // what is under way goes on from here
    over_ = true;
    if (refused_.empty()) refused_ = may ? "nobody" : "late";
    failure = failure_;
    cancelled = cancelled_;
  }
  if (cancelled) return End(absl::CancelledError("the caller has left"));
  Failed(failure);
}

// Some instance has said something: the answer, or an error of the method. `alone`: no other try is
// under way, and none begins any more.
void OutgoingCall::Answered(const SharedTry& winner, const TryResult& result,
                            const Verdict& verdict, bool alone) {
  if (!alone) GiveUpLosers(*winner);
  if (winner->kind == Kind::kHedge) neighbour_->hedges_won.Add();
  if (!result.status.ok() && verdict.retry) CountRefusedRetry();
  if (result.status.ok() && winner->response) {
    response_.GetReflection()->Swap(&response_, winner->response.get());
  }
  const Duration slow_call = list_->options.slow_call;
  const bool slow =
      slow_call > Duration::zero() && neighbour_->clock.SteadyNow() - start_ >= slow_call;
  if (slow && verdict.neighbour_answered) {
    permit_->SucceededSlowly();
  } else {
    Tries::Report(verdict, *permit_);
  }
  End(result.status);
}

void OutgoingCall::GiveUpLosers(const Try& winner) {
  absl::InlinedVector<SharedTry, kMaxTries> losers;
  {
    absl::MutexLock lock(&mutex_);
    losers = under_way_;
    const Duration took = neighbour_->clock.SteadyNow() - winner.start;
    for (const SharedTry& loser : losers) loser->blamed = loser->BeatenBy(winner, took);
  }
  for (const SharedTry& loser : losers) loser->GiveUp();
}

void OutgoingCall::Failed(const Failure& failure) {
  const TryResult& result = failure.result;
  if (!failure.verdict.neighbour_answered && failure.verdict.instance == TryOutcome::kFailed) {
    neighbour_->RememberFailure(result.status);
  }
  Tries::Report(failure.verdict, *permit_);
  CountRefusedRetry();
  if (result.origin != Origin::kTransport) return End(result.status);
  const std::string& id = list_->peers[failure.index]->instance().id;
  End(Annotate(result.status, neighbour_->service + " at " + id));
}

void OutgoingCall::CountRefusedRetry() {
  std::string_view reason;
  {
    absl::MutexLock lock(&mutex_);
    reason = refused_;
  }
  if (reason.empty()) return;
  neighbour_->metrics.retries_refused.With({neighbour_->service, reason}).Add();
}

// The caller has left. The tries are told so, and the last of them ends the call: until then gRPC
// may still write to the response.
void OutgoingCall::Cancel() {
  absl::InlinedVector<SharedTry, kMaxTries> tries;
  {
    absl::MutexLock lock(&mutex_);
    if (over_) return;
    cancelled_ = true;
    tries = under_way_;
  }
  for (const SharedTry& attempt : tries) attempt->GiveUp();
}

// Once: by whoever has set over_, or before the first try.
void OutgoingCall::End(const absl::Status& status) {
  if (method_.hedged) {
    std::unique_ptr<WireTimer> hedge;
    absl::MutexLock lock(&mutex_);
    hedge = std::move(hedge_);
  }
  permit_.reset();
  neighbour_->Count(method_, status, start_);
  const Done done = std::move(done_);
  done(status);
  neighbour_->Leave();
}

}  // namespace holdfast::rpc

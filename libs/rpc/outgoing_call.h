// One call to a neighbour: tries, judgement, retry, hedge. For channel.cpp.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "absl/container/inlined_vector.h"
#include "absl/synchronization/mutex.h"
#include "libs/rpc/fault_plan.h"
#include "libs/rpc/neighbour.h"
#include "libs/rpc/tries.h"
#include "libs/rpc/wire_timer.h"

namespace holdfast::rpc {

// Lives until its answer is known and no try of it is under way, held by the tries. Tries run
// together as call and hedge, and when one is overdue; the first good answer counts and the others
// are cancelled.
class OutgoingCall final : public Reminded, public std::enable_shared_from_this<OutgoingCall> {
 public:
  using Done = std::function<void(absl::Status)>;

  // See Channel::Start. `done` runs inside Start when the call cannot begin.
  static void Start(std::shared_ptr<Neighbour> neighbour, const Call& call, std::string_view method,
                    const google::protobuf::Message& request, google::protobuf::Message& response,
                    const InvokeOptions& options, Done done);

  OutgoingCall(std::shared_ptr<Neighbour> neighbour, const CalledMethod& method, const Call& call,
               std::shared_ptr<const InstanceList> list, google::protobuf::Message& response,
               Done done);

  void Remind() override;  // some try may be overdue

 private:
  enum class Kind { kCall, kHedge, kCanary };
  struct Try;
  using SharedTry = std::shared_ptr<Try>;
  // Why the call fails unless another try does better.
  struct Failure {
    TryResult result;
    Verdict verdict = {};
    std::size_t index = 0;
  };

  absl::Status Begin(const Call& call, const google::protobuf::Message& request,
                     const InvokeOptions& options);
  void ListenForCancel(const Call& call);
  void SendCanaries(std::size_t chosen);
  void PlanHedge();
  void Hedge();
  Duration SlowLimit() const;

  bool StartTry(std::size_t index, Kind kind);
  void Send(const SharedTry& attempt);
  void SendFaulty(const SharedTry& attempt, const Fault& fault);
  void SendNow(const SharedTry& attempt, Duration time);
  void Later(const SharedTry& attempt, Duration wait, std::function<void()> then);
  void CanaryEnded(Try& canary, const TryResult& result);

  bool AllOverdue() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TryEnded(const SharedTry& ended, const TryResult& result);
  void Undecided(const SharedTry& ended, const TryResult& result, const Verdict& verdict);
  bool WillTryAgain(const Verdict& verdict);
  std::optional<std::string_view> TryAgainUnless(const Verdict& verdict);
  void TryAgain();
  void Answered(const SharedTry& winner, const TryResult& result, const Verdict& verdict,
                bool alone);
  void GiveUpLosers(const Try& winner);
  void Failed(const Failure& failure);
  void CountRefusedRetry();
  void Cancel();
  void End(const absl::Status& status);

  const UnderWay::Place place_;  // destroyed last
  const std::shared_ptr<Neighbour> neighbour_;
  const CalledMethod& method_;
  const Criticality criticality_;
  const std::shared_ptr<const InstanceList> list_;
  google::protobuf::Message& response_;
  Done done_;
  const SteadyTime start_;

  // Set before the first try.
  Deadline deadline_ = Deadline::Never();
  Duration try_timeout_ = {};  // the fair one
  std::shared_ptr<const EncodedRequest> request_;
  Headers headers_;
  std::optional<CircuitBreaker::Permit> permit_;
  Cancellation::Hook cancel_hook_;

  absl::Mutex mutex_;
  Tries tries_ ABSL_GUARDED_BY(mutex_);  // of indexes into list_
  absl::InlinedVector<SharedTry, kMaxTries> under_way_ ABSL_GUARDED_BY(mutex_);
  Failure failure_ ABSL_GUARDED_BY(mutex_);           // of the last try that failed
  bool over_ ABSL_GUARDED_BY(mutex_) = false;         // somebody ends it, or has
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;    // by the caller
  bool pausing_ ABSL_GUARDED_BY(mutex_) = false;      // another try begins soon
  std::string_view refused_ ABSL_GUARDED_BY(mutex_);  // why another try did not begin, if so
  std::unique_ptr<WireTimer> pause_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<WireTimer> hedge_ ABSL_GUARDED_BY(mutex_);
};

// One request at one instance.
struct OutgoingCall::Try {
  Try(std::shared_ptr<OutgoingCall> c, std::size_t i, Kind k, Tries::Allowance a, SteadyTime s,
      Peer::Attempt p)
      : call(std::move(c)), index(i), kind(k), allowed(a), start(s), attempt(std::move(p)) {}

  bool may_be_overdue() const { return allowed.overdue_after < allowed.time; }
  SteadyTime due() const { return start + allowed.overdue_after; }
  // It had its fair time, and one that was asked later was quicker by more than half: it is at
  // fault, and not everybody is slow.
  bool BeatenBy(const Try& winner, Duration winner_took) const {
    return overdue && allowed.fair && winner.start - start > winner_took;
  }

  // Thread-safe. It still ends, soon, with CANCELLED.
  void GiveUp();
  void Sent(const CancelHandle& sent);
  void Waits(std::unique_ptr<WireTimer> timer);  // of a fault; once

  const std::shared_ptr<OutgoingCall> call;
  const std::size_t index;
  const Kind kind;
  const Tries::Allowance allowed;
  const SteadyTime start;
  Peer::Attempt attempt;
  bool overdue = false;  // these two are guarded by the mutex of the call
  bool blamed = false;
  // Of its own where two tries may be answered together; null: the caller's.
  std::unique_ptr<google::protobuf::Message> response;

 private:
  absl::Mutex mutex_;
  bool given_up_ ABSL_GUARDED_BY(mutex_) = false;
  CancelHandle handle_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<WireTimer> timer_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace holdfast::rpc

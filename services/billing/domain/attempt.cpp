#include "services/billing/domain/attempt.h"

#include <algorithm>
#include <array>
#include <utility>

#include "libs/base/status.h"

namespace holdfast::billing {
namespace {

// In the order of PaymentAttempt::State.
constexpr std::array<std::string_view, 5> kStates = {"started", "pending", "paid", "declined",
                                                     "absent"};

}  // namespace

std::string_view NameOf(PaymentAttempt::State state) {
  return kStates[static_cast<std::size_t>(state)];
}

std::optional<PaymentAttempt::State> AttemptStateOf(std::string_view name) {
  const auto found = std::find(kStates.begin(), kStates.end(), name);
  if (found == kStates.end()) return std::nullopt;
  return static_cast<PaymentAttempt::State>(found - kStates.begin());
}

using State = PaymentAttempt::State;
using std::chrono::seconds;

absl::StatusOr<std::optional<PaymentAttempt>> Learn(const PaymentAttempt& attempt,
                                                    const GatewayNews& news, WallTime now) {
  std::optional<PaymentAttempt> next;
  if (attempt.state == State::kPaid) return next;
  switch (news.state) {
    case GatewayNews::State::kPaid:
      if (news.reference.empty()) {
        return FailedPrecondition("no_reference: gateway {} names none for attempt {}",
                                  attempt.gateway, attempt.id.value());
      }
      if (news.amount && *news.amount != attempt.amount) {
        return FailedPrecondition("wrong_amount: gateway {} took {} {} for attempt {} of {} {}",
                                  attempt.gateway, news.amount->minor_units(),
                                  news.amount->currency(), attempt.id.value(),
                                  attempt.amount.minor_units(), attempt.amount.currency());
      }
      next = attempt;
      next->state = State::kPaid;
      next->reference = news.reference;
      next->reason.clear();
      return next;
    case GatewayNews::State::kDeclined:
      if (attempt.state == State::kDeclined) return next;
      next = attempt;
      next->state = State::kDeclined;
      next->reason = news.reason;
      return next;
    case GatewayNews::State::kPending:
      if (attempt.state != State::kStarted && attempt.state != State::kAbsent) return next;
      next = attempt;
      next->state = State::kPending;
      next->look_at = now + PauseBeforeLook(attempt.looks);
      return next;
    case GatewayNews::State::kAbsent:
      if (attempt.state != State::kStarted || !HasNeverArrived(attempt, now)) return next;
      next = attempt;
      next->state = State::kAbsent;
      return next;
    case GatewayNews::State::kBounced:
      return next;
  }
  return next;
}

absl::StatusOr<PaymentAttempt> CloseByHand(const PaymentAttempt& attempt,
                                           std::optional<PaymentId> payment, std::string_view why) {
  if (!attempt.open()) {
    return FailedPrecondition("not_open: attempt {} is {}", attempt.id.value(),
                              NameOf(attempt.state));
  }
  PaymentAttempt next = attempt;
  next.state = payment ? State::kPaid : State::kDeclined;
  next.payment = std::move(payment);
  next.reason = fmt::format("closed by hand: {}", why);
  return next;
}

bool HasNeverArrived(const Followed& followed, WallTime now) {
  return now - followed.last_sent() >= kNeverArrivedAfter;
}

seconds PauseBeforeLook(int looks) {
  using namespace std::chrono_literals;
  constexpr std::array<seconds, 7> kPauses = {30s, 60s, 5min, 15min, 1h, 6h, 24h};
  return kPauses[std::min<std::size_t>(static_cast<std::size_t>(std::max(looks, 0)),
                                       kPauses.size() - 1)];
}

}  // namespace holdfast::billing

#include "services/billing/domain/subscription.h"

#include <utility>

#include "absl/time/civil_time.h"
#include "libs/base/status.h"

namespace holdfast::billing {
namespace {

using State = Subscription::State;

std::string_view NameOf(State state) {
  switch (state) {
    case State::kActive:
      return "active";
    case State::kGrace:
      return "in grace";
    case State::kSuspended:
      return "suspended";
    case State::kCancelled:
      return "cancelled";
    case State::kExpired:
      return "expired";
  }
  return "in an unknown state";
}

std::string Show(sys_days day) {
  return absl::FormatCivilTime(absl::CivilDay(1970, 1, 1) + day.time_since_epoch().count());
}

absl::Status Refuse(const Subscription& subscription, std::string_view why) {
  return FailedPrecondition("subscription {} {}", subscription.id.value(), why);
}

absl::Status RefuseBecauseOfState(const Subscription& subscription) {
  return Refuse(subscription, fmt::format("is {}", NameOf(subscription.state)));
}

// The state of a subscription that nobody suspended or ended.
State StateByDate(const std::optional<sys_days>& valid_until, bool cancel_at_end,
                  std::chrono::days grace, sys_days today) {
  if (!valid_until || today < *valid_until) return State::kActive;
  if (cancel_at_end) return State::kCancelled;
  return today < *valid_until + grace ? State::kGrace : State::kExpired;
}

Subscription Changed(Subscription subscription) {
  ++subscription.revision;
  return subscription;
}

}  // namespace

absl::StatusOr<Subscription> DecideStart(const Account& account, const TariffPlan& plan,
                                         SubscriptionId id, std::optional<sys_days> valid_until,
                                         WallTime now) {
  HOLDFAST_RETURN_IF_ERROR(CheckId("subscription id", id.value()));
  if (account.state != Account::State::kOpen) {
    return FailedPrecondition("account {} is closed", account.id.value());
  }
  const sys_days today = std::chrono::floor<std::chrono::days>(now);
  if (!valid_until && plan.period.count() > 0) valid_until = today + plan.period;

  Subscription started{.id = std::move(id),
                       .account = account.id,
                       .plan = plan.id,
                       .valid_until = valid_until,
                       .started_at = now};
  started.state = StateByDate(valid_until, false, plan.grace, today);
  if (started.ended()) {
    return Refuse(started, fmt::format("would be over since {}", Show(*valid_until)));
  }
  return started;
}

absl::StatusOr<Subscription> DecideRenewal(const Holding& held, sys_days today) {
  Subscription next = held.subscription;
  if (next.ended()) return RefuseBecauseOfState(next);
  if (!next.valid_until || held.plan.period.count() == 0) {
    return Refuse(next, "is open-ended: there is nothing to renew");
  }
  next.valid_until = *next.valid_until + held.plan.period;
  next.cancel_at_end = false;
  if (next.state != State::kSuspended) {
    next.state = StateByDate(next.valid_until, false, held.plan.grace, today);
    if (next.ended()) return Refuse(next, "would be over even if renewed: start a new one");
  }
  return Changed(next);
}

absl::StatusOr<Subscription> DecideSuspension(const Subscription& current) {
  if (!current.gives_service()) return RefuseBecauseOfState(current);
  Subscription next = current;
  next.state = State::kSuspended;
  return Changed(next);
}

absl::StatusOr<Subscription> DecideResumption(const Holding& held, sys_days today) {
  Subscription next = held.subscription;
  if (next.state != State::kSuspended) return RefuseBecauseOfState(next);
  next.state = StateByDate(next.valid_until, next.cancel_at_end, held.plan.grace, today);
  if (next.ended()) {
    return Refuse(next,
                  fmt::format("is not paid since {}: renew it first", Show(*next.valid_until)));
  }
  return Changed(next);
}

absl::StatusOr<Subscription> DecideCancellation(const Subscription& current, CancelWhen when,
                                                sys_days today) {
  if (current.ended()) return RefuseBecauseOfState(current);
  Subscription next = current;
  if (when == CancelWhen::kEndOfTerm) {
    if (!current.valid_until) return Refuse(current, "is open-ended: it can only end now");
    if (today < *current.valid_until) {
      next.cancel_at_end = true;
      return Changed(next);
    }
  }
  next.state = State::kCancelled;
  return Changed(next);
}

std::optional<Subscription> DecideByDate(const Holding& held, sys_days today) {
  Subscription next = held.subscription;
  if (next.ended()) return std::nullopt;
  const State by_date = StateByDate(next.valid_until, next.cancel_at_end, held.plan.grace, today);
  // A suspended one waits for a person, unless it was cancelled already.
  if (next.state == State::kSuspended && by_date != State::kCancelled) return std::nullopt;
  // The calendar takes away; only a renewal gives back (a clock that was wrong, a longer grace).
  if (by_date == State::kActive || by_date == next.state) return std::nullopt;
  next.state = by_date;
  return Changed(next);
}

}  // namespace holdfast::billing

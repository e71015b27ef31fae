#include "services/billing/domain/subscription.h"

#include <algorithm>
#include <utility>

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
    case State::kPendingActivation:
      return "waiting for its first payment";
    case State::kTrialing:
      return "on trial";
    case State::kPaused:
      return "paused";
  }
  return "in an unknown state";
}

// `reason`: one of refusal.proto, in small letters.
absl::Status Refuse(const Subscription& subscription, std::string_view reason,
                    std::string_view why) {
  return FailedPrecondition("{}: subscription {} {}", reason, subscription.id.value(), why);
}

std::string_view ReasonOf(State state) {
  switch (state) {
    case State::kCancelled:
    case State::kExpired:
      return "subscription_ended";
    case State::kSuspended:
      return "subscription_suspended";
    case State::kPaused:
      return "subscription_paused";
    case State::kPendingActivation:
      return "not_yet_paid";
    case State::kActive:
    case State::kGrace:
    case State::kTrialing:
      break;
  }
  return "subscription_in_service";
}

absl::Status RefuseBecauseOfState(const Subscription& subscription) {
  return Refuse(subscription, ReasonOf(subscription.state),
                fmt::format("is {}", NameOf(subscription.state)));
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

// With its first charge to come, or its trial to go through.
Subscription StartCharged(const Account& account, const TariffPlan& plan, SubscriptionId id,
                          WallTime now, sys_days today) {
  const bool trial = plan.trial.count() > 0;
  return {.id = std::move(id),
          .account = account.id,
          .plan = plan.id,
          .state = trial ? State::kTrialing : State::kPendingActivation,
          .valid_until = today + (trial ? plan.trial : kWaitForFirstPayment),
          .started_at = now,
          .plan_version = plan.version,
          .charging = account.charging,
          .currency = account.currency};
}

// The end of the period after `from`. Without an anchor periods are counted from `from`.
sys_days EndOfPeriodFrom(sys_days from, const Holding& held) {
  const sys_days anchor = held.subscription.anchor.value_or(from);
  return held.plan.period.unit == Period::Unit::kDays
             ? from + std::chrono::days(held.plan.period.count)
             : PeriodAround(anchor, held.plan.period, from).to;
}

// Service begins anew with a charge from the day it is paid.
void WaitForPayment(Subscription& subscription, sys_days today) {
  subscription.state = State::kPendingActivation;
  subscription.valid_until = today + kWaitForFirstPayment;
  subscription.retry_on = std::nullopt;
  subscription.suspended_by.clear();
}

// The id of the event that takes service away for debt: another one each time, however often one
// transaction is tried. `subscription` as it was before.
std::string DebtEvent(const Subscription& subscription, sys_days since) {
  return fmt::format("debt-{}-{}-{}", subscription.id.value(), ShowDay(since),
                     subscription.revision + 1);
}

}  // namespace

absl::StatusOr<Subscription> DecideStart(const Account& account, const TariffPlan& plan,
                                         SubscriptionId id, std::optional<sys_days> valid_until,
                                         WallTime now, const TimeZone& zone) {
  HOLDFAST_RETURN_IF_ERROR(CheckId("subscription id", id.value()));
  if (account.state != Account::State::kOpen) {
    return FailedPrecondition("account_closed: account {} is closed", account.id.value());
  }
  const sys_days today = DayOf(now, zone);
  if (account.charging != Charging::kElsewhere) {
    if (valid_until) return InvalidArgument("valid_until of something that we charge");
    return StartCharged(account, plan, std::move(id), now, today);
  }
  const bool brought_along = valid_until.has_value();
  if (!valid_until && !plan.period.open_ended()) {
    valid_until =
        PeriodAround(AnchorFor(today, plan.period, plan.alignment), plan.period, today).to;
  }

  Subscription started{
      .id = std::move(id),
      .account = account.id,
      .plan = plan.id,
      .valid_until = valid_until,
      .started_at = now,
      .plan_version = plan.version,
      .anchor = brought_along ? *valid_until : AnchorFor(today, plan.period, plan.alignment)};
  started.state = StateByDate(valid_until, false, plan.grace, today);
  if (started.ended()) {
    return Refuse(started, "period_over",
                  fmt::format("would be over since {}", ShowDay(*valid_until)));
  }
  return started;
}

absl::Status CheckBase(const TariffPlan& add_on, const Holding& base) {
  const std::string& id = add_on.id.value();
  const auto refuse = [&](std::string_view why) {
    return FailedPrecondition("base_not_allowed: add-on {} {}", id, why);
  };
  if (!add_on.add_on) return FailedPrecondition("base_not_allowed: {} is not an add-on", id);
  if (base.plan.add_on) return refuse("cannot stand on another add-on");
  if (!base.subscription.gives_service()) return refuse("needs a base that gives service");
  const auto& allowed = add_on.allowed_bases;
  if (!allowed.empty() &&
      std::find(allowed.begin(), allowed.end(), base.plan.id) == allowed.end()) {
    return refuse(fmt::format("cannot stand on {}", base.plan.id.value()));
  }
  const bool charged = base.subscription.charging != Charging::kElsewhere;
  if (charged && add_on.period != base.plan.period) {
    return refuse("is not paid for the same periods as its base");
  }
  return absl::OkStatus();
}

absl::StatusOr<Subscription> DecideRenewal(const Holding& current, sys_days today,
                                           const TariffPlan* into) {
  Holding held = current;
  Subscription& next = held.subscription;
  if (next.ended()) return RefuseBecauseOfState(next);
  if (next.charging != Charging::kElsewhere) {
    return Refuse(next, "charged_by_us", "is charged by us: money renews it, see RecordPayment");
  }
  if (next.state == State::kPaused) return RefuseBecauseOfState(next);
  if (!next.valid_until || (into == nullptr && held.plan.period.open_ended())) {
    return Refuse(next, "open_ended", "is open-ended: there is nothing to renew");
  }
  if (into != nullptr) {
    const std::uint64_t revision = next.revision;
    next = MovedTo(held, *into, *next.valid_until);
    next.revision = revision;  // one step, not two
    held.plan = *into;
  }
  const bool for_ever = held.plan.period.open_ended();
  next.valid_until =
      for_ever ? std::nullopt : std::optional(EndOfPeriodFrom(*next.valid_until, held));
  next.cancel_at_end = false;
  if (next.state != State::kSuspended) {
    next.state = StateByDate(next.valid_until, false, held.plan.grace, today);
    if (next.ended())
      return Refuse(next, "period_over", "would be over even if renewed: start a new one");
  }
  return Changed(next);
}

absl::StatusOr<Subscription> DecideSuspension(const Subscription& current,
                                              std::string_view command) {
  if (!current.gives_service()) return RefuseBecauseOfState(current);
  Subscription next = current;
  next.state = State::kSuspended;
  next.suspended_by = fmt::format("command-{}", command);
  return Changed(next);
}

absl::StatusOr<Subscription> DecidePause(const Subscription& current, sys_days today) {
  if (current.state != State::kActive && current.state != State::kTrialing) {
    return RefuseBecauseOfState(current);
  }
  if (!current.valid_until)
    return Refuse(current, "open_ended", "is open-ended: there are no days to save");
  if (current.cancel_at_end || current.cancel_on || current.change) {
    return Refuse(current, "change_planned", "has a change planned: revoke it first");
  }
  Subscription next = current;
  next.state = State::kPaused;
  next.paused_on = today;
  return Changed(next);
}

absl::StatusOr<Subscription> DecideResumption(const Holding& held, sys_days today) {
  Subscription next = held.subscription;
  if (next.state == State::kPaused) {
    const std::chrono::days given_back = std::max(today, *next.paused_on) - *next.paused_on;
    next.valid_until = *next.valid_until + given_back;
    // Trials have no periods yet, so no anchor.
    const bool trial = next.charging != Charging::kElsewhere && !next.anchor;
    if (!trial && given_back.count() > 0) next.anchor = next.valid_until;
    next.state = trial ? State::kTrialing : State::kActive;
    next.paused_on = std::nullopt;
    return Changed(next);
  }
  if (next.state != State::kSuspended) return RefuseBecauseOfState(next);
  if (next.suspended_for_debt()) return Refuse(next, "unpaid", "is not paid: money resumes it");
  next.suspended_by.clear();
  next.state = StateByDate(next.valid_until, next.cancel_at_end, held.plan.grace, today);
  const bool charged = next.charging != Charging::kElsewhere;
  if (charged && next.state == State::kActive && !next.anchor && next.valid_until) {
    next.state = State::kTrialing;
  }
  if (charged && next.state != State::kActive && next.state != State::kTrialing &&
      !next.cancel_at_end) {
    WaitForPayment(next, today);
  }
  if (next.ended()) {
    return Refuse(next, "unpaid",
                  fmt::format("is not paid since {}: renew it first", ShowDay(*next.valid_until)));
  }
  return Changed(next);
}

absl::StatusOr<Subscription> DecideCancellation(const Subscription& current, CancelWhen when,
                                                sys_days today) {
  if (current.ended()) return RefuseBecauseOfState(current);
  Subscription next = current;
  if (when == CancelWhen::kEndOfTerm && current.state != State::kPendingActivation) {
    if (!current.valid_until)
      return Refuse(current, "open_ended", "is open-ended: it can only end now");
    if (today < *current.valid_until) {
      next.cancel_at_end = true;
      return Changed(next);
    }
  }
  next.state = State::kCancelled;
  return Changed(next);
}

absl::StatusOr<Subscription> DecideCancellationOn(const Subscription& current, sys_days day,
                                                  sys_days today) {
  if (day <= today) return DecideCancellation(current, CancelWhen::kImmediately, today);
  if (current.ended() || current.state == State::kPaused) return RefuseBecauseOfState(current);
  Subscription next = current;
  next.cancel_on = day;
  return Changed(next);
}

absl::StatusOr<Subscription> PlanChange(const Subscription& current, PlannedChange change,
                                        sys_days today) {
  if (!current.gives_service()) return RefuseBecauseOfState(current);
  if (change.on && *change.on <= today) return InvalidArgument("the day of the change is over");
  if (current.cancel_at_end || current.cancel_on)
    return Refuse(current, "already_cancelled", "is cancelled already");
  if (!change.on && !current.valid_until)
    return Refuse(current, "open_ended", "is open-ended: it has no term");
  Subscription next = current;
  next.change = std::move(change);
  return Changed(next);
}

absl::StatusOr<Subscription> RevokePlanned(const Subscription& current) {
  if (current.ended()) return RefuseBecauseOfState(current);
  if (!current.change && !current.cancel_at_end && !current.cancel_on) {
    return Refuse(current, "nothing_planned", "has nothing planned");
  }
  Subscription next = current;
  next.change = std::nullopt;
  next.cancel_at_end = false;
  next.cancel_on = std::nullopt;
  return Changed(next);
}

bool ChangeIsDue(const Subscription& current, sys_days today) {
  if (!current.change) return false;
  if (current.retry_on && today < *current.retry_on) return false;
  const bool over = current.valid_until && *current.valid_until <= today;
  const bool ends =
      (current.cancel_at_end && over) || (current.cancel_on && *current.cancel_on <= today);
  if (ends) return false;
  // Of what is suspended for debt: with the payment that brings it back.
  if (current.suspended_for_debt()) return over;
  if (!current.gives_service()) return false;
  if (current.change->on) return *current.change->on <= today;
  return over && current.charging != Charging::kElsewhere;  // there it waits for the renewal
}

bool KeepsPeriods(const Holding& held, const TariffPlan& to) {
  const std::optional<sys_days>& anchor = held.subscription.anchor;
  if (!anchor || held.plan.period != to.period) return false;
  return held.subscription.base || AnchorFor(*anchor, to.period, to.alignment) == *anchor;
}

Subscription MovedTo(const Holding& held, const TariffPlan& to, sys_days from) {
  Subscription next = held.subscription;
  next.plan = to.id;
  next.plan_version = to.version;
  next.change = std::nullopt;
  const bool has_begun = next.anchor.has_value();  // a trial has not
  if (has_begun && !KeepsPeriods(held, to)) next.anchor = AnchorFor(from, to.period, to.alignment);
  return Changed(next);
}

Subscription MovedElsewhere(const Holding& held, const TariffPlan& to, sys_days today) {
  Subscription next = MovedTo(held, to, held.subscription.valid_until.value_or(today));
  if (to.period.open_ended() && !next.cancel_at_end) {
    next.valid_until = std::nullopt;
    next.state = State::kActive;
  } else if (!to.period.open_ended() && !next.valid_until) {
    next.anchor = AnchorFor(today, to.period, to.alignment);
    next.valid_until = PeriodAround(*next.anchor, to.period, today).to;
  }
  return next;
}

// -- What we charge -------------------------------------------------------------------------------

std::optional<NextTerm> TermDue(const Holding& held, sys_days today) {
  const Subscription& s = held.subscription;
  if (s.charging == Charging::kElsewhere || s.cancel_at_end) return std::nullopt;
  if (s.retry_on && today < *s.retry_on) return std::nullopt;
  const bool anew = s.state == State::kPendingActivation || s.suspended_for_debt();
  if (!anew && !s.gives_service()) return std::nullopt;
  if (s.state != State::kPendingActivation && (!s.valid_until || today < *s.valid_until)) {
    return std::nullopt;
  }
  const sys_days from = anew ? today : *s.valid_until;
  if (s.cancel_on && *s.cancel_on <= from) return std::nullopt;
  if (held.plan.period.open_ended()) return NextTerm{{from, from}, {from, from}, from};

  const bool keeps_anchor = s.anchor && (!anew || s.base);
  const sys_days anchor =
      keeps_anchor ? *s.anchor : AnchorFor(from, held.plan.period, held.plan.alignment);
  const Days whole = PeriodAround(anchor, held.plan.period, from);
  const sys_days to = s.cancel_on ? std::min(*s.cancel_on, whole.to) : whole.to;
  return NextTerm{{from, to}, whole, anchor};
}

Subscription BeginTerm(const Subscription& current, const NextTerm& term) {
  Subscription next = current;
  next.state = State::kActive;
  next.anchor = term.anchor;
  next.valid_until = term.whole.count() == 0 ? std::nullopt : std::optional(term.days.to);
  next.retry_on = std::nullopt;
  next.suspended_by.clear();
  return Changed(next);
}

Subscription ChargeFailed(const Subscription& current, sys_days today) {
  Subscription next = current;
  next.retry_on = today + std::chrono::days(1);
  return Changed(next);
}

namespace {

// Where the calendar moves what we charge; the same state: nowhere.
Subscription ChargedByDate(const Holding& held, sys_days today) {
  Subscription next = held.subscription;
  if (!next.valid_until || today < *next.valid_until) return next;
  const sys_days grace_over = *next.valid_until + held.plan.grace;
  if (next.cancel_at_end && next.state != State::kPaused) {
    next.state = State::kCancelled;
  } else if (next.state == State::kPendingActivation) {
    next.state = State::kExpired;
  } else if (next.suspended_for_debt() && today >= grace_over + kEndSuspendedAfter) {
    next.state = State::kExpired;
  } else if (next.gives_service() && today >= grace_over) {
    next.state = State::kSuspended;
    next.suspended_by = DebtEvent(next, *next.valid_until);
  } else if (next.gives_service()) {
    next.state = State::kGrace;
  }
  return next;
}

}  // namespace

std::optional<Subscription> DecideByDate(const Holding& held, sys_days today) {
  Subscription next = held.subscription;
  if (next.ended()) return std::nullopt;
  if (next.cancel_on && *next.cancel_on <= today) {
    next.state = State::kCancelled;
    return Changed(next);
  }
  if (next.charging != Charging::kElsewhere) {
    next = ChargedByDate(held, today);
    return next.state == held.subscription.state ? std::nullopt : std::optional(Changed(next));
  }
  if (next.state == State::kPaused) return std::nullopt;
  const State by_date = StateByDate(next.valid_until, next.cancel_at_end, held.plan.grace, today);
  // A suspended one waits for a person, unless it was cancelled already.
  if (next.state == State::kSuspended && by_date != State::kCancelled) return std::nullopt;
  // The calendar takes away; only a renewal gives back (a clock that was wrong, a longer grace).
  if (by_date == State::kActive || by_date == next.state) return std::nullopt;
  next.state = by_date;
  return Changed(next);
}

std::optional<Subscription> DecideByDebt(const Holding& held, std::optional<sys_days> oldest_due,
                                         sys_days today) {
  Subscription next = held.subscription;
  if (next.charging != Charging::kPostpaid) return std::nullopt;
  const bool paid_until_later = !next.valid_until || today < *next.valid_until;
  if (oldest_due && *oldest_due < today) {
    if (!next.gives_service() || next.state == State::kTrialing) return std::nullopt;
    const bool too_late = today >= *oldest_due + held.plan.grace;
    next.state = too_late ? State::kSuspended : State::kGrace;
    if (too_late) next.suspended_by = DebtEvent(next, *oldest_due);
  } else if (next.state == State::kGrace && paid_until_later) {
    next.state = State::kActive;
  } else if (next.suspended_for_debt() && paid_until_later) {
    next.state = State::kActive;
    next.suspended_by.clear();
  } else if (next.suspended_for_debt()) {
    WaitForPayment(next, today);
  }
  return next.state == held.subscription.state ? std::nullopt : std::optional(Changed(next));
}

}  // namespace holdfast::billing

// Changes of plan, ends and pauses: the second part of Biller.
#include <algorithm>
#include <utility>

#include "libs/base/status.h"
#include "services/billing/biller.h"

namespace holdfast::billing {

absl::StatusOr<std::vector<Holding>> Biller::AddOnsOf(const SubscriptionId& base) {
  HOLDFAST_ASSIGN_OR_RETURN(std::vector<Holding> holdings, tx_.LiveHoldings(account_.id));
  std::erase_if(holdings, [&](const Holding& held) { return held.subscription.base != base; });
  return holdings;
}

// -- Changing -------------------------------------------------------------------------------------

absl::Status Biller::CheckAddOnsOf(const Holding& base, const TariffPlan& to, sys_days on) {
  Holding changed = base;
  changed.plan = to;
  changed.subscription.state = Subscription::State::kActive;  // when the change comes to pass
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Holding> add_ons, AddOnsOf(base.subscription.id));
  for (const Holding& held : add_ons) {
    const Subscription& s = held.subscription;
    const bool ends_before = (s.cancel_at_end && s.valid_until && *s.valid_until <= on) ||
                             (s.cancel_on && *s.cancel_on <= on);
    if (ends_before) continue;
    if (absl::Status status = CheckBase(held.plan, changed); !status.ok()) {
      return FailedPrecondition("add_on_not_allowed: {} cannot stay on {}", held.plan.id.value(),
                                to.id.value());
    }
  }
  return absl::OkStatus();
}

absl::Status Biller::CheckChange(const Holding& held, const TariffPlan& to, sys_days on) {
  const Subscription& s = held.subscription;
  if (to.add_on != held.plan.add_on) {
    return FailedPrecondition("add_on_not_allowed: an add-on replaces only an add-on");
  }
  if ((s.cancel_at_end && to.period.open_ended()) || (s.cancel_on && *s.cancel_on <= on)) {
    return FailedPrecondition("already_cancelled: subscription {} is cancelled already",
                              s.id.value());
  }
  if (s.charging != Charging::kElsewhere) {
    HOLDFAST_RETURN_IF_ERROR(PriceOn(to, s.currency, on).status());
  }
  if (!s.base) return CheckAddOnsOf(held, to, on);
  HOLDFAST_ASSIGN_OR_RETURN(const Holding base, tx_.FindHolding(*s.base));
  return CheckBase(to, base);
}

absl::Status Biller::SwitchPlan(Holding& held, const TariffPlan& to) {
  const sys_days from = held.subscription.valid_until.value_or(today_);
  held.subscription = held.subscription.charging == Charging::kElsewhere
                          ? MovedElsewhere(held, to, today_)
                          : MovedTo(held, to, from);
  held.plan = to;
  return Save(held.subscription);
}

// Add-ons are paid for the periods of their base.
absl::Status Biller::MoveAddOnsOf(const Subscription& base) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Holding> add_ons, AddOnsOf(base.id));
  for (const Holding& held : add_ons) {
    Subscription moved = held.subscription;
    if (moved.charging == Charging::kElsewhere || moved.anchor == base.anchor) continue;
    moved.anchor = base.anchor;
    ++moved.revision;
    HOLDFAST_RETURN_IF_ERROR(Save(moved));
  }
  return absl::OkStatus();
}

absl::StatusOr<Subscription> Biller::ChangeNow(Holding held, const TariffPlan& to) {
  if (!held.subscription.gives_service()) {
    return FailedPrecondition("not_in_service: subscription {} gives no service",
                              held.subscription.id.value());
  }
  HOLDFAST_RETURN_IF_ERROR(CheckChange(held, to, today_));
  HOLDFAST_RETURN_IF_ERROR(MoveNow(held, to));
  return held.subscription;
}

absl::StatusOr<Subscription> Biller::ChangeLater(const Holding& held, const TariffPlan& to,
                                                 const PlannedChange& change) {
  HOLDFAST_ASSIGN_OR_RETURN(const Subscription next, PlanChange(held.subscription, change, today_));
  const sys_days on = change.on.value_or(next.valid_until.value_or(today_));
  HOLDFAST_RETURN_IF_ERROR(CheckChange(held, to, on));
  HOLDFAST_RETURN_IF_ERROR(Save(next));
  return next;
}

absl::StatusOr<Subscription> Biller::Change(const Holding& held, const TariffPlan& to,
                                            const ChangeOrder& order) {
  return order.when == ChangeOrder::When::kLater ? ChangeLater(held, to, order.change)
                                                 : ChangeNow(held, to);
}

absl::StatusOr<std::optional<Biller::Move>> Biller::DraftMove(const Holding& held,
                                                              const TariffPlan& to) {
  const Subscription& s = held.subscription;
  const bool on_trial = s.state == Subscription::State::kTrialing;
  const bool late = s.valid_until && *s.valid_until <= today_;
  if (s.charging == Charging::kElsewhere || on_trial || late || !s.gives_service()) {
    // A trial goes on, and what is late is charged by the new plan when it is paid.
    return std::optional<Move>();
  }
  // What is open-ended was paid once: nothing of it is left over.
  HOLDFAST_ASSIGN_OR_RETURN(std::vector<UnusedTerm> unused, FindUnused(s.id, today_));
  std::optional<PaidDays> paid;
  if (!unused.empty()) paid = {unused.front().term.days, unused.front().term.period_days};
  const NextTerm next = TermAfterChange(paid, held, to, today_);
  Holding changed = held;
  changed.plan = to;
  HOLDFAST_ASSIGN_OR_RETURN(Bill bill, Draft(changed, next));
  return Move{std::move(unused), next, std::move(bill)};
}

absl::Status Biller::MoveNow(Holding& held, const TariffPlan& to) {
  const Subscription& s = held.subscription;
  HOLDFAST_ASSIGN_OR_RETURN(const std::optional<Move> move, DraftMove(held, to));
  if (!move) {
    const std::optional<sys_days> anchor = s.anchor;
    HOLDFAST_RETURN_IF_ERROR(SwitchPlan(held, to));
    return anchor == s.anchor || s.base ? absl::OkStatus() : MoveAddOnsOf(s);
  }
  const Bill& bill = move->bill;
  if (s.charging == Charging::kPrepaid) {
    std::int64_t returned = 0;
    for (const UnusedTerm& one : move->unused) {
      returned += one.credit ? one.credit->note.to_wallet : 0;
    }
    HOLDFAST_ASSIGN_OR_RETURN(const std::int64_t available, ProvideFor(bill.invoice, returned));
    if (available < bill.invoice.total()) {
      return FailedPrecondition("insufficient_funds: the change costs {}, there are {}",
                                bill.invoice.total(), available);
    }
  }
  HOLDFAST_RETURN_IF_ERROR(Write(move->unused, today_));
  HOLDFAST_RETURN_IF_ERROR(SwitchPlan(held, to));
  HOLDFAST_RETURN_IF_ERROR(Charge(held, move->next, bill));
  return s.base ? absl::OkStatus() : MoveAddOnsOf(s);
}

absl::Status Biller::TakePlannedChange(Holding& held) {
  if (!ChangeIsDue(held.subscription, today_)) return absl::OkStatus();
  HOLDFAST_ASSIGN_OR_RETURN(const TariffPlan to,
                            tx_.FindTariffPlanNow(held.subscription.change->plan));
  if (absl::Status status = CheckChange(held, to, today_); !status.ok()) {
    if (!absl::IsFailedPrecondition(status)) return status;
    // It would be refused today. Nobody loses service for that: what was bought goes on.
    tx_.Tell(ChangeRefused(held.subscription, View(status.message())));
    held.subscription.change = std::nullopt;
    ++held.subscription.revision;
    return Save(held.subscription);
  }
  return MoveNow(held, to);
}

// -- Ending ---------------------------------------------------------------------------------------

absl::Status Biller::EndAddOns(const SubscriptionId& base, Unused unused) {
  return EndAddOns(base, unused, today_);
}

absl::Status Biller::EndAddOns(const SubscriptionId& base, Unused unused, sys_days on) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Holding> add_ons, AddOnsOf(base));
  for (const Holding& held : add_ons) {
    HOLDFAST_ASSIGN_OR_RETURN(
        const Subscription ended,
        DecideCancellation(held.subscription, CancelWhen::kImmediately, today_));
    HOLDFAST_RETURN_IF_ERROR(Save(ended));
    if (unused == Unused::kCredited) HOLDFAST_RETURN_IF_ERROR(CreditUnused(ended, on));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Biller::FollowCalendar(Holding& held) {
  std::optional<Subscription> next = DecideByDate(held, today_);
  if (!next) return false;
  held.subscription = *std::move(next);
  const Subscription& s = held.subscription;
  HOLDFAST_RETURN_IF_ERROR(Save(s));
  if (!s.ended()) return true;
  // Days that were charged beyond a day of cancellation go back, also when we come late.
  const bool on_its_day = s.cancel_on && *s.cancel_on <= today_;
  if (on_its_day) HOLDFAST_RETURN_IF_ERROR(CreditUnused(s, *s.cancel_on));
  HOLDFAST_RETURN_IF_ERROR(EndAddOns(s.id, on_its_day ? Unused::kCredited : Unused::kKept,
                                     on_its_day ? *s.cancel_on : today_));
  return true;
}

absl::StatusOr<std::vector<Subscription>> Biller::FollowCalendar() {
  std::vector<Subscription> moved;
  if (parked_) return moved;
  HOLDFAST_ASSIGN_OR_RETURN(std::vector<Holding> holdings, tx_.LiveHoldings(account_.id));
  std::vector<SubscriptionId> ended;
  for (Holding& held : holdings) {  // bases stand before add-ons, which end with them
    const std::optional<SubscriptionId>& base = held.subscription.base;
    if (base && std::find(ended.begin(), ended.end(), *base) != ended.end()) continue;
    HOLDFAST_ASSIGN_OR_RETURN(const bool has_moved, FollowCalendar(held));
    if (has_moved) moved.push_back(held.subscription);
    if (has_moved && held.subscription.ended()) ended.push_back(held.subscription.id);
  }
  return moved;
}

// -- Pausing --------------------------------------------------------------------------------------

absl::StatusOr<Subscription> Biller::Pause(const Holding& held) {
  if (held.subscription.base) {
    return FailedPrecondition(
        "add_on_follows_base: subscription {} is an add-on: its base is paused instead",
        held.subscription.id.value());
  }
  HOLDFAST_ASSIGN_OR_RETURN(const Subscription paused, DecidePause(held.subscription, today_));
  HOLDFAST_RETURN_IF_ERROR(Save(paused));
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Holding> add_ons, AddOnsOf(paused.id));
  for (const Holding& add_on : add_ons) {
    const absl::StatusOr<Subscription> next = DecidePause(add_on.subscription, today_);
    if (next.ok()) HOLDFAST_RETURN_IF_ERROR(Save(*next));
  }
  return paused;
}

// The term that was interrupted ends later, and those that were paid ahead begin and end later.
absl::Status Biller::MoveTerms(const Subscription& paused, std::chrono::days by) {
  if (by.count() <= 0) return absl::OkStatus();
  std::vector<Term> terms;
  for (sys_days day = *paused.paused_on;;) {
    HOLDFAST_ASSIGN_OR_RETURN(std::optional<Term> term, tx_.FindTerm(paused.id, day));
    if (!term) break;
    day = term->days.to;
    terms.push_back(*std::move(term));
  }
  for (std::size_t i = terms.size(); i-- > 0;) {  // the last one first: it makes room
    const Days& days = terms[i].days;
    HOLDFAST_RETURN_IF_ERROR(i == 0 ? tx_.EndTerm(terms[i], days.to + by)
                                    : tx_.MoveTerm(terms[i], Days{days.from + by, days.to + by}));
  }
  return absl::OkStatus();
}

absl::StatusOr<Subscription> Biller::ResumeOne(const Holding& held) {
  HOLDFAST_ASSIGN_OR_RETURN(const Subscription resumed, DecideResumption(held, today_));
  const Subscription& before = held.subscription;
  if (before.paused_on && before.charging != Charging::kElsewhere) {
    HOLDFAST_RETURN_IF_ERROR(MoveTerms(before, *resumed.valid_until - *before.valid_until));
  }
  HOLDFAST_RETURN_IF_ERROR(Save(resumed));
  Holding now{resumed, held.plan};
  HOLDFAST_RETURN_IF_ERROR(ChargeDue(now).status());
  return now.subscription;
}

absl::StatusOr<Subscription> Biller::Resume(const Holding& held) {
  if (held.subscription.base && held.subscription.paused_on) {
    return FailedPrecondition(
        "add_on_follows_base: subscription {} is an add-on: its base is resumed instead",
        held.subscription.id.value());
  }
  HOLDFAST_ASSIGN_OR_RETURN(const Subscription resumed, ResumeOne(held));
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Holding> add_ons, AddOnsOf(resumed.id));
  for (const Holding& add_on : add_ons) {
    if (add_on.subscription.state != Subscription::State::kPaused) continue;
    HOLDFAST_RETURN_IF_ERROR(ResumeOne(add_on).status());
  }
  return resumed;
}

}  // namespace holdfast::billing

// The contract between an account and a tariff plan over time.
//
//   PENDING_ACTIVATION --first payment--> ACTIVE <---trial over, paid--- TRIALING
//     |  nobody paid                       |  ^                             |
//     v                     paid time over |  | paid                        | not paid
//   EXPIRED <--grace over--             GRACE <-----------------------------+
//           (charged elsewhere)            |
//                                          | grace over (charged by us)
//                                          v
//   EXPIRED <--nobody paid for 60 days-- SUSPENDED --paid--> ACTIVE
//
//   A person suspends and resumes what gives service; pauses and resumes what is active or on
//   trial; cancels anything that has not ended, now, at the end of the paid time or on a day -->
//   CANCELLED.
//
// `valid_until` is the first day that is not paid for (of a trial: not free; of a pending
// activation: on which nobody waits for the payment any more). Only what the functions below decide
// changes a state; a day that passes unseen changes nothing until DecideByDate is asked. All of
// them answer the subscription as it has to be saved, or FAILED_PRECONDITION with the reason.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "services/billing/domain/account.h"
#include "services/billing/domain/period.h"
#include "services/billing/domain/tariff_plan.h"

namespace holdfast::billing {

inline constexpr std::chrono::days kWaitForFirstPayment{7};
inline constexpr std::chrono::days kEndSuspendedAfter{60};

// A change of plan that waits for its day.
struct PlannedChange {
  TariffPlanId plan;
  std::optional<sys_days> on;  // nothing: at the end of the paid time
  friend bool operator==(const PlannedChange&, const PlannedChange&) = default;
};

struct Subscription {
  enum class State {
    kActive,
    kGrace,
    kSuspended,
    kCancelled,
    kExpired,
    kPendingActivation,
    kTrialing,
    kPaused,
  };
  SubscriptionId id;
  AccountId account;
  TariffPlanId plan;
  State state = State::kActive;
  std::optional<sys_days> valid_until;  // nothing: open-ended
  WallTime started_at;
  bool cancel_at_end = false;  // ends at valid_until, without grace
  std::uint64_t revision = 1;  // grows with each change

  int plan_version = 0;  // of the terms it was sold with; 0: those of today
  Charging charging = Charging::kElsewhere;
  std::string currency;                // that it is charged in
  std::optional<sys_days> anchor;      // from which its periods are counted
  std::optional<SubscriptionId> base;  // of an add-on
  std::optional<sys_days> paused_on;   // kPaused
  std::optional<sys_days> cancel_on;   // ends on that day
  std::optional<PlannedChange> change;
  std::optional<sys_days> retry_on;  // a charge failed: not tried again before
  // kSuspended: what did it: the event "debt-...", or the key of a person's command, "command-...".
  // Empty: a person did, before keys were kept.
  std::string suspended_by;

  bool ended() const { return state == State::kCancelled || state == State::kExpired; }
  bool gives_service() const {
    return state == State::kActive || state == State::kGrace || state == State::kTrialing;
  }
  bool suspended_for_debt() const {
    return state == State::kSuspended && suspended_by.starts_with("debt-");
  }
};

// A subscription and what it is a subscription to, under the terms it was sold with.
struct Holding {
  Subscription subscription;
  TariffPlan plan;
};

enum class CancelWhen { kImmediately, kEndOfTerm };

// `valid_until`: instead of one period from today; only for what is charged elsewhere, and one that
// is already over starts in grace. What we charge starts with its trial, or waits for its first
// payment.
absl::StatusOr<Subscription> DecideStart(const Account& account, const TariffPlan& plan,
                                         SubscriptionId id, std::optional<sys_days> valid_until,
                                         WallTime now, const TimeZone& zone = {});

// That an add-on may stand on that base. FAILED_PRECONDITION ("base_not_allowed: ...").
absl::Status CheckBase(const TariffPlan& add_on, const Holding& base);

// Another period is paid elsewhere: counted from the end of the last one, so days of grace are paid
// days. A suspended subscription stays suspended. Takes a cancellation at the end back. `into`: the
// plan that takes over with this period, if one was waiting for it.
absl::StatusOr<Subscription> DecideRenewal(const Holding& held, sys_days today,
                                           const TariffPlan* into = nullptr);

// By a person; `command` is the key of what he asked for.
absl::StatusOr<Subscription> DecideSuspension(const Subscription& current,
                                              std::string_view command);

// After a suspension by a person, whose days are not given back, or a pause, whose days are: the
// end of the paid time and the day of the next bill move by them.
absl::StatusOr<Subscription> DecideResumption(const Holding& held, sys_days today);

absl::StatusOr<Subscription> DecidePause(const Subscription& current, sys_days today);

absl::StatusOr<Subscription> DecideCancellation(const Subscription& current, CancelWhen when,
                                                sys_days today);
absl::StatusOr<Subscription> DecideCancellationOn(const Subscription& current, sys_days day,
                                                  sys_days today);

// A change of plan for later, and taking back what waits for its day: a change or a cancellation.
absl::StatusOr<Subscription> PlanChange(const Subscription& current, PlannedChange change,
                                        sys_days today);
absl::StatusOr<Subscription> RevokePlanned(const Subscription& current);

// Whether a planned change has come to its day; not before a charge that failed is tried again.
bool ChangeIsDue(const Subscription& current, sys_days today);

// Whether the periods of a subscription go on under another plan: both are sold for the same ones.
bool KeepsPeriods(const Holding& held, const TariffPlan& to);

// The same subscription to another plan, whose first period is part of the one that holds `from`
// unless the periods go on. What it is paid until does not change.
Subscription MovedTo(const Holding& held, const TariffPlan& to, sys_days from);

// The same where somebody else takes the money: what is open-ended begins and ends at once.
Subscription MovedElsewhere(const Holding& held, const TariffPlan& to, sys_days today);

// -- What we charge -------------------------------------------------------------------------------

// The days that the next charge pays for: from the end of those before, or, when service was taken
// away for debt or has not begun, from today: nobody pays for days without service. Nothing: there
// is nothing to charge on `today`.
struct NextTerm {
  Days days;   // of an open-ended plan: empty, from its first day
  Days whole;  // the period that they are part of
  sys_days anchor;
  // So many days the price pays for. Not always those of the period: a pause moves its end.
  std::int64_t period_days = whole.count();
};
std::optional<NextTerm> TermDue(const Holding& held, sys_days today);

// It was charged for that term.
Subscription BeginTerm(const Subscription& current, const NextTerm& term);

// It could not be charged: tried again tomorrow or when money comes in.
Subscription ChargeFailed(const Subscription& current, sys_days today);

// What the calendar does to it; nothing if nothing is due.
std::optional<Subscription> DecideByDate(const Holding& held, sys_days today);

// What the oldest unpaid invoice of a postpaid account does to it: grace from the due day on,
// suspension when the grace of the plan is over, and back to active without one. Nothing if that
// changes nothing.
std::optional<Subscription> DecideByDebt(const Holding& held, std::optional<sys_days> oldest_due,
                                         sys_days today);

}  // namespace holdfast::billing

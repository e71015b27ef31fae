// The contract between an account and a tariff plan over time.
//
//                    paid time over          grace over
//   start --> ACTIVE ---------------> GRACE -------------> EXPIRED
//              ^  |                    |  ^
//       resume |  | suspend    suspend |  | resume
//              |  v                    v  |
//              SUSPENDED <----------------+         any of these --cancel--> CANCELLED
//
// Days are UTC. `valid_until` is the first day that is not paid for. Only what the functions below
// decide changes a state; a day that passes unseen changes nothing until DecideByDate is asked.
// All of them answer the subscription as it has to be saved, or FAILED_PRECONDITION with the
// reason.
#pragma once

#include <chrono>
#include <optional>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "services/billing/domain/account.h"
#include "services/billing/domain/tariff_plan.h"

namespace holdfast::billing {

using std::chrono::sys_days;

struct Subscription {
  enum class State { kActive, kGrace, kSuspended, kCancelled, kExpired };
  SubscriptionId id;
  AccountId account;
  TariffPlanId plan;
  State state = State::kActive;
  std::optional<sys_days> valid_until;  // nothing: open-ended
  WallTime started_at;
  bool cancel_at_end = false;  // ends at valid_until, without grace
  std::uint64_t revision = 1;  // grows with each change

  bool ended() const { return state == State::kCancelled || state == State::kExpired; }
  bool gives_service() const { return state == State::kActive || state == State::kGrace; }
};

// A subscription and what it is a subscription to.
struct Holding {
  Subscription subscription;
  TariffPlan plan;
};

enum class CancelWhen { kImmediately, kEndOfTerm };

// `valid_until`: instead of one period from today. One that is already over starts in grace.
absl::StatusOr<Subscription> DecideStart(const Account& account, const TariffPlan& plan,
                                         SubscriptionId id, std::optional<sys_days> valid_until,
                                         WallTime now);

// Another period is paid: counted from the end of the last one, so days of grace are paid days. A
// suspended subscription stays suspended. Takes a cancellation at the end back.
absl::StatusOr<Subscription> DecideRenewal(const Holding& held, sys_days today);

absl::StatusOr<Subscription> DecideSuspension(const Subscription& current);

// Days of suspension are not given back.
absl::StatusOr<Subscription> DecideResumption(const Holding& held, sys_days today);

absl::StatusOr<Subscription> DecideCancellation(const Subscription& current, CancelWhen when,
                                                sys_days today);

// What the calendar does to it; nothing if nothing is due.
std::optional<Subscription> DecideByDate(const Holding& held, sys_days today);

}  // namespace holdfast::billing

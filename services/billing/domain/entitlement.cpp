#include "services/billing/domain/entitlement.h"

#include <algorithm>
#include <set>

namespace holdfast::billing {
namespace {

using Standing = Entitlement::Standing;

// An add-on stands and falls with its base, so bases alone say how an account stands.
bool IsBase(const Holding& held) { return !held.subscription.base; }

int MoreGenerous(int a, int b) { return a == 0 || b == 0 ? 0 : std::max(a, b); }

Standing StandingOf(const Facts& facts) {
  if (facts.account.state == Account::State::kClosed) return Standing::kClosed;
  bool grace = false;
  bool suspended = false;
  for (const Holding& held : facts.holdings) {
    if (!IsBase(held)) continue;
    const Subscription::State state = held.subscription.state;
    if (state == Subscription::State::kActive || state == Subscription::State::kTrialing) {
      return Standing::kActive;
    }
    grace |= state == Subscription::State::kGrace;
    suspended |= state == Subscription::State::kSuspended || state == Subscription::State::kPaused;
  }
  if (grace) return Standing::kGrace;
  return suspended ? Standing::kSuspended : Standing::kActive;
}

using Reason = Entitlement::Reason;

// Of what keeps an account from watching, the one that its owner can do most about.
Reason ReasonOf(const Facts& facts, Standing standing) {
  using State = Subscription::State;
  if (standing == Standing::kClosed) return Reason::kClosed;
  if (standing == Standing::kGrace) return Reason::kPaymentLate;
  bool unpaid = false, suspended = false, awaiting = false, paused = false;
  for (const Holding& held : facts.holdings) {
    if (!IsBase(held)) continue;
    const Subscription& s = held.subscription;
    if (s.gives_service()) return Reason::kNone;
    unpaid |= s.suspended_for_debt();
    suspended |= s.state == State::kSuspended;
    awaiting |= s.state == State::kPendingActivation;
    paused |= s.state == State::kPaused;
  }
  if (unpaid) return Reason::kUnpaid;
  if (suspended) return Reason::kSuspended;
  if (awaiting) return Reason::kAwaitingPayment;
  if (paused) return Reason::kPaused;
  if (facts.last_ended == Facts::Ended::kExpired) return Reason::kExpired;
  if (facts.last_ended == Facts::Ended::kCancelled) return Reason::kCancelled;
  return Reason::kNoSubscription;
}

bool BaseServes(const Facts& facts, const Subscription& subscription) {
  if (!subscription.base) return true;
  return std::any_of(facts.holdings.begin(), facts.holdings.end(), [&](const Holding& held) {
    return held.subscription.id == *subscription.base && held.subscription.gives_service();
  });
}

// Those that give service, the newest last.
std::vector<const Holding*> Serving(const Facts& facts) {
  std::vector<const Holding*> serving;
  if (facts.account.state == Account::State::kClosed) return serving;
  for (const Holding& held : facts.holdings) {
    const Subscription& s = held.subscription;
    if (s.gives_service() && BaseServes(facts, s)) serving.push_back(&held);
  }
  std::stable_sort(serving.begin(), serving.end(), [](const Holding* a, const Holding* b) {
    return a->subscription.started_at < b->subscription.started_at;
  });
  return serving;
}

void TakeLimits(const std::vector<const Holding*>& serving, Entitlement& entitlement) {
  bool first = true;
  for (const Holding* held : serving) {  // at least one base: no add-on serves without its own
    const TariffPlan& plan = held->plan;
    if (!IsBase(*held)) continue;
    entitlement.max_streams =
        first ? plan.max_streams : MoreGenerous(entitlement.max_streams, plan.max_streams);
    entitlement.max_devices =
        first ? plan.max_devices : MoreGenerous(entitlement.max_devices, plan.max_devices);
    first = false;
  }
  for (const Holding* held : serving) {
    const TariffPlan& plan = held->plan;
    if (IsBase(*held)) continue;
    if (plan.max_streams > 0) {
      entitlement.max_streams = MoreGenerous(entitlement.max_streams, plan.max_streams);
    }
    if (plan.max_devices > 0) {
      entitlement.max_devices = MoreGenerous(entitlement.max_devices, plan.max_devices);
    }
  }
}

void TakeDates(const std::vector<const Holding*>& serving, const TimeZone& zone,
               Entitlement& entitlement) {
  sys_days valid = sys_days::min();
  sys_days grace = sys_days::min();
  for (const Holding* held : serving) {
    if (!IsBase(*held))
      continue;  // an add-on that is paid for longer ends with its base all the same
    const Subscription& subscription = held->subscription;
    const std::optional<sys_days>& cancel_on = subscription.cancel_on;
    if (!subscription.valid_until && !cancel_on) return;  // open-ended: no date at all
    const auto days = subscription.cancel_at_end ? std::chrono::days(0) : held->plan.grace;
    const sys_days end = subscription.valid_until.value_or(cancel_on.value_or(sys_days()));
    const auto up_to = [&](sys_days day) { return cancel_on ? std::min(day, *cancel_on) : day; };
    valid = std::max(valid, up_to(end));
    grace = std::max(grace, up_to(end + days));
  }
  entitlement.valid_until = StartOf(valid, zone);
  entitlement.grace_until = StartOf(grace, zone);
}

}  // namespace

Entitlement DeriveEntitlement(const Facts& facts, const TimeZone& zone) {
  Entitlement entitlement{.account = facts.account.id,
                          .revision = facts.revision,
                          .standing = StandingOf(facts),
                          .account_number = facts.account.number,
                          .full_name = facts.account.full_name,
                          .phone = facts.account.phone,
                          .balance = facts.wallet,
                          .currency = facts.account.currency,
                          .owed = facts.owed,
                          .due_on = facts.due_on,
                          .rentals = facts.rentals};
  entitlement.reason = ReasonOf(facts, entitlement.standing);
  const std::vector<const Holding*> serving = Serving(facts);
  if (serving.empty()) return entitlement;

  std::set<PackageId> packages;
  for (const Holding* held : serving) {
    packages.insert(held->plan.packages.begin(), held->plan.packages.end());
    if (!entitlement.tariff_plan_name.empty()) entitlement.tariff_plan_name += ", ";
    entitlement.tariff_plan_name += held->plan.name;
  }
  entitlement.packages.assign(packages.begin(), packages.end());
  TakeLimits(serving, entitlement);
  TakeDates(serving, zone, entitlement);
  return entitlement;
}

}  // namespace holdfast::billing

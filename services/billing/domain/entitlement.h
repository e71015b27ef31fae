// What an account may watch, derived from what it holds.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libs/base/clock.h"
#include "services/billing/domain/account.h"
#include "services/billing/domain/subscription.h"

namespace holdfast::billing {

// Everything billing knows of an account that matters to what it may watch.
struct Facts {
  Account account;
  std::uint64_t revision = 0;        // of the last change of any of it
  std::int64_t wallet = 0;           // what can be spent, in the account's currency
  std::int64_t owed = 0;             // open on its invoices, in the account's currency
  std::optional<sys_days> due_on{};  // the first day that any of it is due
  // How the last subscription of an account without live ones ended; add-ons, which end with their
  // base, do not count.
  enum class Ended { kNone, kExpired, kCancelled };
  Ended last_ended = Ended::kNone;
  std::vector<Holding> holdings{};
  // Rentals that are not over, by item.
  struct RunningRental {
    ItemId item;
    WallTime until;
  };
  std::vector<RunningRental> rentals{};
};

struct Entitlement {
  enum class Standing { kActive, kGrace, kSuspended, kClosed };
  // Why it may watch nothing, or soon nothing.
  enum class Reason {
    kNone,
    kPaymentLate,  // service stays until the grace is over
    kUnpaid,       // suspended for debt
    kSuspended,    // by the operator
    kPaused,
    kAwaitingPayment,
    kExpired,
    kCancelled,
    kNoSubscription,
    kClosed,
  };
  AccountId account;
  std::uint64_t revision = 0;
  Standing standing = Standing::kActive;
  std::vector<PackageId> packages;      // ascending
  int max_streams = 0;                  // 0: unlimited
  int max_devices = 0;                  // 0: unlimited
  std::optional<WallTime> valid_until;  // nothing: open-ended
  std::optional<WallTime> grace_until;  // honoured without fresh news until then

  std::string account_number;
  std::string full_name;
  std::string phone;
  std::string tariff_plan_name;
  std::int64_t balance = 0;  // of the wallet, less what is held
  std::string currency;      // empty: charged elsewhere

  Reason reason = Reason::kNone;
  std::int64_t owed = 0;
  std::optional<sys_days> due_on;

  std::vector<Facts::RunningRental> rentals{};  // each may be watched until its own end
};

// Only subscriptions that give service count, and of add-ons only those whose base does. Packages
// are their union; of limits and of the bases' dates the most generous one is taken; an add-on
// without a limit adds nothing to its base's, and ends with it. How the account stands, and why,
// the bases say: without one that gives service it is suspended if a suspended or paused one is
// left, and otherwise active with no package: nothing was taken away from it. Days begin where the
// operator is.
Entitlement DeriveEntitlement(const Facts& facts, const TimeZone& zone = {});

}  // namespace holdfast::billing

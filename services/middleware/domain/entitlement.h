// Who may watch what, decided from what is known. Unknown is not unpaid: only a positive billing
// event takes service away, a failed read never does.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "libs/base/clock.h"
#include "services/middleware/domain/ids.h"
#include "services/middleware/domain/lineup.h"

namespace holdfast::middleware {

// A film that may be watched until then, whatever else the account has.
struct RentedFilm {
  std::int64_t title = 0;
  std::int64_t until = 0;  // epoch seconds
};

// What billing last said about an account, or what a portal token remembers of it.
struct Entitlement {
  enum class Standing {
    kActive,
    kGrace,      // payment late, service stays
    kSuspended,  // blocked by a billing event
    kClosed,
  };
  AccountId account;
  std::uint64_t revision = 0;
  Standing standing = Standing::kActive;
  PackageSet packages;
  int max_devices = 0;           // 0: unlimited
  std::int64_t valid_until = 0;  // epoch seconds; 0: open-ended
  std::int64_t grace_until = 0;  // honoured without fresh news until then; 0: valid_until + default
  int max_streams = 0;           // at once; 0: unlimited
  std::string currency{};        // that it is charged in; empty: elsewhere, or not known
  std::vector<RentedFilm> rentals{};  // a token tells of none

  bool blocked() const { return standing == Standing::kSuspended || standing == Standing::kClosed; }
};

// Shown on the account page.
struct AccountPage {
  std::string account_number;
  std::string full_name;
  std::string phone;
  std::string tariff_plan_name;
  std::string balance;  // "12.34 EUR", or ""
  std::string notice;   // why there is, or soon will be, nothing to watch; empty: nothing is wrong
};

enum class Source {
  kBilling,  // the newest answer of billing that this instance holds
  kToken,    // the snapshot in the portal token
  kDefault,  // nobody has ever told: the packages that every account has
};

// An entitlement and where it came from. Shared: made once, used by every request of the account.
using SharedEntitlement = std::shared_ptr<const Entitlement>;
struct Knowledge {
  SharedEntitlement entitlement;  // never null
  Source source = Source::kDefault;
};

enum class Verdict {
  kAllowed,
  kBlocked,  // the account is suspended or closed
  kNotInPackage,
  kLapsed,  // paid time and grace are both over
};

inline constexpr std::chrono::hours kDefaultGrace{24 * 7};

// May this account watch anything now?
Verdict PaidFor(const Entitlement& entitlement, WallTime now);

// When service ends unless billing tells otherwise: paid time and grace. 0: open-ended.
std::int64_t ServedUntil(const Entitlement& entitlement);

// May this account watch the channel now?
Verdict MayWatch(const Entitlement& entitlement, const Channel& channel, WallTime now);

// The better of what the cache and the token know of `account`: a newer revision wins, and the
// cache wins a tie. With neither (both may be null) it is `when_unknown`.
Knowledge BestKnowledge(const AccountId& account, const SharedEntitlement& cached,
                        const SharedEntitlement& in_token, const SharedEntitlement& when_unknown);

}  // namespace holdfast::middleware

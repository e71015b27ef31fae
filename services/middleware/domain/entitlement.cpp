#include "services/middleware/domain/entitlement.h"

#include <algorithm>

namespace holdfast::middleware {
namespace {

bool Lapsed(const Entitlement& e, WallTime now) {
  return e.valid_until != 0 && EpochSeconds(now) >= ServedUntil(e);
}

}  // namespace

Verdict PaidFor(const Entitlement& entitlement, WallTime now) {
  if (entitlement.blocked()) return Verdict::kBlocked;
  return Lapsed(entitlement, now) ? Verdict::kLapsed : Verdict::kAllowed;
}

std::int64_t ServedUntil(const Entitlement& e) {
  if (e.valid_until == 0) return 0;
  const std::int64_t grace_until =
      e.grace_until != 0 ? e.grace_until
                         : e.valid_until + std::chrono::seconds(kDefaultGrace).count();
  return std::max(e.valid_until, grace_until);
}

Verdict MayWatch(const Entitlement& entitlement, const Channel& channel, WallTime now) {
  if (entitlement.blocked()) return Verdict::kBlocked;
  if (!entitlement.packages.Contains(channel.package)) return Verdict::kNotInPackage;
  return Lapsed(entitlement, now) ? Verdict::kLapsed : Verdict::kAllowed;
}

Knowledge BestKnowledge(const AccountId& account, const SharedEntitlement& cached,
                        const SharedEntitlement& in_token, const SharedEntitlement& when_unknown) {
  // A token made for another account (the box moved since) says nothing about this one.
  const bool token_tells = in_token != nullptr && in_token->account == account;
  if (cached != nullptr && (!token_tells || cached->revision >= in_token->revision)) {
    return {cached, Source::kBilling};
  }
  if (token_tells) return {in_token, Source::kToken};
  return {when_unknown, Source::kDefault};
}

}  // namespace holdfast::middleware

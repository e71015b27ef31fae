#include "services/billing/jobs.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "libs/base/status.h"
#include "services/billing/convert.h"

namespace holdfast::billing {
namespace {

using namespace std::chrono_literals;

constexpr auto kStepTimeout = 3s;  // of one question to the database
constexpr int kChangesAtOnce = 500;
constexpr std::uint64_t kChangesToKeep = 5000;  // followers that are not further behind catch up
constexpr int kAccountsAtOnce = 100;
constexpr auto kClocksMayDiffer = 5min;
constexpr std::chrono::hours kRemember{24 * 8};  // the proto promises 7 days

std::string_view NameOf(Subscription::State state) {
  switch (state) {
    case Subscription::State::kGrace:
      return "grace";
    case Subscription::State::kExpired:
      return "expired";
    default:
      return "cancelled";
  }
}

}  // namespace

// -- The feed -------------------------------------------------------------------------------------

absl::Status EntitlementFeed::Begin(Deadline deadline) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t last,
                            store_.LastRevision(deadline.AtMost(kStepTimeout)));
  position_ = last > kChangesToKeep ? last - kChangesToKeep : 0;
  publication_.StartAt(position_);
  begun_ = true;
  return absl::OkStatus();
}

absl::Status EntitlementFeed::Run(Deadline deadline) {
  if (!begun_) HOLDFAST_RETURN_IF_ERROR(Begin(deadline));
  while (true) {
    HOLDFAST_ASSIGN_OR_RETURN(
        const std::vector<EntitlementChange> changes,
        store_.ChangesAfter(deadline.AtMost(kStepTimeout), position_, kChangesAtOnce));
    if (changes.empty()) return absl::OkStatus();
    HOLDFAST_RETURN_IF_ERROR(Publish(deadline, changes));
    position_ = changes.back().revision;
    metrics_.feed_revision.Set(static_cast<double>(position_));
  }
}

// What is published is what is true now, which may be newer than the change that is told.
absl::Status EntitlementFeed::Publish(Deadline deadline,
                                      const std::vector<EntitlementChange>& changes) {
  std::set<AccountId> accounts;
  for (const EntitlementChange& change : changes) accounts.insert(change.account);
  HOLDFAST_ASSIGN_OR_RETURN(
      const std::vector<Facts> facts,
      store_.FindFacts(deadline.AtMost(kStepTimeout), {accounts.begin(), accounts.end()}));

  std::map<AccountId, SharedBytes> entitlements;
  for (const Facts& of_account : facts) {
    SharedBytes bytes = MakeShared(ToProto(DeriveEntitlement(of_account)).SerializeAsString());
    entitlements_.Put(of_account.account.id, bytes);
    entitlements[of_account.account.id] = std::move(bytes);
  }
  for (const EntitlementChange& change : changes) {
    publication_.Apply({{change.account.value(), entitlements[change.account]}}, change.revision);
  }
  return absl::OkStatus();
}

// -- The calendar ---------------------------------------------------------------------------------

absl::Status ExpiryJob::Run(Deadline deadline) {
  HOLDFAST_ASSIGN_OR_RETURN(const WallTime there, store_.Now(deadline.AtMost(kStepTimeout)));
  const WallTime here = clock_.Now();
  if (std::max(here - there, there - here) > kClocksMayDiffer) {
    return FailedPrecondition("our clock and the database's differ by {} s",
                              std::chrono::floor<std::chrono::seconds>(here - there).count());
  }
  const sys_days today = std::chrono::floor<std::chrono::days>(here);
  while (!deadline.Passed()) {
    std::vector<Subscription> moved;
    HOLDFAST_RETURN_IF_ERROR(
        store_.Transact(deadline.AtMost(kStepTimeout), [&](Transaction& tx) -> absl::Status {
          HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Holding> due,
                                    tx.DueHoldings(today, kAccountsAtOnce));
          for (const Holding& held : due) {
            std::optional<Subscription> next = DecideByDate(held, today);
            if (!next) continue;
            HOLDFAST_RETURN_IF_ERROR(tx.SaveSubscription(*next));
            moved.push_back(*std::move(next));
          }
          return absl::OkStatus();
        }));
    for (const Subscription& s : moved) metrics_.lapsed.With({NameOf(s.state)}).Add();
    if (moved.empty()) break;
  }
  return absl::OkStatus();
}

// -- Housekeeping ---------------------------------------------------------------------------------

absl::Status ForgetJob::Run(Deadline deadline) {
  while (true) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::int64_t forgotten, store_.Forget(deadline, kRemember));
    if (forgotten == 0 || deadline.Passed()) return absl::OkStatus();
  }
}

}  // namespace holdfast::billing

#include "services/billing/jobs.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "libs/base/status.h"
#include "services/billing/biller.h"
#include "services/billing/convert.h"

namespace holdfast::billing {
namespace {

using namespace std::chrono_literals;

constexpr auto kStepTimeout = 3s;  // of one question to the database
constexpr int kChangesAtOnce = 500;
constexpr std::uint64_t kChangesToKeep = 5000;  // followers that are not further behind catch up
constexpr int kAccountsAtOnce = 100;
constexpr auto kBatchTimeout = 10s;  // of one transaction that charges so many accounts
constexpr auto kClocksMayDiffer = 5min;
constexpr std::chrono::hours kRemember{24 * 8};  // the proto promises 7 days

std::string_view NameOf(Subscription::State state) {
  switch (state) {
    case Subscription::State::kGrace:
      return "grace";
    case Subscription::State::kExpired:
      return "expired";
    case Subscription::State::kSuspended:
      return "suspended";
    default:
      return "cancelled";
  }
}

// In the order of their ids, so that two instances do not wait for each other.
absl::Status LockWhoPays(Transaction& tx, const std::vector<Account>& accounts) {
  std::set<ResellerId> payers;
  for (const Account& account : accounts) {
    if (account.reseller_pays) payers.insert(account.reseller);
  }
  for (const ResellerId& payer : payers) {
    HOLDFAST_RETURN_IF_ERROR(tx.FindReseller(payer).status());
  }
  return absl::OkStatus();
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
    SharedBytes bytes = MakeShared(
        ToProto(DeriveEntitlement(of_account, entitlements_.zone())).SerializeAsString());
    entitlements_.Put(of_account.account.id, bytes);
    entitlements[of_account.account.id] = std::move(bytes);
  }
  for (const EntitlementChange& change : changes) {
    publication_.Apply({{change.account.value(), entitlements[change.account]}}, change.revision);
  }
  return absl::OkStatus();
}

// -- The calendar ---------------------------------------------------------------------------------

absl::StatusOr<sys_days> AgreedToday(Store& store, const Clock& clock, const TimeZone& zone,
                                     Deadline deadline) {
  HOLDFAST_ASSIGN_OR_RETURN(const WallTime there, store.Now(deadline.AtMost(kStepTimeout)));
  const WallTime here = clock.Now();
  if (std::max(here - there, there - here) > kClocksMayDiffer) {
    return FailedPrecondition("our clock and the database's differ by {} s",
                              std::chrono::floor<std::chrono::seconds>(here - there).count());
  }
  return DayOf(here, zone);
}

absl::Status RenewalJob::Run(Deadline deadline) {
  HOLDFAST_ASSIGN_OR_RETURN(const sys_days today, AgreedToday(store_, clock_, zone_, deadline));
  return RunFor(today, deadline);
}

absl::Status RenewalJob::RunFor(sys_days today, Deadline deadline) {
  HOLDFAST_RETURN_IF_ERROR(Charge(today, deadline));
  return FollowDebts(today, deadline);
}

absl::Status RenewalJob::Charge(sys_days today, Deadline deadline) {
  std::size_t worked_on = 0;
  do {
    int charged = 0;
    HOLDFAST_RETURN_IF_ERROR(
        store_.Transact(deadline.AtMost(kBatchTimeout), [&](Transaction& tx) -> absl::Status {
          charged = 0;
          HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Account> accounts,
                                    tx.ChargeableAccounts(today, kAccountsAtOnce));
          worked_on = accounts.size();
          HOLDFAST_RETURN_IF_ERROR(LockWhoPays(tx, accounts));
          for (const Account& account : accounts) {
            HOLDFAST_ASSIGN_OR_RETURN(const int looked_at,
                                      Biller(tx, account, today).ChargeAllDue());
            charged += looked_at;
          }
          return absl::OkStatus();
        }));
    metrics_.renewals.Add(charged);
  } while (worked_on > 0 && !deadline.Passed());
  return absl::OkStatus();
}

absl::Status RenewalJob::FollowDebts(sys_days today, Deadline deadline) {
  std::size_t moved = 0;
  do {
    HOLDFAST_RETURN_IF_ERROR(
        store_.Transact(deadline.AtMost(kBatchTimeout), [&](Transaction& tx) -> absl::Status {
          moved = 0;
          HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Account> accounts,
                                    tx.IndebtedAccounts(today, kAccountsAtOnce));
          for (const Account& account : accounts) {
            HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Invoice> open, tx.OpenInvoices(account.id));
            HOLDFAST_ASSIGN_OR_RETURN(const auto holdings, tx.LiveHoldings(account.id));
            for (const Holding& held : holdings) {
              if (open.empty()) break;
              const auto next = DecideByDebt(held, open.front().due_on, today);
              if (!next) continue;
              HOLDFAST_RETURN_IF_ERROR(tx.SaveSubscription(*next));
              ++moved;
            }
          }
          return absl::OkStatus();
        }));
  } while (moved > 0 && !deadline.Passed());
  return absl::OkStatus();
}

absl::Status ExpiryJob::Run(Deadline deadline) {
  HOLDFAST_ASSIGN_OR_RETURN(const sys_days today, AgreedToday(store_, clock_, zone_, deadline));
  return RunFor(today, deadline);
}

absl::Status ExpiryJob::RunFor(sys_days today, Deadline deadline) {
  while (!deadline.Passed()) {
    std::vector<Subscription> moved;
    HOLDFAST_RETURN_IF_ERROR(
        store_.Transact(deadline.AtMost(kStepTimeout), [&](Transaction& tx) -> absl::Status {
          HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Holding> due,
                                    tx.DueHoldings(today, kAccountsAtOnce));
          std::set<SubscriptionId> ended;
          for (const Holding& held : due) {
            std::optional<Subscription> next = DecideByDate(held, today);
            if (!next || ended.contains(held.subscription.base.value_or(SubscriptionId())))
              continue;
            HOLDFAST_RETURN_IF_ERROR(tx.SaveSubscription(*next));
            if (next->ended()) HOLDFAST_RETURN_IF_ERROR(End(tx, *next, today));
            if (next->ended()) ended.insert(next->id);
            moved.push_back(*std::move(next));
          }
          return absl::OkStatus();
        }));
    for (const Subscription& s : moved) metrics_.lapsed.With({NameOf(s.state)}).Add();
    if (moved.empty()) break;
  }
  return absl::OkStatus();
}

// What stands on it ends with it; days that were charged beyond a day of cancellation go back.
absl::Status ExpiryJob::End(Transaction& tx, const Subscription& ended, sys_days today) {
  HOLDFAST_ASSIGN_OR_RETURN(const Account account, tx.FindAccount(ended.account));
  Biller biller(tx, account, today);
  if (ended.cancel_on) HOLDFAST_RETURN_IF_ERROR(biller.CreditUnused(ended));
  return biller.EndAddOns(ended.id, Biller::Unused::kKept);
}

// -- Housekeeping ---------------------------------------------------------------------------------

absl::Status ForgetJob::Run(Deadline deadline) {
  while (true) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::int64_t forgotten, store_.Forget(deadline, kRemember));
    if (forgotten == 0 || deadline.Passed()) return absl::OkStatus();
  }
}

}  // namespace holdfast::billing

#include "services/billing/jobs.h"

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
    SharedBytes bytes = entitlements_.SnapshotOf(of_account);
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
  HOLDFAST_RETURN_IF_ERROR(CheckClocks(here, there));
  return DayOf(here, zone);
}

absl::StatusOr<Progress> RenewalJob::Run(Deadline deadline) {
  HOLDFAST_ASSIGN_OR_RETURN(const sys_days today, AgreedToday(store_, clock_, zone_, deadline));
  return RunFor(today, deadline);
}

absl::StatusOr<Progress> RenewalJob::RunFor(sys_days today, Deadline deadline) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::int64_t parked,
                            store_.CountParked(deadline.AtMost(kStepTimeout)));
  metrics_.parked.Set(static_cast<double>(parked));
  using Step = absl::StatusOr<Progress> (RenewalJob::*)(sys_days, Deadline);
  for (const Step step : {&RenewalJob::Charge, &RenewalJob::FollowDebts, &RenewalJob::Revive}) {
    HOLDFAST_ASSIGN_OR_RETURN(const Progress progress, (this->*step)(today, deadline));
    if (progress == Progress::kMoreToDo) return progress;
  }
  return Progress::kDone;
}

absl::StatusOr<Progress> RenewalJob::Charge(sys_days today, Deadline deadline) {
  int charged = 0;
  const AccountStep step{
      .find = [&](Transaction& tx) { return tx.ChargeableAccounts(today, kAccountsAtOnce); },
      .work = [&](Transaction& tx, const Account& account) -> absl::StatusOr<int> {
        Biller biller(tx, account, today);
        HOLDFAST_RETURN_IF_ERROR(biller.ChargeAllDue());
        charged += biller.changes();
        return biller.changes();
      },
      .begun = [&] { charged = 0; },
      .committed = [&] { metrics_.renewals.Add(charged); }};
  return ForAccounts(store_, deadline, step);
}

// What the wallet holds pays first.
absl::StatusOr<Progress> RenewalJob::FollowDebts(sys_days today, Deadline deadline) {
  const AccountStep step{
      .find = [&](Transaction& tx) { return tx.IndebtedAccounts(today, kAccountsAtOnce); },
      .work = [&](Transaction& tx, const Account& account) -> absl::StatusOr<int> {
        Biller biller(tx, account, today);
        HOLDFAST_RETURN_IF_ERROR(biller.MoneyCame());
        return biller.changes();
      }};
  return ForAccounts(store_, deadline, step);
}

absl::StatusOr<Progress> RenewalJob::Revive(sys_days today, Deadline deadline) {
  Transaction::Funding funding;
  HOLDFAST_RETURN_IF_ERROR(
      store_.Transact(deadline.AtMost(kStepTimeout), [&](Transaction& tx) -> absl::Status {
        HOLDFAST_ASSIGN_OR_RETURN(funding, tx.FundedResellers());
        return absl::OkStatus();
      }));
  if (funding.empty()) return Progress::kDone;
  AccountId last;   // of what is worked on
  AccountId after;  // everything up to it is done
  const AccountStep step{
      .find = [&](Transaction& tx) -> absl::StatusOr<std::vector<Account>> {
        HOLDFAST_ASSIGN_OR_RETURN(std::vector<Account> waiting,
                                  tx.AccountsWaitingFor(funding, today, after, kAccountsAtOnce));
        if (!waiting.empty()) last = waiting.back().id;
        return waiting;
      },
      .work = [&](Transaction& tx, const Account& account) -> absl::StatusOr<int> {
        Biller biller(tx, account, today);
        HOLDFAST_RETURN_IF_ERROR(biller.MoneyCame());
        return biller.changes();
      },
      .committed = [&] { after = last; }};
  HOLDFAST_ASSIGN_OR_RETURN(const Progress progress, ForAccounts(store_, deadline, step));
  if (progress == Progress::kMoreToDo) return progress;
  HOLDFAST_RETURN_IF_ERROR(store_.Transact(
      deadline.AtMost(kStepTimeout), [&](Transaction& tx) { return tx.MarkServed(funding); }));
  return Progress::kDone;
}

absl::StatusOr<Progress> ExpiryJob::Run(Deadline deadline) {
  HOLDFAST_ASSIGN_OR_RETURN(const sys_days today, AgreedToday(store_, clock_, zone_, deadline));
  return RunFor(today, deadline);
}

absl::StatusOr<Progress> ExpiryJob::RunFor(sys_days today, Deadline deadline) {
  std::vector<Subscription> moved;
  const AccountStep step{
      .find = [&](Transaction& tx) { return tx.DueAccounts(today, kAccountsAtOnce); },
      .work = [&](Transaction& tx, const Account& account) -> absl::StatusOr<int> {
        Biller biller(tx, account, today);
        HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Subscription> of_account,
                                  biller.FollowCalendar());
        moved.insert(moved.end(), of_account.begin(), of_account.end());
        return biller.changes();
      },
      .begun = [&] { moved.clear(); },
      .committed =
          [&] {
            for (const Subscription& s : moved) metrics_.lapsed.With({NameOf(s.state)}).Add();
          }};
  return ForAccounts(store_, deadline, step);
}

// -- Housekeeping ---------------------------------------------------------------------------------

absl::Status ForgetJob::Run(Deadline deadline) {
  while (true) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::int64_t forgotten, store_.Forget(deadline, kRemember));
    if (forgotten == 0 || deadline.Passed()) return absl::OkStatus();
  }
}

}  // namespace holdfast::billing

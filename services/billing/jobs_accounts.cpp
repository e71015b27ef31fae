#include "services/billing/jobs_accounts.h"

#include <set>

#include "libs/base/status.h"

namespace holdfast::billing {
namespace {

using namespace std::chrono_literals;

constexpr auto kBatchTimeout = 10s;  // of one transaction
constexpr auto kReserve = 500ms;     // of the deadline: no batch begins in it

// Nobody's account is at fault for these.
bool IsOfTheMoment(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsAborted(status) || absl::IsCancelled(status) || absl::IsResourceExhausted(status);
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

class Walk {
 public:
  Walk(Store& store, Deadline deadline, const AccountStep& step)
      : store_(store), deadline_(deadline), step_(step) {}

  absl::StatusOr<Progress> Run() {
    for (bool first = true;; first = false) {
      if (deadline_.Remaining() < kReserve) return Progress::kMoreToDo;
      absl::Status status = Together();
      // One may hold all others up, by its error or by being changed just now.
      const bool go_on_alone =
          !status.ok() && !found_.empty() && (!IsOfTheMoment(status) || absl::IsAborted(status));
      if (go_on_alone) status = OneByOne();
      if (!status.ok()) {
        const bool out_of_time = absl::IsDeadlineExceeded(status) && deadline_.Passed();
        if (!first && out_of_time) return Progress::kMoreToDo;
        return status;
      }
      if (found_.empty()) return Progress::kDone;
      HOLDFAST_ASSIGN_OR_RETURN(const bool news, ParkWhatStays());
      if (changed_ == 0 && !news) return Progress::kDone;
    }
  }

 private:
  absl::Status Together() {
    found_.clear();
    HOLDFAST_RETURN_IF_ERROR(
        store_.Transact(deadline_.AtMost(kBatchTimeout), [&](Transaction& tx) -> absl::Status {
          Begin();
          found_.clear();
          HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Account> accounts, step_.find(tx));
          for (const Account& account : accounts) found_.push_back(account.id);
          HOLDFAST_RETURN_IF_ERROR(LockWhoPays(tx, accounts));
          for (const Account& account : accounts) HOLDFAST_RETURN_IF_ERROR(Work(tx, account));
          return absl::OkStatus();
        }));
    step_.committed();
    return absl::OkStatus();
  }

  // Those whose time it is not are left for the next run, after all others had their turn.
  absl::Status OneByOne() {
    absl::Status of_the_moment;
    int changed = 0;
    std::vector<AccountId> unchanged;
    for (const AccountId& id : found_) {
      absl::Status status = Alone(id);
      if (status.ok()) {
        step_.committed();
        changed += changed_;
        unchanged.insert(unchanged.end(), unchanged_.begin(), unchanged_.end());
        continue;
      }
      if (IsOfTheMoment(status)) {
        if (of_the_moment.ok()) of_the_moment = status;
        if (deadline_.Passed()) break;
        continue;
      }
      HOLDFAST_RETURN_IF_ERROR(Park(id, ToString(status)));
      ++changed;
    }
    changed_ = changed;
    unchanged_ = std::move(unchanged);
    return of_the_moment;
  }

  absl::Status Alone(const AccountId& id) {
    return store_.Transact(deadline_.AtMost(kBatchTimeout), [&](Transaction& tx) -> absl::Status {
      Begin();
      HOLDFAST_ASSIGN_OR_RETURN(const Account account, tx.FindAccount(id));
      if (account.parked_since) return absl::OkStatus();
      HOLDFAST_RETURN_IF_ERROR(LockWhoPays(tx, {account}));
      return Work(tx, account);
    });
  }

  void Begin() {
    changed_ = 0;
    unchanged_.clear();
    step_.begun();
  }

  absl::Status Work(Transaction& tx, const Account& account) {
    HOLDFAST_ASSIGN_OR_RETURN(const int changed, step_.work(tx, account));
    changed_ += changed;
    if (changed == 0) unchanged_.push_back(account.id);
    return absl::OkStatus();
  }

  absl::Status Park(const AccountId& id, const std::string& why) {
    return store_.Transact(deadline_.AtMost(kBatchTimeout), [&](Transaction& tx) -> absl::Status {
      HOLDFAST_RETURN_IF_ERROR(tx.FindAccount(id).status());
      return tx.ParkAccount(id, why);
    });
  }

  // Once is no fault: another instance may have done what was to do. Whether there was something
  // new to know of them.
  absl::StatusOr<bool> ParkWhatStays() {
    for (const AccountId& id : unchanged_) {
      if (stayed_.insert(id).second) continue;
      HOLDFAST_RETURN_IF_ERROR(Park(id, "no_progress: it is due, and nothing can be done"));
    }
    return !unchanged_.empty();
  }

  Store& store_;
  const Deadline deadline_;
  const AccountStep& step_;
  std::vector<AccountId> found_;
  int changed_ = 0;
  std::vector<AccountId> unchanged_;
  std::set<AccountId> stayed_;
};

}  // namespace

absl::StatusOr<Progress> ForAccounts(Store& store, Deadline deadline, const AccountStep& step) {
  return Walk(store, deadline, step).Run();
}

}  // namespace holdfast::billing

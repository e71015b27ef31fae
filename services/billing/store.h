// What billing must remember. PostgreSQL behind it (pg_store.h); every call blocks up to its
// deadline and answers UNAVAILABLE or DEADLINE_EXCEEDED when the database cannot be used. After
// either of them a command's outcome is unknown: repeating it with its key is safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/deadline.h"
#include "services/billing/command.h"
#include "services/billing/domain/entitlement.h"
#include "services/billing/domain/ledger.h"

namespace holdfast::billing {

// One transaction. Reads lock what they return, so what is decided from them still holds when it is
// saved. Saving something that decides what an account may watch also writes the account to the
// outbox, in the same transaction; nobody can forget it. Use only inside the function it was handed
// to, from its thread.
class Transaction {
 public:
  virtual ~Transaction() = default;

  virtual absl::StatusOr<Account> FindAccount(const AccountId& id) = 0;
  // ALREADY_EXISTS: the id or the login is taken.
  virtual absl::Status AddAccount(const Account& account, const std::string& password_hash) = 0;
  virtual absl::Status SaveAccount(const Account& account) = 0;
  // ALREADY_EXISTS: the account's login is another's.
  virtual absl::Status SetPassword(const Account& account, const std::string& password_hash) = 0;

  virtual absl::Status PutPackage(const Package& package) = 0;
  // FAILED_PRECONDITION: a package is unknown.
  virtual absl::Status PutTariffPlan(const TariffPlan& plan) = 0;
  // Until the transaction ends the plan stays as it is. Ask for it before the account.
  virtual absl::StatusOr<TariffPlan> FindTariffPlan(const TariffPlanId& id) = 0;

  virtual absl::StatusOr<Holding> FindHolding(const SubscriptionId& id) = 0;
  // All of an account that have not ended.
  virtual absl::StatusOr<std::vector<Holding>> LiveHoldings(const AccountId& id) = 0;
  // Live ones whose paid time is over on `today`, of up to `max_accounts` accounts that no other
  // transaction works on.
  virtual absl::StatusOr<std::vector<Holding>> DueHoldings(sys_days today, int max_accounts) = 0;
  virtual absl::Status AddSubscription(const Subscription& subscription) = 0;
  virtual absl::Status SaveSubscription(const Subscription& subscription) = 0;

  // As it is now, what this transaction has posted included; one that nobody used is empty. It
  // stays so for as long as the transaction holds the account or reseller that owns it.
  virtual absl::StatusOr<LedgerAccount> FindLedgerAccount(const LedgerAccountId& id) = 0;
  virtual absl::StatusOr<Transfer> FindTransfer(const TransferId& id) = 0;
  virtual absl::StatusOr<Entry> FindEntry(const EntryId& id) = 0;
  // Pending transfers whose time is over, not resolved.
  virtual absl::StatusOr<std::vector<Transfer>> ExpiredTransfers(WallTime now, int limit) = 0;
  // Written with the commit, which fails when the ledger refuses: insufficient_funds,
  // already_resolved, already_reversed.
  virtual absl::Status Post(const Entry& entry) = 0;
};

struct AccountFilter {
  std::string search;  // see ListAccountsRequest
  std::optional<Account::State> state;
  AccountId after;  // those behind it in the order of ids
  int limit = 50;
};

struct Credentials {
  AccountId account;
  std::string password_hash;
  Account::State state = Account::State::kOpen;
};

struct EntitlementChange {
  std::uint64_t revision = 0;
  AccountId account;
};

struct BalanceFilter {
  std::string owner;  // empty: all
  std::optional<LedgerKind> kind;
  std::string after;  // name of the last one seen
  int limit = 50;
};

// A transfer as it stands in the books.
struct BookedTransfer {
  std::uint64_t position = 0;
  EntryId entry;
  std::string reason;
  WallTime created_at;
  Transfer transfer;
};

struct TransferFilter {
  std::optional<LedgerAccountId> account;
  std::string entry;  // empty: all
  std::uint64_t after = 0;
  int limit = 50;
};

// What a verification of the books found.
struct BooksReport {
  struct Problem {
    std::string check;
    std::string what;
  };
  struct Total {
    std::string currency;
    std::int64_t debits = 0;
    std::int64_t credits = 0;
  };
  std::vector<Problem> problems;
  std::uint64_t transfers = 0;
  std::uint64_t ledger_accounts = 0;
  std::vector<Total> totals;
};

// Thread-safe.
class Store {
 public:
  virtual ~Store() = default;

  using Effect = std::function<absl::StatusOr<std::string>(Transaction&)>;
  // Carries a command out and keeps what `effect` answered, in one transaction. A repeated command
  // is answered with what was kept. ALREADY_EXISTS: the key was used for another command.
  virtual absl::StatusOr<std::string> Once(Deadline deadline, const Command& command,
                                           const Effect& effect) = 0;
  // For what happens without being asked.
  virtual absl::Status Transact(Deadline deadline,
                                const std::function<absl::Status(Transaction&)>& body) = 0;

  // NOT_FOUND, as of all that look for one thing.
  virtual absl::StatusOr<Account> FindAccount(Deadline deadline, const AccountId& id) = 0;
  virtual absl::StatusOr<Credentials> FindCredentials(Deadline deadline,
                                                      const std::string& login) = 0;
  virtual absl::StatusOr<std::vector<Account>> ListAccounts(Deadline deadline,
                                                            const AccountFilter& filter) = 0;
  virtual absl::StatusOr<std::vector<Package>> ListPackages(Deadline deadline) = 0;
  virtual absl::StatusOr<std::vector<TariffPlan>> ListTariffPlans(Deadline deadline) = 0;
  // The newest first.
  virtual absl::StatusOr<std::vector<Subscription>> ListSubscriptions(Deadline deadline,
                                                                      const AccountId& id) = 0;

  // From one moment. Accounts that do not exist are left out.
  virtual absl::StatusOr<std::vector<Facts>> FindFacts(Deadline deadline,
                                                       const std::vector<AccountId>& ids) = 0;
  // The last revision given away.
  virtual absl::StatusOr<std::uint64_t> LastRevision(Deadline deadline) = 0;
  // The outbox, in the order of revisions.
  virtual absl::StatusOr<std::vector<EntitlementChange>> ChangesAfter(Deadline deadline,
                                                                      std::uint64_t revision,
                                                                      int limit) = 0;
  virtual absl::StatusOr<std::vector<LedgerAccount>> ListBalances(Deadline deadline,
                                                                  const BalanceFilter& filter) = 0;
  virtual absl::StatusOr<std::vector<BookedTransfer>> ListTransfers(
      Deadline deadline, const TransferFilter& filter) = 0;
  // Recomputes everything that can be recomputed.
  virtual absl::StatusOr<BooksReport> VerifyBooks(Deadline deadline) = 0;

  // Forgets commands and changes older than `age`; how many.
  virtual absl::StatusOr<std::int64_t> Forget(Deadline deadline, std::chrono::hours age) = 0;
  // What the database's clock shows.
  virtual absl::StatusOr<WallTime> Now(Deadline deadline) = 0;
};

}  // namespace holdfast::billing

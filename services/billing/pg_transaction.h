// The writing half of PgStore. Inside pg_*.cpp only.
#pragma once

#include <set>

#include "libs/storage/pg_pool.h"
#include "services/billing/store.h"

namespace holdfast::billing {

class PgBillingTransaction final : public Transaction {
 public:
  explicit PgBillingTransaction(storage::PgTransaction& tx) : tx_(tx) {}

  absl::StatusOr<Account> FindAccount(const AccountId& id) override;
  absl::Status AddAccount(const Account& account, const std::string& password_hash) override;
  absl::Status SaveAccount(const Account& account) override;
  absl::Status SetPassword(const Account& account, const std::string& password_hash) override;
  absl::Status PutPackage(const Package& package) override;
  absl::Status PutTariffPlan(const TariffPlan& plan) override;
  absl::StatusOr<TariffPlan> FindTariffPlan(const TariffPlanId& id) override;
  absl::StatusOr<Holding> FindHolding(const SubscriptionId& id) override;
  absl::StatusOr<std::vector<Holding>> LiveHoldings(const AccountId& id) override;
  absl::StatusOr<std::vector<Holding>> DueHoldings(sys_days today, int max_accounts) override;
  absl::Status AddSubscription(const Subscription& subscription) override;
  absl::Status SaveSubscription(const Subscription& subscription) override;

  // pg_ledger.cpp
  absl::StatusOr<LedgerAccount> FindLedgerAccount(const LedgerAccountId& id) override;
  absl::StatusOr<Transfer> FindTransfer(const TransferId& id) override;
  absl::StatusOr<Entry> FindEntry(const EntryId& id) override;
  absl::StatusOr<std::vector<Transfer>> ExpiredTransfers(WallTime now, int limit) override;
  absl::Status Post(const Entry& entry) override;

  // The last thing before the commit, because it locks what all writers share: writes what was
  // posted, gives every account that was changed its next revision and writes it to the outbox.
  absl::Status Finish();

 private:
  absl::Status LockChanged();
  absl::Status WriteBooks();
  absl::Status WriteOutbox();

  storage::PgTransaction& tx_;
  std::set<AccountId> changed_;
  std::vector<Entry> posted_;
};

}  // namespace holdfast::billing

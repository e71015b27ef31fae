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

  // The last thing before the commit: gives every account that was changed its next revision and
  // writes it to the outbox.
  absl::Status WriteOutbox();

 private:
  storage::PgTransaction& tx_;
  std::set<AccountId> changed_;
};

}  // namespace holdfast::billing

// Billing's tables in PostgreSQL (sql/). The account's row is the lock of everything that belongs
// to the account; plan, then accounts in the order of their ids, then the counter of revisions is
// the order in which rows are locked.
#pragma once

#include <span>

#include "libs/storage/pg_migrate.h"
#include "libs/storage/pg_pool.h"
#include "services/billing/store.h"

namespace holdfast::billing {

std::span<const storage::Migration> Migrations();

// Thread-safe. The pool must outlive it.
class PgStore final : public Store {
 public:
  explicit PgStore(storage::PgPool& pool) : pool_(pool) {}

  absl::StatusOr<std::string> Once(Deadline deadline, const Command& command,
                                   const Effect& effect) override;
  absl::Status Transact(Deadline deadline,
                        const std::function<absl::Status(Transaction&)>& body) override;

  absl::StatusOr<Account> FindAccount(Deadline deadline, const AccountId& id) override;
  absl::StatusOr<Credentials> FindCredentials(Deadline deadline, const std::string& login) override;
  absl::StatusOr<std::vector<Account>> ListAccounts(Deadline deadline,
                                                    const AccountFilter& filter) override;
  absl::StatusOr<std::vector<Package>> ListPackages(Deadline deadline) override;
  absl::StatusOr<std::vector<TariffPlan>> ListTariffPlans(Deadline deadline) override;
  absl::StatusOr<std::vector<Subscription>> ListSubscriptions(Deadline deadline,
                                                              const AccountId& id) override;
  absl::StatusOr<std::vector<Facts>> FindFacts(Deadline deadline,
                                               const std::vector<AccountId>& ids) override;
  absl::StatusOr<std::uint64_t> LastRevision(Deadline deadline) override;
  absl::StatusOr<std::vector<EntitlementChange>> ChangesAfter(Deadline deadline,
                                                              std::uint64_t revision,
                                                              int limit) override;
  absl::StatusOr<std::int64_t> Forget(Deadline deadline, std::chrono::hours age) override;
  absl::StatusOr<WallTime> Now(Deadline deadline) override;

 private:
  storage::PgPool& pool_;
};

}  // namespace holdfast::billing

// Billing's tables in PostgreSQL (sql/). The account's row is the lock of everything that belongs
// to the account. Rows are locked in this order: voucher, plan, coupon, accounts in the order of
// their ids, resellers, the counter of the ledger and what it moves, the counter of revisions. Who
// holds an account and needs a plan does not wait for it (FindTariffPlanNow).
#pragma once

#include <span>

#include "libs/storage/pg_migrate.h"
#include "libs/storage/pg_pool.h"
#include "services/billing/store.h"

namespace holdfast::billing {

std::span<const storage::Migration> Migrations();

// Whether somebody listens to events: without, only those that take service away are written down.
enum class Events { kNone, kWritten };

// Thread-safe. The pool must outlive it.
class PgStore final : public Store {
 public:
  // With a clock every transaction that writes is refused while it and the database's differ
  // (CheckClocks).
  explicit PgStore(storage::PgPool& pool, Events events = Events::kNone,
                   const Clock* clock = nullptr)
      : pool_(pool), events_(events), clock_(clock) {}

  absl::StatusOr<std::string> Once(Deadline deadline, const Command& command,
                                   const Effect& effect) override;
  absl::Status TryOut(Deadline deadline,
                      const std::function<absl::Status(Transaction&)>& body) override;
  absl::Status Transact(Deadline deadline,
                        const std::function<absl::Status(Transaction&)>& body) override;

  absl::StatusOr<Account> FindAccount(Deadline deadline, const AccountId& id) override;
  absl::StatusOr<Credentials> FindCredentials(Deadline deadline, const std::string& login) override;
  absl::StatusOr<std::vector<Account>> ListAccounts(Deadline deadline,
                                                    const AccountFilter& filter) override;
  absl::StatusOr<std::vector<Package>> ListPackages(Deadline deadline,
                                                    const CatalogueFilter& filter) override;
  absl::StatusOr<PackageModel> PackagesUnless(Deadline deadline,
                                              std::uint64_t known_revision) override;
  absl::StatusOr<std::vector<Rental>> ListRentals(Deadline deadline,
                                                  const RentalFilter& filter) override;
  absl::StatusOr<std::vector<TariffPlan>> ListTariffPlans(Deadline deadline,
                                                          const PlanFilter& filter) override;
  absl::StatusOr<std::vector<TariffPlan>> ListPlanVersions(
      Deadline deadline, const PlanVersionFilter& filter) override;
  absl::StatusOr<std::vector<Subscription>> ListSubscriptions(
      Deadline deadline, const SubscriptionFilter& filter) override;
  absl::StatusOr<std::vector<Facts>> FindFacts(Deadline deadline,
                                               const std::vector<AccountId>& ids) override;
  absl::StatusOr<std::uint64_t> LastRevision(Deadline deadline) override;
  absl::StatusOr<std::vector<EntitlementChange>> ChangesAfter(Deadline deadline,
                                                              std::uint64_t revision,
                                                              int limit) override;
  // pg_invoices.cpp
  absl::StatusOr<std::vector<BookedInvoice>> ListInvoices(Deadline deadline,
                                                          const InvoiceFilter& filter) override;
  absl::StatusOr<std::vector<Payment>> ListPayments(Deadline deadline,
                                                    const PaymentFilter& filter) override;
  absl::StatusOr<std::vector<ListedCreditNote>> ListCreditNotes(
      Deadline deadline, const CreditNoteFilter& filter) override;
  absl::StatusOr<std::vector<TaxRate>> ListTaxRates(Deadline deadline,
                                                    const TaxRateFilter& filter) override;
  // pg_attempts.cpp
  absl::StatusOr<PaymentAttempt> FindAttempt(Deadline deadline, const AttemptId& id) override;
  absl::StatusOr<GatewayRefund> FindRefund(Deadline deadline, const RefundId& id) override;
  absl::StatusOr<std::vector<GatewayRefund>> ListRefunds(Deadline deadline,
                                                         const RefundFilter& filter) override;
  absl::StatusOr<std::vector<GatewayRefund>> RefundsToLookAt(Deadline deadline,
                                                             const std::string& gateway,
                                                             WallTime now, int limit) override;
  absl::StatusOr<std::vector<PaymentAttempt>> ListAttempts(Deadline deadline,
                                                           const AttemptFilter& filter) override;
  absl::StatusOr<std::vector<PaymentAttempt>> AttemptsToLookAt(Deadline deadline,
                                                               const std::string& gateway,
                                                               WallTime now, int limit) override;
  // pg_collection.cpp
  absl::StatusOr<std::optional<PaymentMethod>> FindPaymentMethod(Deadline deadline,
                                                                 const AccountId& account) override;
  // pg_events.cpp
  absl::StatusOr<std::vector<StoredEvent>> EventsToSend(Deadline deadline, WallTime now,
                                                        int limit) override;
  absl::StatusOr<std::vector<StoredEvent>> ListEvents(Deadline deadline,
                                                      const EventFilter& filter) override;
  absl::Status SaveEvents(Deadline deadline, std::span<const StoredEvent> events) override;
  // pg_sales.cpp
  absl::StatusOr<std::vector<Reseller>> ListResellers(Deadline deadline,
                                                      const ResellerFilter& filter) override;
  absl::StatusOr<std::vector<ListedVoucherBatch>> ListVoucherBatches(
      Deadline deadline, const VoucherBatchFilter& filter) override;
  absl::StatusOr<std::vector<ListedVoucher>> ListVouchers(Deadline deadline,
                                                          const VoucherFilter& filter) override;
  // pg_coupons.cpp
  absl::StatusOr<std::vector<Coupon>> ListCoupons(Deadline deadline,
                                                  const CouponFilter& filter) override;
  absl::StatusOr<std::vector<Redemption>> ListRedemptions(Deadline deadline,
                                                          const RedemptionFilter& filter) override;
  // pg_ledger.cpp, pg_verify.cpp
  absl::StatusOr<std::vector<LedgerAccount>> ListBalances(Deadline deadline,
                                                          const BalanceFilter& filter) override;
  absl::StatusOr<std::vector<BookedTransfer>> ListTransfers(Deadline deadline,
                                                            const TransferFilter& filter) override;
  absl::StatusOr<BooksReport> VerifyBooks(Deadline deadline) override;

  absl::StatusOr<std::vector<AuditEntry>> ListAudit(Deadline deadline,
                                                    const AuditFilter& filter) override;
  absl::StatusOr<std::int64_t> Forget(Deadline deadline, std::chrono::hours age) override;
  absl::StatusOr<std::vector<Account>> ListParked(Deadline deadline, int limit) override;
  absl::StatusOr<std::int64_t> CountParked(Deadline deadline) override;
  absl::StatusOr<std::int64_t> CountOpenAttempts(Deadline deadline, WallTime before) override;
  absl::StatusOr<WallTime> Now(Deadline deadline) override;

 private:
  storage::PgPool& pool_;
  const Events events_;
  const Clock* const clock_;  // may be null
};

}  // namespace holdfast::billing

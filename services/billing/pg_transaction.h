// The writing half of PgStore. Inside pg_*.cpp only.
#pragma once

#include <set>

#include "libs/storage/pg_pool.h"
#include "services/billing/pg_store.h"
#include "services/billing/store.h"

namespace holdfast::billing {

// Whether a command asked for it, or billing does it by itself.
enum class Asked { kNo, kYes };

class PgBillingTransaction final : public Transaction {
 public:
  PgBillingTransaction(storage::PgTransaction& tx, Events events, Asked asked)
      : tx_(tx), tells_(events == Events::kWritten), asked_(asked) {}

  absl::StatusOr<Account> FindAccount(const AccountId& id) override;
  absl::Status AddAccount(const Account& account, const std::string& password_hash) override;
  absl::Status SaveAccount(const Account& account) override;
  absl::Status ParkAccount(const AccountId& id, const std::string& why) override;
  absl::Status UnparkAccount(const AccountId& id) override;
  absl::Status SetPassword(const Account& account, const std::string& password_hash) override;
  absl::Status PutTariffPlan(const TariffPlan& plan) override;
  absl::StatusOr<TariffPlan> FindTariffPlan(const TariffPlanId& id) override;
  absl::StatusOr<TariffPlan> FindTariffPlanNow(const TariffPlanId& id) override;
  absl::StatusOr<Holding> FindHolding(const SubscriptionId& id) override;
  absl::StatusOr<std::vector<Holding>> LiveHoldings(const AccountId& id) override;
  absl::StatusOr<std::vector<Account>> DueAccounts(sys_days today, int max_accounts) override;
  absl::Status AddSubscription(const Subscription& subscription) override;
  absl::Status SaveSubscription(const Subscription& subscription) override;

  absl::StatusOr<std::vector<Account>> ChargeableAccounts(sys_days today,
                                                          int max_accounts) override;
  absl::StatusOr<std::vector<Account>> IndebtedAccounts(sys_days today, int max_accounts) override;

  // pg_rentals.cpp
  absl::Status PutPackage(const Package& package) override;
  absl::StatusOr<Package> FindPackage(const PackageId& id) override;
  absl::StatusOr<Facts> FindFacts(const Account& account) override;
  absl::StatusOr<std::optional<Rental>> LastRental(const AccountId& account,
                                                   const ItemId& item) override;
  absl::Status AddRental(const Rental& rental) override;
  absl::StatusOr<int> EndRentals(WallTime now, int limit) override;

  // pg_terms.cpp
  absl::Status PutTaxRate(const TaxRate& rate) override;
  absl::StatusOr<TaxRate> FindTaxRate(const std::string& region, sys_days day) override;
  absl::Status AddTerm(const Term& term) override;
  absl::StatusOr<std::optional<Term>> FindTerm(const SubscriptionId& id, sys_days day) override;
  absl::Status EndTerm(const Term& term, sys_days to) override;
  absl::Status MoveTerm(const Term& term, const Days& to) override;

  // pg_invoices.cpp
  absl::Status AddInvoice(const Invoice& invoice) override;
  absl::Status SaveInvoice(const Invoice& invoice) override;
  absl::StatusOr<Invoice> FindInvoice(const InvoiceId& id) override;
  absl::StatusOr<int> NextSettlement(const InvoiceId& id) override;
  absl::StatusOr<std::vector<Invoice>> OpenInvoices(const AccountId& id) override;
  absl::StatusOr<std::vector<Invoice>> SettledInvoices(const AccountId& id,
                                                       const std::string& currency) override;
  absl::StatusOr<std::vector<OverdueInvoice>> OverdueInvoices(sys_days today,
                                                              const DunningSchedule& schedule,
                                                              int limit) override;

  // pg_credit_notes.cpp
  absl::Status AddCreditNote(const CreditNote& note) override;
  absl::StatusOr<std::vector<CreditNote>> FindCreditNotes(const InvoiceId& id) override;

  // pg_payments.cpp
  absl::Status AddPayment(const Payment& payment) override;
  absl::StatusOr<Payment> FindPayment(const PaymentId& id) override;
  absl::Status SavePayment(const Payment& payment) override;
  absl::StatusOr<std::optional<PaymentId>> FindPaymentOf(const std::string& method,
                                                         const std::string& reference) override;

  // pg_attempts.cpp
  absl::Status AddAttempt(const PaymentAttempt& attempt) override;
  absl::StatusOr<PaymentAttempt> FindAttempt(const AttemptId& id) override;
  absl::Status SaveAttempt(const PaymentAttempt& attempt) override;
  absl::StatusOr<bool> IsTakenByAttempt(const PaymentId& payment,
                                        const AttemptId& other_than) override;
  absl::StatusOr<bool> AddGatewayEvent(const std::string& gateway,
                                       const std::string& event_id) override;

  // pg_refunds.cpp
  absl::Status AddRefund(const GatewayRefund& refund) override;
  absl::StatusOr<GatewayRefund> FindRefund(const RefundId& id) override;
  absl::Status SaveRefund(const GatewayRefund& refund) override;

  // pg_collection.cpp
  absl::Status PutPaymentMethod(const PaymentMethod& method) override;
  absl::Status RemovePaymentMethod(const AccountId& account) override;
  absl::StatusOr<std::optional<PaymentMethod>> FindPaymentMethod(const AccountId& account) override;
  absl::StatusOr<std::vector<Account>> AccountsToCollectFrom(sys_days today,
                                                             const DunningSchedule& schedule,
                                                             int max_accounts) override;
  absl::StatusOr<bool> HasOpenAttempt(const AccountId& account) override;
  absl::StatusOr<std::vector<DueInvoice>> DueInvoices(const AccountId& account,
                                                      sys_days today) override;
  absl::Status AddCollection(const CollectionOrder::Step& step, const AttemptId& attempt) override;

  // pg_events.cpp
  absl::StatusOr<bool> AddDunningNotice(const InvoiceId& invoice, int step,
                                        sys_days today) override;
  void Tell(Event event) override;

  // pg_sales.cpp
  absl::Status AddVoucherBatch(const VoucherBatch& batch,
                               const std::vector<std::string>& code_hashes) override;
  absl::StatusOr<Voucher> FindVoucher(const std::string& code_hash) override;
  absl::Status MarkRedeemed(const std::string& code_hash, const AccountId& account) override;
  absl::Status CancelVoucherBatch(const VoucherBatchId& id) override;
  absl::Status PutReseller(const Reseller& reseller) override;
  absl::StatusOr<Reseller> FindReseller(const ResellerId& id) override;
  absl::StatusOr<std::int64_t> CountAccounts(const ResellerId& id) override;
  absl::StatusOr<Funding> FundedResellers() override;
  absl::Status MarkServed(const Funding& funding) override;
  absl::StatusOr<std::vector<Account>> AccountsWaitingFor(const Funding& funding, sys_days today,
                                                          const AccountId& after,
                                                          int max_accounts) override;

  // pg_coupons.cpp
  absl::Status AddCoupon(const Coupon& coupon) override;
  absl::StatusOr<Coupon> FindCoupon(const CouponId& id) override;
  absl::Status SaveCoupon(const Coupon& coupon) override;
  absl::StatusOr<Redeemer> FindRedeemer(const CouponId& coupon, const AccountId& account) override;
  absl::StatusOr<std::int64_t> AddRedemption(const Redemption& redemption) override;
  absl::StatusOr<ChargeHistory> FindHistory(const SubscriptionId& id,
                                            std::optional<sys_days> before) override;

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
  absl::Status RefuseSingle(const TariffPlan& plan);
  absl::Status LockChanged();
  absl::Status WriteBooks();
  absl::Status NumberInvoices();
  absl::Status WriteEvents();
  absl::Status CountFunding();
  // A line of the audit log, unless a command asked for this: that has its own line.
  void Note(std::string method, std::string subject, std::string key, std::string shown);
  absl::Status WriteNotes();
  absl::Status WriteOutbox();

  storage::PgTransaction& tx_;
  const bool tells_;
  const Asked asked_;
  std::vector<Event> events_;
  std::vector<AuditEntry> notes_;
  std::set<AccountId> changed_;
  std::vector<Entry> posted_;
  std::set<ResellerId> funded_;
  std::vector<std::string> invoices_;  // that have no number yet
};

}  // namespace holdfast::billing

// What billing must remember. PostgreSQL behind it (pg_store.h); every call blocks up to its
// deadline and answers UNAVAILABLE or DEADLINE_EXCEEDED when the database cannot be used. After
// either of them a command's outcome is unknown: repeating it with its key is safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/deadline.h"
#include "services/billing/command.h"
#include "services/billing/domain/attempt.h"
#include "services/billing/domain/collection.h"
#include "services/billing/domain/coupon.h"
#include "services/billing/domain/dunning.h"
#include "services/billing/domain/entitlement.h"
#include "services/billing/domain/event.h"
#include "services/billing/domain/invoice.h"
#include "services/billing/domain/ledger.h"
#include "services/billing/domain/refund.h"
#include "services/billing/domain/rental.h"
#include "services/billing/domain/sales.h"
#include "services/billing/store_lists.h"

namespace holdfast::billing {

// Money that came in from outside.
struct Payment {
  PaymentId id;
  AccountId account;
  Money amount;
  std::string method;     // "cash", "bank", a gateway
  std::string reference;  // the payer's; the same one of a method is taken once; empty: none
  std::int64_t refunded = 0;
  int refunds = 0;
  std::int64_t charged_back = 0;  // taken back by the payer's bank
  int chargebacks = 0;
  std::int64_t refunding = 0;  // under way through the gateway
  WallTime created_at;

  std::int64_t left() const { return amount.minor_units() - refunded - charged_back - refunding; }
};

// A charge of days of a subscription.
struct Term {
  SubscriptionId subscription;
  Days days;
  std::optional<InvoiceId> invoice;  // nothing: it cost nothing
  // Of a discounted one: which redemption did it, and the end of the period that it counts for.
  std::optional<std::int64_t> redemption{};
  sys_days period_end{};
  std::int64_t period_days = 0;  // so many the price pays for; 0: not known, of an older release
};

// A coupon that was redeemed for a subscription.
struct Redemption {
  std::int64_t id = 0;  // given by the store
  CouponId coupon;
  AccountId account;
  SubscriptionId subscription;
  sys_days redeemed_on;
};

// What the next charge of a subscription depends on.
struct ChargeHistory {
  bool charged_before = false;
  std::optional<Discount> discount;  // of the coupon that was redeemed last, if one was
};

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
  // The jobs leave it alone until it is unparked.
  virtual absl::Status ParkAccount(const AccountId& id, const std::string& why) = 0;
  virtual absl::Status UnparkAccount(const AccountId& id) = 0;
  // ALREADY_EXISTS: the account's login is another's.
  virtual absl::Status SetPassword(const Account& account, const std::string& password_hash) = 0;

  virtual absl::Status PutTaxRate(const TaxRate& rate) = 0;
  // The rate of a region on that day; none of an unknown region.
  virtual absl::StatusOr<TaxRate> FindTaxRate(const std::string& region, sys_days day) = 0;

  // FAILED_PRECONDITION package_in_plan: it would be rented singly and a plan holds it.
  virtual absl::Status PutPackage(const Package& package) = 0;
  // Until the transaction ends it stays as it is. Ask for it before the account.
  virtual absl::StatusOr<Package> FindPackage(const PackageId& id) = 0;

  // Everything that decides whether the account may rent; its holdings are the live ones.
  virtual absl::StatusOr<Facts> FindFacts(const Account& account) = 0;
  // The newest of an item; nothing: it was never rented.
  virtual absl::StatusOr<std::optional<Rental>> LastRental(const AccountId& account,
                                                           const ItemId& item) = 0;
  // Takes the place of what has run out. ALREADY_EXISTS: it is rented.
  virtual absl::Status AddRental(const Rental& rental) = 0;
  // Those that have run out are over, of accounts that no other transaction works on; how many.
  virtual absl::StatusOr<int> EndRentals(WallTime now, int limit) = 0;

  // FAILED_PRECONDITION: a package is unknown, or rented singly.
  virtual absl::Status PutTariffPlan(const TariffPlan& plan) = 0;
  // Until the transaction ends the plan stays as it is. Ask for it before the account.
  virtual absl::StatusOr<TariffPlan> FindTariffPlan(const TariffPlanId& id) = 0;
  // The same for who holds an account already and must not wait for a plan. ABORTED: somebody is
  // changing it, try again.
  virtual absl::StatusOr<TariffPlan> FindTariffPlanNow(const TariffPlanId& id) = 0;

  virtual absl::StatusOr<Holding> FindHolding(const SubscriptionId& id) = 0;
  // All of an account that have not ended.
  virtual absl::StatusOr<std::vector<Holding>> LiveHoldings(const AccountId& id) = 0;
  // Accounts that no other transaction works on and that are not parked, up to `max_accounts`:
  // those that the calendar moves (DecideByDate) ...
  virtual absl::StatusOr<std::vector<Account>> DueAccounts(sys_days today, int max_accounts) = 0;
  // ... those charged by us with a term or a planned change that is due ...
  virtual absl::StatusOr<std::vector<Account>> ChargeableAccounts(sys_days today,
                                                                  int max_accounts) = 0;
  // ... and those with unpaid invoices that have something to do with what they may watch, or that
  // the wallet can pay.
  virtual absl::StatusOr<std::vector<Account>> IndebtedAccounts(sys_days today,
                                                                int max_accounts) = 0;
  virtual absl::Status AddSubscription(const Subscription& subscription) = 0;
  virtual absl::Status SaveSubscription(const Subscription& subscription) = 0;

  // ALREADY_EXISTS: days of it were charged before.
  virtual absl::Status AddTerm(const Term& term) = 0;
  // The one that holds `day`, if it was charged for.
  virtual absl::StatusOr<std::optional<Term>> FindTerm(const SubscriptionId& id, sys_days day) = 0;
  // Ends it on another day; on its first day it is void. A later end is that of its period too.
  virtual absl::Status EndTerm(const Term& term, sys_days to) = 0;
  // To other days, which nothing else is charged for.
  virtual absl::Status MoveTerm(const Term& term, const Days& to) = 0;

  virtual absl::Status AddInvoice(const Invoice& invoice) = 0;
  virtual absl::Status SaveInvoice(const Invoice& invoice) = 0;
  virtual absl::StatusOr<Invoice> FindInvoice(const InvoiceId& id) = 0;
  // How many times it was settled before; counts one more.
  virtual absl::StatusOr<int> NextSettlement(const InvoiceId& id) = 0;
  // Not paid, the first that was due first.
  virtual absl::StatusOr<std::vector<Invoice>> OpenInvoices(const AccountId& id) = 0;
  // Those that hold money in that currency, the newest first.
  virtual absl::StatusOr<std::vector<Invoice>> SettledInvoices(const AccountId& id,
                                                               const std::string& currency) = 0;
  virtual absl::Status AddCreditNote(const CreditNote& note) = 0;
  virtual absl::StatusOr<std::vector<CreditNote>> FindCreditNotes(const InvoiceId& id) = 0;

  // ALREADY_EXISTS: this reference was taken before.
  virtual absl::Status AddPayment(const Payment& payment) = 0;
  virtual absl::StatusOr<Payment> FindPayment(const PaymentId& id) = 0;
  virtual absl::Status SavePayment(const Payment& payment) = 0;
  // The payment with that reference, if there is one.
  virtual absl::StatusOr<std::optional<PaymentId>> FindPaymentOf(const std::string& method,
                                                                 const std::string& reference) = 0;

  virtual absl::Status AddAttempt(const PaymentAttempt& attempt) = 0;
  virtual absl::StatusOr<PaymentAttempt> FindAttempt(const AttemptId& id) = 0;
  virtual absl::Status SaveAttempt(const PaymentAttempt& attempt) = 0;
  // Whether another attempt was paid by it.
  virtual absl::StatusOr<bool> IsTakenByAttempt(const PaymentId& payment,
                                                const AttemptId& other_than) = 0;
  // False: it was taken before.
  virtual absl::StatusOr<bool> AddGatewayEvent(const std::string& gateway,
                                               const std::string& event_id) = 0;

  virtual absl::Status AddRefund(const GatewayRefund& refund) = 0;
  virtual absl::StatusOr<GatewayRefund> FindRefund(const RefundId& id) = 0;
  // Tells of one that has ended.
  virtual absl::Status SaveRefund(const GatewayRefund& refund) = 0;

  virtual absl::Status PutPaymentMethod(const PaymentMethod& method) = 0;
  // NOT_FOUND: it has none.
  virtual absl::Status RemovePaymentMethod(const AccountId& account) = 0;
  virtual absl::StatusOr<std::optional<PaymentMethod>> FindPaymentMethod(
      const AccountId& account) = 0;
  // Those that may have something to collect (DecideCollection) and no attempt under way.
  virtual absl::StatusOr<std::vector<Account>> AccountsToCollectFrom(
      sys_days today, const DunningSchedule& schedule, int max_accounts) = 0;
  // Whether the end of an attempt is unknown.
  virtual absl::StatusOr<bool> HasOpenAttempt(const AccountId& account) = 0;
  virtual absl::StatusOr<std::vector<DueInvoice>> DueInvoices(const AccountId& account,
                                                              sys_days today) = 0;
  virtual absl::Status AddCollection(const CollectionOrder::Step& step,
                                     const AttemptId& attempt) = 0;

  // Invoices that are open and have reached a step of the schedule that was not told.
  virtual absl::StatusOr<std::vector<OverdueInvoice>> OverdueInvoices(
      sys_days today, const DunningSchedule& schedule, int limit) = 0;
  // False: it was told before.
  virtual absl::StatusOr<bool> AddDunningNotice(const InvoiceId& invoice, int step,
                                                sys_days today) = 0;
  // Tells other systems, if anybody listens; written with the commit. What is added or saved above
  // is told of by itself. What takes service away is written down even if nobody listens.
  virtual void Tell(Event event) = 0;

  // ALREADY_EXISTS: the id is taken.
  virtual absl::Status AddVoucherBatch(const VoucherBatch& batch,
                                       const std::vector<std::string>& code_hashes) = 0;
  virtual absl::StatusOr<Voucher> FindVoucher(const std::string& code_hash) = 0;
  virtual absl::Status MarkRedeemed(const std::string& code_hash, const AccountId& account) = 0;
  virtual absl::Status CancelVoucherBatch(const VoucherBatchId& id) = 0;

  // ALREADY_EXISTS: the code is taken.
  virtual absl::Status AddCoupon(const Coupon& coupon) = 0;
  // Ask for it before accounts: it is locked, so nobody else redeems it meanwhile.
  virtual absl::StatusOr<Coupon> FindCoupon(const CouponId& id) = 0;
  virtual absl::Status SaveCoupon(const Coupon& coupon) = 0;
  virtual absl::StatusOr<Redeemer> FindRedeemer(const CouponId& coupon,
                                                const AccountId& account) = 0;
  // Counts it on the coupon too; the one added last is the subscription's. Answers its id.
  virtual absl::StatusOr<std::int64_t> AddRedemption(const Redemption& redemption) = 0;
  // The periods of the discount are of terms that began before that day; nothing: of all.
  virtual absl::StatusOr<ChargeHistory> FindHistory(const SubscriptionId& id,
                                                    std::optional<sys_days> before) = 0;

  // FAILED_PRECONDITION: it owes more than its new credit.
  virtual absl::Status PutReseller(const Reseller& reseller) = 0;
  // Ask for resellers after accounts.
  virtual absl::StatusOr<Reseller> FindReseller(const ResellerId& id) = 0;
  // Open ones of it and of all below it.
  virtual absl::StatusOr<std::int64_t> CountAccounts(const ResellerId& id) = 0;
  // Resellers that money came to since they were marked as served, and up to which money.
  using Funding = std::vector<std::pair<ResellerId, std::int64_t>>;
  virtual absl::StatusOr<Funding> FundedResellers() = 0;
  virtual absl::Status MarkServed(const Funding& funding) = 0;
  // Accounts behind `after`, by id, that wait for their reseller's money.
  virtual absl::StatusOr<std::vector<Account>> AccountsWaitingFor(const Funding& funding,
                                                                  sys_days today,
                                                                  const AccountId& after,
                                                                  int max_accounts) = 0;

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
  std::string owner;  // an account: of its wallet and its debts; empty: all
  std::optional<WallTime> from;
  std::optional<WallTime> until;
  std::uint64_t after = 0;
  int limit = 50;
};

struct BookedInvoice {
  std::uint64_t number = 0;
  Invoice invoice;
};

struct InvoiceFilter {
  std::string account;  // empty: all
  bool only_open = false;
  std::optional<sys_days> issued_from;
  std::optional<sys_days> issued_until;
  std::optional<sys_days> due_until;
  std::string currency;     // empty: any
  std::uint64_t after = 0;  // number of the last one seen
  int limit = 50;
};

struct CouponFilter {
  bool only_redeemable = false;  // on `today`
  sys_days today;
  std::string after;  // code of the last one seen
  int limit = 50;
};

struct RedemptionFilter {
  std::string coupon;   // empty: all
  std::string account;  // empty: all
  std::int64_t after = 0;
  int limit = 50;
};

struct AuditEntry {
  std::uint64_t position = 0;
  WallTime at;
  std::string caller;
  std::string person;  // for whom the caller acted; empty: by itself
  std::string method;
  std::string subject;
  std::string request;  // JSON
  std::string key;
};

struct AuditFilter {
  std::string subject;  // empty: all
  std::string caller;   // empty: all
  std::string person;   // empty: all
  std::string method;   // empty: all
  std::uint64_t after = 0;
  int limit = 50;
};

// An event of the outbox.
struct StoredEvent {
  std::string id;
  std::string kind{};
  AccountId account{};
  std::string body;  // JSON
  int tries = 0;
  WallTime created_at;
  WallTime try_at;  // not before
  std::optional<WallTime> delivered_at;
  std::optional<WallTime> given_up_at;
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
  // For what happens without being asked. What it takes away and takes in leaves a line in the
  // audit log too.
  virtual absl::Status Transact(Deadline deadline,
                                const std::function<absl::Status(Transaction&)>& body) = 0;

  // To see what would be: whatever the body wrote is undone, and nobody is told.
  virtual absl::Status TryOut(Deadline deadline,
                              const std::function<absl::Status(Transaction&)>& body) = 0;

  // NOT_FOUND, as of all that look for one thing.
  virtual absl::StatusOr<Account> FindAccount(Deadline deadline, const AccountId& id) = 0;
  virtual absl::StatusOr<Credentials> FindCredentials(Deadline deadline,
                                                      const std::string& login) = 0;
  virtual absl::StatusOr<std::vector<Account>> ListAccounts(Deadline deadline,
                                                            const AccountFilter& filter) = 0;
  virtual absl::StatusOr<std::vector<Package>> ListPackages(Deadline deadline,
                                                            const CatalogueFilter& filter) = 0;
  // All packages as of one revision, which grows with each change of any.
  struct PackageModel {
    std::uint64_t revision = 0;
    std::vector<Package> packages;  // empty where `revision` is the one that is known
  };
  virtual absl::StatusOr<PackageModel> PackagesUnless(Deadline deadline,
                                                      std::uint64_t known_revision) = 0;
  virtual absl::StatusOr<std::vector<Rental>> ListRentals(Deadline deadline,
                                                          const RentalFilter& filter) = 0;
  virtual absl::StatusOr<std::vector<TariffPlan>> ListTariffPlans(Deadline deadline,
                                                                  const PlanFilter& filter) = 0;
  // The newest first; none of an unknown plan.
  virtual absl::StatusOr<std::vector<TariffPlan>> ListPlanVersions(
      Deadline deadline, const PlanVersionFilter& filter) = 0;
  // The newest first.
  virtual absl::StatusOr<std::vector<Subscription>> ListSubscriptions(
      Deadline deadline, const SubscriptionFilter& filter) = 0;

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
  // By account, or all; the oldest first, behind a number.
  virtual absl::StatusOr<std::vector<BookedInvoice>> ListInvoices(Deadline deadline,
                                                                  const InvoiceFilter& filter) = 0;
  // The newest first, as those of credit notes and attempts.
  virtual absl::StatusOr<std::vector<Payment>> ListPayments(Deadline deadline,
                                                            const PaymentFilter& filter) = 0;
  virtual absl::StatusOr<std::vector<ListedCreditNote>> ListCreditNotes(
      Deadline deadline, const CreditNoteFilter& filter) = 0;
  virtual absl::StatusOr<std::vector<Reseller>> ListResellers(Deadline deadline,
                                                              const ResellerFilter& filter) = 0;
  virtual absl::StatusOr<std::vector<ListedVoucherBatch>> ListVoucherBatches(
      Deadline deadline, const VoucherBatchFilter& filter) = 0;
  virtual absl::StatusOr<std::vector<ListedVoucher>> ListVouchers(Deadline deadline,
                                                                  const VoucherFilter& filter) = 0;
  // By code.
  virtual absl::StatusOr<std::vector<Coupon>> ListCoupons(Deadline deadline,
                                                          const CouponFilter& filter) = 0;
  // In the order in which they were redeemed.
  virtual absl::StatusOr<std::vector<Redemption>> ListRedemptions(
      Deadline deadline, const RedemptionFilter& filter) = 0;
  virtual absl::StatusOr<std::vector<TaxRate>> ListTaxRates(Deadline deadline,
                                                            const TaxRateFilter& filter) = 0;
  virtual absl::StatusOr<PaymentAttempt> FindAttempt(Deadline deadline, const AttemptId& id) = 0;
  virtual absl::StatusOr<std::vector<PaymentAttempt>> ListAttempts(Deadline deadline,
                                                                   const AttemptFilter& filter) = 0;
  virtual absl::StatusOr<std::optional<PaymentMethod>> FindPaymentMethod(
      Deadline deadline, const AccountId& account) = 0;
  // Open ones that are to be asked about, the most overdue first.
  virtual absl::StatusOr<std::vector<PaymentAttempt>> AttemptsToLookAt(Deadline deadline,
                                                                       const std::string& gateway,
                                                                       WallTime now, int limit) = 0;
  // The same of refunds.
  virtual absl::StatusOr<GatewayRefund> FindRefund(Deadline deadline, const RefundId& id) = 0;
  virtual absl::StatusOr<std::vector<GatewayRefund>> ListRefunds(Deadline deadline,
                                                                 const RefundFilter& filter) = 0;
  virtual absl::StatusOr<std::vector<GatewayRefund>> RefundsToLookAt(Deadline deadline,
                                                                     const std::string& gateway,
                                                                     WallTime now, int limit) = 0;
  virtual absl::StatusOr<std::vector<StoredEvent>> EventsToSend(Deadline deadline, WallTime now,
                                                                int limit) = 0;
  // The newest first.
  virtual absl::StatusOr<std::vector<StoredEvent>> ListEvents(Deadline deadline,
                                                              const EventFilter& filter) = 0;
  // All or none.
  virtual absl::Status SaveEvents(Deadline deadline, std::span<const StoredEvent> events) = 0;
  // Recomputes everything that can be recomputed.
  virtual absl::StatusOr<BooksReport> VerifyBooks(Deadline deadline) = 0;

  // Every command that was carried out, and what was done unasked; the oldest first.
  virtual absl::StatusOr<std::vector<AuditEntry>> ListAudit(Deadline deadline,
                                                            const AuditFilter& filter) = 0;
  // Forgets commands and changes older than `age`; how many.
  virtual absl::StatusOr<std::int64_t> Forget(Deadline deadline, std::chrono::hours age) = 0;
  // Parked accounts, the longest parked first.
  virtual absl::StatusOr<std::vector<Account>> ListParked(Deadline deadline, int limit) = 0;
  virtual absl::StatusOr<std::int64_t> CountParked(Deadline deadline) = 0;
  // Open ones, refunds too, that were begun before `before`, of whatever gateway.
  virtual absl::StatusOr<std::int64_t> CountOpenAttempts(Deadline deadline, WallTime before) = 0;
  // What the database's clock shows.
  virtual absl::StatusOr<WallTime> Now(Deadline deadline) = 0;
};

}  // namespace holdfast::billing

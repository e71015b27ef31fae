// One account's money and subscriptions, moved together inside one transaction: what is decided in
// domain/ becomes invoices, entries in the books and subscriptions. Commands and jobs both come
// here, so the same thing happens whoever asks.
//
//   charge     invoice <- revenue, tax; the wallet settles it at once or as far as it can;
//              the term is written down, so that the same days are never charged again
//   credit     the other way round, for days that were not used
//   money in   settles open invoices, then charges what waited for money
//   money that a bank takes back   the wallet gives what it has, then settlements are undone
//
// A prepaid account is charged only what its wallet holds. A postpaid one is charged whatever it
// holds, and owes the rest.
//
// biller.cpp charges, starts and redeems; biller_change.cpp changes, ends and pauses;
// biller_money.cpp takes money in and gives it back; biller_rent.cpp rents; biller_preview.cpp says what
// comes next.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/billing/domain/charge.h"
#include "services/billing/store.h"

namespace holdfast::billing {

// Use only inside the transaction, which must hold the account.
class Biller {
 public:
  Biller(Transaction& tx, Account account, sys_days today)
      : tx_(tx),
        account_(std::move(account)),
        today_(today),
        parked_(account_.parked_since.has_value()) {}

  // Charges everything of the account that is due. An add-on is charged only when its base is paid.
  // What could not be charged is tried again tomorrow or when money comes.
  absl::Status ChargeAllDue();

  // Settles and charges whatever the wallet now allows. Call it after everything that puts money
  // into a wallet; before that, CatchUp.
  absl::Status MoneyCame();

  // What the jobs would have done until today with the money there was: when they are late, new
  // money must not pay for days on which there would have been no service.
  absl::Status CatchUp();

  // What the calendar does to the account's subscriptions; those that moved, as they are now.
  absl::StatusOr<std::vector<Subscription>> FollowCalendar();

  // How many subscriptions and invoices were changed.
  int changes() const { return changes_; }

  // Moves to another plan today: unused days are credited, the new plan is charged.
  // FAILED_PRECONDITION: insufficient_funds, add_on_not_allowed, base_not_allowed, no_price.
  absl::StatusOr<Subscription> ChangeNow(Holding held, const TariffPlan& to);
  // Writes down a change for later, which is checked now and again on its day. The same reasons.
  absl::StatusOr<Subscription> ChangeLater(const Holding& held, const TariffPlan& to,
                                           const PlannedChange& change);
  absl::Status CheckChange(const Holding& held, const TariffPlan& to, sys_days on);
  // Either of them.
  struct ChangeOrder {
    PlannedChange change;
    enum class When { kNow, kLater } when = When::kNow;
  };
  absl::StatusOr<Subscription> Change(const Holding& held, const TariffPlan& to,
                                      const ChangeOrder& order);

  // Takes a coupon, which the transaction holds, for what a subscription is charged from now on.
  // FAILED_PRECONDITION: see CheckRedemption; coupon_in_place unless it may replace another one.
  enum class OtherCoupon { kStays, kIsReplaced };
  absl::StatusOr<Redemption> Redeem(const Coupon& coupon, const Subscription& subscription,
                                    OtherCoupon other);

  // Ends add-ons whose base has ended, crediting them as the base.
  enum class Unused { kKept, kCredited };
  absl::Status EndAddOns(const SubscriptionId& base, Unused unused);
  // Credits what is left of the days that were charged.
  absl::Status CreditUnused(const Subscription& subscription);

  // A payment that came in. INVALID_ARGUMENT: its method is ours.
  absl::Status TakeIn(const Payment& payment);
  // An entry that puts money into the wallet.
  absl::Status TakeIn(const Entry& entry);
  // Starts a subscription and charges it. FAILED_PRECONDITION: insufficient_funds (unless it may
  // wait), no_price, base_not_allowed, a closed account.
  struct Order {
    TariffPlan plan;
    std::optional<SubscriptionId> base;
    std::optional<sys_days> valid_until;
    bool may_wait = false;           // for its first payment
    std::optional<Coupon> coupon{};  // redeemed with it
  };
  absl::StatusOr<Subscription> Start(const Order& order, WallTime now, const TimeZone& zone);
  // Puts the entry's money into the wallet and buys a plan with it before anything else: another
  // period of a live subscription to it, else a new one. FAILED_PRECONDITION: as Start;
  // not_in_service, open_ended.
  absl::StatusOr<Subscription> BuyWith(const Entry& entry, const TariffPlan& plan, WallTime now,
                                       const TimeZone& zone);
  // Rents an item and charges it, or answers the rental of it that runs (biller_rent.cpp).
  // FAILED_PRECONDITION: insufficient_funds; see DecideRentalPrice, CheckMayRent.
  struct Rented {
    Rental rental;
    bool before = false;  // it ran already; nothing was charged
  };
  absl::StatusOr<Rented> Rent(const RentalOrder& order, WallTime now);
  // By hand. FAILED_PRECONDITION: insufficient_funds, refund_too_large.
  absl::StatusOr<Payment> Refund(Payment payment, std::int64_t amount);
  // Through the gateway: writes it down and holds its money. The same reasons.
  absl::Status BeginRefund(Payment payment, const GatewayRefund& refund);
  // Writes down what became of one: when it has ended, its money leaves or is the wallet's again.
  // Of one that came back after it was sent it is reversed. FAILED_PRECONDITION refund_too_large:
  // it was sent after all, and there is nothing left that it could be a refund of.
  absl::Status SaveRefund(GatewayRefund refund);
  // The payer's bank took it back. FAILED_PRECONDITION: chargeback_too_large.
  absl::StatusOr<Payment> ChargeBack(Payment payment, std::int64_t amount,
                                     const std::string& reason);
  absl::StatusOr<CreditNote> CreditInvoice(const InvoiceId& id, const std::string& reason);
  // Of one that was made in error. FAILED_PRECONDITION: invoice_paid, already_credited.
  absl::StatusOr<CreditNote> VoidInvoice(const InvoiceId& id, const std::string& reason);

  // What the next charge of a subscription will be, on the day of that charge; nothing: none will
  // come. Writes nothing (biller_preview.cpp).
  absl::StatusOr<std::optional<Invoice>> PreviewNext(Holding held);
  // What a change of plan does: carries it out, so use it in a transaction that is undone. Of one
  // for later also what is written on its day, as far as that is known today. The same refusals.
  struct ChangePreview {
    Subscription subscription;  // as it is then
    std::vector<CreditNote> credit_notes{};
    std::vector<Invoice> invoices{};
  };
  absl::StatusOr<ChangePreview> PreviewChange(const Holding& held, const TariffPlan& to,
                                              const ChangeOrder& order);

  // A base is paused and resumed with its add-ons; the charged days move with the pause.
  absl::StatusOr<Subscription> Pause(const Holding& held);
  absl::StatusOr<Subscription> Resume(const Holding& held);

 private:
  static bool BaseIsPaid(const Holding& held, const std::vector<Holding>& holdings, sys_days today);
  absl::Status Save(const Subscription& subscription);
  // Stops charging the account until a person has looked at it.
  absl::Status Park(const std::string& why);
  // Charges every term that is due, up to today. False: the money is not there (or the plan has no
  // price); what is charged until then stays.
  absl::StatusOr<bool> ChargeDue(Holding& held);
  absl::StatusOr<bool> ChargeTerm(Holding& held, const NextTerm& term);
  absl::StatusOr<Subscription> Extend(Holding held);
  absl::Status Attach(const SubscriptionId& base, const TariffPlan& plan, Subscription& started);
  absl::StatusOr<std::int64_t> WalletHolds(const std::string& currency);
  // What there is for a prepaid subscription's bill: the wallet, what comes back into it before the
  // bill is paid, and what the reseller adds if it pays. Less than the bill asks for: nothing was
  // added, it cannot be paid.
  absl::StatusOr<std::int64_t> ProvideFor(const Invoice& invoice, std::int64_t to_come);
  // What a term costs, and what the wallet must hold for it.
  struct Bill {
    Invoice invoice;
    std::optional<std::int64_t> redemption;  // that lowers it
  };
  absl::StatusOr<Bill> Draft(const Holding& held, const NextTerm& term);
  absl::Status Charge(Holding& held, const NextTerm& term, const Bill& bill);
  absl::Status IssueAndSettle(const Invoice& invoice);
  absl::Status SettleOne(const Invoice& invoice);
  absl::Status SettleOpenInvoices();
  // Takes the money of settled invoices back into the wallet, of the newest first. How much.
  absl::StatusOr<std::int64_t> Reopen(const std::string& currency, std::int64_t amount);
  // What crediting the unused days of a subscription would write.
  struct UnusedTerm {
    Term term;
    std::optional<Credit> credit;
  };
  absl::StatusOr<std::vector<UnusedTerm>> FindUnused(const SubscriptionId& id, sys_days from);
  absl::Status Write(const std::vector<UnusedTerm>& unused, sys_days from);
  absl::Status Write(const Credit& credit);
  absl::Status TakeBounced(const GatewayRefund& refund);
  absl::Status CreditUnused(const Subscription& subscription, sys_days from);
  absl::Status EndAddOns(const SubscriptionId& base, Unused unused, sys_days on);
  absl::StatusOr<bool> FollowCalendar(Holding& held);
  absl::Status CheckAddOnsOf(const Holding& base, const TariffPlan& to, sys_days on);
  // What moving to another plan today writes; nothing: no money moves.
  struct Move {
    std::vector<UnusedTerm> unused;
    NextTerm next;
    Bill bill;
  };
  absl::StatusOr<std::optional<Move>> DraftMove(const Holding& held, const TariffPlan& to);
  absl::Status MoveNow(Holding& held, const TariffPlan& to);
  absl::Status AddMove(const Holding& held, const TariffPlan& to, ChangePreview& preview);
  absl::Status MoveAddOnsOf(const Subscription& base);
  absl::Status MoveTerms(const Subscription& paused, std::chrono::days by);
  absl::StatusOr<Subscription> ResumeOne(const Holding& held);
  absl::StatusOr<std::vector<Holding>> AddOnsOf(const SubscriptionId& base);
  absl::Status SwitchPlan(Holding& held, const TariffPlan& to);
  absl::Status TakePlannedChange(Holding& held);

  Transaction& tx_;
  const Account account_;
  const sys_days today_;
  bool parked_;
  int changes_ = 0;
  std::vector<InvoiceId> issued_;
  std::vector<CreditNote> credited_;
};

}  // namespace holdfast::billing

#include "services/billing/biller.h"

#include <algorithm>
#include <utility>

#include "libs/base/random.h"
#include "libs/base/status.h"

namespace holdfast::billing {
namespace {

// More terms in one go mean that something is wrong, not that a job was late.
constexpr int kMostTermsAtOnce = 60;

}  // namespace

// An add-on is charged only for days that its base has.
bool Biller::BaseIsPaid(const Holding& held, const std::vector<Holding>& holdings, sys_days today) {
  if (!held.subscription.base) return true;
  for (const Holding& other : holdings) {
    const Subscription& base = other.subscription;
    if (base.id != *held.subscription.base) continue;
    const bool serves =
        base.state == Subscription::State::kActive || base.state == Subscription::State::kTrialing;
    return serves && (!base.valid_until || today < *base.valid_until);
  }
  return false;
}

absl::StatusOr<std::int64_t> Biller::WalletHolds(const std::string& currency) {
  HOLDFAST_ASSIGN_OR_RETURN(const LedgerAccount wallet,
                            tx_.FindLedgerAccount(WalletOf(account_.id, currency)));
  return wallet.available();
}

absl::StatusOr<std::int64_t> Biller::ProvideFor(const Invoice& invoice, std::int64_t to_come) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::int64_t holds, WalletHolds(invoice.currency));
  const std::int64_t available = holds + to_come;
  const std::int64_t missing = invoice.total() - available;
  if (missing <= 0 || !account_.reseller_pays) return available;
  HOLDFAST_ASSIGN_OR_RETURN(const Reseller reseller, tx_.FindReseller(account_.reseller));
  if (reseller.currency != invoice.currency) return available;
  Entry entry{EntryId("reseller-pays-" + invoice.id.value()), "for " + account_.id.value(), {}};
  entry.Move(WalletOf(reseller), WalletOf(account_.id, invoice.currency), missing);
  HOLDFAST_ASSIGN_OR_RETURN(LedgerAccount wallet, tx_.FindLedgerAccount(WalletOf(reseller)));
  if (!Apply(entry.transfers.front(), wallet).ok()) return available;
  HOLDFAST_RETURN_IF_ERROR(tx_.Post(entry));
  return available + missing;
}

// -- Charging -------------------------------------------------------------------------------------

absl::Status Biller::IssueAndSettle(const Invoice& invoice) {
  HOLDFAST_RETURN_IF_ERROR(tx_.AddInvoice(invoice));
  issued_.push_back(invoice.id);
  HOLDFAST_RETURN_IF_ERROR(tx_.Post(IssueEntry(invoice)));
  // Of prepaid service: the money that was found for it pays for it, whatever else is open.
  if (account_.charging == Charging::kPrepaid) HOLDFAST_RETURN_IF_ERROR(SettleOne(invoice));
  return SettleOpenInvoices();
}

absl::Status Biller::SettleOne(const Invoice& invoice) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::int64_t available, WalletHolds(invoice.currency));
  if (available <= 0) return absl::OkStatus();
  HOLDFAST_ASSIGN_OR_RETURN(const int n, tx_.NextSettlement(invoice.id));
  const Settlement settlement = Settle(invoice, available, n);
  HOLDFAST_RETURN_IF_ERROR(tx_.Post(settlement.entry));
  ++changes_;
  return tx_.SaveInvoice(settlement.invoice);
}

absl::Status Biller::SettleOpenInvoices() {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Invoice> open, tx_.OpenInvoices(account_.id));
  for (const Invoice& invoice : open) HOLDFAST_RETURN_IF_ERROR(SettleOne(invoice));
  return absl::OkStatus();
}

absl::StatusOr<Biller::Bill> Biller::Draft(const Holding& held, const NextTerm& term) {
  const Subscription& s = held.subscription;
  // A change of plan gives back terms that begin on its day: their use of the coupon too.
  HOLDFAST_ASSIGN_OR_RETURN(const ChargeHistory history, tx_.FindHistory(s.id, term.days.from));
  const std::optional<Discount>& discount = history.discount;
  // What is open-ended was charged and has no term.
  const bool charged_before = history.charged_before || (s.gives_service() && !s.valid_until);
  const bool lowered = discount && discount->applies(held.plan.id, term.whole.to);
  HOLDFAST_ASSIGN_OR_RETURN(
      std::vector<InvoiceLine> lines,
      LinesFor(held, term, charged_before ? SetupFeeIs::kPaidBefore : SetupFeeIs::kCharged,
               lowered ? &discount->coupon : nullptr));
  HOLDFAST_ASSIGN_OR_RETURN(TaxRate rate, tx_.FindTaxRate(account_.region, term.days.from));
  const bool prepaid = s.charging == Charging::kPrepaid;
  Bill bill;
  if (lowered) bill.redemption = discount->redemption;
  HOLDFAST_ASSIGN_OR_RETURN(
      bill.invoice, MakeInvoice({.id = InvoiceId(SecureHex(8)),
                                 .account = account_.id,
                                 .currency = s.currency,
                                 .rate = std::move(rate),
                                 .lines = std::move(lines),
                                 .issued_on = today_,
                                 .due_on = prepaid ? today_ : today_ + account_.payment_days}));
  return bill;
}

absl::Status Biller::Charge(Holding& held, const NextTerm& term, const Bill& bill) {
  Term charged{.subscription = held.subscription.id,
               .days = term.days,
               .redemption = bill.redemption,
               .period_end = term.whole.to,
               .period_days = term.period_days};
  if (bill.invoice.total() > 0) {
    charged.invoice = bill.invoice.id;
    HOLDFAST_RETURN_IF_ERROR(IssueAndSettle(bill.invoice));
  }
  if (term.days.count() > 0) HOLDFAST_RETURN_IF_ERROR(tx_.AddTerm(charged));
  held.subscription = BeginTerm(held.subscription, term);
  return Save(held.subscription);
}

absl::Status Biller::Save(const Subscription& subscription) {
  ++changes_;
  return tx_.SaveSubscription(subscription);
}

absl::Status Biller::Park(const std::string& why) {
  parked_ = true;
  ++changes_;
  return tx_.ParkAccount(account_.id, why);
}

absl::StatusOr<bool> Biller::ChargeDue(Holding& held) {
  for (int n = 0; n < kMostTermsAtOnce; ++n) {
    // A plan that is not sold in this currency any more, or a change that the wallet does not
    // cover, must not stop everybody else's renewal.
    if (absl::Status status = TakePlannedChange(held); !status.ok()) {
      if (absl::IsFailedPrecondition(status)) return false;
      return status;
    }
    const std::optional<NextTerm> term = TermDue(held, today_);
    if (!term) return true;
    HOLDFAST_ASSIGN_OR_RETURN(const bool charged, ChargeTerm(held, *term));
    if (!charged) return false;
  }
  // Paid, as far as it goes: nobody may lose service because we stop here.
  HOLDFAST_RETURN_IF_ERROR(
      Park(fmt::format("too_many_terms: subscription {} is charged for {} terms at once",
                       held.subscription.id.value(), kMostTermsAtOnce)));
  return true;
}

absl::StatusOr<bool> Biller::ChargeTerm(Holding& held, const NextTerm& term) {
  const absl::StatusOr<Bill> bill = Draft(held, term);
  if (absl::IsFailedPrecondition(bill.status())) return false;
  HOLDFAST_RETURN_IF_ERROR(bill.status());
  if (held.subscription.charging == Charging::kPrepaid) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::int64_t available, ProvideFor(bill->invoice, 0));
    if (available < bill->invoice.total()) return false;
  }
  HOLDFAST_RETURN_IF_ERROR(Charge(held, term, *bill));
  return true;
}

absl::Status Biller::ChargeAllDue() {
  if (parked_) return absl::OkStatus();
  HOLDFAST_ASSIGN_OR_RETURN(std::vector<Holding> holdings, tx_.LiveHoldings(account_.id));
  for (Holding& held : holdings) {                         // bases stand before add-ons
    if (held.subscription.suspended_for_debt()) continue;  // only money brings it back
    const bool term_is_due = TermDue(held, today_).has_value();
    if (!term_is_due && !ChangeIsDue(held.subscription, today_)) continue;
    const bool on_firm_ground = BaseIsPaid(held, holdings, today_);
    HOLDFAST_ASSIGN_OR_RETURN(const bool charged,
                              on_firm_ground ? ChargeDue(held) : absl::StatusOr<bool>(false));
    if (parked_) return absl::OkStatus();
    if (charged) continue;
    // Also a mere change of what stands on an unpaid base waits until tomorrow: what is not written
    // down comes up again at once.
    const bool is_news = on_firm_ground || term_is_due;
    if (is_news && !held.subscription.retry_on) tx_.Tell(ChargeRefused(held.subscription));
    held.subscription = ChargeFailed(held.subscription, today_);
    HOLDFAST_RETURN_IF_ERROR(Save(held.subscription));
  }
  return absl::OkStatus();
}

// -- Starting -------------------------------------------------------------------------------------

// Puts it on its base, whose periods it shares.
absl::Status Biller::Attach(const SubscriptionId& base_id, const TariffPlan& plan,
                            Subscription& started) {
  HOLDFAST_ASSIGN_OR_RETURN(const Holding base, tx_.FindHolding(base_id));
  if (base.subscription.account != started.account) {
    return FailedPrecondition("base_not_allowed: the base is another account's");
  }
  HOLDFAST_RETURN_IF_ERROR(CheckBase(plan, base));
  started.base = base_id;
  if (started.charging == Charging::kElsewhere) return absl::OkStatus();
  // On a trial the first charge of the base is on the day that its trial ends.
  started.anchor =
      base.subscription.anchor ? base.subscription.anchor : base.subscription.valid_until;
  return absl::OkStatus();
}

absl::StatusOr<Subscription> Biller::Start(const Order& order, WallTime now, const TimeZone& zone) {
  HOLDFAST_ASSIGN_OR_RETURN(Subscription started,
                            DecideStart(account_, order.plan, SubscriptionId(SecureHex(8)),
                                        order.valid_until, now, zone));
  if (order.plan.add_on || order.base) {
    HOLDFAST_RETURN_IF_ERROR(Attach(order.base.value_or(SubscriptionId()), order.plan, started));
  }
  if (started.charging != Charging::kElsewhere) {
    HOLDFAST_RETURN_IF_ERROR(PriceOn(order.plan, started.currency, today_).status());
  }
  HOLDFAST_RETURN_IF_ERROR(tx_.AddSubscription(started));
  if (order.coupon) {
    HOLDFAST_RETURN_IF_ERROR(Redeem(*order.coupon, started, OtherCoupon::kStays).status());
  }
  Holding held{started, order.plan};
  HOLDFAST_ASSIGN_OR_RETURN(const bool charged, ChargeDue(held));
  if (!charged && !order.may_wait) {
    return FailedPrecondition("insufficient_funds: the first period of {} cannot be charged",
                              order.plan.id.value());
  }
  return held.subscription;
}

absl::StatusOr<Subscription> Biller::Extend(Holding held) {
  Subscription& s = held.subscription;
  const bool waits = s.state == Subscription::State::kPendingActivation || s.suspended_for_debt();
  if (!waits && !s.gives_service()) {
    return FailedPrecondition("not_in_service: subscription {} must be resumed first",
                              s.id.value());
  }
  if (!s.valid_until) {
    return FailedPrecondition("open_ended: subscription {} has no end that could be moved",
                              s.id.value());
  }
  s.cancel_at_end = false;  // who buys more of it takes a cancellation back
  s.cancel_on = std::nullopt;
  s.retry_on = std::nullopt;
  const bool pending = s.state == Subscription::State::kPendingActivation;
  const std::optional<NextTerm> term =
      TermDue(held, pending ? today_ : std::max(today_, *s.valid_until));
  HOLDFAST_ASSIGN_OR_RETURN(const bool charged,
                            term ? ChargeTerm(held, *term) : absl::StatusOr<bool>(false));
  if (!charged) {
    return FailedPrecondition("insufficient_funds: another period of {} cannot be charged",
                              held.plan.id.value());
  }
  return held.subscription;
}

absl::StatusOr<Subscription> Biller::BuyWith(const Entry& entry, const TariffPlan& plan,
                                             WallTime now, const TimeZone& zone) {
  HOLDFAST_RETURN_IF_ERROR(CatchUp());
  HOLDFAST_RETURN_IF_ERROR(tx_.Post(entry));
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Holding> holdings, tx_.LiveHoldings(account_.id));
  const auto same = std::find_if(holdings.begin(), holdings.end(), [&](const Holding& held) {
    return held.plan.id == plan.id && held.subscription.charging != Charging::kElsewhere;
  });
  HOLDFAST_ASSIGN_OR_RETURN(const Subscription bought, same == holdings.end()
                                                           ? Start({.plan = plan}, now, zone)
                                                           : Extend(*same));
  HOLDFAST_RETURN_IF_ERROR(MoneyCame());
  HOLDFAST_ASSIGN_OR_RETURN(const Holding after, tx_.FindHolding(bought.id));
  return after.subscription;
}

// -- Coupons --------------------------------------------------------------------------------------

absl::StatusOr<Redemption> Biller::Redeem(const Coupon& coupon, const Subscription& s,
                                          OtherCoupon other) {
  HOLDFAST_ASSIGN_OR_RETURN(const Redeemer redeemer, tx_.FindRedeemer(coupon.id, account_.id));
  HOLDFAST_RETURN_IF_ERROR(CheckRedemption(coupon, s, redeemer, today_));
  HOLDFAST_ASSIGN_OR_RETURN(const ChargeHistory history, tx_.FindHistory(s.id, std::nullopt));
  const std::optional<Discount>& now = history.discount;
  if (now && !now->used_up() && other == OtherCoupon::kStays) {
    return FailedPrecondition("coupon_in_place: subscription {} still has coupon {}", s.id.value(),
                              now->coupon.id.value());
  }
  Redemption redemption{
      .coupon = coupon.id, .account = account_.id, .subscription = s.id, .redeemed_on = today_};
  HOLDFAST_ASSIGN_OR_RETURN(redemption.id, tx_.AddRedemption(redemption));
  return redemption;
}

}  // namespace holdfast::billing

#include "services/billing/biller.h"

#include <algorithm>
#include <utility>

#include "libs/base/random.h"
#include "libs/base/status.h"

namespace holdfast::billing {
namespace {

// More terms in one go mean that something is wrong, not that a job was late.
constexpr int kMostTermsAtOnce = 60;

CreditOrder NewCredit(std::string reason, sys_days today, std::vector<CreditNote> before) {
  return {CreditNoteId(SecureHex(8)), std::move(reason), today, std::move(before)};
}

// An add-on is charged only for days that its base has.
bool BaseIsPaid(const Holding& held, const std::vector<Holding>& holdings, sys_days today) {
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

LedgerAccountId ClearingOf(const Payment& payment) {
  return {LedgerKind::kClearing, payment.method, payment.amount.currency()};
}

}  // namespace

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
  HOLDFAST_RETURN_IF_ERROR(tx_.Post(IssueEntry(invoice)));
  return SettleOpenInvoices();
}

absl::Status Biller::SettleOpenInvoices() {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Invoice> open, tx_.OpenInvoices(account_.id));
  for (const Invoice& invoice : open) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::int64_t available, WalletHolds(invoice.currency));
    if (available <= 0) continue;
    HOLDFAST_ASSIGN_OR_RETURN(const int n, tx_.NextSettlement(invoice.id));
    const Settlement settlement = Settle(invoice, available, n);
    HOLDFAST_RETURN_IF_ERROR(tx_.Post(settlement.entry));
    HOLDFAST_RETURN_IF_ERROR(tx_.SaveInvoice(settlement.invoice));
  }
  return absl::OkStatus();
}

absl::StatusOr<Biller::Bill> Biller::Draft(const Holding& held, const NextTerm& term) {
  const Subscription& s = held.subscription;
  // A change of plan gives back terms that begin on its day: their use of the coupon too.
  HOLDFAST_ASSIGN_OR_RETURN(const ChargeHistory history, tx_.FindHistory(s.id, term.days.from));
  const std::optional<Discount>& discount = history.discount;
  const bool lowered = discount && discount->applies(held.plan.id, term.whole.to);
  HOLDFAST_ASSIGN_OR_RETURN(
      std::vector<InvoiceLine> lines,
      LinesFor(held, term, history.charged_before ? SetupFeeIs::kPaidBefore : SetupFeeIs::kCharged,
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
               .period_end = term.whole.to};
  if (bill.invoice.total() > 0) {
    charged.invoice = bill.invoice.id;
    HOLDFAST_RETURN_IF_ERROR(IssueAndSettle(bill.invoice));
  }
  if (term.days.count() > 0) HOLDFAST_RETURN_IF_ERROR(tx_.AddTerm(charged));
  held.subscription = BeginTerm(held.subscription, term);
  return tx_.SaveSubscription(held.subscription);
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
    const absl::StatusOr<Bill> bill = Draft(held, *term);
    if (absl::IsFailedPrecondition(bill.status())) return false;
    HOLDFAST_RETURN_IF_ERROR(bill.status());
    if (held.subscription.charging == Charging::kPrepaid) {
      HOLDFAST_ASSIGN_OR_RETURN(const std::int64_t available, ProvideFor(bill->invoice, 0));
      if (available < bill->invoice.total()) return false;
    }
    HOLDFAST_RETURN_IF_ERROR(Charge(held, *term, *bill));
  }
  return false;
}

absl::StatusOr<int> Biller::ChargeAllDue() {
  HOLDFAST_ASSIGN_OR_RETURN(std::vector<Holding> holdings, tx_.LiveHoldings(account_.id));
  for (Holding& held : holdings) {                         // bases stand before add-ons
    if (held.subscription.suspended_for_debt()) continue;  // only money brings it back
    const bool on_firm_ground = BaseIsPaid(held, holdings, today_);
    if (!on_firm_ground && !TermDue(held, today_)) continue;
    HOLDFAST_ASSIGN_OR_RETURN(const bool charged,
                              on_firm_ground ? ChargeDue(held) : absl::StatusOr<bool>(false));
    if (charged) continue;
    if (!held.subscription.retry_on) tx_.Tell(ChargeRefused(held.subscription));
    held.subscription = ChargeFailed(held.subscription, today_);
    HOLDFAST_RETURN_IF_ERROR(tx_.SaveSubscription(held.subscription));
  }
  return static_cast<int>(holdings.size());
}

absl::Status Biller::MoneyCame() {
  HOLDFAST_RETURN_IF_ERROR(SettleOpenInvoices());
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Invoice> unpaid, tx_.OpenInvoices(account_.id));
  std::optional<sys_days> oldest_due;
  if (!unpaid.empty()) oldest_due = unpaid.front().due_on;
  HOLDFAST_ASSIGN_OR_RETURN(std::vector<Holding> holdings, tx_.LiveHoldings(account_.id));
  for (Holding& held : holdings) {
    if (std::optional<Subscription> next = DecideByDebt(held, oldest_due, today_)) {
      held.subscription = *std::move(next);
      HOLDFAST_RETURN_IF_ERROR(tx_.SaveSubscription(held.subscription));
    }
    // Blocked for debt and still in debt: nothing new is sold to it.
    const bool in_debt = oldest_due && *oldest_due < today_;
    if (held.subscription.suspended_for_debt() && in_debt) continue;
    if (!BaseIsPaid(held, holdings, today_)) continue;
    held.subscription.retry_on = std::nullopt;
    HOLDFAST_RETURN_IF_ERROR(ChargeDue(held).status());
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

// -- Crediting ------------------------------------------------------------------------------------

absl::Status Biller::Write(const Credit& credit) {
  if (credit.note.lines.empty()) return absl::OkStatus();
  HOLDFAST_RETURN_IF_ERROR(tx_.AddCreditNote(credit.note));
  HOLDFAST_RETURN_IF_ERROR(tx_.Post(credit.entry));
  return tx_.SaveInvoice(credit.invoice);
}

absl::StatusOr<std::vector<Biller::UnusedTerm>> Biller::FindUnused(const SubscriptionId& id) {
  std::vector<UnusedTerm> all;
  for (sys_days day = today_;;) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::optional<Term> term, tx_.FindTerm(id, day));
    if (!term) return all;
    day = term->days.to;
    all.push_back({*term, std::nullopt});
    if (!term->invoice) continue;
    HOLDFAST_ASSIGN_OR_RETURN(const Invoice invoice, tx_.FindInvoice(*term->invoice));
    HOLDFAST_ASSIGN_OR_RETURN(std::vector<CreditNote> before, tx_.FindCreditNotes(invoice.id));
    // Days of a pause moved the end of the term and not of the line: what counts is how many are
    // left.
    const std::int64_t unused = (term->days.to - std::max(today_, term->days.from)).count();
    all.back().credit =
        CreditUnusedDays(invoice, NewCredit("unused days", today_, std::move(before)), id, unused);
  }
}

absl::Status Biller::Write(const std::vector<UnusedTerm>& unused) {
  for (const UnusedTerm& one : unused) {
    if (one.credit) HOLDFAST_RETURN_IF_ERROR(Write(*one.credit));
    HOLDFAST_RETURN_IF_ERROR(tx_.EndTerm(one.term, std::max(today_, one.term.days.from)));
  }
  return absl::OkStatus();
}

absl::Status Biller::CreditUnused(const Subscription& subscription) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<UnusedTerm> unused, FindUnused(subscription.id));
  return Write(unused);
}

absl::StatusOr<CreditNote> Biller::CreditInvoice(const InvoiceId& id, const std::string& reason) {
  HOLDFAST_ASSIGN_OR_RETURN(const Invoice invoice, tx_.FindInvoice(id));
  HOLDFAST_ASSIGN_OR_RETURN(std::vector<CreditNote> before, tx_.FindCreditNotes(id));
  HOLDFAST_ASSIGN_OR_RETURN(const Credit credit,
                            CreditAll(invoice, NewCredit(reason, today_, std::move(before))));
  HOLDFAST_RETURN_IF_ERROR(Write(credit));
  HOLDFAST_RETURN_IF_ERROR(MoneyCame());
  return credit.note;
}

absl::StatusOr<std::vector<Holding>> Biller::AddOnsOf(const SubscriptionId& base) {
  HOLDFAST_ASSIGN_OR_RETURN(std::vector<Holding> holdings, tx_.LiveHoldings(account_.id));
  std::erase_if(holdings, [&](const Holding& held) { return held.subscription.base != base; });
  return holdings;
}

absl::Status Biller::EndAddOns(const SubscriptionId& base, Unused unused) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Holding> add_ons, AddOnsOf(base));
  for (const Holding& held : add_ons) {
    HOLDFAST_ASSIGN_OR_RETURN(
        const Subscription ended,
        DecideCancellation(held.subscription, CancelWhen::kImmediately, today_));
    HOLDFAST_RETURN_IF_ERROR(tx_.SaveSubscription(ended));
    if (unused == Unused::kCredited) HOLDFAST_RETURN_IF_ERROR(CreditUnused(ended));
  }
  return absl::OkStatus();
}

// -- Changing -------------------------------------------------------------------------------------

absl::Status Biller::CheckAddOnsOf(const Holding& base, const TariffPlan& to) {
  Holding changed = base;
  changed.plan = to;
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Holding> add_ons, AddOnsOf(base.subscription.id));
  for (const Holding& held : add_ons) {
    if (absl::Status status = CheckBase(held.plan, changed); !status.ok()) {
      return FailedPrecondition("add_on_not_allowed: {} cannot stay on {}", held.plan.id.value(),
                                to.id.value());
    }
  }
  return absl::OkStatus();
}

absl::Status Biller::SwitchPlan(Holding& held, const TariffPlan& to) {
  held.plan = to;
  held.subscription.plan = to.id;
  held.subscription.plan_version = to.version;
  held.subscription.change = std::nullopt;
  ++held.subscription.revision;
  return tx_.SaveSubscription(held.subscription);
}

absl::StatusOr<Subscription> Biller::ChangeNow(Holding held, const TariffPlan& to) {
  const Subscription before = held.subscription;
  if (!before.gives_service()) {
    return FailedPrecondition("not_in_service: subscription {} gives no service",
                              before.id.value());
  }
  if (to.add_on != held.plan.add_on) {
    return FailedPrecondition("add_on_not_allowed: an add-on replaces only an add-on");
  }
  HOLDFAST_RETURN_IF_ERROR(CheckAddOnsOf(held, to));
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<UnusedTerm> unused, FindUnused(before.id));
  const Subscription& s = held.subscription;
  if (s.charging == Charging::kElsewhere || unused.empty()) {
    // A trial goes on, and what is late is charged by the new plan when it is paid.
    HOLDFAST_RETURN_IF_ERROR(SwitchPlan(held, to));
    return held.subscription;
  }
  Holding changed = held;
  changed.plan = to;
  const NextTerm next = TermAfterChange(unused.front().term.days, changed, today_);
  HOLDFAST_ASSIGN_OR_RETURN(const Bill bill, Draft(changed, next));
  if (s.charging == Charging::kPrepaid) {
    std::int64_t returned = 0;
    for (const UnusedTerm& one : unused) returned += one.credit ? one.credit->note.to_wallet : 0;
    HOLDFAST_ASSIGN_OR_RETURN(const std::int64_t available, ProvideFor(bill.invoice, returned));
    if (available < bill.invoice.total()) {
      return FailedPrecondition("insufficient_funds: the change costs {}, there are {}",
                                bill.invoice.total(), available);
    }
  }
  HOLDFAST_RETURN_IF_ERROR(Write(unused));
  HOLDFAST_RETURN_IF_ERROR(SwitchPlan(held, to));
  HOLDFAST_RETURN_IF_ERROR(Charge(held, next, bill));
  return held.subscription;
}

absl::Status Biller::TakePlannedChange(Holding& held) {
  const Subscription& s = held.subscription;
  if (!s.change || !s.gives_service()) return absl::OkStatus();
  const bool on_its_day = s.change->on && *s.change->on <= today_;
  const bool at_the_end = !s.change->on && s.valid_until && *s.valid_until <= today_;
  if (!on_its_day && !at_the_end) return absl::OkStatus();
  HOLDFAST_ASSIGN_OR_RETURN(const TariffPlan to, tx_.FindTariffPlan(s.change->plan));
  if (at_the_end) return SwitchPlan(held, to);
  HOLDFAST_ASSIGN_OR_RETURN(held.subscription, ChangeNow(held, to));
  held.plan = to;
  return absl::OkStatus();
}

absl::StatusOr<Subscription> Biller::Pause(const Holding& held) {
  if (held.subscription.base) {
    return FailedPrecondition("subscription {} is an add-on: its base is paused instead",
                              held.subscription.id.value());
  }
  HOLDFAST_ASSIGN_OR_RETURN(const Subscription paused, DecidePause(held.subscription, today_));
  HOLDFAST_RETURN_IF_ERROR(tx_.SaveSubscription(paused));
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Holding> add_ons, AddOnsOf(paused.id));
  for (const Holding& add_on : add_ons) {
    const absl::StatusOr<Subscription> next = DecidePause(add_on.subscription, today_);
    if (next.ok()) HOLDFAST_RETURN_IF_ERROR(tx_.SaveSubscription(*next));
  }
  return paused;
}

absl::StatusOr<Subscription> Biller::ResumeOne(const Holding& held) {
  HOLDFAST_ASSIGN_OR_RETURN(const Subscription resumed, DecideResumption(held, today_));
  const Subscription& before = held.subscription;
  if (before.paused_on && before.charging != Charging::kElsewhere) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::optional<Term> term,
                              tx_.FindTerm(before.id, *before.paused_on));
    if (term && resumed.valid_until) {
      HOLDFAST_RETURN_IF_ERROR(tx_.EndTerm(*term, *resumed.valid_until));
    }
  }
  HOLDFAST_RETURN_IF_ERROR(tx_.SaveSubscription(resumed));
  Holding now{resumed, held.plan};
  HOLDFAST_RETURN_IF_ERROR(ChargeDue(now).status());
  return now.subscription;
}

absl::StatusOr<Subscription> Biller::Resume(const Holding& held) {
  if (held.subscription.base && held.subscription.paused_on) {
    return FailedPrecondition("subscription {} is an add-on: its base is resumed instead",
                              held.subscription.id.value());
  }
  HOLDFAST_ASSIGN_OR_RETURN(const Subscription resumed, ResumeOne(held));
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Holding> add_ons, AddOnsOf(resumed.id));
  for (const Holding& add_on : add_ons) {
    if (add_on.subscription.state != Subscription::State::kPaused) continue;
    HOLDFAST_RETURN_IF_ERROR(ResumeOne(add_on).status());
  }
  return resumed;
}

// -- Money in and out -----------------------------------------------------------------------------

absl::Status Biller::TakeIn(const Payment& payment) {
  HOLDFAST_RETURN_IF_ERROR(tx_.AddPayment(payment));
  Entry entry{EntryId("payment-" + payment.id.value()), "payment " + payment.reference, {}};
  entry.Move(ClearingOf(payment), WalletOf(account_.id, payment.amount.currency()),
             payment.amount.minor_units());
  return TakeIn(entry);
}

absl::Status Biller::TakeIn(const Entry& entry) {
  HOLDFAST_RETURN_IF_ERROR(tx_.Post(entry));
  return MoneyCame();
}

absl::StatusOr<Payment> Biller::Refund(Payment payment, std::int64_t amount) {
  const std::int64_t left = payment.left();
  if (amount <= 0 || amount > left) {
    return FailedPrecondition("refund_too_large: {} are left of payment {}", left,
                              payment.id.value());
  }
  payment.refunded += amount;
  ++payment.refunds;
  Entry entry{EntryId(fmt::format("refund-{}-{}", payment.id.value(), payment.refunds)),
              "refund of payment " + payment.id.value(),
              {}};
  const LedgerAccountId wallet = WalletOf(account_.id, payment.amount.currency());
  entry.Move(wallet, ClearingOf(payment), amount);
  HOLDFAST_ASSIGN_OR_RETURN(LedgerAccount held, tx_.FindLedgerAccount(wallet));
  HOLDFAST_RETURN_IF_ERROR(Apply(entry.transfers.front(), held));
  HOLDFAST_RETURN_IF_ERROR(tx_.Post(entry));
  HOLDFAST_RETURN_IF_ERROR(tx_.SavePayment(payment));
  return payment;
}

absl::StatusOr<std::int64_t> Biller::Reopen(const std::string& currency, std::int64_t amount) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Invoice> settled,
                            tx_.SettledInvoices(account_.id, currency));
  std::int64_t reopened = 0;
  for (const Invoice& invoice : settled) {
    if (reopened == amount) break;
    HOLDFAST_ASSIGN_OR_RETURN(const int n, tx_.NextSettlement(invoice.id));
    const Settlement undone = Unsettle(invoice, amount - reopened, n);
    reopened += invoice.settled - undone.invoice.settled;
    HOLDFAST_RETURN_IF_ERROR(tx_.Post(undone.entry));
    HOLDFAST_RETURN_IF_ERROR(tx_.SaveInvoice(undone.invoice));
  }
  return reopened;
}

absl::StatusOr<Payment> Biller::ChargeBack(Payment payment, std::int64_t amount,
                                           const std::string& reason) {
  const std::int64_t left = payment.left();
  if (amount <= 0 || amount > left) {
    return FailedPrecondition("chargeback_too_large: {} are left of payment {}", left,
                              payment.id.value());
  }
  const std::string& currency = payment.amount.currency();
  HOLDFAST_ASSIGN_OR_RETURN(const std::int64_t holds, WalletHolds(currency));
  const std::int64_t from_wallet = std::clamp<std::int64_t>(holds, 0, amount);
  HOLDFAST_ASSIGN_OR_RETURN(const std::int64_t reopened, Reopen(currency, amount - from_wallet));
  payment.charged_back += amount;
  ++payment.chargebacks;
  Entry entry{EntryId(fmt::format("chargeback-{}-{}", payment.id.value(), payment.chargebacks)),
              "chargeback: " + reason,
              {}};
  const LedgerAccountId losses{LedgerKind::kPromotion, "chargebacks", currency};
  entry.Move(WalletOf(account_.id, currency), ClearingOf(payment), from_wallet + reopened);
  // The rest is held for somebody or was refunded: nobody here owes it, so it is our loss.
  entry.Move(losses, ClearingOf(payment), amount - from_wallet - reopened);
  HOLDFAST_RETURN_IF_ERROR(tx_.Post(entry));
  HOLDFAST_RETURN_IF_ERROR(tx_.SavePayment(payment));
  return payment;
}

}  // namespace holdfast::billing

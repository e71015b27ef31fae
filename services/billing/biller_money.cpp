// Money in and out, and what is given back: the third part of Biller.
#include <algorithm>
#include <utility>

#include "libs/base/random.h"
#include "libs/base/status.h"
#include "services/billing/biller.h"

namespace holdfast::billing {
namespace {

CreditOrder NewCredit(std::string reason, sys_days today, std::vector<CreditNote> before) {
  return {CreditNoteId(SecureHex(8)), std::move(reason), today, std::move(before)};
}

LedgerAccountId ClearingOf(const Payment& payment) {
  return {LedgerKind::kClearing, payment.method, payment.amount.currency()};
}

absl::Status CheckIsLeft(const Payment& payment, std::int64_t amount) {
  if (amount > 0 && amount <= payment.left()) return absl::OkStatus();
  return FailedPrecondition("refund_too_large: {} are left of payment {}, {} are under way",
                            payment.left(), payment.id.value(), payment.refunding);
}

}  // namespace

// -- Crediting ------------------------------------------------------------------------------------

absl::Status Biller::Write(const Credit& credit) {
  if (credit.note.lines.empty()) return absl::OkStatus();
  HOLDFAST_RETURN_IF_ERROR(tx_.AddCreditNote(credit.note));
  credited_.push_back(credit.note);
  HOLDFAST_RETURN_IF_ERROR(tx_.Post(credit.entry));
  return tx_.SaveInvoice(credit.invoice);
}

absl::StatusOr<std::vector<Biller::UnusedTerm>> Biller::FindUnused(const SubscriptionId& id,
                                                                   sys_days from) {
  std::vector<UnusedTerm> all;
  for (sys_days day = from;;) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::optional<Term> term, tx_.FindTerm(id, day));
    if (!term) return all;
    day = term->days.to;
    all.push_back({*term, std::nullopt});
    if (!term->invoice) continue;
    HOLDFAST_ASSIGN_OR_RETURN(const Invoice invoice, tx_.FindInvoice(*term->invoice));
    HOLDFAST_ASSIGN_OR_RETURN(std::vector<CreditNote> before, tx_.FindCreditNotes(invoice.id));
    // Days of a pause moved the end of the term and not of the line: what counts is how many are
    // left.
    const std::int64_t unused = (term->days.to - std::max(from, term->days.from)).count();
    all.back().credit =
        CreditUnusedDays(invoice, NewCredit("unused days", today_, std::move(before)), id, unused);
  }
}

absl::Status Biller::Write(const std::vector<UnusedTerm>& unused, sys_days from) {
  for (const UnusedTerm& one : unused) {
    if (one.credit) HOLDFAST_RETURN_IF_ERROR(Write(*one.credit));
    HOLDFAST_RETURN_IF_ERROR(tx_.EndTerm(one.term, std::max(from, one.term.days.from)));
  }
  return absl::OkStatus();
}

absl::Status Biller::CreditUnused(const Subscription& subscription) {
  return CreditUnused(subscription, today_);
}

absl::Status Biller::CreditUnused(const Subscription& subscription, sys_days from) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<UnusedTerm> unused,
                            FindUnused(subscription.id, from));
  return Write(unused, from);
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

absl::StatusOr<CreditNote> Biller::VoidInvoice(const InvoiceId& id, const std::string& reason) {
  HOLDFAST_ASSIGN_OR_RETURN(const Invoice invoice, tx_.FindInvoice(id));
  HOLDFAST_ASSIGN_OR_RETURN(std::vector<CreditNote> before, tx_.FindCreditNotes(id));
  HOLDFAST_ASSIGN_OR_RETURN(const Credit credit,
                            Void(invoice, NewCredit(reason, today_, std::move(before))));
  HOLDFAST_RETURN_IF_ERROR(Write(credit));
  HOLDFAST_RETURN_IF_ERROR(MoneyCame());  // what was blocked for this debt is not any more
  return credit.note;
}

// -- Money in and out -----------------------------------------------------------------------------

absl::Status Biller::MoneyCame() {
  HOLDFAST_RETURN_IF_ERROR(SettleOpenInvoices());
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Invoice> unpaid, tx_.OpenInvoices(account_.id));
  std::optional<sys_days> oldest_due;
  if (!unpaid.empty()) oldest_due = unpaid.front().due_on;
  HOLDFAST_ASSIGN_OR_RETURN(std::vector<Holding> holdings, tx_.LiveHoldings(account_.id));
  for (Holding& held : holdings) {
    if (std::optional<Subscription> next = DecideByDebt(held, oldest_due, today_)) {
      held.subscription = *std::move(next);
      HOLDFAST_RETURN_IF_ERROR(Save(held.subscription));
    }
    if (parked_) continue;
    // Blocked for debt and still in debt: nothing new is sold to it.
    const bool in_debt = oldest_due && *oldest_due < today_;
    if (held.subscription.suspended_for_debt() && in_debt) continue;
    if (!BaseIsPaid(held, holdings, today_)) continue;
    held.subscription.retry_on = std::nullopt;
    HOLDFAST_RETURN_IF_ERROR(ChargeDue(held).status());
  }
  return absl::OkStatus();
}

absl::Status Biller::CatchUp() {
  if (parked_) return absl::OkStatus();
  HOLDFAST_ASSIGN_OR_RETURN(std::vector<Holding> holdings, tx_.LiveHoldings(account_.id));
  for (Holding& held : holdings) {
    const Subscription& s = held.subscription;
    if (s.charging == Charging::kElsewhere || !s.valid_until || today_ < *s.valid_until) continue;
    if (!s.suspended_for_debt() && BaseIsPaid(held, holdings, today_)) {
      HOLDFAST_RETURN_IF_ERROR(ChargeDue(held).status());
    }
    // Grace changes nothing of what the money pays for: only what is beyond it is written down.
    const std::optional<Subscription> next = DecideByDate(held, today_);
    if (!next || next->state == Subscription::State::kGrace) continue;
    HOLDFAST_RETURN_IF_ERROR(FollowCalendar(held).status());
  }
  return absl::OkStatus();
}

absl::Status Biller::TakeIn(const Payment& payment) {
  if (payment.method == kResellersMethod) {
    return InvalidArgument("method {} is what resellers are funded by", kResellersMethod);
  }
  HOLDFAST_RETURN_IF_ERROR(tx_.AddPayment(payment));
  Entry entry{EntryId("payment-" + payment.id.value()), "payment " + payment.reference, {}};
  entry.Move(ClearingOf(payment), WalletOf(account_.id, payment.amount.currency()),
             payment.amount.minor_units());
  return TakeIn(entry);
}

absl::Status Biller::TakeIn(const Entry& entry) {
  HOLDFAST_RETURN_IF_ERROR(CatchUp());
  HOLDFAST_RETURN_IF_ERROR(tx_.Post(entry));
  return MoneyCame();
}

absl::StatusOr<Payment> Biller::Refund(Payment payment, std::int64_t amount) {
  HOLDFAST_RETURN_IF_ERROR(CheckIsLeft(payment, amount));
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

absl::Status Biller::BeginRefund(Payment payment, const GatewayRefund& refund) {
  HOLDFAST_RETURN_IF_ERROR(CheckIsLeft(payment, refund.amount.minor_units()));
  payment.refunding += refund.amount.minor_units();
  const Entry entry = HoldFor(refund);
  HOLDFAST_ASSIGN_OR_RETURN(LedgerAccount wallet,
                            tx_.FindLedgerAccount(entry.transfers.front().debit));
  HOLDFAST_RETURN_IF_ERROR(Apply(entry.transfers.front(), wallet));
  HOLDFAST_RETURN_IF_ERROR(tx_.Post(entry));
  HOLDFAST_RETURN_IF_ERROR(tx_.SavePayment(payment));
  return tx_.AddRefund(refund);
}

absl::Status Biller::SaveRefund(GatewayRefund refund) {
  if (refund.open()) return tx_.SaveRefund(refund);
  HOLDFAST_ASSIGN_OR_RETURN(const GatewayRefund before, tx_.FindRefund(refund.id));
  const bool came_back = refund.state == GatewayRefund::State::kBounced;
  if (came_back && before.state == GatewayRefund::State::kSent) return TakeBounced(refund);
  HOLDFAST_ASSIGN_OR_RETURN(Payment payment, tx_.FindPayment(refund.payment));
  const bool sent = refund.state == GatewayRefund::State::kSent;
  const bool was_held = std::exchange(refund.held, false);
  const std::int64_t amount = refund.amount.minor_units();
  if (was_held) payment.refunding -= amount;
  if (sent) {
    HOLDFAST_RETURN_IF_ERROR(CheckIsLeft(payment, amount));
    payment.refunded += amount;
    ++payment.refunds;
  }
  HOLDFAST_RETURN_IF_ERROR(tx_.SavePayment(payment));
  HOLDFAST_RETURN_IF_ERROR(tx_.SaveRefund(refund));
  if (!was_held) {
    if (!sent) return absl::OkStatus();
    HOLDFAST_ASSIGN_OR_RETURN(const std::int64_t holds, WalletHolds(refund.amount.currency()));
    return tx_.Post(TakeLate(refund, holds));
  }
  HOLDFAST_ASSIGN_OR_RETURN(const Transfer hold, tx_.FindTransfer(HoldIdOf(refund.id)));
  HOLDFAST_ASSIGN_OR_RETURN(const Entry end,
                            EndHold(refund, hold, sent ? RefundEnd::kSent : RefundEnd::kNotSent));
  return sent ? tx_.Post(end) : TakeIn(end);
}

// What left comes back: into the wallet, where it pays what waits for it, and what the operator had
// lost by it to the operator.
absl::Status Biller::TakeBounced(const GatewayRefund& refund) {
  HOLDFAST_ASSIGN_OR_RETURN(Payment payment, tx_.FindPayment(refund.payment));
  payment.refunded -= refund.amount.minor_units();
  HOLDFAST_RETURN_IF_ERROR(tx_.SavePayment(payment));
  HOLDFAST_RETURN_IF_ERROR(tx_.SaveRefund(refund));
  absl::StatusOr<Entry> sent = tx_.FindEntry(SentEntryOf(refund.id, Sent::kInTime));
  if (absl::IsNotFound(sent.status())) {
    sent = tx_.FindEntry(SentEntryOf(refund.id, Sent::kLate));
  }
  HOLDFAST_RETURN_IF_ERROR(sent.status());
  HOLDFAST_ASSIGN_OR_RETURN(const Entry back, Bounce(refund, *sent));
  return TakeIn(back);
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
    return FailedPrecondition("chargeback_too_large: {} are left of payment {}, {} are under way",
                              left, payment.id.value(), payment.refunding);
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

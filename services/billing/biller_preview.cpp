// What will be charged next: the part of Biller that writes nothing.
#include <algorithm>
#include <utility>

#include "libs/base/status.h"
#include "services/billing/biller.h"

namespace holdfast::billing {

absl::StatusOr<std::optional<Invoice>> Biller::PreviewNext(Holding held) {
  const std::optional<Invoice> nothing;
  Subscription& s = held.subscription;
  if (s.charging == Charging::kElsewhere) return nothing;
  s.retry_on = std::nullopt;  // a try that failed is no reason not to say what it is about
  // What waits for money is charged when it comes: from today.
  const bool waits = s.state == Subscription::State::kPendingActivation || s.suspended_for_debt();
  const sys_days day = waits || !s.valid_until ? today_ : std::max(today_, *s.valid_until);
  if (ChangeIsDue(s, day)) {
    HOLDFAST_ASSIGN_OR_RETURN(const TariffPlan to, tx_.FindTariffPlanNow(s.change->plan));
    const absl::Status allowed = CheckChange(held, to, day);
    // One that will be refused is dropped on its day, and what was bought goes on.
    if (!allowed.ok() && !absl::IsFailedPrecondition(allowed)) return allowed;
    if (allowed.ok()) {
      s = MovedTo(held, to, day);
      held.plan = to;
    }
  }
  const std::optional<NextTerm> term = TermDue(held, day);
  if (!term) return nothing;
  // Its day is not today, and so neither are its dates.
  absl::StatusOr<Bill> bill =
      Biller(tx_, account_, std::max(today_, term->days.from)).Draft(held, *term);
  if (absl::IsFailedPrecondition(bill.status())) return nothing;  // no_price: it is not charged
  if (!bill.ok()) return bill.status();
  bill->invoice.id = InvoiceId();  // there is none yet
  return std::optional(std::move(bill->invoice));
}

// What a change writes on `today_`, which is the day of one for later.
absl::Status Biller::AddMove(const Holding& held, const TariffPlan& to, ChangePreview& preview) {
  HOLDFAST_ASSIGN_OR_RETURN(std::optional<Move> move, DraftMove(held, to));
  if (!move) return absl::OkStatus();
  for (UnusedTerm& one : move->unused) {
    if (!one.credit || one.credit->note.lines.empty()) continue;
    preview.credit_notes.push_back(std::move(one.credit->note));
  }
  if (move->bill.invoice.total() > 0) preview.invoices.push_back(std::move(move->bill.invoice));
  return absl::OkStatus();
}

absl::StatusOr<Biller::ChangePreview> Biller::PreviewChange(const Holding& held,
                                                            const TariffPlan& to,
                                                            const ChangeOrder& order) {
  ChangePreview preview;
  HOLDFAST_ASSIGN_OR_RETURN(preview.subscription, Change(held, to, order));
  const Subscription& next = preview.subscription;
  if (order.when == ChangeOrder::When::kNow) {
    preview.credit_notes = credited_;
    for (const InvoiceId& id : issued_) {
      HOLDFAST_ASSIGN_OR_RETURN(Invoice issued, tx_.FindInvoice(id));
      preview.invoices.push_back(std::move(issued));
    }
    return preview;
  }
  const std::optional<sys_days>& on = order.change.on;
  if (on && (!next.valid_until || *on < *next.valid_until)) {
    HOLDFAST_RETURN_IF_ERROR(
        Biller(tx_, account_, *on).AddMove(Holding{next, held.plan}, to, preview));
  } else if (!on || *on == *next.valid_until) {
    HOLDFAST_ASSIGN_OR_RETURN(std::optional<Invoice> invoice,
                              PreviewNext(Holding{next, held.plan}));
    if (invoice) preview.invoices.push_back(*std::move(invoice));
  }
  return preview;
}

}  // namespace holdfast::billing

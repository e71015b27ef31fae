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

}  // namespace holdfast::billing

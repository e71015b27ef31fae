#include "services/billing/domain/charge.h"

#include "libs/base/status.h"

namespace holdfast::billing {

absl::StatusOr<std::vector<InvoiceLine>> LinesFor(const Holding& held, const NextTerm& term,
                                                  SetupFeeIs setup_fee, const Coupon* coupon) {
  const TariffPlan& plan = held.plan;
  const std::string& currency = held.subscription.currency;
  HOLDFAST_ASSIGN_OR_RETURN(const Money price, PriceOn(plan, currency, term.days.from));
  HOLDFAST_ASSIGN_OR_RETURN(const Money part,
                            term.whole.count() == 0
                                ? absl::StatusOr<Money>(price)
                                : Prorate(price, term.days.count(), term.whole.count()));
  std::vector<InvoiceLine> lines;
  const std::int64_t fee = SetupFee(plan, currency);
  if (setup_fee == SetupFeeIs::kCharged && fee > 0) {
    lines.push_back({.text = plan.name + ", setup",
                     .plan = plan.id,
                     .subscription = held.subscription.id,
                     .quoted = fee});
  }
  if (part.minor_units() > 0) {
    lines.push_back({.text = plan.name,
                     .plan = plan.id,
                     .subscription = held.subscription.id,
                     .days = term.days,
                     .quoted = part.minor_units()});
    if (coupon != nullptr) {
      std::optional<InvoiceLine> discount = DiscountOn(lines.back(), term, *coupon);
      if (discount) lines.push_back(*std::move(discount));
    }
  }
  return lines;
}

NextTerm TermAfterChange(const Days& current, const Holding& changed, sys_days today) {
  const Period& period = changed.plan.period;
  if (period.open_ended()) return {{today, today}, {today, today}, today};
  const Subscription& s = changed.subscription;
  if (s.anchor) {
    const Days whole = PeriodAround(*s.anchor, period, today);
    if (whole.to == current.to) return {{today, current.to}, whole, *s.anchor};
  }
  const sys_days anchor = AnchorFor(today, period, changed.plan.alignment);
  const Days whole = PeriodAround(anchor, period, today);
  return {{today, whole.to}, whole, anchor};
}

}  // namespace holdfast::billing

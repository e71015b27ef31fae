#include "services/billing/domain/charge.h"

#include <algorithm>

#include "libs/base/status.h"

namespace holdfast::billing {

absl::StatusOr<std::vector<InvoiceLine>> LinesFor(const Holding& held, const NextTerm& term,
                                                  SetupFeeIs setup_fee, const Coupon* coupon) {
  const TariffPlan& plan = held.plan;
  const std::string& currency = held.subscription.currency;
  HOLDFAST_ASSIGN_OR_RETURN(const Money price, PriceOn(plan, currency, term.days.from));
  HOLDFAST_ASSIGN_OR_RETURN(const Money part,
                            term.period_days == 0
                                ? absl::StatusOr<Money>(price)
                                : Prorate(price, term.days.count(), term.period_days));
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
                     .quoted = part.minor_units(),
                     .period_price = price.minor_units(),
                     .period_days = term.period_days});
    if (coupon != nullptr) {
      std::optional<InvoiceLine> discount = DiscountOn(lines.back(), term, *coupon);
      if (discount) lines.push_back(*std::move(discount));
    }
  }
  return lines;
}

NextTerm TermAfterChange(const std::optional<PaidDays>& current, const Holding& held,
                         const TariffPlan& to, sys_days today) {
  if (to.period.open_ended()) return {{today, today}, {today, today}, today};
  const Subscription& s = held.subscription;
  const auto up_to = [&](sys_days end) { return s.cancel_on ? std::min(end, *s.cancel_on) : end; };
  if (current && KeepsPeriods(held, to)) {
    // The one that ends with what is paid. It may begin after today: a pause may save more days of
    // a long month than a short one has.
    const Days whole = PeriodAround(*s.anchor, to.period, current->days.to - std::chrono::days(1));
    if (up_to(whole.to) == current->days.to) {
      NextTerm rest{{today, current->days.to}, whole, *s.anchor};
      rest.period_days = current->period_days > 0 ? current->period_days
                                                  : std::max(whole.count(), rest.days.count());
      return rest;
    }
  }
  const sys_days anchor = AnchorFor(today, to.period, to.alignment);
  const Days whole = PeriodAround(anchor, to.period, today);
  return {{today, up_to(whole.to)}, whole, anchor};
}

}  // namespace holdfast::billing

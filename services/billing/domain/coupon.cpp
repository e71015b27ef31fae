#include "services/billing/domain/coupon.h"

#include <algorithm>
#include <cctype>

#include "libs/base/status.h"
#include "services/billing/domain/part_of.h"

namespace holdfast::billing {
namespace {

constexpr int kMostTerms = 1200;
constexpr int kMostRedemptions = 1'000'000'000;
constexpr std::size_t kMostPlans = 1000;

absl::Status CheckReduction(const Coupon& coupon) {
  const bool part = coupon.parts_per_million != 0;
  const bool amount = coupon.amount.minor_units() != 0;
  if (part == amount) {
    return InvalidArgument("exactly one of parts_per_million and amount must be set");
  }
  if (part && (coupon.parts_per_million < 0 || coupon.parts_per_million > kMillion)) {
    return InvalidArgument("parts_per_million must be 1 to {}", kMillion);
  }
  if (amount && coupon.amount.minor_units() < 0) return InvalidArgument("amount is negative");
  return absl::OkStatus();
}

// "20 %", "12.5 %".
std::string ShowPart(int parts_per_million) {
  std::string text = fmt::format("{:.4f}", parts_per_million / 10'000.0);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text + " %";
}

}  // namespace

bool Coupon::covers(const TariffPlanId& plan) const {
  return plans.empty() || std::find(plans.begin(), plans.end(), plan) != plans.end();
}

absl::StatusOr<CouponId> ParseCouponCode(std::string_view typed) {
  const std::size_t first = std::min(typed.find_first_not_of(' '), typed.size());
  typed.remove_prefix(first);
  typed = typed.substr(0, typed.find_last_not_of(' ') + 1);
  std::string code(typed);
  for (char& c : code) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  HOLDFAST_RETURN_IF_ERROR(CheckId("coupon_id", code));
  return CouponId(std::move(code));
}

absl::Status CheckCoupon(const Coupon& coupon, sys_days today) {
  HOLDFAST_RETURN_IF_ERROR(CheckId("coupon_id", coupon.id.value()));
  HOLDFAST_RETURN_IF_ERROR(CheckText("name", coupon.name, 100));
  HOLDFAST_RETURN_IF_ERROR(CheckReduction(coupon));
  if (coupon.plans.size() > kMostPlans) {
    return InvalidArgument("tariff_plan_ids are more than {}", kMostPlans);
  }
  if (coupon.terms < 0 || coupon.terms > kMostTerms) {
    return InvalidArgument("terms must be 1 to {}", kMostTerms);
  }
  if (coupon.max_redemptions < 0 || coupon.max_redemptions > kMostRedemptions) {
    return InvalidArgument("max_redemptions must be 0 to {}", kMostRedemptions);
  }
  if (coupon.max_per_account < 0 || coupon.max_per_account > kMostRedemptions) {
    return InvalidArgument("max_per_account must be 0 to {}", kMostRedemptions);
  }
  if (coupon.expires_on && *coupon.expires_on <= today) {
    return InvalidArgument("expires_on is over already");
  }
  if (coupon.expires_on && *coupon.expires_on <= coupon.valid_from) {
    return InvalidArgument("expires_on is not after valid_from");
  }
  return absl::OkStatus();
}

absl::Status CheckRedemption(const Coupon& coupon, const Subscription& subscription,
                             const Redeemer& redeemer, sys_days today) {
  const std::string& id = coupon.id.value();
  if (coupon.withdrawn) return FailedPrecondition("coupon_withdrawn: {} was withdrawn", id);
  if (today < coupon.valid_from) {
    return FailedPrecondition("coupon_not_valid_yet: {} is valid from {}", id,
                              ShowDay(coupon.valid_from));
  }
  if (coupon.expires_on && *coupon.expires_on <= today) {
    return FailedPrecondition("coupon_expired: {} is over since {}", id,
                              ShowDay(*coupon.expires_on));
  }
  if (subscription.ended()) {
    return FailedPrecondition("subscription_ended: subscription {} has ended",
                              subscription.id.value());
  }
  if (subscription.charging == Charging::kElsewhere) {
    return FailedPrecondition("not_charged_by_us: subscription {} is charged elsewhere",
                              subscription.id.value());
  }
  if (!coupon.covers(subscription.plan)) {
    return FailedPrecondition("coupon_not_for_plan: {} is not for {}", id,
                              subscription.plan.value());
  }
  if (coupon.parts_per_million == 0 && coupon.amount.currency() != subscription.currency) {
    return FailedPrecondition("wrong_currency: {} is in {}, the subscription in {}", id,
                              coupon.amount.currency(), subscription.currency);
  }
  if (coupon.new_customers_only && redeemer.was_charged) {
    return FailedPrecondition("coupon_for_new_customers: account {} was charged before",
                              subscription.account.value());
  }
  if (coupon.max_per_account > 0 && redeemer.redeemed_before >= coupon.max_per_account) {
    return FailedPrecondition("coupon_used_by_account: account {} has redeemed {} before",
                              subscription.account.value(), id);
  }
  if (coupon.max_redemptions > 0 && coupon.redeemed >= coupon.max_redemptions) {
    return FailedPrecondition("coupon_used_up: {} was redeemed {} times", id, coupon.redeemed);
  }
  return absl::OkStatus();
}

bool Discount::used_up() const {
  return coupon.terms > 0 && static_cast<int>(periods.size()) >= coupon.terms;
}

bool Discount::applies(const TariffPlanId& plan, sys_days end_of_period) const {
  if (!coupon.covers(plan)) return false;
  const bool goes_on = std::find(periods.begin(), periods.end(), end_of_period) != periods.end();
  return goes_on || !used_up();
}

std::optional<InvoiceLine> DiscountOn(const InvoiceLine& price, const NextTerm& term,
                                      const Coupon& coupon) {
  const bool by_part = coupon.parts_per_million > 0;
  const bool open_ended = term.period_days == 0;
  std::int64_t off = coupon.amount.minor_units();
  if (by_part) {
    off = PartOf(price.quoted, coupon.parts_per_million, kMillion);
  } else if (!open_ended) {
    off = PartOf(off, term.days.count(), term.period_days);
  }
  off = std::min(off, price.quoted);
  if (off <= 0) return std::nullopt;
  const std::string how_much = by_part ? " (" + ShowPart(coupon.parts_per_million) + ")" : "";
  return InvoiceLine{
      .text = fmt::format("{}, coupon {}{}", price.text, coupon.id.value(), how_much),
      .plan = price.plan,
      .subscription = price.subscription,
      .days = price.days,
      .quoted = -off,
      .coupon = coupon.id.value(),
      .period_price = coupon.amount.minor_units(),
      .period_days = price.period_days,
      .discount_ppm = by_part ? coupon.parts_per_million : 0};
}

}  // namespace holdfast::billing

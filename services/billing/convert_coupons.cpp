#include "services/billing/convert_coupons.h"

#include <charconv>

#include "libs/base/encoding.h"
#include "libs/base/status.h"
#include "services/billing/convert.h"
#include "services/billing/convert_money.h"
#include "services/billing/paging.h"

namespace holdfast::billing {
namespace {

absl::Status WrongToken() { return InvalidArgument("page_token is not one of ours"); }

absl::StatusOr<int> ParseTerms(const v1::Coupon& coupon) {
  switch (coupon.duration()) {
    case v1::Coupon::DURATION_ONCE:
    case v1::Coupon::DURATION_FOREVER:
      if (coupon.terms() != 0) return InvalidArgument("terms is for DURATION_TERMS only");
      return coupon.duration() == v1::Coupon::DURATION_ONCE ? 1 : 0;
    case v1::Coupon::DURATION_TERMS:
      if (coupon.terms() < 1) return InvalidArgument("terms must be at least 1");
      return coupon.terms();
    default:
      return InvalidArgument("duration {} is unknown", static_cast<int>(coupon.duration()));
  }
}

}  // namespace

v1::Coupon ToProto(const Coupon& coupon) {
  v1::Coupon out;
  out.set_coupon_id(coupon.id.value());
  out.set_name(coupon.name);
  out.set_parts_per_million(coupon.parts_per_million);
  if (coupon.parts_per_million == 0) *out.mutable_amount() = ToProto(coupon.amount);
  for (const TariffPlanId& plan : coupon.plans) out.add_tariff_plan_ids(plan.value());
  out.set_duration(coupon.terms == 0   ? v1::Coupon::DURATION_FOREVER
                   : coupon.terms == 1 ? v1::Coupon::DURATION_ONCE
                                       : v1::Coupon::DURATION_TERMS);
  if (coupon.terms > 1) out.set_terms(coupon.terms);
  out.set_max_redemptions(coupon.max_redemptions);
  out.set_max_per_account(coupon.max_per_account);
  out.set_valid_from(ShowDay(coupon.valid_from));
  if (coupon.expires_on) out.set_expires_on(ShowDay(*coupon.expires_on));
  out.set_new_customers_only(coupon.new_customers_only);
  out.set_withdrawn(coupon.withdrawn);
  out.set_redeemed(coupon.redeemed);
  return out;
}

v1::CouponRedemption ToProto(const Redemption& redemption) {
  v1::CouponRedemption out;
  out.set_redemption_id(redemption.id);
  out.set_coupon_id(redemption.coupon.value());
  out.set_account_id(redemption.account.value());
  out.set_subscription_id(redemption.subscription.value());
  out.set_redeemed_on(ShowDay(redemption.redeemed_on));
  return out;
}

absl::StatusOr<Coupon> ParseCoupon(const v1::Coupon& coupon) {
  Coupon parsed{.name = coupon.name(),
                .parts_per_million = coupon.parts_per_million(),
                .max_redemptions = coupon.max_redemptions(),
                .max_per_account = coupon.has_max_per_account() ? coupon.max_per_account() : 1,
                .valid_from = sys_days(std::chrono::days(0)),
                .new_customers_only = coupon.new_customers_only()};
  HOLDFAST_ASSIGN_OR_RETURN(parsed.id, ParseCouponCode(coupon.coupon_id()));
  if (coupon.has_amount()) {
    HOLDFAST_ASSIGN_OR_RETURN(parsed.amount, ParseMoney("amount", coupon.amount()));
  }
  for (const std::string& plan : coupon.tariff_plan_ids()) {
    HOLDFAST_RETURN_IF_ERROR(CheckId("tariff_plan_ids", plan));
    parsed.plans.emplace_back(plan);
  }
  HOLDFAST_ASSIGN_OR_RETURN(parsed.terms, ParseTerms(coupon));
  if (!coupon.valid_from().empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(parsed.valid_from, ParseDay("valid_from", coupon.valid_from()));
  }
  if (!coupon.expires_on().empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(parsed.expires_on, ParseDay("expires_on", coupon.expires_on()));
  }
  return parsed;
}

absl::StatusOr<CouponFilter> ParseFilter(const v1::ListCouponsRequest& request, sys_days today) {
  CouponFilter filter{.only_redeemable = request.only_redeemable(), .today = today};
  HOLDFAST_ASSIGN_OR_RETURN(filter.limit, ParsePageSize(request.page_size()));
  HOLDFAST_ASSIGN_OR_RETURN(filter.after, ParseToken(request.page_token()));
  if (!filter.after.empty() && !CheckId("coupon_id", filter.after).ok()) return WrongToken();
  return filter;
}

absl::StatusOr<RedemptionFilter> ParseFilter(const v1::ListCouponRedemptionsRequest& request) {
  RedemptionFilter filter{.account = request.account_id()};
  if (!request.coupon_id().empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(const CouponId coupon, ParseCouponCode(request.coupon_id()));
    filter.coupon = coupon.value();
  }
  if (!filter.account.empty()) HOLDFAST_RETURN_IF_ERROR(CheckId("account_id", filter.account));
  HOLDFAST_ASSIGN_OR_RETURN(filter.limit, ParsePageSize(request.page_size()));
  HOLDFAST_ASSIGN_OR_RETURN(const std::string after, ParseToken(request.page_token()));
  if (after.empty()) return filter;
  const char* const last = after.data() + after.size();
  const auto [end, error] = std::from_chars(after.data(), last, filter.after);
  if (error != std::errc() || end != last || filter.after < 0) return WrongToken();
  return filter;
}

}  // namespace holdfast::billing

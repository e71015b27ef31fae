// Coupons on the wire and in domain/coupon.h. Parse functions answer INVALID_ARGUMENT and name the
// field.
#pragma once

#include "holdfast/billing/v1/billing.pb.h"
#include "services/billing/domain/coupon.h"
#include "services/billing/store.h"

namespace holdfast::billing {

v1::Coupon ToProto(const Coupon& coupon);
v1::CouponRedemption ToProto(const Redemption& redemption);
absl::StatusOr<Coupon> ParseCoupon(const v1::Coupon& coupon);
absl::StatusOr<CouponFilter> ParseFilter(const v1::ListCouponsRequest& request, sys_days today);
absl::StatusOr<RedemptionFilter> ParseFilter(const v1::ListCouponRedemptionsRequest& request);

}  // namespace holdfast::billing

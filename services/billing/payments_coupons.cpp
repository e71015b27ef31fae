// Coupons.
#include "libs/base/status.h"
#include "services/billing/biller.h"
#include "services/billing/convert_coupons.h"
#include "services/billing/paging.h"
#include "services/billing/payments_service.h"
#include "services/billing/service_once.h"

namespace holdfast::billing {

absl::StatusOr<v1::Coupon> PaymentsService::IssueCoupon(const rpc::Call& call,
                                                        const v1::IssueCouponRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const Coupon coupon, ParseCoupon(request.coupon()));
  HOLDFAST_RETURN_IF_ERROR(CheckCoupon(coupon, Today()));
  return CarryOutOnce(store_, call, request, Secrecy::kNone,
                      [&](Transaction& tx) -> absl::StatusOr<v1::Coupon> {
                        for (const TariffPlanId& plan : coupon.plans) {
                          HOLDFAST_RETURN_IF_ERROR(tx.FindTariffPlan(plan).status());
                        }
                        HOLDFAST_RETURN_IF_ERROR(tx.AddCoupon(coupon));
                        return ToProto(coupon);
                      });
}

absl::StatusOr<v1::ListCouponsResponse> PaymentsService::ListCoupons(
    const rpc::Call& call, const v1::ListCouponsRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const CouponFilter filter, ParseFilter(request, Today()));
  HOLDFAST_ASSIGN_OR_RETURN(const auto page, FetchPage(filter, [&](const CouponFilter& asked) {
                              return store_.ListCoupons(call.deadline(), asked);
                            }));
  v1::ListCouponsResponse response;
  for (const Coupon& coupon : page.rows) *response.add_coupons() = ToProto(coupon);
  response.set_next_page_token(
      page.NextToken([](const Coupon& last) { return TokenAfter(last.id.value()); }));
  return response;
}

absl::StatusOr<v1::Coupon> PaymentsService::WithdrawCoupon(
    const rpc::Call& call, const v1::WithdrawCouponRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const CouponId id, ParseCouponCode(request.coupon_id()));
  return CarryOutOnce(store_, call, request, Secrecy::kNone,
                      [&](Transaction& tx) -> absl::StatusOr<v1::Coupon> {
                        HOLDFAST_ASSIGN_OR_RETURN(Coupon coupon, tx.FindCoupon(id));
                        coupon.withdrawn = true;
                        HOLDFAST_RETURN_IF_ERROR(tx.SaveCoupon(coupon));
                        return ToProto(coupon);
                      });
}

absl::StatusOr<v1::CouponRedemption> PaymentsService::RedeemCoupon(
    const rpc::Call& call, const v1::RedeemCouponRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const CouponId id, ParseCouponCode(request.coupon_id()));
  const auto redeem = [&](Transaction& tx) -> absl::StatusOr<v1::CouponRedemption> {
    HOLDFAST_ASSIGN_OR_RETURN(const Coupon coupon, tx.FindCoupon(id));
    HOLDFAST_ASSIGN_OR_RETURN(const Holding held,
                              tx.FindHolding(SubscriptionId(request.subscription_id())));
    HOLDFAST_ASSIGN_OR_RETURN(const Account account, tx.FindAccount(held.subscription.account));
    Biller biller(tx, account, Today());
    HOLDFAST_ASSIGN_OR_RETURN(const Redemption redemption,
                              biller.Redeem(coupon, held.subscription,
                                            request.replace() ? Biller::OtherCoupon::kIsReplaced
                                                              : Biller::OtherCoupon::kStays));
    // What waited for money may now cost less than there is.
    HOLDFAST_RETURN_IF_ERROR(biller.MoneyCame());
    return ToProto(redemption);
  };
  auto answer = CarryOutOnce(store_, call, request, Secrecy::kNone, redeem);
  if (answer.ok()) entitlements_.Refresh(AccountId(answer->account_id()), call.deadline());
  return answer;
}

absl::StatusOr<v1::ListCouponRedemptionsResponse> PaymentsService::ListCouponRedemptions(
    const rpc::Call& call, const v1::ListCouponRedemptionsRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const RedemptionFilter filter, ParseFilter(request));
  HOLDFAST_ASSIGN_OR_RETURN(const auto page, FetchPage(filter, [&](const RedemptionFilter& asked) {
                              return store_.ListRedemptions(call.deadline(), asked);
                            }));
  v1::ListCouponRedemptionsResponse response;
  for (const Redemption& found : page.rows) *response.add_redemptions() = ToProto(found);
  response.set_next_page_token(
      page.NextToken([](const Redemption& last) { return TokenAfter(std::to_string(last.id)); }));
  return response;
}

}  // namespace holdfast::billing

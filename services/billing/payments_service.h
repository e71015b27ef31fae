// Invoices and payments over gRPC. What money does is in biller.h, the rules in domain/.
#pragma once

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "holdfast/billing/v1/billing.pb.h"
#include "libs/base/clock.h"
#include "libs/rpc/call.h"
#include "libs/rpc/service.h"
#include "services/billing/biller.h"
#include "services/billing/entitlements.h"
#include "services/billing/store.h"

namespace holdfast::billing {

// Thread-safe; every method is a worker method. What it was made from must outlive it.
class PaymentsService {
 public:
  static constexpr char kServiceName[] = "holdfast.billing.v1.Payments";

  // `gateway`: the name of the one that is set up; empty: none is.
  PaymentsService(Store& store, Entitlements& entitlements, const Clock& clock,
                  std::string gateway = "")
      : store_(store), entitlements_(entitlements), clock_(clock), gateway_(std::move(gateway)) {}

  void Register(rpc::ServiceTable& table);

  absl::StatusOr<v1::Payment> RecordPayment(const rpc::Call& call,
                                            const v1::RecordPaymentRequest& request);
  absl::StatusOr<v1::Payment> RefundPayment(const rpc::Call& call,
                                            const v1::RefundPaymentRequest& request);
  absl::StatusOr<v1::Payment> RecordChargeback(const rpc::Call& call,
                                               const v1::RecordChargebackRequest& request);
  absl::StatusOr<v1::ListPaymentsResponse> ListPayments(const rpc::Call& call,
                                                        const v1::ListPaymentsRequest& request);
  absl::StatusOr<v1::ListInvoicesResponse> ListInvoices(const rpc::Call& call,
                                                        const v1::ListInvoicesRequest& request);
  absl::StatusOr<v1::PreviewInvoicesResponse> PreviewInvoices(
      const rpc::Call& call, const v1::PreviewInvoicesRequest& request);
  absl::StatusOr<v1::ListCreditNotesResponse> ListCreditNotes(
      const rpc::Call& call, const v1::ListCreditNotesRequest& request);
  absl::StatusOr<v1::CreditNote> CreditInvoice(const rpc::Call& call,
                                               const v1::CreditInvoiceRequest& request);
  absl::StatusOr<v1::CreditNote> VoidInvoice(const rpc::Call& call,
                                             const v1::VoidInvoiceRequest& request);

  // payments_coupons.cpp
  absl::StatusOr<v1::Coupon> IssueCoupon(const rpc::Call& call,
                                         const v1::IssueCouponRequest& request);
  absl::StatusOr<v1::ListCouponsResponse> ListCoupons(const rpc::Call& call,
                                                      const v1::ListCouponsRequest& request);
  absl::StatusOr<v1::Coupon> WithdrawCoupon(const rpc::Call& call,
                                            const v1::WithdrawCouponRequest& request);
  absl::StatusOr<v1::CouponRedemption> RedeemCoupon(const rpc::Call& call,
                                                    const v1::RedeemCouponRequest& request);
  absl::StatusOr<v1::ListCouponRedemptionsResponse> ListCouponRedemptions(
      const rpc::Call& call, const v1::ListCouponRedemptionsRequest& request);

  // payments_sales.cpp
  absl::StatusOr<v1::VoucherBatch> CreateVoucherBatch(const rpc::Call& call,
                                                      const v1::CreateVoucherBatchRequest& request);
  absl::StatusOr<v1::VoucherBatch> CancelVoucherBatch(const rpc::Call& call,
                                                      const v1::CancelVoucherBatchRequest& request);
  absl::StatusOr<v1::ListVoucherBatchesResponse> ListVoucherBatches(
      const rpc::Call& call, const v1::ListVoucherBatchesRequest& request);
  absl::StatusOr<v1::ListVouchersResponse> ListVouchers(const rpc::Call& call,
                                                        const v1::ListVouchersRequest& request);
  absl::StatusOr<v1::RedeemVoucherResponse> RedeemVoucher(const rpc::Call& call,
                                                          const v1::RedeemVoucherRequest& request);
  absl::StatusOr<v1::Reseller> PutReseller(const rpc::Call& call,
                                           const v1::PutResellerRequest& request);
  absl::StatusOr<v1::ListResellersResponse> ListResellers(const rpc::Call& call,
                                                          const v1::ListResellersRequest& request);
  absl::StatusOr<v1::Reseller> FundReseller(const rpc::Call& call,
                                            const v1::FundResellerRequest& request);
  absl::StatusOr<v1::TopUpFromResellerResponse> TopUpFromReseller(
      const rpc::Call& call, const v1::TopUpFromResellerRequest& request);

 private:
  template <class Request>
  absl::StatusOr<v1::CreditNote> TakeBack(
      const rpc::Call& call, const Request& request,
      absl::StatusOr<CreditNote> (Biller::*how)(const InvoiceId&, const std::string&));
  sys_days Today() const { return DayOf(clock_.Now(), entitlements_.zone()); }

  Store& store_;
  Entitlements& entitlements_;
  const Clock& clock_;
  const std::string gateway_;
};

}  // namespace holdfast::billing

#include "services/billing/payments_service.h"

#include "libs/base/random.h"
#include "libs/base/status.h"
#include "services/billing/biller.h"
#include "services/billing/convert_money.h"
#include "services/billing/service_once.h"

namespace holdfast::billing {

void PaymentsService::Register(rpc::ServiceTable& table) {
  table.Worker("RecordPayment", *this, &PaymentsService::RecordPayment);
  table.Worker("RefundPayment", *this, &PaymentsService::RefundPayment);
  table.Worker("RecordChargeback", *this, &PaymentsService::RecordChargeback);
  table.Worker("ListPayments", *this, &PaymentsService::ListPayments);
  table.Worker("ListInvoices", *this, &PaymentsService::ListInvoices);
  table.Worker("CreditInvoice", *this, &PaymentsService::CreditInvoice);
  table.Worker("CreateVoucherBatch", *this, &PaymentsService::CreateVoucherBatch);
  table.Worker("CancelVoucherBatch", *this, &PaymentsService::CancelVoucherBatch);
  table.Worker("RedeemVoucher", *this, &PaymentsService::RedeemVoucher);
  table.Worker("IssueCoupon", *this, &PaymentsService::IssueCoupon);
  table.Worker("ListCoupons", *this, &PaymentsService::ListCoupons);
  table.Worker("WithdrawCoupon", *this, &PaymentsService::WithdrawCoupon);
  table.Worker("RedeemCoupon", *this, &PaymentsService::RedeemCoupon);
  table.Worker("ListCouponRedemptions", *this, &PaymentsService::ListCouponRedemptions);
  table.Worker("PutReseller", *this, &PaymentsService::PutReseller);
  table.Worker("ListResellers", *this, &PaymentsService::ListResellers);
  table.Worker("FundReseller", *this, &PaymentsService::FundReseller);
  table.Worker("TopUpFromReseller", *this, &PaymentsService::TopUpFromReseller);
}

absl::StatusOr<v1::Payment> PaymentsService::RecordPayment(
    const rpc::Call& call, const v1::RecordPaymentRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const Payment payment,
                            ParsePayment(request, PaymentId(SecureHex(8)), clock_.Now()));
  auto answer = CarryOutOnce(
      store_, call, request, Secrecy::kNone, [&](Transaction& tx) -> absl::StatusOr<v1::Payment> {
        HOLDFAST_ASSIGN_OR_RETURN(const Account account, tx.FindAccount(payment.account));
        HOLDFAST_RETURN_IF_ERROR(Biller(tx, account, Today()).TakeIn(payment));
        return ToProto(payment);
      });
  if (answer.ok()) entitlements_.Refresh(payment.account, call.deadline());
  return answer;
}

absl::StatusOr<v1::Payment> PaymentsService::RefundPayment(
    const rpc::Call& call, const v1::RefundPaymentRequest& request) {
  return CarryOutOnce(
      store_, call, request, Secrecy::kNone, [&](Transaction& tx) -> absl::StatusOr<v1::Payment> {
        HOLDFAST_ASSIGN_OR_RETURN(const Payment payment,
                                  tx.FindPayment(PaymentId(request.payment_id())));
        HOLDFAST_ASSIGN_OR_RETURN(const Account account, tx.FindAccount(payment.account));
        const std::int64_t amount =
            request.minor_units() != 0 ? request.minor_units() : payment.left();
        HOLDFAST_ASSIGN_OR_RETURN(const Payment refunded,
                                  Biller(tx, account, Today()).Refund(payment, amount));
        return ToProto(refunded);
      });
}

absl::StatusOr<v1::Payment> PaymentsService::RecordChargeback(
    const rpc::Call& call, const v1::RecordChargebackRequest& request) {
  if (request.reason().empty()) return InvalidArgument("reason is empty");
  HOLDFAST_RETURN_IF_ERROR(CheckText("reason", request.reason(), 150));
  AccountId of;
  auto answer = CarryOutOnce(
      store_, call, request, Secrecy::kNone, [&](Transaction& tx) -> absl::StatusOr<v1::Payment> {
        HOLDFAST_ASSIGN_OR_RETURN(const Payment payment,
                                  tx.FindPayment(PaymentId(request.payment_id())));
        HOLDFAST_ASSIGN_OR_RETURN(const Account account, tx.FindAccount(payment.account));
        of = account.id;
        const std::int64_t amount =
            request.minor_units() != 0 ? request.minor_units() : payment.left();
        HOLDFAST_ASSIGN_OR_RETURN(
            const Payment after,
            Biller(tx, account, Today()).ChargeBack(payment, amount, request.reason()));
        return ToProto(after);
      });
  if (answer.ok() && !of.value().empty()) entitlements_.Refresh(of, call.deadline());
  return answer;
}

absl::StatusOr<v1::ListPaymentsResponse> PaymentsService::ListPayments(
    const rpc::Call& call, const v1::ListPaymentsRequest& request) {
  const AccountId account(request.account_id());
  HOLDFAST_RETURN_IF_ERROR(store_.FindAccount(call.deadline(), account).status());
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Payment> payments,
                            store_.ListPayments(call.deadline(), account));
  v1::ListPaymentsResponse response;
  for (const Payment& payment : payments) *response.add_payments() = ToProto(payment);
  return response;
}

absl::StatusOr<v1::ListInvoicesResponse> PaymentsService::ListInvoices(
    const rpc::Call& call, const v1::ListInvoicesRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(InvoiceFilter filter, ParseFilter(request));
  const auto page = static_cast<std::size_t>(filter.limit);
  ++filter.limit;  // one more tells whether there is another page
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<BookedInvoice> invoices,
                            store_.ListInvoices(call.deadline(), filter));
  v1::ListInvoicesResponse response;
  response.set_last_number(filter.after);
  for (std::size_t i = 0; i < invoices.size() && i < page; ++i) {
    *response.add_invoices() = ToProto(invoices[i]);
    response.set_last_number(invoices[i].number);
  }
  response.set_more(invoices.size() > page);
  return response;
}

absl::StatusOr<v1::CreditNote> PaymentsService::CreditInvoice(
    const rpc::Call& call, const v1::CreditInvoiceRequest& request) {
  if (request.reason().empty()) return InvalidArgument("reason is empty");
  HOLDFAST_RETURN_IF_ERROR(CheckText("reason", request.reason(), 200));
  AccountId of;
  auto answer = CarryOutOnce(
      store_, call, request, Secrecy::kNone,
      [&](Transaction& tx) -> absl::StatusOr<v1::CreditNote> {
        const InvoiceId id(request.invoice_id());
        HOLDFAST_ASSIGN_OR_RETURN(const Invoice invoice, tx.FindInvoice(id));
        HOLDFAST_ASSIGN_OR_RETURN(const Account account, tx.FindAccount(invoice.account));
        of = account.id;
        HOLDFAST_ASSIGN_OR_RETURN(const CreditNote note,
                                  Biller(tx, account, Today()).CreditInvoice(id, request.reason()));
        return ToProto(note);
      });
  if (answer.ok() && !of.value().empty()) entitlements_.Refresh(of, call.deadline());
  return answer;
}

}  // namespace holdfast::billing

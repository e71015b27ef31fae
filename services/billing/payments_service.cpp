#include "services/billing/payments_service.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "libs/base/random.h"
#include "libs/base/status.h"
#include "services/billing/biller.h"
#include "services/billing/convert_lists.h"
#include "services/billing/convert_money.h"
#include "services/billing/paging.h"
#include "services/billing/service_once.h"

namespace holdfast::billing {

void PaymentsService::Register(rpc::ServiceTable& table) {
  table.Worker("RecordPayment", *this, &PaymentsService::RecordPayment);
  table.Worker("RefundPayment", *this, &PaymentsService::RefundPayment);
  table.Worker("RecordChargeback", *this, &PaymentsService::RecordChargeback);
  table.Worker("ListPayments", *this, &PaymentsService::ListPayments);
  table.Worker("ListInvoices", *this, &PaymentsService::ListInvoices);
  table.Worker("PreviewInvoices", *this, &PaymentsService::PreviewInvoices);
  table.Worker("CreditInvoice", *this, &PaymentsService::CreditInvoice);
  table.Worker("VoidInvoice", *this, &PaymentsService::VoidInvoice);
  table.Worker("ListCreditNotes", *this, &PaymentsService::ListCreditNotes);
  table.Worker("ListVoucherBatches", *this, &PaymentsService::ListVoucherBatches);
  table.Worker("ListVouchers", *this, &PaymentsService::ListVouchers);
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
        if (payment.method == gateway_ && !request.by_hand()) {
          return FailedPrecondition(
              "by_hand_needed: payment {} came through gateway {}: Gateways/SendRefund sends it "
              "back, "
              "or say by_hand that somebody does",
              payment.id.value(), gateway_);
        }
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
  HOLDFAST_ASSIGN_OR_RETURN(const PaymentFilter filter, ParseFilter(request, entitlements_.zone()));
  if (!filter.account.empty()) {
    HOLDFAST_RETURN_IF_ERROR(
        store_.FindAccount(call.deadline(), AccountId(filter.account)).status());
  }
  HOLDFAST_ASSIGN_OR_RETURN(const auto page, FetchPage(filter, [&](const PaymentFilter& asked) {
                              return store_.ListPayments(call.deadline(), asked);
                            }));
  v1::ListPaymentsResponse response;
  for (const Payment& payment : page.rows) *response.add_payments() = ToProto(payment);
  response.set_next_page_token(page.NextToken(
      [](const Payment& last) { return TokenAfter(last.created_at, last.id.value()); }));
  return response;
}

absl::StatusOr<v1::ListInvoicesResponse> PaymentsService::ListInvoices(
    const rpc::Call& call, const v1::ListInvoicesRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const InvoiceFilter filter, ParseFilter(request));
  HOLDFAST_ASSIGN_OR_RETURN(const auto page, FetchPage(filter, [&](const InvoiceFilter& asked) {
                              return store_.ListInvoices(call.deadline(), asked);
                            }));
  v1::ListInvoicesResponse response;
  for (const BookedInvoice& invoice : page.rows) *response.add_invoices() = ToProto(invoice);
  response.set_last_number(page.rows.empty() ? filter.after : page.rows.back().number);
  response.set_more(page.more);
  return response;
}

absl::StatusOr<v1::PreviewInvoicesResponse> PaymentsService::PreviewInvoices(
    const rpc::Call& call, const v1::PreviewInvoicesRequest& request) {
  std::vector<Invoice> next;
  v1::PreviewInvoicesResponse response;
  HOLDFAST_RETURN_IF_ERROR(store_.TryOut(call.deadline(), [&](Transaction& tx) -> absl::Status {
    next.clear();
    response.Clear();
    HOLDFAST_ASSIGN_OR_RETURN(const Account account,
                              tx.FindAccount(AccountId(request.account_id())));
    HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Holding> holdings, tx.LiveHoldings(account.id));
    Biller biller(tx, account, Today());
    for (const Holding& held : holdings) {
      HOLDFAST_ASSIGN_OR_RETURN(std::optional<Invoice> invoice, biller.PreviewNext(held));
      if (invoice) next.push_back(*std::move(invoice));
    }
    response.set_currency(account.currency);
    if (account.currency.empty()) return absl::OkStatus();  // charged elsewhere
    HOLDFAST_ASSIGN_OR_RETURN(const LedgerAccount wallet,
                              tx.FindLedgerAccount(WalletOf(account.id, account.currency)));
    response.set_available(wallet.available());
    HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Invoice> open, tx.OpenInvoices(account.id));
    std::int64_t owed = 0;
    for (const Invoice& invoice : open) owed += invoice.open();
    response.set_owed(owed);
    return absl::OkStatus();
  }));
  std::stable_sort(next.begin(), next.end(),
                   [](const Invoice& a, const Invoice& b) { return a.issued_on < b.issued_on; });
  for (Invoice& invoice : next) {
    *response.add_invoices() = ToProto(BookedInvoice{.invoice = std::move(invoice)});
  }
  return response;
}

absl::StatusOr<v1::ListCreditNotesResponse> PaymentsService::ListCreditNotes(
    const rpc::Call& call, const v1::ListCreditNotesRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const CreditNoteFilter filter, ParseFilter(request));
  HOLDFAST_ASSIGN_OR_RETURN(const auto page, FetchPage(filter, [&](const CreditNoteFilter& asked) {
                              return store_.ListCreditNotes(call.deadline(), asked);
                            }));
  v1::ListCreditNotesResponse response;
  for (const ListedCreditNote& note : page.rows) *response.add_credit_notes() = ToProto(note);
  response.set_next_page_token(page.NextToken([](const ListedCreditNote& last) {
    return TokenAfter(WallTime(last.note.issued_on), last.note.id.value());
  }));
  return response;
}

template <class Request>
absl::StatusOr<v1::CreditNote> PaymentsService::TakeBack(
    const rpc::Call& call, const Request& request,
    absl::StatusOr<CreditNote> (Biller::*how)(const InvoiceId&, const std::string&)) {
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
        Biller biller(tx, account, Today());
        HOLDFAST_ASSIGN_OR_RETURN(const CreditNote note, (biller.*how)(id, request.reason()));
        return ToProto(note);
      });
  if (answer.ok() && !of.value().empty()) entitlements_.Refresh(of, call.deadline());
  return answer;
}

absl::StatusOr<v1::CreditNote> PaymentsService::CreditInvoice(
    const rpc::Call& call, const v1::CreditInvoiceRequest& request) {
  return TakeBack(call, request, &Biller::CreditInvoice);
}

absl::StatusOr<v1::CreditNote> PaymentsService::VoidInvoice(const rpc::Call& call,
                                                            const v1::VoidInvoiceRequest& request) {
  return TakeBack(call, request, &Biller::VoidInvoice);
}

}  // namespace holdfast::billing

// Wire types of taxes, invoices and payments to domain and back; see convert.h.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "holdfast/billing/v1/billing.pb.h"
#include "services/billing/domain/invoice.h"
#include "services/billing/store.h"

namespace holdfast::billing {

// "2026-03-31". INVALID_ARGUMENT names the field.
absl::StatusOr<sys_days> ParseDay(std::string_view what, const std::string& day);

// The same, and nothing of an empty text.
absl::StatusOr<std::optional<sys_days>> ParseOptionalDay(std::string_view what,
                                                         const std::string& day);

v1::TaxRate ToProto(const TaxRate& rate);
v1::Invoice ToProto(const BookedInvoice& booked);  // number 0: it is not issued
v1::CreditNote ToProto(const CreditNote& note);
v1::Payment ToProto(const Payment& payment);
v1::PaymentAttempt ToProto(const PaymentAttempt& attempt);
v1::Refund ToProto(const GatewayRefund& refund);

v1::Reseller ToProto(const Reseller& reseller);

absl::StatusOr<Reseller> ParseReseller(const v1::Reseller& reseller);
absl::StatusOr<VoucherBatch> ParseVoucherBatch(const v1::CreateVoucherBatchRequest& request);
absl::StatusOr<TaxRate> ParseTaxRate(const v1::TaxRate& rate);
absl::StatusOr<InvoiceFilter> ParseFilter(const v1::ListInvoicesRequest& request);
absl::StatusOr<Payment> ParsePayment(const v1::RecordPaymentRequest& request, PaymentId id,
                                     WallTime now);

}  // namespace holdfast::billing

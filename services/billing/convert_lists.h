// What lists are asked for and what they show, on the wire and in store_lists.h; see convert.h.
#pragma once

#include "absl/status/statusor.h"
#include "holdfast/billing/v1/billing.pb.h"
#include "services/billing/domain/period.h"
#include "services/billing/store.h"

namespace holdfast::billing {

absl::StatusOr<PlanFilter> ParseFilter(const v1::ListTariffPlansRequest& request);
absl::StatusOr<PlanVersionFilter> ParseFilter(const v1::ListPlanVersionsRequest& request);
absl::StatusOr<SubscriptionFilter> ParseFilter(const v1::ListSubscriptionsRequest& request);
// Days begin in `zone`.
absl::StatusOr<PaymentFilter> ParseFilter(const v1::ListPaymentsRequest& request,
                                          const TimeZone& zone);
absl::StatusOr<AttemptFilter> ParseFilter(const v1::ListAttemptsRequest& request);
absl::StatusOr<RefundFilter> ParseFilter(const v1::ListRefundsRequest& request);
absl::StatusOr<CreditNoteFilter> ParseFilter(const v1::ListCreditNotesRequest& request);
absl::StatusOr<VoucherFilter> ParseFilter(const v1::ListVouchersRequest& request);
absl::StatusOr<EventFilter> ParseFilter(const v1::ListWebhookEventsRequest& request);

v1::CreditNote ToProto(const ListedCreditNote& listed);
v1::ListedVoucherBatch ToProto(const ListedVoucherBatch& listed);
v1::ListedVoucher ToProto(const ListedVoucher& voucher);
v1::WebhookEvent ToProto(const StoredEvent& event);

}  // namespace holdfast::billing

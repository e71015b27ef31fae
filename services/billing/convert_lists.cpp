#include "services/billing/convert_lists.h"

#include <charconv>

#include "libs/base/status.h"
#include "services/billing/convert.h"
#include "services/billing/convert_money.h"
#include "services/billing/paging.h"

namespace holdfast::billing {
namespace {

// An id that may be left out.
absl::StatusOr<std::string> OptionalId(std::string_view what, const std::string& id) {
  if (!id.empty()) HOLDFAST_RETURN_IF_ERROR(CheckId(what, id));
  return id;
}

// Of a list that shows all of one account and the newest of all accounts.
absl::StatusOr<int> PageOf(int page_size, const std::string& account) {
  return ParsePageSize(page_size, account.empty() ? kUsualPage : kEverything);
}

absl::StatusOr<std::optional<Subscription::State>> ParseState(v1::Subscription::State state) {
  using State = Subscription::State;
  switch (state) {
    case v1::Subscription::STATE_UNSPECIFIED:
      return std::optional<State>();
    case v1::Subscription::STATE_ACTIVE:
      return std::optional(State::kActive);
    case v1::Subscription::STATE_GRACE:
      return std::optional(State::kGrace);
    case v1::Subscription::STATE_SUSPENDED:
      return std::optional(State::kSuspended);
    case v1::Subscription::STATE_CANCELLED:
      return std::optional(State::kCancelled);
    case v1::Subscription::STATE_EXPIRED:
      return std::optional(State::kExpired);
    case v1::Subscription::STATE_PENDING_ACTIVATION:
      return std::optional(State::kPendingActivation);
    case v1::Subscription::STATE_TRIALING:
      return std::optional(State::kTrialing);
    case v1::Subscription::STATE_PAUSED:
      return std::optional(State::kPaused);
    default:
      return InvalidArgument("state {} is unknown", static_cast<int>(state));
  }
}

absl::StatusOr<std::optional<PaymentAttempt::State>> ParseState(v1::PaymentAttempt::State state) {
  using State = PaymentAttempt::State;
  switch (state) {
    case v1::PaymentAttempt::STATE_UNSPECIFIED:
      return std::optional<State>();
    case v1::PaymentAttempt::STATE_STARTED:
      return std::optional(State::kStarted);
    case v1::PaymentAttempt::STATE_PENDING:
      return std::optional(State::kPending);
    case v1::PaymentAttempt::STATE_PAID:
      return std::optional(State::kPaid);
    case v1::PaymentAttempt::STATE_DECLINED:
      return std::optional(State::kDeclined);
    case v1::PaymentAttempt::STATE_ABSENT:
      return std::optional(State::kAbsent);
    default:
      return InvalidArgument("state {} is unknown", static_cast<int>(state));
  }
}

absl::StatusOr<std::optional<GatewayRefund::State>> ParseState(v1::Refund::State state) {
  using State = GatewayRefund::State;
  switch (state) {
    case v1::Refund::STATE_UNSPECIFIED:
      return std::optional<State>();
    case v1::Refund::STATE_STARTED:
      return std::optional(State::kStarted);
    case v1::Refund::STATE_PENDING:
      return std::optional(State::kPending);
    case v1::Refund::STATE_SENT:
      return std::optional(State::kSent);
    case v1::Refund::STATE_REFUSED:
      return std::optional(State::kRefused);
    case v1::Refund::STATE_ABSENT:
      return std::optional(State::kAbsent);
    case v1::Refund::STATE_BOUNCED:
      return std::optional(State::kBounced);
    default:
      return InvalidArgument("state {} is unknown", static_cast<int>(state));
  }
}

absl::StatusOr<std::optional<WallTime>> ParseMoment(std::string_view what, const std::string& day,
                                                    const TimeZone& zone) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::optional<sys_days> parsed, ParseOptionalDay(what, day));
  if (!parsed) return std::optional<WallTime>();
  return std::optional(StartOf(*parsed, zone));
}

}  // namespace

absl::StatusOr<PlanFilter> ParseFilter(const v1::ListTariffPlansRequest& request) {
  PlanFilter filter;
  switch (request.kind()) {
    case v1::ListTariffPlansRequest::KIND_UNSPECIFIED:
      break;
    case v1::ListTariffPlansRequest::KIND_BASE:
      filter.add_on = false;
      break;
    case v1::ListTariffPlansRequest::KIND_ADD_ON:
      filter.add_on = true;
      break;
    default:
      return InvalidArgument("kind {} is unknown", static_cast<int>(request.kind()));
  }
  HOLDFAST_ASSIGN_OR_RETURN(filter.package, OptionalId("package_id", request.package_id()));
  HOLDFAST_ASSIGN_OR_RETURN(filter.limit, ParsePageSize(request.page_size(), kEverything));
  HOLDFAST_ASSIGN_OR_RETURN(filter.after, ParseToken(request.page_token()));
  return filter;
}

absl::StatusOr<PlanVersionFilter> ParseFilter(const v1::ListPlanVersionsRequest& request) {
  HOLDFAST_RETURN_IF_ERROR(CheckId("tariff_plan_id", request.tariff_plan_id()));
  PlanVersionFilter filter{.plan = TariffPlanId(request.tariff_plan_id())};
  HOLDFAST_ASSIGN_OR_RETURN(filter.limit, ParsePageSize(request.page_size()));
  HOLDFAST_ASSIGN_OR_RETURN(const std::string before, ParseToken(request.page_token()));
  if (before.empty()) return filter;
  const char* const last = before.data() + before.size();
  const auto [end, error] = std::from_chars(before.data(), last, filter.before);
  if (error != std::errc() || end != last || filter.before < 1) {
    return InvalidArgument("page_token is not one of ours");
  }
  return filter;
}

absl::StatusOr<SubscriptionFilter> ParseFilter(const v1::ListSubscriptionsRequest& request) {
  SubscriptionFilter filter;
  HOLDFAST_ASSIGN_OR_RETURN(filter.account, OptionalId("account_id", request.account_id()));
  HOLDFAST_ASSIGN_OR_RETURN(filter.state, ParseState(request.state()));
  HOLDFAST_ASSIGN_OR_RETURN(filter.plan, OptionalId("tariff_plan_id", request.tariff_plan_id()));
  HOLDFAST_ASSIGN_OR_RETURN(filter.limit, PageOf(request.page_size(), filter.account));
  HOLDFAST_ASSIGN_OR_RETURN(filter.before, ParseTimeToken(request.page_token()));
  return filter;
}

absl::StatusOr<PaymentFilter> ParseFilter(const v1::ListPaymentsRequest& request,
                                          const TimeZone& zone) {
  PaymentFilter filter;
  HOLDFAST_ASSIGN_OR_RETURN(filter.account, OptionalId("account_id", request.account_id()));
  HOLDFAST_ASSIGN_OR_RETURN(filter.method, OptionalId("method", request.method()));
  HOLDFAST_ASSIGN_OR_RETURN(filter.from, ParseMoment("from", request.from(), zone));
  HOLDFAST_ASSIGN_OR_RETURN(filter.until, ParseMoment("until", request.until(), zone));
  HOLDFAST_ASSIGN_OR_RETURN(filter.limit, PageOf(request.page_size(), filter.account));
  HOLDFAST_ASSIGN_OR_RETURN(filter.before, ParseTimeToken(request.page_token()));
  return filter;
}

absl::StatusOr<AttemptFilter> ParseFilter(const v1::ListAttemptsRequest& request) {
  AttemptFilter filter;
  HOLDFAST_ASSIGN_OR_RETURN(filter.account, OptionalId("account_id", request.account_id()));
  HOLDFAST_ASSIGN_OR_RETURN(filter.state, ParseState(request.state()));
  HOLDFAST_ASSIGN_OR_RETURN(filter.limit, PageOf(request.page_size(), filter.account));
  HOLDFAST_ASSIGN_OR_RETURN(filter.before, ParseTimeToken(request.page_token()));
  return filter;
}

absl::StatusOr<RefundFilter> ParseFilter(const v1::ListRefundsRequest& request) {
  RefundFilter filter;
  HOLDFAST_ASSIGN_OR_RETURN(filter.account, OptionalId("account_id", request.account_id()));
  HOLDFAST_ASSIGN_OR_RETURN(filter.payment, OptionalId("payment_id", request.payment_id()));
  HOLDFAST_ASSIGN_OR_RETURN(filter.state, ParseState(request.state()));
  HOLDFAST_ASSIGN_OR_RETURN(filter.limit, PageOf(request.page_size(), filter.account));
  HOLDFAST_ASSIGN_OR_RETURN(filter.before, ParseTimeToken(request.page_token()));
  return filter;
}

absl::StatusOr<CreditNoteFilter> ParseFilter(const v1::ListCreditNotesRequest& request) {
  CreditNoteFilter filter;
  HOLDFAST_ASSIGN_OR_RETURN(filter.account, OptionalId("account_id", request.account_id()));
  HOLDFAST_RETURN_IF_ERROR(CheckText("invoice_id", request.invoice_id(), 200));
  filter.invoice = request.invoice_id();
  HOLDFAST_ASSIGN_OR_RETURN(filter.from, ParseOptionalDay("issued_from", request.issued_from()));
  HOLDFAST_ASSIGN_OR_RETURN(filter.until, ParseOptionalDay("issued_until", request.issued_until()));
  HOLDFAST_ASSIGN_OR_RETURN(filter.limit, ParsePageSize(request.page_size()));
  HOLDFAST_ASSIGN_OR_RETURN(filter.before, ParseTimeToken(request.page_token()));
  return filter;
}

absl::StatusOr<VoucherFilter> ParseFilter(const v1::ListVouchersRequest& request) {
  VoucherFilter filter;
  HOLDFAST_ASSIGN_OR_RETURN(filter.batch, OptionalId("batch_id", request.batch_id()));
  HOLDFAST_ASSIGN_OR_RETURN(filter.redeemed_by, OptionalId("redeemed_by", request.redeemed_by()));
  HOLDFAST_ASSIGN_OR_RETURN(filter.limit, ParsePageSize(request.page_size()));
  HOLDFAST_ASSIGN_OR_RETURN(filter.after, ParseToken(request.page_token()));
  return filter;
}

absl::StatusOr<EventFilter> ParseFilter(const v1::ListWebhookEventsRequest& request) {
  EventFilter filter;
  HOLDFAST_ASSIGN_OR_RETURN(filter.account, OptionalId("account_id", request.account_id()));
  HOLDFAST_ASSIGN_OR_RETURN(filter.kind, OptionalId("kind", request.kind()));
  switch (request.state()) {
    case v1::WebhookEvent::STATE_UNSPECIFIED:
      break;
    case v1::WebhookEvent::STATE_WAITING:
      filter.state = EventFilter::State::kWaiting;
      break;
    case v1::WebhookEvent::STATE_DELIVERED:
      filter.state = EventFilter::State::kDelivered;
      break;
    case v1::WebhookEvent::STATE_GIVEN_UP:
      filter.state = EventFilter::State::kGivenUp;
      break;
    default:
      return InvalidArgument("state {} is unknown", static_cast<int>(request.state()));
  }
  HOLDFAST_ASSIGN_OR_RETURN(filter.limit, ParsePageSize(request.page_size()));
  HOLDFAST_ASSIGN_OR_RETURN(filter.before, ParseTimeToken(request.page_token()));
  return filter;
}

v1::CreditNote ToProto(const ListedCreditNote& listed) {
  v1::CreditNote out = ToProto(listed.note);
  out.set_currency(listed.currency);
  return out;
}

v1::ListedVoucherBatch ToProto(const ListedVoucherBatch& listed) {
  v1::ListedVoucherBatch out;
  out.set_batch_id(listed.batch.id.value());
  *out.mutable_value() = ToProto(listed.batch.value);
  out.set_tariff_plan_id(listed.batch.plan.value());
  out.set_expires_on(ShowDay(listed.batch.expires_on));
  out.set_cancelled(listed.batch.cancelled);
  out.set_vouchers(listed.vouchers);
  out.set_redeemed(listed.redeemed);
  return out;
}

v1::ListedVoucher ToProto(const ListedVoucher& voucher) {
  v1::ListedVoucher out;
  out.set_voucher_id(voucher.code_hash);
  out.set_batch_id(voucher.batch.value());
  if (voucher.redeemed_by) out.set_redeemed_by(voucher.redeemed_by->value());
  if (voucher.redeemed_at) SetTime(*voucher.redeemed_at, *out.mutable_redeemed_at());
  return out;
}

v1::WebhookEvent ToProto(const StoredEvent& event) {
  v1::WebhookEvent out;
  out.set_event_id(event.id);
  out.set_kind(event.kind);
  out.set_account_id(event.account.value());
  out.set_body(event.body);
  out.set_state(event.delivered_at  ? v1::WebhookEvent::STATE_DELIVERED
                : event.given_up_at ? v1::WebhookEvent::STATE_GIVEN_UP
                                    : v1::WebhookEvent::STATE_WAITING);
  out.set_tries(event.tries);
  SetTime(event.created_at, *out.mutable_created_at());
  if (out.state() == v1::WebhookEvent::STATE_WAITING) {
    SetTime(event.try_at, *out.mutable_try_at());
  }
  return out;
}

}  // namespace holdfast::billing

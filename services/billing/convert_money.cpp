#include "services/billing/convert_money.h"

#include <utility>

#include "absl/time/civil_time.h"
#include "libs/base/status.h"
#include "services/billing/convert.h"

namespace holdfast::billing {

absl::StatusOr<sys_days> ParseDay(std::string_view what, const std::string& day) {
  absl::CivilDay civil;
  if (!absl::ParseCivilTime(day, &civil) || civil.year() < 2000 || civil.year() >= 2200) {
    return InvalidArgument("{} must be a day like 2026-03-31, from 2000 to 2199", what);
  }
  return sys_days(std::chrono::days(civil - absl::CivilDay(1970, 1, 1)));
}

absl::StatusOr<std::optional<sys_days>> ParseOptionalDay(std::string_view what,
                                                         const std::string& day) {
  if (day.empty()) return std::optional<sys_days>();
  HOLDFAST_ASSIGN_OR_RETURN(const sys_days parsed, ParseDay(what, day));
  return std::optional(parsed);
}

v1::TaxRate ToProto(const TaxRate& rate) {
  v1::TaxRate out;
  out.set_region(rate.region);
  out.set_name(rate.name);
  out.set_parts_per_million(rate.parts_per_million);
  out.set_inclusive(rate.kind == TaxRate::Kind::kInclusive);
  out.set_valid_from(ShowDay(rate.valid_from));
  return out;
}

v1::Invoice ToProto(const BookedInvoice& booked) {
  const Invoice& invoice = booked.invoice;
  v1::Invoice out;
  out.set_invoice_id(invoice.id.value());
  out.set_number(booked.number);
  out.set_account_id(invoice.account.value());
  out.set_currency(invoice.currency);
  for (const InvoiceLine& line : invoice.lines) {
    v1::InvoiceLine& added = *out.add_lines();
    added.set_text(line.text);
    added.set_tariff_plan_id(line.plan.value());
    added.set_subscription_id(line.subscription.value());
    if (line.days.count() > 0) {
      added.set_from_day(ShowDay(line.days.from));
      added.set_to_day(ShowDay(line.days.to));
    }
    added.set_net(line.amount.net);
    added.set_tax(line.amount.tax);
    added.set_coupon_id(line.coupon);
  }
  out.set_net(invoice.net);
  out.set_tax(invoice.tax);
  out.set_tax_name(invoice.rate.name);
  out.set_settled(invoice.settled);
  out.set_credited(invoice.credited);
  out.set_returned(invoice.returned);
  out.set_open(invoice.open());
  out.set_issued_on(ShowDay(invoice.issued_on));
  out.set_due_on(ShowDay(invoice.due_on));
  out.set_voided(invoice.voided);
  return out;
}

v1::CreditNote ToProto(const CreditNote& note) {
  v1::CreditNote out;
  out.set_credit_note_id(note.id.value());
  out.set_invoice_id(note.invoice.value());
  out.set_account_id(note.account.value());
  out.set_reason(note.reason);
  out.set_net(note.total().net);
  out.set_tax(note.total().tax);
  out.set_to_wallet(note.to_wallet);
  out.set_issued_on(ShowDay(note.issued_on));
  return out;
}

v1::Payment ToProto(const Payment& payment) {
  v1::Payment out;
  out.set_payment_id(payment.id.value());
  out.set_account_id(payment.account.value());
  *out.mutable_amount() = ToProto(payment.amount);
  out.set_method(payment.method);
  out.set_reference(payment.reference);
  out.set_refunded(payment.refunded);
  out.set_charged_back(payment.charged_back);
  out.set_refunding(payment.refunding);
  SetTime(payment.created_at, *out.mutable_created_at());
  return out;
}

v1::PaymentAttempt ToProto(const PaymentAttempt& attempt) {
  const auto state = [&] {
    switch (attempt.state) {
      case PaymentAttempt::State::kStarted:
        return v1::PaymentAttempt::STATE_STARTED;
      case PaymentAttempt::State::kPending:
        return v1::PaymentAttempt::STATE_PENDING;
      case PaymentAttempt::State::kPaid:
        return v1::PaymentAttempt::STATE_PAID;
      case PaymentAttempt::State::kDeclined:
        return v1::PaymentAttempt::STATE_DECLINED;
      case PaymentAttempt::State::kAbsent:
        return v1::PaymentAttempt::STATE_ABSENT;
    }
    return v1::PaymentAttempt::STATE_UNSPECIFIED;
  };
  v1::PaymentAttempt out;
  out.set_attempt_id(attempt.id.value());
  out.set_account_id(attempt.account.value());
  out.set_gateway(attempt.gateway);
  *out.mutable_amount() = ToProto(attempt.amount);
  out.set_state(state());
  out.set_reference(attempt.reference);
  out.set_reason(attempt.reason);
  if (attempt.payment) out.set_payment_id(attempt.payment->value());
  SetTime(attempt.created_at, *out.mutable_created_at());
  return out;
}

v1::Refund ToProto(const GatewayRefund& refund) {
  const auto state = [&] {
    switch (refund.state) {
      case GatewayRefund::State::kStarted:
        return v1::Refund::STATE_STARTED;
      case GatewayRefund::State::kPending:
        return v1::Refund::STATE_PENDING;
      case GatewayRefund::State::kSent:
        return v1::Refund::STATE_SENT;
      case GatewayRefund::State::kRefused:
        return v1::Refund::STATE_REFUSED;
      case GatewayRefund::State::kAbsent:
        return v1::Refund::STATE_ABSENT;
      case GatewayRefund::State::kBounced:
        return v1::Refund::STATE_BOUNCED;
    }
    return v1::Refund::STATE_UNSPECIFIED;
  };
  v1::Refund out;
  out.set_refund_id(refund.id.value());
  out.set_payment_id(refund.payment.value());
  out.set_account_id(refund.account.value());
  out.set_gateway(refund.gateway);
  *out.mutable_amount() = ToProto(refund.amount);
  out.set_state(state());
  out.set_reference(refund.reference);
  out.set_reason(refund.reason);
  SetTime(refund.created_at, *out.mutable_created_at());
  return out;
}

v1::Reseller ToProto(const Reseller& reseller) {
  v1::Reseller out;
  out.set_reseller_id(reseller.id.value());
  out.set_name(reseller.name);
  out.set_parent_id(reseller.parent.value());
  out.set_currency(reseller.currency);
  out.set_credit(reseller.credit);
  out.set_max_accounts(reseller.max_accounts);
  return out;
}

absl::StatusOr<Reseller> ParseReseller(const v1::Reseller& reseller) {
  Reseller parsed{.id = ResellerId(reseller.reseller_id()),
                  .name = reseller.name(),
                  .parent = ResellerId(reseller.parent_id()),
                  .currency = reseller.currency(),
                  .credit = reseller.credit(),
                  .max_accounts = reseller.max_accounts()};
  HOLDFAST_RETURN_IF_ERROR(CheckReseller(parsed));
  return parsed;
}

absl::StatusOr<VoucherBatch> ParseVoucherBatch(const v1::CreateVoucherBatchRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(Money value, ParseMoney("value", request.value()));
  HOLDFAST_ASSIGN_OR_RETURN(const sys_days expires, ParseDay("expires_on", request.expires_on()));
  return VoucherBatch{.id = VoucherBatchId(request.batch_id()),
                      .value = std::move(value),
                      .plan = TariffPlanId(request.tariff_plan_id()),
                      .expires_on = expires};
}

absl::StatusOr<TaxRate> ParseTaxRate(const v1::TaxRate& rate) {
  TaxRate parsed{.region = rate.region(),
                 .name = rate.name(),
                 .parts_per_million = rate.parts_per_million(),
                 .kind = rate.inclusive() ? TaxRate::Kind::kInclusive : TaxRate::Kind::kExclusive,
                 .valid_from = sys_days(std::chrono::days(0))};
  if (!rate.valid_from().empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(parsed.valid_from, ParseDay("valid_from", rate.valid_from()));
  }
  HOLDFAST_RETURN_IF_ERROR(CheckTaxRate(parsed));
  return parsed;
}

absl::StatusOr<InvoiceFilter> ParseFilter(const v1::ListInvoicesRequest& request) {
  InvoiceFilter filter;
  if (!request.account_id().empty()) {
    HOLDFAST_RETURN_IF_ERROR(CheckId("account id", request.account_id()));
  }
  filter.account = request.account_id();
  filter.only_open = request.only_open();
  HOLDFAST_ASSIGN_OR_RETURN(filter.issued_from,
                            ParseOptionalDay("issued_from", request.issued_from()));
  HOLDFAST_ASSIGN_OR_RETURN(filter.issued_until,
                            ParseOptionalDay("issued_until", request.issued_until()));
  HOLDFAST_ASSIGN_OR_RETURN(filter.due_until, ParseOptionalDay("due_until", request.due_until()));
  if (!request.currency().empty()) {
    HOLDFAST_RETURN_IF_ERROR(holdfast::Money::Make(0, request.currency()).status());
  }
  filter.currency = request.currency();
  filter.after = request.after_number();
  HOLDFAST_ASSIGN_OR_RETURN(filter.limit, ParsePageSize(request.page_size()));
  return filter;
}

absl::StatusOr<Payment> ParsePayment(const v1::RecordPaymentRequest& request, PaymentId id,
                                     WallTime now) {
  HOLDFAST_RETURN_IF_ERROR(CheckId("account id", request.account_id()));
  HOLDFAST_RETURN_IF_ERROR(CheckId("method", request.method()));
  HOLDFAST_RETURN_IF_ERROR(CheckText("reference", request.reference(), 150));
  HOLDFAST_ASSIGN_OR_RETURN(Money amount, ParseMoney("amount", request.amount()));
  if (amount.minor_units() == 0) return InvalidArgument("amount is nothing");
  return Payment{.id = std::move(id),
                 .account = AccountId(request.account_id()),
                 .amount = std::move(amount),
                 .method = request.method(),
                 .reference = request.reference(),
                 .created_at = now};
}

}  // namespace holdfast::billing

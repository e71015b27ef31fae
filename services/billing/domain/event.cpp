#include "services/billing/domain/event.h"

#include <algorithm>

#include "fmt/format.h"

namespace holdfast::billing {
namespace {

std::string_view NameOf(Subscription::State state) {
  switch (state) {
    case Subscription::State::kActive:
      return "active";
    case Subscription::State::kGrace:
      return "grace";
    case Subscription::State::kSuspended:
      return "suspended";
    case Subscription::State::kCancelled:
      return "cancelled";
    case Subscription::State::kExpired:
      return "expired";
    case Subscription::State::kPendingActivation:
      return "pending_activation";
    case Subscription::State::kTrialing:
      return "trialing";
    case Subscription::State::kPaused:
      return "paused";
  }
  return "";
}

void AppendQuoted(std::string_view text, std::string& out) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<int>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

}  // namespace

Event SubscriptionChanged(const Subscription& s) {
  Event event{.id = fmt::format("subscription-{}-{}", s.id.value(), s.revision),
              .kind = "subscription.changed",
              .account = s.account,
              .fields = {{"subscription_id", s.id.value()},
                         {"tariff_plan_id", s.plan.value()},
                         {"state", std::string(NameOf(s.state))},
                         {"revision", std::to_string(s.revision)}}};
  if (s.valid_until) event.fields.emplace_back("valid_until", ShowDay(*s.valid_until));
  if (!s.suspended_by.empty()) event.fields.emplace_back("suspended_by", s.suspended_by);
  return event;
}

Event SubscriptionSuspended(const Subscription& s) {
  return {.id = s.suspended_by,
          .kind = "subscription.suspended",
          .account = s.account,
          .fields = {{"subscription_id", s.id.value()},
                     {"tariff_plan_id", s.plan.value()},
                     {"for", s.suspended_for_debt() ? "debt" : "a person's command"}}};
}

Event InvoiceIssued(const Invoice& invoice) {
  return {.id = "invoice-" + invoice.id.value(),
          .kind = "invoice.issued",
          .account = invoice.account,
          .fields = {{"invoice_id", invoice.id.value()},
                     {"minor_units", std::to_string(invoice.total())},
                     {"currency", invoice.currency},
                     {"due_on", ShowDay(invoice.due_on)}}};
}

Event RentalBegan(const Rental& rental) {
  return {.id = "rental-" + rental.id.value(),
          .kind = "rental.began",
          .account = rental.account,
          .fields = {{"rental_id", rental.id.value()},
                     {"item_id", rental.item.value()},
                     {"package_id", rental.package.value()},
                     {"minor_units", std::to_string(rental.price.minor_units())},
                     {"currency", std::string(rental.price.currency())},
                     {"until", std::to_string(EpochSeconds(rental.until))},
                     {"invoice_id", rental.invoice ? rental.invoice->value() : ""}}};
}

Event PaymentTaken(const AccountId& account, const PaymentId& id, const Money& amount,
                   std::string_view method) {
  return {.id = "payment-" + id.value(),
          .kind = "payment.taken",
          .account = account,
          .fields = {{"payment_id", id.value()},
                     {"minor_units", std::to_string(amount.minor_units())},
                     {"currency", std::string(amount.currency())},
                     {"method", std::string(method)}}};
}

Event AttemptDeclined(const PaymentAttempt& attempt) {
  return {.id = "declined-" + attempt.id.value(),
          .kind = "payment.declined",
          .account = attempt.account,
          .fields = {{"attempt_id", attempt.id.value()},
                     {"minor_units", std::to_string(attempt.amount.minor_units())},
                     {"currency", std::string(attempt.amount.currency())},
                     {"reason", attempt.reason}}};
}

Event RefundEnded(const GatewayRefund& refund) {
  const bool sent = refund.state == GatewayRefund::State::kSent;
  const bool bounced = refund.state == GatewayRefund::State::kBounced;
  Event event{.id = (sent      ? "refund-"
                     : bounced ? "bounced-"
                               : "refused-") +
                    refund.id.value(),
              .kind = sent      ? "refund.sent"
                      : bounced ? "refund.bounced"
                                : "refund.refused",
              .account = refund.account,
              .fields = {{"refund_id", refund.id.value()},
                         {"payment_id", refund.payment.value()},
                         {"minor_units", std::to_string(refund.amount.minor_units())},
                         {"currency", std::string(refund.amount.currency())}}};
  if (!sent) {
    const bool absent = refund.state == GatewayRefund::State::kAbsent;
    event.fields.emplace_back("reason", absent ? "the gateway never got it" : refund.reason);
  }
  return event;
}

std::string ToJson(const Event& event) {
  std::string json = "{\"event_id\":";
  AppendQuoted(event.id, json);
  json += ",\"kind\":";
  AppendQuoted(event.kind, json);
  json += ",\"account_id\":";
  AppendQuoted(event.account.value(), json);
  for (const auto& [name, value] : event.fields) {
    json += ',';
    AppendQuoted(name, json);
    json += ':';
    AppendQuoted(value, json);
  }
  return json + "}";
}

std::chrono::seconds PauseBeforeTry(int tries) {
  constexpr std::chrono::seconds kFirst(5);
  constexpr std::chrono::seconds kLongest(3600);
  return std::min(kLongest, kFirst * (1 << std::clamp(tries - 1, 0, 12)));
}

}  // namespace holdfast::billing

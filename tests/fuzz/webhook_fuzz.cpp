// A gateway's webhook as anybody may post it: the signature's header and, as if it were signed, the
// body. The first line is the header, the rest the body.
#include <cstdint>
#include <string>
#include <string_view>

#include "libs/base/check.h"
#include "services/billing/gateway.h"
#include "services/billing/signature.h"

namespace holdfast::billing {
namespace {

constexpr char kSecret[] = "0123456789abcdef";

// Money leaves, and comes back, by the right amount only.
void CheckRefund(const GatewayMessage& message, WallTime now) {
  GatewayRefund refund;
  refund.id = message.refund;
  refund.payment = PaymentId("p");
  refund.account = AccountId("ann");
  refund.gateway = "card";
  refund.amount = *Money::Make(999, "EUR");
  refund.created_at = now;
  const auto next = Learn(refund, message.news, now);
  if (!next.ok() || !*next) return;
  const GatewayRefund::State state = (*next)->state;
  if (state != GatewayRefund::State::kSent && state != GatewayRefund::State::kBounced) return;
  HOLDFAST_CHECK(!message.news.amount || *message.news.amount == refund.amount);
}

void CheckWebhook(std::string_view bytes) {
  const WallTime now = FromEpochSeconds(1'767'225'600);
  const std::string_view header = bytes.substr(0, bytes.find('\n'));
  std::string_view body = bytes.substr(header.size());
  if (!body.empty()) body.remove_prefix(1);
  // Nobody without the secret is let in; what we sign ourselves is.
  HOLDFAST_CHECK(!CheckSignature(header, kSecret, body, now).ok());
  HOLDFAST_CHECK(CheckSignature(SignMessage(kSecret, body, now), kSecret, body, now).ok());
  const auto message = ParseGatewayMessage(body);
  if (!message.ok()) return;
  const std::string& charge = message->attempt.value();
  const std::string& refund = message->refund.value();
  HOLDFAST_CHECK(charge.empty() != refund.empty() && charge.size() + refund.size() <= 64);
  if (charge.empty()) return CheckRefund(*message, now);
  PaymentAttempt attempt;
  attempt.id = message->attempt;
  attempt.gateway = "card";
  attempt.amount = *Money::Make(999, "EUR");
  attempt.created_at = now;
  const auto next = Learn(attempt, message->news, now);
  // Money is believed in only with a reference and, if one is told, the right amount.
  if (!next.ok() || !*next || (*next)->state != PaymentAttempt::State::kPaid) return;
  HOLDFAST_CHECK(!(*next)->reference.empty());
  HOLDFAST_CHECK(!message->news.amount || *message->news.amount == attempt.amount);
}

}  // namespace
}  // namespace holdfast::billing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  holdfast::billing::CheckWebhook({reinterpret_cast<const char*>(data), size});
  return 0;
}

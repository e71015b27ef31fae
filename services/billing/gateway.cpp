#include "services/billing/gateway.h"

#include <google/protobuf/util/json_util.h>

#include <utility>

#include "holdfast/billing/v1/gateway.pb.h"
#include "libs/base/encoding.h"
#include "libs/base/status.h"
#include "libs/http/client.h"
#include "services/billing/domain/sales.h"
#include "services/billing/signature.h"

namespace holdfast::billing {
namespace {

constexpr std::size_t kLongestMessage = 64 * 1024;
constexpr std::size_t kLongestText = 200;

absl::StatusOr<GatewayNews::State> StateOf(const v1::GatewayResult& result) {
  const bool charge = result.refund_id().empty();
  if (result.state() == (charge ? "paid" : "refunded")) return GatewayNews::State::kPaid;
  if (result.state() == (charge ? "declined" : "refused")) return GatewayNews::State::kDeclined;
  if (result.state() == "pending") return GatewayNews::State::kPending;
  if (!charge && result.state() == "bounced") return GatewayNews::State::kBounced;
  return InvalidArgument("state is not one of {}, pending",
                         charge ? "paid, declined" : "refunded, refused, bounced");
}

std::string ToJson(const google::protobuf::Message& message) {
  std::string body;
  google::protobuf::util::JsonPrintOptions names;
  names.preserve_proto_field_names = true;
  (void)google::protobuf::util::MessageToJsonString(message, &body, names);
  return body;
}

absl::StatusOr<GatewayMessage> Understand(const http::ClientResponse& answer) {
  absl::StatusOr<GatewayMessage> message = ParseGatewayMessage(answer.body);
  if (message.ok()) return message;
  return Unavailable("gateway answered {} and no result: {}", answer.status,
                     View(message.status().message()));
}

// The news, if they are of what was asked about.
template <class Id>
absl::StatusOr<GatewayNews> NewsOf(const std::optional<GatewayMessage>& message,
                                   Id GatewayMessage::*named, const Id& id) {
  if (!message) return GatewayNews{.state = GatewayNews::State::kAbsent};
  if ((*message).*named != id) return Unavailable("gateway answered about something else");
  return message->news;
}

}  // namespace

void GatewayConfig::Describe(config::Knobs& k) {
  using namespace std::chrono_literals;
  k.Text("name", name, "Name of the payment gateway: the method of payments that come through it.");
  k.Text("url", url,
         "Where the gateway's adapter listens: https://host/path, or http:// on this machine. "
         "Empty: none.");
  k.Text("ca_file", ca_file,
         "Certificates (PEM) of the authorities that are believed about the gateway; read again "
         "when it changes. Empty: the system's.");
  k.Secret("secret", secret, "Secret that signs requests to the gateway and its webhooks.");
  k.Duration("timeout", timeout, {.min = 100ms, .max = 60s}, "Time the gateway gets to answer.");
  k.Duration("first_look", first_look, {.min = 100ms, .max = 1h},
             "How long after an attempt without an answer the gateway is asked what became of it.");
  k.Bool(
      "collect", collect,
      "Whether due invoices of accounts that stored a payment method are collected without being "
      "asked, on their due day and on dunning_days.");
}

absl::StatusOr<GatewayMessage> ParseGatewayMessage(std::string_view json) {
  if (json.size() > kLongestMessage) return InvalidArgument("the message is too long");
  v1::GatewayResult result;
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  const auto parsed = google::protobuf::util::JsonStringToMessage(
      google::protobuf::StringPiece(json.data(), json.size()), &result, options);
  if (!parsed.ok()) return InvalidArgument("the message is not a result in JSON");
  const bool charge = result.refund_id().empty();
  if (!charge && !result.attempt_id().empty()) {
    return InvalidArgument("both attempt_id and refund_id are set");
  }
  HOLDFAST_RETURN_IF_ERROR(charge ? CheckId("attempt_id", result.attempt_id())
                                  : CheckId("refund_id", result.refund_id()));
  HOLDFAST_RETURN_IF_ERROR(CheckText("reference", result.reference(), kLongestText));
  HOLDFAST_RETURN_IF_ERROR(CheckText("reason", result.reason(), kLongestText));
  HOLDFAST_RETURN_IF_ERROR(CheckText("event_id", result.event_id(), kLongestText));
  GatewayMessage message{.attempt = AttemptId(result.attempt_id()),
                         .refund = RefundId(result.refund_id()),
                         .event_id = result.event_id()};
  HOLDFAST_ASSIGN_OR_RETURN(message.news.state, StateOf(result));
  message.news.reference = result.reference();
  message.news.reason = result.reason();
  if (!result.currency().empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(message.news.amount,
                              Money::Make(result.minor_units(), result.currency()));
  }
  return message;
}

absl::Status HttpGateway::CheckConfig() const {
  if (config_.url.empty()) return absl::OkStatus();
  if (config_.name == kResellersMethod) {
    return InvalidArgument("gateway_name {} is what resellers are funded by", kResellersMethod);
  }
  if (absl::Status status = http::CheckUrl(config_.url); !status.ok()) {
    return Annotate(status, "gateway_url");
  }
  // Everybody can sign with no key: whoever reaches the webhook could say that money came.
  if (config_.secret.empty()) {
    return InvalidArgument("gateway_secret_file: gateway_url needs a secret that signs");
  }
  if (config_.ca_file.empty()) return absl::OkStatus();
  return Annotate(trust_.Check(), "gateway_ca_file");
}

absl::StatusOr<GatewayMessage> HttpGateway::Post(Deadline deadline, std::string_view path,
                                                 const std::string& key,
                                                 const std::string& body) const {
  HOLDFAST_ASSIGN_OR_RETURN(
      const http::ClientResponse answer,
      http::Fetch({.method = "POST",
                   .url = config_.url + std::string(path),
                   .headers = {{"Content-Type", "application/json"},
                               {"Idempotency-Key", key},
                               {std::string(kSignatureHeader),
                                SignMessage(config_.secret, body, clock_.Now())}},
                   .body = body,
                   .trust = &trust_},
                  deadline.AtMost(config_.timeout)));
  return Understand(answer);
}

absl::StatusOr<std::optional<GatewayMessage>> HttpGateway::Get(Deadline deadline,
                                                               std::string_view path,
                                                               const std::string& id) const {
  HOLDFAST_ASSIGN_OR_RETURN(
      const http::ClientResponse answer,
      http::Fetch({.url = config_.url + std::string(path) + PercentEncode(id),
                   .headers = {{std::string(kSignatureHeader),
                                SignMessage(config_.secret, id, clock_.Now())}},
                   .trust = &trust_},
                  deadline.AtMost(config_.timeout)));
  if (answer.status == 404) return std::optional<GatewayMessage>();
  return Understand(answer);
}

absl::StatusOr<GatewayNews> HttpGateway::Charge(Deadline deadline, const PaymentAttempt& attempt) {
  v1::GatewayCharge charge;
  charge.set_attempt_id(attempt.id.value());
  charge.set_account_id(attempt.account.value());
  charge.set_minor_units(attempt.amount.minor_units());
  charge.set_currency(attempt.amount.currency());
  charge.set_source(attempt.source);
  HOLDFAST_ASSIGN_OR_RETURN(const GatewayMessage answer,
                            Post(deadline, "/charges", attempt.id.value(), ToJson(charge)));
  return NewsOf(std::optional(answer), &GatewayMessage::attempt, attempt.id);
}

absl::StatusOr<GatewayNews> HttpGateway::Find(Deadline deadline, const AttemptId& id) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto answer, Get(deadline, "/charges/", id.value()));
  return NewsOf(answer, &GatewayMessage::attempt, id);
}

absl::StatusOr<GatewayNews> HttpGateway::Refund(Deadline deadline, const GatewayRefund& refund) {
  v1::GatewayRefund wanted;
  wanted.set_refund_id(refund.id.value());
  wanted.set_reference(refund.charge);
  wanted.set_account_id(refund.account.value());
  wanted.set_minor_units(refund.amount.minor_units());
  wanted.set_currency(refund.amount.currency());
  HOLDFAST_ASSIGN_OR_RETURN(const GatewayMessage answer,
                            Post(deadline, "/refunds", refund.id.value(), ToJson(wanted)));
  return NewsOf(std::optional(answer), &GatewayMessage::refund, refund.id);
}

absl::StatusOr<GatewayNews> HttpGateway::FindRefund(Deadline deadline, const RefundId& id) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto answer, Get(deadline, "/refunds/", id.value()));
  return NewsOf(answer, &GatewayMessage::refund, id);
}

}  // namespace holdfast::billing

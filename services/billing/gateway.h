// The way to a payment gateway. What is behind it (a bank's API, a provider's, a test's process) is
// the operator's: an adapter that speaks the few lines of gateway.proto over HTTP.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "libs/base/deadline.h"
#include "libs/config/knobs.h"
#include "libs/http/tls_trust.h"
#include "services/billing/domain/attempt.h"
#include "services/billing/domain/refund.h"

namespace holdfast::billing {

// Thread-safe. The calls block up to the deadline. Any error means: what became of the attempt, or
// refund, is unknown.
class PaymentGateway {
 public:
  virtual ~PaymentGateway() = default;
  virtual const std::string& name() const = 0;  // also the `method` of its payments
  // Asks for the money. One attempt id is charged once, however often it is sent.
  virtual absl::StatusOr<GatewayNews> Charge(Deadline deadline, const PaymentAttempt& attempt) = 0;
  // What became of it; kAbsent: it was never there.
  virtual absl::StatusOr<GatewayNews> Find(Deadline deadline, const AttemptId& id) = 0;
  // The same of money that goes back. kPaid: it was sent; kDeclined: it was not, and will not be.
  virtual absl::StatusOr<GatewayNews> Refund(Deadline deadline, const GatewayRefund& refund) = 0;
  virtual absl::StatusOr<GatewayNews> FindRefund(Deadline deadline, const RefundId& id) = 0;
};

struct GatewayConfig {
  std::string name = "card";
  std::string url;  // empty: none
  std::string ca_file;
  std::string secret;
  std::chrono::milliseconds timeout = std::chrono::seconds(5);
  std::chrono::milliseconds first_look = PauseBeforeLook(0);
  bool collect = true;

  void Describe(config::Knobs& k);
};

// A GatewayResult in JSON, from an answer or a webhook. Hostile input is answered with
// INVALID_ARGUMENT.
struct GatewayMessage {
  AttemptId attempt;  // one of the two is empty
  RefundId refund;
  GatewayNews news;
  std::string event_id;
};
absl::StatusOr<GatewayMessage> ParseGatewayMessage(std::string_view json);

//   POST <url>/charges         GatewayCharge   --> GatewayResult
//   GET  <url>/charges/<id>                    --> GatewayResult, or 404
//   POST <url>/refunds         GatewayRefund   --> GatewayResult
//   GET  <url>/refunds/<id>                    --> GatewayResult, or 404
//
// Requests are signed (signature.h). Only a GatewayResult of that attempt or refund is an answer;
// any other body or status leaves it unknown.
class HttpGateway final : public PaymentGateway {
 public:
  HttpGateway(const GatewayConfig& config, const Clock& clock)
      : config_(config), clock_(clock), trust_(config.ca_file) {}

  // INVALID_ARGUMENT names the setting at fault.
  absl::Status CheckConfig() const;

  const std::string& name() const override { return config_.name; }
  absl::StatusOr<GatewayNews> Charge(Deadline deadline, const PaymentAttempt& attempt) override;
  absl::StatusOr<GatewayNews> Find(Deadline deadline, const AttemptId& id) override;
  absl::StatusOr<GatewayNews> Refund(Deadline deadline, const GatewayRefund& refund) override;
  absl::StatusOr<GatewayNews> FindRefund(Deadline deadline, const RefundId& id) override;

 private:
  absl::StatusOr<GatewayMessage> Post(Deadline deadline, std::string_view path,
                                      const std::string& key, const std::string& body) const;
  // Nothing: 404.
  absl::StatusOr<std::optional<GatewayMessage>> Get(Deadline deadline, std::string_view path,
                                                    const std::string& id) const;

  const GatewayConfig config_;
  const Clock& clock_;
  const http::TlsTrust trust_;
};

}  // namespace holdfast::billing

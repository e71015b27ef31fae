// Billing with a payment gateway that says what a test wants.
#pragma once

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "services/billing/billing_money_test.h"
#include "services/billing/gateways_service.h"
#include "services/billing/signature.h"

namespace holdfast::billing {

// Answers as it was told to, in turn; then "no answer".
class ScriptedGateway final : public PaymentGateway {
 public:
  explicit ScriptedGateway(std::string name = "card") : name_(std::move(name)) {}
  const std::string& name() const override { return name_; }
  absl::StatusOr<GatewayNews> Charge(Deadline, const PaymentAttempt& attempt) override {
    charged.push_back(attempt.id);
    return Next();
  }
  absl::StatusOr<GatewayNews> Find(Deadline, const AttemptId&) override {
    ++found;
    return Next();
  }
  absl::StatusOr<GatewayNews> Refund(Deadline, const GatewayRefund& refund) override {
    refunded.push_back(
        fmt::format("{} {} {}", refund.id.value(), refund.charge, refund.amount.minor_units()));
    return Next();
  }
  absl::StatusOr<GatewayNews> FindRefund(Deadline, const RefundId&) override {
    ++found;
    return Next();
  }
  std::deque<absl::StatusOr<GatewayNews>> answers;
  std::vector<AttemptId> charged;
  std::vector<std::string> refunded;  // "id reference minor_units"
  int found = 0;

 private:
  absl::StatusOr<GatewayNews> Next() {
    if (answers.empty()) return DeadlineExceeded("no answer");
    auto next = answers.front();
    answers.pop_front();
    return next;
  }
  const std::string name_;
};

class Posted final : public http::Request {
 public:
  Posted(std::string body, std::string signature)
      : body_(std::move(body)), signature_(std::move(signature)) {}
  std::string_view method() const override { return "POST"; }
  std::string_view target() const override { return "/webhooks/gateway"; }
  std::string_view path() const override { return target(); }
  std::string_view query() const override { return ""; }
  std::string_view Header(std::string_view name) const override {
    return name == kSignatureHeader ? std::string_view(signature_) : std::string_view();
  }
  std::string_view body() const override { return body_; }
  std::string_view remote_address() const override { return "127.0.0.1"; }
  const std::vector<std::string>& captures() const override { return captures_; }

 private:
  const std::string body_;
  const std::string signature_;
  const std::vector<std::string> captures_;
};

class GatewaysTest : public MoneyTest {
 protected:
  GatewaysTest() { Open("ann", v1::CHARGING_PREPAID); }

  v1::CollectRequest Ask(std::int64_t minor_units) {
    v1::CollectRequest request;
    request.set_idempotency_key(NewKey());
    request.set_account_id("ann");
    *request.mutable_amount() = ToProto(*holdfast::Money::Make(minor_units, "EUR"));
    return request;
  }
  v1::PaymentAttempt Collect(const v1::CollectRequest& request) {
    const auto attempt = gateways_.Collect(Call(), request);
    EXPECT_THAT(attempt, test::IsOk());
    return attempt.value_or(v1::PaymentAttempt());
  }
  v1::PaymentAttempt::State StateOf(const v1::PaymentAttempt& attempt) {
    v1::GetAttemptRequest request;
    request.set_attempt_id(attempt.attempt_id());
    return gateways_.GetAttempt(Call(), request)->state();
  }
  void Look() { (void)gateways_.LookAfterOpenAttempts(Soon()); }
  int Webhook(const std::string& body, const std::string& secret = "secret") {
    return gateways_.TakeWebhook(Posted(body, SignMessage(secret, body, clock_.Now())), "secret")
        .status;
  }
  static std::string PaidMessage(const v1::PaymentAttempt& attempt, const std::string& event,
                                 std::int64_t minor_units = 500) {
    return fmt::format(R"({{"attempt_id":"{}","state":"paid","reference":"r-{}","minor_units":{},)"
                       R"("currency":"EUR","event_id":"{}","more":[1]}})",
                       attempt.attempt_id(), attempt.attempt_id(), minor_units, event);
  }
  static GatewayNews Paid(const std::string& reference = "r-1") {
    return {.state = GatewayNews::State::kPaid, .reference = reference};
  }

  ScriptedGateway gateway_;
  GatewaysService gateways_{{store_, entitlements_, metrics_, clock_, &gateway_}};
};

}  // namespace holdfast::billing

// Money that goes back through the gateway: as gateways_service.cpp, the other way round.
#include "libs/base/random.h"
#include "libs/base/status.h"
#include "libs/telemetry/log.h"
#include "services/billing/biller.h"
#include "services/billing/convert_lists.h"
#include "services/billing/convert_money.h"
#include "services/billing/gateways_service.h"
#include "services/billing/paging.h"
#include "services/billing/refusal.h"
#include "services/billing/service_once.h"

namespace holdfast::billing {
namespace {

constexpr auto kStepTimeout = std::chrono::seconds(3);
constexpr int kRefundsAtOnce = 50;

// How much goes back. FAILED_PRECONDITION: the gateway cannot be asked for it.
absl::StatusOr<Money> AmountOf(const Payment& payment, const v1::SendRefundRequest& request,
                               const std::string& gateway) {
  if (payment.method != gateway) {
    return FailedPrecondition(
        "no_gateway: payment {} came by {}, not through gateway {}: Payments/RefundPayment writes "
        "down what is sent by hand",
        payment.id.value(), payment.method, gateway);
  }
  if (payment.reference.empty()) {
    return FailedPrecondition("no_reference: gateway {} has no name for payment {}", gateway,
                              payment.id.value());
  }
  if (request.minor_units() < 0) return InvalidArgument("minor_units is negative");
  const std::int64_t amount = request.minor_units() != 0 ? request.minor_units() : payment.left();
  return Money::Make(amount, payment.amount.currency());
}

}  // namespace

absl::StatusOr<v1::Refund> GatewaysService::SendRefund(const rpc::Call& call,
                                                       const v1::SendRefundRequest& request) {
  if (parts_.gateway == nullptr) {
    return Explained(FailedPrecondition("no_gateway: none is set up (gateway_url)"));
  }
  bool begun_now = false;
  // First it is written down and its money held; then, whatever happens to us, somebody finds out
  // what became of it.
  HOLDFAST_ASSIGN_OR_RETURN(
      const v1::Refund begun,
      CarryOutOnce(
          parts_.store, call, request, Secrecy::kNone,
          [&](Transaction& tx) -> absl::StatusOr<v1::Refund> {
            HOLDFAST_ASSIGN_OR_RETURN(const Payment payment,
                                      tx.FindPayment(PaymentId(request.payment_id())));
            HOLDFAST_ASSIGN_OR_RETURN(const Account account, tx.FindAccount(payment.account));
            HOLDFAST_ASSIGN_OR_RETURN(const Money amount,
                                      AmountOf(payment, request, parts_.gateway->name()));
            GatewayRefund wanted;
            Begin(amount, wanted);
            wanted.id = RefundId(SecureHex(12));
            wanted.payment = payment.id;
            wanted.account = payment.account;
            wanted.charge = payment.reference;
            HOLDFAST_RETURN_IF_ERROR(Biller(tx, account, Today()).BeginRefund(payment, wanted));
            begun_now = true;
            return ToProto(wanted);
          }));
  const RefundId id(begun.refund_id());
  HOLDFAST_ASSIGN_OR_RETURN(const GatewayRefund refund,
                            parts_.store.FindRefund(call.deadline(), id));
  parts_.entitlements.Refresh(refund.account, call.deadline());
  // One that another gateway was asked for is not this one's to send.
  if (!refund.open() || refund.gateway != parts_.gateway->name()) return ToProto(refund);
  if (!begun_now) HOLDFAST_RETURN_IF_ERROR(NoteRefundSent(call.deadline(), id));
  return ToProto(AskRefund(call.deadline(), refund).value_or(refund));
}

// Before it is asked for again: until that has arrived, the gateway's "never heard of it" proves
// nothing.
absl::Status GatewaysService::NoteRefundSent(Deadline deadline, const RefundId& id) {
  return parts_.store.Transact(deadline, [&](Transaction& tx) -> absl::Status {
    HOLDFAST_ASSIGN_OR_RETURN(GatewayRefund refund, tx.FindRefund(id));
    if (!refund.open()) return absl::OkStatus();
    refund.sent_at = parts_.clock.Now();
    return tx.SaveRefund(refund);
  });
}

std::optional<GatewayRefund> GatewaysService::AskRefund(Deadline deadline,
                                                        const GatewayRefund& refund) {
  const absl::StatusOr<GatewayNews> news =
      parts_.gateway->Refund(deadline.AtMost(deadline.Remaining() * 3 / 4), refund);
  parts_.metrics.gateway_answers.With({news.ok() ? "answered" : "unknown"}).Add();
  if (!news.ok()) {
    telemetry::Log(telemetry::Warning, "gateway gave no answer",
                   {{"refund", refund.id.value()}, {"error", ToString(news.status())}});
    return std::nullopt;
  }
  absl::StatusOr<GatewayRefund> taken = TakeRefund(deadline, refund.id, *news, "");
  // Not written: the refund is open, and the janitor comes for it.
  if (!taken.ok()) return std::nullopt;
  return *std::move(taken);
}

absl::StatusOr<v1::Refund> GatewaysService::GetRefund(const rpc::Call& call,
                                                      const v1::GetRefundRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const GatewayRefund refund,
      parts_.store.FindRefund(call.deadline(), RefundId(request.refund_id())));
  return ToProto(refund);
}

absl::StatusOr<v1::ListRefundsResponse> GatewaysService::ListRefunds(
    const rpc::Call& call, const v1::ListRefundsRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const RefundFilter filter, ParseFilter(request));
  if (!filter.account.empty()) {
    const AccountId account(filter.account);
    HOLDFAST_RETURN_IF_ERROR(parts_.store.FindAccount(call.deadline(), account).status());
  }
  HOLDFAST_ASSIGN_OR_RETURN(const auto page, FetchPage(filter, [&](const RefundFilter& asked) {
                              return parts_.store.ListRefunds(call.deadline(), asked);
                            }));
  v1::ListRefundsResponse response;
  for (const GatewayRefund& refund : page.rows) *response.add_refunds() = ToProto(refund);
  response.set_next_page_token(page.NextToken(
      [](const GatewayRefund& last) { return TokenAfter(last.created_at, last.id.value()); }));
  return response;
}

template <class Request, class Decide>
absl::StatusOr<v1::Refund> GatewaysService::EndByHand(const rpc::Call& call, const Request& request,
                                                      const Decide& decide) {
  if (request.reason().empty()) return InvalidArgument("reason is empty");
  HOLDFAST_RETURN_IF_ERROR(CheckText("reason", request.reason(), 150));
  AccountId of;
  auto answer = CarryOutOnce(
      parts_.store, call, request, Secrecy::kNone,
      [&](Transaction& tx) -> absl::StatusOr<v1::Refund> {
        HOLDFAST_ASSIGN_OR_RETURN(const GatewayRefund refund,
                                  tx.FindRefund(RefundId(request.refund_id())));
        HOLDFAST_ASSIGN_OR_RETURN(const Account account, tx.FindAccount(refund.account));
        of = account.id;
        HOLDFAST_ASSIGN_OR_RETURN(const GatewayRefund ended, decide(refund));
        HOLDFAST_RETURN_IF_ERROR(Biller(tx, account, Today()).SaveRefund(ended));
        return ToProto(ended);
      });
  if (answer.ok() && !of.value().empty()) parts_.entitlements.Refresh(of, call.deadline());
  return answer;
}

absl::StatusOr<v1::Refund> GatewaysService::CloseRefund(const rpc::Call& call,
                                                        const v1::CloseRefundRequest& request) {
  return EndByHand(call, request, [&](const GatewayRefund& refund) {
    return CloseByHand(refund, request.sent() ? RefundEnd::kSent : RefundEnd::kNotSent,
                       request.reason());
  });
}

absl::StatusOr<v1::Refund> GatewaysService::RecordBounce(const rpc::Call& call,
                                                         const v1::RecordBounceRequest& request) {
  return EndByHand(call, request, [&](const GatewayRefund& refund) {
    return BounceByHand(refund, request.reason());
  });
}

// -- What the gateway says ------------------------------------------------------------------------

absl::StatusOr<GatewayRefund> GatewaysService::TakeRefund(Deadline deadline, const RefundId& id,
                                                          const GatewayNews& news,
                                                          const std::string& event_id) {
  GatewayRefund result;
  bool changed = false;
  const absl::Status status =
      parts_.store.Transact(deadline.AtMost(kStepTimeout), [&](Transaction& tx) -> absl::Status {
        changed = false;
        HOLDFAST_ASSIGN_OR_RETURN(result, tx.FindRefund(id));
        HOLDFAST_ASSIGN_OR_RETURN(const Account account, tx.FindAccount(result.account));
        if (!event_id.empty()) {
          HOLDFAST_ASSIGN_OR_RETURN(const bool is_new,
                                    tx.AddGatewayEvent(result.gateway, event_id));
          if (!is_new) return absl::OkStatus();
        }
        HOLDFAST_ASSIGN_OR_RETURN(std::optional<GatewayRefund> next,
                                  Learn(result, news, parts_.clock.Now()));
        if (!next) return absl::OkStatus();
        HOLDFAST_RETURN_IF_ERROR(Biller(tx, account, Today()).SaveRefund(*next));
        result = *std::move(next);
        changed = true;
        return absl::OkStatus();
      });
  HOLDFAST_RETURN_IF_ERROR(NoteUnbelievable(status, "refund", id.value()));
  if (changed) parts_.entitlements.Refresh(result.account, deadline);
  return result;
}

absl::Status GatewaysService::LookAfterOpenRefunds(Deadline deadline) {
  if (parts_.gateway == nullptr) return absl::OkStatus();
  HOLDFAST_ASSIGN_OR_RETURN(
      const std::vector<GatewayRefund> open,
      parts_.store.RefundsToLookAt(deadline.AtMost(kStepTimeout), parts_.gateway->name(),
                                   parts_.clock.Now(), kRefundsAtOnce));
  absl::Status first_error;
  for (const GatewayRefund& refund : open) {
    if (deadline.Passed()) break;
    // Before asking, so that one that always fails does not stand in front for ever.
    HOLDFAST_RETURN_IF_ERROR(
        parts_.store.Transact(deadline.AtMost(kStepTimeout), [&](Transaction& tx) -> absl::Status {
          HOLDFAST_ASSIGN_OR_RETURN(GatewayRefund now, tx.FindRefund(refund.id));
          if (!now.open()) return absl::OkStatus();  // a webhook was quicker
          ++now.looks;
          now.look_at = parts_.clock.Now() + PauseBeforeLook(now.looks);
          return tx.SaveRefund(now);
        }));
    const absl::StatusOr<GatewayNews> news = parts_.gateway->FindRefund(deadline, refund.id);
    parts_.metrics.gateway_answers.With({news.ok() ? "answered" : "unknown"}).Add();
    const absl::Status taken =
        news.ok() ? TakeRefund(deadline, refund.id, *news, "").status() : news.status();
    if (!taken.ok() && first_error.ok()) first_error = taken;
  }
  return first_error;
}

}  // namespace holdfast::billing

#include "services/billing/gateways_service.h"

#include "libs/base/random.h"
#include "libs/base/status.h"
#include "libs/telemetry/log.h"
#include "services/billing/biller.h"
#include "services/billing/convert_lists.h"
#include "services/billing/convert_money.h"
#include "services/billing/paging.h"
#include "services/billing/refusal.h"
#include "services/billing/service_once.h"
#include "services/billing/signature.h"

namespace holdfast::billing {
namespace {

constexpr auto kStepTimeout = std::chrono::seconds(3);
constexpr int kAttemptsAtOnce = 50;
constexpr std::size_t kLongestSource = 200;
constexpr std::chrono::hours kStuckAfter{24};

http::Response Refuse(int status, const absl::Status& why) {
  return http::Response::Text(status, std::string(why.message()) + "\n");
}

int HttpStatusOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return 400;
    case absl::StatusCode::kUnauthenticated:
      return 401;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kFailedPrecondition:
      return 409;
    default:
      return 503;
  }
}

}  // namespace

void GatewaysService::Register(rpc::ServiceTable& table) {
  table.Worker("Collect", *this, &GatewaysService::Collect);
  table.Worker("CloseAttempt", *this, &GatewaysService::CloseAttempt);
  table.Worker("SendRefund", *this, &GatewaysService::SendRefund);
  table.Worker("GetRefund", *this, &GatewaysService::GetRefund);
  table.Worker("ListRefunds", *this, &GatewaysService::ListRefunds);
  table.Worker("CloseRefund", *this, &GatewaysService::CloseRefund);
  table.Worker("RecordBounce", *this, &GatewaysService::RecordBounce);
  table.Worker("GetAttempt", *this, &GatewaysService::GetAttempt);
  table.Worker("ListAttempts", *this, &GatewaysService::ListAttempts);
  table.Worker("PutPaymentMethod", *this, &GatewaysService::PutPaymentMethod);
  table.Worker("RemovePaymentMethod", *this, &GatewaysService::RemovePaymentMethod);
  table.Worker("GetPaymentMethod", *this, &GatewaysService::GetPaymentMethod);
}

void GatewaysService::Begin(const Money& amount, Followed& followed) const {
  followed.gateway = parts_.gateway->name();
  followed.amount = amount;
  followed.created_at = parts_.clock.Now();
  followed.look_at = followed.created_at + parts_.first_look;
}

PaymentAttempt GatewaysService::NewAttempt(const AccountId& account, const Money& amount) const {
  PaymentAttempt attempt;
  Begin(amount, attempt);
  attempt.id = AttemptId(SecureHex(12));
  attempt.account = account;
  return attempt;
}

absl::StatusOr<v1::PaymentAttempt> GatewaysService::Collect(const rpc::Call& call,
                                                            const v1::CollectRequest& request) {
  if (parts_.gateway == nullptr) {
    return Explained(FailedPrecondition("no_gateway: none is set up (gateway_url)"));
  }
  HOLDFAST_RETURN_IF_ERROR(CheckText("source", request.source(), kLongestSource));
  HOLDFAST_ASSIGN_OR_RETURN(const Money amount, ParseMoney("amount", request.amount()));
  if (amount.minor_units() == 0) return InvalidArgument("amount is nothing");
  PaymentAttempt wanted = NewAttempt(AccountId(request.account_id()), amount);
  wanted.source = request.source();
  bool begun_now = false;
  // First it is written down; then, whatever happens to us, somebody finds out what became of it.
  HOLDFAST_ASSIGN_OR_RETURN(
      const v1::PaymentAttempt begun,
      CarryOutOnce(parts_.store, call, request, Secrecy::kNone,
                   [&](Transaction& tx) -> absl::StatusOr<v1::PaymentAttempt> {
                     HOLDFAST_RETURN_IF_ERROR(tx.FindAccount(wanted.account).status());
                     if (request.source().empty()) {
                       HOLDFAST_ASSIGN_OR_RETURN(const auto stored,
                                                 tx.FindPaymentMethod(wanted.account));
                       wanted.source = stored ? stored->source : "";
                     }
                     HOLDFAST_RETURN_IF_ERROR(tx.AddAttempt(wanted));
                     begun_now = true;
                     return ToProto(wanted);
                   }));
  const AttemptId id(begun.attempt_id());
  HOLDFAST_ASSIGN_OR_RETURN(const PaymentAttempt attempt,
                            parts_.store.FindAttempt(call.deadline(), id));
  // One that another gateway was asked for is not this one's to charge.
  if (!attempt.open() || attempt.gateway != parts_.gateway->name()) return ToProto(attempt);
  // A repetition comes here as well: the gateway charges one attempt id once. That it was sent
  // again is written down first: until it has arrived, the gateway's "never heard of it" proves
  // nothing.
  if (!begun_now) HOLDFAST_RETURN_IF_ERROR(NoteSent(call.deadline(), id));
  return ToProto(Ask(call.deadline(), attempt).value_or(attempt));
}

absl::Status GatewaysService::NoteSent(Deadline deadline, const AttemptId& id) {
  return parts_.store.Transact(deadline, [&](Transaction& tx) -> absl::Status {
    HOLDFAST_ASSIGN_OR_RETURN(PaymentAttempt attempt, tx.FindAttempt(id));
    if (!attempt.open()) return absl::OkStatus();
    attempt.sent_at = parts_.clock.Now();
    return tx.SaveAttempt(attempt);
  });
}

std::optional<PaymentAttempt> GatewaysService::Ask(Deadline deadline,
                                                   const PaymentAttempt& attempt) {
  const absl::StatusOr<GatewayNews> news =
      parts_.gateway->Charge(deadline.AtMost(deadline.Remaining() * 3 / 4), attempt);
  parts_.metrics.gateway_answers.With({news.ok() ? "answered" : "unknown"}).Add();
  if (!news.ok()) {
    telemetry::Log(telemetry::Warning, "gateway gave no answer",
                   {{"attempt", attempt.id.value()}, {"error", ToString(news.status())}});
    return std::nullopt;
  }
  absl::StatusOr<PaymentAttempt> taken = Take(deadline, attempt.id, *news, "");
  // Not written: the attempt is open, and the janitor comes for it.
  if (!taken.ok()) return std::nullopt;
  return *std::move(taken);
}

absl::StatusOr<v1::PaymentAttempt> GatewaysService::GetAttempt(
    const rpc::Call& call, const v1::GetAttemptRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const PaymentAttempt attempt,
      parts_.store.FindAttempt(call.deadline(), AttemptId(request.attempt_id())));
  return ToProto(attempt);
}

absl::StatusOr<v1::ListAttemptsResponse> GatewaysService::ListAttempts(
    const rpc::Call& call, const v1::ListAttemptsRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const AttemptFilter filter, ParseFilter(request));
  if (!filter.account.empty()) {
    const AccountId account(filter.account);
    HOLDFAST_RETURN_IF_ERROR(parts_.store.FindAccount(call.deadline(), account).status());
  }
  HOLDFAST_ASSIGN_OR_RETURN(const auto page, FetchPage(filter, [&](const AttemptFilter& asked) {
                              return parts_.store.ListAttempts(call.deadline(), asked);
                            }));
  v1::ListAttemptsResponse response;
  for (const PaymentAttempt& attempt : page.rows) *response.add_attempts() = ToProto(attempt);
  response.set_next_page_token(page.NextToken(
      [](const PaymentAttempt& last) { return TokenAfter(last.created_at, last.id.value()); }));
  return response;
}

// -- What the gateway says ------------------------------------------------------------------------

// That a payment which was recorded before is what the attempt collected, and no other money that
// happens to have its reference: that money would vanish.
absl::Status GatewaysService::CheckIsOf(Transaction& tx, const PaymentAttempt& paid) {
  HOLDFAST_ASSIGN_OR_RETURN(const Payment payment, tx.FindPayment(*paid.payment));
  HOLDFAST_ASSIGN_OR_RETURN(const bool taken, tx.IsTakenByAttempt(payment.id, paid.id));
  if (payment.account == paid.account && payment.amount == paid.amount && !taken) {
    return absl::OkStatus();
  }
  return FailedPrecondition("reference_taken: {} {} of attempt {} is payment {}, of other money",
                            payment.method, payment.reference, paid.id.value(), payment.id.value());
}

absl::StatusOr<v1::PaymentAttempt> GatewaysService::CloseAttempt(
    const rpc::Call& call, const v1::CloseAttemptRequest& request) {
  if (request.reason().empty()) return InvalidArgument("reason is empty");
  HOLDFAST_RETURN_IF_ERROR(CheckText("reason", request.reason(), 150));
  return CarryOutOnce(
      parts_.store, call, request, Secrecy::kNone,
      [&](Transaction& tx) -> absl::StatusOr<v1::PaymentAttempt> {
        HOLDFAST_ASSIGN_OR_RETURN(const PaymentAttempt attempt,
                                  tx.FindAttempt(AttemptId(request.attempt_id())));
        std::optional<PaymentId> payment;
        if (!request.payment_id().empty()) payment = PaymentId(request.payment_id());
        HOLDFAST_ASSIGN_OR_RETURN(const PaymentAttempt closed,
                                  CloseByHand(attempt, payment, request.reason()));
        if (payment) {
          HOLDFAST_ASSIGN_OR_RETURN(const Payment recorded, tx.FindPayment(*payment));
          if (recorded.account != attempt.account) {
            return FailedPrecondition("not_its_payment: payment {} is another account's",
                                      recorded.id.value());
          }
        }
        HOLDFAST_RETURN_IF_ERROR(tx.SaveAttempt(closed));
        return ToProto(closed);
      });
}

absl::Status GatewaysService::BookPayment(Transaction& tx, PaymentAttempt& paid) {
  HOLDFAST_ASSIGN_OR_RETURN(const Account account, tx.FindAccount(paid.account));
  // Somebody may have recorded it by hand meanwhile: the reference is taken once.
  HOLDFAST_ASSIGN_OR_RETURN(paid.payment, tx.FindPaymentOf(paid.gateway, paid.reference));
  if (paid.payment) return CheckIsOf(tx, paid);
  paid.payment = PaymentId("gw-" + paid.id.value());
  return Biller(tx, account, Today())
      .TakeIn(Payment{.id = *paid.payment,
                      .account = paid.account,
                      .amount = paid.amount,
                      .method = paid.gateway,
                      .reference = paid.reference,
                      .created_at = parts_.clock.Now()});
}

absl::Status GatewaysService::NoteUnbelievable(const absl::Status& why, std::string_view kind,
                                               const std::string& id) {
  if (absl::IsFailedPrecondition(why)) {
    telemetry::Log(telemetry::Error, "gateway cannot be believed",
                   {{kind, id}, {"error", ToString(why)}});
    parts_.metrics.gateway_answers.With({"unbelievable"}).Add();
  }
  return why;
}

absl::StatusOr<PaymentAttempt> GatewaysService::Take(Deadline deadline, const AttemptId& id,
                                                     const GatewayNews& news,
                                                     const std::string& event_id) {
  PaymentAttempt result;
  bool changed = false;
  const absl::Status status =
      parts_.store.Transact(deadline.AtMost(kStepTimeout), [&](Transaction& tx) -> absl::Status {
        changed = false;
        HOLDFAST_ASSIGN_OR_RETURN(result, tx.FindAttempt(id));
        if (!event_id.empty()) {
          HOLDFAST_ASSIGN_OR_RETURN(const bool is_new,
                                    tx.AddGatewayEvent(result.gateway, event_id));
          if (!is_new) return absl::OkStatus();
        }
        HOLDFAST_ASSIGN_OR_RETURN(std::optional<PaymentAttempt> next,
                                  Learn(result, news, parts_.clock.Now()));
        if (!next) return absl::OkStatus();
        if (next->state == PaymentAttempt::State::kPaid) {
          HOLDFAST_RETURN_IF_ERROR(BookPayment(tx, *next));
        }
        HOLDFAST_RETURN_IF_ERROR(tx.SaveAttempt(*next));
        result = *std::move(next);
        changed = true;
        return absl::OkStatus();
      });
  HOLDFAST_RETURN_IF_ERROR(NoteUnbelievable(status, "attempt", id.value()));
  if (changed) parts_.entitlements.Refresh(result.account, deadline);
  return result;
}

absl::Status GatewaysService::LookAfterOpenAttempts(Deadline deadline) {
  // Also those of a gateway that was renamed or taken away: nobody asks about them any more.
  HOLDFAST_ASSIGN_OR_RETURN(const std::int64_t stuck,
                            parts_.store.CountOpenAttempts(deadline.AtMost(kStepTimeout),
                                                           parts_.clock.Now() - kStuckAfter));
  parts_.metrics.attempts_stuck.Set(static_cast<double>(stuck));
  if (parts_.gateway == nullptr) return absl::OkStatus();
  HOLDFAST_ASSIGN_OR_RETURN(
      const std::vector<PaymentAttempt> open,
      parts_.store.AttemptsToLookAt(deadline.AtMost(kStepTimeout), parts_.gateway->name(),
                                    parts_.clock.Now(), kAttemptsAtOnce));
  absl::Status first_error;
  for (const PaymentAttempt& attempt : open) {
    if (deadline.Passed()) break;
    // Before asking, so that one that always fails does not stand in front for ever.
    HOLDFAST_RETURN_IF_ERROR(
        parts_.store.Transact(deadline.AtMost(kStepTimeout), [&](Transaction& tx) -> absl::Status {
          HOLDFAST_ASSIGN_OR_RETURN(PaymentAttempt now, tx.FindAttempt(attempt.id));
          ++now.looks;
          now.look_at = parts_.clock.Now() + PauseBeforeLook(now.looks);
          return tx.SaveAttempt(now);
        }));
    const absl::StatusOr<GatewayNews> news = parts_.gateway->Find(deadline, attempt.id);
    parts_.metrics.gateway_answers.With({news.ok() ? "answered" : "unknown"}).Add();
    const absl::Status taken =
        news.ok() ? Take(deadline, attempt.id, *news, "").status() : news.status();
    if (!taken.ok() && first_error.ok()) first_error = taken;
  }
  return first_error;
}

http::Response GatewaysService::TakeWebhook(const http::Request& request,
                                            const std::string& secret) {
  if (absl::Status status = CheckSignature(request.Header(kSignatureHeader), secret, request.body(),
                                           parts_.clock.Now());
      !status.ok()) {
    parts_.metrics.webhooks_in.With({"not_signed"}).Add();
    return Refuse(401, status);
  }
  const absl::StatusOr<GatewayMessage> message = ParseGatewayMessage(request.body());
  if (!message.ok()) {
    parts_.metrics.webhooks_in.With({"refused"}).Add();
    return Refuse(400, message.status());
  }
  const Deadline deadline = Deadline::After(kStepTimeout);
  const absl::Status taken =
      message->refund.value().empty()
          ? Take(deadline, message->attempt, message->news, message->event_id).status()
          : TakeRefund(deadline, message->refund, message->news, message->event_id).status();
  parts_.metrics.webhooks_in.With({taken.ok() ? "taken" : "refused"}).Add();
  if (!taken.ok()) return Refuse(HttpStatusOf(taken), taken);
  return http::Response::Json("{}\n");
}

}  // namespace holdfast::billing

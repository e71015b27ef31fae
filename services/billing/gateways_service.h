// Collects money through the payment gateway and sends it back: the RPCs, the gateway's webhook,
// and the janitor that finds out what became of attempts and refunds whose answer was lost. All
// three end in the same place: what the gateway says is taken in once, in one transaction.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "holdfast/billing/v1/billing.pb.h"
#include "libs/base/clock.h"
#include "libs/http/server.h"
#include "libs/rpc/call.h"
#include "libs/rpc/service.h"
#include "services/billing/entitlements.h"
#include "services/billing/gateway.h"
#include "services/billing/metrics.h"
#include "services/billing/store.h"

namespace holdfast::billing {

// Thread-safe; every method is a worker method. What it was made from must outlive it.
class GatewaysService {
 public:
  static constexpr char kServiceName[] = "holdfast.billing.v1.Gateways";

  struct Parts {
    Store& store;
    Entitlements& entitlements;
    Metrics& metrics;
    const Clock& clock;
    PaymentGateway* gateway = nullptr;  // null: none is set up
    // When the gateway is asked what became of an attempt without an answer, for the first time.
    std::chrono::milliseconds first_look = PauseBeforeLook(0);
  };
  explicit GatewaysService(const Parts& parts) : parts_(parts) {}

  void Register(rpc::ServiceTable& table);

  absl::StatusOr<v1::PaymentAttempt> Collect(const rpc::Call& call,
                                             const v1::CollectRequest& request);
  absl::StatusOr<v1::PaymentAttempt> GetAttempt(const rpc::Call& call,
                                                const v1::GetAttemptRequest& request);
  absl::StatusOr<v1::ListAttemptsResponse> ListAttempts(const rpc::Call& call,
                                                        const v1::ListAttemptsRequest& request);

  absl::StatusOr<v1::PaymentAttempt> CloseAttempt(const rpc::Call& call,
                                                  const v1::CloseAttemptRequest& request);

  // gateways_refunds.cpp
  absl::StatusOr<v1::Refund> SendRefund(const rpc::Call& call,
                                        const v1::SendRefundRequest& request);
  absl::StatusOr<v1::Refund> GetRefund(const rpc::Call& call, const v1::GetRefundRequest& request);
  absl::StatusOr<v1::ListRefundsResponse> ListRefunds(const rpc::Call& call,
                                                      const v1::ListRefundsRequest& request);
  absl::StatusOr<v1::Refund> CloseRefund(const rpc::Call& call,
                                         const v1::CloseRefundRequest& request);
  absl::StatusOr<v1::Refund> RecordBounce(const rpc::Call& call,
                                          const v1::RecordBounceRequest& request);

  // gateways_collect.cpp
  absl::StatusOr<v1::PaymentMethod> PutPaymentMethod(const rpc::Call& call,
                                                     const v1::PutPaymentMethodRequest& request);
  absl::StatusOr<v1::RemovePaymentMethodResponse> RemovePaymentMethod(
      const rpc::Call& call, const v1::RemovePaymentMethodRequest& request);
  absl::StatusOr<v1::PaymentMethod> GetPaymentMethod(const rpc::Call& call,
                                                     const v1::GetPaymentMethodRequest& request);
  // A job: collects what is due (domain/collection.h). Safe on two instances: it works on accounts
  // that it has locked. UNAVAILABLE: the gateway answers nobody.
  absl::Status CollectDue(sys_days today, const DunningSchedule& schedule, Deadline deadline);

  // Jobs: ask the gateway about attempts and refunds that are open for too long. Safe on two
  // instances.
  absl::Status LookAfterOpenAttempts(Deadline deadline);
  absl::Status LookAfterOpenRefunds(Deadline deadline);

  // The gateway's webhook: 200 taken, now or before; 400, 401, 404, 409 for what cannot be taken;
  // 503: send it again. Blocks.
  http::Response TakeWebhook(const http::Request& request, const std::string& secret);

 private:
  // What is asked of the gateway now; there must be one.
  void Begin(const Money& amount, Followed& followed) const;
  PaymentAttempt NewAttempt(const AccountId& account, const Money& amount) const;
  // What the gateway says of an attempt, taken in. `event_id`: of a webhook, or empty.
  absl::StatusOr<PaymentAttempt> Take(Deadline deadline, const AttemptId& id,
                                      const GatewayNews& news, const std::string& event_id);
  // Asks the gateway for the money and takes in what it says; nothing: it gave no answer that could
  // be taken in.
  std::optional<PaymentAttempt> Ask(Deadline deadline, const PaymentAttempt& attempt);
  // Writes down the attempt that collects what is due of an account, if anything is.
  absl::StatusOr<std::optional<PaymentAttempt>> BeginCollection(Transaction& tx,
                                                                const Account& account,
                                                                const DunningSchedule& schedule,
                                                                sys_days today);
  absl::Status BookPayment(Transaction& tx, PaymentAttempt& paid);
  absl::Status CheckIsOf(Transaction& tx, const PaymentAttempt& paid);
  absl::Status NoteSent(Deadline deadline, const AttemptId& id);
  absl::Status NoteUnbelievable(const absl::Status& why, std::string_view kind,
                                const std::string& id);
  // The same three of refunds.
  absl::StatusOr<GatewayRefund> TakeRefund(Deadline deadline, const RefundId& id,
                                           const GatewayNews& news, const std::string& event_id);
  std::optional<GatewayRefund> AskRefund(Deadline deadline, const GatewayRefund& refund);
  absl::Status NoteRefundSent(Deadline deadline, const RefundId& id);
  // A person says what became of one: `decide` says what follows.
  template <class Request, class Decide>
  absl::StatusOr<v1::Refund> EndByHand(const rpc::Call& call, const Request& request,
                                       const Decide& decide);
  sys_days Today() const { return DayOf(parts_.clock.Now(), parts_.entitlements.zone()); }

  const Parts parts_;
};

}  // namespace holdfast::billing

// Ways of paying, and the job that collects what is due from those who left one.
#include <atomic>
#include <thread>

#include "libs/base/random.h"
#include "libs/base/status.h"
#include "services/billing/biller.h"
#include "services/billing/gateways_service.h"
#include "services/billing/service_once.h"

namespace holdfast::billing {
namespace {

constexpr auto kBatchTimeout = std::chrono::seconds(10);
constexpr int kAccountsAtOnce = 8;  // so many ask the gateway at the same time

v1::PaymentMethod ToProto(const PaymentMethod& method) {
  v1::PaymentMethod out;
  out.set_account_id(method.account.value());
  out.set_source(method.source);
  out.set_collects(method.collects);
  return out;
}

}  // namespace

// -- Ways of paying -------------------------------------------------------------------------------

absl::StatusOr<v1::PaymentMethod> GatewaysService::PutPaymentMethod(
    const rpc::Call& call, const v1::PutPaymentMethodRequest& request) {
  const PaymentMethod method{.account = AccountId(request.account_id()),
                             .source = request.source(),
                             .collects = !request.has_collects() || request.collects()};
  HOLDFAST_RETURN_IF_ERROR(CheckPaymentMethod(method));
  return CarryOutOnce(
      parts_.store, call, request, Secrecy::kNone,
      [&](Transaction& tx) -> absl::StatusOr<v1::PaymentMethod> {
        HOLDFAST_ASSIGN_OR_RETURN(const Account account, tx.FindAccount(method.account));
        if (account.state != Account::State::kOpen) {
          return FailedPrecondition("account_closed: account {} is closed", account.id.value());
        }
        HOLDFAST_RETURN_IF_ERROR(tx.PutPaymentMethod(method));
        return ToProto(method);
      });
}

absl::StatusOr<v1::RemovePaymentMethodResponse> GatewaysService::RemovePaymentMethod(
    const rpc::Call& call, const v1::RemovePaymentMethodRequest& request) {
  const AccountId account(request.account_id());
  return CarryOutOnce(parts_.store, call, request, Secrecy::kNone,
                      [&](Transaction& tx) -> absl::StatusOr<v1::RemovePaymentMethodResponse> {
                        HOLDFAST_RETURN_IF_ERROR(tx.FindAccount(account).status());
                        HOLDFAST_RETURN_IF_ERROR(tx.RemovePaymentMethod(account));
                        v1::RemovePaymentMethodResponse answer;
                        answer.set_account_id(account.value());
                        return answer;
                      });
}

absl::StatusOr<v1::PaymentMethod> GatewaysService::GetPaymentMethod(
    const rpc::Call& call, const v1::GetPaymentMethodRequest& request) {
  const AccountId account(request.account_id());
  HOLDFAST_RETURN_IF_ERROR(parts_.store.FindAccount(call.deadline(), account).status());
  HOLDFAST_ASSIGN_OR_RETURN(const std::optional<PaymentMethod> method,
                            parts_.store.FindPaymentMethod(call.deadline(), account));
  if (!method) return NotFound("account {} has no payment method", account.value());
  return ToProto(*method);
}

// -- The job --------------------------------------------------------------------------------------

absl::StatusOr<std::optional<PaymentAttempt>> GatewaysService::BeginCollection(
    Transaction& tx, const Account& account, const DunningSchedule& schedule, sys_days today) {
  const std::optional<PaymentAttempt> none;
  // The account is ours since a moment only: what was true before may not be.
  HOLDFAST_ASSIGN_OR_RETURN(const bool under_way, tx.HasOpenAttempt(account.id));
  HOLDFAST_ASSIGN_OR_RETURN(const auto method, tx.FindPaymentMethod(account.id));
  if (under_way || !method || !method->collects) return none;
  HOLDFAST_RETURN_IF_ERROR(Biller(tx, account, today).MoneyCame());  // what the wallet holds first
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<DueInvoice> due, tx.DueInvoices(account.id, today));
  const auto order = DecideCollection(due, account.currency, schedule, today);
  if (!order) return none;
  PaymentAttempt attempt = NewAttempt(account.id, order->amount);
  attempt.source = method->source;
  HOLDFAST_RETURN_IF_ERROR(tx.AddAttempt(attempt));
  for (const CollectionOrder::Step& step : order->steps) {
    HOLDFAST_RETURN_IF_ERROR(tx.AddCollection(step, attempt.id));
  }
  return std::optional(attempt);
}

absl::Status GatewaysService::CollectDue(sys_days today, const DunningSchedule& schedule,
                                         Deadline deadline) {
  if (parts_.gateway == nullptr) return absl::OkStatus();
  while (!deadline.Passed()) {
    std::vector<PaymentAttempt> begun;
    HOLDFAST_RETURN_IF_ERROR(
        parts_.store.Transact(deadline.AtMost(kBatchTimeout), [&](Transaction& tx) -> absl::Status {
          begun.clear();
          HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Account> accounts,
                                    tx.AccountsToCollectFrom(today, schedule, kAccountsAtOnce));
          for (const Account& account : accounts) {
            HOLDFAST_ASSIGN_OR_RETURN(std::optional<PaymentAttempt> attempt,
                                      BeginCollection(tx, account, schedule, today));
            if (attempt) begun.push_back(*std::move(attempt));
          }
          return absl::OkStatus();
        }));
    // Written down: from here on the janitor knows of them, whatever happens to us.
    std::atomic<std::size_t> answered = 0;
    std::vector<std::thread> asking;
    for (const PaymentAttempt& attempt : begun) {
      asking.emplace_back([&] {
        const std::optional<PaymentAttempt> after = Ask(deadline, attempt);
        answered += after ? 1 : 0;
        parts_.metrics.collections.With({after ? NameOf(after->state) : "unknown"}).Add();
      });
    }
    for (std::thread& thread : asking) thread.join();
    if (begun.empty()) return absl::OkStatus();
    // A gateway that answers nobody is not asked for everybody: the next round is soon enough.
    if (answered == 0) return Unavailable("the gateway answers no charge");
  }
  return absl::OkStatus();
}

}  // namespace holdfast::billing

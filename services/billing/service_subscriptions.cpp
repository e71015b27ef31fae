#include "services/billing/biller.h"
#include "services/billing/convert_lists.h"
#include "services/billing/convert_money.h"
#include "services/billing/paging.h"
#include "services/billing/service.h"
#include "services/billing/service_once.h"

namespace holdfast::billing {

absl::StatusOr<v1::Subscription> Service::StartSubscription(
    const rpc::Call& call, const v1::StartSubscriptionRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::optional<sys_days> valid_until, ParseValidUntil(request));
  const AccountId account_id(request.account_id());
  const auto start = [&](Transaction& tx) -> absl::StatusOr<v1::Subscription> {
    HOLDFAST_ASSIGN_OR_RETURN(TariffPlan plan,
                              tx.FindTariffPlan(TariffPlanId(request.tariff_plan_id())));
    std::optional<Coupon> coupon;
    if (!request.coupon_id().empty()) {
      HOLDFAST_ASSIGN_OR_RETURN(const CouponId code, ParseCouponCode(request.coupon_id()));
      HOLDFAST_ASSIGN_OR_RETURN(coupon, tx.FindCoupon(code));
    }
    HOLDFAST_ASSIGN_OR_RETURN(const Account account, tx.FindAccount(account_id));
    Biller::Order order{.plan = std::move(plan),
                        .valid_until = valid_until,
                        .may_wait = request.wait_for_payment(),
                        .coupon = std::move(coupon)};
    if (!request.base_subscription_id().empty()) {
      order.base = SubscriptionId(request.base_subscription_id());
    }
    HOLDFAST_ASSIGN_OR_RETURN(
        const Subscription started,
        Biller(tx, account, Today()).Start(order, clock_.Now(), entitlements_.zone()));
    return ToProto(started);
  };
  auto answer = Once(call, request, Secrecy::kNone, start);
  if (answer.ok()) entitlements_.Refresh(account_id, call.deadline());
  return answer;
}

template <class Request>
absl::StatusOr<v1::Subscription> Service::ActOn(const rpc::Call& call, const Request& request,
                                                const Act& act, const TariffPlanId& plan) {
  auto answer =
      Once(call, request, Secrecy::kNone, [&](Transaction& tx) -> absl::StatusOr<v1::Subscription> {
        if (!plan.value().empty()) {  // a plan is locked before accounts
          HOLDFAST_RETURN_IF_ERROR(tx.FindTariffPlan(plan).status());
        }
        HOLDFAST_ASSIGN_OR_RETURN(const Holding held,
                                  tx.FindHolding(SubscriptionId(request.subscription_id())));
        HOLDFAST_ASSIGN_OR_RETURN(const Account account, tx.FindAccount(held.subscription.account));
        HOLDFAST_ASSIGN_OR_RETURN(const Subscription next, act(tx, account, held));
        return ToProto(next);
      });
  if (answer.ok()) entitlements_.Refresh(AccountId(answer->account_id()), call.deadline());
  return answer;
}

template <class Request>
absl::StatusOr<v1::Subscription> Service::Change(
    const rpc::Call& call, const Request& request,
    const std::function<absl::StatusOr<Subscription>(const Holding&)>& decide) {
  return ActOn(
      call, request,
      [&](Transaction& tx, const Account&, const Holding& held) -> absl::StatusOr<Subscription> {
        HOLDFAST_ASSIGN_OR_RETURN(Subscription next, decide(held));
        HOLDFAST_RETURN_IF_ERROR(tx.SaveSubscription(next));
        return next;
      });
}

absl::StatusOr<v1::Subscription> Service::RenewSubscription(
    const rpc::Call& call, const v1::RenewSubscriptionRequest& request) {
  return ActOn(call, request,
               [&](Transaction& tx, const Account& account,
                   const Holding& held) -> absl::StatusOr<Subscription> {
                 Holding current = held;
                 std::optional<PlannedChange>& change = current.subscription.change;
                 std::optional<TariffPlan> into;
                 if (change && !change->on) {  // it waited for this renewal
                   HOLDFAST_ASSIGN_OR_RETURN(into, tx.FindTariffPlanNow(change->plan));
                   const absl::Status fits =
                       Biller(tx, account, Today()).CheckChange(held, *into, Today());
                   if (!fits.ok() && !absl::IsFailedPrecondition(fits)) return fits;
                   if (!fits.ok()) {  // what was paid for goes on as it is
                     tx.Tell(ChangeRefused(held.subscription, View(fits.message())));
                     change = std::nullopt;
                     into = std::nullopt;
                   }
                 }
                 HOLDFAST_ASSIGN_OR_RETURN(
                     Subscription next, DecideRenewal(current, Today(), into ? &*into : nullptr));
                 HOLDFAST_RETURN_IF_ERROR(tx.SaveSubscription(next));
                 return next;
               });
}

absl::StatusOr<v1::Subscription> Service::SuspendSubscription(
    const rpc::Call& call, const v1::SuspendSubscriptionRequest& request) {
  return Change(call, request, [&](const Holding& held) {
    return DecideSuspension(held.subscription, request.idempotency_key());
  });
}

absl::StatusOr<v1::Subscription> Service::PauseSubscription(
    const rpc::Call& call, const v1::PauseSubscriptionRequest& request) {
  return ActOn(call, request, [&](Transaction& tx, const Account& account, const Holding& held) {
    return Biller(tx, account, Today()).Pause(held);
  });
}

absl::StatusOr<v1::Subscription> Service::ResumeSubscription(
    const rpc::Call& call, const v1::ResumeSubscriptionRequest& request) {
  return ActOn(call, request, [&](Transaction& tx, const Account& account, const Holding& held) {
    return Biller(tx, account, Today()).Resume(held);
  });
}

absl::StatusOr<v1::Subscription> Service::RevokePlanned(const rpc::Call& call,
                                                        const v1::RevokePlannedRequest& request) {
  return Change(call, request,
                [](const Holding& held) { return billing::RevokePlanned(held.subscription); });
}

namespace {

absl::StatusOr<Biller::ChangeOrder> ParseOrder(const v1::ChangeSubscriptionRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(PlannedChange change, ParseChange(request));
  const bool later = change.on || request.at_end_of_term();
  return Biller::ChangeOrder{std::move(change), later ? Biller::ChangeOrder::When::kLater
                                                      : Biller::ChangeOrder::When::kNow};
}

// What there is to pay with, and what is to be paid.
struct Means {
  std::int64_t available = 0;
  std::int64_t owed = 0;
};
absl::StatusOr<Means> MeansOf(Transaction& tx, const Subscription& s) {
  Means means;
  if (s.charging == Charging::kElsewhere) return means;
  HOLDFAST_ASSIGN_OR_RETURN(const LedgerAccount wallet,
                            tx.FindLedgerAccount(WalletOf(s.account, s.currency)));
  means.available = wallet.available();
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Invoice> open, tx.OpenInvoices(s.account));
  for (const Invoice& invoice : open) {
    if (invoice.currency == s.currency) means.owed += invoice.open();
  }
  return means;
}

// Of documents that nobody ever gets.
v1::PreviewChangeResponse ToProto(const Biller::ChangePreview& preview) {
  v1::PreviewChangeResponse out;
  *out.mutable_subscription() = ToProto(preview.subscription);
  for (const CreditNote& note : preview.credit_notes) {
    v1::CreditNote& added = *out.add_credit_notes();
    added = ToProto(note);
    added.clear_credit_note_id();
    out.set_cost(out.cost() - added.net() - added.tax());
  }
  for (const Invoice& invoice : preview.invoices) {
    v1::Invoice& added = *out.add_invoices();
    added = ToProto(BookedInvoice{.invoice = invoice});
    added.clear_invoice_id();
    out.set_cost(out.cost() + added.net() + added.tax());
  }
  return out;
}

}  // namespace

absl::StatusOr<v1::Subscription> Service::ChangeSubscription(
    const rpc::Call& call, const v1::ChangeSubscriptionRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const Biller::ChangeOrder order, ParseOrder(request));
  return ActOn(
      call, request,
      [&](Transaction& tx, const Account& account,
          const Holding& held) -> absl::StatusOr<Subscription> {
        HOLDFAST_ASSIGN_OR_RETURN(const TariffPlan to, tx.FindTariffPlan(order.change.plan));
        return Biller(tx, account, Today()).Change(held, to, order);
      },
      order.change.plan);
}

absl::StatusOr<v1::PreviewChangeResponse> Service::PreviewChange(
    const rpc::Call& call, const v1::ChangeSubscriptionRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const Biller::ChangeOrder order, ParseOrder(request));
  v1::PreviewChangeResponse response;
  const absl::Status tried = store_.TryOut(call.deadline(), [&](Transaction& tx) -> absl::Status {
    response.Clear();
    HOLDFAST_ASSIGN_OR_RETURN(const TariffPlan to, tx.FindTariffPlan(order.change.plan));
    HOLDFAST_ASSIGN_OR_RETURN(const Holding held,
                              tx.FindHolding(SubscriptionId(request.subscription_id())));
    const Subscription& s = held.subscription;
    HOLDFAST_ASSIGN_OR_RETURN(const Account account, tx.FindAccount(s.account));
    HOLDFAST_ASSIGN_OR_RETURN(const Means before, MeansOf(tx, s));
    HOLDFAST_ASSIGN_OR_RETURN(const Biller::ChangePreview preview,
                              Biller(tx, account, Today()).PreviewChange(held, to, order));
    HOLDFAST_ASSIGN_OR_RETURN(const Means after, MeansOf(tx, s));
    response = ToProto(preview);
    response.set_currency(s.currency);
    for (v1::CreditNote& note : *response.mutable_credit_notes()) note.set_currency(s.currency);
    response.set_available(before.available);
    response.set_available_after(after.available);
    response.set_owed(before.owed);
    response.set_owed_after(after.owed);
    return absl::OkStatus();
  });
  if (!tried.ok()) return Explained(tried);
  return response;
}

absl::StatusOr<v1::Subscription> Service::CancelSubscription(
    const rpc::Call& call, const v1::CancelSubscriptionRequest& request) {
  std::optional<sys_days> on_day;
  if (request.when() == v1::CancelSubscriptionRequest::WHEN_ON_DAY) {
    HOLDFAST_ASSIGN_OR_RETURN(on_day, ParseDay("on_day", request.on_day()));
  }
  return ActOn(call, request,
               [&](Transaction& tx, const Account& account,
                   const Holding& held) -> absl::StatusOr<Subscription> {
                 Biller biller(tx, account, Today());
                 Subscription current = held.subscription;
                 if (current.paused_on) {  // the days that it saved count
                   HOLDFAST_ASSIGN_OR_RETURN(current, biller.Resume(held));
                 }
                 HOLDFAST_ASSIGN_OR_RETURN(
                     Subscription next,
                     on_day ? DecideCancellationOn(current, *on_day, Today())
                            : DecideCancellation(current, ParseWhen(request.when()), Today()));
                 HOLDFAST_RETURN_IF_ERROR(tx.SaveSubscription(next));
                 if (!next.ended()) return next;
                 const bool credit = request.credit_unused();
                 if (credit) HOLDFAST_RETURN_IF_ERROR(biller.CreditUnused(next));
                 HOLDFAST_RETURN_IF_ERROR(biller.EndAddOns(
                     next.id, credit ? Biller::Unused::kCredited : Biller::Unused::kKept));
                 return next;
               });
}

// -- Accounts that the jobs leave alone -----------------------------------------------------------

absl::StatusOr<v1::ListParkedAccountsResponse> Service::ListParkedAccounts(
    const rpc::Call& call, const v1::ListParkedAccountsRequest&) {
  constexpr int kMost = 1000;
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Account> parked,
                            store_.ListParked(call.deadline(), kMost));
  v1::ListParkedAccountsResponse response;
  for (const Account& account : parked) *response.add_accounts() = ToProto(account);
  return response;
}

absl::StatusOr<v1::Account> Service::UnparkAccount(const rpc::Call& call,
                                                   const v1::UnparkAccountRequest& request) {
  const AccountId id(request.account_id());
  auto answer =
      Once(call, request, Secrecy::kNone, [&](Transaction& tx) -> absl::StatusOr<v1::Account> {
        HOLDFAST_ASSIGN_OR_RETURN(Account account, tx.FindAccount(id));
        if (!account.parked_since) {
          return FailedPrecondition("not_parked: account {} is not parked", id.value());
        }
        HOLDFAST_RETURN_IF_ERROR(tx.UnparkAccount(id));
        account.parked_since = std::nullopt;
        account.parked_why.clear();
        return ToProto(account);
      });
  if (answer.ok()) entitlements_.Refresh(id, call.deadline());
  return answer;
}

absl::StatusOr<v1::ListSubscriptionsResponse> Service::ListSubscriptions(
    const rpc::Call& call, const v1::ListSubscriptionsRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const SubscriptionFilter filter, ParseFilter(request));
  if (!filter.account.empty()) {
    HOLDFAST_RETURN_IF_ERROR(
        store_.FindAccount(call.deadline(), AccountId(filter.account)).status());
  }
  HOLDFAST_ASSIGN_OR_RETURN(const auto page,
                            FetchPage(filter, [&](const SubscriptionFilter& asked) {
                              return store_.ListSubscriptions(call.deadline(), asked);
                            }));
  v1::ListSubscriptionsResponse response;
  for (const Subscription& found : page.rows) *response.add_subscriptions() = ToProto(found);
  response.set_next_page_token(page.NextToken(
      [](const Subscription& last) { return TokenAfter(last.started_at, last.id.value()); }));
  return response;
}

}  // namespace holdfast::billing

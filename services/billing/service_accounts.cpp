#include <algorithm>

#include "libs/base/status.h"
#include "services/billing/paging.h"
#include "services/billing/passwords.h"
#include "services/billing/service.h"
#include "services/billing/service_once.h"

namespace holdfast::billing {
namespace {

absl::Status CheckCurrency(const Account& account, const Reseller& reseller) {
  if (!account.reseller_pays || account.currency == reseller.currency) return absl::OkStatus();
  return FailedPrecondition("wrong_currency: reseller {} pays in {}, account {} is charged in {}",
                            reseller.id.value(), reseller.currency, account.id.value(),
                            account.currency);
}

// The reseller and all above it.
absl::StatusOr<std::vector<Reseller>> WithThoseAbove(Transaction& tx, ResellerId id) {
  std::vector<Reseller> found;
  while (!id.value().empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(Reseller reseller, tx.FindReseller(id));
    id = reseller.parent;
    found.push_back(std::move(reseller));
  }
  return found;
}

// That its reseller, and all above it, may have one more. Those that counted it before, as an
// account of `before`, have it already.
absl::Status CheckReseller(Transaction& tx, const Account& account, const ResellerId& before = {}) {
  if (account.reseller.value().empty()) return absl::OkStatus();
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Reseller> line, WithThoseAbove(tx, account.reseller));
  HOLDFAST_RETURN_IF_ERROR(CheckCurrency(account, line.front()));
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Reseller> counted, WithThoseAbove(tx, before));
  for (const Reseller& reseller : line) {
    const auto same = [&](const Reseller& other) { return other.id == reseller.id; };
    if (reseller.max_accounts == 0 || std::any_of(counted.begin(), counted.end(), same)) continue;
    HOLDFAST_ASSIGN_OR_RETURN(const std::int64_t has, tx.CountAccounts(reseller.id));
    if (has < reseller.max_accounts) continue;
    return FailedPrecondition("reseller_is_full: reseller {} has {} accounts", reseller.id.value(),
                              has);
  }
  return absl::OkStatus();
}

// Subscriptions and invoices were made for the charging of their day.
absl::Status ChangeCharging(Transaction& tx, const v1::UpdateAccountRequest& request,
                            Account& account) {
  HOLDFAST_ASSIGN_OR_RETURN(const Charging charging, ParseCharging(request.charging()));
  std::string currency = charging == Charging::kElsewhere ? "" : account.currency;
  if (request.has_currency()) currency = request.currency();
  if (charging == account.charging && currency == account.currency) return absl::OkStatus();
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Holding> live, tx.LiveHoldings(account.id));
  if (!live.empty()) {
    return FailedPrecondition("subscriptions_left: account {} has {} that have not ended",
                              account.id.value(), live.size());
  }
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Invoice> open, tx.OpenInvoices(account.id));
  if (!open.empty()) {
    return FailedPrecondition("invoices_open: account {} has {} that are not paid",
                              account.id.value(), open.size());
  }
  account.charging = charging;
  account.currency = std::move(currency);
  return absl::OkStatus();
}

absl::Status Update(Transaction& tx, const v1::UpdateAccountRequest& request, Account& account) {
  if (account.state == Account::State::kClosed) {
    return FailedPrecondition("account_closed: account {} is closed", account.id.value());
  }
  if (request.has_account_number()) account.number = request.account_number();
  if (request.has_full_name()) account.full_name = request.full_name();
  if (request.has_phone()) account.phone = request.phone();
  if (request.has_reseller_pays()) account.reseller_pays = request.reseller_pays();
  if (request.has_region()) account.region = request.region();
  if (request.has_payment_days()) account.payment_days = std::chrono::days(request.payment_days());
  if (request.has_charging()) HOLDFAST_RETURN_IF_ERROR(ChangeCharging(tx, request, account));
  const ResellerId before = account.reseller;
  if (request.has_reseller_id()) account.reseller = ResellerId(request.reseller_id());
  HOLDFAST_RETURN_IF_ERROR(CheckAccount(account));
  if (account.reseller != before) return CheckReseller(tx, account, before);
  if (!account.reseller_pays) return absl::OkStatus();
  HOLDFAST_ASSIGN_OR_RETURN(const Reseller reseller, tx.FindReseller(account.reseller));
  return CheckCurrency(account, reseller);
}

}  // namespace

absl::StatusOr<v1::Account> Service::CreateAccount(const rpc::Call& call,
                                                   const v1::CreateAccountRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const Account account, ParseAccount(request, clock_.Now()));
  const std::string hash = request.password().empty() ? "" : HashSlowly(request.password());

  const Secrecy secrecy = hash.empty() ? Secrecy::kNone : Secrecy::kHoldsPassword;
  return Once(call, request, secrecy, [&](Transaction& tx) -> absl::StatusOr<v1::Account> {
    HOLDFAST_RETURN_IF_ERROR(CheckReseller(tx, account));
    HOLDFAST_RETURN_IF_ERROR(tx.AddAccount(account, hash));
    return ToProto(account);
  });
}

absl::StatusOr<v1::Account> Service::GetAccount(const rpc::Call& call,
                                                const v1::GetAccountRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const Account account,
                            store_.FindAccount(call.deadline(), AccountId(request.account_id())));
  return ToProto(account);
}

absl::StatusOr<v1::ListAccountsResponse> Service::ListAccounts(
    const rpc::Call& call, const v1::ListAccountsRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const AccountFilter filter, ParseFilter(request));
  HOLDFAST_ASSIGN_OR_RETURN(const auto page, FetchPage(filter, [&](const AccountFilter& asked) {
                              return store_.ListAccounts(call.deadline(), asked);
                            }));
  v1::ListAccountsResponse response;
  for (const Account& account : page.rows) *response.add_accounts() = ToProto(account);
  response.set_next_page_token(
      page.NextToken([](const Account& last) { return TokenAfter(last.id.value()); }));
  return response;
}

absl::StatusOr<v1::Account> Service::SetPassword(const rpc::Call& call,
                                                 const v1::SetPasswordRequest& request) {
  HOLDFAST_RETURN_IF_ERROR(CheckNewPassword(request.password()));
  if (!request.login().empty()) HOLDFAST_RETURN_IF_ERROR(CheckLogin(request.login()));
  const std::string hash = HashSlowly(request.password());

  return Once(
      call, request, Secrecy::kHoldsPassword, [&](Transaction& tx) -> absl::StatusOr<v1::Account> {
        HOLDFAST_ASSIGN_OR_RETURN(Account account, tx.FindAccount(AccountId(request.account_id())));
        if (!request.login().empty()) account.login = request.login();
        HOLDFAST_RETURN_IF_ERROR(CheckLogin(account.login));
        HOLDFAST_RETURN_IF_ERROR(tx.SetPassword(account, hash));
        return ToProto(account);
      });
}

absl::StatusOr<v1::Account> Service::UpdateAccount(const rpc::Call& call,
                                                   const v1::UpdateAccountRequest& request) {
  if (request.has_currency() && !request.has_charging()) {
    return InvalidArgument("currency is changed together with charging only");
  }
  const AccountId id(request.account_id());
  auto answer =
      Once(call, request, Secrecy::kNone, [&](Transaction& tx) -> absl::StatusOr<v1::Account> {
        HOLDFAST_ASSIGN_OR_RETURN(Account account, tx.FindAccount(id));
        HOLDFAST_RETURN_IF_ERROR(Update(tx, request, account));
        HOLDFAST_RETURN_IF_ERROR(tx.SaveAccount(account));
        return ToProto(account);
      });
  if (answer.ok()) entitlements_.Refresh(id, call.deadline());
  return answer;
}

absl::StatusOr<v1::Account> Service::CloseAccount(const rpc::Call& call,
                                                  const v1::CloseAccountRequest& request) {
  const AccountId id(request.account_id());
  auto answer =
      Once(call, request, Secrecy::kNone, [&](Transaction& tx) -> absl::StatusOr<v1::Account> {
        HOLDFAST_ASSIGN_OR_RETURN(const Account account, tx.FindAccount(id));
        HOLDFAST_ASSIGN_OR_RETURN(const Account closed, billing::CloseAccount(account));
        HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Holding> holdings, tx.LiveHoldings(id));
        for (const Holding& held : holdings) {
          HOLDFAST_ASSIGN_OR_RETURN(
              const Subscription cancelled,
              DecideCancellation(held.subscription, CancelWhen::kImmediately, Today()));
          HOLDFAST_RETURN_IF_ERROR(tx.SaveSubscription(cancelled));
        }
        HOLDFAST_RETURN_IF_ERROR(tx.SaveAccount(closed));
        return ToProto(closed);
      });
  if (answer.ok()) entitlements_.Refresh(id, call.deadline());
  return answer;
}

}  // namespace holdfast::billing

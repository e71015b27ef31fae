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

// That its reseller may have one more.
absl::Status CheckReseller(Transaction& tx, const Account& account) {
  if (account.reseller.value().empty()) return absl::OkStatus();
  HOLDFAST_ASSIGN_OR_RETURN(const Reseller reseller, tx.FindReseller(account.reseller));
  HOLDFAST_RETURN_IF_ERROR(CheckCurrency(account, reseller));
  HOLDFAST_ASSIGN_OR_RETURN(const std::int64_t has, tx.CountAccounts(reseller.id));
  if (reseller.max_accounts == 0 || has < reseller.max_accounts) return absl::OkStatus();
  return FailedPrecondition("reseller_is_full: reseller {} has {} accounts", reseller.id.value(),
                            has);
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
  HOLDFAST_ASSIGN_OR_RETURN(AccountFilter filter, ParseFilter(request));
  const auto page = static_cast<std::size_t>(filter.limit);
  ++filter.limit;  // one more tells whether there is another page
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Account> accounts,
                            store_.ListAccounts(call.deadline(), filter));

  v1::ListAccountsResponse response;
  for (std::size_t i = 0; i < accounts.size() && i < page; ++i) {
    *response.add_accounts() = ToProto(accounts[i]);
  }
  if (accounts.size() > page) response.set_next_page_token(PageTokenAfter(accounts[page - 1].id));
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
  const AccountId id(request.account_id());
  auto answer =
      Once(call, request, Secrecy::kNone, [&](Transaction& tx) -> absl::StatusOr<v1::Account> {
        HOLDFAST_ASSIGN_OR_RETURN(Account account, tx.FindAccount(id));
        if (request.has_account_number()) account.number = request.account_number();
        if (request.has_full_name()) account.full_name = request.full_name();
        if (request.has_phone()) account.phone = request.phone();
        HOLDFAST_RETURN_IF_ERROR(CheckDescription(account));
        if (request.has_reseller_pays()) account.reseller_pays = request.reseller_pays();
        HOLDFAST_RETURN_IF_ERROR(CheckWhoPays(account));
        if (account.reseller_pays) {
          HOLDFAST_ASSIGN_OR_RETURN(const Reseller reseller, tx.FindReseller(account.reseller));
          HOLDFAST_RETURN_IF_ERROR(CheckCurrency(account, reseller));
        }
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

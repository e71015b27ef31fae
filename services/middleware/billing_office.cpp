#include "services/middleware/billing_office.h"

#include <chrono>
#include <utility>

#include "absl/strings/ascii.h"
#include "libs/base/status.h"
#include "services/middleware/domain/m3u.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;
namespace bv1 = billing::v1;

constexpr auto kTimeout = 4s;
constexpr int kPage = 1000;
constexpr std::string_view kWallet = "wallet/";  // begins the names of wallets in the ledger

constexpr std::size_t kLongestPerson = 200;  // bytes, as billing takes it

template <class Request>
Request ForSubscription(const std::string& subscription) {
  Request request;
  request.set_subscription_id(subscription);
  return request;
}

bool IsOver(const bv1::Subscription& subscription) {
  return subscription.state() == bv1::Subscription::STATE_CANCELLED ||
         subscription.state() == bv1::Subscription::STATE_EXPIRED;
}

}  // namespace

std::string PersonOf(std::string_view kind, std::string_view name) {
  std::string person = CleanUtf8(std::string(kind) + ":" + std::string(name));
  if (person.size() > kLongestPerson) {
    std::size_t end = kLongestPerson;
    while ((static_cast<unsigned char>(person[end]) & 0xC0) == 0x80) --end;  // within a character
    person.resize(end);
  }
  absl::StripAsciiWhitespace(&person);
  return person;
}

template <class Response, class Request>
absl::StatusOr<Response> BillingOffice::Command(const char* method, Request request,
                                                const Errand& errand) {
  request.set_idempotency_key(errand.key);
  request.set_acting_person(errand.person);
  return Ask<Response>(method, request, errand.deadline);
}

template <class Response, class Request>
absl::StatusOr<Response> BillingOffice::Ask(const char* method, const Request& request,
                                            Deadline deadline) {
  const rpc::Call call(deadline, telemetry::TraceContext::Start(context_.random),
                       rpc::Criticality::kInteractive);
  return channel_.Invoke<Response>(call, std::string("holdfast.billing.v1.") + method, request,
                                   {.timeout = kTimeout});
}

absl::StatusOr<bv1::Account> BillingOffice::Find(const AccountId& id, Deadline deadline) {
  bv1::GetAccountRequest request;
  request.set_account_id(id.value());
  HOLDFAST_ASSIGN_OR_RETURN(bv1::Account account,
                            Ask<bv1::Account>("Billing/GetAccount", request, deadline));
  if (account.state() == bv1::Account::STATE_CLOSED) return NotFound("account is closed");
  return account;
}

absl::StatusOr<bv1::Account> BillingOffice::FindExactly(const std::string& search,
                                                        Deadline deadline,
                                                        const std::string& (bv1::Account::*of)()
                                                            const) {
  if (search.empty()) return NotFound("nothing to look for");
  bv1::ListAccountsRequest request;
  request.set_search(search);
  request.set_state(bv1::Account::STATE_OPEN);
  request.set_page_size(kPage);
  HOLDFAST_ASSIGN_OR_RETURN(
      const auto found, Ask<bv1::ListAccountsResponse>("Billing/ListAccounts", request, deadline));
  for (const bv1::Account& account : found.accounts()) {
    if ((account.*of)() == search) return account;
  }
  return NotFound("no such account");
}

absl::StatusOr<bv1::Account> BillingOffice::FindByNumber(const std::string& number,
                                                         Deadline deadline) {
  return FindExactly(number, deadline, &bv1::Account::account_number);
}

absl::StatusOr<bv1::Account> BillingOffice::FindByLogin(const std::string& login,
                                                        Deadline deadline) {
  return FindExactly(login, deadline, &bv1::Account::login);
}

absl::StatusOr<std::vector<bv1::Account>> BillingOffice::All(Deadline deadline) {
  std::vector<bv1::Account> all;
  bv1::ListAccountsRequest request;
  request.set_state(bv1::Account::STATE_OPEN);
  request.set_page_size(kPage);
  do {
    HOLDFAST_ASSIGN_OR_RETURN(
        auto page, Ask<bv1::ListAccountsResponse>("Billing/ListAccounts", request, deadline));
    for (bv1::Account& account : *page.mutable_accounts()) all.push_back(std::move(account));
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return all;
}

absl::StatusOr<StringMap<std::int64_t>> BillingOffice::AllWallets(Deadline deadline) {
  StringMap<std::int64_t> wallets;
  bv1::ListBalancesRequest request;
  request.set_kind("wallet");
  request.set_page_size(kPage);
  do {
    HOLDFAST_ASSIGN_OR_RETURN(
        auto page, Ask<bv1::ListBalancesResponse>("Books/ListBalances", request, deadline));
    for (const bv1::Balance& wallet : page.balances()) {
      const std::string_view name = wallet.ledger_account();
      if (!name.starts_with(kWallet)) continue;
      wallets[std::string(name.substr(kWallet.size()))] =
          wallet.balance() - wallet.debits_pending();
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return wallets;
}

absl::StatusOr<bv1::Account> BillingOffice::Create(bv1::CreateAccountRequest request,
                                                   const Errand& errand) {
  return Command<bv1::Account>("Billing/CreateAccount", std::move(request), errand);
}

absl::Status BillingOffice::Update(bv1::UpdateAccountRequest request, const Errand& errand) {
  return Command<bv1::Account>("Billing/UpdateAccount", std::move(request), errand).status();
}

absl::Status BillingOffice::SetPassword(bv1::SetPasswordRequest request, const Errand& errand) {
  return Command<bv1::Account>("Billing/SetPassword", std::move(request), errand).status();
}

absl::Status BillingOffice::Close(const AccountId& id, const Errand& errand) {
  bv1::CloseAccountRequest request;
  request.set_account_id(id.value());
  return Command<bv1::Account>("Billing/CloseAccount", std::move(request), errand).status();
}

absl::StatusOr<std::vector<bv1::TariffPlan>> BillingOffice::Plans(Deadline deadline) {
  HOLDFAST_ASSIGN_OR_RETURN(
      auto answer, Ask<bv1::ListTariffPlansResponse>("Billing/ListTariffPlans",
                                                     bv1::ListTariffPlansRequest(), deadline));
  return std::vector<bv1::TariffPlan>(answer.tariff_plans().begin(), answer.tariff_plans().end());
}

absl::StatusOr<std::vector<bv1::Package>> BillingOffice::Packages(Deadline deadline) {
  HOLDFAST_ASSIGN_OR_RETURN(
      auto answer,
      Ask<bv1::ListPackagesResponse>("Billing/ListPackages", bv1::ListPackagesRequest(), deadline));
  return std::vector<bv1::Package>(answer.packages().begin(), answer.packages().end());
}

absl::StatusOr<std::vector<bv1::Subscription>> BillingOffice::Held(const AccountId& account,
                                                                   Deadline deadline) {
  bv1::ListSubscriptionsRequest request;
  request.set_account_id(account.value());
  HOLDFAST_ASSIGN_OR_RETURN(auto answer, Ask<bv1::ListSubscriptionsResponse>(
                                             "Billing/ListSubscriptions", request, deadline));
  std::vector<bv1::Subscription> held;
  for (bv1::Subscription& subscription : *answer.mutable_subscriptions()) {
    if (!IsOver(subscription)) held.push_back(std::move(subscription));
  }
  return held;
}

absl::StatusOr<StringMap<std::vector<bv1::Subscription>>> BillingOffice::AllHeld(
    Deadline deadline) {
  StringMap<std::vector<bv1::Subscription>> held;
  bv1::ListSubscriptionsRequest request;
  request.set_page_size(kPage);
  do {
    HOLDFAST_ASSIGN_OR_RETURN(auto page, Ask<bv1::ListSubscriptionsResponse>(
                                             "Billing/ListSubscriptions", request, deadline));
    for (bv1::Subscription& subscription : *page.mutable_subscriptions()) {
      if (IsOver(subscription)) continue;
      std::vector<bv1::Subscription>& of_account = held[subscription.account_id()];
      of_account.push_back(std::move(subscription));
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return held;
}

absl::StatusOr<bv1::Subscription> BillingOffice::Start(bv1::StartSubscriptionRequest request,
                                                       const Errand& errand) {
  return Command<bv1::Subscription>("Billing/StartSubscription", std::move(request), errand);
}

absl::StatusOr<bv1::RentFilmResponse> BillingOffice::Rent(bv1::RentFilmRequest request,
                                                          const Errand& errand) {
  return Command<bv1::RentFilmResponse>("Billing/RentFilm", std::move(request), errand);
}

absl::Status BillingOffice::Change(const std::string& subscription, const std::string& plan,
                                   const Errand& errand) {
  auto request = ForSubscription<bv1::ChangeSubscriptionRequest>(subscription);
  request.set_tariff_plan_id(plan);
  return Command<bv1::Subscription>("Billing/ChangeSubscription", std::move(request), errand)
      .status();
}

absl::Status BillingOffice::Suspend(const std::string& subscription, const Errand& errand) {
  auto request = ForSubscription<bv1::SuspendSubscriptionRequest>(subscription);
  return Command<bv1::Subscription>("Billing/SuspendSubscription", std::move(request), errand)
      .status();
}

absl::Status BillingOffice::Resume(const std::string& subscription, const Errand& errand) {
  auto request = ForSubscription<bv1::ResumeSubscriptionRequest>(subscription);
  return Command<bv1::Subscription>("Billing/ResumeSubscription", std::move(request), errand)
      .status();
}

absl::Status BillingOffice::Cancel(const std::string& subscription, const Errand& errand) {
  auto request = ForSubscription<bv1::CancelSubscriptionRequest>(subscription);
  return Command<bv1::Subscription>("Billing/CancelSubscription", std::move(request), errand)
      .status();
}

}  // namespace holdfast::middleware

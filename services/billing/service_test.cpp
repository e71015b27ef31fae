#include <set>
#include <thread>

#include "libs/testing/eventually.h"
#include "libs/testing/temp_dir.h"
#include "services/billing/billing_fixture_test.h"

namespace holdfast::billing {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;
using test::HasCode;
using test::HasMessage;
using test::IsOk;
using testing::ElementsAre;

absl::StatusOr<v1::AuthenticateResponse> LogIn(Service& service, const rpc::Call& call,
                                               const std::string& login,
                                               const std::string& password) {
  v1::AuthenticateRequest request;
  request.set_login(login);
  request.set_password(password);
  return service.Authenticate(call, request);
}

TEST_F(ServiceTest, OffersEveryMethodOfItsProto) {
  rpc::ServiceTable table{Service::kServiceName};
  service_.Register(table);
  const auto* proto =
      google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(Service::kServiceName);
  std::set<std::string> offered;
  for (const auto& method : table.methods()) offered.insert(method.name);
  ASSERT_EQ(static_cast<int>(offered.size()), proto->method_count());
  for (int i = 0; i < proto->method_count(); ++i) {
    EXPECT_TRUE(offered.contains(proto->method(i)->name())) << proto->method(i)->name();
  }
}

TEST_F(ServiceTest, AnAccountIsCreatedOnceHoweverOftenItIsAsked) {
  const v1::CreateAccountRequest request = NewAccount("");
  ASSERT_OK_AND_ASSIGN(const v1::Account first, service_.CreateAccount(Call(), request));
  ASSERT_OK_AND_ASSIGN(const v1::Account again, service_.CreateAccount(Call(), request));
  EXPECT_EQ(first.SerializeAsString(), again.SerializeAsString());
  EXPECT_EQ(first.account_number(), first.account_id());
  EXPECT_EQ(first.state(), v1::Account::STATE_OPEN);
  v1::CreateAccountRequest other = request;
  other.set_full_name("Somebody else");
  EXPECT_THAT(service_.CreateAccount(Call(), other), HasMessage("was used for another request"));
  EXPECT_THAT(service_.CreateAccount(Call(), NewAccount(first.account_id())),
              HasCode(absl::StatusCode::kAlreadyExists));
}

TEST_F(ServiceTest, ACommandWithoutKeyIsRefused) {
  v1::CreateAccountRequest request = NewAccount("a");
  request.clear_idempotency_key();
  EXPECT_THAT(service_.CreateAccount(Call(), request), HasMessage("idempotency_key"));
}

TEST_F(ServiceTest, LogsInWithTheRightPasswordOnly) {
  v1::CreateAccountRequest request = NewAccount("a");
  request.set_login("ann");
  request.set_password("secret");
  ASSERT_THAT(service_.CreateAccount(Call(), request), IsOk());
  EXPECT_EQ(LogIn(service_, Call(), "ann", "secret")->account_id(), "a");
  const auto wrong = LogIn(service_, Call(), "ann", "Secret");
  const auto unknown = LogIn(service_, Call(), "bob", "secret");
  EXPECT_THAT(wrong, HasCode(absl::StatusCode::kUnauthenticated));
  EXPECT_EQ(wrong.status(), unknown.status());  // not told apart
}

TEST_F(ServiceTest, ANewPasswordReplacesTheOldOne) {
  CreateAccount("a");
  v1::SetPasswordRequest request;
  request.set_idempotency_key(NewKey());
  request.set_account_id("a");
  request.set_password("one");
  EXPECT_THAT(service_.SetPassword(Call(), request), HasMessage("login is empty"));
  request.set_login("ann");
  ASSERT_THAT(service_.SetPassword(Call(), request), IsOk());
  request.set_idempotency_key(NewKey());
  request.clear_login();
  request.set_password("two");
  EXPECT_EQ(service_.SetPassword(Call(), request)->login(), "ann");
  EXPECT_FALSE(LogIn(service_, Call(), "ann", "one").ok());
  EXPECT_THAT(LogIn(service_, Call(), "ann", "two"), IsOk());
}

TEST_F(ServiceTest, WhatIsPrintedOnBillsCanBeChanged) {
  CreateAccount("a");
  v1::UpdateAccountRequest request;
  request.set_idempotency_key(NewKey());
  request.set_account_id("a");
  request.set_full_name("Ann Other");
  const auto named = service_.UpdateAccount(Call(), request);
  ASSERT_THAT(named, IsOk());
  EXPECT_EQ(named->full_name(), "Ann Other");
  request.set_idempotency_key(NewKey());
  request.clear_full_name();
  request.set_phone("123");
  request.set_account_number("N-1");
  const auto numbered = service_.UpdateAccount(Call(), request);
  ASSERT_THAT(numbered, IsOk());
  EXPECT_EQ(numbered->full_name(), "Ann Other");  // absent: stays
  EXPECT_EQ(numbered->phone(), "123");
  EXPECT_EQ(numbered->account_number(), "N-1");

  request.set_idempotency_key(NewKey());
  request.set_account_number("");
  EXPECT_THAT(service_.UpdateAccount(Call(), request), HasMessage("account number is empty"));
  request.set_account_id("nobody");
  request.set_account_number("N-2");
  EXPECT_THAT(service_.UpdateAccount(Call(), request), HasCode(absl::StatusCode::kNotFound));
}

TEST_F(ServiceTest, ALoginBelongsToOneAccount) {
  for (const std::string id : {"a", "b"}) {
    CreateAccount(id);
    v1::SetPasswordRequest request;
    request.set_idempotency_key(NewKey());
    request.set_account_id(id);
    request.set_login("ann");
    request.set_password("secret");
    EXPECT_THAT(service_.SetPassword(Call(), request),
                HasCode(id == "a" ? absl::StatusCode::kOk : absl::StatusCode::kAlreadyExists));
  }
}

TEST_F(ServiceTest, ListsAccountsPageByPage) {
  for (const std::string id : {"a", "b", "c", "d", "e"}) CreateAccount(id);
  std::vector<std::string> seen;
  v1::ListAccountsRequest request;
  request.set_page_size(2);
  do {
    ASSERT_OK_AND_ASSIGN(const v1::ListAccountsResponse page,
                         service_.ListAccounts(Call(), request));
    for (const v1::Account& account : page.accounts()) seen.push_back(account.account_id());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(seen, ElementsAre("a", "b", "c", "d", "e"));
}

TEST_F(ServiceTest, ASubscriptionEntitlesAtOnce) {
  CreateAccountAndPlan("a");
  EXPECT_EQ(EntitlementOf("a")->package_ids_size(), 0);
  ASSERT_OK_AND_ASSIGN(const v1::Subscription started, Start("a", "basic"));
  EXPECT_EQ(started.state(), v1::Subscription::STATE_ACTIVE);
  ASSERT_OK_AND_ASSIGN(const v1::Entitlement entitlement, EntitlementOf("a"));
  EXPECT_THAT(entitlement.package_ids(), ElementsAre("base", "sport"));
  EXPECT_EQ(entitlement.status(), v1::Entitlement::STATUS_ACTIVE);
  EXPECT_EQ(entitlement.max_streams(), 2);
  EXPECT_EQ(entitlement.valid_until().seconds(), EpochSeconds(Today() + days(30)));
  EXPECT_EQ(entitlement.grace_until().seconds(), EpochSeconds(Today() + days(37)));
  EXPECT_EQ(entitlement.tariff_plan_name(), "Plan basic");
}

TEST_F(ServiceTest, ASubscriptionGoesThroughItsLife) {
  CreateAccountAndPlan("a");
  const std::string id = Start("a", "basic")->subscription_id();
  using S = v1::Subscription;
  EXPECT_EQ(Ask<v1::SuspendSubscriptionRequest>(&Service::SuspendSubscription, id)->state(),
            S::STATE_SUSPENDED);
  EXPECT_EQ(EntitlementOf("a")->status(), v1::Entitlement::STATUS_SUSPENDED);
  EXPECT_THAT(Ask<v1::SuspendSubscriptionRequest>(&Service::SuspendSubscription, id),
              HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(Ask<v1::ResumeSubscriptionRequest>(&Service::ResumeSubscription, id)->state(),
            S::STATE_ACTIVE);
  EXPECT_EQ(
      Ask<v1::RenewSubscriptionRequest>(&Service::RenewSubscription, id)->valid_until().seconds(),
      EpochSeconds(Today() + days(60)));
  EXPECT_EQ(Ask<v1::CancelSubscriptionRequest>(&Service::CancelSubscription, id)->state(),
            S::STATE_CANCELLED);
  EXPECT_EQ(EntitlementOf("a")->package_ids_size(), 0);

  v1::ListSubscriptionsRequest request;
  request.set_account_id("a");
  ASSERT_OK_AND_ASSIGN(const auto all, service_.ListSubscriptions(Call(), request));
  ASSERT_EQ(all.subscriptions_size(), 1);
  EXPECT_EQ(all.subscriptions(0).revision(), 5u);
}

TEST_F(ServiceTest, ARenewalIsChargedOnceHoweverOftenItIsAsked) {
  CreateAccountAndPlan("a");
  v1::RenewSubscriptionRequest request;
  request.set_subscription_id(Start("a", "basic")->subscription_id());
  request.set_idempotency_key("payment-1");
  std::vector<std::thread> callers;
  for (int i = 0; i < 5; ++i) {
    callers.emplace_back([&] { EXPECT_THAT(service_.RenewSubscription(Call(), request), IsOk()); });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(EntitlementOf("a")->valid_until().seconds(), EpochSeconds(Today() + days(60)));
}

TEST_F(ServiceTest, WhatDoesNotExistIsNotFound) {
  CreateAccountAndPlan("a");
  EXPECT_THAT(Start("nobody", "basic"), HasMessage("account nobody unknown"));
  EXPECT_THAT(Start("a", "none"), HasMessage("tariff plan none unknown"));
  EXPECT_THAT(Ask<v1::ResumeSubscriptionRequest>(&Service::ResumeSubscription, "none"),
              HasMessage("subscription none unknown"));
  EXPECT_THAT(EntitlementOf("nobody"), HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(PutPlan("bad", {"unknown"}), HasCode(absl::StatusCode::kFailedPrecondition));
}

TEST_F(ServiceTest, AClosedAccountLosesItsSubscriptionsAndItsLogin) {
  CreateAccountAndPlan("a");
  ASSERT_THAT(Start("a", "basic"), IsOk());
  v1::CloseAccountRequest request;
  request.set_idempotency_key(NewKey());
  request.set_account_id("a");
  EXPECT_EQ(service_.CloseAccount(Call(), request)->state(), v1::Account::STATE_CLOSED);
  EXPECT_EQ(EntitlementOf("a")->status(), v1::Entitlement::STATUS_CLOSED);
  EXPECT_THAT(Start("a", "basic"), HasMessage("account a is closed"));
}

TEST_F(ServiceTest, AnswersTheLastKnownEntitlementWhileTheDatabaseIsAway) {
  CreateAccountAndPlan("a");
  ASSERT_THAT(Start("a", "basic"), IsOk());
  gate_.Cut();
  clock_.Advance(24h * 6);
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK_AND_ASSIGN(const v1::Entitlement entitlement, EntitlementOf("a"));
    EXPECT_THAT(entitlement.package_ids(), ElementsAre("base", "sport"));
  }
  EXPECT_THAT(registry_.Scrape(),
              testing::HasSubstr("holdfast_billing_degraded_answers_total{call="
                                 "\"GetEntitlement\",neighbour=\"postgres\"} 3"));
  EXPECT_THAT(EntitlementOf("b"), HasCode(absl::StatusCode::kUnavailable));
  EXPECT_THAT(Start("a", "basic"), HasCode(absl::StatusCode::kUnavailable));
  gate_.Open();
  EXPECT_TRUE(test::Eventually(
      [&] { return EntitlementOf("b").status().code() == absl::StatusCode::kNotFound; }));
}

TEST_F(ServiceTest, ADatabaseThatHangsLeavesTimeForTheLastKnownAnswer) {
  CreateAccountAndPlan("a");
  ASSERT_THAT(EntitlementOf("a"), IsOk());
  gate_.Blackhole();
  clock_.Advance(24h);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_THAT(EntitlementOf("a"), IsOk());  // is given two seconds
  EXPECT_LT(std::chrono::steady_clock::now() - start, 1900ms);
}

TEST_F(ServiceTest, AnInstanceThatStartsWithoutDatabaseKnowsWhatTheLastOneKnew) {
  test::TempDir dir;
  const auto make = [&] {
    return std::make_unique<Entitlements>(
        Entitlements::Dependencies{store_, metrics_, workers_, clock_, registry_},
        dir.File("entitlements"));
  };
  CreateAccountAndPlan("a");
  ASSERT_THAT(Start("a", "basic"), IsOk());
  auto before = make();
  ASSERT_THAT(before->Get(AccountId("a"), Soon()), IsOk());
  ASSERT_THAT(before->SaveToDisk(), IsOk());
  gate_.Cut();
  auto after = make();
  EXPECT_FALSE(after->empty());
  EXPECT_EQ(after->Get(AccountId("a"), Soon())->package_ids_size(), 2);
}

}  // namespace
}  // namespace holdfast::billing

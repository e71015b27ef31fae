// What of an account may be changed, when; and what its entitlement tells of its debts.
#include "services/billing/billing_money_test.h"

namespace holdfast::billing {
namespace {

using test::HasMessage;
using test::IsOk;
using testing::IsEmpty;
using E = v1::Entitlement;

class AccountsTest : public MoneyTest {
 protected:
  void TearDown() override { EXPECT_THAT(WhatIsWrong(), IsEmpty()); }

  v1::UpdateAccountRequest Of(const std::string& account) {
    v1::UpdateAccountRequest request;
    request.set_idempotency_key(NewKey());
    request.set_account_id(account);
    return request;
  }
  absl::StatusOr<v1::Account> Update(const v1::UpdateAccountRequest& request) {
    return service_.UpdateAccount(Call(), request);
  }
  absl::StatusOr<v1::Account> ChargeBy(const std::string& account, v1::Charging charging,
                                       const std::optional<std::string>& currency = {}) {
    v1::UpdateAccountRequest request = Of(account);
    request.set_charging(charging);
    if (currency) request.set_currency(*currency);
    return Update(request);
  }
  void AddReseller(const std::string& id, int max_accounts = 0) {
    v1::PutResellerRequest request;
    request.set_idempotency_key(NewKey());
    request.mutable_reseller()->set_reseller_id(id);
    request.mutable_reseller()->set_name(id);
    request.mutable_reseller()->set_currency("EUR");
    request.mutable_reseller()->set_max_accounts(max_accounts);
    ASSERT_THAT(payments_.PutReseller(Call(), request), IsOk());
  }
};

TEST_F(AccountsTest, InvoicesToComeFollowARegionAndItsDays) {
  PutTax("de", 19);
  PutTax("at", 20);
  ASSERT_THAT(Put(Monthly("basic", 1000)), IsOk());
  Open("ann", v1::CHARGING_POSTPAID, "de");
  ASSERT_THAT(Buy("ann", "basic"), IsOk());
  v1::UpdateAccountRequest request = Of("ann");
  request.set_region("at");
  request.set_payment_days(30);
  ASSERT_OK_AND_ASSIGN(const v1::Account after, Update(request));
  EXPECT_EQ(after.region(), "at");
  EXPECT_EQ(after.payment_days(), 30);
  EXPECT_EQ(service_
                .GetAccount(Call(),
                            [] {
                              v1::GetAccountRequest get;
                              get.set_account_id("ann");
                              return get;
                            }())
                ->region(),
            "at")
      << "it is stored";
  ASSERT_THAT(Pay("ann", 1190), IsOk());
  LiveUntil(Day(2026, 3, 1));
  const std::vector<v1::Invoice> invoices = Invoices("ann");
  ASSERT_EQ(invoices.size(), 2u);
  EXPECT_EQ(invoices[0].tax(), 190) << "what was asked for stays";
  EXPECT_EQ(invoices[1].tax(), 200);
  EXPECT_EQ(invoices[1].due_on(), "2026-03-30");
}

TEST_F(AccountsTest, WhatAnAccountCannotBeIsRefused) {
  Open("ann", v1::CHARGING_POSTPAID);
  v1::UpdateAccountRequest request = Of("ann");
  request.set_payment_days(366);
  EXPECT_THAT(Update(request), HasMessage("payment_days"));
  request = Of("ann");
  request.set_region("a region");
  EXPECT_THAT(Update(request), HasMessage("region"));
  request = Of("ann");
  request.set_currency("USD");
  EXPECT_THAT(Update(request), HasMessage("together with charging"));
  EXPECT_THAT(ChargeBy("ann", static_cast<v1::Charging>(9)), HasMessage("charging 9 is unknown"));
  request = Of("ann");
  request.set_reseller_id("nobody");
  EXPECT_THAT(Update(request), HasMessage("reseller nobody unknown"));
  v1::CloseAccountRequest close;
  close.set_idempotency_key(NewKey());
  close.set_account_id("ann");
  ASSERT_THAT(service_.CloseAccount(Call(), close), IsOk());
  request = Of("ann");
  request.set_phone("1");
  EXPECT_THAT(Update(request), HasMessage("account_closed"));
}

TEST_F(AccountsTest, WhoChargesItChangesBetweenSubscriptions) {
  ASSERT_THAT(Put(Monthly("basic", 1000)), IsOk());
  Open("ann", v1::CHARGING_POSTPAID);
  ASSERT_OK_AND_ASSIGN(const v1::Subscription bought, Buy("ann", "basic"));
  EXPECT_THAT(ChargeBy("ann", v1::CHARGING_PREPAID), HasMessage("subscriptions_left"));
  EXPECT_THAT(ChargeBy("ann", v1::CHARGING_POSTPAID), IsOk()) << "as it is";
  ASSERT_THAT(Cancel(bought.subscription_id(), v1::CancelSubscriptionRequest::WHEN_IMMEDIATELY),
              IsOk());
  EXPECT_THAT(ChargeBy("ann", v1::CHARGING_PREPAID), HasMessage("invoices_open"));
  ASSERT_THAT(Pay("ann", 1000), IsOk());
  ASSERT_THAT(ChargeBy("ann", v1::CHARGING_PREPAID), IsOk());
  EXPECT_THAT(Buy("ann", "basic"), HasMessage("insufficient_funds"));

  ASSERT_OK_AND_ASSIGN(const v1::Account elsewhere, ChargeBy("ann", v1::CHARGING_ELSEWHERE));
  EXPECT_EQ(elsewhere.currency(), "");
  EXPECT_THAT(ChargeBy("ann", v1::CHARGING_PREPAID), HasMessage("currency"));
  EXPECT_THAT(ChargeBy("ann", v1::CHARGING_PREPAID, "EUR"), IsOk());
}

TEST_F(AccountsTest, AnAccountMovesToAnotherReseller) {
  AddReseller("city", 1);
  AddReseller("town", 1);
  for (const char* id : {"ann", "bob"}) Open(id, v1::CHARGING_PREPAID);
  v1::UpdateAccountRequest request = Of("ann");
  request.set_reseller_id("city");
  ASSERT_THAT(Update(request), IsOk());
  request = Of("bob");
  request.set_reseller_id("city");
  EXPECT_THAT(Update(request), HasMessage("reseller_is_full"));
  request = Of("ann");
  request.set_reseller_pays(true);
  ASSERT_THAT(Update(request), IsOk());
  request = Of("ann");
  request.set_reseller_id("");
  EXPECT_THAT(Update(request), HasMessage("reseller_pays")) << "nobody would pay";
  request = Of("ann");
  request.set_reseller_id("town");
  EXPECT_EQ(Update(request)->reseller_id(), "town");
  request = Of("bob");
  request.set_reseller_id("city");
  EXPECT_THAT(Update(request), IsOk());
}

TEST_F(AccountsTest, TheEntitlementTellsWhyAndHowMuch) {
  PutTax("de", 19);
  ASSERT_THAT(Put(Monthly("basic", 1000)), IsOk());
  Open("ann", v1::CHARGING_POSTPAID, "de");
  EXPECT_EQ(EntitlementOf("ann")->reason(), E::REASON_NO_SUBSCRIPTION);
  ASSERT_THAT(Buy("ann", "basic"), IsOk());
  ASSERT_OK_AND_ASSIGN(E told, EntitlementOf("ann"));
  EXPECT_EQ(told.reason(), E::REASON_UNSPECIFIED);
  EXPECT_EQ(told.owed_minor_units(), 1190);
  EXPECT_EQ(told.due_on(), "2026-02-14");

  const auto now = [&] {
    entitlements_.Refresh(AccountId("ann"), Soon());
    return *EntitlementOf("ann");
  };
  LiveUntil(Day(2026, 2, 16));
  EXPECT_EQ(now().reason(), E::REASON_PAYMENT_LATE);
  LiveUntil(Day(2026, 2, 26));
  EXPECT_EQ(now().status(), E::STATUS_SUSPENDED);
  EXPECT_EQ(now().reason(), E::REASON_UNPAID);
  EXPECT_EQ(now().owed_minor_units(), 1190);
  ASSERT_THAT(Pay("ann", 190), IsOk());
  EXPECT_EQ(now().owed_minor_units(), 1000);
  ASSERT_THAT(Pay("ann", 1000), IsOk());
  EXPECT_EQ(now().status(), E::STATUS_ACTIVE);
  EXPECT_EQ(now().reason(), E::REASON_UNSPECIFIED);
}

TEST_F(AccountsTest, TheEntitlementTellsHowTheLastSubscriptionEnded) {
  ASSERT_THAT(PutPlan("elsewhere", {"base"}), IsOk());
  CreateAccount("ann");
  ASSERT_OK_AND_ASSIGN(const v1::Subscription one, Start("ann", "elsewhere"));
  ASSERT_THAT(Cancel(one.subscription_id(), v1::CancelSubscriptionRequest::WHEN_IMMEDIATELY),
              IsOk());
  EXPECT_EQ(EntitlementOf("ann")->reason(), E::REASON_CANCELLED);
  clock_.Advance(std::chrono::seconds(1));
  ASSERT_THAT(Start("ann", "elsewhere"), IsOk());
  EXPECT_EQ(EntitlementOf("ann")->reason(), E::REASON_UNSPECIFIED);
  LiveUntil(Today() + std::chrono::days(60));
  entitlements_.Refresh(AccountId("ann"), Soon());
  EXPECT_EQ(EntitlementOf("ann")->reason(), E::REASON_EXPIRED);
  EXPECT_EQ(EntitlementOf("ann")->status(), E::STATUS_ACTIVE);
}

// What is owed changes without the wallet: followers of the feed must hear of it.
TEST_F(AccountsTest, AnInvoiceAndItsCreditReachTheFeed) {
  ASSERT_THAT(Put(Monthly("basic", 1000)), IsOk());
  Open("ann", v1::CHARGING_POSTPAID);
  ASSERT_THAT(Buy("ann", "basic"), IsOk());
  const std::uint64_t before = *store_.LastRevision(Soon());
  ASSERT_THAT(Credit(Invoices("ann").front().invoice_id()), IsOk());
  const auto changes = store_.ChangesAfter(Soon(), before, 10);
  ASSERT_THAT(changes, IsOk());
  ASSERT_EQ(changes->size(), 1u);
  EXPECT_EQ(changes->front().account, AccountId("ann"));
}

}  // namespace
}  // namespace holdfast::billing

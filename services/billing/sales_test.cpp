// Vouchers and resellers: money that others sell for us.
#include <atomic>
#include <set>
#include <thread>

#include "services/billing/billing_money_test.h"

namespace holdfast::billing {
namespace {

using test::HasCode;
using test::HasMessage;
using test::IsOk;
using testing::IsEmpty;
using S = v1::Subscription;

class SalesTest : public MoneyTest {
 protected:
  void TearDown() override { EXPECT_THAT(WhatIsWrong(), IsEmpty()); }

  absl::StatusOr<v1::VoucherBatch> MakeBatch(const std::string& id, int count, std::int64_t value,
                                             const std::string& plan = "") {
    v1::CreateVoucherBatchRequest request;
    request.set_idempotency_key(NewKey());
    request.set_batch_id(id);
    request.set_count(count);
    *request.mutable_value() = ToProto(*holdfast::Money::Make(value, "EUR"));
    request.set_tariff_plan_id(plan);
    request.set_expires_on("2026-12-31");
    return payments_.CreateVoucherBatch(Call(), request);
  }
  absl::StatusOr<v1::RedeemVoucherResponse> Redeem(const std::string& account,
                                                   const std::string& code) {
    v1::RedeemVoucherRequest request;
    request.set_idempotency_key(NewKey());
    request.set_account_id(account);
    request.set_code(code);
    return payments_.RedeemVoucher(Call(), request);
  }
  absl::StatusOr<v1::Reseller> PutReseller(const std::string& id, const std::string& parent,
                                           std::int64_t credit = 0, int max_accounts = 0) {
    v1::PutResellerRequest request;
    request.set_idempotency_key(NewKey());
    v1::Reseller& reseller = *request.mutable_reseller();
    reseller.set_reseller_id(id);
    reseller.set_name("Reseller " + id);
    reseller.set_parent_id(parent);
    reseller.set_currency("EUR");
    reseller.set_credit(credit);
    reseller.set_max_accounts(max_accounts);
    return payments_.PutReseller(Call(), request);
  }
  absl::StatusOr<v1::Reseller> Fund(const std::string& id, std::int64_t amount) {
    v1::FundResellerRequest request;
    request.set_idempotency_key(NewKey());
    request.set_reseller_id(id);
    *request.mutable_amount() = ToProto(*holdfast::Money::Make(amount, "EUR"));
    return payments_.FundReseller(Call(), request);
  }
  absl::StatusOr<v1::TopUpFromResellerResponse> TopUp(const std::string& reseller,
                                                      const std::string& account,
                                                      std::int64_t amount) {
    v1::TopUpFromResellerRequest request;
    request.set_idempotency_key(NewKey());
    request.set_reseller_id(reseller);
    request.set_account_id(account);
    *request.mutable_amount() = ToProto(*holdfast::Money::Make(amount, "EUR"));
    return payments_.TopUpFromReseller(Call(), request);
  }
  absl::StatusOr<v1::Account> OpenFor(const std::string& reseller, const std::string& account) {
    v1::CreateAccountRequest request = NewAccount(account);
    request.set_charging(v1::CHARGING_PREPAID);
    request.set_currency("EUR");
    request.set_reseller_id(reseller);
    return service_.CreateAccount(Call(), request);
  }
};

TEST(VoucherCodeTest, IsReadAsPeopleTypeIt) {
  const std::string code = VoucherCode({0, 1, 2, 3, 4, 5, 6, 7, 8, 255});
  EXPECT_EQ(code.size(), 19u);
  ASSERT_OK_AND_ASSIGN(const std::string normalized, NormalizeVoucherCode(code));
  EXPECT_EQ(normalized.size(), 16u);
  std::string typed = " " + code;
  for (char& c : typed) c = c == '0' ? 'o' : c == '1' ? 'l' : static_cast<char>(std::tolower(c));
  EXPECT_EQ(*NormalizeVoucherCode(typed), normalized);
  EXPECT_FALSE(NormalizeVoucherCode("ABCD").ok());
  EXPECT_FALSE(NormalizeVoucherCode(code + "0").ok());
  EXPECT_FALSE(NormalizeVoucherCode("ABCD-EFGH-JKMN-PQR!").ok());
}

TEST_F(SalesTest, AVoucherIsWorthItsValueOnce) {
  Open("ann", v1::CHARGING_PREPAID);
  Open("bob", v1::CHARGING_PREPAID);
  ASSERT_OK_AND_ASSIGN(const v1::VoucherBatch batch, MakeBatch("spring", 3, 1500));
  ASSERT_EQ(std::set<std::string>(batch.codes().begin(), batch.codes().end()).size(), 3u);
  ASSERT_THAT(Redeem("ann", batch.codes(0)), IsOk());
  EXPECT_THAT(Redeem("bob", batch.codes(0)), HasMessage("voucher_used"));
  EXPECT_THAT(Redeem("bob", "0000-0000-0000-0000"), HasCode(absl::StatusCode::kNotFound));
  EXPECT_EQ(Wallet("ann"), 1500);
  EXPECT_EQ(Wallet("bob"), 0);
  EXPECT_EQ(Balance("voucher/spring/EUR"), -1500);
  EXPECT_THAT(MakeBatch("spring", 3, 1500), HasCode(absl::StatusCode::kAlreadyExists));
}

TEST_F(SalesTest, ManyWhoRedeemOneVoucherAtOnceAreOne) {
  std::vector<std::string> accounts;
  for (int i = 0; i < 5; ++i) {
    accounts.push_back("a" + std::to_string(i));
    Open(accounts.back(), v1::CHARGING_PREPAID);
  }
  const std::string code = MakeBatch("spring", 1, 1500)->codes(0);
  std::atomic<int> redeemed = 0;
  std::vector<std::thread> threads;
  for (const std::string& account : accounts) {
    threads.emplace_back([&, account] {
      v1::RedeemVoucherRequest request;
      request.set_idempotency_key("redeem-" + account);
      request.set_account_id(account);
      request.set_code(code);
      redeemed += payments_.RedeemVoucher(Call(), request).ok() ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(redeemed, 1);
  EXPECT_EQ(Balance("voucher/spring/EUR"), -1500);
}

TEST_F(SalesTest, AVoucherOfAPlanBuysIt) {
  ASSERT_THAT(Put(Monthly("basic", 1000)), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  const v1::VoucherBatch batch = *MakeBatch("gift", 2, 1000, "basic");
  ASSERT_OK_AND_ASSIGN(const auto answer, Redeem("ann", batch.codes(0)));
  EXPECT_EQ(Find("ann", answer.subscription_id()).state(), S::STATE_ACTIVE);
  EXPECT_EQ(Wallet("ann"), 0);
}

TEST_F(SalesTest, AVoucherEndsWithItsDayOrItsBatch) {
  Open("ann", v1::CHARGING_PREPAID);
  const v1::VoucherBatch batch = *MakeBatch("spring", 2, 1500);
  GoTo(Day(2026, 12, 31));
  EXPECT_THAT(Redeem("ann", batch.codes(0)), HasMessage("voucher_expired"));
  GoTo(Day(2026, 12, 30));
  v1::CancelVoucherBatchRequest request;
  request.set_idempotency_key(NewKey());
  request.set_batch_id("spring");
  ASSERT_THAT(payments_.CancelVoucherBatch(Call(), request), IsOk());
  EXPECT_THAT(Redeem("ann", batch.codes(0)), HasMessage("voucher_cancelled"));
  EXPECT_EQ(Wallet("ann"), 0);
}

TEST_F(SalesTest, MoneyGoesDownTheTreeOfResellers) {
  ASSERT_THAT(PutReseller("country", ""), IsOk());
  ASSERT_THAT(PutReseller("city", "country", 500), IsOk());
  ASSERT_THAT(OpenFor("city", "ann"), IsOk());
  EXPECT_THAT(Fund("city", 100), HasMessage("insufficient_funds"));
  ASSERT_THAT(Fund("country", 10'000), IsOk());
  ASSERT_THAT(Fund("city", 1000), IsOk());
  ASSERT_THAT(TopUp("city", "ann", 1400), IsOk());
  EXPECT_EQ(Balance("reseller/country/EUR"), 9000);
  EXPECT_EQ(Balance("reseller/city/EUR"), -400);  // on credit
  EXPECT_THAT(TopUp("city", "ann", 101), HasMessage("insufficient_funds"));
  EXPECT_THAT(PutReseller("city", "country", 399), HasMessage("credit_in_use"));
  EXPECT_EQ(Wallet("ann"), 1400);
}

TEST_F(SalesTest, AResellerServesItsOwnAccountsOnly) {
  ASSERT_THAT(PutReseller("city", "", 5000, 2), IsOk());
  Open("stranger", v1::CHARGING_PREPAID);
  EXPECT_THAT(TopUp("city", "stranger", 100), HasMessage("not_its_account"));
  ASSERT_THAT(OpenFor("city", "a"), IsOk());
  ASSERT_THAT(OpenFor("city", "b"), IsOk());
  EXPECT_THAT(OpenFor("city", "c"), HasMessage("reseller_is_full"));
  EXPECT_THAT(OpenFor("nobody", "c"), HasMessage("reseller nobody unknown"));
}

TEST_F(SalesTest, AResellerCountsTheAccountsOfThoseBelowIt) {
  ASSERT_THAT(PutReseller("country", "", 0, 3), IsOk());
  ASSERT_THAT(PutReseller("city", "country", 0, 2), IsOk());
  ASSERT_THAT(PutReseller("street", "city"), IsOk());
  ASSERT_THAT(PutReseller("elsewhere", ""), IsOk());
  ASSERT_THAT(OpenFor("street", "a"), IsOk());
  ASSERT_THAT(OpenFor("city", "b"), IsOk());
  EXPECT_THAT(OpenFor("street", "c"), HasMessage("reseller_is_full: reseller city has 2"));
  EXPECT_THAT(OpenFor("city", "c"), HasMessage("reseller_is_full: reseller city has 2"));
  ASSERT_THAT(OpenFor("country", "c"), IsOk());
  EXPECT_THAT(OpenFor("country", "d"), HasMessage("reseller_is_full: reseller country has 3"));
  EXPECT_THAT(OpenFor("elsewhere", "d"), IsOk());
  // A closed one makes room.
  v1::CloseAccountRequest close;
  close.set_idempotency_key(NewKey());
  close.set_account_id("a");
  ASSERT_THAT(service_.CloseAccount(Call(), close), IsOk());
  EXPECT_THAT(OpenFor("street", "e"), IsOk());
}

TEST_F(SalesTest, MoneyGivenByMistakeIsTakenBack) {
  const auto last_entry = [&](const std::string& account) {
    v1::ListTransfersRequest request;
    request.set_ledger_account(account);
    const auto answer = books_.ListTransfers(Call(), request);
    return answer->transfers(answer->transfers_size() - 1).entry_id();
  };
  const auto reverse = [&](const std::string& entry) {
    v1::ReverseEntryRequest request;
    request.set_idempotency_key(NewKey());
    request.set_entry_id(entry);
    request.set_reason("a mistake");
    return books_.ReverseEntry(Call(), request);
  };
  ASSERT_THAT(PutReseller("city", ""), IsOk());
  ASSERT_THAT(OpenFor("city", "ann"), IsOk());
  ASSERT_THAT(Fund("city", 10'000), IsOk());
  const std::string funding = last_entry("reseller/city/EUR");
  ASSERT_THAT(TopUp("city", "ann", 4000), IsOk());
  const std::string top_up = last_entry("wallet/ann/EUR");
  EXPECT_THAT(reverse(funding), HasMessage("insufficient_funds")) << "part of it went on";
  ASSERT_THAT(reverse(top_up), IsOk());
  EXPECT_EQ(Wallet("ann"), 0);
  ASSERT_THAT(reverse(funding), IsOk());
  EXPECT_EQ(Balance("reseller/city/EUR"), 0);
  EXPECT_THAT(reverse(funding), HasMessage("already_reversed"));
}

TEST_F(SalesTest, TheTreeStaysATree) {
  ASSERT_THAT(PutReseller("a", ""), IsOk());
  ASSERT_THAT(PutReseller("b", "a"), IsOk());
  ASSERT_THAT(PutReseller("c", "b"), IsOk());
  EXPECT_THAT(PutReseller("a", "c"), HasMessage("not_a_tree"));
  EXPECT_THAT(PutReseller("a", "a"), HasCode(absl::StatusCode::kInvalidArgument));
}

// -- Vouchers of a plan ---------------------------------------------------------------------------

TEST_F(SalesTest, AVoucherOfAPlanExtendsTheSubscriptionThatLives) {
  ASSERT_THAT(Put(Monthly("basic", 1000)), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  const v1::VoucherBatch batch = *MakeBatch("gift", 4, 1000, "basic");
  ASSERT_OK_AND_ASSIGN(const auto first, Redeem("ann", batch.codes(0)));
  const std::string id = first.subscription_id();
  GoTo(Day(2026, 2, 7));
  ASSERT_OK_AND_ASSIGN(const auto second, Redeem("ann", batch.codes(1)));
  EXPECT_EQ(second.subscription_id(), id);
  EXPECT_EQ(PaidUntil(Find("ann", id)), "2026-03-31");  // from its end
  // What is paid ahead moves with a pause, and is given back with the rest.
  ASSERT_THAT(Ask<v1::PauseSubscriptionRequest>(&Service::PauseSubscription, id), IsOk());
  EXPECT_THAT(Redeem("ann", batch.codes(2)), HasMessage("not_in_service"));
  GoTo(Day(2026, 2, 17));
  ASSERT_THAT(Ask<v1::ResumeSubscriptionRequest>(&Service::ResumeSubscription, id), IsOk());
  EXPECT_EQ(PaidUntil(Find("ann", id)), "2026-04-10");
  LiveUntil(Day(2026, 4, 20));
  ASSERT_EQ(Find("ann", id).state(), S::STATE_SUSPENDED);
  ASSERT_OK_AND_ASSIGN(const auto third, Redeem("ann", batch.codes(2)));
  EXPECT_EQ(third.subscription_id(), id);
  EXPECT_EQ(PaidUntil(Find("ann", id)).substr(0, 7), "2026-05");  // from today
  EXPECT_EQ(Find("ann", id).state(), S::STATE_ACTIVE);
  EXPECT_EQ(Wallet("ann"), 0);
  ASSERT_THAT(Redeem("ann", batch.codes(3)), IsOk());
  v1::CancelSubscriptionRequest cancel;
  cancel.set_idempotency_key(NewKey());
  cancel.set_subscription_id(id);
  cancel.set_when(v1::CancelSubscriptionRequest::WHEN_IMMEDIATELY);
  cancel.set_credit_unused(true);
  ASSERT_THAT(service_.CancelSubscription(Call(), cancel), IsOk());
  EXPECT_EQ(Wallet("ann"), 2000);  // of both periods nothing was used
}

TEST_F(SalesTest, AVoucherThatIsOfNoUseIsRefusedAndKept) {
  ASSERT_THAT(Put(Monthly("basic", 1000)), IsOk());
  const v1::VoucherBatch batch = *MakeBatch("gift", 1, 1000, "basic");
  CreateAccount("elsewhere");
  EXPECT_THAT(Redeem("elsewhere", batch.codes(0)), HasMessage("not_charged_by_us"));
  v1::CreateAccountRequest abroad = NewAccount("abroad");
  abroad.set_charging(v1::CHARGING_PREPAID);
  abroad.set_currency("USD");
  ASSERT_THAT(service_.CreateAccount(Call(), abroad), IsOk());
  EXPECT_THAT(Redeem("abroad", batch.codes(0)), HasMessage("wrong_currency"));
  Open("gone", v1::CHARGING_PREPAID);
  v1::CloseAccountRequest close;
  close.set_idempotency_key(NewKey());
  close.set_account_id("gone");
  ASSERT_THAT(service_.CloseAccount(Call(), close), IsOk());
  EXPECT_THAT(Redeem("gone", batch.codes(0)), HasMessage("account_closed"));
  Open("ann", v1::CHARGING_PREPAID);
  EXPECT_THAT(Redeem("ann", batch.codes(0)), IsOk());
}

TEST_F(SalesTest, AVoucherOfAPlanBuysItAlsoForWhoIsInDebt) {
  ASSERT_THAT(Put(Monthly("basic", 1000)), IsOk());
  ASSERT_THAT(Put(Monthly("film", 700)), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  const std::string payment = Pay("ann", 700)->payment_id();
  ASSERT_THAT(Buy("ann", "film"), IsOk());
  v1::RecordChargebackRequest back;
  back.set_idempotency_key(NewKey());
  back.set_payment_id(payment);
  back.set_reason("disputed");
  ASSERT_THAT(payments_.RecordChargeback(Call(), back), IsOk());
  ASSERT_EQ(Owed("ann"), 700);
  const v1::VoucherBatch batch = *MakeBatch("gift", 1, 1000, "basic");
  ASSERT_OK_AND_ASSIGN(const auto answer, Redeem("ann", batch.codes(0)));
  EXPECT_EQ(Find("ann", answer.subscription_id()).state(), S::STATE_ACTIVE);
  EXPECT_EQ(Owed("ann"), 700);
}

}  // namespace
}  // namespace holdfast::billing

// Who gets a coupon, when, and how often; what the operator sees of it.
#include <atomic>
#include <thread>

#include "services/billing/billing_coupons_test.h"

namespace holdfast::billing {
namespace {

using test::HasCode;
using test::HasMessage;
using test::IsOk;
using testing::ElementsAre;
using testing::SizeIs;

TEST_F(CouponsTest, ForASubscriptionThatRunsItCountsFromTheNextTerm) {
  ASSERT_THAT(Issue(Percent("stay", 50)), IsOk());
  OpenRich("ann");
  const std::string id = Buy("ann", "basic")->subscription_id();
  ASSERT_OK_AND_ASSIGN(const auto redemption, Redeem(id, "stay"));
  EXPECT_EQ(redemption.account_id(), "ann");
  EXPECT_EQ(redemption.redeemed_on(), "2026-01-31");
  EXPECT_EQ(Paid("ann"), 1000);
  LiveUntil(Day(2026, 4, 1));
  EXPECT_THAT(Lines("ann"), ElementsAre(1000, 1000, -500, 1000));
}

TEST_F(CouponsTest, ItMayBringBackWhatTheMoneyDidNotReachFor) {
  ASSERT_THAT(Issue(Percent("back", 50)), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(Pay("ann", 1600), IsOk());
  const std::string id = Buy("ann", "basic")->subscription_id();
  LiveUntil(Day(2026, 3, 10));
  EXPECT_EQ(Find("ann", id).state(), v1::Subscription::STATE_SUSPENDED);
  ASSERT_THAT(Redeem(id, "back"), IsOk());
  EXPECT_EQ(Find("ann", id).state(), v1::Subscription::STATE_ACTIVE);
  EXPECT_EQ(Wallet("ann"), 100);
}

TEST_F(CouponsTest, OneAtATimeUnlessItIsReplaced) {
  ASSERT_THAT(Issue(Terms(Percent("ten", 10), 0)), IsOk());
  ASSERT_THAT(Issue(Terms(Percent("half", 50), 0)), IsOk());
  OpenRich("ann");
  const std::string id = BuyWith("ten", "ann")->subscription_id();
  EXPECT_THAT(Redeem(id, "half"), HasMessage("coupon_in_place"));
  ASSERT_THAT(Redeem(id, "half", true), IsOk());
  LiveUntil(Day(2026, 3, 1));
  EXPECT_EQ(Paid("ann"), 900 + 500);
}

TEST_F(CouponsTest, AnotherOneMayFollowOneThatIsUsedUp) {
  ASSERT_THAT(Issue(Percent("ten", 10)), IsOk());
  ASSERT_THAT(Issue(Percent("half", 50)), IsOk());
  OpenRich("ann");
  const std::string id = BuyWith("ten", "ann")->subscription_id();
  ASSERT_THAT(Redeem(id, "half"), IsOk());
  EXPECT_THAT(Redeem(id, "ten", true), HasMessage("coupon_used_by_account"));
  LiveUntil(Day(2026, 4, 1));
  EXPECT_EQ(Paid("ann"), 900 + 500 + 1000);
}

TEST_F(CouponsTest, ItHasItsDays) {
  v1::Coupon coupon = Percent("march", 10);
  coupon.set_valid_from("2026-03-01");
  coupon.set_expires_on("2026-04-01");
  ASSERT_THAT(Issue(coupon), IsOk());
  OpenRich("ann");
  EXPECT_THAT(BuyWith("march", "ann"), HasMessage("coupon_not_valid_yet"));
  GoTo(Day(2026, 4, 1));
  EXPECT_THAT(BuyWith("march", "ann"), HasMessage("coupon_expired"));
  GoTo(Day(2026, 3, 31));
  EXPECT_THAT(BuyWith("march", "ann"), IsOk());
}

TEST_F(CouponsTest, ForNewCustomersOnly) {
  v1::Coupon coupon = Percent("welcome", 100);
  coupon.set_new_customers_only(true);
  coupon.set_max_per_account(0);
  ASSERT_THAT(Issue(coupon), IsOk());
  OpenRich("ann");
  OpenRich("bob");
  ASSERT_THAT(Buy("ann", "basic"), IsOk());
  EXPECT_THAT(BuyWith("welcome", "ann"), HasMessage("coupon_for_new_customers"));
  ASSERT_THAT(BuyWith("welcome", "bob"), IsOk());
  EXPECT_THAT(BuyWith("welcome", "bob"), HasMessage("coupon_for_new_customers"));  // a free term
}

TEST_F(CouponsTest, APurchaseThatFailsUsesNothingUp) {
  v1::Coupon coupon = Percent("ten", 10);
  coupon.set_max_redemptions(1);
  ASSERT_THAT(Issue(coupon), IsOk());
  Open("poor", v1::CHARGING_PREPAID);
  OpenRich("ann");
  EXPECT_THAT(BuyWith("ten", "poor"), HasMessage("insufficient_funds"));
  EXPECT_THAT(BuyWith("ten", "ann"), IsOk());
  EXPECT_THAT(BuyWith("none", "ann"), HasCode(absl::StatusCode::kNotFound));
}

TEST_F(CouponsTest, ManyWhoRedeemTheLastOnesAtOnceAreNoMoreThanThereAre) {
  constexpr int kCallers = 12;
  constexpr int kThere = 5;
  v1::Coupon coupon = Percent("few", 10);
  coupon.set_max_redemptions(kThere);
  ASSERT_THAT(Issue(coupon), IsOk());
  std::vector<v1::StartSubscriptionRequest> requests(kCallers);
  for (int i = 0; i < kCallers; ++i) {
    const std::string id = "a" + std::to_string(i);
    OpenRich(id);
    requests[static_cast<std::size_t>(i)].set_idempotency_key(NewKey());
    requests[static_cast<std::size_t>(i)].set_account_id(id);
    requests[static_cast<std::size_t>(i)].set_tariff_plan_id("basic");
    requests[static_cast<std::size_t>(i)].set_coupon_id("few");
  }
  std::atomic<int> bought = 0;
  std::atomic<int> used_up = 0;
  std::vector<std::thread> threads;
  for (const auto& request : requests) {
    threads.emplace_back([&] {
      SeededRandom random(1);
      const rpc::Call call(Soon(), telemetry::TraceContext::Start(random));
      const auto answer = service_.StartSubscription(call, request);
      bought += answer.ok() ? 1 : 0;
      used_up += answer.status().message().find("coupon_used_up") != std::string::npos ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(bought, kThere);
  EXPECT_EQ(used_up, kCallers - kThere);
  EXPECT_EQ(Balance("revenue/basic/EUR"), kThere * 900);
}

TEST_F(CouponsTest, OneAccountThatRedeemsItTwiceAtOnceHasItOnce) {
  ASSERT_THAT(Issue(Percent("once", 10)), IsOk());
  OpenRich("ann");
  const std::string ids[] = {Buy("ann", "basic")->subscription_id(),
                             Buy("ann", "basic")->subscription_id()};
  std::atomic<int> redeemed = 0;
  std::vector<std::thread> threads;
  for (const std::string& id : ids) {
    threads.emplace_back([&, id] {
      SeededRandom random(1);
      const rpc::Call call(Soon(), telemetry::TraceContext::Start(random));
      v1::RedeemCouponRequest request;
      request.set_idempotency_key("redeem-" + id);
      request.set_subscription_id(id);
      request.set_coupon_id("once");
      redeemed += payments_.RedeemCoupon(call, request).ok() ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(redeemed, 1);
}

// -- The operator's side --------------------------------------------------------------------------

TEST_F(CouponsTest, WhoHasAWithdrawnOneKeepsIt) {
  ASSERT_THAT(Issue(Terms(Percent("staff", 50), 0)), IsOk());
  OpenRich("ann");
  OpenRich("bob");
  ASSERT_THAT(BuyWith("staff", "ann"), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::Coupon withdrawn, Withdraw("STAFF"));
  EXPECT_TRUE(withdrawn.withdrawn());
  EXPECT_EQ(withdrawn.redeemed(), 1);
  EXPECT_THAT(BuyWith("staff", "bob"), HasMessage("coupon_withdrawn"));
  LiveUntil(Day(2026, 3, 1));
  EXPECT_EQ(Paid("ann"), 1000);
  EXPECT_THAT(Withdraw("none"), HasCode(absl::StatusCode::kNotFound));
}

TEST_F(CouponsTest, ACodeIsIssuedOnce) {
  v1::IssueCouponRequest request;
  request.set_idempotency_key(NewKey());
  *request.mutable_coupon() = Percent("spring", 20);
  ASSERT_OK_AND_ASSIGN(const v1::Coupon first, payments_.IssueCoupon(Call(), request));
  EXPECT_EQ(payments_.IssueCoupon(Call(), request)->SerializeAsString(), first.SerializeAsString());
  EXPECT_THAT(Issue(Percent("SPRING", 30)), HasCode(absl::StatusCode::kAlreadyExists));
  v1::Coupon unknown_plan = Percent("other", 30);
  unknown_plan.add_tariff_plan_ids("unknown");
  EXPECT_THAT(Issue(unknown_plan), HasMessage("tariff plan unknown unknown"));
  v1::Coupon terms_of_one = Percent("other", 30);
  terms_of_one.set_terms(2);
  EXPECT_THAT(Issue(terms_of_one), HasMessage("terms is for DURATION_TERMS only"));
  EXPECT_THAT(Issue(Terms(Percent("other", 30), -1)), HasMessage("terms must be at least 1"));
}

TEST_F(CouponsTest, ListsGoOnWhereTheyStopped) {
  for (const char* id : {"c", "a", "b", "d"}) ASSERT_THAT(Issue(Percent(id, 10)), IsOk());
  ASSERT_THAT(Withdraw("b"), IsOk());
  v1::ListCouponsRequest request;
  request.set_only_redeemable(true);
  request.set_page_size(2);
  std::vector<std::string> seen;
  do {
    ASSERT_OK_AND_ASSIGN(const auto page, payments_.ListCoupons(Call(), request));
    for (const v1::Coupon& coupon : page.coupons()) seen.push_back(coupon.coupon_id());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(seen, ElementsAre("A", "C", "D"));
  request.set_page_token("?");
  EXPECT_THAT(payments_.ListCoupons(Call(), request), HasMessage("page_token"));
}

TEST_F(CouponsTest, TheOperatorSeesWhoRedeemedWhat) {
  ASSERT_THAT(Issue(Percent("x", 10)), IsOk());
  ASSERT_THAT(Issue(Percent("y", 10)), IsOk());
  for (const char* id : {"ann", "bob", "eve"}) {
    OpenRich(id);
    ASSERT_THAT(BuyWith("x", id), IsOk());
  }
  ASSERT_THAT(BuyWith("y", "bob"), IsOk());
  const auto list = [&](const std::string& coupon, const std::string& account) {
    v1::ListCouponRedemptionsRequest request;
    request.set_coupon_id(coupon);
    request.set_account_id(account);
    request.set_page_size(2);
    std::vector<std::string> seen;
    do {
      const auto page = payments_.ListCouponRedemptions(Call(), request);
      EXPECT_THAT(page, IsOk());
      for (const auto& r : page->redemptions())
        seen.push_back(r.account_id() + " " + r.coupon_id());
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    return seen;
  };
  EXPECT_THAT(list("x", ""), ElementsAre("ann X", "bob X", "eve X"));
  EXPECT_THAT(list("", "bob"), ElementsAre("bob X", "bob Y"));
  EXPECT_THAT(list("", ""), SizeIs(4));
}

// A discount that nobody redeemed, or one term more than was promised, does not escape the proof.
TEST_F(CouponsTest, TheProofOfTheBooksSeesWrongCoupons) {
  ASSERT_THAT(Issue(Percent("x", 10)), IsOk());
  OpenRich("ann");
  ASSERT_THAT(BuyWith("x", "ann"), IsOk());
  LiveUntil(Day(2026, 3, 1));
  const auto with = [&](const char* damage, const char* repair) {
    EXPECT_THAT(pool_.Query(Soon(), damage), IsOk());
    const std::vector<std::string> wrong = WhatIsWrong();
    EXPECT_THAT(pool_.Query(Soon(), repair), IsOk());
    return wrong;
  };
  EXPECT_THAT(with("UPDATE coupon SET redeemed = 2", "UPDATE coupon SET redeemed = 1"),
              ElementsAre(testing::HasSubstr("coupons_are_redeemed_as_counted: X")));
  EXPECT_THAT(with("UPDATE subscription_term SET redemption_id = (SELECT redemption_id FROM "
                   "coupon_redemption), period_end = to_day",
                   "UPDATE subscription_term SET redemption_id = NULL, period_end = NULL "
                   "WHERE from_day > DATE '2026-02-01'"),
              ElementsAre(testing::HasSubstr("coupons_discount_what_they_promise: X of ")));
  EXPECT_THAT(with("UPDATE invoice_line SET coupon_id = ''",
                   "UPDATE invoice_line SET coupon_id = 'X' WHERE quoted < 0"),
              ElementsAre(testing::HasSubstr("discounts_lower_prices")));
}

}  // namespace
}  // namespace holdfast::billing

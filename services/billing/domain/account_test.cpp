#include "services/billing/domain/account.h"

#include <gtest/gtest.h>

#include "libs/testing/status_matchers.h"
#include "services/billing/domain/tariff_plan.h"

namespace holdfast::billing {
namespace {

using test::HasMessage;
using test::IsOk;

TEST(AccountTest, TakesItsIdAsNumberIfItHasNone) {
  EXPECT_EQ(OpenAccount({.id = AccountId("a-1")}, WallTime())->number, "a-1");
  EXPECT_EQ(OpenAccount({.id = AccountId("a-1"), .number = "77"}, WallTime())->number, "77");
}

TEST(AccountTest, NamesTheFieldThatCannotBe) {
  EXPECT_THAT(OpenAccount({.id = AccountId("")}, WallTime()), HasMessage("account id"));
  EXPECT_THAT(OpenAccount({.id = AccountId("a b")}, WallTime()), HasMessage("account id"));
  EXPECT_THAT(OpenAccount({.id = AccountId(std::string(65, 'a'))}, WallTime()),
              HasMessage("account id"));
  EXPECT_THAT(OpenAccount({.id = AccountId("a"), .login = " x"}, WallTime()), HasMessage("login"));
  EXPECT_THAT(OpenAccount({.id = AccountId("a"), .full_name = "A\nB"}, WallTime()),
              HasMessage("full name has control characters"));
  EXPECT_THAT(OpenAccount({.id = AccountId("a"), .phone = std::string(201, '1')}, WallTime()),
              HasMessage("phone"));
  EXPECT_THAT(OpenAccount({.id = AccountId("a"), .full_name = "Žofie Ünal 山田"}, WallTime()),
              IsOk());
}

TEST(AccountTest, ClosesOnce) {
  ASSERT_OK_AND_ASSIGN(const Account closed, CloseAccount({.id = AccountId("a")}));
  EXPECT_EQ(closed.state, Account::State::kClosed);
  EXPECT_THAT(CloseAccount(closed), HasMessage("closed already"));
}

TEST(AccountTest, PasswordsHaveBounds) {
  EXPECT_THAT(CheckNewPassword("1"), IsOk());
  EXPECT_THAT(CheckNewPassword(""), HasMessage("password"));
  EXPECT_THAT(CheckNewPassword(std::string(201, 'x')), HasMessage("password"));
}

class TariffPlanTest : public testing::Test {
 protected:
  TariffPlan plan_{.id = TariffPlanId("basic"),
                   .name = "Basic",
                   .packages = {PackageId("base"), PackageId("sport")},
                   .price = *Money::Make(999, "EUR"),
                   .period = std::chrono::days(30)};
};

TEST_F(TariffPlanTest, IsFineAsItIs) { EXPECT_THAT(CheckTariffPlan(plan_), IsOk()); }

TEST_F(TariffPlanTest, CannotHaveAPackageTwice) {
  plan_.packages.emplace_back("base");
  EXPECT_THAT(CheckTariffPlan(plan_), HasMessage("package base is named twice"));
}

TEST_F(TariffPlanTest, CannotHaveNegativeTerms) {
  TariffPlan bad = plan_;
  bad.price = -plan_.price;
  EXPECT_THAT(CheckTariffPlan(bad), HasMessage("price"));
  bad = plan_;
  bad.period = std::chrono::days(-1);
  EXPECT_THAT(CheckTariffPlan(bad), HasMessage("period"));
  bad = plan_;
  bad.grace = std::chrono::days(4000);
  EXPECT_THAT(CheckTariffPlan(bad), HasMessage("grace"));
  bad = plan_;
  bad.max_streams = -1;
  EXPECT_THAT(CheckTariffPlan(bad), HasMessage("max streams"));
}

}  // namespace
}  // namespace holdfast::billing

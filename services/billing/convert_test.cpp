#include "services/billing/convert.h"

#include <gtest/gtest.h>

#include "libs/testing/status_matchers.h"

namespace holdfast::billing {
namespace {

using std::chrono::days;
using test::HasCode;
using test::HasMessage;
using test::IsOk;

v1::TariffPlan WirePlan() {
  v1::TariffPlan plan;
  plan.set_tariff_plan_id("basic");
  plan.set_name("Basic");
  plan.add_package_ids("base");
  plan.add_package_ids("sport");
  plan.mutable_price()->set_minor_units(1234);
  plan.mutable_price()->set_currency("EUR");
  plan.set_period_days(30);
  plan.set_max_streams(2);
  plan.set_max_devices(5);
  plan.set_grace_days(0);
  return plan;
}

TEST(ConvertTest, APlanComesBackAsItWas) {
  ASSERT_OK_AND_ASSIGN(const TariffPlan plan, ParsePlan(WirePlan()));
  EXPECT_EQ(plan.grace, days(0));
  v1::TariffPlan answer = ToProto(plan);
  EXPECT_EQ(answer.version(), 1) << "billing numbers the versions of a plan's terms";
  answer.clear_version();
  EXPECT_EQ(answer.SerializeAsString(), WirePlan().SerializeAsString());
}

TEST(ConvertTest, WithoutGraceDaysAPlanHasTheUsualOnes) {
  v1::TariffPlan wire = WirePlan();
  wire.clear_grace_days();
  EXPECT_EQ(ParsePlan(wire)->grace, kDefaultGrace);
}

TEST(ConvertTest, APlanNeedsACurrency) {
  v1::TariffPlan wire = WirePlan();
  wire.mutable_price()->set_currency("euro");
  EXPECT_THAT(ParsePlan(wire), HasCode(absl::StatusCode::kInvalidArgument));
}

TEST(ConvertTest, AnEntitlementCarriesItsDatesAndAllItsPackages) {
  const Entitlement entitlement{.account = AccountId("a"),
                                .revision = 7,
                                .standing = Entitlement::Standing::kGrace,
                                .packages = {PackageId("base"), PackageId("sport")},
                                .max_streams = 3,
                                .valid_until = FromEpochSeconds(1'800'000'000),
                                .grace_until = FromEpochSeconds(1'800'604'800)};
  const v1::Entitlement wire = ToProto(entitlement);
  EXPECT_EQ(wire.status(), v1::Entitlement::STATUS_GRACE);
  EXPECT_EQ(wire.package_ids_size(), 2);
  EXPECT_EQ(wire.valid_until().seconds(), 1'800'000'000);
  EXPECT_EQ(wire.grace_until().seconds(), 1'800'604'800);
  EXPECT_FALSE(ToProto(Entitlement{}).has_valid_until());
}

TEST(ConvertTest, TheDayOfValidUntilIsWhatCounts) {
  v1::StartSubscriptionRequest request;
  EXPECT_EQ(*ParseValidUntil(request), std::nullopt);
  request.mutable_valid_until()->set_seconds(1'767'225'600 + 86'399);  // 2026-01-01 23:59:59
  EXPECT_EQ(*ParseValidUntil(request), sys_days(std::chrono::year(2026) / 1 / 1));
  request.mutable_valid_until()->set_seconds(std::numeric_limits<std::int64_t>::max());
  EXPECT_THAT(ParseValidUntil(request), HasMessage("valid_until"));
  request.mutable_valid_until()->set_seconds(std::numeric_limits<std::int64_t>::min());
  EXPECT_THAT(ParseValidUntil(request), HasMessage("valid_until"));
}

TEST(ConvertTest, APageTokenLeadsBehindItsAccount) {
  v1::ListAccountsRequest request;
  request.set_page_token(TokenAfter("a-1"));
  EXPECT_EQ(ParseFilter(request)->after, AccountId("a-1"));
  for (const std::string bad : {"!", "YSBi", "a"}) {  // the second one is "a b"
    request.set_page_token(bad);
    EXPECT_THAT(ParseFilter(request), HasMessage("page_token"));
  }
}

TEST(ConvertTest, PagesHaveBounds) {
  v1::ListAccountsRequest request;
  EXPECT_EQ(ParseFilter(request)->limit, 50);
  request.set_page_size(1001);
  EXPECT_THAT(ParseFilter(request), HasMessage("page_size"));
  request.set_page_size(-1);
  EXPECT_THAT(ParseFilter(request), HasMessage("page_size"));
}

TEST(ConvertTest, APasswordNeedsALoginAndALoginAPassword) {
  v1::CreateAccountRequest request;
  EXPECT_THAT(ParseAccount(request, WallTime()), IsOk());
  request.set_password("secret");
  EXPECT_THAT(ParseAccount(request, WallTime()), HasMessage("login"));
  request.clear_password();
  request.set_login("ann");
  EXPECT_THAT(ParseAccount(request, WallTime()), HasMessage("password"));
}

TEST(ConvertTest, TwoCommandsAreTheSameWhenAllButTheKeyIs) {
  v1::PutPackageRequest request;
  request.set_idempotency_key("k");
  request.mutable_package()->set_package_id("base");
  ASSERT_OK_AND_ASSIGN(const Command command, ParseCommand(request, Secrecy::kNone));
  const std::string stored = Fingerprint(command);
  EXPECT_TRUE(Repeats(command, stored));
  request.mutable_package()->set_name("Base");
  EXPECT_FALSE(Repeats(*ParseCommand(request, Secrecy::kNone), stored));
}

TEST(ConvertTest, AFingerprintDoesNotGiveAPasswordAway) {
  v1::SetPasswordRequest request;
  request.set_idempotency_key("k");
  request.set_password("1234");
  ASSERT_OK_AND_ASSIGN(const Command command, ParseCommand(request, Secrecy::kHoldsPassword));
  const std::string stored = Fingerprint(command);
  EXPECT_TRUE(stored.starts_with("$argon2id$")) << stored;
  EXPECT_TRUE(Repeats(command, stored));
  request.set_password("1235");
  EXPECT_FALSE(Repeats(*ParseCommand(request, Secrecy::kHoldsPassword), stored));
}

TEST(ConvertTest, AKeyIsNeededAndBounded) {
  v1::PutPackageRequest request;
  for (const std::string& bad : {std::string(), std::string("a b"), std::string(201, 'k')}) {
    request.set_idempotency_key(bad);
    EXPECT_THAT(ParseCommand(request, Secrecy::kNone), HasMessage("idempotency_key"));
  }
}

}  // namespace
}  // namespace holdfast::billing

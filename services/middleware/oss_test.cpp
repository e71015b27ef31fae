// The OSS API without its neighbours: who may, what a path names, what a hook's answer says.
#include <gmock/gmock.h>

#include <fstream>
#include <string>

#include "libs/testing/temp_dir.h"
#include "libs/testing/test_tls.h"
#include "services/middleware/apps_fixture_test.h"
#include "services/middleware/offers.h"
#include "services/middleware/oss_credentials.h"
#include "services/middleware/oss_hooks.h"

namespace holdfast::middleware {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(OssCredentialsTest, NamesAndSecretsComeFromLines) {
  const auto credentials =
      OssCredentials::Parse("# who\n\ncrm:a-long-secret\nbilling:with:colons:in:it\n");
  ASSERT_THAT(credentials, test::IsOk());
  EXPECT_EQ(credentials->WhoIs("Bearer a-long-secret"), "crm");
  EXPECT_EQ(credentials->WhoIs("bearer with:colons:in:it"), "billing");
  EXPECT_EQ(credentials->WhoIs("Basic Y3JtOmEtbG9uZy1zZWNyZXQ="), "crm");
  for (const char* wrong : {"", "Bearer", "Bearer ", "Bearer a-long-secre", "Basic !!!",
                            "Basic Y3Jt", "Digest a-long-secret", "a-long-secret"}) {
    EXPECT_EQ(credentials->WhoIs(wrong), std::nullopt) << wrong;
  }
  EXPECT_EQ(OssCredentials().WhoIs("Bearer "), std::nullopt);
  EXPECT_EQ(OssCredentials::Parse("").status().message(), "it names nobody");
  EXPECT_EQ(OssCredentials::Parse("x:short").status().message(),
            "the secret in line 1 has less than 12 characters");
  EXPECT_EQ(OssCredentials::Parse("\n:no-name-at-all").status().message(),
            "line 2 is not name:secret");
  EXPECT_FALSE(OssCredentials::Load("/nowhere").ok());
}

OssCall CallOf(std::string_view path) {
  OssCall call;
  ParseOssPath(path, call);
  return call;
}

TEST(OssPathTest, TheFirstIdDecidesWhetherAllAreMacs) {
  EXPECT_EQ(CallOf("/accounts").resource, "accounts");
  EXPECT_THAT(CallOf("/accounts").ids, IsEmpty());
  EXPECT_EQ(CallOf("/v1/stb/").resource, "stb");
  EXPECT_THAT(CallOf("/accounts/1,%202,,3").ids, ElementsAre("1", "2", "3"));
  const OssCall macs = CallOf("/stb/00-1a-79-00-00-01,00:1A:79:00:00:02");
  EXPECT_TRUE(macs.by_mac);
  EXPECT_THAT(macs.ids, ElementsAre("00:1A:79:00:00:01", "00:1A:79:00:00:02"));
  EXPECT_FALSE(CallOf("/accounts/123456789012345").by_mac);  // a long number
  EXPECT_TRUE(CallOf("/accounts/00:1A:79:00:00:01").by_mac);
  EXPECT_TRUE(CallOf("/stb_msg/123456789012345").by_mac);
  EXPECT_EQ(CallOf("").resource, "");
  EXPECT_EQ(CallOf("/%").resource, "%");
}

TEST(OssPathTest, AnswersHaveOneEnvelope) {
  EXPECT_EQ(OssEnvelope(OssAnswer("[1]")), R"({"status":"OK","results":[1]})");
  EXPECT_EQ(OssEnvelope(absl::NotFoundError("a \"b\"")),
            R"({"status":"ERROR","results":null,"error":"a \"b\""})");
}

TEST(OssHookTest, OnlyAPositiveAnswerSaysAnything) {
  const http::Form form = ProfileAnswerFields(
      R"({"status":"OK","results":[{"status":0,"tariff":"gold","fname":"A & B","other":1}]})");
  EXPECT_EQ(form.Get("status"), "0");
  EXPECT_EQ(form.Get("tariff_plan"), "gold");
  EXPECT_EQ(form.Get("full_name"), "A & B");
  EXPECT_EQ(form.fields().size(), 3u);
  EXPECT_EQ(ProfileAnswerFields(R"({"status":"OK","results":{"phone":"7"}})").Get("phone"), "7");
  for (const char* none :
       {"", "{", "[]", "null", R"({"status":"OK"})", R"({"status":"ERROR","results":{"status":0}})",
        R"({"status":1,"results":{"status":0}})", R"({"status":"OK","results":[]})",
        R"({"status":"OK","results":true})",
        R"({"status":"OK","results":{"status":null,"tariff":[]}})"}) {
    EXPECT_THAT(ProfileAnswerFields(none).fields(), IsEmpty()) << none;
  }
}

TEST(OssHookTest, AHookThatIsAwayKeepsWhatWaitsAndNoBoxNotices) {
  OssConfig oss;
  oss.profile_hook = "http://127.0.0.1:1/profile";
  PortalFixture box({.oss = oss});
  box.HaveEverything();
  box.LogIn();
  box.LogIn();
  EXPECT_EQ(box.portal().oss().hooks().waiting(), 1u);  // the newest start of the box
  EXPECT_THAT(box.RunJob("oss_hooks"), test::IsOk());
  EXPECT_EQ(box.portal().oss().hooks().waiting(), 1u);
  box.clock().Advance(std::chrono::minutes(11));
  EXPECT_THAT(box.RunJob("oss_hooks"), test::IsOk());
  EXPECT_EQ(box.portal().oss().hooks().waiting(), 0u);  // too old to be worth telling
  EXPECT_NE(box.Zap(1), "");
}

TEST(OssHookTest, OverTlsNobodyButTheRightOneHearsOfABox) {
  test::TempDir dir;
  const test::TestAuthority authority, other;
  std::ofstream(dir.File("ca.pem")) << authority.pem();
  int heard = 0;
  const auto answer = [&](const std::string& request) {
    EXPECT_THAT(request, HasSubstr("GET /profile?mac="));
    ++heard;
    return std::string("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
  };
  const auto waiting_after_a_start_told_to = [&](const test::TestTlsServer& server) {
    OssConfig oss;
    oss.profile_hook = "https://localhost:" + std::to_string(server.port()) + "/profile";
    oss.hook_ca_file = dir.File("ca.pem");
    EXPECT_THAT(oss.CheckHooks(), test::IsOk());
    PortalFixture box({.oss = oss});
    box.HaveEverything();
    box.LogIn();
    EXPECT_THAT(box.RunJob("oss_hooks"), test::IsOk());
    return box.portal().oss().hooks().waiting();
  };
  test::TestTlsServer unknown(other.Issue("DNS:localhost"), answer);
  EXPECT_EQ(waiting_after_a_start_told_to(unknown), 1u);
  test::TestTlsServer misnamed(authority.Issue("DNS:elsewhere"), answer);
  EXPECT_EQ(waiting_after_a_start_told_to(misnamed), 1u);
  EXPECT_EQ(heard, 0);
  test::TestTlsServer right(authority.Issue("DNS:localhost"), answer);
  EXPECT_EQ(waiting_after_a_start_told_to(right), 0u);
  EXPECT_EQ(heard, 1);
}

TEST(OssHookTest, WhatCannotBeCalledOrBelievedIsNamed) {
  OssConfig oss;
  oss.subscribe_hook = "ftp://host/x";
  EXPECT_THAT(oss.CheckHooks(), test::HasMessage("oss_subscribe_hook"));
  oss.subscribe_hook = "https://host/x";
  EXPECT_THAT(oss.CheckHooks(), test::IsOk());
  oss.hook_ca_file = "/nowhere/ca.pem";
  EXPECT_THAT(oss.CheckHooks(), test::HasMessage("oss_hook_ca_file"));
}

TEST(OssApiTest, IsNotThereUntilItIsSwitchedOnAndHasCredentials) {
  AppsFixture off;
  const AppAnswer answer = off.Get("/stalker_portal/api/accounts");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.body, "API not enabled");
  OssConfig oss;
  oss.enabled = true;
  AppsFixture nobody({.oss = oss});
  EXPECT_EQ(nobody.Get("/api/accounts").status, 404);
}

TEST(OssApiTest, NeighboursThatAreAwayAreAnErrorThatNamesThem) {
  OssConfig oss;
  oss.enabled = true;
  AppsFixture app({.oss = oss, .oss_credentials = "crm:a-long-secret"});
  const AppsFixture::Headers who = {{"Authorization", "Bearer a-long-secret"}};
  for (const char* resource : {"accounts/1", "stb", "tariffs", "epg", "account_subscription/1"}) {
    const AppAnswer answer = app.Get(std::string("/stalker_portal/api/v1/") + resource, who);
    EXPECT_EQ(answer.status, 200) << resource;
    EXPECT_EQ(answer.AsJson()["status"], "ERROR") << resource;
    EXPECT_THAT(answer.AsJson()["error"].get<std::string>(),
                HasSubstr("Not possible at the moment, try again"))
        << resource;
  }
}

TEST(OffersTest, AddOnsAreOptionalAndFitOnTheirBasesOnly) {
  AccountSubscriptions account;
  account.packages.emplace_back().set_package_id("basic");
  account.packages.back().set_name("Basic");
  billing::v1::TariffPlan& plan = account.plans.emplace_back();
  plan.set_tariff_plan_id("gold");
  plan.add_package_ids("basic");
  billing::v1::TariffPlan add_on;
  add_on.set_tariff_plan_id("sport");
  add_on.set_add_on(true);
  add_on.add_package_ids("sport-1");
  add_on.mutable_price()->set_currency("EUR");
  add_on.mutable_price()->set_minor_units(199);
  account.plans.push_back(add_on);
  add_on.set_tariff_plan_id("elsewhere");
  add_on.add_allowed_bases("silver");
  account.plans.push_back(add_on);
  EXPECT_THAT(OffersOf(account), IsEmpty());

  using billing::v1::Subscription;
  Subscription& base = account.held.emplace_back();
  base.set_subscription_id("s1");
  base.set_tariff_plan_id("gold");
  base.set_state(Subscription::STATE_SUSPENDED);
  EXPECT_TRUE(IsBlocked(account.held));
  account.held.back().set_state(Subscription::STATE_GRACE);
  EXPECT_FALSE(IsBlocked(account.held));
  std::vector<Offer> offers = OffersOf(account);
  ASSERT_EQ(offers.size(), 2u);
  EXPECT_EQ(offers[0].name, "Basic");
  EXPECT_TRUE(offers[0].subscribed && !offers[0].optional);
  EXPECT_EQ(offers[1].id, "sport");
  EXPECT_EQ(offers[1].price, "1.99 EUR");
  EXPECT_TRUE(!offers[1].subscribed && offers[1].optional);

  Subscription held;
  held.set_tariff_plan_id("sport");
  held.set_base_subscription_id("s1");
  account.held.push_back(held);
  EXPECT_TRUE(OffersOf(account)[1].subscribed);
}

}  // namespace
}  // namespace holdfast::middleware

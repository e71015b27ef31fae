// The OSS API under strain: guessed secrets, lists that are too long, and Redis away.
#include <gmock/gmock.h>

#include <span>

#include "libs/storage/pg_migrate.h"
#include "libs/testing/test_postgres.h"
#include "services/middleware/apps_fixture_test.h"
#include "services/middleware/oss_call.h"

namespace holdfast::middleware {

std::span<const storage::Migration> Migrations();

namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

FixtureOptions WithOss(storage::PgOptions postgres = FixtureOptions().postgres) {
  FixtureOptions options{.postgres = std::move(postgres)};
  options.oss.enabled = true;
  options.oss_credentials = "crm:a-long-secret";
  return options;
}

AppsFixture::Headers Shows(const std::string& secret, const std::string& from = "192.0.2.1") {
  return {{"Authorization", "Bearer " + secret}, {"X-Real-IP", from}};
}

TEST(OssLimitsTest, WhoGuessesSecretsIsRefusedForAWhileWhateverIsShown) {
  AppsFixture app(WithOss());
  const auto outcome = [&](const char* word) {
    return app.box()
        .metrics()
        .CounterFamily("holdfast_middleware_oss_calls_total", "", {"resource", "outcome"})
        .With({"any", word})
        .value();
  };
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(app.Get("/api/stb", Shows("guess-" + std::to_string(i))).status, 401);
  }
  EXPECT_EQ(outcome("unauthorized"), 20);
  const AppAnswer right = app.Get("/api/stb", Shows("a-long-secret"));
  EXPECT_EQ(right.status, 401);
  EXPECT_EQ(right.body, app.Get("/api/stb", Shows("wrong")).body) << "a guesser learns nothing";
  EXPECT_EQ(outcome("too_many_attempts"), 2);
  EXPECT_EQ(outcome("unauthorized"), 20);
  EXPECT_EQ(app.Get("/api/stb", Shows("a-long-secret", "192.0.2.2")).status, 200);
  app.box().clock().Advance(60s);
  EXPECT_EQ(app.Get("/api/stb", Shows("a-long-secret")).status, 200);
}

TEST(OssLimitsTest, AScriptWithTheRightSecretIsNeverTooMany) {
  AppsFixture app(WithOss());
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(app.Get("/api/tariffs", Shows("a-long-secret")).status, 200);
  }
}

OssCall Asks(std::string_view fields) {
  OssCall call;
  call.form = http::Form(fields);
  return call;
}

TEST(OssLimitsTest, ALongListIsAskedForInParts) {
  const auto all = PartOf(Asks(""), 10, 10);
  ASSERT_THAT(all, test::IsOk());
  EXPECT_EQ(all->end - all->first, 10u);
  EXPECT_THAT(PartOf(Asks(""), 11, 10), test::HasMessage("There are 11 of them, more than 10"));
  const auto third = PartOf(Asks("page=3&per_page=4"), 11, 10);
  ASSERT_THAT(third, test::IsOk());
  EXPECT_EQ(third->first, 8u);
  EXPECT_EQ(third->end, 11u);
  const auto beyond = PartOf(Asks("page=9999999&per_page=10"), 11, 10);
  ASSERT_THAT(beyond, test::IsOk());
  EXPECT_EQ(beyond->first, beyond->end);
  for (const char* wrong : {"page=0", "page=x", "page=-1", "page=99999999999999999999"}) {
    EXPECT_THAT(PartOf(Asks(wrong), 11, 10), test::HasMessage("page")) << wrong;
  }
  for (const char* wrong : {"page=1&per_page=0", "page=1&per_page=11"}) {
    EXPECT_THAT(PartOf(Asks(wrong), 11, 10), test::HasMessage("per_page")) << wrong;
  }
}

class OssBoxesTest : public testing::Test {
 protected:
  void SetUp() override {
    telemetry::Metrics metrics;
    storage::PgPool pool(options_, metrics);
    ASSERT_THAT(storage::Migrate(pool, Migrations(), Deadline::After(10s)), test::IsOk());
  }
  Json Ask(const std::string& method, const std::string& path, const std::string& body = "") {
    return app_.Send(method, "/api/" + path, Shows("a-long-secret"), body).AsJson();
  }
  test::TestPostgres& server_ = test::TestPostgres::Shared();
  const storage::PgOptions options_{.hosts = "127.0.0.1:" + std::to_string(server_.port()),
                                    .database = server_.NewDatabase(),
                                    .user = server_.user()};
  AppsFixture app_{WithOss(options_)};
};

TEST_F(OssBoxesTest, BoxesAreListedInPartsAndMarkedWhileNobodyKnowsWhoIsOnline) {
  for (const char* mac : {"00:1A:79:00:00:01", "00:1A:79:00:00:02", "00:1A:79:00:00:03"}) {
    EXPECT_EQ(Ask("POST", "stb", std::string("mac=") + mac)["status"], "OK");
  }
  const AppAnswer all = app_.Get("/api/stb", Shows("a-long-secret"));
  EXPECT_EQ(all.AsJson()["results"].size(), 3u);
  EXPECT_EQ(all.AsJson()["results"][0]["online"], "0");
  EXPECT_EQ(all.degraded, "redis");
  const Json part = Ask("GET", "stb?page=2&per_page=2");
  ASSERT_EQ(part["results"].size(), 1u) << part;
  EXPECT_EQ(part["results"][0]["mac"], "00:1A:79:00:00:03");
  EXPECT_EQ(app_.Get("/api/stb_modules/00:1A:79:00:00:01", Shows("a-long-secret")).degraded, "");
}

TEST_F(OssBoxesTest, WhatIsNotSoldIsSaidAndWhatNoBoxKnowsIsFalse) {
  const std::string box = "00:1A:79:00:00:01";
  EXPECT_EQ(Ask("POST", "stb", "mac=" + box)["status"], "OK");
  const std::string subscription = "itv_subscription/" + box;
  const Json list = {
      {{"ls", ""}, {"mac", box}, {"sub_ch", Json::array()}, {"additional_services_on", "1"}}};
  EXPECT_EQ(Ask("PUT", subscription, "additional_services_on=1")["results"], list);
  EXPECT_THAT(Ask("PUT", subscription, "sub_ch[]=1")["error"].get<std::string>(),
              HasSubstr("account_subscription"));
  EXPECT_THAT(Ask("PUT", subscription, "additional_services_on=0")["error"].get<std::string>(),
              HasSubstr("packages decide"));
  EXPECT_EQ(Ask("PUT", subscription)["error"], "HTTP PUT data is empty");
  EXPECT_EQ(Ask("PUT", "itv_subscription", "additional_services_on=1")["error"],
            "Identifier required");
  EXPECT_EQ(Ask("POST", "send_event/" + box, "event=explode")["results"], false);
  EXPECT_EQ(Ask("POST", "send_event/" + box, "event=reboot")["results"], true);
  EXPECT_THAT(Ask("POST", "epg", "uri=http://x/g.xml&id_prefix=a_")["error"].get<std::string>(),
              HasSubstr("id_prefix"));
}

}  // namespace
}  // namespace holdfast::middleware

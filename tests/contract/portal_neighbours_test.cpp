// The portal with the real billing and analytics: every address under which a box looks for it,
// logins, entitlements, and reports that had to wait.
#include <gmock/gmock.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "libs/http/client.h"
#include "tests/contract/programs.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Json = nlohmann::json;

class PortalNeighboursTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(Eventually([&] { return Get("/c/version.js").status == 200; }, kPatience));
    // Boxes are served once the lineup has been read.
    ASSERT_TRUE(Eventually(
        [&] {
          return programs_
                     .Call<middleware::v1::Lineup>("middleware", "GetLineup",
                                                   middleware::v1::GetLineupRequest())
                     .value_or(middleware::v1::Lineup())
                     .channels_size() == 2;
        },
        kPatience));
  }

  http::ClientResponse Send(const http::ClientRequest& request) {
    const auto answer = http::Fetch(request, Deadline::After(10s));
    return answer.ok() ? *answer : http::ClientResponse();
  }
  std::string Url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(programs_.middleware.http) + path;
  }
  http::ClientResponse Get(const std::string& path) { return Send({.url = Url(path)}); }

  // What stands in "js" of one call of the box.
  Json Box(const std::string& mac, const std::string& query) {
    http::ClientRequest request{
        .url = Url("/stalker_portal/server/load.php?" + query + "&JsHttpRequest=1-xml"),
        .headers = {{"Cookie", "mac=" + mac + "; stb_lang=en; timezone=Europe/London"}}};
    if (!tokens_[mac].empty())
      request.headers.emplace_back("Authorization", "Bearer " + tokens_[mac]);
    const http::ClientResponse answer = Send(request);
    EXPECT_EQ(answer.status, 200) << query;
    const Json json = Json::parse(answer.body, nullptr, /*allow_exceptions=*/false);
    return json.is_object() ? json.value("js", Json()) : Json(answer.body);
  }
  void Handshake(const std::string& mac) {
    tokens_[mac].clear();
    const Json js = Box(mac, "type=stb&action=handshake");
    tokens_[mac] = js.value("token", "");
  }
  int Channels(const std::string& mac) {
    const Json js = Box(mac, "type=itv&action=get_all_channels");
    return js.is_object() ? js.value("total_items", -1) : -1;
  }

  void HaveAccount(const std::string& account, const std::string& plan) {
    billing::v1::CreateAccountRequest request;
    request.set_idempotency_key("account-" + account);
    request.set_account_id(account);
    request.set_login(account);
    request.set_password("secret-" + account);
    request.set_full_name("Ada " + account);
    programs_.Ask<billing::v1::Account>("billing", "CreateAccount", request);
    billing::v1::StartSubscriptionRequest subscription;
    subscription.set_idempotency_key("subscription-" + account);
    subscription.set_account_id(account);
    subscription.set_tariff_plan_id(plan);
    programs_.Ask<billing::v1::Subscription>("billing", "StartSubscription", subscription);
  }
  void HaveDevice(const std::string& mac, const std::string& account) {
    middleware::v1::PutDeviceRequest request;
    request.set_mac(mac);
    request.set_account_id(account);
    programs_.Ask<middleware::v1::Device>("middleware", "PutDevice", request);
  }
  std::int64_t Plays(const std::string& channel) {
    analytics::v1::ReportRequest request;
    request.set_from_ms(EpochMillis(SystemClock::Get().Now()) - 3'600'000);
    request.set_to_ms(EpochMillis(SystemClock::Get().Now()) + 120'000);
    const auto answer = programs_.Call<analytics::v1::ListChannelCountsResponse>(
        "analytics", "ListChannelCounts", request);
    if (!answer.ok()) return -1;
    for (const auto& row : answer->rows()) {
      if (row.channel_id() == channel) return row.counts().plays();
    }
    return 0;
  }

  Programs& programs_ = Programs::Shared();
  std::map<std::string, std::string> tokens_;
};

constexpr const char* kEndpoints[] = {"/stalker_portal/server/load.php", "/server/load.php",
                                      "/portal.php", "/c/portal.php", "/stalker_portal/portal.php"};

TEST_F(PortalNeighboursTest, EveryAddressIsThePortalByGetAndByPost) {
  for (const std::string endpoint : kEndpoints) {
    for (const std::string method : {"GET", "POST"}) {
      http::ClientRequest request{.method = method,
                                  .url = Url(endpoint),
                                  .headers = {{"Cookie", "mac=00%3A1A%3A79%3A00%3A00%3A01"}}};
      const std::string fields = "type=stb&action=handshake&token=&prehash=0";
      if (method == "GET") {
        request.url += "?" + fields + "&JsHttpRequest=1-xml";
      } else {
        request.url += "?JsHttpRequest=123-xml";
        request.body = fields;
        request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
      }
      const http::ClientResponse answer = Send(request);
      EXPECT_EQ(answer.status, 200) << method << endpoint;
      EXPECT_EQ(answer.Header("Content-Type"), "application/json") << method << endpoint;
      EXPECT_EQ(answer.Header("Cache-Control"), "no-store, no-cache, must-revalidate");
      const Json json = Json::parse(answer.body, nullptr, false);
      ASSERT_TRUE(json.is_object()) << method << endpoint << answer.body;
      EXPECT_TRUE(json["js"]["token"].is_string()) << method << endpoint;
    }
  }
}

TEST_F(PortalNeighboursTest, ARangeOfTheWholeBodyGetsTheWholeBody) {
  const http::ClientResponse answer =
      Send({.url = Url("/portal.php?type=stb&action=handshake"),
            .headers = {{"Cookie", "mac=00:1A:79:00:00:01"}, {"Range", "bytes=0-"}}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(Json::parse(answer.body, nullptr, false).is_object());
}

TEST_F(PortalNeighboursTest, ThePagesThatClientsProbeAreThere) {
  for (const char* page : {"/stalker_portal/c/", "/c/", "/stalker_portal/c/index.html",
                           "/c/index.html", "/stalker_portal/c", "/c"}) {
    const http::ClientResponse answer = Get(page);
    EXPECT_EQ(answer.status, 200) << page;
    EXPECT_THAT(std::string(answer.Header("Content-Type")), StartsWith("text/html")) << page;
    EXPECT_THAT(answer.body, HasSubstr("<html>")) << page;
  }
  for (const char* page : {"/stalker_portal/c/version.js", "/c/version.js"}) {
    EXPECT_EQ(Get(page).body, "var ver = '5.1.1';\n") << page;
  }
  EXPECT_EQ(Get("/stalker_portal/nothing").status, 404);
}

TEST_F(PortalNeighboursTest, ALoginIsDecidedByBilling) {
  HaveAccount("login-1", "plan-0");
  const std::string mac = "00:1A:79:01:00:01";
  Handshake(mac);
  EXPECT_EQ(Box(mac, "type=stb&action=get_profile")["status"], 2);
  EXPECT_EQ(Box(mac, "type=stb&action=do_auth&login=login-1&password=wrong"), false);
  EXPECT_EQ(Box(mac, "type=stb&action=do_auth&login=nobody&password=x"), false);
  EXPECT_EQ(Box(mac, "type=stb&action=do_auth&login=login-1&password=secret-login-1"), true);
  // The name comes with the entitlement, which is fetched behind the answer of the login.
  EXPECT_TRUE(Eventually([&] {
    const Json profile = Box(mac, "type=stb&action=get_profile&auth_second_step=1");
    return profile.value("status", Json()) == "0" && profile.value("fname", "") == "Ada login-1";
  }));
  EXPECT_EQ(Channels(mac), 1);  // "basic" only
}

// As clients do that never adopt ours and never load a profile.
TEST_F(PortalNeighboursTest, ALoginMakesTheTokenGoodThatTheClientMadeUpItself) {
  HaveAccount("own-token", "plan-0");
  const std::string mac = "00:1A:79:01:00:0A";
  Handshake(mac);
  tokens_[mac] = "0123456789ABCDEF0123456789ABCDEF";
  EXPECT_EQ(Box(mac, "type=itv&action=get_genres"), "Authorization failed.");
  EXPECT_EQ(Box(mac, "type=stb&action=do_auth&login=own-token&password=secret-own-token"), true);
  EXPECT_EQ(Channels(mac), 1);
  tokens_[mac] = "FFFFFFFFFFFFFFFF0123456789ABCDEF";
  EXPECT_EQ(Box(mac, "type=itv&action=get_genres"), "Authorization failed.");
}

TEST_F(PortalNeighboursTest, AnEntitlementIsFetchedWhenABoxStarts) {
  HaveAccount("fetched", "plan-0");
  const std::string mac = "00:1A:79:01:00:02";
  HaveDevice(mac, "fetched");
  Handshake(mac);
  EXPECT_EQ(Box(mac, "type=stb&action=get_profile")["fname"], "Ada fetched");
  EXPECT_EQ(Channels(mac), 1);
}

TEST_F(PortalNeighboursTest, AnAccountThatBillingDoesNotKnowHasNothing) {
  const std::string mac = "00:1A:79:01:00:03";
  HaveDevice(mac, "never-heard-of");
  Handshake(mac);
  EXPECT_EQ(Box(mac, "type=stb&action=get_profile")["status"], "0");
  EXPECT_EQ(Channels(mac), 0);
  EXPECT_EQ(Box(mac, "type=itv&action=create_link&cmd=/ch/1")["error"], "access_denied");
  // Until billing says otherwise.
  HaveAccount("never-heard-of", "plan-0");
  EXPECT_TRUE(Eventually([&] { return Channels(mac) == 1; }, kPatience));
}

TEST_F(PortalNeighboursTest, OneBoxMoreThanTheTariffAllowsTakesThePlaceOfTheFirst) {
  HaveAccount("single", "plan-1");
  const std::string first = "00:1A:79:01:00:04", second = "00:1A:79:01:00:05";
  for (const std::string& mac : {first, second}) {
    Handshake(mac);
    Box(mac, "type=stb&action=get_profile");
    EXPECT_EQ(Box(mac, "type=stb&action=do_auth&login=single&password=secret-single"), true);
    EXPECT_EQ(Box(mac, "type=stb&action=get_profile")["status"], "0");
  }
  EXPECT_EQ(Channels(second), 1);
  EXPECT_EQ(Box(first, "type=itv&action=get_genres"), "Authorization failed.");
  Handshake(first);
  EXPECT_EQ(Box(first, "type=stb&action=get_profile")["status"], 2);
}

// From the operator who sets a price to the viewer who watches: everything but the picture.
TEST_F(PortalNeighboursTest, AFilmIsRentedForItsPriceAndPlays) {
  billing::v1::PutPackageRequest package;
  package.set_idempotency_key("cinema");
  package.mutable_package()->set_package_id("cinema");
  package.mutable_package()->set_name("Cinema");
  package.mutable_package()->set_service_type(billing::v1::Package::SERVICE_TYPE_SINGLE);
  package.mutable_package()->set_rental_seconds(48 * 3600);
  billing::v1::Money& price = *package.mutable_package()->add_rental_prices();
  price.set_minor_units(300);
  price.set_currency("EUR");
  programs_.Ask<billing::v1::Package>("billing", "PutPackage", package);
  billing::v1::CreateAccountRequest account;
  account.set_idempotency_key("account-renter");
  account.set_account_id("renter");
  account.set_charging(billing::v1::CHARGING_POSTPAID);
  account.set_currency("EUR");
  programs_.Ask<billing::v1::Account>("billing", "CreateAccount", account);
  middleware::v1::PutVodTitleRequest film;
  film.set_idempotency_key("ice");
  film.mutable_title()->set_name("Ice Station");
  film.mutable_title()->set_package_id("cinema");
  film.mutable_title()->add_files()->set_file_id(900);
  film.mutable_title()->mutable_files(0)->set_address("http://far/ice.mp4");
  const std::string id = std::to_string(
      programs_.Ask<middleware::v1::VodTitle>("middleware", "PutVodTitle", film).title_id());

  const std::string mac = "00:1A:79:01:00:07";
  HaveDevice(mac, "renter");
  Handshake(mac);
  Box(mac, "type=stb&action=get_profile");
  const auto row = [&] {
    const Json page = Box(mac, "type=vod&action=get_ordered_list&category=*&p=1");
    const Json rows = page.is_object() ? page.value("data", Json::array()) : Json::array();
    for (const Json& r : rows) {
      if (r["id"] == id) return r;
    }
    return Json::object();
  };
  ASSERT_TRUE(Eventually([&] { return row().value("for_rent", 0) == 1; }, kPatience));
  EXPECT_EQ(row()["cost"], "3.00");
  EXPECT_EQ(row()["open"], 0);
  const std::string link = "type=vod&action=create_link&cmd=/media/" + id + ".mpg";
  EXPECT_EQ(Box(mac, link)["error"], "access_denied");
  EXPECT_EQ(Box(mac, "type=account&action=check_video_price&video_id=" + id),
            Json({{"result", "3.00 EUR"}, {"rent_duration", 48}}));

  const std::string rent = "type=account&action=rent_video&video_id=" + id + "&price=";
  EXPECT_EQ(Box(mac, rent + "2.99%20EUR")["message"],
            "The price has changed. Please look at it again.");
  const Json rented = Box(mac, rent + "3.00%20EUR");
  EXPECT_EQ(rented["result"], 1) << rented;
  EXPECT_EQ(rented["package_id"], "cinema");
  EXPECT_EQ(Box(mac, link)["cmd"], "ffmpeg http://far/ice.mp4");
  EXPECT_EQ(row()["rent_info"], rented["rent_info"]);
  EXPECT_EQ(Box(mac, rent + "3.00%20EUR")["result"], 1);
  billing::v1::ListRentalsRequest rentals;
  rentals.set_account_id("renter");
  const auto listed =
      programs_.Ask<billing::v1::ListRentalsResponse>("billing", "ListRentals", rentals);
  ASSERT_EQ(listed.rentals_size(), 1);
  EXPECT_EQ(listed.rentals(0).item_id(), "film-" + id);
  EXPECT_NE(listed.rentals(0).invoice_id(), "");
}

TEST_F(PortalNeighboursTest, PlaysReportedWhileAnalyticsIsAwayAreCountedWhenItReturns) {
  HaveAccount("reports", "plan-0");
  const std::string mac = "00:1A:79:01:00:06";
  HaveDevice(mac, "reports");
  Handshake(mac);
  ASSERT_EQ(Channels(mac), 1);
  programs_.analytics.process->Kill();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Box(mac, "type=stb&action=log&real_action=play&ch_id=1&tmp_type=1"), 1);
  }
  programs_.analytics.Start();
  std::int64_t plays = 0;
  EXPECT_TRUE(Eventually([&] { return (plays = Plays("news")) >= 3; }, kPatience)) << plays;
}

}  // namespace
}  // namespace holdfast::test

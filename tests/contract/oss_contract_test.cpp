// The OSS API with the real billing behind it: resources, errors and side effects to the letter,
// and the hooks, which no box waits for (portal protocol, section 15).
#include <gmock/gmock.h>

#include <chrono>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libs/base/encoding.h"
#include "libs/http/client.h"
#include "libs/http/server.h"
#include "tests/contract/programs.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Json = nlohmann::json;

// "crm:a-long-secret"
constexpr const char* kBasic = "Basic Y3JtOmEtbG9uZy1zZWNyZXQ=";

// The operator's own billing, as hooks see it.
class HookServer {
 public:
  explicit HookServer(std::uint16_t port) {
    http::Router router;
    for (const char* path : {"/profile", "/subscribe", "/unsubscribe"}) {
      router.Get(path, http::Inline([this](const http::Request& request) {
                   const std::lock_guard lock(mutex_);
                   asked_.emplace_back(request.target());
                   return http::Response::Json(answer_);
                 }));
    }
    server_ = std::make_unique<http::Server>(http::ServerOptions{.port = port}, std::move(router),
                                             metrics_);
    EXPECT_THAT(server_->Start(), IsOk());
  }
  ~HookServer() { server_->Drain(Deadline::After(5s)); }

  void Answer(std::string json) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(json);
  }
  bool WasAsked(const std::vector<std::string>& parts) {
    const std::lock_guard lock(mutex_);
    return std::any_of(asked_.begin(), asked_.end(), [&](const std::string& target) {
      return std::all_of(parts.begin(), parts.end(), [&](const std::string& part) {
        return target.find(part) != std::string::npos;
      });
    });
  }

 private:
  telemetry::Metrics metrics_;
  std::mutex mutex_;
  std::vector<std::string> asked_;
  std::string answer_ = R"({"status":"OK","results":true})";
  std::unique_ptr<http::Server> server_;
};

class OssContractTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(Eventually([&] { return Get("/c/version.js").status == 200; }, kPatience));
    ASSERT_TRUE(Eventually(
        [&] {
          return programs_
                     .Call<middleware::v1::Lineup>("middleware", "GetLineup",
                                                   middleware::v1::GetLineupRequest())
                     .value_or(middleware::v1::Lineup())
                     .channels_size() >= 2;
        },
        kPatience));
    SellAddOn();
  }

  // "movies" may be added to any plan.
  void SellAddOn() {
    billing::v1::PutPackageRequest package;
    package.set_idempotency_key("package-extra");
    package.mutable_package()->set_package_id("extra");
    package.mutable_package()->set_name("Extra");
    programs_.Ask<billing::v1::Package>("billing", "PutPackage", package);
    billing::v1::PutTariffPlanRequest plan;
    plan.set_idempotency_key("plan-sport-pack");
    plan.mutable_tariff_plan()->set_tariff_plan_id("sport-pack");
    plan.mutable_tariff_plan()->set_name("Sport pack");
    plan.mutable_tariff_plan()->add_package_ids("sport");
    plan.mutable_tariff_plan()->mutable_price()->set_currency("EUR");
    plan.mutable_tariff_plan()->mutable_price()->set_minor_units(150);
    plan.mutable_tariff_plan()->set_period_days(30);
    plan.mutable_tariff_plan()->set_add_on(true);
    plan.mutable_tariff_plan()->add_allowed_bases("plan-0");
    programs_.Ask<billing::v1::TariffPlan>("billing", "PutTariffPlan", plan);
  }

  std::string Url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(programs_.middleware.http) + path;
  }
  http::ClientResponse Send(const std::string& method, const std::string& path,
                            const std::string& body = "",
                            const std::string& authorization = kBasic) {
    http::ClientRequest request{.method = method, .url = Url(path), .body = body};
    if (!authorization.empty()) request.headers.emplace_back("Authorization", authorization);
    const auto answer = http::Fetch(request, Deadline::After(40s));
    EXPECT_THAT(answer, IsOk());
    return answer.ok() ? *answer : http::ClientResponse();
  }
  http::ClientResponse Get(const std::string& path) {
    const auto answer = http::Fetch({.url = Url(path)}, Deadline::After(10s));
    return answer.ok() ? *answer : http::ClientResponse();
  }
  // The envelope.
  Json Ask(const std::string& method, const std::string& resource, const std::string& body = "") {
    const http::ClientResponse answer = Send(method, "/stalker_portal/api/" + resource, body);
    EXPECT_EQ(answer.status, 200) << resource;
    EXPECT_EQ(answer.Header("Content-Type"), "application/json");
    const Json json = Json::parse(answer.body, nullptr, /*allow_exceptions=*/false);
    EXPECT_TRUE(json.is_object()) << answer.body;
    return json.is_object() ? json : Json::object();
  }
  Json Results(const std::string& method, const std::string& resource,
               const std::string& body = "") {
    const Json json = Ask(method, resource, body);
    EXPECT_EQ(json.value("status", ""), "OK") << method << " " << resource << json.dump();
    EXPECT_FALSE(json.contains("error"));
    return json.value("results", Json());
  }
  std::string Error(const std::string& method, const std::string& resource,
                    const std::string& body = "") {
    const Json json = Ask(method, resource, body);
    EXPECT_EQ(json.value("status", ""), "ERROR") << method << " " << resource << json.dump();
    EXPECT_TRUE(json.contains("results") && json["results"].is_null());
    return json.value("error", "");
  }
  // An account on plan-0 with a box.
  void HaveAccount(const std::string& number, const std::string& mac,
                   const std::string& more = "") {
    EXPECT_EQ(
        Results("POST", "accounts",
                "login=" + number + "&password=pw-" + number + "&full_name=Ada+" + number +
                    "&account_number=" + number + "&tariff_plan=plan-0&stb_mac=" + mac + more),
        true);
  }

  Json Box(const std::string& mac, const std::string& query) {
    http::ClientRequest request{
        .url = Url("/stalker_portal/server/load.php?" + query),
        .headers = {{"Cookie", "mac=" + mac + "; stb_lang=en; timezone=UTC"}}};
    if (!tokens_[mac].empty())
      request.headers.emplace_back("Authorization", "Bearer " + tokens_[mac]);
    const auto answer = http::Fetch(request, Deadline::After(15s));
    EXPECT_THAT(answer, IsOk());
    if (!answer.ok()) return Json();
    const Json json = Json::parse(answer->body, nullptr, /*allow_exceptions=*/false);
    return json.is_object() ? json.value("js", Json()) : Json(answer->body);
  }
  Json StartBox(const std::string& mac) {
    tokens_[mac].clear();
    tokens_[mac] = Box(mac, "type=stb&action=handshake").value("token", "");
    return Box(mac, "type=stb&action=get_profile&stb_type=MAG250&sn=SN1");
  }
  int Channels(const std::string& mac) {
    const Json js = Box(mac, "type=itv&action=get_all_channels");
    return js.is_object() ? js.value("total_items", -1) : -1;
  }
  // The next event that the box finds; "" if there is none.
  std::string NextEvent(const std::string& mac) {
    const Json js = Box(mac, "type=watchdog&action=get_events&init=0");
    return js.is_object() ? js.value("data", Json::object()).value("event", "") : js.dump();
  }

  Programs& programs_ = Programs::Shared();
  std::map<std::string, std::string> tokens_;
};

TEST_F(OssContractTest, OnlyWhoHasTheSecretIsLetIn) {
  for (const std::string wrong : {"", "Basic Y3JtOndyb25n", "Bearer nonsense-nonsense"}) {
    const auto answer = Send("GET", "/stalker_portal/api/accounts", "", wrong);
    EXPECT_EQ(answer.status, 401) << wrong;
    EXPECT_EQ(answer.Header("WWW-Authenticate"), "Basic realm=\"Stalker API\"");
    EXPECT_EQ(answer.body, R"({"status":"ERROR","results":"","error":"401 Unauthorized request"})");
  }
  const auto bearer = Send("GET", "/stalker_portal/api/v1/tariffs", "", "Bearer a-long-secret");
  EXPECT_EQ(bearer.status, 200);
  EXPECT_THAT(bearer.body, StartsWith(R"({"status":"OK","results":[)"));
}

TEST_F(OssContractTest, ErrorsHaveTheTextsThatScriptsCompare) {
  EXPECT_EQ(Error("GET", ""), "Empty resource");
  EXPECT_EQ(Error("GET", "pigs"), "Resource \"pigs\" does not exist");
  EXPECT_EQ(Error("DELETE", "tariffs/1"),
            "Resource \"tariffs\" does not support action \"delete\"");
  EXPECT_EQ(Error("PUT", "send_event", "event=reboot"),
            "Resource \"send_event\" does not support action \"update\"");
  EXPECT_EQ(Error("PATCH", "accounts"), "Not supported method");
  EXPECT_EQ(Error("GET", "accounts/nobody"), "Account not found");
  EXPECT_EQ(Error("GET", "accounts/00:1A:79:0F:0F:0F"), "Account not found");
  EXPECT_EQ(Error("PUT", "accounts", "status=1"), "Identifier required");
  EXPECT_EQ(Error("PUT", "accounts/1,2", "status=1"), "Only one identifier allowed");
  EXPECT_EQ(Error("POST", "accounts"), "HTTP POST data is empty");
  EXPECT_EQ(Error("PUT", "accounts/1"), "HTTP PUT data is empty");
  EXPECT_EQ(Error("POST", "accounts", "full_name=x"), "Login required");
  EXPECT_EQ(Error("POST", "accounts", "login=x"), "Login and password required");
  EXPECT_EQ(Error("POST", "accounts", "login=x&password=y&stb_mac=nonsense"),
            "Not valid mac address");
  EXPECT_EQ(Error("POST", "accounts", "login=x&password=y&tariff_plan=gold"),
            "Tariff plan gold not found");
  EXPECT_EQ(Error("POST", "accounts", "login=x&password=y&status=2"),
            "status is neither 1 (on) nor 0 (off)");
  EXPECT_THAT(Error("POST", "accounts", "login=x&password=y&comment=hello"),
              StartsWith("comment is not kept"));
  EXPECT_EQ(Error("GET", "stb/00:1A:79:0F:0F:0F"), "STB not found");
  EXPECT_EQ(Error("POST", "stb_msg", "msg=x"), "Empty stb list");
  HaveAccount("err-1", "00:1A:79:02:00:01");
  EXPECT_EQ(Error("POST", "stb_msg/err-1", "ttl=5"), "Empty msg");
  EXPECT_EQ(Error("POST", "accounts", "login=err-1&password=x"), "Login already in use");
  EXPECT_EQ(Error("POST", "accounts", "login=err-2&password=x&stb_mac=00:1A:79:02:00:01"),
            "MAC address already in use");
  EXPECT_EQ(Error("POST", "stb", "mac=00:1A:79:02:00:01"), "Stb already exists");
  EXPECT_EQ(Error("PUT", "accounts/err-1", "unknown=1"), "Update data is empty");
  EXPECT_EQ(Error("PUT", "account_subscription/err-1", "subscribed[]=nothing"),
            "Package nothing is not offered to the account");
}

TEST_F(OssContractTest, AnAccountIsMadeReadChangedAndDeleted) {
  HaveAccount("n-100", "00:1A:79:02:00:02", "&phone=%2B4912&end_date=2099-12-31");
  const Json wanted = {{"login", "n-100"},
                       {"full_name", "Ada n-100"},
                       {"phone", "+4912"},
                       {"account_number", "n-100"},
                       {"tariff_plan", "plan-0"},
                       {"status", 1},
                       {"stb_mac", "00:1A:79:02:00:02"},
                       {"stb_macs", {"00:1A:79:02:00:02"}},
                       {"stb_sn", ""},
                       {"stb_type", ""},
                       {"online", "0"},
                       {"ip", ""},
                       {"version", ""},
                       {"last_active", ""},
                       {"subscribed", Json::array()},
                       {"subscribed_id", Json::array()},
                       {"end_date", "2099-12-31 00:00:00"}};
  EXPECT_EQ(Results("GET", "accounts/n-100"), Json::array({wanted}));
  EXPECT_EQ(Results("GET", "accounts/00:1A:79:02:00:02"), Json::array({wanted}));
  EXPECT_EQ(Results("GET", "users/n-100"), wanted);  // one object
  bool listed = false;
  for (const Json& account : Results("GET", "accounts")) listed |= account == wanted;
  EXPECT_TRUE(listed);

  EXPECT_EQ(Results("PUT", "accounts/n-100",
                    "full_name=Eve&phone=7&end_date=2098-01-02&password=new-password"),
            true);
  const Json after = Results("GET", "users/n-100");
  EXPECT_EQ(after["full_name"], "Eve");
  EXPECT_EQ(after["phone"], "7");
  EXPECT_EQ(after["end_date"], "2098-01-02 00:00:00");
  EXPECT_EQ(after["tariff_plan"], "plan-0");
  EXPECT_EQ(Results("PUT", "accounts/n-100", "tariff_plan=plan-1"), true);
  EXPECT_EQ(Results("GET", "users/n-100")["tariff_plan"], "plan-1");

  EXPECT_EQ(Results("DELETE", "accounts/n-100"), true);
  EXPECT_EQ(Error("GET", "accounts/n-100"), "Account not found");
  HaveAccount("n-100", "00:1A:79:02:00:02");  // login and box are free again
}

TEST_F(OssContractTest, StatusIsOneForOnAndTheBoxIsCutOffAndOnAgain) {
  const std::string mac = "00:1A:79:02:00:03";
  HaveAccount("st-1", mac);
  EXPECT_EQ(StartBox(mac).value("status", Json()), "0");  // the box's 0 is "on"
  ASSERT_EQ(Results("PUT", "accounts/st-1", "status=0"), true);
  EXPECT_EQ(Results("GET", "accounts/st-1")[0]["status"], 0);
  EXPECT_TRUE(Eventually([&] { return NextEvent(mac) == "cut_off"; }, kPatience));
  EXPECT_EQ(Box(mac, "type=itv&action=get_genres"), "Access denied.");
  EXPECT_EQ(Box(mac, "type=stb&action=get_profile").value("status", Json()), 1);
  ASSERT_EQ(Results("PUT", "stb/" + mac, "status=1")[0]["mac"], mac);
  EXPECT_TRUE(Eventually([&] { return NextEvent(mac) == "cut_on"; }, kPatience));
  EXPECT_EQ(Results("GET", "accounts/st-1")[0]["status"], 1);
}

TEST_F(OssContractTest, AnotherMacTakesTheBoxesPlaceAndTokensAreWorthless) {
  const std::string first = "00:1A:79:02:00:04", second = "00:1A:79:02:00:05";
  HaveAccount("mac-1", first);
  StartBox(first);
  EXPECT_EQ(Channels(first), 1);
  ASSERT_EQ(Results("PUT", "accounts/mac-1", "stb_mac=" + second), true);
  EXPECT_EQ(Results("GET", "accounts/mac-1")[0]["stb_macs"], Json({second}));
  EXPECT_TRUE(Eventually(
      [&] { return Box(first, "type=itv&action=get_genres") == "Authorization failed."; },
      kPatience));
  StartBox(second);
  EXPECT_EQ(Channels(second), 1);
  ASSERT_EQ(Results("PUT", "stb_auth/mac-1"), true);
  EXPECT_EQ(Box(second, "type=itv&action=get_genres"), "Authorization failed.");
  StartBox(second);
  EXPECT_EQ(Channels(second), 1);  // still its account
  ASSERT_EQ(Results("PUT", "stb_auth/" + second, "reset_device_id=1"), true);
  EXPECT_EQ(StartBox(second).value("status", Json()), 2);  // of no account: log in
}

TEST_F(OssContractTest, PackagesAreAddedReplacedAndRemovedAndTheBoxIsAskedToRestart) {
  const std::string mac = "00:1A:79:02:00:06";
  HaveAccount("sub-1", mac);
  StartBox(mac);
  EXPECT_EQ(Channels(mac), 1);
  const Json none = Json::array(
      {{{"mac", mac}, {"subscribed", Json::array()}, {"subscribed_id", Json::array()}}});
  const Json sport = Json::array(
      {{{"mac", mac}, {"subscribed", {"sport-pack"}}, {"subscribed_id", {"sport-pack"}}}});
  EXPECT_EQ(Results("GET", "account_subscription/sub-1"), none);
  EXPECT_EQ(Results("PUT", "account_subscription/sub-1", "subscribed[]=sport-pack"), sport);
  EXPECT_EQ(Results("GET", "account_subscription/" + mac), sport);
  EXPECT_TRUE(Eventually([&] { return Channels(mac) == 2; }, kPatience));
  EXPECT_TRUE(Eventually([&] { return NextEvent(mac) == "send_msg"; }, kPatience));
  const Json event = Box(mac, "type=watchdog&action=get_events")["data"];
  EXPECT_EQ(event["reboot_after_ok"], "1");
  EXPECT_EQ(event["need_confirm"], "1");

  EXPECT_EQ(Results("POST", "account_subscription/sub-1", "subscribed_id[]=sport-pack"), sport);
  EXPECT_EQ(Results("PUT", "account_subscription/sub-1", "unsubscribed[]=sport-pack"), none);
  EXPECT_TRUE(Eventually([&] { return Channels(mac) == 1; }, kPatience));
  EXPECT_EQ(Results("PUT", "account_subscription/sub-1", "subscribed[]=sport-pack"), sport);
  EXPECT_EQ(Results("DELETE", "account_subscription/sub-1"), true);
  EXPECT_EQ(Results("GET", "account_subscription/sub-1"), none);
}

TEST_F(OssContractTest, BoxesAreListedMadeMovedAndFreed) {
  const std::string mac = "00:1A:79:02:00:07";
  const Json made = Results("POST", "stb", "mac=" + mac);
  EXPECT_EQ(made, Json({{"mac", mac},
                        {"ls", ""},
                        {"login", ""},
                        {"status", 1},
                        {"online", "0"},
                        {"additional_services_on", "1"},
                        {"ip", ""},
                        {"version", ""},
                        {"account_balance", ""},
                        {"last_active", ""}}));
  EXPECT_EQ(Results("GET", "stb/" + mac), Json::array({made}));
  HaveAccount("box-1", "");
  const Json moved = Results("PUT", "stb/" + mac, "ls=box-1&reboot=1")[0];
  EXPECT_EQ(moved["ls"], "box-1");
  EXPECT_EQ(moved["login"], "box-1");
  EXPECT_TRUE(moved["end_date"].is_string());  // plan-0 runs for 30 days
  StartBox(mac);
  EXPECT_TRUE(Eventually([&] { return NextEvent(mac) == "reboot"; }, kPatience));
  EXPECT_EQ(Error("PUT", "stb/" + mac, "additional_services_on=0"),
            "additional_services_on cannot be switched off: packages decide");
  EXPECT_EQ(Results("DELETE", "stb/" + mac), true);
  EXPECT_EQ(Results("GET", "stb/" + mac)[0]["ls"], "");
  const Json person = Results("POST", "stb", "login=box-2&password=pw-pw-pw");
  EXPECT_EQ(person["login"], "box-2");
  EXPECT_EQ(person["mac"], "");
}

TEST_F(OssContractTest, MessagesAndCommandsReachTheBoxesThatAreNamed) {
  const std::string mac = "00:1A:79:02:00:08", other = "00:1A:79:02:00:09";
  HaveAccount("msg-1", mac);
  HaveAccount("msg-2", other);
  StartBox(mac);
  StartBox(other);
  EXPECT_EQ(Results("POST", "stb_msg/" + mac, "msg=Hello+%26+welcome&auto_hide_timeout=9"), true);
  Json event;
  ASSERT_TRUE(Eventually(
      [&] {
        event = Box(mac, "type=watchdog&action=get_events").value("data", Json::object());
        return event.value("event", "") == "send_msg";
      },
      kPatience));
  EXPECT_EQ(event["msg"], "Hello & welcome");
  EXPECT_EQ(event["auto_hide_timeout"], "9");
  EXPECT_EQ(NextEvent(other), "");
  EXPECT_EQ(Results("POST", "send_event/msg-2", "event=play_channel&channel=2"), true);
  ASSERT_TRUE(Eventually(
      [&] {
        event = Box(other, "type=watchdog&action=get_events").value("data", Json::object());
        return event.value("event", "") == "play_channel";
      },
      kPatience));
  EXPECT_EQ(event["msg"], "2");
  EXPECT_EQ(Error("POST", "send_event/msg-2", "event=explode"), "no box knows an event 'explode'");
}

TEST_F(OssContractTest, ModulesThatTheOperatorTakesAwayAreMissingOnTheBox) {
  const std::string mac = "00:1A:79:02:00:0A";
  HaveAccount("mod-1", mac);
  EXPECT_EQ(Results("GET", "stb_modules/" + mac),
            Json({{"disabled", Json::array()}, {"restricted", Json::array()}}));
  const Json wanted = {{"disabled", {"radio", "vclub"}}, {"restricted", {"epg"}}};
  EXPECT_EQ(
      Results("PUT", "stb_modules/" + mac, "disabled[]=radio&disabled[]=vclub&restricted[]=epg"),
      wanted);
  EXPECT_EQ(Results("GET", "stb_modules/" + mac), wanted);
  StartBox(mac);
  const Json modules = Box(mac, "type=stb&action=get_modules");
  EXPECT_EQ(modules["disabled_modules"], wanted["disabled"]);
  EXPECT_EQ(modules["restricted_modules"], wanted["restricted"]);
}

TEST_F(OssContractTest, WhatIsSoldAndShownCanBeRead) {
  const Json plan = Results("GET", "tariffs/plan-0");
  EXPECT_EQ(plan, Json({{"id", "plan-0"},
                        {"external_id", "plan-0"},
                        {"name", "Plan"},
                        {"user_default", "0"},
                        {"packages",
                         {{{"id", "basic"},
                           {"external_id", "basic"},
                           {"name", "basic"},
                           {"description", ""},
                           {"type", "tv"},
                           {"all_services", "0"},
                           {"service_type", "periodic"},
                           {"rent_duration", "0"},
                           {"price", "0"},
                           {"optional", "0"}},
                          {{"id", "sport-pack"},
                           {"external_id", "sport-pack"},
                           {"name", "Sport pack"},
                           {"description", ""},
                           {"type", "tv"},
                           {"all_services", "0"},
                           {"service_type", "periodic"},
                           {"rent_duration", "0"},
                           {"price", "1.50"},
                           {"optional", "1"}}}}}));
  EXPECT_EQ(Error("GET", "tariffs/none"), "Tariff plan not found");
  EXPECT_EQ(Results("GET", "services_package/sport")["services"],
            Json({{{"id", "2"}, {"name", "Sport"}}}));
  const Json channels = Results("GET", "itv/1");
  EXPECT_EQ(channels, Json({{{"id", "1"},
                             {"name", "News"},
                             {"number", "1"},
                             {"base_ch", "1"},
                             {"hd", "0"},
                             {"url", "live/news"},
                             {"enable_monitoring", "0"},
                             {"descr", ""}}}));
  HaveAccount("itv-1", "00:1A:79:02:00:0B");
  // What billing sold a moment ago comes by its feed.
  const Json sold = {{{"ls", "itv-1"},
                      {"mac", "00:1A:79:02:00:0B"},
                      {"sub_ch", {"1"}},
                      {"additional_services_on", "1"}}};
  Json shown;
  EXPECT_TRUE(Eventually(
      [&] {
        shown = Results("GET", "itv_subscription/itv-1");
        return shown == sold;
      },
      kPatience))
      << shown;
}

TEST_F(OssContractTest, AChannelIsAddedAndTakenOut) {
  EXPECT_THAT(Error("POST", "itv", "name=x&url=nonsense"), StartsWith("url is not like"));
  EXPECT_EQ(Error("POST", "itv", "name=x&url=live/x&number=1"), "number 1 is taken by channel 1");
  const Json id =
      Results("POST", "itv", "name=Films&url=http://x/live/films/index.m3u8&package=extra");
  ASSERT_TRUE(id.is_string());
  const std::string channel = "itv/" + id.get<std::string>();
  EXPECT_TRUE(Eventually([&] { return Results("GET", channel).size() == 1; }, kPatience));
  EXPECT_EQ(Results("GET", channel)[0]["url"], "live/films");
  EXPECT_EQ(Results("DELETE", channel), true);
  EXPECT_TRUE(Eventually([&] { return Results("GET", channel).empty(); }, kPatience));
  EXPECT_THAT(Error("DELETE", channel), HasSubstr("unknown"));
}

TEST_F(OssContractTest, AViewerAddsAPackageOnTheBoxAndTheOperatorHearsOfIt) {
  HookServer hooks(programs_.hook_port);
  const std::string mac = "00:1A:79:02:00:0C";
  HaveAccount("buy-1", mac);
  EXPECT_EQ(StartBox(mac)["allow_subscription_from_stb"], true);
  const Json page = Box(mac, "type=account_info&action=get_user_packages&p=1");
  EXPECT_EQ(page["total_items"], 2);
  EXPECT_EQ(page["data"][0]["package_id"], "basic");
  EXPECT_EQ(page["data"][0]["optional"], false);
  EXPECT_EQ(page["data"][0]["subscribed_str"], "Subscribed");
  EXPECT_EQ(page["data"][1]["package_id"], "sport-pack");
  EXPECT_EQ(page["data"][1]["optional"], true);
  EXPECT_EQ(page["data"][1]["subscribed"], false);
  EXPECT_EQ(page["data"][1]["not_subscribed_str"], "Not subscribed");
  const std::string of = "&package_id=sport-pack";
  EXPECT_EQ(Box(mac, "type=account&action=check_price" + of), Json({{"result", "1.50 EUR"}}));
  EXPECT_EQ(Box(mac, "type=user&action=get_package_description" + of)["services"], "Sport");
  EXPECT_EQ(Box(mac, "type=account&action=subscribe_to_package" + of), Json({{"result", true}}));
  EXPECT_TRUE(Eventually([&] { return Channels(mac) == 2; }, kPatience));
  EXPECT_TRUE(Eventually(
      [&] {
        return hooks.WasAsked({"/subscribe?", "mac=00%3A1A%3A79%3A02%3A00%3A0C", "tariff_id=plan-0",
                               "package_id=sport-pack"});
      },
      kPatience));
  EXPECT_TRUE(Eventually([&] { return NextEvent(mac) == "update_subscription"; }, kPatience));
  EXPECT_EQ(Box(mac, "type=account&action=unsubscribe_from_package" + of),
            Json({{"result", true}}));
  EXPECT_TRUE(Eventually([&] { return Channels(mac) == 1; }, kPatience));
  EXPECT_TRUE(Eventually([&] { return hooks.WasAsked({"/unsubscribe?"}); }, kPatience));
  const Json unknown = Box(mac, "type=account&action=subscribe_to_package&package_id=x");
  EXPECT_EQ(unknown, Json({{"message", "This package is not offered to the account."}}));
}

TEST_F(OssContractTest, AProfileHookThatIsAwayIsNoticedByNobodyAndAnAnswerChangesTheAccount) {
  const std::string mac = "00:1A:79:02:00:0D";
  HaveAccount("hook-1", mac);
  EXPECT_EQ(StartBox(mac).value("status", Json()), "0");  // nobody listens
  EXPECT_EQ(Channels(mac), 1);
  HookServer hooks(programs_.hook_port);
  hooks.Answer(R"({"status":"ERROR","results":{"status":0}})");
  EXPECT_TRUE(Eventually(
      [&] {
        return hooks.WasAsked({"/profile?", "mac=00%3A1A%3A79%3A02%3A00%3A0D", "type=MAG250",
                               "serial_number=SN1", "verified=1"});
      },
      kPatience));
  EXPECT_EQ(Results("GET", "accounts/hook-1")[0]["status"], 1);
  hooks.Answer(R"({"status":"OK","results":[{"status":0,"fname":"Hooked","ls":"hook-1"}]})");
  StartBox(mac);
  EXPECT_TRUE(
      Eventually([&] { return Results("GET", "accounts/hook-1")[0]["status"] == 0; }, kPatience));
  EXPECT_EQ(Results("GET", "accounts/hook-1")[0]["full_name"], "Hooked");
}

}  // namespace
}  // namespace holdfast::test

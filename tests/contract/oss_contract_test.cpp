// The OSS API with the real billing behind it: accounts and what they hold, errors to the letter
// and side effects on boxes (portal protocol, section 15). Boxes, catalogue and hooks:
// oss_boxes_contract_test.cpp.
#include <gmock/gmock.h>

#include <string>

#include "tests/contract/oss_fixture.h"

namespace holdfast::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

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
  EXPECT_EQ(Error("POST", "accounts", "login=x&password=y&comment=" + std::string(2001, 'c')),
            "comment has 2001 bytes, more than 2000");
  EXPECT_EQ(Error("POST", "accounts", "login=x&password=y&account_balance=%FF"),
            "account_balance is not UTF-8");
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
  HaveAccount("n-100", "00:1A:79:02:00:02",
              "&phone=%2B4912&end_date=2099-12-31&comment=pays+late&account_balance=12.50+PLN");
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
                       {"comment", "pays late"},
                       {"account_balance", "12.50 PLN"},
                       {"adult_in_players", "0"},
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

TEST_F(OssContractTest, BillingKnowsWhoseScriptItWas) {
  HaveAccount("who-1", "00:1A:79:02:00:22");
  const std::string by = " script:crm";
  EXPECT_THAT(WhoDid("who-1"), ElementsAre("CreateAccount" + by, "StartSubscription" + by));
  ASSERT_EQ(Results("PUT", "accounts/who-1",
                    "full_name=Eve&password=new-password&tariff_plan=plan-1&end_date=2098-01-02"
                    "&status=0"),
            true);
  ASSERT_EQ(Results("PUT", "accounts/who-1", "status=1&tariff_plan=plan-0"), true);
  Results("PUT", "account_subscription/who-1", "subscribed[]=sport-pack");
  Results("PUT", "account_subscription/who-1", "unsubscribed[]=sport-pack");
  EXPECT_THAT(
      WhoDid("who-1"),
      ElementsAre("CreateAccount" + by, "StartSubscription" + by, "UpdateAccount" + by,
                  "SetPassword" + by, "ChangeSubscription" + by, "StartSubscription" + by,
                  "CancelSubscription" + by, "SuspendSubscription" + by, "ResumeSubscription" + by,
                  "ChangeSubscription" + by, "StartSubscription" + by, "CancelSubscription" + by));
}

TEST_F(OssContractTest, WhatOtherSystemsSayOfAnAccountIsKeptAndTheirBalanceIsShownOnTheBox) {
  const std::string mac = "00:1A:79:02:00:21";
  HaveAccount("note-1", mac, "&comment=first&account_balance=7.00+PLN");
  StartBox(mac);
  const auto shown = [&] {
    return Box(mac, "type=account_info&action=get_main_info").value("account_balance", "");
  };
  EXPECT_TRUE(Eventually([&] { return shown() == "7.00 PLN"; }, kPatience)) << shown();
  EXPECT_EQ(Results("GET", "stb/" + mac)[0]["account_balance"], "7.00 PLN");
  // Each by itself; what is not sent stays.
  EXPECT_EQ(Results("PUT", "accounts/note-1", "comment=second"), true);
  EXPECT_EQ(Results("GET", "users/note-1")["comment"], "second");
  EXPECT_EQ(Results("GET", "users/note-1")["account_balance"], "7.00 PLN");
  EXPECT_EQ(Results("PUT", "accounts/note-1", "account_balance=-3"), true);
  EXPECT_TRUE(Eventually([&] { return shown() == "-3"; }, kPatience)) << shown();
  // Taken away, the books speak again.
  EXPECT_EQ(Results("PUT", "accounts/note-1", "comment=&account_balance="), true);
  EXPECT_EQ(Results("GET", "users/note-1")["comment"], "");
  EXPECT_TRUE(Eventually([&] { return shown() != "-3"; }, kPatience));
  EXPECT_EQ(Results("GET", "users/note-1")["account_balance"], shown());
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

// What a person switches off is off, whatever else there is, and the box is told so.
TEST_F(OssContractTest, AnAddOnKeepsNoBoxOnWhoseTariffPlanIsSwitchedOff) {
  const std::string mac = "00:1A:79:02:00:23";
  HaveAccount("st-2", mac);
  StartBox(mac);
  Results("PUT", "account_subscription/st-2", "subscribed[]=sport-pack");
  EXPECT_TRUE(Eventually([&] { return Channels(mac) == 2; }, kPatience));
  ASSERT_EQ(Results("PUT", "accounts/st-2", "status=0"), true);
  EXPECT_TRUE(Eventually([&] { return Box(mac, "type=itv&action=get_genres") == "Access denied."; },
                         kPatience));
  const Json profile = StartBox(mac);
  EXPECT_EQ(profile.value("status", Json()), 1);
  EXPECT_THAT(profile.dump(), HasSubstr("Your account is blocked."));
  EXPECT_EQ(Box(mac, "type=account_info&action=get_payment_info"), "Your account is blocked.");
  ASSERT_EQ(Results("PUT", "accounts/st-2", "status=1"), true);
  EXPECT_TRUE(Eventually([&] { return StartBox(mac).value("status", Json()) == "0"; }, kPatience));
}

TEST_F(OssContractTest, AnotherMacTakesTheBoxesPlaceAndTokensAreWorthless) {
  const std::string first = "00:1A:79:02:00:04", second = "00:1A:79:02:00:05";
  HaveAccount("mac-1", first);
  StartBox(first);
  // What was sold a moment ago reaches the portal by billing's feed.
  ASSERT_TRUE(Eventually([&] { return Channels(first) == 1; }, kPatience));
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
  // Told again until it is confirmed.
  const Json told = Box(mac, "type=watchdog&action=get_events");
  const Json event = told.value("data", Json::object());
  EXPECT_EQ(event.value("reboot_after_ok", ""), "1") << told;
  EXPECT_EQ(event.value("need_confirm", ""), "1") << told;

  EXPECT_EQ(Results("POST", "account_subscription/sub-1", "subscribed_id[]=sport-pack"), sport);
  EXPECT_EQ(Results("PUT", "account_subscription/sub-1", "unsubscribed[]=sport-pack"), none);
  EXPECT_TRUE(Eventually([&] { return Channels(mac) == 1; }, kPatience));
  EXPECT_EQ(Results("PUT", "account_subscription/sub-1", "subscribed[]=sport-pack"), sport);
  EXPECT_EQ(Results("DELETE", "account_subscription/sub-1"), true);
  EXPECT_EQ(Results("GET", "account_subscription/sub-1"), none);
}

// Beyond twenty accounts everything is read in pages: the same comes out.
TEST_F(OssContractTest, ALongListSaysOfEachAccountWhatTheAccountItselfSays) {
  for (int i = 0; i < 24; ++i) {
    const std::string n = std::to_string(i);
    HaveAccount("many-" + n, "00:1A:79:02:01:" + std::string(i < 10 ? "0" : "") + n,
                i % 3 == 0 ? "&comment=third&account_balance=" + n : "");
  }
  EXPECT_EQ(Results("PUT", "account_subscription/many-5", "subscribed[]=sport-pack").size(), 1u);
  EXPECT_EQ(Results("PUT", "accounts/many-6", "status=0"), true);
  HaveChargedAccount("many-24", 1250);
  HaveChargedAccount("many-25", 0);
  std::map<std::string, Json> listed, subscribed;
  for (const Json& account : Results("GET", "accounts")) {
    listed[account["account_number"]] = account;
  }
  for (const Json& of_box : Results("GET", "account_subscription")) {
    subscribed[of_box["mac"]] = of_box;
  }
  ASSERT_GT(listed.size(), 20u);
  for (int i = 0; i < 26; ++i) {
    const std::string number = "many-" + std::to_string(i);
    const Json alone = Results("GET", "accounts/" + number)[0];
    EXPECT_EQ(listed[number], alone) << number;
    if (i >= 24) continue;  // without a box
    EXPECT_EQ(subscribed[alone["stb_mac"]], Results("GET", "account_subscription/" + number)[0]);
  }
  EXPECT_EQ(listed["many-24"]["account_balance"], "12.50 EUR");
  EXPECT_EQ(listed["many-25"]["account_balance"], "0.00 EUR");
  EXPECT_EQ(listed["many-1"]["account_balance"], "");  // another system charges it
  EXPECT_EQ(listed["many-5"]["subscribed"], Json({"sport-pack"}));
  EXPECT_EQ(listed["many-6"]["status"], 0);
  EXPECT_EQ(listed["many-6"]["comment"], "third");
}

TEST_F(OssContractTest, TheSameByTheProtocolOfElderScripts) {
  const auto soap = [&](const std::string& operation) {
    const http::ClientResponse answer = Send(
        "POST", "/stalker_portal/api/soap.php",
        "<?xml version=\"1.0\"?><e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\">"
        "<e:Body>" +
            operation + "</e:Body></e:Envelope>");
    return std::pair(answer.status, answer.body);
  };
  const std::string search = "<params><login>soap-1</login></params>";
  EXPECT_THAT(soap("<GetAccountInfo>" + search + "</GetAccountInfo>").second,
              HasSubstr("<faultcode>4</faultcode><faultstring>Account not found<"));
  for (const char* name : {"Ada", "Eve"}) {  // made, then changed
    const auto done = soap(
        "<CreateOrUpdateAccount><params><login>soap-1</login><password>pw</password><full_name>" +
        std::string(name) +
        "</full_name><account_number>soap-n-1</account_number>"
        "<tariff_plan>plan-0</tariff_plan><stb_mac>00:1A:79:02:00:41</stb_mac><status>1</status>"
        "</params></CreateOrUpdateAccount>");
    EXPECT_EQ(done.first, 200) << done.second;
    EXPECT_THAT(done.second, HasSubstr(">true</return>"));
  }
  EXPECT_EQ(Results("GET", "users/soap-1")["full_name"], "Eve");
  EXPECT_EQ(soap("<UpdateAccountOptionalSubscription>" + search +
                 "<s><subscribe><item>sport-pack</item></subscribe></s>"
                 "</UpdateAccountOptionalSubscription>")
                .first,
            200);
  const std::string info = soap(
                               "<GetAccountInfo><p><stb_mac>00:1A:79:02:00:41</stb_mac></p>"
                               "</GetAccountInfo>")
                               .second;
  EXPECT_THAT(info, HasSubstr(">soap-n-1</account_number>"));
  EXPECT_THAT(info, HasSubstr(">sport-pack</item>"));
  EXPECT_THAT(soap("<UpdateAccountOptionalSubscription>" + search +
                   "<s><subscribe><item>nothing</item></subscribe></s>"
                   "</UpdateAccountOptionalSubscription>")
                  .second,
              HasSubstr("<faultcode>6</faultcode>"));
  EXPECT_EQ(soap("<DeleteAccount>" + search + "</DeleteAccount>").first, 200);
  EXPECT_EQ(Error("GET", "users/soap-1"), "Account not found");
}

}  // namespace
}  // namespace holdfast::test

// The OSS API with the real billing behind it: boxes, what is sold and shown, and the hooks, which
// no box waits for (portal protocol, section 15).
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "tests/contract/oss_fixture.h"

namespace holdfast::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

using OssBoxesContractTest = OssContractTest;

TEST_F(OssBoxesContractTest, BoxesAreListedMadeMovedAndFreed) {
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
  // What it runs is known from its start, where it is from its heartbeats.
  EXPECT_TRUE(Eventually(
      [&] {
        return Results("GET", "stb/" + mac)[0]["version"] == "ImageDescription: 0.2.18-r14-pub-250";
      },
      kPatience));
  EXPECT_TRUE(
      Eventually([&] { return Results("GET", "stb/" + mac)[0]["online"] == "1"; }, kPatience));
  EXPECT_EQ(Results("GET", "stb/" + mac)[0]["ip"], "127.0.0.1");
  EXPECT_THAT(Results("GET", "stb/" + mac)[0]["last_active"].get<std::string>(), StartsWith("20"));
  EXPECT_EQ(Error("PUT", "stb/" + mac, "additional_services_on=0"),
            "additional_services_on cannot be switched off: packages decide");
  EXPECT_EQ(Results("DELETE", "stb/" + mac), true);
  EXPECT_EQ(Results("GET", "stb/" + mac)[0]["ls"], "");
  const Json person = Results("POST", "stb", "login=box-2&password=pw-pw-pw");
  EXPECT_EQ(person["login"], "box-2");
  EXPECT_EQ(person["mac"], "");
}

TEST_F(OssBoxesContractTest, MessagesAndCommandsReachTheBoxesThatAreNamed) {
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
  EXPECT_EQ(Results("POST", "send_event/msg-2", "event=explode"), false);
}

TEST_F(OssBoxesContractTest, ModulesThatTheOperatorTakesAwayAreMissingOnTheBox) {
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

TEST_F(OssBoxesContractTest, WhatIsSoldAndShownCanBeRead) {
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
                             {"enable_monitoring", "1"},
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

TEST_F(OssBoxesContractTest, AChannelIsAddedAndTakenOut) {
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

TEST_F(OssBoxesContractTest, AViewerAddsAPackageOnTheBoxAndTheOperatorHearsOfIt) {
  HookServer hooks(programs_.hook_port);
  const std::string mac = "00:1A:79:02:00:0C";
  HaveAccount("buy-1", mac);
  EXPECT_EQ(StartBox(mac)["allow_subscription_from_stb"], true);
  Json page = Box(mac, "type=account_info&action=get_user_packages&p=1");
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
  EXPECT_THAT(WhoDid("buy-1"),
              ElementsAre("CreateAccount script:crm", "StartSubscription script:crm",
                          "StartSubscription viewer:" + mac, "CancelSubscription viewer:" + mac));
  const Json unknown = Box(mac, "type=account&action=subscribe_to_package&package_id=x");
  EXPECT_EQ(unknown, Json({{"message", "This package is not offered to the account."}}));
}

TEST_F(OssBoxesContractTest, AProfileHookThatIsAwayIsNoticedByNobodyAndAnAnswerChangesTheAccount) {
  const std::string mac = "00:1A:79:02:00:0D";
  HaveAccount("hook-1", mac);
  EXPECT_EQ(StartBox(mac).value("status", Json()), "0");  // nobody listens
  EXPECT_EQ(Channels(mac), 1);
  HookServer hooks(programs_.hook_port);
  hooks.Answer(R"({"status":"ERROR","results":{"status":0}})");
  EXPECT_TRUE(Eventually(
      [&] {
        return hooks.WasAsked({"/profile?", "mac=00%3A1A%3A79%3A02%3A00%3A0D", "type=MAG250",
                               "serial_number=SN1", "login=hook-1", "verified=1"});
      },
      kPatience));
  EXPECT_EQ(Results("GET", "accounts/hook-1")[0]["status"], 1);
  hooks.Answer(
      R"({"status":"OK","results":[{"status":0,"fname":"Hooked","account_balance":"0.10","ls":"hook-1"}]})");
  StartBox(mac);
  EXPECT_TRUE(
      Eventually([&] { return Results("GET", "accounts/hook-1")[0]["status"] == 0; }, kPatience));
  EXPECT_EQ(Results("GET", "accounts/hook-1")[0]["full_name"], "Hooked");
  EXPECT_THAT(
      WhoDid("hook-1"),
      ElementsAre("CreateAccount script:crm", "StartSubscription script:crm",
                  "UpdateAccount script:profile_hook", "SuspendSubscription script:profile_hook"));
  EXPECT_TRUE(
      Eventually([&] { return Results("GET", "accounts/hook-1")[0]["account_balance"] == "0.10"; },
                 kPatience));
}

}  // namespace
}  // namespace holdfast::test

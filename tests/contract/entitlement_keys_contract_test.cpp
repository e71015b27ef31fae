// What billing signs and middleware demands, with the real programs: rotations in the right and in
// the wrong order, and a middleware that was given a wrong key.
#include <gmock/gmock.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "libs/http/client.h"
#include "libs/security/key_set.h"
#include "tests/contract/programs.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Json = nlohmann::json;

constexpr const char* kMissing =
    "holdfast_middleware_entitlements_refused_total{reason=\"missing\"} ";
constexpr const char* kForged =
    "holdfast_middleware_entitlements_refused_total{reason=\"forged\"} ";
constexpr const char* kUnknown =
    "holdfast_middleware_entitlements_refused_total{reason=\"unknown_key\"} ";

class EntitlementKeysContractTest : public testing::Test {
 protected:
  void SetUp() override { WaitForMiddleware(); }

  void WaitForMiddleware() {
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
  void RestartMiddleware() {
    programs_.middleware.process->Terminate();
    programs_.middleware.Start();
    WaitForMiddleware();
  }

  // A box of the account, logged in.
  void HaveBox(const std::string& account) {
    billing::v1::CreateAccountRequest request;
    request.set_idempotency_key("account-" + account);
    request.set_account_id(account);
    request.set_full_name("Ada " + account);
    programs_.Ask<billing::v1::Account>("billing", "CreateAccount", request);
    billing::v1::StartSubscriptionRequest subscription;
    subscription.set_idempotency_key("subscription-" + account);
    subscription.set_account_id(account);
    subscription.set_tariff_plan_id("plan-0");
    subscription_ =
        programs_.Ask<billing::v1::Subscription>("billing", "StartSubscription", subscription)
            .subscription_id();
    middleware::v1::PutDeviceRequest device;
    device.set_mac(kMac);
    device.set_account_id(account);
    programs_.Ask<middleware::v1::Device>("middleware", "PutDevice", device);
    token_.clear();
    token_ = Box("type=stb&action=handshake").value("token", "");
    EXPECT_EQ(Box("type=stb&action=get_profile").value("fname", ""), "Ada " + account);
  }
  void Suspend() {
    billing::v1::SuspendSubscriptionRequest request;
    request.set_idempotency_key("suspend-" + subscription_);
    request.set_subscription_id(subscription_);
    programs_.Ask<billing::v1::Subscription>("billing", "SuspendSubscription", request);
  }

  Json Box(const std::string& query) {
    http::ClientRequest request{
        .url = "http://127.0.0.1:" + std::to_string(programs_.middleware.http) +
               "/stalker_portal/server/load.php?" + query + "&JsHttpRequest=1-xml",
        .headers = {{"Cookie", std::string("mac=") + kMac + "; timezone=Europe/London"}}};
    if (!token_.empty()) request.headers.emplace_back("Authorization", "Bearer " + token_);
    const auto answer = http::Fetch(request, Deadline::After(10s));
    if (!answer.ok()) return Json::object();
    // All that a box without a running subscription is told, whatever it asks.
    if (answer->body == "Access denied.") return {{"error", "access_denied"}};
    const Json json = Json::parse(answer->body, nullptr, /*allow_exceptions=*/false);
    return json.is_object() && json["js"].is_object() ? json["js"] : Json::object();
  }
  // What a zap is told: there are no edges, so "link_fault" means that it may.
  bool MayWatch() { return Zap() == "link_fault"; }
  bool Blocked() { return Zap() == "access_denied"; }
  std::string Zap() { return Box("type=itv&action=create_link&cmd=/ch/1").value("error", ""); }

  int Metric(const std::string& sample) {
    const auto page = http::Fetch(
        {.url = "http://127.0.0.1:" + std::to_string(programs_.middleware.admin) + "/metrics"},
        Deadline::After(10s));
    const std::string text = page.ok() ? page->body : "";
    const std::size_t line = text.find("\n" + sample);
    return line == std::string::npos ? 0 : std::atoi(text.c_str() + line + 1 + sample.size());
  }
  bool OnDisk(const std::string& account) {
    std::ifstream file(programs_.data_of(programs_.middleware) + "/entitlements.kept",
                       std::ios::binary);
    const std::string content(std::istreambuf_iterator<char>(file), {});
    return content.find("Ada " + account) != std::string::npos;
  }
  void Publish(const std::string& key_id) {
    std::filesystem::copy(programs_.signing_keys() + "/" + key_id + ".pub", programs_.public_keys(),
                          std::filesystem::copy_options::overwrite_existing);
  }

  static constexpr const char* kMac = "00:1A:79:09:00:01";
  Programs& programs_ = Programs::Shared();
  std::string token_, subscription_;
  int changes_ = 0;
};

TEST_F(EntitlementKeysContractTest, WhatBillingSignsIsBelieved) {
  HaveBox("signed");
  EXPECT_TRUE(MayWatch());
  EXPECT_GE(Metric("holdfast_middleware_entitlements_verified_total "), 1);
  Suspend();
  EXPECT_TRUE(Eventually([&] { return Blocked(); }, kPatience));
  EXPECT_EQ(Metric(kMissing) + Metric(kForged) + Metric(kUnknown), 0);
}

TEST_F(EntitlementKeysContractTest, AWrongKeyCostsFreshnessAlsoOverARestart) {
  HaveBox("wrong-key");
  ASSERT_TRUE(MayWatch());
  ASSERT_TRUE(Eventually([&] { return OnDisk("wrong-key"); }, kPatience));
  const std::string right = programs_.public_keys() + "/2026-01.pub";
  TempDir stranger;
  ASSERT_THAT(security::CreateKey(stranger.path(), "2026-01"), IsOk());
  std::filesystem::copy(stranger.File("2026-01.pub"), right,
                        std::filesystem::copy_options::overwrite_existing);
  RestartMiddleware();
  EXPECT_TRUE(MayWatch());
  // Not by its token alone, which carries no name.
  EXPECT_EQ(Box("type=stb&action=get_profile").value("fname", ""), "Ada wrong-key");
  Suspend();
  // It hears of the suspension, cannot believe it, and asks again, without end.
  EXPECT_TRUE(Eventually(
      [&] {
        EXPECT_TRUE(MayWatch());
        return Metric(kForged) >= 2;
      },
      kPatience));
  EXPECT_TRUE(MayWatch());
  Publish("2026-01");
  EXPECT_TRUE(Eventually([&] { return Blocked(); }, kPatience));
}

TEST_F(EntitlementKeysContractTest, ARotationInTheWrongOrderIsMendedByTheRightKey) {
  HaveBox("rotated");
  ASSERT_TRUE(MayWatch());
  // Billing signs with the new key as soon as it has read it, which middleware lacks.
  ASSERT_THAT(security::CreateKey(programs_.signing_keys(), "2026-02"), IsOk());
  ASSERT_TRUE(Eventually(
      [&] {
        // Told by a change of the account itself, so that there is something to refuse.
        billing::v1::UpdateAccountRequest change;
        change.set_idempotency_key("change-" + std::to_string(++changes_));
        change.set_account_id("rotated");
        change.set_phone(std::to_string(changes_));
        programs_.Ask<billing::v1::Account>("billing", "UpdateAccount", change);
        EXPECT_TRUE(MayWatch());
        return Metric(kUnknown) >= 1;
      },
      kPatience));
  Suspend();
  EXPECT_TRUE(MayWatch());
  Publish("2026-02");
  EXPECT_TRUE(Eventually([&] { return Blocked(); }, kPatience));
  // The old key is retired, first where it is believed.
  std::filesystem::remove(programs_.public_keys() + "/2026-01.pub");
  RestartMiddleware();
  EXPECT_TRUE(Eventually([&] { return Blocked(); }, kPatience));
}

}  // namespace
}  // namespace holdfast::test

// For tests of the OSS API: the real programs, an operator's script, a box, and the operator's own
// billing as hooks see it.
#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "libs/http/client.h"
#include "libs/http/server.h"
#include "tests/contract/programs.h"

namespace holdfast::test {

using namespace std::chrono_literals;
using Json = nlohmann::json;

// "crm:a-long-secret"
inline constexpr const char* kBasic = "Basic Y3JtOmEtbG9uZy1zZWNyZXQ=";

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

  // Charged by billing itself, with so much in its wallet.
  void HaveChargedAccount(const std::string& number, std::int64_t cents) {
    billing::v1::CreateAccountRequest account;
    account.set_idempotency_key("account-" + number);
    account.set_account_id(number);
    account.set_charging(billing::v1::CHARGING_PREPAID);
    account.set_currency("EUR");
    programs_.Ask<billing::v1::Account>("billing", "CreateAccount", account);
    if (cents == 0) return;
    billing::v1::AdjustRequest gift;
    gift.set_idempotency_key("gift-" + number);
    gift.set_account_id(number);
    gift.mutable_amount()->set_minor_units(cents);
    gift.mutable_amount()->set_currency("EUR");
    gift.set_promotion_id("goodwill");
    gift.set_reason("contract test");
    programs_.Ask<billing::v1::Transfer>("billing", "Books/Adjust", gift);
  }

  std::string AccountIdOf(const std::string& number) {
    billing::v1::ListAccountsRequest request;
    request.set_search(number);
    const auto found =
        programs_.Ask<billing::v1::ListAccountsResponse>("billing", "ListAccounts", request);
    EXPECT_EQ(found.accounts_size(), 1) << number;
    return found.accounts_size() == 1 ? found.accounts(0).account_id() : "";
  }
  // "StartSubscription script:crm": what billing's audit log has of the account and what it holds,
  // in its order.
  std::vector<std::string> WhoDid(const std::string& number) {
    const std::string account = AccountIdOf(number);
    std::vector<std::string> subjects = {account};
    billing::v1::ListSubscriptionsRequest held;
    held.set_account_id(account);
    const auto answer =
        programs_.Ask<billing::v1::ListSubscriptionsResponse>("billing", "ListSubscriptions", held);
    for (const auto& s : answer.subscriptions()) subjects.push_back(s.subscription_id());
    std::map<std::uint64_t, std::string> lines;
    for (const std::string& subject : subjects) {
      billing::v1::ListAuditRequest request;
      request.set_subject(subject);
      const auto log =
          programs_.Ask<billing::v1::ListAuditResponse>("billing", "Books/ListAudit", request);
      for (const auto& line : log.entries()) {
        lines[line.position()] = line.method() + " " + line.person();
      }
    }
    std::vector<std::string> shown;
    for (auto& [position, line] : lines) shown.push_back(std::move(line));
    return shown;
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
    return Box(mac,
               "type=stb&action=get_profile&stb_type=MAG250&sn=SN1"
               "&ver=ImageDescription%3A%200.2.18-r14-pub-250");
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

}  // namespace holdfast::test

// What viewers keep is golden: with PostgreSQL killed and the instance killed at once after it said
// yes, history and resume points are there when both are back, through the other instance, each
// once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "libs/base/status.h"
#include "libs/http/client.h"
#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"
#include "tests/e2e/box.h"
#include "tests/e2e/platform.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

constexpr std::chrono::seconds kRecovery(60);

// An app of the household in front of one instance.
class App {
 public:
  explicit App(const std::string& portal_url)
      : base_(portal_url.substr(0, portal_url.find("/stalker_portal"))) {}

  absl::StatusOr<http::ClientResponse> Send(const std::string& method, const std::string& path,
                                            const Json& body = {}, const std::string& key = "") {
    http::ClientRequest request{.method = method, .url = base_ + path};
    if (!token.empty()) request.headers.emplace_back("Authorization", "Bearer " + token);
    if (!key.empty()) request.headers.emplace_back("Idempotency-Key", key);
    if (!body.is_null()) request.body = body.dump();
    return http::Fetch(request, Deadline::After(10s));
  }
  // The JSON of an answer with 200; anything else fails the test.
  Json Get(const std::string& path) {
    const auto got = Send("GET", path);
    EXPECT_THAT(got, IsOk()) << path;
    if (!got.ok()) return Json::object();
    EXPECT_EQ(got->status, 200) << path << got->body;
    return Json::parse(got->body, nullptr, /*allow_exceptions=*/false);
  }
  // Every entry of the history, over all pages.
  std::vector<Json> History() {
    std::vector<Json> entries;
    std::string cursor;
    for (int pages = 0; pages < 100; ++pages) {
      const Json page = Get("/v1/history?limit=50&cursor=" + cursor);
      if (!page.contains("items")) break;
      for (const Json& entry : page["items"]) entries.push_back(entry);
      if (page["next_cursor"].is_null()) break;
      cursor = page["next_cursor"];
    }
    return entries;
  }

  std::string token;

 private:
  const std::string base_;
};

class Kept : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(Eventually([&] { return platform_.Whole(); }, kRecovery))
        << platform_.WhatIsMissing();
    const auto login = a_.Send("POST", "/v1/login",
                               {{"login", platform_.Endpoint("DEMO_LOGIN")},
                                {"password", platform_.Endpoint("DEMO_PASSWORD")},
                                {"device", "chaos"}});
    ASSERT_THAT(login, IsOk());
    ASSERT_EQ(login->status, 200) << login->body;
    a_.token = b_.token = Json::parse(login->body)["token"];
  }
  void TearDown() override {
    EXPECT_TRUE(Eventually([&] { return platform_.Whole(); }, kRecovery))
        << platform_.WhatIsMissing();
  }

  static Json Film(int number) {
    return {{"what", "film"},
            {"content_id", std::to_string(number)},
            {"started_at", "2026-01-02T08:00:00Z"}};
  }
  // How often each film is in the history that b tells.
  std::map<std::string, int> FilmsThroughB() {
    std::map<std::string, int> seen;
    for (const Json& entry : b_.History()) {
      if (entry["what"] == "film") ++seen[entry["content_id"]];
    }
    return seen;
  }

  Platform& platform_ = Platform::Shared();
  App a_{platform_.Endpoint("PORTAL_URL_A")};
  App b_{platform_.Endpoint("PORTAL_URL_B")};
};

TEST_F(Kept, WhatWasAcknowledgedInAnOutageSurvivesTheInstanceAndIsCountedOnce) {
  ASSERT_THAT(platform_.Kill({"postgres"}), IsOk());
  std::map<std::string, std::string> ids;  // of acknowledged entries, by film
  for (int film = 9000; film < 9020; ++film) {
    const std::string number = std::to_string(film);
    ASSERT_OK_AND_ASSIGN(const auto answer,
                         a_.Send("POST", "/v1/history", Film(film), "chaos-" + number));
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_NE(answer.Header("X-Degraded"), "");
    ids[number] = Json::parse(answer.body)["id"];
  }
  ASSERT_OK_AND_ASSIGN(const auto point,
                       a_.Send("PUT", "/v1/resume-points/9000", {{"position_seconds", 4711}}));
  ASSERT_EQ(point.status, 200) << point.body;
  ASSERT_THAT(platform_.Kill({"middleware-a"}), IsOk());  // nothing was delivered yet

  ASSERT_THAT(platform_.Restart({"postgres"}), IsOk());
  ASSERT_THAT(platform_.Restart({"middleware-a"}), IsOk());
  const auto all_there = [&] {
    const auto seen = FilmsThroughB();
    return std::all_of(ids.begin(), ids.end(),
                       [&](const auto& entry) { return seen.contains(entry.first); });
  };
  EXPECT_TRUE(Eventually(all_there, kRecovery));

  // The app heard nothing and asks again, of the other instance: the same entries.
  for (const auto& [film, id] : ids) {
    ASSERT_OK_AND_ASSIGN(const auto again,
                         b_.Send("POST", "/v1/history", Film(std::stoi(film)), "chaos-" + film));
    ASSERT_EQ(again.status, 200) << again.body;
    EXPECT_EQ(Json::parse(again.body)["id"], id);
  }
  const auto seen = FilmsThroughB();
  for (const auto& [film, id] : ids) EXPECT_EQ(seen.at(film), 1) << film;
  // It has a spool of its own, and so may come later.
  const auto position_known = [&] {
    const Json points = b_.Get("/v1/resume-points");
    return std::any_of(points["items"].begin(), points["items"].end(), [](const Json& item) {
      return item["content_id"] == "9000" && item["position_seconds"] == 4711;
    });
  };
  EXPECT_TRUE(Eventually(position_known, kRecovery)) << b_.Get("/v1/resume-points").dump();
}

TEST_F(Kept, WhatABoxPlayedIsOnDiskBeforeItHearsSo) {
  const std::size_t before = b_.History().size();
  Box box(platform_.Endpoint("PORTAL_URL_A"), platform_.Endpoint("DEMO_MAC"));
  ASSERT_THAT(box.LogIn(), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto channels, box.ListChannels());
  for (int i = 0; i < 10; ++i) {
    ASSERT_OK_AND_ASSIGN(const std::string body,
                         box.Call("itv", "set_played", {{"itv_id", channels.front().id}}));
    EXPECT_THAT(body, testing::HasSubstr("true"));
  }
  ASSERT_THAT(platform_.Kill({"middleware-a"}), IsOk());
  ASSERT_THAT(platform_.Restart({"middleware-a"}), IsOk());
  EXPECT_TRUE(Eventually([&] { return b_.History().size() >= before + 10; }, kRecovery));
  EXPECT_EQ(b_.History().size(), before + 10);
}

}  // namespace
}  // namespace holdfast::test

// An app in front of a portal without a network around it: the real assembly, its routes on a real
// HTTP server.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "libs/http/client.h"
#include "libs/http/server.h"
#include "libs/testing/status_matchers.h"
#include "services/middleware/gzip.h"
#include "services/middleware/portal_fixture_test.h"

namespace holdfast::middleware {

struct AppAnswer {
  int status = 0;
  std::string content_type;
  std::string location;
  std::string etag;
  std::string degraded;
  std::string retry_after;
  std::string body;  // decompressed
  bool gzipped = false;

  Json AsJson() const {
    const Json json = Json::parse(body, nullptr, /*allow_exceptions=*/false);
    EXPECT_FALSE(json.is_discarded()) << body;
    return json;
  }
};

class AppsFixture {
 public:
  explicit AppsFixture(FixtureOptions options = {}) : box_(std::move(options)) {
    http::Router router;
    box_.portal().AddRoutes(router);
    server_ = std::make_unique<http::Server>(http::ServerOptions{}, std::move(router), metrics_);
    EXPECT_THAT(server_->Start(), test::IsOk());
  }
  ~AppsFixture() { server_->Drain(Deadline::After(std::chrono::seconds(5))); }

  // As if billing had confirmed it.
  void HaveLogin(const std::string& login = "ada", const std::string& password = "s/e+c r&t",
                 const std::string& account = "acc-1") {
    AppLogins& logins = box_.portal().apps().logins();
    const std::int64_t now = EpochSeconds(box_.clock().Now());
    ASSERT_TRUE(logins.table().Put({.account = AccountId(account),
                                    .tag = logins.TagOf({login, password}),
                                    .key_id = "k1",
                                    .first_at = 1700000000,
                                    .verified_at = now}));
  }

  using Headers = std::vector<std::pair<std::string, std::string>>;
  AppAnswer Send(const std::string& method, const std::string& target, Headers headers = {},
                 const std::string& body = "") {
    const auto got = http::Fetch(
        {.method = method, .url = url() + target, .headers = std::move(headers), .body = body},
        Deadline::After(std::chrono::seconds(20)));
    EXPECT_THAT(got, test::IsOk()) << target;
    if (!got.ok()) return {};
    AppAnswer answer{.status = got->status,
                     .content_type = std::string(got->Header("Content-Type")),
                     .location = std::string(got->Header("Location")),
                     .etag = std::string(got->Header("ETag")),
                     .degraded = std::string(got->Header("X-Degraded")),
                     .retry_after = std::string(got->Header("Retry-After")),
                     .body = got->body,
                     .gzipped = got->Header("Content-Encoding") == "gzip"};
    if (answer.gzipped && !answer.body.empty()) answer.body = Gunzip(answer.body);
    return answer;
  }
  AppAnswer Get(const std::string& target, Headers headers = {}) {
    return Send("GET", target, std::move(headers));
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_->port()); }

  PortalFixture& box() { return box_; }

 private:
  PortalFixture box_;
  telemetry::Metrics metrics_;
  std::unique_ptr<http::Server> server_;
};

// How "ada" and her password stand in a query and in a path.
inline constexpr const char* kAdaFields = "username=ada&password=s%2Fe%2Bc%20r%26t";
inline constexpr const char* kAdaPath = "/ada/s%2Fe%2Bc%20r%26t";

}  // namespace holdfast::middleware

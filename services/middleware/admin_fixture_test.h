// An operator in front of the operators' REST API: the real assembly, its routes on a real HTTP
// server, a real database unless a test wants none.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "libs/http/client.h"
#include "libs/http/server.h"
#include "libs/storage/pg_migrate.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/test_postgres.h"
#include "services/middleware/portal_fixture_test.h"

namespace holdfast::middleware {

inline constexpr const char* kEditor = "editor-token-0123456789abcdef0123";
inline constexpr const char* kSupport = "support-token-0123456789abcdef012";
inline constexpr const char* kViewer = "viewer-token-0123456789abcdef0123";

struct AdminAnswer {
  int status = 0;
  std::string content_type;
  std::string etag;
  std::string body;

  Json AsJson() const {
    const Json json = Json::parse(body, nullptr, /*allow_exceptions=*/false);
    EXPECT_FALSE(json.is_discarded()) << body;
    return json;
  }
  // The member or parameter that is at fault; "" if none is named.
  std::string field() const {
    const Json json = AsJson();
    return json.contains("errors") ? json["errors"][0]["field"].get<std::string>() : "";
  }
};

class AdminFixture {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  explicit AdminFixture(const storage::PgOptions& postgres) : box_({.postgres = postgres}) {
    Start();
  }
  AdminFixture() { Start(); }  // its database is away
  ~AdminFixture() { server_->Drain(Deadline::After(std::chrono::seconds(5))); }

  // With `token` and, unless told otherwise, a new idempotency key for each POST.
  AdminAnswer Send(const std::string& method, const std::string& target,
                   const std::string& body = "", Headers headers = {},
                   const std::string& token = kEditor) {
    headers.emplace_back("Authorization", "Bearer " + token);
    bool keyed = method != "POST";
    for (const auto& [name, value] : headers) keyed = keyed || name == "Idempotency-Key";
    if (!keyed) headers.emplace_back("Idempotency-Key", "auto-" + std::to_string(++keys_));
    const auto got = http::Fetch(
        {.method = method, .url = url() + target, .headers = std::move(headers), .body = body},
        Deadline::After(std::chrono::seconds(30)));
    EXPECT_THAT(got, test::IsOk()) << target;
    if (!got.ok()) return {};
    return {.status = got->status,
            .content_type = std::string(got->Header("Content-Type")),
            .etag = std::string(got->Header("ETag")),
            .body = got->body};
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_->port()); }
  PortalFixture& box() { return box_; }

 private:
  void Start() {
    ASSERT_THAT(box_.portal().operators().Read("# who may\nada editor " + std::string(kEditor) +
                                               "\nhelp support " + kSupport + "\n\nguest viewer " +
                                               kViewer + "\n"),
                test::IsOk());
    http::Router router;
    box_.portal().AddAdminRoutes(router);
    server_ = std::make_unique<http::Server>(http::ServerOptions{.max_body_bytes = 32 << 20},
                                             std::move(router), metrics_);
    ASSERT_THAT(server_->Start(), test::IsOk());
  }

  PortalFixture box_;
  telemetry::Metrics metrics_;
  std::unique_ptr<http::Server> server_;
  int keys_ = 0;
};

}  // namespace holdfast::middleware

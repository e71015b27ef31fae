#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deploy/tools/generic_call.h"
#include "deploy/tools/method_catalogue.h"
#include "libs/app/in_process.h"
#include "libs/security/tls.h"
#include "libs/testing/process.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/temp_dir.h"

namespace holdfast::tools {
namespace {

using namespace std::chrono_literals;
using test::HasCode;
using test::HasMessage;
using test::IsOk;
using ::testing::HasSubstr;

TEST(MethodCatalogue, ListsTheMethodsOfEveryService) {
  for (const char* method : {"holdfast.billing.v1.Billing/GetEntitlement\n",
                             "holdfast.middleware.v1.Middleware/ImportLineup\n",
                             "holdfast.replica.v1.Publications/Watch  (stream)\n",
                             "holdfast.epg.v1.", "holdfast.cdn_routing.v1.", "holdfast.drm.v1.",
                             "holdfast.analytics.v1.", "grpc.health.v1.Health/Check"}) {
    EXPECT_THAT(ListMethods(), HasSubstr(method));
  }
}

TEST(MethodCatalogue, AMethodIsFoundByAnUnambiguousEndOfItsName) {
  EXPECT_THAT(FindMethod("holdfast.billing.v1.Billing/GetEntitlement"), IsOk());
  EXPECT_THAT(FindMethod("Billing/GetEntitlement"), IsOk());
  EXPECT_THAT(FindMethod("GetEntitlement"), HasMessage("there are:\nholdfast.billing.v1"));
  EXPECT_THAT(FindMethod(""), HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(DescribeMethod(**FindMethod("Health/Check")),
              HasSubstr("message HealthCheckRequest"));
}

// A service that publishes nothing called "edges": enough to be called.
class GenericCallTest : public ::testing::Test {
 protected:
  GenericCallTest() : publication_({.name = "guide"}) {}

  void Start(const std::string& tls_dir = "") {
    service_ = std::make_unique<app::InProcess>(
        app::InProcessOptions{
            .service = "replica", .data_dir = dir_.File("data"), .tls_dir = tls_dir},
        [this](app::Runtime& runtime) {
          runtime.Publish(publication_);
          return runtime.RunUntilStopped();
        });
    ASSERT_TRUE(service_->serving());
    target_.address = service_->grpc_address();
    target_.timeout = 5s;
  }

  absl::Status Call(const std::string& method, const std::string& json) {
    return CallMethod(target_, **FindMethod(method), json,
                      [this](const std::string& line) { answers_ += line + "\n"; });
  }

  test::TempDir dir_;
  replica::Publication publication_;
  std::unique_ptr<app::InProcess> service_;
  CallTarget target_;
  std::string answers_;
};

TEST_F(GenericCallTest, AnAnswerIsPrintedAsJson) {
  Start();
  EXPECT_THAT(Call("Health/Check", "{}"), IsOk());
  EXPECT_THAT(answers_, HasSubstr("\"status\": \"SERVING\""));
}

TEST_F(GenericCallTest, AStreamPrintsALineForEachMessageUntilTheTimeout) {
  Start();
  publication_.Apply({{"ch-1", MakeShared("x")}});
  target_.timeout = 300ms;
  EXPECT_THAT(Call("Publications/Watch", R"({"model":"guide"})"), IsOk());
  EXPECT_THAT(answers_, HasSubstr(R"("kind":"KIND_FULL","items":[{"key":"ch-1")"));
}

TEST_F(GenericCallTest, TheErrorOfTheServiceIsPassedOn) {
  Start();
  EXPECT_THAT(Call("Publications/Watch", R"({"model":"edges"})"),
              HasCode(absl::StatusCode::kNotFound));
}

TEST_F(GenericCallTest, ABrokenRequestSaysWhatIsWrong) {
  for (const char* json : {"{", "[]", "{\"no_such_field\":1}", "{\"model\":{}}", "", "\xff"}) {
    EXPECT_THAT(Call("Publications/Watch", json), HasCode(absl::StatusCode::kInvalidArgument))
        << json;
  }
}

TEST_F(GenericCallTest, NobodyThereIsUnavailable) {
  target_.address = "127.0.0.1:" + std::to_string(test::FreePort());
  EXPECT_THAT(Call("Health/Check", "{}"), HasCode(absl::StatusCode::kUnavailable));
}

TEST_F(GenericCallTest, WithMutualTlsOnlyAKnownCallerIsAnswered) {
  const std::string tls = dir_.File("tls");
  ASSERT_THAT(security::CreateDevelopmentCertificates(tls, {"replica", "operator"}), IsOk());
  Start(tls);
  EXPECT_THAT(Call("Publications/Watch", R"({"model":"edges"})"),
              HasCode(absl::StatusCode::kUnavailable));  // plain text
  target_.tls_dir = tls;
  target_.as = "operator";
  EXPECT_THAT(Call("Publications/Watch", R"({"model":"edges"})"),
              HasCode(absl::StatusCode::kNotFound));
  target_.as = "nobody";
  EXPECT_FALSE(Call("Publications/Watch", R"({"model":"edges"})").ok());
}

}  // namespace
}  // namespace holdfast::tools

// The real billing, analytics and middleware as their programs, with a database each: started once
// for all tests of a program, ended with it.
#pragma once

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "holdfast/analytics/v1/analytics.pb.h"
#include "holdfast/billing/v1/billing.pb.h"
#include "holdfast/middleware/v1/middleware.pb.h"
#include "libs/discovery/directory.h"
#include "libs/rpc/channel.h"
#include "libs/testing/eventually.h"
#include "libs/testing/process.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/temp_dir.h"
#include "libs/testing/test_postgres.h"
#include "libs/testing/test_redis.h"

namespace holdfast::test {

inline constexpr auto kPatience = std::chrono::seconds(30);
inline constexpr const char* kLineup =
    "#EXTM3U\n"
    "#EXTINF:-1 group-title=\"news\",News\nhttp://x/live/news/index.m3u8\n"
    "#EXTINF:-1 group-title=\"sport\" holdfast-package=\"sport\",Sport\n"
    "http://x/live/sport/index.m3u8\n";

// One service as its program, on ports of its own.
struct Program {
  std::string service;
  std::uint16_t grpc = FreePort();
  std::uint16_t http = FreePort();
  std::uint16_t admin = FreePort();
  std::vector<std::string> environment;
  std::unique_ptr<Process> process;

  std::string address() const { return "127.0.0.1:" + std::to_string(grpc); }
  void Set(const std::string& name, const std::string& value) {
    std::string upper = service;
    for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    environment.push_back("HOLDFAST_" + upper + "_" + name + "=" + value);
  }
  void Start() {
    auto started = Process::Start({.command = {HOLDFAST_BIN_DIR "/holdfast-" + service},
                                   .environment = environment,
                                   .log_file = {},
                                   .run_as = {}});
    ASSERT_THAT(started, IsOk());
    process = std::make_unique<Process>(*std::move(started));
  }
};

// The three programs and a database for each; started once for all tests.
class Programs {
 public:
  static Programs& Shared() {
    static Programs* programs = new Programs();
    return *programs;
  }

  Program billing{.service = "billing"};
  Program analytics{.service = "analytics"};
  Program middleware{.service = "middleware"};
  // Where the OSS API tells of boxes that start and of packages; nobody listens unless a test does.
  std::uint16_t hook_port = FreePort();
  // Of what billing signs with, and of what middleware verifies with.
  std::string signing_keys() const { return dir_.path() + "/keys/entitlements"; }
  std::string public_keys() const { return dir_.path() + "/keys/entitlements-public"; }
  std::string data_of(const Program& program) const { return dir_.path() + "/" + program.service; }

  // `method`: "GetAccount" of the service's main interface, or "Books/ListAudit" of another one.
  template <class Response>
  absl::StatusOr<Response> Call(const std::string& service, const std::string& method,
                                const google::protobuf::Message& request) {
    rpc::Channel& channel = service == "billing"     ? *to_billing_
                            : service == "analytics" ? *to_analytics_
                                                     : *to_middleware_;
    std::string package = service, name = service;
    name[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[0])));
    return channel.Invoke<Response>(
        rpc::Call::Background(std::chrono::seconds(5), SystemClock::Get(), random_),
        "holdfast." + package + ".v1." +
            (method.find('/') == std::string::npos ? name + "/" + method : method),
        request, {.timeout = std::chrono::seconds(3)});
  }
  // Until the service answers OK.
  template <class Response>
  Response Ask(const std::string& service, const std::string& method,
               const google::protobuf::Message& request) {
    absl::StatusOr<Response> answer = absl::UnknownError("not asked");
    EXPECT_TRUE(Eventually(
        [&] {
          answer = Call<Response>(service, method, request);
          return answer.ok();
        },
        kPatience))
        << ToString(answer.status());
    return answer.ok() ? *std::move(answer) : Response();
  }

 private:
  Programs() {
    const std::string keys = dir_.path() + "/keys";
    for (const char* kind : {"portal", "play", "entitlements"}) {
      const std::string made = "mkdir -p " + keys + "/" + kind +
                               " && " HOLDFAST_BIN_DIR "/holdfast-keys new " + keys + "/" + kind +
                               " 2026-01";
      EXPECT_EQ(std::system(made.c_str()), 0);
    }
    const std::string discovery =
        "static:billing=" + billing.address() + ";analytics=" + analytics.address() +
        ";middleware=" + middleware.address() + ";epg=127.0.0.1:1;cdn_routing=127.0.0.1:1";
    for (Program* program : {&billing, &analytics, &middleware}) {
      program->Set("GRPC_PORT", std::to_string(program->grpc));
      program->Set("ADMIN_PORT", std::to_string(program->admin));
      program->Set("DATA_DIR", dir_.path() + "/" + program->service);
      program->Set("DISCOVERY", discovery);
      program->Set("POSTGRES_HOSTS", postgres_.host() + ":" + std::to_string(postgres_.port()));
      program->Set("POSTGRES_DATABASE", postgres_.NewDatabase());
      program->Set("POSTGRES_USER", postgres_.user());
    }
    middleware.Set("HTTP_PORT", std::to_string(middleware.http));
    middleware.Set("REDIS_ADDRESS", redis_->address());
    middleware.Set("PORTAL_KEYS", keys + "/portal");
    middleware.Set("PLAY_KEYS", keys + "/play");
    billing.Set("ENTITLEMENT_KEYS", signing_keys());
    std::filesystem::create_directory(public_keys());
    std::filesystem::copy(signing_keys() + "/2026-01.pub", public_keys());
    middleware.Set("ENTITLEMENT_KEYS", public_keys());
    middleware.Set("LINK_SECRETS", keys + "/links");
    std::ofstream(dir_.path() + "/oss") << "crm:a-long-secret\n";
    middleware.Set("OSS_ENABLED", "true");
    middleware.Set("OSS_CREDENTIALS", dir_.path() + "/oss");
    middleware.Set("OSS_SOAP", "true");
    middleware.Set("PORTAL_SUBSCRIPTION_FROM_BOX", "true");
    const std::string hooks = "http://127.0.0.1:" + std::to_string(hook_port);
    middleware.Set("OSS_PROFILE_HOOK", hooks + "/profile");
    middleware.Set("OSS_SUBSCRIBE_HOOK", hooks + "/subscribe");
    middleware.Set("OSS_UNSUBSCRIBE_HOOK", hooks + "/unsubscribe");
    billing.Start();
    analytics.Start();
    middleware.Start();
    directory_ =
        *discovery::OpenDirectory({.spec = discovery}, SystemClock::Get(), random_, metrics_);
    const rpc::ChannelEnvironment environment{
        *directory_, SystemClock::Get(), random_, metrics_, {}, "a"};
    const auto connect = [&](const char* name) {
      return std::make_unique<rpc::Channel>(name, rpc::PeerOptions{}, environment);
    };
    to_billing_ = connect("billing");
    to_analytics_ = connect("analytics");
    to_middleware_ = connect("middleware");
    LoadOperator();
  }

  void LoadOperator() {
    billing::v1::PutPackageRequest package;
    for (const char* id : {"basic", "sport"}) {
      package.set_idempotency_key(std::string("package-") + id);
      package.mutable_package()->set_package_id(id);
      package.mutable_package()->set_name(id);
      Ask<billing::v1::Package>("billing", "PutPackage", package);
    }
    for (const int max_devices : {0, 1}) {
      billing::v1::PutTariffPlanRequest plan;
      plan.set_idempotency_key("plan-" + std::to_string(max_devices));
      plan.mutable_tariff_plan()->set_tariff_plan_id("plan-" + std::to_string(max_devices));
      plan.mutable_tariff_plan()->set_name("Plan");
      plan.mutable_tariff_plan()->add_package_ids("basic");
      plan.mutable_tariff_plan()->mutable_price()->set_currency("EUR");
      plan.mutable_tariff_plan()->set_period_days(30);
      plan.mutable_tariff_plan()->set_max_devices(max_devices);
      Ask<billing::v1::TariffPlan>("billing", "PutTariffPlan", plan);
    }
    middleware::v1::ImportLineupRequest lineup;
    lineup.set_m3u(kLineup);
    Ask<middleware::v1::ImportLineupResponse>("middleware", "ImportLineup", lineup);
  }

  TempDir dir_;
  TestPostgres& postgres_ = TestPostgres::Shared();
  const std::unique_ptr<TestRedis> redis_ = TestRedis::Start();
  SeededRandom random_{11};
  telemetry::Metrics metrics_;
  std::unique_ptr<discovery::Directory> directory_;
  std::unique_ptr<rpc::Channel> to_billing_, to_analytics_, to_middleware_;
};

}  // namespace holdfast::test

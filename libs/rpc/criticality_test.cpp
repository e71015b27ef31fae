// Which class a call is of, as its caller says or as its method is declared, and what that costs.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/rpc/testing/declining_server.h"
#include "libs/rpc/testing/echo.h"
#include "libs/rpc/testing/raw_call.h"
#include "libs/testing/status_matchers.h"

namespace holdfast::rpc {
namespace {

using namespace std::chrono_literals;
using test::IsOk;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr Criticality kAll[] = {Criticality::kCritical, Criticality::kInteractive,
                                Criticality::kBackground, Criticality::kBulk};

// In the order of the classes; "Plain" says nothing in its proto.
constexpr const char* kMethods[] = {
    "holdfast.rpctest.v1.Classes/Critical", "holdfast.rpctest.v1.Classes/Plain",
    "holdfast.rpctest.v1.Classes/Background", "holdfast.rpctest.v1.Classes/Bulk"};

class Classes {
 public:
  void Register(ServiceTable& table) {
    table.Inline("Critical", *this, &Classes::Remember);
    table.Worker("Plain", *this, &Classes::Remember);
    table.Worker("Background", *this, &Classes::Remember);
    table.Inline("Bulk", *this, &Classes::Remember);
  }
  absl::StatusOr<v1::Text> Remember(const Call& call, const v1::Text&) {
    seen = call.criticality();
    return v1::Text();
  }

  std::optional<Criticality> seen;
};

class CriticalityTest : public testing::Test {
 protected:
  CriticalityTest() {
    ServiceTable table("holdfast.rpctest.v1.Classes");
    classes_.Register(table);
    server_.Register(table);
    EXPECT_THAT(server_.Start(), IsOk());
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(server_.port()); }

  telemetry::Metrics metrics_;
  SeededRandom random_{1};
  Classes classes_;
  Server server_{{}, SystemClock::Get(), random_, metrics_};
};

TEST_F(CriticalityTest, WhatTheCallerSaysAlwaysCounts) {
  EchoClient client({address()});
  for (const char* method : kMethods) {
    for (const Criticality criticality : kAll) {
      ASSERT_THAT(
          client.channel().Invoke<v1::Text>(client.NewCall().As(criticality), method, v1::Text()),
          IsOk());
      EXPECT_EQ(classes_.seen, criticality) << method;
    }
  }
}

TEST_F(CriticalityTest, OfACallThatSaysNothingTheMethodDecides) {
  RawClient client(address());
  for (const Criticality criticality : kAll) {
    ASSERT_TRUE(client.Ask(kMethods[IndexOf(criticality)], "x", std::nullopt).status.ok());
    EXPECT_EQ(classes_.seen, criticality);
  }
}

// Shows what callers put beside their requests.
class HeaderCatcher {
 public:
  const std::string& address() const { return server_.address(); }
  std::vector<std::string> caught() const {
    absl::MutexLock lock(&mutex_);
    return caught_;
  }

 private:
  void Catch(grpc::GenericCallbackServerContext& context) {
    if (context.method().find("rpctest") != std::string::npos) {
      absl::MutexLock lock(&mutex_);
      caught_.clear();
      for (auto [at, end] = context.client_metadata().equal_range(kContextKey); at != end; ++at) {
        caught_.emplace_back(at->second.data(), at->second.size());
      }
    }
    context.AddTrailingMetadata("hf-origin", "h");
  }

  mutable absl::Mutex mutex_;
  std::vector<std::string> caught_ ABSL_GUARDED_BY(mutex_);
  DecliningServer server_{{grpc::StatusCode::NOT_FOUND, ""},
                          [this](grpc::GenericCallbackServerContext& c) { Catch(c); }};
};

TEST(CriticalityHeaderTest, TheUsualCallCarriesNone) {
  HeaderCatcher server;
  EchoClient client({server.address()});
  const auto header_of = [&](Criticality method, Criticality call) {
    client.channel()
        .Invoke<v1::Text>(client.NewCall().As(call), kMethods[IndexOf(method)], v1::Text())
        .IgnoreError();
    return server.caught();
  };
  for (const Criticality criticality : kAll) {
    EXPECT_THAT(header_of(criticality, criticality), IsEmpty());
  }
  EXPECT_THAT(header_of(Criticality::kBulk, Criticality::kInteractive), ElementsAre("1"));
  EXPECT_THAT(header_of(Criticality::kInteractive, Criticality::kCritical), ElementsAre("0"));
}

}  // namespace
}  // namespace holdfast::rpc

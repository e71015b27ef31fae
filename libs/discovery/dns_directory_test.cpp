// What only DNS has: record types, TTLs.

#include <gtest/gtest.h>

#include "absl/synchronization/mutex.h"
#include "libs/base/check.h"
#include "libs/base/status.h"
#include "libs/discovery/directory.h"
#include "libs/testing/eventually.h"
#include "libs/testing/test_dns.h"

namespace holdfast::discovery {
namespace {

using namespace std::chrono_literals;
using test::Eventually;
using test::TestDns;

class DnsDirectoryTest : public ::testing::Test {
 protected:
  void Open(std::string_view pattern, const TestDns& dns,
            std::chrono::milliseconds longest_interval = 30s) {
    auto directory = OpenDirectory({.spec = fmt::format("dns:{}?server={}", pattern, dns.address()),
                                    .dns_interval = 20ms,
                                    .dns_longest_interval = longest_interval},
                                   SystemClock::Get(), random_, metrics_);
    HOLDFAST_CHECK(directory.ok());
    directory_ = *std::move(directory);
    watch_ = directory_->Subscribe("cdn_routing", [this](const InstanceSet& set) {
      absl::MutexLock lock(&mutex_);
      set_ = set;
    });
  }
  InstanceSet set() {
    absl::MutexLock lock(&mutex_);
    return set_;
  }
  bool Comes(const InstanceSet& wanted) {
    return Eventually([&] { return set() == wanted; });
  }

  SeededRandom random_{1};
  telemetry::Metrics metrics_;
  absl::Mutex mutex_;
  InstanceSet set_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Directory> directory_;
  std::unique_ptr<Watch> watch_;
};

constexpr std::string_view kByAddress = "{service}.holdfast.internal:50051";
constexpr std::string_view kByService = "_grpc._tcp.{service}.holdfast.internal";

Instance At(const std::string& address) { return {.id = address, .address = address}; }

TEST_F(DnsDirectoryTest, ANameWithIPv6AddressesOnlyIsFound) {
  TestDns dns({});
  dns.SetHosts("fd00::7 cdn-routing.holdfast.internal\nfd00::8 cdn-routing.holdfast.internal\n");
  Open(kByAddress, dns);
  EXPECT_TRUE(Comes({At("[fd00::7]:50051"), At("[fd00::8]:50051")}));
}

TEST_F(DnsDirectoryTest, AnInstanceWithAddressesOfBothKindsIsOneInstance) {
  TestDns dns({});
  dns.SetHosts("fd00::7 cdn-routing.holdfast.internal\n10.0.0.7 cdn-routing.holdfast.internal\n");
  Open(kByAddress, dns);
  EXPECT_TRUE(Comes({At("10.0.0.7:50051")}));
}

TEST_F(DnsDirectoryTest, ServicesSayPortAndWeightAndTheFirstPriorityCounts) {
  const std::string srv = "--srv-host=_grpc._tcp.cdn-routing.holdfast.internal,";
  TestDns dns({srv + "a.holdfast.internal,7001,1,30", srv + "b.holdfast.internal,7002,1,0",
               srv + "spare.holdfast.internal,7003,2,50"});
  dns.SetHosts(
      "10.0.0.1 a.holdfast.internal\n10.0.0.2 b.holdfast.internal\n"
      "10.0.0.3 spare.holdfast.internal\n");
  Open(kByService, dns);
  EXPECT_TRUE(Comes({{.id = "a.holdfast.internal:7001", .address = "10.0.0.1:7001", .weight = 30},
                     {.id = "b.holdfast.internal:7002", .address = "10.0.0.2:7002"}}));
  dns.SetHosts("10.0.0.1 a.holdfast.internal\n10.0.0.9 b.holdfast.internal\n");
  EXPECT_TRUE(Comes({{.id = "a.holdfast.internal:7001", .address = "10.0.0.1:7001", .weight = 30},
                     {.id = "b.holdfast.internal:7002", .address = "10.0.0.9:7002"}}))
      << "the name stays, the address moved";
}

TEST_F(DnsDirectoryTest, ATargetWithSeveralAddressesIsSeveralInstances) {
  TestDns dns({"--srv-host=_grpc._tcp.cdn-routing.holdfast.internal,all.holdfast.internal,7001"});
  dns.SetHosts("10.0.0.1 all.holdfast.internal\n10.0.0.2 all.holdfast.internal\n");
  Open(kByService, dns);
  EXPECT_TRUE(Comes({At("10.0.0.1:7001"), At("10.0.0.2:7001")}));
}

TEST_F(DnsDirectoryTest, AnAnswerIsNotAskedForAgainBeforeItsTimeIsOver) {
  TestDns dns({"--local-ttl=60"});
  dns.SetHosts("10.0.0.1 cdn-routing.holdfast.internal\n");
  Open(kByAddress, dns);
  ASSERT_TRUE(Comes({At("10.0.0.1:50051")}));
  const auto asked = [&] { return dns.Questions("A", "cdn-routing.holdfast.internal"); };
  const auto until_it_came = asked();  // a server that just began to listen may be asked twice
  EXPECT_FALSE(Eventually([&] { return asked() > until_it_came; }, 500ms));
}

TEST_F(DnsDirectoryTest, ALongTimeToLiveIsBounded) {
  TestDns dns({"--local-ttl=86400"});
  dns.SetHosts("10.0.0.1 cdn-routing.holdfast.internal\n");
  Open(kByAddress, dns, 50ms);
  ASSERT_TRUE(Comes({At("10.0.0.1:50051")}));
  const auto asked = [&] { return dns.Questions("A", "cdn-routing.holdfast.internal"); };
  EXPECT_TRUE(Eventually([&] { return asked() > 3; }));
}

TEST_F(DnsDirectoryTest, AnswersWithoutTimeToLiveAreAskedForAtTheShortestInterval) {
  TestDns dns({});
  dns.SetHosts("10.0.0.1 cdn-routing.holdfast.internal\n");
  Open(kByAddress, dns);
  const auto asked = [&] { return dns.Questions("A", "cdn-routing.holdfast.internal"); };
  EXPECT_TRUE(Eventually([&] { return asked() > 3; }));
}

}  // namespace
}  // namespace holdfast::discovery

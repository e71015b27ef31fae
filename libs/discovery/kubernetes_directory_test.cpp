// What only Kubernetes has: slices, resource versions, tokens that change.

#include <gtest/gtest.h>

#include "absl/synchronization/mutex.h"
#include "libs/base/status.h"
#include "libs/discovery/directory.h"
#include "libs/discovery/testing/fake_api_server.h"
#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/tcp_gate.h"

namespace holdfast::discovery {
namespace {

using namespace std::chrono_literals;
using test::Eventually;

class KubernetesDirectoryTest : public ::testing::Test {
 protected:
  void Open(const std::string& spec) {
    ASSERT_OK_AND_ASSIGN(directory_, OpenDirectory({.spec = spec, .kubernetes_watch = watch_time_},
                                                   SystemClock::Get(), random_, metrics_));
    watch_ = directory_->Subscribe("cdn_routing", [this](const InstanceSet& set) {
      absl::MutexLock lock(&mutex_);
      set_ = set;
    });
  }
  void Open() { Open(server_.spec()); }
  void SetAddresses(const std::vector<std::string>& addresses) {
    server_.SetSlices({ReadySlice("cdn-routing-1", "cdn-routing", addresses)});
  }
  InstanceSet set() {
    absl::MutexLock lock(&mutex_);
    return set_;
  }
  // Hosts, in the order of the ids.
  bool Comes(const std::vector<std::string>& hosts) {
    return Eventually(
        [&] {
          std::vector<std::string> seen;
          for (const Instance& i : set()) seen.push_back(i.address.substr(0, i.address.rfind(':')));
          return seen == hosts;
        },
        15s);
  }
  bool Watches(int at_least) {
    return Eventually([&] { return server_.Stat("watches") >= at_least; });
  }
  bool Says(std::string_view what) {
    return Eventually([&] { return directory_->Describe().find(what) != std::string::npos; }, 15s);
  }

  FakeApiServer server_;
  std::chrono::milliseconds watch_time_ = 1h;  // what is seen came over one watch
  SeededRandom random_{1};
  telemetry::Metrics metrics_;
  absl::Mutex mutex_;
  InstanceSet set_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Directory> directory_;
  std::unique_ptr<Watch> watch_;
};

TEST_F(KubernetesDirectoryTest, ChangesComeOverTheWatchWithoutListingAgain) {
  SetAddresses({"10.0.0.1"});
  Open();
  ASSERT_TRUE(Comes({"10.0.0.1"}));
  SetAddresses({"10.0.0.1", "10.0.0.2"});
  EXPECT_TRUE(Comes({"10.0.0.1", "10.0.0.2"}));
  EXPECT_EQ(server_.Stat("lists"), 1);
  EXPECT_EQ(server_.Stat("connections"), 1);
}

TEST_F(KubernetesDirectoryTest, SeveralSlicesAreOneSetAndOneOfThemMayGo) {
  const std::string one = ReadySlice("cdn-routing-1", "cdn-routing", {"10.0.0.1", "10.0.0.2"});
  const std::string two = ReadySlice("cdn-routing-2", "cdn-routing", {"10.0.0.3"});
  const std::string other = ReadySlice("epg-1", "epg", {"10.0.0.9"});
  server_.SetSlices({one, two, other});
  Open();
  ASSERT_TRUE(Comes({"10.0.0.1", "10.0.0.2", "10.0.0.3"}));
  server_.SetSlices({one, other});
  EXPECT_TRUE(Comes({"10.0.0.1", "10.0.0.2"}));
}

TEST_F(KubernetesDirectoryTest, APodThatTerminatesIsDraining) {
  const auto slice = [](std::string_view conditions) {
    return fmt::format(
        R"({{"metadata":{{"name":"s","labels":{{"kubernetes.io/service-name":"cdn-routing"}}}},)"
        R"("addressType":"IPv4","ports":[{{"name":"grpc","port":1}}],"endpoints":[)"
        R"({{"addresses":["10.0.0.1"],"zone":"b","targetRef":{{"name":"pod-1"}},)"
        R"("conditions":{}}}]}})",
        conditions);
  };
  server_.SetSlices({slice(R"({"ready":true})")});
  Open();
  ASSERT_TRUE(Comes({"10.0.0.1"}));
  EXPECT_EQ(set()[0], (Instance{.id = "pod-1", .address = "10.0.0.1:1", .zone = "b"}));
  server_.SetSlices({slice(R"({"ready":false,"serving":true,"terminating":true})")});
  EXPECT_TRUE(Eventually([&] { return set()[0].state == State::kDraining; }));
}

TEST_F(KubernetesDirectoryTest, AListOfSeveralPagesIsReadToItsEnd) {
  server_.Tell("/page", "2");
  std::vector<std::string> slices, addresses;
  for (int i = 1; i <= 5; ++i) {
    addresses.push_back("10.0.0." + std::to_string(i));
    slices.push_back(
        ReadySlice("cdn-routing-" + std::to_string(i), "cdn-routing", {addresses.back()}));
  }
  server_.SetSlices(slices);
  Open();
  EXPECT_TRUE(Comes(addresses));
  EXPECT_EQ(server_.Stat("lists"), 3);
}

TEST_F(KubernetesDirectoryTest, ABrokenWatchGoesOnWhereItEnded) {
  SetAddresses({"10.0.0.1"});
  Open();
  ASSERT_TRUE(Comes({"10.0.0.1"}));
  ASSERT_TRUE(Watches(1));
  SetAddresses({"10.0.0.1", "10.0.0.2"});
  ASSERT_TRUE(Comes({"10.0.0.1", "10.0.0.2"}));
  server_.Tell("/cut");
  ASSERT_TRUE(Watches(2));
  SetAddresses({"10.0.0.2"});
  EXPECT_TRUE(Comes({"10.0.0.2"}));
  EXPECT_EQ(server_.Stat("lists"), 1) << server_.Stats();
}

TEST_F(KubernetesDirectoryTest, AWatchThatIsOverIsOpenedAgainOnTheSameConnection) {
  watch_time_ = 1s;
  SetAddresses({"10.0.0.1"});
  Open();
  ASSERT_TRUE(Comes({"10.0.0.1"}));
  ASSERT_TRUE(Watches(3));
  SetAddresses({"10.0.0.2"});
  EXPECT_TRUE(Comes({"10.0.0.2"}));
  EXPECT_EQ(server_.Stat("lists"), 1);
  EXPECT_EQ(server_.Stat("connections"), 1);
}

TEST_F(KubernetesDirectoryTest, AForgottenRevisionMakesItListAgain) {
  SetAddresses({"10.0.0.1", "10.0.0.2"});
  Open();
  ASSERT_TRUE(Comes({"10.0.0.1", "10.0.0.2"}));
  ASSERT_TRUE(Watches(1));
  server_.Tell("/expire");
  EXPECT_TRUE(Eventually([&] { return server_.Stat("lists") == 2; }));
  SetAddresses({"10.0.0.1", "10.0.0.3"});
  EXPECT_TRUE(Comes({"10.0.0.1", "10.0.0.3"}));
  EXPECT_TRUE(directory_->Describe().starts_with("kubernetes: connected"));
}

// Without bookmarks a quiet service would always have to list again after a compaction.
TEST_F(KubernetesDirectoryTest, ABookmarkIsWhereAQuietWatchGoesOn) {
  SetAddresses({"10.0.0.1"});
  Open();
  ASSERT_TRUE(Comes({"10.0.0.1"}));
  ASSERT_TRUE(Watches(1));
  server_.Tell("/bookmark");
  const std::string bookmark = std::to_string(server_.Stat("version"));
  const auto resumed_there = [&] {
    return server_.Stats().find(", " + bookmark + "]") != std::string::npos;
  };
  EXPECT_TRUE(Eventually([&] {
    server_.Tell("/cut");
    return Eventually(resumed_there, 500ms);
  })) << server_.Stats();
  EXPECT_EQ(server_.Stat("lists"), 1);
}

TEST_F(KubernetesDirectoryTest, ANewTokenIsReadFromItsFile) {
  SetAddresses({"10.0.0.1"});
  Open();
  ASSERT_TRUE(Comes({"10.0.0.1"}));
  server_.Tell("/token", "second");
  server_.Tell("/cut");
  EXPECT_TRUE(Says("API server says 401"));
  server_.WriteToken("second");
  SetAddresses({"10.0.0.2"});
  EXPECT_TRUE(Comes({"10.0.0.2"}));
}

TEST_F(KubernetesDirectoryTest, AForbiddenNamespaceIsToldWithWhatToDo) {
  std::string spec = server_.spec();
  spec.replace(spec.find("namespace=tv"), 12, "namespace=other");
  Open(spec);
  EXPECT_TRUE(Says("may we get, list and watch endpointslices?"));
}

TEST_F(KubernetesDirectoryTest, AServerOfAnotherAuthorityIsNotBelieved) {
  test::TempDir other;
  ASSERT_THAT(security::CreateDevelopmentCertificates(other.path(), {"x"}), test::IsOk());
  SetAddresses({"10.0.0.1"});
  Open(fmt::format("kubernetes:https://127.0.0.1:{}?namespace=tv&ca={}&token={}", server_.port(),
                   other.File("ca.pem"), server_.token_file()));
  EXPECT_TRUE(Says("TLS: "));
  EXPECT_TRUE(set().empty());
}

TEST_F(KubernetesDirectoryTest, AServerWithTheWrongNameIsNotBelieved) {
  SetAddresses({"10.0.0.1"});
  Open(server_.spec() + "&name=kubernetes.default.svc");
  EXPECT_TRUE(Says("TLS: hostname mismatch"));
  EXPECT_TRUE(set().empty());
}

TEST_F(KubernetesDirectoryTest, AServerIsBelievedByTheNameThatWasGiven) {
  SetAddresses({"10.0.0.1"});
  Open(server_.spec() + "&name=kubernetes.holdfast.internal");
  EXPECT_TRUE(Comes({"10.0.0.1"}));
}

TEST_F(KubernetesDirectoryTest, APartitionIsSurvived) {
  test::TcpGate gate(server_.port());
  SetAddresses({"10.0.0.1"});
  Open(fmt::format("kubernetes:https://{}?namespace=tv&ca={}&token={}", gate.address(),
                   server_.ca_file(), server_.token_file()));
  ASSERT_TRUE(Comes({"10.0.0.1"}));
  gate.Cut();
  EXPECT_TRUE(Says("last good set"));
  SetAddresses({"10.0.0.2"});
  gate.Open();
  EXPECT_TRUE(Comes({"10.0.0.2"}));
}

TEST_F(KubernetesDirectoryTest, NonsenseInsteadOfAnAnswerIsSurvived) {
  test::TcpGate gate(server_.port());
  SetAddresses({"10.0.0.1"});
  Open(fmt::format("kubernetes:https://{}?namespace=tv&ca={}&token={}", gate.address(),
                   server_.ca_file(), server_.token_file()));
  ASSERT_TRUE(Comes({"10.0.0.1"}));
  gate.CorruptNextBytes(10);
  SetAddresses({"10.0.0.1", "10.0.0.2"});
  EXPECT_TRUE(Comes({"10.0.0.1", "10.0.0.2"}));
}

}  // namespace
}  // namespace holdfast::discovery

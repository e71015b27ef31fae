// What only etcd has: leases, registrations, compaction, several members.

#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/check.h"
#include "libs/discovery/directory.h"
#include "libs/discovery/instance_text.h"
#include "libs/testing/eventually.h"
#include "libs/testing/exchange.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/tcp_gate.h"
#include "libs/testing/test_etcd.h"

namespace holdfast::discovery {
namespace {

using namespace std::chrono_literals;
using test::Eventually;

class EtcdDirectoryTest : public ::testing::Test {
 protected:
  std::unique_ptr<Directory> Open(const std::string& urls) {
    absl::StatusOr<std::unique_ptr<Directory>> directory = OpenDirectory(
        {.spec = "etcd:" + urls, .lease_ttl = 2s}, SystemClock::Get(), random_, metrics_);
    HOLDFAST_CHECK(directory.ok());
    return *std::move(directory);
  }
  std::unique_ptr<Directory> Open() { return Open(etcd_->url()); }

  // etcd's own JSON gateway: an operator with other tools.
  std::string Gateway(std::string_view path, const std::string& body) {
    const std::string host = fmt::format("127.0.0.1:{}", etcd_->port());
    return test::Exchange(
        etcd_->port(),
        fmt::format(
            "POST {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{}",
            path, host, body.size(), body));
  }
  void PutByHand(std::string_view id, std::string_view value) {
    Gateway("/v3/kv/put",
            fmt::format(R"({{"key":"{}","value":"{}"}})", Encoded(KeyOf(id)), Encoded(value)));
  }
  void DeleteByHand(std::string_view id) {
    Gateway("/v3/kv/deleterange", fmt::format(R"({{"key":"{}"}})", Encoded(KeyOf(id))));
  }
  bool Holds(std::string_view id) {
    return Gateway("/v3/kv/range", fmt::format(R"({{"key":"{}"}})", Encoded(KeyOf(id))))
               .find("\"kvs\"") != std::string::npos;
  }
  static std::string KeyOf(std::string_view id) {
    return fmt::format("/holdfast/services/epg/{}", id);
  }
  static std::string Encoded(std::string_view bytes) {
    return absl::Base64Escape(absl::string_view(bytes.data(), bytes.size()));
  }

  Directory::Callback Remember() {
    return [this](const InstanceSet& set) {
      absl::MutexLock lock(&mutex_);
      ids_.clear();
      for (const Instance& instance : set) ids_ += instance.id + " ";
      set_ = set;
    };
  }
  bool Comes(const std::string& ids) {
    return Eventually(
        [&] {
          absl::MutexLock lock(&mutex_);
          return ids_ == ids;
        },
        15s);
  }
  static Instance Named(std::string_view id) {
    return {.id = std::string(id), .address = "127.0.0.1:50051", .zone = "a", .version = "1"};
  }

  std::unique_ptr<test::TestEtcd> etcd_ = test::TestEtcd::Start();
  SeededRandom random_{3};
  telemetry::Metrics metrics_;
  absl::Mutex mutex_;
  std::string ids_;
  InstanceSet set_;
};

TEST_F(EtcdDirectoryTest, ARegisteredInstanceIsFoundWithAllItSaid) {
  const auto directory = Open();
  const auto watch = directory->Subscribe("epg", Remember());
  const Instance self{
      .id = "epg-a", .address = "10.1.2.3:50051", .zone = "a", .version = "1.4", .weight = 250};
  const auto registration = directory->Register("epg", self);
  ASSERT_TRUE(Comes("epg-a "));
  absl::MutexLock lock(&mutex_);
  EXPECT_EQ(set_, InstanceSet{self});
}

TEST_F(EtcdDirectoryTest, UnregisteringIsSeenLongBeforeTheLeaseEnds) {
  const auto directory = Open();
  auto a = directory->Register("epg", Named("a"));
  const auto b = directory->Register("epg", Named("b"));
  const auto watch = directory->Subscribe("epg", Remember());
  ASSERT_TRUE(Comes("a b "));
  a.reset();
  EXPECT_TRUE(Eventually([&] { return !Holds("a"); }, 1s));
  EXPECT_TRUE(Comes("b "));
}

TEST_F(EtcdDirectoryTest, AProcessThatDiedIsForgottenWhenItsLeaseEnds) {
  const auto directory = Open();
  test::TcpGate gate(etcd_->port());
  const auto dying = Open("http://" + gate.address());
  const auto a = directory->Register("epg", Named("a"));
  const auto b = dying->Register("epg", Named("b"));
  const auto watch = directory->Subscribe("epg", Remember());
  ASSERT_TRUE(Comes("a b "));
  gate.Cut();
  EXPECT_TRUE(Comes("a "));
  gate.Open();
  EXPECT_TRUE(Comes("a b ")) << "it was only cut off, and registers again";
}

TEST_F(EtcdDirectoryTest, ALeaseIsKeptAliveForManyTimesItsLength) {
  const auto directory = Open();
  const auto a = directory->Register("epg", Named("a"));
  ASSERT_TRUE(Eventually([&] { return Holds("a"); }));
  EXPECT_FALSE(Eventually([&] { return !Holds("a"); }, 5s));
}

TEST_F(EtcdDirectoryTest, ADeletedKeyIsWrittenAgain) {
  const auto directory = Open();
  const auto a = directory->Register("epg", Named("a"));
  ASSERT_TRUE(Eventually([&] { return Holds("a"); }));
  DeleteByHand("a");
  ASSERT_FALSE(Holds("a"));
  EXPECT_TRUE(Eventually([&] { return Holds("a"); }));
}

TEST_F(EtcdDirectoryTest, AKilledEtcdThatLostEverythingIsRegisteredWithAgain) {
  const auto directory = Open();
  const auto a = directory->Register("epg", Named("a"));
  const auto watch = directory->Subscribe("epg", Remember());
  ASSERT_TRUE(Comes("a "));
  etcd_->Kill();
  etcd_->Restart();
  DeleteByHand("a");
  EXPECT_TRUE(Eventually([&] { return Holds("a"); }, 15s));
}

TEST_F(EtcdDirectoryTest, OfTwoProcessesWithOneIdTheLastIsSeen) {
  const auto directory = Open();
  auto first = directory->Register("epg", {.id = "a", .address = "127.0.0.1:1"});
  const auto watch = directory->Subscribe("epg", Remember());
  ASSERT_TRUE(Comes("a "));
  const auto second = directory->Register("epg", {.id = "a", .address = "127.0.0.1:2"});
  const auto address_is = [&](const std::string& address) {
    return Eventually([&] {
      absl::MutexLock lock(&mutex_);
      return set_.size() == 1 && set_[0].address == address;
    });
  };
  EXPECT_TRUE(address_is("127.0.0.1:2"));
  first.reset();
  EXPECT_TRUE(Holds("a")) << "the first process must not unregister the second";
}

TEST_F(EtcdDirectoryTest, ValuesThatCannotBeReadAreSkipped) {
  PutByHand("bad-json", "{\"address\":");
  PutByHand("bad-address", R"({"address":"nowhere"})");
  PutByHand("nested/id", ToText(Named("x")));
  PutByHand("good", ToText(Named("good")));
  const auto directory = Open();
  const auto watch = directory->Subscribe("epg", Remember());
  EXPECT_TRUE(Comes("good "));
}

TEST_F(EtcdDirectoryTest, ANeighbourServiceWithALongerNameIsNotMixedIn) {
  const auto directory = Open();
  const auto other = directory->Register("epg2", Named("other"));
  const auto own = directory->Register("epg", Named("own"));
  const auto watch = directory->Subscribe("epg", Remember());
  EXPECT_TRUE(Comes("own "));
}

TEST_F(EtcdDirectoryTest, CompactionWhileWeWereAwayIsSurvived) {
  test::TcpGate gate(etcd_->port());
  const auto directory = Open("http://" + gate.address());
  const auto watch = directory->Subscribe("epg", Remember());
  PutByHand("a", ToText(Named("a")));
  ASSERT_TRUE(Comes("a "));
  gate.Cut();
  for (int i = 0; i < 20; ++i) PutByHand("b", ToText(Named("b")));
  Gateway("/v3/kv/compaction", R"({"revision":"15"})");
  gate.Open();
  EXPECT_TRUE(Comes("a b "));
}

TEST_F(EtcdDirectoryTest, ADeadMemberIsPassedOver) {
  const std::string dead = fmt::format("http://127.0.0.1:{}", test::FreePort());
  const auto directory = Open(fmt::format("{},{},{}", dead, etcd_->url(), dead));
  const auto watch = directory->Subscribe("epg", Remember());
  const auto registration = directory->Register("epg", Named("a"));
  EXPECT_TRUE(Comes("a "));
}

TEST_F(EtcdDirectoryTest, AHungMemberIsPassedOver) {
  const auto hung = test::TestEtcd::Start();
  hung->Hang();
  const auto directory = Open(fmt::format("{},{}", hung->url(), etcd_->url()));
  const auto watch = directory->Subscribe("epg", Remember());
  const auto registration = directory->Register("epg", Named("a"));
  EXPECT_TRUE(Comes("a "));
  hung->Resume();
}

// gRPC's last channel of the process goes each time, while its threads still finish calls.
TEST_F(EtcdDirectoryTest, DirectoriesComeAndGoWithCallsUnderWay) {
  for (int i = 0; i < 200; ++i) {
    const auto directory = Open();
    const auto watch = directory->Subscribe("epg", Remember());
    const auto registration = directory->Register("epg", Named("a"));
    if (i % 4 == 0) {
      ASSERT_TRUE(Eventually([&] { return Holds("a"); }));
    }
  }
}

TEST_F(EtcdDirectoryTest, RegistrationGoesOnAfterEtcdHung) {
  const auto directory = Open();
  const auto a = directory->Register("epg", Named("a"));
  const auto watch = directory->Subscribe("epg", Remember());
  ASSERT_TRUE(Comes("a "));
  etcd_->Hang();
  EXPECT_FALSE(Eventually([&] { return !Comes("a "); }, 3s));
  etcd_->Resume();
  EXPECT_TRUE(Eventually([&] { return Holds("a"); }, 15s));
}

}  // namespace
}  // namespace holdfast::discovery

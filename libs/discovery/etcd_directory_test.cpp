// What only etcd has: leases, registrations, compaction, dead and hung members.

#include "libs/discovery/etcd_fixture_test.h"
#include "libs/discovery/instance_text.h"
#include "libs/testing/tcp_gate.h"
#include "libs/testing/temp_dir.h"
#include "libs/testing/test_etcd.h"

namespace holdfast::discovery {
namespace {

class EtcdDirectoryTest : public EtcdTest {
 protected:
  std::unique_ptr<Directory> Open(const std::string& urls) { return OpenSpec("etcd:" + urls); }
  std::unique_ptr<Directory> Open() { return Open(etcd_->url()); }

  std::string Gateway(std::string_view path, const std::string& body) {
    return AskGateway(etcd_->port(), path, body);
  }
  void PutByHand(std::string_view id, std::string_view value) {
    Gateway("/v3/kv/put",
            fmt::format(R"({{"key":"{}","value":"{}"}})", Encoded(KeyOf(id)), Encoded(value)));
  }
  void DeleteByHand(std::string_view id) {
    Gateway("/v3/kv/deleterange", fmt::format(R"({{"key":"{}"}})", Encoded(KeyOf(id))));
  }
  std::string Get(std::string_view id) {
    return Gateway("/v3/kv/range", fmt::format(R"({{"key":"{}"}})", Encoded(KeyOf(id))));
  }
  bool Holds(std::string_view id) { return Get(id).find("\"kvs\"") != std::string::npos; }
  // Ends the lease of an instance behind its back.
  void RevokeByHand(std::string_view id) {
    const std::string found = Get(id);
    const std::string mark = "\"lease\":\"";
    const std::size_t begin = found.find(mark);
    ASSERT_NE(begin, std::string::npos) << found;
    const std::string lease = found.substr(
        begin + mark.size(), found.find('"', begin + mark.size()) - begin - mark.size());
    Gateway("/v3/lease/revoke", fmt::format(R"({{"ID":"{}"}})", lease));
  }
  static std::string KeyOf(std::string_view id) {
    return fmt::format("/holdfast/services/epg/{}", id);
  }

  std::unique_ptr<test::TestEtcd> etcd_ = test::TestEtcd::Start();
};

TEST_F(EtcdDirectoryTest, ARegisteredInstanceIsFoundWithAllItSaid) {
  const auto directory = Open();
  const auto watch = directory->Subscribe("epg", Remember());
  const Instance self{
      .id = "epg-a", .address = "10.1.2.3:50051", .zone = "a", .version = "1.4", .weight = 250};
  const auto registration = directory->Register("epg", self);
  ASSERT_TRUE(Comes("epg-a "));
  EXPECT_EQ(set(), InstanceSet{self});
  EXPECT_EQ(Registered(), 1);
  EXPECT_NE(directory->Describe().find("own /holdfast/services/epg/epg-a: registered"),
            std::string::npos);
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
    return OneInstanceComes([&](const Instance& seen) { return seen.address == address; });
  };
  EXPECT_TRUE(address_is("127.0.0.1:2"));
  EXPECT_TRUE(Eventually([&] { return Conflicts() == 1; })) << "the first notices";
  first.reset();
  EXPECT_TRUE(Holds("a")) << "the first process must not unregister the second";
}

TEST_F(EtcdDirectoryTest, WhenTheLastOfTwoWithOneIdLeavesTheFirstIsSeenAgain) {
  const auto directory = Open();
  const auto first = directory->Register("epg", {.id = "a", .address = "127.0.0.1:1"});
  const auto watch = directory->Subscribe("epg", Remember());
  ASSERT_TRUE(Comes("a "));
  auto second = directory->Register("epg", {.id = "a", .address = "127.0.0.1:2"});
  ASSERT_TRUE(Eventually([&] { return Conflicts() == 1; }));
  second.reset();
  EXPECT_TRUE(OneInstanceComes([](const Instance& seen) { return seen.address == "127.0.0.1:1"; }));
}

// A crashed process that comes back before its old lease has ended.
TEST_F(EtcdDirectoryTest, TheLeaseOfAnEarlierLifeEndsWithoutHidingTheNewOne) {
  test::TcpGate gate(etcd_->port());
  const auto crashed = Open("http://" + gate.address());
  const auto old_life = crashed->Register("epg", Named("a"));
  // It has heard that etcd took it: cut before, it would not have counted it.
  ASSERT_TRUE(Eventually([&] { return Registrations() == 1; }));
  gate.Cut();
  const auto directory = Open();
  const auto new_life = directory->Register("epg", Named("a"));
  ASSERT_TRUE(Eventually([&] { return Registrations() == 2; }));
  EXPECT_FALSE(Eventually([&] { return !Holds("a"); }, 4s));
}

TEST_F(EtcdDirectoryTest, ALeaseThatIsLostWhileWeLiveIsTakenAgain) {
  const auto directory = Open();
  const auto a = directory->Register("epg", Named("a"));
  ASSERT_TRUE(Eventually([&] { return Registrations() == 1; }));
  RevokeByHand("a");
  ASSERT_FALSE(Holds("a"));
  EXPECT_TRUE(Eventually([&] { return Holds("a"); }));
  EXPECT_EQ(LeaseLosses(), 1);
  EXPECT_TRUE(Eventually([&] { return Registered() == 1; }));
}

TEST_F(EtcdDirectoryTest, ADrainingProcessIsShownAsSuchUntilItUnregisters) {
  const auto directory = Open();
  auto a = directory->Register("epg", Named("a"));
  const auto other = directory->Register("drm", Named("b"));
  const auto watch = directory->Subscribe("epg", Remember());
  ASSERT_TRUE(Comes("a "));
  directory->Drain();
  const auto draining = [](const Instance& seen) { return seen.state == State::kDraining; };
  EXPECT_TRUE(OneInstanceComes(draining));
  RevokeByHand("a");
  ASSERT_TRUE(Eventually([&] { return Holds("a"); }));
  EXPECT_TRUE(OneInstanceComes(draining)) << "it stays draining when it registers again";
  a.reset();
  EXPECT_TRUE(Eventually([&] { return !Holds("a"); }, 1s));
}

// Leases are counted by etcd and waits by the monotonic clock: what calendars say is not asked.
TEST_F(EtcdDirectoryTest, AProcessWhoseClockIsWrongAndJumpsStaysRegistered) {
  class JumpingClock final : public Clock {
   public:
    WallTime Now() const override {
      calls_ += 1;
      return SystemClock::Get().Now() + std::chrono::hours(24 * 365) * (calls_ % 2 == 0 ? 20 : -20);
    }
    SteadyTime SteadyNow() const override { return SystemClock::Get().SteadyNow(); }

   private:
    mutable std::atomic<int> calls_ = 0;
  } clock;
  test::TempDir files;
  snapshot_dir_ = files.path();
  const auto directory = OpenSpec("etcd:" + etcd_->url(), clock);
  const auto a = directory->Register("epg", Named("a"));
  const auto watch = directory->Subscribe("epg", Remember());
  ASSERT_TRUE(Comes("a "));
  EXPECT_FALSE(Eventually([&] { return !Holds("a") || set().size() != 1; }, 4s));
  EXPECT_EQ(LeaseLosses(), 0);
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

// Several members, TLS, users: what a real installation has.

#include "libs/discovery/etcd_fixture_test.h"
#include "libs/security/tls.h"
#include "libs/testing/temp_dir.h"
#include "libs/testing/test_etcd.h"
#include "libs/testing/test_etcd_cluster.h"

#include <fstream>

namespace holdfast::discovery {
namespace {

class EtcdClusterTest : public EtcdTest {
 protected:
  void StartThree() { cluster_ = test::TestEtcdCluster::Start({}); }
  std::unique_ptr<Directory> Open() { return OpenSpec("etcd:" + cluster_->urls()); }
  int Leader() {
    int leader = -1;
    EXPECT_TRUE(Eventually([&] { return (leader = cluster_->leader()) >= 0; }, 20s));
    return leader;
  }
  // Somebody else registers, through members that work; whoever follows must come to know.
  void ExpectChangesArrive(Directory& directory) {
    const auto watch = directory.Subscribe("epg", Remember());
    const auto peer = Open();
    const auto b = peer->Register("epg", Named("b"));
    EXPECT_TRUE(Comes("a b "));
  }

  std::unique_ptr<test::TestEtcdCluster> cluster_;
};

TEST_F(EtcdClusterTest, TheLeaderMayDie) {
  StartThree();
  const auto directory = Open();
  const auto a = directory->Register("epg", Named("a"));
  const auto watch = directory->Subscribe("epg", Remember());
  ASSERT_TRUE(Comes("a "));
  cluster_->Kill(Leader());
  ExpectChangesArrive(*directory);
  EXPECT_EQ(LeaseLosses(), 0);
}

// The kernel still takes its connections; nothing is ever answered.
TEST_F(EtcdClusterTest, AnyMemberMayHang) {
  StartThree();
  for (int hung = 0; hung < 3; ++hung) {
    const auto directory = Open();
    auto a = directory->Register("epg", Named("a"));
    auto watch = directory->Subscribe("epg", Remember());
    ASSERT_TRUE(Comes("a ")) << hung;
    cluster_->Hang(hung);
    ExpectChangesArrive(*directory);
    cluster_->Resume(hung);
    watch.reset();
    a.reset();
  }
}

TEST_F(EtcdClusterTest, WithoutAMajorityTheLastSetStays) {
  StartThree();
  const auto directory = Open();
  const auto a = directory->Register("epg", Named("a"));
  const auto watch = directory->Subscribe("epg", Remember());
  ASSERT_TRUE(Comes("a "));
  cluster_->Kill(0);
  cluster_->Kill(1);
  EXPECT_TRUE(Eventually(
      [&] { return directory->Describe().find("last good set") != std::string::npos; }, 20s));
  EXPECT_EQ(set().size(), 1u);
  cluster_->Restart(0);
  ExpectChangesArrive(*directory);
}

class EtcdTlsTest : public EtcdTest {
 protected:
  EtcdTlsTest() {
    EXPECT_THAT(security::CreateDevelopmentCertificates(folder_.path(), {"etcd", "epg"}),
                test::IsOk());
    cluster_ = test::TestEtcdCluster::Start({.members = 1,
                                             .ca = folder_.File("ca.pem"),
                                             .certificate = folder_.File("etcd.pem"),
                                             .key = folder_.File("etcd.key")});
  }
  std::string Spec(std::string_view options) const {
    return fmt::format("etcd:{}?{}", cluster_->urls(), options);
  }
  std::string Ours() const {
    return fmt::format("ca={0}/ca.pem&cert={0}/epg.pem&key={0}/epg.key", folder_.path());
  }

  test::TempDir folder_;
  std::unique_ptr<test::TestEtcdCluster> cluster_;
};

TEST_F(EtcdTlsTest, AProcessWithACertificateIsServed) {
  const auto directory = OpenSpec(Spec(Ours()));
  const auto a = directory->Register("epg", Named("a"));
  const auto watch = directory->Subscribe("epg", Remember());
  EXPECT_TRUE(Comes("a "));
}

TEST_F(EtcdTlsTest, AServerOfAnotherAuthorityIsNotBelieved) {
  test::TempDir other;
  ASSERT_THAT(security::CreateDevelopmentCertificates(other.path(), {"epg"}), test::IsOk());
  const auto trusted = OpenSpec(Spec(Ours()));
  const auto a = trusted->Register("epg", Named("a"));
  ASSERT_TRUE(Eventually([&] { return Registered() == 1; }));
  const auto directory = OpenSpec(Spec("ca=" + other.File("ca.pem")));
  const auto watch = directory->Subscribe("epg", Remember());
  EXPECT_FALSE(Eventually([&] { return !set().empty(); }, 2s));
  EXPECT_NE(directory->Describe().find("last good set"), std::string::npos);
}

class EtcdUserTest : public EtcdTest {
 protected:
  EtcdUserTest() {
    Gateway("/v3/auth/user/add", R"({"name":"root","password":"top"})");
    Gateway("/v3/auth/user/grant", R"({"user":"root","role":"root"})");
    Gateway("/v3/auth/user/add", R"({"name":"holdfast","password":"secret"})");
    Gateway("/v3/auth/role/add", R"({"name":"services"})");
    Gateway("/v3/auth/role/grant",
            fmt::format(R"({{"name":"services","perm":{{"permType":"READWRITE",)"
                        R"("key":"{}","range_end":"{}"}}}})",
                        Encoded("/holdfast/services/"), Encoded("/holdfast/services0")));
    Gateway("/v3/auth/user/grant", R"({"user":"holdfast","role":"services"})");
    Gateway("/v3/auth/enable", "{}");
    SetPassword("secret");
  }
  std::string Gateway(std::string_view path, const std::string& body) {
    return AskGateway(etcd_->port(), path, body);
  }
  void SetPassword(std::string_view password) {
    std::ofstream(folder_.File("password")) << password << "\n";
  }
  std::string Spec() const {
    return fmt::format("etcd:{}?user=holdfast&password_file={}", etcd_->url(),
                       folder_.File("password"));
  }

  std::unique_ptr<test::TestEtcd> etcd_ = test::TestEtcd::Start();
  test::TempDir folder_;
};

TEST_F(EtcdUserTest, AProcessThatLogsInIsServed) {
  const auto directory = OpenSpec(Spec());
  const auto a = directory->Register("epg", Named("a"));
  const auto watch = directory->Subscribe("epg", Remember());
  EXPECT_TRUE(Comes("a "));
}

TEST_F(EtcdUserTest, WithoutLoggingInNobodyIsServed) {
  const auto directory = OpenSpec("etcd:" + etcd_->url());
  const auto watch = directory->Subscribe("epg", Remember());
  EXPECT_TRUE(Eventually([&] { return directory->Describe().find("user") != std::string::npos; }))
      << directory->Describe();
}

// Tokens are in the memory of etcd: a restart forgets them.
TEST_F(EtcdUserTest, AfterARestartOfEtcdItLogsInAgain) {
  const auto directory = OpenSpec(Spec());
  const auto a = directory->Register("epg", Named("a"));
  const auto watch = directory->Subscribe("epg", Remember());
  ASSERT_TRUE(Comes("a "));
  etcd_->Restart();
  const auto peer = OpenSpec(Spec());
  const auto b = peer->Register("epg", Named("b"));
  EXPECT_TRUE(Comes("a b "));
}

TEST_F(EtcdUserTest, AWrongPasswordIsReadAnewAtTheNextTry) {
  SetPassword("wrong");
  const auto directory = OpenSpec(Spec());
  const auto a = directory->Register("epg", Named("a"));
  const auto watch = directory->Subscribe("epg", Remember());
  EXPECT_TRUE(Eventually([&] {
    return directory->Describe().find("authentication failed") != std::string::npos;
  })) << directory->Describe();
  SetPassword("secret");
  EXPECT_TRUE(Comes("a "));
}

}  // namespace
}  // namespace holdfast::discovery

// The program itself: what it does when PostgreSQL is away.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "libs/base/encoding.h"
#include "libs/http/client.h"
#include "libs/security/key_set.h"
#include "libs/security/token.h"
#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/temp_dir.h"
#include "libs/testing/test_postgres.h"

namespace holdfast::drm {
namespace {

using std::chrono::seconds;
using test::Eventually;
using test::HasCode;
using test::IsOk;

class DrmProcessTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(security::CreateKey(dir_.File("keks"), "kek-1"), IsOk());
    ASSERT_THAT(security::CreateKey(dir_.File("play"), "play-1"), IsOk());
    std::ofstream(dir_.File("packager")) << "sesame\n";
  }

  test::Process Start(const std::string& name, const std::string& postgres_hosts) {
    http_port_ = test::FreePort();
    admin_port_ = test::FreePort();
    const std::string folder =
        std::filesystem::read_symlink("/proc/self/exe").parent_path().string();
    auto process = test::Process::Start({.command = {folder + "/holdfast-drm",
                                                     "--data_dir",
                                                     dir_.File(name),
                                                     "--kek_dir",
                                                     dir_.File("keks"),
                                                     "--play_keys_dir",
                                                     dir_.File("play"),
                                                     "--packager_secret_file",
                                                     dir_.File("packager"),
                                                     "--postgres_hosts",
                                                     postgres_hosts,
                                                     "--postgres_database",
                                                     database_,
                                                     "--postgres_user",
                                                     "holdfast",
                                                     "--http_port",
                                                     std::to_string(http_port_),
                                                     "--admin_port",
                                                     std::to_string(admin_port_),
                                                     "--maintain_interval",
                                                     "1s"},
                                         .log_file = dir_.File(name + ".log")});
    EXPECT_THAT(process, IsOk());
    return *std::move(process);
  }
  http::ClientResponse Get(std::uint16_t port, const std::string& path,
                           std::vector<std::pair<std::string, std::string>> headers = {}) {
    const auto response =
        http::Fetch({.url = "http://127.0.0.1:" + std::to_string(port) + path, .headers = headers},
                    Deadline::After(seconds(10)));
    return response.ok() ? *response : http::ClientResponse{};
  }
  bool Ready() { return Get(admin_port_, "/readyz").status == 200; }
  std::string KeyNow() {
    const auto keys = security::KeySet::Load(dir_.File("play"));
    const std::int64_t now = EpochSeconds(SystemClock::Get().Now());
    const std::string token =
        security::SignPlayToken({.channel_id = "ch-7", .expires_at = now + 60}, *keys);
    const http::ClientResponse key =
        Get(http_port_, "/key/ch-7/" + std::to_string(period_), {{"X-Play-Token", token}});
    return key.status == 200 ? ToHex(key.body) : "status " + std::to_string(key.status);
  }

  test::TempDir dir_;
  const std::string database_ = test::TestPostgres::Shared().NewDatabase();
  const std::string postgres_ = "127.0.0.1:" + std::to_string(test::TestPostgres::Shared().port());
  const std::string nowhere_ = "127.0.0.1:" + std::to_string(test::FreePort());
  const std::int64_t period_ = EpochSeconds(SystemClock::Get().Now()) / 600;
  std::uint16_t http_port_ = 0;
  std::uint16_t admin_port_ = 0;
};

TEST_F(DrmProcessTest, KeysOutliveTheDatabaseAndARestart) {
  std::string key;
  {
    test::Process drm = Start("a", postgres_);
    ASSERT_TRUE(Eventually([&] { return Ready(); }, seconds(30)));
    key = KeyNow();
    ASSERT_EQ(key.size(), 32u) << key;
    EXPECT_EQ(drm.Terminate(), 0);
  }
  {
    test::Process drm = Start("a", nowhere_);
    ASSERT_TRUE(Eventually([&] { return Ready(); }, seconds(30)));
    EXPECT_EQ(KeyNow(), key);
    EXPECT_EQ(drm.Terminate(), 0);
  }
  test::Process second_instance = Start("b", postgres_);
  ASSERT_TRUE(Eventually([&] { return Ready(); }, seconds(30)));
  EXPECT_EQ(KeyNow(), key);
}

TEST_F(DrmProcessTest, WithNeitherDatabaseNorDiskItIsNotReadyAndSaysWhy) {
  test::Process drm = Start("a", nowhere_);
  http::ClientResponse ready;
  ASSERT_TRUE(Eventually(
      [&] {
        ready = Get(admin_port_, "/readyz");
        return ready.status != 0;
      },
      seconds(30)));
  EXPECT_EQ(ready.status, 503);
  EXPECT_THAT(ready.body, testing::HasSubstr("key epochs"));
  EXPECT_EQ(KeyNow(), "status 503");
  EXPECT_EQ(drm.Terminate(), 0);
}

TEST_F(DrmProcessTest, WithoutItsSecretsItDoesNotStart) {
  std::filesystem::remove_all(dir_.File("keks"));
  test::Process drm = Start("a", postgres_);
  EXPECT_TRUE(Eventually([&] { return !drm.running(); }));
}

}  // namespace
}  // namespace holdfast::drm

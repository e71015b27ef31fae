#include "libs/storage/pg_migrate.h"

#include <gtest/gtest.h>

#include <thread>

#include "libs/storage/pg_lock.h"
#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/test_postgres.h"

namespace holdfast::storage {
namespace {

using namespace std::chrono_literals;
using test::HasCode;
using test::HasMessage;
using test::IsOk;

Deadline Soon() { return Deadline::After(10s); }

class MigrateTest : public testing::Test {
 protected:
  absl::Status Run(std::vector<Migration> migrations) { return Migrate(pool_, migrations, Soon()); }

  test::TestPostgres& server_ = test::TestPostgres::Shared();
  const PgOptions options_{.hosts = "127.0.0.1:" + std::to_string(server_.port()),
                           .database = server_.NewDatabase(),
                           .user = server_.user()};
  telemetry::Metrics metrics_;
  PgPool pool_{options_, metrics_};
};

constexpr Migration kFirst{"0001_a", "CREATE TABLE a (id int); INSERT INTO a VALUES (1);"};
constexpr Migration kSecond{"0002_b", "ALTER TABLE a ADD COLUMN name text"};

TEST_F(MigrateTest, AppliesEachOnce) {
  EXPECT_THAT(Run({kFirst}), IsOk());
  EXPECT_THAT(Run({kFirst, kSecond}), IsOk());
  EXPECT_THAT(Run({kFirst, kSecond}), IsOk());
  EXPECT_EQ(pool_.Query(Soon(), "SELECT count(name) + count(*) FROM a")->Int(0, 0), 1);
}

TEST_F(MigrateTest, AnOlderReleaseStartsOnANewerSchema) {
  EXPECT_THAT(Run({kFirst, kSecond}), IsOk());
  EXPECT_THAT(Run({kFirst}), IsOk());
}

TEST_F(MigrateTest, RefusesAFileThatWasChanged) {
  EXPECT_THAT(Run({kFirst}), IsOk());
  EXPECT_THAT(Run({{"0001_a", "CREATE TABLE a (id bigint)"}}),
              HasCode(absl::StatusCode::kFailedPrecondition));
}

TEST_F(MigrateTest, AMigrationThatFailsLeavesNothingOfItselfAndNamesItself) {
  EXPECT_THAT(Run({kFirst, {"0002_bad", "CREATE TABLE b (id int); SELECT nonsense"}}),
              HasMessage("migration 0002_bad"));
  EXPECT_TRUE(pool_.Query(Soon(), "SELECT to_regclass('b') IS NULL")->Bool(0, 0));
  EXPECT_FALSE(pool_.Query(Soon(), "SELECT to_regclass('a') IS NULL")->Bool(0, 0));
}

TEST_F(MigrateTest, InstancesThatStartTogetherApplyItOnce) {
  std::vector<std::thread> instances;
  for (int i = 0; i < 4; ++i) {
    instances.emplace_back([&] { EXPECT_THAT(Run({kFirst, kSecond}), IsOk()); });
  }
  for (auto& instance : instances) instance.join();
  EXPECT_EQ(pool_.Query(Soon(), "SELECT count(*) FROM a")->Int(0, 0), 1);
}

using PgLeaderTest = MigrateTest;

TEST_F(PgLeaderTest, OneAtATimeAndPerJob) {
  PgLeader one(options_, "renewals");
  PgLeader two(options_, "renewals");
  PgLeader other_job(options_, "imports");
  EXPECT_TRUE(one.IsLeader(Soon()));
  EXPECT_TRUE(one.IsLeader(Soon()));
  EXPECT_FALSE(two.IsLeader(Soon()));
  EXPECT_TRUE(other_job.IsLeader(Soon()));
}

TEST_F(PgLeaderTest, TheNextOneTakesOverWhenTheHolderIsGone) {
  auto one = std::make_unique<PgLeader>(options_, "renewals");
  PgLeader two(options_, "renewals");
  EXPECT_TRUE(one->IsLeader(Soon()));
  EXPECT_FALSE(two.IsLeader(Soon()));
  one.reset();
  EXPECT_TRUE(test::Eventually([&] { return two.IsLeader(Soon()); }));
}

TEST_F(PgLeaderTest, WithoutItsConnectionAHolderIsNoLeader) {
  PgLeader one(options_, "renewals");
  EXPECT_TRUE(one.IsLeader(Soon()));
  ASSERT_THAT(pool_.Execute(Soon(),
                            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname "
                            "= current_database() AND pid <> pg_backend_pid()"),
              IsOk());
  PgLeader two(options_, "renewals");
  EXPECT_TRUE(test::Eventually([&] { return two.IsLeader(Soon()); }));
  EXPECT_FALSE(one.IsLeader(Soon()));
}

TEST_F(PgLeaderTest, NobodyLeadsWithoutAServer) {
  PgLeader nobody(
      {.hosts = "127.0.0.1:" + std::to_string(test::FreePort()), .database = "x", .user = "x"},
      "renewals");
  EXPECT_FALSE(nobody.IsLeader(Soon()));
}

}  // namespace
}  // namespace holdfast::storage

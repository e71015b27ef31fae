#include "libs/storage/pg_pool.h"

#include <gtest/gtest.h>

#include <thread>

#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/tcp_gate.h"
#include "libs/testing/test_postgres.h"

namespace holdfast::storage {
namespace {

using namespace std::chrono_literals;
using test::Eventually;
using test::HasCode;
using test::HasMessage;
using test::IsOk;
using test::TcpGate;
using test::TestPostgres;

Deadline Soon() { return Deadline::After(5s); }

PgOptions OptionsFor(TestPostgres& server, const std::string& database) {
  return {.hosts = server.host() + ":" + std::to_string(server.port()),
          .database = database,
          .user = server.user()};
}

bool HasText(const absl::Status& status, std::string_view text) {
  return View(status.message()).find(text) != std::string_view::npos;
}

// Time `work` takes.
template <class Work>
Duration TimeOf(Work&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::steady_clock::now() - start;
}

class PgPoolTest : public testing::Test {
 protected:
  std::int64_t CountOf(PgPool& pool, const std::string& table) {
    auto rows = pool.Query(Soon(), "SELECT count(*) FROM " + table);
    return rows.ok() ? rows->Int(0, 0) : -1;
  }

  TestPostgres& server_ = TestPostgres::Shared();
  const PgOptions options_ = OptionsFor(server_, server_.NewDatabase());
  telemetry::Metrics metrics_;
  PgPool pool_{options_, metrics_};
};

TEST_F(PgPoolTest, ValuesComeBackAsTheyWere) {
  const WallTime now = FromEpochSeconds(1767348000) + 123456us;
  const std::string bytes("\0\x01\xff'", 4);
  ASSERT_OK_AND_ASSIGN(
      const PgResult row,
      pool_.Query(Soon(),
                  "SELECT $1::text, $2::bigint, $3::float8, $4::bool, $5::timestamptz, $6::bytea, "
                  "$7::text[], $8::bigint[], $9::text",
                  "it's \"quoted\"", std::int64_t{-42}, 0.1, true, now, PgParam::Bytes(bytes),
                  std::vector<std::string>{"a,b", "{}", "\"\\", "", "NULL"},
                  std::vector<std::int64_t>{1, -2}, std::optional<std::string>()));
  EXPECT_EQ(row.Text(0, 0), "it's \"quoted\"");
  EXPECT_EQ(row.Int(0, 1), -42);
  EXPECT_EQ(row.Real(0, 2), 0.1);
  EXPECT_TRUE(row.Bool(0, 3));
  EXPECT_EQ(row.Time(0, 4), now);
  EXPECT_EQ(row.Bytes(0, 5), bytes);
  EXPECT_THAT(row.TextArray(0, 6), testing::ElementsAre("a,b", "{}", "\"\\", "", "NULL"));
  EXPECT_THAT(row.TextArray(0, 7), testing::ElementsAre("1", "-2"));
  EXPECT_TRUE(row.IsNull(0, 8));
}

TEST_F(PgPoolTest, TimesAreUtcWhateverTheServerIsSetTo) {
  ASSERT_THAT(pool_.Execute(Soon(), "ALTER DATABASE " + options_.database +
                                        " SET timezone = 'Asia/Kolkata'; ALTER DATABASE " +
                                        options_.database + " SET datestyle = 'German'"),
              IsOk());
  PgPool fresh(options_, metrics_);
  ASSERT_OK_AND_ASSIGN(const PgResult row,
                       fresh.Query(Soon(), "SELECT timestamptz '1969-12-31 23:59:58.5+00'"));
  EXPECT_EQ(row.Time(0, 0), FromEpochMillis(-1500));
}

TEST_F(PgPoolTest, ErrorsHaveTheCodesThatTheHeaderPromises) {
  ASSERT_THAT(pool_.Execute(Soon(), "CREATE TABLE t (id int PRIMARY KEY CHECK (id > 0))"), IsOk());
  constexpr char kInsert[] = "INSERT INTO t VALUES ($1)";
  EXPECT_THAT(pool_.Query(Soon(), kInsert, 1), IsOk());
  EXPECT_THAT(pool_.Query(Soon(), kInsert, 1), HasCode(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(pool_.Query(Soon(), kInsert, -1), HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(pool_.Query(Soon(), kInsert, "x"), HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(pool_.Query(Soon(), "SELECT nothing"), HasCode(absl::StatusCode::kInternal));
  EXPECT_THAT(pool_.Query(Soon(), "SELECT $1::text", std::string("a\0b", 3)),
              HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(CountOf(pool_, "t"), 1);
}

TEST_F(PgPoolTest, ATransactionIsKeptOnlyWhenItsBodySaysOk) {
  ASSERT_THAT(pool_.Execute(Soon(), "CREATE TABLE t (id int PRIMARY KEY)"), IsOk());
  EXPECT_THAT(
      pool_.Transact(
          Soon(), [](PgTransaction& tx) { return tx.Query("INSERT INTO t VALUES (1)").status(); }),
      IsOk());
  EXPECT_THAT(pool_.Transact(Soon(),
                             [](PgTransaction& tx) {
                               EXPECT_THAT(tx.Query("INSERT INTO t VALUES (2)"), IsOk());
                               return NotFound("changed my mind");
                             }),
              HasMessage("changed my mind"));
  EXPECT_EQ(CountOf(pool_, "t"), 1);
}

TEST_F(PgPoolTest, ABodyThatOverlooksAFailedStatementIsNotCommitted) {
  ASSERT_THAT(pool_.Execute(Soon(), "CREATE TABLE t (id int PRIMARY KEY)"), IsOk());
  EXPECT_THAT(pool_.Transact(Soon(),
                             [](PgTransaction& tx) {
                               (void)tx.Query("INSERT INTO t VALUES (1)");
                               (void)tx.Query("INSERT INTO t VALUES (1)");
                               return absl::OkStatus();
                             }),
              HasCode(absl::StatusCode::kInternal));
  EXPECT_EQ(CountOf(pool_, "t"), 0);
}

TEST_F(PgPoolTest, ASlowQueryEndsAtItsDeadlineAndIsNotRunOn) {
  const Duration took = TimeOf([&] {
    EXPECT_THAT(pool_.Query(Deadline::After(100ms), "SELECT pg_sleep(30)"),
                HasCode(absl::StatusCode::kDeadlineExceeded));
  });
  EXPECT_LT(took, 2s);
  EXPECT_EQ(pool_.Query(Soon(), "SELECT 7")->Int(0, 0), 7);  // not the answer of the slow one
  EXPECT_TRUE(Eventually([&] {
    return pool_
               .Query(Soon(), "SELECT count(*) FROM pg_stat_activity WHERE query LIKE $1",
                      "SELECT pg_sleep(%")
               ->Int(0, 0) == 0;
  }));
}

TEST_F(PgPoolTest, WaitingForAConnectionIsBoundedByTheDeadline) {
  PgOptions one = options_;
  one.connections = 1;
  PgPool pool(one, metrics_);
  EXPECT_THAT(
      pool.Transact(Soon(), [&](PgTransaction&) { return pool.Ping(Deadline::After(50ms)); }),
      HasMessage("no connection to postgresql in time"));
  EXPECT_THAT(pool.Ping(Soon()), IsOk());
}

TEST_F(PgPoolTest, AsManyCallersAsConnectionsWorkAtTheSameTime) {
  std::vector<std::thread> callers;
  const Duration took = TimeOf([&] {
    for (int i = 0; i < 8; ++i) {
      callers.emplace_back(
          [&] { EXPECT_THAT(pool_.Query(Soon(), "SELECT pg_sleep(0.3)"), IsOk()); });
    }
    for (auto& caller : callers) caller.join();
  });
  EXPECT_LT(took, 1500ms);
}

TEST_F(PgPoolTest, AStatementSurvivesAMigrationThatChangesItsColumns) {
  PgOptions one = options_;
  one.connections = 1;
  PgPool pool(one, metrics_);
  ASSERT_THAT(pool_.Execute(Soon(), "CREATE TABLE t (id int); INSERT INTO t VALUES (1)"), IsOk());
  EXPECT_THAT(pool.Query(Soon(), "SELECT id FROM t"), IsOk());
  ASSERT_THAT(pool_.Execute(Soon(), "ALTER TABLE t ALTER COLUMN id TYPE bigint"), IsOk());
  EXPECT_THAT(pool.Query(Soon(), "SELECT id FROM t"), HasCode(absl::StatusCode::kAborted));
  EXPECT_THAT(pool.Query(Soon(), "SELECT id FROM t"), IsOk());
}

TEST_F(PgPoolTest, PoolsOfAProgramShareTheirGauges) {
  const auto idle = [&](int count) {
    return testing::HasSubstr("holdfast_pg_connections{state=\"idle\"} " + std::to_string(count));
  };
  ASSERT_THAT(pool_.Ping(Soon()), IsOk());
  {
    PgPool second(options_, metrics_);
    ASSERT_THAT(second.Ping(Soon()), IsOk());
    EXPECT_THAT(metrics_.Scrape(), idle(2));
  }
  EXPECT_THAT(metrics_.Scrape(), idle(1));
}

TEST_F(PgPoolTest, CountsByResult) {
  EXPECT_THAT(pool_.Ping(Soon()), IsOk());
  EXPECT_THAT(metrics_.Scrape(), testing::HasSubstr("holdfast_pg_queries_total{result=\"ok\"} 1"));
  EXPECT_THAT(metrics_.Scrape(), testing::HasSubstr("holdfast_pg_connections{state=\"idle\"} 1"));
}

// A server of its own that can be killed and stopped.
class PgPoolFailureTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = TestPostgres::Start().release(); }
  static void TearDownTestSuite() { delete server_; }

  static TestPostgres* server_;
  const PgOptions options_ = OptionsFor(*server_, server_->NewDatabase());
  telemetry::Metrics metrics_;
};
TestPostgres* PgPoolFailureTest::server_ = nullptr;

TEST_F(PgPoolFailureTest, AHungServerCostsNoMoreThanTheDeadlineThenNothing) {
  PgOptions impatient = options_;
  impatient.connect_timeout = 200ms;
  PgPool pool(impatient, metrics_);
  ASSERT_THAT(pool.Ping(Soon()), IsOk());
  server_->Hang();
  const Duration first = TimeOf([&] {
    EXPECT_THAT(pool.Ping(Deadline::After(100ms)), HasCode(absl::StatusCode::kDeadlineExceeded));
  });
  EXPECT_LT(first, 2s);
  EXPECT_TRUE(Eventually([&] { return absl::IsUnavailable(pool.Ping(Deadline::After(100ms))); }));
  const Duration later = TimeOf([&] {
    for (int i = 0; i < 100; ++i) (void)pool.Ping(Deadline::After(1s));
  });
  EXPECT_LT(later, 2s);
  server_->Resume();
  EXPECT_TRUE(Eventually([&] { return pool.Ping(Soon()).ok(); }));
}

TEST_F(PgPoolFailureTest, AKilledServerIsNoticedAtOnceAndFoundAgainAfterItsRestart) {
  PgPool pool(options_, metrics_);
  ASSERT_THAT(pool.Ping(Soon()), IsOk());
  server_->Kill();
  const Duration took = TimeOf([&] {
    for (int i = 0; i < 100; ++i) {
      EXPECT_THAT(pool.Ping(Soon()), HasCode(absl::StatusCode::kUnavailable));
    }
  });
  EXPECT_LT(took, 3s);
  server_->Restart();
  EXPECT_TRUE(Eventually([&] { return pool.Ping(Soon()).ok(); }, 3s));
}

TEST_F(PgPoolFailureTest, ARestartBetweenTwoCallsIsNotSeenByTheSecond) {
  PgPool pool(options_, metrics_);
  ASSERT_THAT(pool.Ping(Soon()), IsOk());
  server_->Restart();
  EXPECT_THAT(pool.Ping(Soon()), IsOk());
}

TEST_F(PgPoolFailureTest, ATransactionThatLosesItsServerLeavesNothingBehind) {
  PgPool pool(options_, metrics_);
  ASSERT_THAT(pool.Execute(Soon(), "CREATE TABLE t (id int)"), IsOk());
  EXPECT_THAT(pool.Transact(Soon(),
                            [&](PgTransaction& tx) {
                              EXPECT_THAT(tx.Query("INSERT INTO t VALUES (1)"), IsOk());
                              server_->Restart();
                              return tx.Query("INSERT INTO t VALUES (2)").status();
                            }),
              HasCode(absl::StatusCode::kUnavailable));
  EXPECT_TRUE(Eventually([&] { return pool.Ping(Soon()).ok(); }));
  EXPECT_EQ(pool.Query(Soon(), "SELECT count(*) FROM t")->Int(0, 0), 0);
}

TEST_F(PgPoolFailureTest, AFirstHostThatSwallowsEverythingDelaysOneConnectionOnly) {
  TcpGate swallow(server_->port());
  swallow.Blackhole();
  PgOptions two = options_;
  two.hosts = swallow.address() + "," + options_.hosts;
  two.connect_timeout = 1s;
  PgPool pool(two, metrics_);
  EXPECT_THAT(pool.Ping(Soon()), IsOk());
  const Duration took = TimeOf([&] {
    std::vector<std::thread> callers;  // need more connections
    for (int i = 0; i < 4; ++i) {
      callers.emplace_back(
          [&] { EXPECT_THAT(pool.Query(Soon(), "SELECT pg_sleep(0.1)"), IsOk()); });
    }
    for (auto& caller : callers) caller.join();
  });
  EXPECT_LT(took, 900ms);
}

TEST_F(PgPoolFailureTest, MovesToTheSecondHostWhenTheFirstStopsAnswering) {
  TcpGate first(server_->port());
  PgOptions two = options_;
  two.hosts = first.address() + "," + options_.hosts;
  two.connect_timeout = 300ms;
  PgPool pool(two, metrics_);
  ASSERT_THAT(pool.Ping(Soon()), IsOk());
  ASSERT_EQ(first.connections_seen(), 1u);
  first.Blackhole();
  EXPECT_THAT(pool.Ping(Deadline::After(50ms)), HasCode(absl::StatusCode::kDeadlineExceeded));
  EXPECT_TRUE(Eventually([&] { return pool.Ping(Deadline::After(500ms)).ok(); }, 2s));
}

// Two servers with a database of the same name, the first of them read-only: what a primary and a
// standby look like to a writer.
class PgPoolTwoServersTest : public PgPoolFailureTest {
 protected:
  PgPoolTwoServersTest() {
    for (TestPostgres* server : {server_, &second_}) {
      PgPool admin(OptionsFor(*server, "postgres"), metrics_);
      (void)admin.Execute(Soon(), "CREATE DATABASE pair");
    }
    both_.hosts += "," + OptionsFor(second_, "pair").hosts;
  }
  ~PgPoolTwoServersTest() override { SetFirst("RESET default_transaction_read_only"); }

  void SetFirst(const std::string& setting) {
    PgOptions options = OptionsFor(*server_, "postgres");
    options.target = "any";
    options.connections = 1;
    PgPool admin(options, metrics_);
    ASSERT_THAT(admin.Execute(Soon(), "SET default_transaction_read_only = off"), IsOk());
    ASSERT_THAT(admin.Execute(Soon(), "ALTER SYSTEM " + setting), IsOk());
    ASSERT_THAT(admin.Execute(Soon(), "SELECT pg_reload_conf()"), IsOk());
  }

  std::int64_t PortOf(PgPool& pool) {
    auto row = pool.Query(Soon(), "SELECT inet_server_port()");
    return row.ok() ? row->Int(0, 0) : -1;
  }

  TestPostgres& second_ = TestPostgres::Shared();
  PgOptions both_ = OptionsFor(*server_, "pair");
};

TEST_F(PgPoolTwoServersTest, AReadOnlyHostIsSkippedWhenWritesAreWanted) {
  SetFirst("SET default_transaction_read_only = on");
  PgOptions first_only = OptionsFor(*server_, "pair");
  EXPECT_TRUE(Eventually([&] {
    PgPool pool(first_only, metrics_);
    return HasText(pool.Ping(Soon()), "is read-only, wanted read-write");
  }));
  PgPool writes(both_, metrics_);
  EXPECT_EQ(PortOf(writes), second_.port());

  PgOptions any = both_;
  any.target = "any";
  PgPool reads(any, metrics_);
  EXPECT_EQ(PortOf(reads), server_->port());
}

TEST_F(PgPoolTwoServersTest, AServerThatTurnsReadOnlyIsLeftForTheOneThatTookOver) {
  PgPool pool(both_, metrics_);
  EXPECT_EQ(PortOf(pool), server_->port());
  SetFirst("SET default_transaction_read_only = on");
  EXPECT_TRUE(Eventually([&] {
    return absl::IsUnavailable(pool.Execute(Soon(), "CREATE TABLE t (id int); DROP TABLE t"));
  }));
  EXPECT_EQ(PortOf(pool), second_.port());
}

TEST(PgPoolWithoutServerTest, AnswersUnavailableAndClosesQuickly) {
  telemetry::Metrics metrics;
  const Duration took = TimeOf([&] {
    PgPool pool({.hosts = "127.0.0.1:" + std::to_string(test::FreePort()),
                 .database = "none",
                 .user = "none"},
                metrics);
    EXPECT_THAT(pool.Ping(Soon()), HasCode(absl::StatusCode::kUnavailable));
  });
  EXPECT_LT(took, 3s);
}

TEST(PgPoolWithoutServerTest, AHostThatIsNoPostgresIsAnError) {
  telemetry::Metrics metrics;
  TcpGate garbage(TestPostgres::Shared().port());
  garbage.CorruptNextBytes(1000);
  PgPool pool({.hosts = garbage.address(),
               .database = "postgres",
               .user = "holdfast",
               .connect_timeout = 300ms},
              metrics);
  EXPECT_FALSE(pool.Ping(Soon()).ok());
}

}  // namespace
}  // namespace holdfast::storage

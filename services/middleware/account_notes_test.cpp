// What operators' systems say of accounts, against a real PostgreSQL.
#include "services/middleware/account_notes.h"

#include <gmock/gmock.h>

#include <span>
#include <string>

#include "libs/storage/pg_migrate.h"
#include "libs/testing/fake_clock.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/temp_dir.h"
#include "libs/testing/test_postgres.h"
#include "services/middleware/item_follower.h"
#include "services/middleware/pg_store.h"

namespace holdfast::middleware {

std::span<const storage::Migration> Migrations();

namespace {

using namespace std::chrono_literals;
using test::HasMessage;
using test::IsOk;

const AccountId kAda("ada");

Deadline Soon() { return Deadline::After(10s); }

class AccountNotesTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_THAT(storage::Migrate(pool_, Migrations(), Soon()), IsOk()); }

  std::uint64_t Revision() {
    const auto position = store_.Where(Soon());
    EXPECT_THAT(position, IsOk());
    return position->account_notes;
  }
  void Follow() {
    ItemFollower follower(store_, std::string(kAccountNoteTopic), notes_.replica());
    EXPECT_THAT(follower.Follow(store_.Where(Soon())->life, Revision(), Soon()), IsOk());
  }
  AccountNote Stored() {
    const auto note = notes_.Load(kAda, Soon());
    EXPECT_THAT(note, IsOk());
    return *note;
  }

  test::TempDir dir_;
  test::FakeClock clock_;
  telemetry::Metrics metrics_;
  test::TestPostgres& server_ = test::TestPostgres::Shared();
  storage::PgPool pool_{{.hosts = server_.host() + ":" + std::to_string(server_.port()),
                         .database = server_.NewDatabase(),
                         .user = server_.user()},
                        metrics_};
  PgStore store_{pool_};
  AccountNotes notes_{dir_.File("notes.replica"), store_, clock_, metrics_};
};

TEST_F(AccountNotesTest, EachIsKeptByItselfAndTheBalanceReachesWhoFollows) {
  ASSERT_THAT(notes_.Save(kAda, {.comment = "pays late", .balance = "7.00 PLN"}, Soon()), IsOk());
  ASSERT_THAT(notes_.Save(kAda, {.balance = "8.00 PLN"}, Soon()), IsOk());
  EXPECT_EQ(Stored().comment, "pays late");
  EXPECT_EQ(Stored().balance, "8.00 PLN");
  EXPECT_EQ(notes_.Balance(kAda), "");
  Follow();
  EXPECT_EQ(notes_.Balance(kAda), "8.00 PLN");
  EXPECT_EQ(notes_.Balance(AccountId("eve")), "");
  ASSERT_THAT(notes_.Save(kAda, {.comment = "", .balance = ""}, Soon()), IsOk());
  Follow();
  EXPECT_EQ(notes_.Balance(kAda), "");
  EXPECT_EQ(Stored().comment, "");
}

TEST_F(AccountNotesTest, WhatIsNoNewsMovesNobody) {
  ASSERT_THAT(notes_.Save(kAda, {.balance = "7.00 PLN"}, Soon()), IsOk());
  const std::uint64_t before = Revision();
  ASSERT_THAT(notes_.Save(kAda, {.balance = "7.00 PLN"}, Soon()), IsOk());
  ASSERT_THAT(notes_.Save(kAda, {.comment = ""}, Soon()), IsOk());
  ASSERT_THAT(notes_.Save(kAda, {}, Soon()), IsOk());
  EXPECT_EQ(Revision(), before);
  ASSERT_THAT(notes_.Save(kAda, {.balance = "6.00 PLN"}, Soon()), IsOk());
  EXPECT_GT(Revision(), before);
}

TEST_F(AccountNotesTest, TheBalanceIsShownFromDiskWhileTheDatabaseIsAway) {
  ASSERT_THAT(notes_.Save(kAda, {.balance = "7.00 PLN"}, Soon()), IsOk());
  Follow();
  AccountNotes next_life(dir_.File("notes.replica"), store_, clock_, metrics_);
  ASSERT_THAT(next_life.replica().LoadFromDisk(), IsOk());
  EXPECT_EQ(next_life.Balance(kAda), "7.00 PLN");
}

TEST_F(AccountNotesTest, WhatIsTooLongOrNoTextIsNamedAndNothingIsKept) {
  const auto refused = [&](const AccountNotes::Change& change) {
    return notes_.Save(kAda, change, Soon());
  };
  EXPECT_THAT(refused({.comment = std::string(kLongestComment + 1, 'c')}), HasMessage("comment"));
  EXPECT_THAT(refused({.comment = "good", .balance = std::string(kLongestBalance + 1, '9')}),
              HasMessage("account_balance"));
  EXPECT_THAT(refused({.balance = "\xff"}), HasMessage("account_balance is not UTF-8"));
  EXPECT_EQ(Stored().comment, "");
}

}  // namespace
}  // namespace holdfast::middleware

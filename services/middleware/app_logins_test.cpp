// Confirmed logins: asked for once, honoured in an outage, ended by billing's word alone.
#include "services/middleware/app_logins.h"

#include <gmock/gmock.h>

#include <atomic>
#include <map>
#include <span>
#include <thread>

#include "libs/storage/pg_migrate.h"
#include "libs/testing/eventually.h"
#include "libs/testing/fake_clock.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/temp_dir.h"
#include "libs/testing/test_postgres.h"
#include "services/middleware/pg_store_app_logins.h"

namespace holdfast::middleware {

std::span<const storage::Migration> Migrations();

namespace {

using namespace std::chrono_literals;
using test::HasCode;
using test::IsOk;
using Standing = AppLogins::Standing;

const Credentials kAda{"ada", "secret-1"};
const Credentials kBob{"bob", "secret-2"};

// The table that all instances share, without a database.
class SharedRows final : public AppLoginStore {
 public:
  absl::StatusOr<Position> Where(Deadline) override {
    if (away) return Unavailable("away");
    return Position{.life = life, .revision = revision_};
  }
  absl::StatusOr<std::vector<AppLogin>> Since(Deadline, std::uint64_t revision, int) override {
    std::vector<AppLogin> rows;
    for (const auto& [account, login] : rows_) {
      if (login.revision > revision) rows.push_back(login);
    }
    return rows;
  }
  absl::Status Save(Deadline, const std::vector<AppLogin>& logins) override {
    if (away) return Unavailable("away");
    ++revision_;
    for (const AppLogin& login : logins) {
      AppLogin& held = rows_[login.account];
      if (held.verified_at >= login.verified_at) continue;
      held = login;
      held.revision = revision_;
    }
    return absl::OkStatus();
  }

  bool away = false;
  std::string life = "one";

 private:
  std::uint64_t revision_ = 0;
  std::map<AccountId, AppLogin> rows_;
};

// Two instances, their billing and what they share.
class AppLoginsTest : public testing::Test {
 protected:
  std::unique_ptr<AppLogins> Instance(const std::string& file = "") {
    return std::make_unique<AppLogins>(
        AppLogins::Options{.file = file.empty() ? "" : dir_.File(file)},
        [this](const Credentials& c, Deadline) -> absl::StatusOr<AccountId> {
          ++asked_;
          if (billing_away_) return Unavailable("billing is away");
          const auto known = passwords_.find(c.login);
          if (known == passwords_.end() || known->second != c.password) {
            return Unauthenticated("login or password is wrong");
          }
          return AccountId("acc-" + c.login);
        },
        rows_, keys_, workers_, metrics_, clock_);
  }
  Deadline Soon() { return Deadline::After(5s, clock_); }
  static Standing Look(AppLogins& logins, const Credentials& c,
                       std::string_view from = "10.0.0.1") {
    return logins.Find(c, from).standing;
  }
  void WaitUntilIdle() {
    ASSERT_TRUE(test::Eventually([&] { return workers_.busy() + workers_.waiting() == 0; }));
  }

  test::TempDir dir_;
  test::FakeClock clock_;
  telemetry::Metrics metrics_;
  security::KeySet keys_ = security::KeySet::ForTest("k1", "0123456789abcdef0123456789abcdef");
  SharedRows rows_;
  std::map<std::string, std::string> passwords_ = {{"ada", "secret-1"}, {"bob", "secret-2"}};
  std::atomic<bool> billing_away_ = false;
  std::atomic<int> asked_ = 0;
  WorkerPool workers_{{.threads = 2}};
  std::unique_ptr<AppLogins> here_ = Instance();
};

TEST_F(AppLoginsTest, BillingIsAskedOnceAndNeverWhileAnAppWaits) {
  EXPECT_EQ(Look(*here_, kAda), Standing::kAsk);
  ASSERT_THAT(here_->LogIn(kAda, Soon()), IsOk());
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(Look(*here_, kAda), Standing::kKnown);
  EXPECT_EQ(here_->Find(kAda, "10.0.0.1").login->account, AccountId("acc-ada"));
  EXPECT_EQ(asked_, 1);
}

TEST_F(AppLoginsTest, AnotherPasswordIsAnotherQuestion) {
  ASSERT_THAT(here_->LogIn(kAda, Soon()), IsOk());
  EXPECT_EQ(Look(*here_, {"ada", "secret-2"}), Standing::kAsk);
  EXPECT_EQ(Look(*here_, {"ad", "asecret-1"}), Standing::kAsk);
  EXPECT_EQ(Look(*here_, {"adasecret-1", ""}), Standing::kAsk);
}

TEST_F(AppLoginsTest, AWrongPasswordIsRefusedFromMemoryForAWhile) {
  const Credentials wrong{"ada", "guess"};
  EXPECT_THAT(here_->LogIn(wrong, Soon()), HasCode(absl::StatusCode::kUnauthenticated));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(Look(*here_, wrong), Standing::kWrong);
  EXPECT_EQ(asked_, 1);
  clock_.Advance(61s);
  EXPECT_EQ(Look(*here_, wrong), Standing::kAsk);
}

TEST_F(AppLoginsTest, GuessesAreCountedByLoginAndByAddressBeforeAnybodyIsAsked) {
  int let_through = 0;
  for (int i = 0; i < 100; ++i) {
    const std::string from = "10.0.0." + std::to_string(i);
    if (Look(*here_, {"ada", "guess" + std::to_string(i)}, from) == Standing::kAsk) ++let_through;
  }
  EXPECT_EQ(let_through, 20);
  let_through = 0;
  for (int i = 0; i < 100; ++i) {
    if (Look(*here_, {"login" + std::to_string(i), "x"}, "10.9.9.9") == Standing::kAsk) {
      ++let_through;
    }
  }
  EXPECT_EQ(let_through, 60);
  EXPECT_EQ(asked_, 0);
  // Who is known is not held up by who guesses.
  ASSERT_THAT(here_->LogIn(kAda, Soon()), IsOk());
  EXPECT_EQ(Look(*here_, kAda, "10.9.9.9"), Standing::kKnown);
}

TEST_F(AppLoginsTest, NonsenseIsRefusedWithoutAQuestion) {
  EXPECT_EQ(Look(*here_, {"", "x"}), Standing::kWrong);
  EXPECT_EQ(Look(*here_, {std::string(257, 'x'), "x"}), Standing::kWrong);
  EXPECT_EQ(Look(*here_, {"x", std::string(257, 'x')}), Standing::kWrong);
}

TEST_F(AppLoginsTest, ManyLoginsOfOneAppAskOnce) {
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  absl::Notification begin;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      begin.WaitForNotification();
      // Whoever comes later finds it in the table, as the gate does.
      if (Look(*here_, kAda) == Standing::kKnown || here_->LogIn(kAda, Soon()).ok()) ++good;
    });
  }
  begin.Notify();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 8);
  EXPECT_LE(asked_, 8);
  EXPECT_GE(asked_, 1);
}

TEST_F(AppLoginsTest, AnOutageOfBillingLocksNobodyOutWhoWasInBefore) {
  ASSERT_THAT(here_->LogIn(kAda, Soon()), IsOk());
  billing_away_ = true;
  for (int day = 0; day < 6; ++day) {
    clock_.Advance(24h);
    EXPECT_EQ(Look(*here_, kAda), Standing::kKnown) << "day " << day;
    WaitUntilIdle();
  }
  EXPECT_THAT(here_->LogIn(kBob, Soon()), HasCode(absl::StatusCode::kUnavailable));
}

TEST_F(AppLoginsTest, AfterAWeekWithoutAnyWordItIsAskedAgain) {
  ASSERT_THAT(here_->LogIn(kAda, Soon()), IsOk());
  billing_away_ = true;
  clock_.Advance(24h * 8);
  EXPECT_EQ(Look(*here_, kAda), Standing::kAsk);
  EXPECT_THAT(here_->LogIn(kAda, Soon()), HasCode(absl::StatusCode::kUnavailable));
  billing_away_ = false;
  ASSERT_THAT(here_->LogIn(kAda, Soon()), IsOk());
  EXPECT_EQ(Look(*here_, kAda), Standing::kKnown);
}

TEST_F(AppLoginsTest, ARestartInAnOutageOfEverythingChangesNothing) {
  auto before = Instance("logins");
  rows_.away = true;
  ASSERT_THAT(before->LogIn(kAda, Soon()), IsOk());
  ASSERT_THAT(before->SaveToDisk(), IsOk());
  before.reset();
  billing_away_ = true;
  auto after = Instance("logins");
  after->LoadFromDisk();
  EXPECT_EQ(Look(*after, kAda), Standing::kKnown);
  // What was not stored then is stored later.
  rows_.away = false;
  ASSERT_THAT(after->Sync(Soon()), IsOk());
  ASSERT_THAT(here_->Sync(Soon()), IsOk());
  EXPECT_EQ(Look(*here_, kAda), Standing::kKnown);
}

TEST_F(AppLoginsTest, AnotherInstanceLetsItInDuringAnOutage) {
  const auto there = Instance();
  ASSERT_THAT(here_->LogIn(kAda, Soon()), IsOk());
  ASSERT_THAT(here_->Sync(Soon()), IsOk());
  billing_away_ = true;
  EXPECT_EQ(Look(*there, kAda), Standing::kAsk);
  ASSERT_THAT(there->Sync(Soon()), IsOk());
  EXPECT_EQ(Look(*there, kAda), Standing::kKnown);
  EXPECT_EQ(asked_, 1);
}

TEST_F(AppLoginsTest, AChangedPasswordEndsTheOldOneEverywhere) {
  const auto there = Instance();
  ASSERT_THAT(here_->LogIn(kAda, Soon()), IsOk());
  ASSERT_THAT(here_->Sync(Soon()), IsOk());
  ASSERT_THAT(there->Sync(Soon()), IsOk());
  passwords_["ada"] = "changed";
  clock_.Advance(1h);
  ASSERT_THAT(here_->LogIn({"ada", "changed"}, Soon()), IsOk());
  EXPECT_EQ(Look(*here_, kAda), Standing::kAsk);
  ASSERT_THAT(here_->Sync(Soon()), IsOk());
  ASSERT_THAT(there->Sync(Soon()), IsOk());
  EXPECT_EQ(Look(*there, {"ada", "changed"}), Standing::kKnown);
  EXPECT_NE(Look(*there, kAda), Standing::kKnown);
}

TEST_F(AppLoginsTest, AnOldPasswordThatIsStillUsedIsFoundOutWithinHours) {
  ASSERT_THAT(here_->LogIn(kAda, Soon()), IsOk());
  passwords_["ada"] = "changed";
  clock_.Advance(5h);
  EXPECT_EQ(Look(*here_, kAda), Standing::kKnown);
  clock_.Advance(2h);
  EXPECT_EQ(Look(*here_, kAda), Standing::kKnown);  // let in, and asked behind its back
  WaitUntilIdle();
  EXPECT_EQ(Look(*here_, kAda), Standing::kWrong);
  EXPECT_EQ(asked_, 2);
}

TEST_F(AppLoginsTest, ACheckThatNobodyAnswersIsNotRepeatedAtOnce) {
  ASSERT_THAT(here_->LogIn(kAda, Soon()), IsOk());
  billing_away_ = true;
  clock_.Advance(7h);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(Look(*here_, kAda), Standing::kKnown);
    WaitUntilIdle();
  }
  EXPECT_EQ(asked_, 2);
}

TEST_F(AppLoginsTest, AClosedAccountIsForgottenEverywhere) {
  const auto there = Instance();
  ASSERT_THAT(here_->LogIn(kAda, Soon()), IsOk());
  ASSERT_THAT(here_->Sync(Soon()), IsOk());
  ASSERT_THAT(there->Sync(Soon()), IsOk());
  here_->Refuse(AccountId("acc-ada"));
  EXPECT_NE(Look(*here_, kAda), Standing::kKnown);
  ASSERT_THAT(here_->Sync(Soon()), IsOk());
  ASSERT_THAT(there->Sync(Soon()), IsOk());
  EXPECT_NE(Look(*there, kAda), Standing::kKnown);
}

TEST_F(AppLoginsTest, ARestoredDatabaseIsReadAnew) {
  ASSERT_THAT(here_->LogIn(kAda, Soon()), IsOk());
  ASSERT_THAT(here_->Sync(Soon()), IsOk());
  rows_.life = "two";
  const auto there = Instance();
  ASSERT_THAT(there->LogIn(kBob, Soon()), IsOk());
  ASSERT_THAT(there->Sync(Soon()), IsOk());
  ASSERT_THAT(here_->Sync(Soon()), IsOk());
  EXPECT_EQ(Look(*here_, kAda), Standing::kKnown);
  EXPECT_EQ(Look(*here_, kBob), Standing::kKnown);
}

TEST_F(AppLoginsTest, NothingThatIsKeptTellsLoginOrPassword) {
  auto logins = Instance("logins");
  ASSERT_THAT(logins->LogIn(kAda, Soon()), IsOk());
  ASSERT_THAT(logins->SaveToDisk(), IsOk());
  std::string bytes;
  FILE* file = std::fopen(dir_.File("logins").c_str(), "rb");
  ASSERT_NE(file, nullptr);
  char buffer[4096];
  bytes.assign(buffer, std::fread(buffer, 1, sizeof(buffer), file));
  std::fclose(file);
  EXPECT_NE(bytes.find("acc-ada"), std::string::npos);
  EXPECT_EQ(bytes.find("secret-1"), std::string::npos);
  // Another key makes another tag: the file alone proves no guess.
  const auto other_keys = security::KeySet::ForTest("k1", "another-key-another-key-another-");
  AppLogins other({}, nullptr, rows_, other_keys, workers_, metrics_, clock_);
  EXPECT_NE(other.TagOf(kAda), logins->TagOf(kAda));
  EXPECT_EQ(bytes.find(other.TagOf(kAda)), std::string::npos);
}

TEST_F(AppLoginsTest, ADamagedFileIsNotBelieved) {
  FILE* file = std::fopen(dir_.File("logins").c_str(), "wb");
  ASSERT_NE(file, nullptr);
  std::fputs("not a copy of anything", file);
  std::fclose(file);
  auto logins = Instance("logins");
  logins->LoadFromDisk();
  EXPECT_EQ(logins->table().size(), 0u);
}

// The same rules in PostgreSQL.
class PgAppLoginStoreTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_THAT(storage::Migrate(pool_, Migrations(), Soon()), IsOk()); }
  static Deadline Soon() { return Deadline::After(10s); }
  static AppLogin Login(const std::string& account, std::int64_t at, std::string tag = "tag") {
    return {.account = AccountId(account),
            .tag = std::move(tag),
            .key_id = "k1",
            .first_at = at,
            .verified_at = at};
  }

  test::TestPostgres& server_ = test::TestPostgres::Shared();
  telemetry::Metrics metrics_;
  storage::PgPool pool_{{.hosts = "127.0.0.1:" + std::to_string(server_.port()),
                         .database = server_.NewDatabase(),
                         .user = server_.user()},
                        metrics_};
  PgAppLoginStore store_{pool_};
};

TEST_F(PgAppLoginStoreTest, TheLaterWordOfBillingStays) {
  ASSERT_THAT(store_.Save(Soon(), {Login("a", 10), Login("b", 10)}), IsOk());
  ASSERT_THAT(store_.Save(Soon(), {Login("a", 9, "older"), Login("b", 11, "newer")}), IsOk());
  const auto rows = store_.Since(Soon(), 0, 100);
  ASSERT_THAT(rows, IsOk());
  ASSERT_EQ(rows->size(), 2u);
  EXPECT_EQ((*rows)[0].account, AccountId("a"));
  EXPECT_EQ((*rows)[0].tag, "tag");
  EXPECT_EQ((*rows)[1].tag, "newer");
  EXPECT_EQ((*rows)[1].first_at, 10);
  EXPECT_EQ((*rows)[1].verified_at, 11);
}

TEST_F(PgAppLoginStoreTest, ReadersFollowByRevision) {
  const auto empty = store_.Where(Soon());
  ASSERT_THAT(empty, IsOk());
  ASSERT_THAT(store_.Save(Soon(), {Login("a", 10), Login("b", 10), Login("c", 10)}), IsOk());
  const auto first = store_.Where(Soon());
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first->life, empty->life);
  EXPECT_GT(first->revision, empty->revision);
  EXPECT_EQ(store_.Since(Soon(), empty->revision, 1)->size(), 3u);  // one revision is one piece
  ASSERT_THAT(store_.Save(Soon(), {Login("b", 20, "")}), IsOk());
  const auto rows = store_.Since(Soon(), first->revision, 100);
  ASSERT_THAT(rows, IsOk());
  ASSERT_EQ(rows->size(), 1u);
  EXPECT_TRUE((*rows)[0].refused());
}

TEST_F(PgAppLoginStoreTest, AnyBytesOfATagComeBack) {
  std::string tag;
  for (int i = 0; i < 32; ++i) tag += static_cast<char>(i * 8);
  ASSERT_THAT(store_.Save(Soon(), {Login("a", 1, tag), Login("a", 2, tag)}), IsOk());
  const auto rows = store_.Since(Soon(), 0, 10);
  ASSERT_THAT(rows, IsOk());
  ASSERT_EQ(rows->size(), 1u);
  EXPECT_EQ((*rows)[0].tag, tag);
  EXPECT_EQ((*rows)[0].verified_at, 2);
}

}  // namespace
}  // namespace holdfast::middleware

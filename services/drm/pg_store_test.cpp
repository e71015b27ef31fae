#include "services/drm/pg_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "libs/storage/pg_migrate.h"
#include "libs/testing/fake_clock.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/temp_dir.h"
#include "libs/testing/test_postgres.h"
#include "services/drm/content_key.h"
#include "services/drm/epoch_maker.h"
#include "services/drm/epochs_for_test.h"

namespace holdfast::drm {

std::span<const storage::Migration> Migrations();

namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using test::HasCode;
using test::IsOk;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

Deadline Soon() { return Deadline::After(seconds(10)); }

class PgStoreTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_THAT(storage::Migrate(pool_, Migrations(), Soon()), IsOk()); }

  static storage::PgOptions Options() {
    test::TestPostgres& postgres = test::TestPostgres::Shared();
    return {.hosts = postgres.host() + ":" + std::to_string(postgres.port()),
            .database = postgres.NewDatabase(),
            .user = postgres.user()};
  }

  const WallTime now_ = FromEpochSeconds(1767348000);
  telemetry::Metrics metrics_;
  storage::PgPool pool_{Options(), metrics_};
  PgStore store_{pool_};
};

TEST_F(PgStoreTest, GivesBackWhatWasAdded) {
  StoredEpoch commanded = TestEpoch(2, now_ + hours(1));
  commanded.command_id = "command-1";
  const StoredEpoch planned = TestEpoch(1, now_);
  ASSERT_THAT(store_.AddEpochs(Soon(), {commanded, planned}), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto epochs, store_.LoadEpochs(Soon()));
  EXPECT_THAT(epochs, ElementsAre(planned, commanded));
}

TEST_F(PgStoreTest, WhoWasSlowerAddsNothing) {
  ASSERT_THAT(store_.AddEpochs(Soon(), {TestEpoch(1, now_)}), IsOk());
  EXPECT_THAT(store_.AddEpochs(Soon(), {TestEpoch(2, now_ + hours(1)), TestEpoch(3, now_)}),
              HasCode(absl::StatusCode::kAborted));
  EXPECT_THAT(store_.AddEpochs(Soon(), {TestEpoch(1, now_ + hours(2))}),
              HasCode(absl::StatusCode::kAborted));
  ASSERT_OK_AND_ASSIGN(const auto epochs, store_.LoadEpochs(Soon()));
  EXPECT_THAT(epochs, SizeIs(1));
}

TEST_F(PgStoreTest, RewrapsOnlyWhatIsStillWrappedTheOldWay) {
  ASSERT_THAT(store_.AddEpochs(Soon(), {TestEpoch(1, now_)}), IsOk());
  StoredEpoch rewrapped = TestEpoch(1, now_);
  rewrapped.kek_id = "kek-2";
  ASSERT_THAT(store_.Rewrap(Soon(), rewrapped, "kek-0"), IsOk());
  EXPECT_EQ((*store_.LoadEpochs(Soon()))[0].kek_id, "kek-1");
  ASSERT_THAT(store_.Rewrap(Soon(), rewrapped, "kek-1"), IsOk());
  EXPECT_EQ((*store_.LoadEpochs(Soon()))[0].kek_id, "kek-2");
}

// One drm instance without its ports.
struct Instance {
  Instance(Store& store, const Clock& clock, telemetry::Metrics& telemetry, std::string file)
      : metrics(telemetry),
        keeper(TestKeks(), std::move(file)),
        maker(store, keeper, {.epochs_ahead = 3}, Periods(minutes(10)), clock, metrics) {}

  Metrics metrics;
  EpochKeeper keeper;
  EpochMaker maker;
};

class EpochMakerTest : public PgStoreTest {
 protected:
  std::unique_ptr<Instance> Start(std::string name) {
    return std::make_unique<Instance>(store_, clock_, metrics_, dir_.File(name));
  }
  // The database comes back from a backup without its newest epochs.
  void LoseEpochs() {
    ASSERT_THAT(pool_.Execute(Soon(), "DELETE FROM key_epoch WHERE valid_from > '2026-01-03'"),
                IsOk());
  }

  test::FakeClock clock_;
  test::TempDir dir_;
  std::unique_ptr<Instance> a_ = Start("a");
  std::unique_ptr<Instance> b_ = Start("b");
};

TEST_F(EpochMakerTest, TheFirstStartMakesEpochsDaysAheadAndEveryInstanceHasThem) {
  ASSERT_THAT(a_->maker.Maintain(Soon()), IsOk());
  EXPECT_EQ(a_->keeper.ring()->epochs().size(), 4u);
  ASSERT_THAT(b_->maker.Refresh(Soon()), IsOk());
  EXPECT_EQ(b_->keeper.ring()->epochs(), a_->keeper.ring()->epochs());
  EXPECT_EQ(a_->metrics.epochs_ahead.value(), 3);

  for (int hour = 0; hour < 24 * 3; ++hour) {
    const WallTime then = clock_.Now() + hours(hour);
    EXPECT_EQ(ContentKey(*a_->keeper.ring()->At(then), ChannelId("ch-7"), hour),
              ContentKey(*b_->keeper.ring()->At(then), ChannelId("ch-7"), hour));
  }
}

TEST_F(EpochMakerTest, MaintainingAgainMakesNothingUntilADayHasPassed) {
  ASSERT_THAT(a_->maker.Maintain(Soon()), IsOk());
  ASSERT_THAT(b_->maker.Maintain(Soon()), IsOk());
  EXPECT_THAT(b_->keeper.ring()->epochs(), SizeIs(4));
  clock_.Advance(hours(24));
  ASSERT_THAT(b_->maker.Maintain(Soon()), IsOk());
  EXPECT_THAT(b_->keeper.ring()->epochs(), SizeIs(5));
}

TEST_F(EpochMakerTest, TwoThatMakeEpochsAtOnceEndWithTheSame) {
  std::thread other([&] { a_->maker.Maintain(Soon()).IgnoreError(); });
  b_->maker.Maintain(Soon()).IgnoreError();
  other.join();
  ASSERT_THAT(a_->maker.Maintain(Soon()), IsOk());
  ASSERT_THAT(b_->maker.Maintain(Soon()), IsOk());
  EXPECT_EQ(b_->keeper.ring()->epochs(), a_->keeper.ring()->epochs());
  EXPECT_THAT(a_->keeper.ring()->epochs(), SizeIs(4));
}

TEST_F(EpochMakerTest, ARotationBeginsSoonAndARepeatedCommandMakesNoSecondOne) {
  ASSERT_THAT(a_->maker.Maintain(Soon()), IsOk());
  ASSERT_OK_AND_ASSIGN(const EpochId made, a_->maker.Rotate(Soon(), "leak-2026-01"));
  ASSERT_OK_AND_ASSIGN(const EpochId repeated, b_->maker.Rotate(Soon(), "leak-2026-01"));
  EXPECT_EQ(made, repeated);
  EXPECT_NE(a_->keeper.ring()->At(clock_.Now())->id, made);
  EXPECT_EQ(a_->keeper.ring()->At(clock_.Now() + minutes(30))->id, made);
  EXPECT_NE(a_->keeper.ring()->At(clock_.Now() + hours(24))->id, made);
}

TEST_F(EpochMakerTest, ADatabaseRestoredFromABackupGetsItsEpochsBack) {
  ASSERT_THAT(a_->maker.Maintain(Soon()), IsOk());
  ASSERT_THAT(b_->maker.Refresh(Soon()), IsOk());
  const auto before = a_->keeper.ring()->epochs();
  LoseEpochs();
  ASSERT_OK_AND_ASSIGN(const auto left, store_.LoadEpochs(Soon()));
  ASSERT_LT(left.size(), before.size());

  ASSERT_THAT(b_->maker.Maintain(Soon()), IsOk());
  EXPECT_EQ(b_->keeper.ring()->epochs(), before);
  EXPECT_EQ((*store_.LoadEpochs(Soon())).size(), before.size());
  EXPECT_EQ(b_->metrics.epochs_given_back.value(), before.size() - left.size());
}

TEST_F(EpochMakerTest, WithTheDatabaseAwayARestartedInstanceHasItsEpochs) {
  ASSERT_THAT(a_->maker.Maintain(Soon()), IsOk());
  const auto before = a_->keeper.ring()->epochs();
  storage::PgPool away(
      {.hosts = "127.0.0.1:" + std::to_string(test::FreePort()), .database = "drm", .user = "drm"},
      metrics_);
  PgStore lost(away);
  Instance restarted(lost, clock_, metrics_, dir_.File("a"));
  ASSERT_THAT(restarted.keeper.LoadFromDisk(), IsOk());
  EXPECT_THAT(restarted.maker.Refresh(Deadline::After(seconds(2))),
              HasCode(absl::StatusCode::kUnavailable));
  EXPECT_EQ(restarted.keeper.ring()->epochs(), before);
  EXPECT_EQ(restarted.metrics.epochs_ahead.value(), 3);
  EXPECT_FALSE(restarted.maker.Rotate(Deadline::After(seconds(2)), "c").ok());
}

}  // namespace
}  // namespace holdfast::drm

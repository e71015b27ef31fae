#include "libs/replica/replica.h"

#include <gmock/gmock.h>
#include <google/protobuf/wrappers.pb.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "libs/base/random.h"
#include "libs/replica/snapshot_file.h"
#include "libs/testing/fake_clock.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/temp_dir.h"

namespace holdfast::replica {
namespace {

using google::protobuf::StringValue;
using test::HasCode;
using test::HasMessage;
using test::IsOk;
using Kind = Update::Kind;
using Model = Replica<StringValue>;

SharedBytes Item(std::string text) {
  StringValue value;
  value.set_value(std::move(text));
  return MakeShared(value.SerializeAsString());
}

Update Full(std::uint64_t revision, int items, std::string epoch = "e1") {
  Update update{Kind::kFull, std::move(epoch), revision, {}};
  for (int n = 0; n < items; ++n) {
    update.items.emplace_back("k" + std::to_string(n), Item("v" + std::to_string(n)));
  }
  return update;
}

Update Delta(std::uint64_t revision, std::string key, SharedBytes value, std::string epoch = "e1") {
  return {Kind::kDelta, std::move(epoch), revision, {{std::move(key), std::move(value)}}};
}

Update Heartbeat(std::uint64_t revision, std::string epoch = "e1") {
  return {Kind::kHeartbeat, std::move(epoch), revision, {}};
}

class ReplicaTest : public testing::Test {
 protected:
  std::unique_ptr<Model> Make(Model::OnChange on_change = nullptr) {
    return std::make_unique<Model>(
        ReplicaOptions{.name = "edges", .file = file_}, clock_, metrics_,
        [](std::string_view key, const StringValue& value) -> absl::Status {
          if (value.value() == "bad") return InvalidArgument("{} is bad", key);
          return absl::OkStatus();
        },
        std::move(on_change));
  }
  static std::string Value(const Model& model, std::string_view key) {
    const Model::Picture picture = model.Current();
    const auto* item = Find(picture->items, key);
    return item == nullptr ? "absent" : (*item)->value();
  }

  test::TempDir dir_;
  const std::string file_ = dir_.File("edges.replica");
  test::FakeClock clock_;
  telemetry::Metrics metrics_;
  std::unique_ptr<Model> model_ = Make();
};

TEST_F(ReplicaTest, StartsEmptyButNeverNull) {
  EXPECT_TRUE(model_->Current()->items.empty());
  EXPECT_FALSE(model_->loaded());
  EXPECT_TRUE(model_->stale());
}

TEST_F(ReplicaTest, AppliesFullThenDeltas) {
  ASSERT_THAT(model_->Apply(Full(7, 2)), IsOk());
  ASSERT_THAT(model_->Apply(Delta(8, "k1", Item("new"))), IsOk());
  ASSERT_THAT(model_->Apply(Delta(9, "k0", nullptr)), IsOk());
  EXPECT_EQ(Value(*model_, "k0"), "absent");
  EXPECT_EQ(Value(*model_, "k1"), "new");
  EXPECT_EQ(model_->epoch(), "e1");
  EXPECT_EQ(model_->revision(), 9u);
  EXPECT_TRUE(model_->loaded());
}

TEST_F(ReplicaTest, APictureInUseDoesNotChange) {
  ASSERT_THAT(model_->Apply(Full(1, 1)), IsOk());
  const Model::Picture before = model_->Current();
  ASSERT_THAT(model_->Apply(Delta(2, "k0", nullptr)), IsOk());
  EXPECT_EQ(before->items.size(), 1u);
  EXPECT_TRUE(model_->Current()->items.empty());
}

TEST_F(ReplicaTest, ALyingProducerChangesNothing) {
  ASSERT_THAT(model_->Apply(Full(1, 2)), IsOk());
  Update bad = Full(2, 3);
  bad.items[1].second = Item("bad");
  EXPECT_THAT(model_->Apply(bad), HasMessage("k1 is bad"));
  EXPECT_THAT(model_->Apply(Delta(2, "k0", MakeShared("\xff\xff\xff"))),
              HasCode(absl::StatusCode::kDataLoss));
  Update deletes = Full(2, 3);
  deletes.items[0].second = nullptr;
  EXPECT_THAT(model_->Apply(deletes), HasCode(absl::StatusCode::kDataLoss));

  EXPECT_EQ(Value(*model_, "k1"), "v1");
  EXPECT_EQ(model_->revision(), 1u);
  EXPECT_THAT(metrics_.Scrape(),
              testing::HasSubstr("holdfast_replica_refused_total{model=\"edges\"} 3"));
  EXPECT_THAT(metrics_.Scrape(),
              testing::HasSubstr("holdfast_replica_applied_total{model=\"edges\"} 1"));
}

TEST_F(ReplicaTest, ADeltaThatDoesNotFitIsRefused) {
  EXPECT_THAT(model_->Apply(Delta(2, "k0", Item("x"))),
              HasCode(absl::StatusCode::kFailedPrecondition));
  ASSERT_THAT(model_->Apply(Full(1, 1)), IsOk());
  EXPECT_THAT(model_->Apply(Delta(2, "k0", Item("x"), "e2")),
              HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(Value(*model_, "k0"), "v0");
}

TEST_F(ReplicaTest, AnOldDeltaIsPartOfWhatIsHeld) {
  ASSERT_THAT(model_->Apply(Full(5, 1)), IsOk());
  ASSERT_THAT(model_->Apply(Delta(4, "k0", Item("old"))), IsOk());
  EXPECT_EQ(Value(*model_, "k0"), "v0");
  EXPECT_EQ(model_->revision(), 5u);
}

TEST_F(ReplicaTest, ANewEpochReplacesEverything) {
  ASSERT_THAT(model_->Apply(Full(500, 2)), IsOk());
  ASSERT_THAT(model_->Apply(Full(1, 3, "e2")), IsOk());
  EXPECT_EQ(model_->epoch(), "e2");
  EXPECT_EQ(model_->revision(), 1u);
  EXPECT_EQ(model_->Current()->items.size(), 3u);
}

TEST_F(ReplicaTest, AgeIsTheTimeSinceTheProducerAgreedWithUs) {
  ASSERT_THAT(model_->Apply(Full(3, 1)), IsOk());
  clock_.Advance(std::chrono::seconds(9));
  EXPECT_FALSE(model_->stale());
  ASSERT_THAT(model_->Apply(Heartbeat(3)), IsOk());
  clock_.Advance(std::chrono::seconds(9));
  EXPECT_EQ(model_->age(), std::chrono::seconds(9));

  ASSERT_THAT(model_->Apply(Heartbeat(0, "e2")), IsOk());  // restarted, has nothing yet
  clock_.Advance(std::chrono::seconds(9));
  EXPECT_EQ(model_->age(), std::chrono::seconds(18));
  EXPECT_TRUE(model_->stale());
}

TEST_F(ReplicaTest, AClockThatJumpsMakesNothingStale) {
  ASSERT_THAT(model_->Apply(Full(3, 1)), IsOk());
  clock_.JumpWall(std::chrono::hours(24 * 365));
  EXPECT_EQ(model_->age(), std::chrono::seconds(0));
}

TEST_F(ReplicaTest, AProducerThatLostItsDataDoesNotEmptyUs) {
  ASSERT_THAT(model_->Apply(Full(1, 10)), IsOk());
  for (int minute = 0; minute < 5; ++minute) {
    EXPECT_THAT(model_->Apply(Full(2, 4)), HasCode(absl::StatusCode::kFailedPrecondition));
    clock_.Advance(std::chrono::minutes(1));
  }
  EXPECT_EQ(model_->Current()->items.size(), 10u);
  ASSERT_THAT(model_->Apply(Full(2, 4)), IsOk()) << "it insists: it means it";
  EXPECT_EQ(model_->Current()->items.size(), 4u);
}

TEST_F(ReplicaTest, AWholeUpdateInBetweenStartsThePatienceAnew) {
  ASSERT_THAT(model_->Apply(Full(1, 10)), IsOk());
  EXPECT_FALSE(model_->Apply(Full(2, 1)).ok());
  clock_.Advance(std::chrono::minutes(4));
  ASSERT_THAT(model_->Apply(Full(3, 10)), IsOk());
  clock_.Advance(std::chrono::minutes(4));
  EXPECT_FALSE(model_->Apply(Full(4, 1)).ok());
}

TEST_F(ReplicaTest, HalfOfTheItemsMayGoAtOnceAndDeltasMayDeleteAll) {
  ASSERT_THAT(model_->Apply(Full(1, 10)), IsOk());
  ASSERT_THAT(model_->Apply(Full(2, 5)), IsOk());
  Update all_gone{Kind::kDelta, "e1", 3, {}};
  for (int n = 0; n < 5; ++n) all_gone.items.emplace_back("k" + std::to_string(n), nullptr);
  ASSERT_THAT(model_->Apply(all_gone), IsOk());
  EXPECT_TRUE(model_->Current()->items.empty());
}

TEST_F(ReplicaTest, ARestartFindsTheLastGoodCopy) {
  ASSERT_THAT(model_->Apply(Full(41, 2)), IsOk());
  ASSERT_THAT(model_->Apply(Delta(42, "k2", Item("v2"))), IsOk());
  clock_.Advance(std::chrono::seconds(5));
  ASSERT_THAT(model_->SaveToDisk(), IsOk());

  clock_.Advance(std::chrono::minutes(10));
  std::vector<std::size_t> rebuilt;  // items at each call of OnChange
  const auto restarted =
      Make([&](const Model::Picture& picture) { rebuilt.push_back(picture->items.size()); });
  ASSERT_THAT(restarted->LoadFromDisk(), IsOk());
  EXPECT_THAT(rebuilt, testing::ElementsAre(3));
  EXPECT_EQ(Value(*restarted, "k2"), "v2");
  EXPECT_EQ(restarted->epoch(), "e1");
  EXPECT_EQ(restarted->revision(), 42u);
  EXPECT_EQ(restarted->age(), std::chrono::seconds(605));
  EXPECT_THAT(restarted->Apply(Delta(43, "k0", nullptr)), IsOk()) << "goes on where it stopped";
}

TEST_F(ReplicaTest, SavesOnlyWhenSomethingChanged) {
  ASSERT_THAT(model_->SaveToDisk(), IsOk());
  EXPECT_FALSE(std::filesystem::exists(file_));
  ASSERT_THAT(model_->Apply(Full(1, 1)), IsOk());
  ASSERT_THAT(model_->SaveToDisk(), IsOk());
  std::filesystem::remove(file_);
  ASSERT_THAT(model_->Apply(Heartbeat(1)), IsOk());
  ASSERT_THAT(model_->SaveToDisk(), IsOk());
  EXPECT_FALSE(std::filesystem::exists(file_));
}

TEST_F(ReplicaTest, AFailedSaveIsTriedAgain) {
  ASSERT_THAT(model_->Apply(Full(1, 1)), IsOk());
  std::filesystem::create_directory(file_ + ".new");
  EXPECT_FALSE(model_->SaveToDisk().ok());
  std::filesystem::remove(file_ + ".new");
  ASSERT_THAT(model_->SaveToDisk(), IsOk());
  EXPECT_TRUE(std::filesystem::exists(file_));
}

TEST_F(ReplicaTest, WithoutAFileItStartsEmpty) {
  EXPECT_THAT(model_->LoadFromDisk(), HasCode(absl::StatusCode::kNotFound));
  EXPECT_FALSE(model_->loaded());
}

TEST_F(ReplicaTest, ADamagedOrForeignFileLeavesItEmpty) {
  ASSERT_THAT(WriteSnapshot(file_, "not a replica"), IsOk());
  EXPECT_THAT(model_->LoadFromDisk(), HasCode(absl::StatusCode::kDataLoss));

  const std::uint64_t seed = SecureSeed();
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  ASSERT_THAT(model_->Apply(Full(1, 3)), IsOk());
  ASSERT_THAT(model_->SaveToDisk(), IsOk());
  ASSERT_OK_AND_ASSIGN(const std::string good, ReadSnapshot(file_));
  for (int round = 0; round < 300; ++round) {  // the checksum is right, the content is not
    std::string content = good.substr(0, random.Below(good.size()));
    if (!content.empty()) content[random.Below(content.size())] = static_cast<char>(random.Next());
    ASSERT_THAT(WriteSnapshot(file_, content), IsOk());
    const auto restarted = Make();
    EXPECT_THAT(restarted->LoadFromDisk(), HasCode(absl::StatusCode::kDataLoss));
    EXPECT_FALSE(restarted->loaded());
    EXPECT_TRUE(restarted->Current()->items.empty());
  }
}

TEST_F(ReplicaTest, AFileThatNoLongerPassesValidationIsNotUsed) {
  ASSERT_THAT(model_->Apply(Full(1, 1)), IsOk());
  ASSERT_THAT(model_->SaveToDisk(), IsOk());
  Model stricter({.name = "edges", .file = file_}, clock_, metrics_,
                 [](std::string_view, const StringValue&) { return InvalidArgument("no"); });
  EXPECT_THAT(stricter.LoadFromDisk(), HasCode(absl::StatusCode::kDataLoss));
  EXPECT_FALSE(stricter.loaded());
}

// A feed's consumer keeps nothing itself.
class FeedSink final : public ReplicaBase {
 public:
  using ReplicaBase::ReplicaBase;
  int resets = 0;
  std::vector<std::string> seen;

 protected:
  absl::Status ApplyItems(bool,
                          const std::vector<std::pair<std::string, SharedBytes>>& items) override {
    for (const auto& [key, value] : items) seen.push_back(key);
    return absl::OkStatus();
  }
  std::vector<std::pair<std::string, SharedBytes>> AllItems() const override { return {}; }
  void OnReset() override { ++resets; }
};

TEST_F(ReplicaTest, AFeedGoesOnAfterAReset) {
  Publication feed({.name = "entitlements", .kind = Publication::Kind::kFeed, .kept_changes = 2});
  FeedSink sink({.name = "entitlements"}, clock_, metrics_);
  const auto step = [&] {
    return sink.Apply(feed.Next(sink.epoch(), sink.revision(), Deadline::After(Duration::zero())));
  };
  ASSERT_THAT(step(), IsOk());
  EXPECT_EQ(sink.resets, 1);
  feed.Apply({{"acc-1", MakeShared("x")}});
  ASSERT_THAT(step(), IsOk());
  EXPECT_THAT(sink.seen, testing::ElementsAre("acc-1"));

  for (int n = 0; n < 3; ++n) feed.Apply({{"acc-2", MakeShared("x")}});
  ASSERT_THAT(step(), IsOk());
  EXPECT_EQ(sink.resets, 2);
  ASSERT_THAT(step(), IsOk());
  EXPECT_EQ(sink.resets, 2);
  EXPECT_EQ(sink.revision(), feed.revision());
}

}  // namespace
}  // namespace holdfast::replica

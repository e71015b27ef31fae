#include "libs/replica/publication.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "libs/base/random.h"
#include "libs/testing/eventually.h"

namespace holdfast::replica {
namespace {

using testing::IsEmpty;
using testing::SizeIs;
using Kind = Update::Kind;

Deadline AtOnce() { return Deadline::After(Duration::zero()); }

// A consumer that does what it is told.
struct Follower {
  std::string epoch;
  std::uint64_t revision = 0;
  std::map<std::string, std::string> items;
  int resets = 0;

  Kind Step(const Publication& publication, Deadline deadline = AtOnce()) {
    const Update update = publication.Next(epoch, revision, deadline);
    if (update.kind == Kind::kHeartbeat) return update.kind;
    if (update.kind == Kind::kFull) items.clear();
    if (update.kind == Kind::kReset) ++resets;
    for (const auto& [key, value] : update.items) {
      if (value == nullptr) {
        items.erase(key);
      } else {
        items[key] = *value;
      }
    }
    epoch = update.epoch;
    revision = update.revision;
    return update.kind;
  }
};

class ModelTest : public testing::Test {
 protected:
  void Put(std::string key, std::string value, std::uint64_t revision = 0) {
    model_.Apply({{std::move(key), MakeShared(std::move(value))}}, revision);
  }
  void Delete(std::string key) { model_.Apply({{std::move(key), nullptr}}); }

  Publication model_{{.name = "edges", .kept_changes = 5}};
  Follower follower_;
};

TEST_F(ModelTest, ANewConsumerGetsEverythingThenOnlyChanges) {
  Put("a", "1");
  Put("b", "2");
  EXPECT_EQ(follower_.Step(model_), Kind::kFull);
  EXPECT_THAT(follower_.items, SizeIs(2));

  Put("b", "3");
  Delete("a");
  const Update update = model_.Next(follower_.epoch, follower_.revision, AtOnce());
  EXPECT_EQ(update.kind, Kind::kDelta);
  EXPECT_THAT(update.items, SizeIs(2));
  follower_.Step(model_);
  EXPECT_EQ(follower_.items, (std::map<std::string, std::string>{{"b", "3"}}));
  EXPECT_EQ(follower_.Step(model_), Kind::kHeartbeat);
}

TEST_F(ModelTest, AModelThatWasNeverFilledOnlyBeats) {
  EXPECT_EQ(model_.Next("", 0, AtOnce()).kind, Kind::kHeartbeat);
  EXPECT_EQ(model_.Next("former epoch", 77, AtOnce()).kind, Kind::kHeartbeat);
  EXPECT_EQ(model_.Next(model_.epoch(), 77, AtOnce()).kind, Kind::kHeartbeat);
  EXPECT_EQ(model_.Next("", 0, AtOnce()).revision, 0u);
  model_.ReplaceAll({});
  EXPECT_EQ(model_.Next("", 0, AtOnce()).kind, Kind::kHeartbeat);
}

TEST_F(ModelTest, WhoMissedTooMuchGetsEverything) {
  Put("a", "0");
  follower_.Step(model_);
  for (int n = 1; n <= 6; ++n) Put("a", std::to_string(n));
  EXPECT_EQ(follower_.Step(model_), Kind::kFull);
  EXPECT_EQ(follower_.items["a"], "6");
}

TEST_F(ModelTest, AnotherEpochMeansEverything) {
  Put("a", "1");
  EXPECT_EQ(model_.Next("former epoch", 1, AtOnce()).kind, Kind::kFull);
}

TEST_F(ModelTest, WritingWhatIsThereAlreadyMakesNoRevision) {
  Put("a", "1");
  const std::uint64_t revision = model_.revision();
  Put("a", "1");
  Delete("never there");
  model_.Apply({});
  model_.ReplaceAll({{"a", MakeShared("1")}});
  EXPECT_EQ(model_.revision(), revision);
}

TEST_F(ModelTest, ReplaceAllPublishesOnlyTheDifference) {
  model_.ReplaceAll({{"a", MakeShared("1")}, {"b", MakeShared("2")}, {"c", MakeShared("3")}});
  follower_.Step(model_);
  model_.ReplaceAll({{"a", MakeShared("1")}, {"b", MakeShared("20")}, {"d", MakeShared("4")}});
  const Update update = model_.Next(follower_.epoch, follower_.revision, AtOnce());
  EXPECT_EQ(update.kind, Kind::kDelta);
  EXPECT_THAT(update.items, SizeIs(3));  // b changed, c gone, d new
  EXPECT_EQ(model_.size(), 3u);
}

TEST_F(ModelTest, TheLastValueOfAKeyInOneApplyWins) {
  model_.Apply({{"a", MakeShared("1")}, {"a", nullptr}, {"a", MakeShared("2")}});
  follower_.Step(model_);
  EXPECT_EQ(follower_.items["a"], "2");
}

TEST_F(ModelTest, AWaitingConsumerIsWokenByAChange) {
  Put("a", "1");
  follower_.Step(model_);
  std::thread writer([&] { Put("a", "2"); });
  EXPECT_EQ(follower_.Step(model_, Deadline::After(std::chrono::seconds(30))), Kind::kDelta);
  writer.join();
}

TEST_F(ModelTest, CloseWakesEverybodyNowAndLater) {
  Put("a", "1");
  follower_.Step(model_);
  std::thread closer([&] { model_.Close(); });
  EXPECT_EQ(follower_.Step(model_, Deadline::Never()), Kind::kHeartbeat);
  closer.join();
  EXPECT_EQ(follower_.Step(model_, Deadline::Never()), Kind::kHeartbeat);
}

TEST(ModelFromDatabase, NobodyGetsADeltaAcrossTheFirstFill) {
  // The item that was deleted while this instance was away must not survive at the consumer.
  Publication model({.name = "edges", .epoch = "db"});
  Follower follower{.epoch = "db", .revision = 505, .items = {{"deleted in 507", "x"}}};
  model.ReplaceAll({{"a", MakeShared("1")}}, 510);
  EXPECT_EQ(follower.Step(model), Kind::kFull);
  EXPECT_EQ(follower.items, (std::map<std::string, std::string>{{"a", "1"}}));
}

TEST(ModelFromDatabase, AConsumerThatHoldsTheSameRevisionNeedsNothing) {
  Publication model({.name = "edges", .epoch = "db"});
  model.ReplaceAll({{"a", MakeShared("1")}}, 510);
  EXPECT_EQ(model.Next("db", 510, AtOnce()).kind, Kind::kHeartbeat);
  model.Apply({{"a", MakeShared("2")}}, 515);
  EXPECT_EQ(model.Next("db", 510, AtOnce()).kind, Kind::kDelta);
}

TEST(ModelFromDatabase, ASmallerRevisionIsIgnored) {
  Publication model({.name = "edges", .epoch = "db"});
  model.ReplaceAll({{"a", MakeShared("1")}}, 510);
  model.Apply({{"a", MakeShared("old")}}, 509);
  EXPECT_EQ(*model.Next("", 0, AtOnce()).items.at(0).second, "1");
  EXPECT_EQ(model.revision(), 510u);
}

TEST(ModelFromDatabase, AConsumerThatIsAheadWaitsForUsToCatchUp) {
  Publication model({.name = "edges", .epoch = "db"});
  model.ReplaceAll({{"a", MakeShared("1")}}, 510);
  std::thread writer([&] { model.Apply({{"a", MakeShared("2")}}, 513); });
  const Update update = model.Next("db", 512, Deadline::After(std::chrono::seconds(30)));
  writer.join();
  EXPECT_EQ(update.kind, Kind::kDelta);
  EXPECT_EQ(update.revision, 513u);
}

TEST(ModelFromDatabase, AConsumerThatStaysAheadIsSentBack) {
  Publication model({.name = "edges", .epoch = "db"});  // restored from a backup
  model.ReplaceAll({{"a", MakeShared("1")}}, 510);
  EXPECT_EQ(model.Next("db", 600, AtOnce()).kind, Kind::kFull);
}

TEST(Feed, ANewConsumerGetsAResetThenChanges) {
  Publication feed({.name = "entitlements", .kind = Publication::Kind::kFeed, .kept_changes = 3});
  Follower follower;
  EXPECT_EQ(follower.Step(feed), Kind::kReset);
  EXPECT_EQ(follower.Step(feed), Kind::kHeartbeat);
  feed.Apply({{"acc-1", MakeShared("x")}});
  EXPECT_EQ(follower.Step(feed), Kind::kDelta);
  EXPECT_EQ(follower.items["acc-1"], "x");
  EXPECT_EQ(follower.resets, 1);
}

TEST(Feed, WhoMissedChangesThatAreGoneIsReset) {
  Publication feed({.name = "entitlements", .kind = Publication::Kind::kFeed, .kept_changes = 3});
  Follower follower;
  follower.Step(feed);
  for (int n = 0; n < 3; ++n) feed.Apply({{"acc", MakeShared(std::to_string(n))}});
  EXPECT_EQ(follower.Step(feed), Kind::kDelta);
  for (int n = 0; n < 4; ++n) feed.Apply({{"acc", MakeShared(std::to_string(n))}});
  EXPECT_EQ(follower.Step(feed), Kind::kReset);
  EXPECT_EQ(follower.resets, 2);
  EXPECT_EQ(follower.Step(feed), Kind::kHeartbeat);
}

TEST(Feed, ARepeatedValueIsStillNews) {
  Publication feed({.name = "entitlements", .kind = Publication::Kind::kFeed});
  feed.Apply({{"acc", MakeShared("x")}});
  feed.Apply({{"acc", MakeShared("x")}});
  EXPECT_EQ(feed.revision(), 2u);
}

TEST(Feed, ChangesFromBeforeTheStartOfThisInstanceAreNotAssumedKnown) {
  Publication feed({.name = "entitlements", .kind = Publication::Kind::kFeed, .epoch = "db"});
  feed.Apply({{"acc", MakeShared("x")}}, 511);
  EXPECT_EQ(feed.Next("db", 505, AtOnce()).kind, Kind::kReset);
  EXPECT_EQ(feed.Next("db", 510, AtOnce()).kind, Kind::kDelta);

  Publication started({.name = "entitlements", .kind = Publication::Kind::kFeed, .epoch = "db"});
  started.StartAt(510);
  EXPECT_EQ(started.Next("db", 505, AtOnce()).kind, Kind::kReset);
  EXPECT_EQ(started.Next("db", 510, AtOnce()).kind, Kind::kHeartbeat);
}

// Whatever happened and whatever a consumer holds: doing what Next says ends at the publication.
TEST(PublicationProperty, AFollowerFromAnyRevisionEndsEqual) {
  const std::uint64_t seed = SecureSeed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededRandom random(seed);
  for (int round = 0; round < 200; ++round) {
    Publication model({.name = "m", .kept_changes = random.Below(30), .epoch = "e"});
    std::vector<Follower> pictures = {Follower{}};  // one of each moment
    for (std::uint64_t step = random.Below(40); step > 0; --step) {
      if (random.Below(5) == 0) {
        OrderedStringMap<SharedBytes> all;
        for (std::uint64_t n = random.Below(8); n > 0; --n) {
          all[std::to_string(random.Below(12))] = MakeShared(std::to_string(random.Below(3)));
        }
        model.ReplaceAll(std::move(all), model.revision() + 1 + random.Below(3));
      } else {
        std::vector<std::pair<std::string, SharedBytes>> changes;
        for (std::uint64_t n = random.Below(4); n > 0; --n) {
          const bool deletes = random.Below(3) == 0;
          changes.emplace_back(std::to_string(random.Below(12)),
                               deletes ? nullptr : MakeShared(std::to_string(random.Below(3))));
        }
        model.Apply(std::move(changes));
      }
      Follower picture;
      picture.Step(model);
      pictures.push_back(picture);
    }
    Follower fresh;
    fresh.Step(model);
    for (Follower& follower : pictures) {
      if (random.Below(4) == 0) follower.epoch = "another";
      for (int n = 0; n < 3; ++n) follower.Step(model);
      EXPECT_EQ(follower.items, fresh.items);
      if (model.revision() > 0) {
        EXPECT_EQ(follower.revision, model.revision());
      }
    }
  }
}

TEST(PublicationThreads, FollowersKeepUpWithWriters) {
  Publication model({.name = "m", .kept_changes = 50});
  constexpr int kWrites = 2000;
  std::vector<std::thread> threads;
  for (int w = 0; w < 2; ++w) {
    threads.emplace_back([&, w] {
      for (int n = 1; n <= kWrites; ++n) {
        model.Apply({{"writer-" + std::to_string(w), MakeShared(std::to_string(n))}});
      }
    });
  }
  std::vector<Follower> followers(3);
  for (Follower& follower : followers) {
    threads.emplace_back([&] {
      while (follower.revision < 2 * kWrites) {
        follower.Step(model, Deadline::After(std::chrono::seconds(10)));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Follower& follower : followers) {
    EXPECT_EQ(follower.items.at("writer-0"), std::to_string(kWrites));
    EXPECT_EQ(follower.items.at("writer-1"), std::to_string(kWrites));
  }
}

}  // namespace
}  // namespace holdfast::replica

#include "libs/replica/stale_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "absl/synchronization/notification.h"
#include "libs/base/random.h"
#include "libs/base/status.h"
#include "libs/replica/snapshot_file.h"
#include "libs/testing/eventually.h"
#include "libs/testing/fake_clock.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/temp_dir.h"

namespace holdfast::replica {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using test::HasCode;
using test::IsOk;

class StaleCacheTest : public testing::Test {
 protected:
  std::unique_ptr<StaleCache> Make(std::size_t max_entries = 100) {
    return std::make_unique<StaleCache>(
        StaleCacheOptions{
            .name = "entitlements", .max_entries = max_entries, .file = dir_.File("cache")},
        clock_, metrics_,
        [this](std::string_view key, Deadline deadline) { return Fetch(key, deadline); },
        [this](std::function<void()> job) {
          if (!pool_accepts_) return false;
          jobs_.push_back(std::move(job));
          return true;
        });
  }
  absl::StatusOr<SharedBytes> Fetch(std::string_view key, Deadline deadline) {
    ++fetches_;
    if (during_fetch_) during_fetch_(deadline);
    if (fetches_ <= fetches_that_time_out_) return DeadlineExceeded("too slow");
    if (!fetch_status_.ok()) return fetch_status_;
    return MakeShared(std::string(key) + "=" + producer_);
  }
  void RunJobs() {
    for (const auto& job : std::exchange(jobs_, {})) job();
  }
  Deadline Soon() { return Deadline::After(seconds(1), clock_); }
  std::string Got(const absl::StatusOr<Cached>& cached) {
    return cached.ok() ? *cached->value : ToString(cached.status());
  }
  std::string Peeked(std::string_view key) {
    const Cached cached = cache_->Peek(key);
    return cached.value == nullptr ? "nothing" : *cached.value;
  }
  std::string Metric(std::string_view kind) {
    return "holdfast_cache_hits_total{cache=\"entitlements\",kind=\"" + std::string(kind) + "\"} ";
  }

  test::TempDir dir_;
  test::FakeClock clock_;
  telemetry::Metrics metrics_;
  std::atomic<int> fetches_ = 0;
  int fetches_that_time_out_ = 0;  // the first ones
  std::function<void(Deadline)> during_fetch_;
  absl::Status fetch_status_;
  std::string producer_ = "v1";
  bool pool_accepts_ = true;
  std::vector<std::function<void()>> jobs_;
  std::unique_ptr<StaleCache> cache_ = Make();
};

TEST_F(StaleCacheTest, WhatIsAbsentIsFetchedOnceAndThenServed) {
  EXPECT_EQ(Got(cache_->Get("a", Soon())), "a=v1");
  ASSERT_OK_AND_ASSIGN(const Cached again, cache_->Get("a", Soon()));
  EXPECT_FALSE(again.stale);
  EXPECT_EQ(fetches_, 1);
}

TEST_F(StaleCacheTest, PeekNeverFetchesWhatIsAbsent) {
  EXPECT_EQ(cache_->Peek("a").value, nullptr);
  EXPECT_TRUE(jobs_.empty());
  EXPECT_EQ(fetches_, 0);
}

TEST_F(StaleCacheTest, AStaleAnswerIsServedAtOnceAndRefreshedBehind) {
  cache_->Get("a", Soon()).IgnoreError();
  producer_ = "v2";
  clock_.Advance(seconds(61));
  ASSERT_OK_AND_ASSIGN(const Cached stale, cache_->Get("a", Soon()));
  EXPECT_EQ(*stale.value, "a=v1");
  EXPECT_TRUE(stale.stale);
  EXPECT_EQ(stale.age, seconds(61));
  EXPECT_EQ(Peeked("a"), "a=v1");
  EXPECT_EQ(jobs_.size(), 1u) << "one refresh, however many callers";
  RunJobs();
  EXPECT_EQ(Peeked("a"), "a=v2");
  EXPECT_FALSE(cache_->Peek("a").stale);
}

TEST_F(StaleCacheTest, ARefusedRefreshIsOfferedAgain) {
  cache_->Put("a", MakeShared("pushed"));
  clock_.Advance(seconds(61));
  pool_accepts_ = false;
  EXPECT_EQ(Peeked("a"), "pushed");
  pool_accepts_ = true;
  EXPECT_EQ(Peeked("a"), "pushed");
  EXPECT_EQ(jobs_.size(), 1u);
}

TEST_F(StaleCacheTest, WhatIsTooOldIsFetchedBeforeItIsServed) {
  cache_->Get("a", Soon()).IgnoreError();
  producer_ = "v2";
  clock_.Advance(minutes(11));
  EXPECT_EQ(Got(cache_->Get("a", Soon())), "a=v2");
}

TEST_F(StaleCacheTest, WhenTheFetchFailsTheOldAnswerIsServed) {
  cache_->Get("a", Soon()).IgnoreError();
  fetch_status_ = Unavailable("billing is away");
  clock_.Advance(hours(24 * 6));
  ASSERT_OK_AND_ASSIGN(const Cached old, cache_->Get("a", Soon()));
  EXPECT_EQ(*old.value, "a=v1");
  EXPECT_TRUE(old.stale);
  EXPECT_EQ(old.age, hours(24 * 6));
}

TEST_F(StaleCacheTest, AfterGivingUpTheErrorIsTheAnswer) {
  cache_->Get("a", Soon()).IgnoreError();
  fetch_status_ = Unavailable("billing is away");
  clock_.Advance(hours(24 * 7));
  EXPECT_EQ(Peeked("a"), "nothing");
  EXPECT_THAT(cache_->Get("a", Soon()), HasCode(absl::StatusCode::kUnavailable));
  EXPECT_EQ(cache_->size(), 0u);
}

TEST_F(StaleCacheTest, AProducerThatIsAwayIsNotAskedForEachCaller) {
  cache_->Get("a", Soon()).IgnoreError();
  fetch_status_ = Unavailable("billing is away");
  clock_.Advance(hours(1));
  for (int n = 0; n < 50; ++n) EXPECT_THAT(cache_->Get("a", Soon()), IsOk());
  EXPECT_EQ(fetches_, 2);
  EXPECT_TRUE(jobs_.empty());
  clock_.Advance(seconds(2));
  EXPECT_THAT(cache_->Get("a", Soon()), IsOk());
  EXPECT_EQ(fetches_, 3);
}

TEST_F(StaleCacheTest, NotFoundIsPassedOnAndForgetsTheEntry) {
  cache_->Get("a", Soon()).IgnoreError();
  fetch_status_ = NotFound("no such account");
  clock_.Advance(minutes(11));
  EXPECT_THAT(cache_->Get("a", Soon()), HasCode(absl::StatusCode::kNotFound));
  EXPECT_EQ(Peeked("a"), "nothing");
}

TEST_F(StaleCacheTest, NotFoundBehindTheCallersBackForgetsToo) {
  cache_->Get("a", Soon()).IgnoreError();
  fetch_status_ = NotFound("no such account");
  clock_.Advance(minutes(2));
  EXPECT_EQ(Peeked("a"), "a=v1");
  RunJobs();
  EXPECT_EQ(Peeked("a"), "nothing");
}

TEST_F(StaleCacheTest, PushedValuesAreServedWithoutAFetch) {
  cache_->Put("a", MakeShared("pushed"));
  EXPECT_EQ(Got(cache_->Get("a", Soon())), "pushed");
  cache_->Put("a", nullptr);
  EXPECT_EQ(Peeked("a"), "nothing");
  EXPECT_EQ(fetches_, 0);
}

TEST_F(StaleCacheTest, SuspectEntriesAreServedAndRefreshed) {
  cache_->Put("a", MakeShared("pushed"));
  cache_->SuspectAll();
  const Cached suspect = cache_->Peek("a");
  EXPECT_EQ(*suspect.value, "pushed");
  EXPECT_TRUE(suspect.stale);
  RunJobs();
  EXPECT_EQ(Peeked("a"), "a=v1");
  EXPECT_FALSE(cache_->Peek("a").stale);
}

TEST_F(StaleCacheTest, OneSuspectIsRefreshedAndNoOther) {
  cache_->Put("a", MakeShared("a1"));
  cache_->Put("b", MakeShared("b1"));
  cache_->Suspect("a");
  cache_->Suspect("absent");
  EXPECT_FALSE(cache_->Peek("b").stale);
  EXPECT_TRUE(jobs_.empty());
  EXPECT_TRUE(cache_->Peek("a").stale);
  RunJobs();
  EXPECT_EQ(Peeked("a"), "a=v1");
}

TEST_F(StaleCacheTest, AnUpdateSeesWhatIsHeldAndMayLeaveIt) {
  const auto append = [](const SharedBytes& held) {
    return MakeShared((held == nullptr ? "none" : *held) + "+");
  };
  cache_->Update("a", append);
  cache_->Update("a", append);
  EXPECT_EQ(Peeked("a"), "none++");
  clock_.Advance(seconds(30));
  cache_->Update("a", [](const SharedBytes&) { return SharedBytes(); });
  EXPECT_EQ(Peeked("a"), "none++");
  EXPECT_EQ(cache_->Peek("a").age, seconds(30));
  cache_->Update("a", append);
  EXPECT_EQ(cache_->Peek("a").age, seconds(0));
}

TEST_F(StaleCacheTest, AnUpdateDuringAFetchBeatsWhatWasFetched) {
  during_fetch_ = [this](Deadline) {
    cache_->Update("a", [](const SharedBytes&) { return MakeShared("told"); });
  };
  EXPECT_EQ(Got(cache_->Get("a", Soon())), "told");
  EXPECT_EQ(Peeked("a"), "told");
}

TEST_F(StaleCacheTest, AnExchangeKeepsTheAgeAndLosesAgainstNews) {
  cache_->Put("a", MakeShared("a1"));
  const SharedBytes first = cache_->Held("a");
  clock_.Advance(seconds(30));
  EXPECT_TRUE(cache_->Exchange("a", first, MakeShared("judged")));
  EXPECT_EQ(Peeked("a"), "judged");
  EXPECT_EQ(cache_->Peek("a").age, seconds(30));
  EXPECT_FALSE(cache_->Exchange("a", first, MakeShared("late")));
  EXPECT_EQ(Peeked("a"), "judged");
  EXPECT_TRUE(cache_->Exchange("a", cache_->Held("a"), nullptr));
  EXPECT_EQ(cache_->Held("a"), nullptr);
  EXPECT_FALSE(cache_->Exchange("a", nullptr, MakeShared("nothing to take the place of")));
  EXPECT_EQ(cache_->size(), 0u);
}

TEST_F(StaleCacheTest, LookingAtWhatIsHeldIsNoUse) {
  cache_->Put("a", MakeShared("a1"));
  clock_.Advance(minutes(2));
  EXPECT_EQ(*cache_->Held("a"), "a1");
  EXPECT_TRUE(jobs_.empty());
  EXPECT_THAT(metrics_.Scrape(), testing::HasSubstr(Metric("stale") + "0"));
}

TEST_F(StaleCacheTest, ConcurrentCallersShareOneFetch) {
  absl::Notification may_answer;
  during_fetch_ = [&](Deadline) { may_answer.WaitForNotification(); };
  std::vector<std::thread> callers;
  std::atomic<int> good = 0;
  for (int n = 0; n < 8; ++n) {
    callers.emplace_back([&] {
      if (Got(cache_->Get("a", Deadline::After(seconds(30), clock_))) == "a=v1") ++good;
    });
  }
  EXPECT_TRUE(test::Eventually([&] { return fetches_ == 1; }));
  may_answer.Notify();
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(good, 8);
  EXPECT_EQ(fetches_, 1);
}

TEST_F(StaleCacheTest, AWaiterWithMoreTimeTriesAgainWhenTheFirstCallerRanOut) {
  absl::Notification first_is_fetching;
  absl::Notification second_has_started;
  fetches_that_time_out_ = 1;
  during_fetch_ = [&](Deadline) {
    if (fetches_ != 1) return;
    first_is_fetching.Notify();
    second_has_started.WaitForNotification();
  };
  std::thread first(
      [&] { EXPECT_THAT(cache_->Get("a", Soon()), HasCode(absl::StatusCode::kDeadlineExceeded)); });
  first_is_fetching.WaitForNotification();
  std::thread second([&] {
    second_has_started.Notify();
    EXPECT_EQ(Got(cache_->Get("a", Deadline::After(minutes(1), clock_))), "a=v1");
  });
  first.join();
  second.join();
  EXPECT_EQ(fetches_, 2);
}

TEST_F(StaleCacheTest, APushDuringAFetchBeatsWhatWasFetched) {
  during_fetch_ = [&](Deadline) { cache_->Put("a", MakeShared("newer")); };
  EXPECT_EQ(Got(cache_->Get("a", Soon())), "newer");
  EXPECT_EQ(Peeked("a"), "newer");
}

TEST_F(StaleCacheTest, AForgetDuringAFetchKeepsTheOldValueOut) {
  during_fetch_ = [&](Deadline) { cache_->Forget("a"); };
  EXPECT_THAT(cache_->Get("a", Soon()), IsOk());
  EXPECT_EQ(Peeked("a"), "nothing");
}

TEST_F(StaleCacheTest, AResetDuringAFetchMakesItsAnswerSuspect) {
  during_fetch_ = [&](Deadline) { cache_->SuspectAll(); };
  EXPECT_THAT(cache_->Get("a", Soon()), IsOk());
  EXPECT_TRUE(cache_->Peek("a").stale);
}

TEST_F(StaleCacheTest, TheLeastRecentlyUsedGoesFirst) {
  cache_ = Make(/*max_entries=*/3);
  for (const std::string_view key : {"a", "b", "c"}) cache_->Put(key, MakeShared("x"));
  cache_->Peek("a");
  cache_->Put("d", MakeShared("x"));
  EXPECT_EQ(cache_->size(), 3u);
  EXPECT_EQ(Peeked("b"), "nothing");
  EXPECT_EQ(Peeked("a"), "x");
  EXPECT_THAT(metrics_.Scrape(),
              testing::HasSubstr("holdfast_cache_entries{cache=\"entitlements\"} 3"));
}

TEST_F(StaleCacheTest, HitsAreCountedByKind) {
  cache_->Peek("a");
  cache_->Put("a", MakeShared("x"));
  cache_->Peek("a");
  cache_->Peek("a");
  clock_.Advance(minutes(2));
  cache_->Peek("a");
  const std::string scrape = metrics_.Scrape();
  EXPECT_THAT(scrape, testing::HasSubstr(Metric("miss") + "1"));
  EXPECT_THAT(scrape, testing::HasSubstr(Metric("fresh") + "2"));
  EXPECT_THAT(scrape, testing::HasSubstr(Metric("stale") + "1"));
}

TEST_F(StaleCacheTest, ARestartKeepsEntriesWithTheirAge) {
  cache_->Put("old", MakeShared("1"));
  clock_.Advance(minutes(5));
  cache_->Put("new", MakeShared("2"));
  ASSERT_THAT(cache_->SaveToDisk(), IsOk());
  clock_.Advance(minutes(3));

  cache_ = Make();
  cache_->Put("pushed since the start", MakeShared("3"));
  ASSERT_THAT(cache_->LoadFromDisk(), IsOk());
  EXPECT_EQ(cache_->size(), 3u);
  EXPECT_EQ(cache_->Peek("old").age, minutes(8));
  EXPECT_EQ(cache_->Peek("new").age, minutes(3));
  EXPECT_EQ(cache_->Peek("pushed since the start").age, seconds(0));
}

TEST_F(StaleCacheTest, WhatIsNewerThanTheFileStays) {
  cache_->Put("a", MakeShared("from the file"));
  ASSERT_THAT(cache_->SaveToDisk(), IsOk());
  cache_ = Make();
  cache_->Put("a", MakeShared("pushed"));
  ASSERT_THAT(cache_->LoadFromDisk(), IsOk());
  EXPECT_EQ(Peeked("a"), "pushed");
}

TEST_F(StaleCacheTest, EntriesThatAreTooOldAreNotLoaded) {
  cache_->Put("a", MakeShared("1"));
  ASSERT_THAT(cache_->SaveToDisk(), IsOk());
  clock_.Advance(hours(24 * 7));
  cache_ = Make();
  ASSERT_THAT(cache_->LoadFromDisk(), IsOk());
  EXPECT_EQ(cache_->size(), 0u);
}

TEST_F(StaleCacheTest, AClockThatJumpsLosesNothing) {
  cache_->Put("a", MakeShared("1"));
  clock_.JumpWall(hours(24 * 365));
  EXPECT_FALSE(cache_->Peek("a").stale);
}

TEST_F(StaleCacheTest, ABrokenFileLeavesTheCacheEmpty) {
  EXPECT_THAT(cache_->LoadFromDisk(), HasCode(absl::StatusCode::kNotFound));
  cache_->Put("a", MakeShared("1"));
  ASSERT_THAT(cache_->SaveToDisk(), IsOk());
  ASSERT_OK_AND_ASSIGN(const std::string good, ReadSnapshot(dir_.File("cache")));
  for (std::size_t size = 0; size < good.size(); ++size) {
    if (size == 8) continue;  // just the time: a whole file of an empty cache
    ASSERT_THAT(WriteSnapshot(dir_.File("cache"), good.substr(0, size)), IsOk());
    cache_ = Make();
    EXPECT_THAT(cache_->LoadFromDisk(), HasCode(absl::StatusCode::kDataLoss)) << size;
    EXPECT_EQ(cache_->size(), 0u);
  }
}

TEST_F(StaleCacheTest, ALargeCacheKeepsToItsBoundFromManyThreads) {
  const std::uint64_t seed = SecureSeed();
  SCOPED_TRACE(seed);
  cache_ = Make(/*max_entries=*/20000);  // more than one shard
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      SeededRandom random(seed + t);
      for (int n = 0; n < 20000; ++n) {
        const std::string key = std::to_string(random.Below(30000));
        switch (random.Below(4)) {
          case 0:
            cache_->Peek(key);
            break;
          case 1:
            cache_->Forget(key);
            break;
          case 2:
            EXPECT_THAT(cache_->Get(key, Soon()), IsOk());
            break;
          default:
            cache_->Put(key, MakeShared("x"));
        }
        if (n % 5000 == 0 && t == 0) {
          EXPECT_THAT(cache_->SaveToDisk(), IsOk());
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(cache_->size(), 20000u);
  EXPECT_GT(cache_->size(), 1000u);
}

}  // namespace
}  // namespace holdfast::replica

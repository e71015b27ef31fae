#include "libs/admission/admission_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "libs/base/random.h"

namespace holdfast::admission {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using enum Criticality;

// A queue, a clock, and jobs that are known by their kind.
class AdmissionQueueTest : public testing::Test {
 protected:
  void Configure(AdmissionQueue::Options options) {
    queue_ = std::make_unique<AdmissionQueue>(options);
  }

  Job MakeJob(std::size_t name, Criticality criticality, const std::string& caller = "") {
    Job job{.criticality = criticality, .caller = caller, .kind = name};
    job.submitted_at = now_;
    return job;
  }
  void Push(Job job) { queue_->Push(std::move(job), now_, refused_); }
  void Push(std::size_t name, Criticality criticality, const std::string& caller = "") {
    Push(MakeJob(name, criticality, caller));
  }
  // The names of what is run until nothing may run.
  std::vector<std::size_t> PopAll() {
    std::vector<std::size_t> names;
    while (std::optional<Job> job = queue_->Pop(now_, refused_)) {
      names.push_back(job->kind);
      running_.push_back(*std::move(job));
    }
    return names;
  }
  void FinishOne(Duration took = 1ms) {
    queue_->Finished(running_.front(), Job::Timing::kTypical, took, now_);
    running_.erase(running_.begin());
  }
  // Runs one job at a time until none waits.
  std::vector<std::size_t> RunInTurn(Duration took = 1ms) {
    std::vector<std::size_t> names;
    while (std::optional<Job> job = queue_->Pop(now_, refused_)) {
      names.push_back(job->kind);
      queue_->Finished(*job, Job::Timing::kTypical, took, now_);
    }
    return names;
  }
  std::vector<std::size_t> TakeRefused(Refusal why) {
    std::vector<std::size_t> names;
    for (const RefusedJob& each : refused_) {
      EXPECT_EQ(each.why, why) << NameOf(each.why);
      names.push_back(each.job.kind);
    }
    refused_.clear();
    return names;
  }
  Job AnyJob(std::size_t name, Random& random) {
    Job job = MakeJob(name, static_cast<Criticality>(random.Below(kCriticalities)),
                      "caller-" + std::to_string(random.Below(5)));
    job.must_run = random.Below(20) == 0;
    if (random.Below(2) == 0) job.deadline = Deadline(now_ + Duration(random.Below(200'000'000)));
    return job;
  }
  void TakeAllPlaces() {
    for (std::size_t i = 0; i < queue_->limit(); ++i) Push(2000, kCritical, "running");
    PopAll();
  }
  void FreeAllPlaces() {
    while (!running_.empty()) FinishOne();
  }
  void BecomeOverloaded() {
    TakeAllPlaces();
    Push(1000, kCritical);
    now_ += 150ms;
  }

  SteadyTime now_ = SteadyTime(1h);
  std::vector<RefusedJob> refused_;
  std::vector<Job> running_;
  std::unique_ptr<AdmissionQueue> queue_ = std::make_unique<AdmissionQueue>(
      AdmissionQueue::Options{.limit = {.floor = 1, .ceiling = 2}});
};

TEST_F(AdmissionQueueTest, RunsAsManyTogetherAsTheLimitSays) {
  for (const std::size_t name : {1, 2, 3}) Push(name, kInteractive);
  EXPECT_THAT(PopAll(), ElementsAre(1, 2));
  FinishOne();
  EXPECT_THAT(PopAll(), ElementsAre(3));
}

TEST_F(AdmissionQueueTest, TheMoreCriticalGoFirst) {
  Push(4, kBulk);
  Push(3, kBackground);
  Push(2, kInteractive);
  Push(1, kCritical);
  EXPECT_THAT(RunInTurn(), ElementsAre(1, 2, 3, 4));
}

TEST_F(AdmissionQueueTest, WithoutOverloadTheOldestGoesFirst) {
  for (const std::size_t name : {1, 2, 3}) {
    Push(name, kInteractive);
    now_ += 10ms;
  }
  EXPECT_THAT(RunInTurn(), ElementsAre(1, 2, 3));
}

TEST_F(AdmissionQueueTest, InOverloadTheNewestGoesFirst) {
  BecomeOverloaded();
  for (const std::size_t name : {1, 2, 3}) {
    Push(name, kInteractive);
    now_ += 10ms;
  }
  FreeAllPlaces();
  EXPECT_THAT(RunInTurn(), ElementsAre(1000, 3, 2, 1));
}

TEST_F(AdmissionQueueTest, WhatIsLateIsNeverRun) {
  Job late = MakeJob(1, kCritical);
  late.deadline = Deadline(now_ + 50ms);
  Push(std::move(late));
  Push(2, kInteractive);
  now_ += 50ms;
  EXPECT_THAT(RunInTurn(), ElementsAre(2));
  EXPECT_THAT(TakeRefused(Refusal::kLate), ElementsAre(1));
}

TEST_F(AdmissionQueueTest, WhatComesLateIsRefusedAtOnce) {
  Job late = MakeJob(1, kCritical);
  late.deadline = Deadline(now_);
  Push(std::move(late));
  EXPECT_THAT(TakeRefused(Refusal::kLate), ElementsAre(1));
  EXPECT_EQ(queue_->waiting(), 0u);
}

TEST_F(AdmissionQueueTest, NothingWaitsLongerThanItMay) {
  TakeAllPlaces();
  Push(1, kCritical);
  Push(2, kInteractive);
  Push(3, kBackground);
  Push(4, kBulk);
  // The queue is not empty for 100 ms: overload, and who has waited longer than then allowed goes.
  EXPECT_EQ(queue_->next_expiry(), now_ + 100ms);
  now_ += 100ms;
  queue_->Expire(now_, refused_);
  EXPECT_THAT(TakeRefused(Refusal::kWaitedLong), ElementsAre(2, 3, 4));
  EXPECT_EQ(queue_->next_expiry(), now_ + 900ms);
  now_ += 900ms;
  queue_->Expire(now_, refused_);
  EXPECT_THAT(TakeRefused(Refusal::kWaitedLong), ElementsAre(1));
  EXPECT_EQ(queue_->next_expiry(), SteadyTime::max());
}

TEST_F(AdmissionQueueTest, InOverloadTheLeastCriticalWaitShortest) {
  BecomeOverloaded();
  for (const auto& [name, criticality] :
       std::map<std::size_t, Criticality>{{1, kInteractive}, {2, kBackground}, {3, kBulk}}) {
    Push(name, criticality);
  }
  const std::vector<std::pair<Duration, std::size_t>> expected = {{25ms, 3}, {25ms, 2}, {50ms, 1}};
  for (const auto& [wait, name] : expected) {
    now_ += wait;
    queue_->Expire(now_, refused_);
    EXPECT_THAT(TakeRefused(Refusal::kWaitedLong), ElementsAre(name));
  }
}

TEST_F(AdmissionQueueTest, InOverloadACallerIsToldWhileItCanStillAskElsewhere) {
  BecomeOverloaded();
  Job job = MakeJob(1, kCritical, "another");
  job.deadline = Deadline(now_ + 300ms);
  Push(std::move(job));
  now_ += 150ms;
  queue_->Expire(now_, refused_);
  EXPECT_THAT(TakeRefused(Refusal::kWaitedLong), ElementsAre(1));
}

TEST_F(AdmissionQueueTest, WhereJobsTakeLongSomeWaitingIsNoOverload) {
  for (int i = 0; i < 100; ++i) {
    Push(1, kInteractive);
    PopAll();
    FinishOne(200ms);
  }
  TakeAllPlaces();
  Push(2, kInteractive);
  now_ += 500ms;
  queue_->Expire(now_, refused_);
  EXPECT_THAT(refused_, IsEmpty());
  EXPECT_FALSE(queue_->overloaded(now_));
}

// A place is free and a thread has been woken for it, but gets no CPU: more of that is no overload.
TEST_F(AdmissionQueueTest, WhereAPlaceIsFreeNobodyIsShed) {
  for (const std::size_t name : {1, 2, 3}) Push(name, kBulk);
  now_ += 900ms;
  queue_->Expire(now_, refused_);
  EXPECT_THAT(refused_, IsEmpty());
  EXPECT_FALSE(queue_->overloaded(now_));
  EXPECT_GE(queue_->next_expiry(), now_ + 5ms) << "looking more often changes nothing";
  EXPECT_THAT(PopAll(), ElementsAre(1, 2));
}

TEST_F(AdmissionQueueTest, ButNothingWaitsLongerThanMaxWaitForAnyReason) {
  Push(1, kCritical);
  now_ += 1s;
  queue_->Expire(now_, refused_);
  EXPECT_THAT(TakeRefused(Refusal::kWaitedLong), ElementsAre(1));
}

TEST_F(AdmissionQueueTest, WaitingCountsWhileEveryPlaceIsTaken) {
  TakeAllPlaces();
  Push(1, kInteractive);
  now_ += 60ms;
  FinishOne();
  now_ += 300ms;  // the thread that should take the place gets no CPU
  Push(2, kCritical);
  std::optional<Job> other = queue_->Pop(now_, refused_);
  ASSERT_TRUE(other);
  EXPECT_EQ(other->kind, 2u);
  EXPECT_LE(queue_->next_expiry(), now_ + 40ms) << "never too late";
  now_ += 39ms;
  queue_->Expire(now_, refused_);
  EXPECT_THAT(refused_, IsEmpty());
  now_ += 1ms;
  queue_->Expire(now_, refused_);
  EXPECT_THAT(TakeRefused(Refusal::kWaitedLong), ElementsAre(1));
}

TEST_F(AdmissionQueueTest, AFullQueueGivesUpTheOldestOfTheLeastCritical) {
  Configure({.limit = {.floor = 1, .ceiling = 1}, .max_waiting = 3});
  Push(1, kBulk);
  Push(2, kBulk);
  Push(3, kCritical);
  Push(4, kInteractive);
  EXPECT_THAT(TakeRefused(Refusal::kQueueFull), ElementsAre(1));
  Push(5, kCritical);
  EXPECT_THAT(TakeRefused(Refusal::kQueueFull), ElementsAre(2));
  Push(6, kBackground);
  EXPECT_THAT(TakeRefused(Refusal::kQueueFull), ElementsAre(6)) << "nobody there matters less";
  Push(7, kInteractive);
  EXPECT_THAT(TakeRefused(Refusal::kQueueFull), ElementsAre(4)) << "the newer is worth more";
}

TEST_F(AdmissionQueueTest, AFullQueueGivesUpCallsOfWhoeverHasMost) {
  Configure({.limit = {.floor = 1, .ceiling = 1}, .max_waiting = 4});
  for (const std::size_t name : {1, 2, 3}) Push(name, kInteractive, "runaway");
  Push(4, kInteractive, "modest");
  Push(5, kInteractive, "modest");
  EXPECT_THAT(TakeRefused(Refusal::kQueueFull), ElementsAre(1));
}

TEST_F(AdmissionQueueTest, AQueueOfNothingRefusesEverything) {
  Configure({.max_waiting = 0});
  Push(1, kCritical);
  EXPECT_THAT(TakeRefused(Refusal::kQueueFull), ElementsAre(1));
}

TEST_F(AdmissionQueueTest, ARunawayCallerGetsNoMoreThanItsShare) {
  Configure({.limit = {.floor = 1, .ceiling = 1}, .max_waiting = 1000});
  for (int i = 0; i < 500; ++i) Push(1, kInteractive, "runaway");
  for (int i = 0; i < 20; ++i) Push(2, kInteractive, "modest");
  std::vector<std::size_t> order = RunInTurn();
  order.resize(42);
  EXPECT_EQ(std::count(order.begin(), order.end(), 2), 20);
}

TEST_F(AdmissionQueueTest, SharesAreOfOurTimeNotOfCalls) {
  Configure({.limit = {.floor = 1, .ceiling = 1}, .max_waiting = 1000});
  for (int i = 0; i < 200; ++i) Push(1, kInteractive, "slow");
  for (int i = 0; i < 200; ++i) Push(2, kInteractive, "quick");
  int slow = 0, quick = 0;
  while (quick < 100) {
    std::optional<Job> job = queue_->Pop(now_, refused_);
    ASSERT_TRUE(job);
    ++(job->kind == 1 ? slow : quick);
    queue_->Finished(*job, Job::Timing::kTypical, job->kind == 1 ? 9ms : 1ms, now_);
  }
  EXPECT_NEAR(slow, 11, 4);
}

TEST_F(AdmissionQueueTest, NotEvenCriticalCallsInMassesShutAnotherCallerOut) {
  Configure({.limit = {.floor = 1, .ceiling = 1}, .max_waiting = 1000});
  for (int i = 0; i < 800; ++i) Push(1, kCritical, "runaway");
  for (int i = 0; i < 10; ++i) Push(2, kBulk, "modest");
  std::vector<std::size_t> order = RunInTurn();
  order.resize(80);
  EXPECT_EQ(std::count(order.begin(), order.end(), 2), 10);
}

TEST_F(AdmissionQueueTest, WhoWasAwayHasSavedNothingUp) {
  Configure({.limit = {.floor = 1, .ceiling = 1}, .max_waiting = 1000});
  for (int i = 0; i < 100; ++i) Push(1, kInteractive, "busy");
  for (int i = 0; i < 50; ++i) {
    queue_->Finished(*queue_->Pop(now_, refused_), Job::Timing::kTypical, 10ms, now_);
  }
  for (int i = 0; i < 50; ++i) Push(2, kInteractive, "new");
  std::vector<std::size_t> order = RunInTurn(10ms);
  order.resize(20);
  EXPECT_NEAR(std::count(order.begin(), order.end(), 1), 10, 2);
}

TEST_F(AdmissionQueueTest, WhatMustRunIsNeverRefused) {
  Configure({.limit = {.floor = 1, .ceiling = 1}, .max_waiting = 2});
  for (const std::size_t name : {1, 2}) {
    Job job = MakeJob(name, kBulk);
    job.must_run = true;
    Push(std::move(job));
  }
  Push(3, kCritical);
  EXPECT_THAT(TakeRefused(Refusal::kQueueFull), ElementsAre(3));
  now_ += 1h;
  queue_->Expire(now_, refused_);
  EXPECT_THAT(refused_, IsEmpty());
  EXPECT_THAT(RunInTurn(), ElementsAre(1, 2));
}

// Whatever happens: no more run than ever was allowed, every job is run or refused exactly once,
// and an empty queue is really empty.
TEST_F(AdmissionQueueTest, LosesAndInventsNothing) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    const std::size_t ceiling = 1 + random.Below(8);
    Configure({.limit = {.floor = 1, .ceiling = ceiling}, .max_waiting = 1 + random.Below(40)});
    std::vector<std::size_t> ended;  // jobs, each once
    const auto run = [&](const std::vector<std::size_t>& names) {
      ended.insert(ended.end(), names.begin(), names.end());
    };
    std::size_t pushed = 0;
    for (int step = 0; step < 4000; ++step) {
      now_ += Duration(random.Below(5'000'000));
      if (random.Below(3) != 0) Push(AnyJob(pushed++, random));
      if (random.Below(4) == 0 && !running_.empty()) FinishOne(Duration(random.Below(50'000'000)));
      if (random.Below(2) == 0) run(PopAll());
      if (now_ >= queue_->next_expiry()) {
        queue_->Expire(now_, refused_);
        ASSERT_GT(queue_->next_expiry(), now_);
      }
      ASSERT_LE(queue_->running(), ceiling);
      ASSERT_EQ(queue_->running(), running_.size());
    }
    while (!running_.empty()) FinishOne();
    run(RunInTurn());
    for (const RefusedJob& each : refused_) ended.push_back(each.job.kind);
    refused_.clear();
    EXPECT_EQ(ended.size(), pushed);
    EXPECT_EQ(std::set<std::size_t>(ended.begin(), ended.end()).size(), pushed);
    EXPECT_EQ(queue_->waiting() + queue_->running(), 0u);
    EXPECT_EQ(queue_->next_expiry(), SteadyTime::max());
  }
}

// Whatever happens: who was refused for waiting had waited for as long as any job may, or for half
// of the time that its caller gave, or while every place was taken. And nobody waits longer than
// that when the queue is looked at in the moments that it names.
TEST_F(AdmissionQueueTest, RefusesNobodyWhoHadOnlyToBePickedUp) {
  const std::uint64_t first = SecureSeed();
  std::size_t shed = 0;
  for (std::uint64_t seed = first; seed != first + 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SeededRandom random(seed);
    Configure({.limit = {.floor = 2, .ceiling = 2 + random.Below(4)}});
    std::map<std::size_t, Duration> full_at_push;
    Duration full = {};  // how long every place was taken
    const auto advance = [&](Duration by) {
      if (queue_->running() >= queue_->limit()) full += by;
      now_ += by;
    };
    const std::uint64_t laziness = 2 + random.Below(40);  // of the threads
    for (std::size_t step = 0; step < 3000; ++step) {
      const SteadyTime next = now_ + Duration(random.Below(8'000'000));
      if (queue_->next_expiry() <= next) {
        advance(std::max(queue_->next_expiry() - now_, Duration()));
        queue_->Expire(now_, refused_);
      } else {
        advance(next - now_);
      }
      if (random.Below(3) == 0) {
        full_at_push[step] = full;
        Push(AnyJob(step, random));
      }
      if (random.Below(5) == 0 && !running_.empty()) FinishOne(Duration(random.Below(20'000'000)));
      if (random.Below(laziness) == 0) PopAll();
      for (const RefusedJob& each : std::exchange(refused_, {})) {
        if (each.why != Refusal::kWaitedLong) continue;
        const Job& job = each.job;
        const Duration waited = now_ - job.submitted_at;
        const bool half_its_time = waited >= (job.deadline.at() - job.submitted_at) / 2;
        const bool shed_here =
            job.criticality != kCritical && full - full_at_push[job.kind] >= 25ms;
        ASSERT_TRUE(waited >= 1s || half_its_time || shed_here);
        ASSERT_LE(waited, 1s + 8ms);
        shed += shed_here ? 1 : 0;
      }
    }
    running_.clear();
    refused_.clear();
  }
  EXPECT_GT(shed, 0u) << "otherwise this shows nothing";
}

}  // namespace
}  // namespace holdfast::admission

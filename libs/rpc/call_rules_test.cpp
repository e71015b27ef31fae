#include "libs/rpc/call_rules.h"

#include <gtest/gtest.h>

#include "libs/base/status.h"

namespace holdfast::rpc {
namespace {

using namespace std::chrono_literals;

Verdict JudgeIdempotent(const absl::Status& status, Origin origin) {
  return Judge({status, origin}, /*idempotent=*/true, /*fair_time=*/true);
}

TEST(CallRulesTest, ACallTakesNoMoreThanTheCallerHas) {
  EXPECT_EQ(CallTime(100ms, 500ms), 98ms);
  EXPECT_EQ(CallTime(10s, 500ms), 500ms);
  EXPECT_EQ(CallTime(1ms, 500ms), 0ms);
  EXPECT_EQ(CallTime(0ms, 500ms), 0ms);
}

TEST(CallRulesTest, ATryLeavesTimeForAnotherAndTheLastTakesAll) {
  EXPECT_EQ(TryTime(500ms, 200ms, std::nullopt, true), 200ms);
  EXPECT_EQ(TryTime(150ms, 200ms, 1ms, true), 75ms);
  EXPECT_EQ(TryTime(500ms, 200ms, 1ms, false), 500ms);
}

TEST(CallRulesTest, NobodyElseIsAskedWhoWouldTakeAsLong) {
  EXPECT_EQ(TryTime(500ms, 150ms, 100ms, true), 200ms);
  EXPECT_EQ(TryTime(500ms, 150ms, 200ms, true), 250ms) << "half is left for the other one";
  EXPECT_EQ(TryTime(500ms, 150ms, 251ms, true), 500ms) << "half is not enough for it";
}

TEST(CallRulesTest, WhoIsSlowByNatureIsGivenTwiceItsUsualTime) {
  EXPECT_EQ(FairTryTime(150ms, std::nullopt), 150ms);
  EXPECT_EQ(FairTryTime(150ms, 2ms), 150ms);
  EXPECT_EQ(FairTryTime(150ms, 75ms), 150ms);
  EXPECT_EQ(FairTryTime(150ms, 200ms), 400ms);
}

TEST(CallRulesTest, BusinessErrorsAreAnswers) {
  for (const auto code : {absl::StatusCode::kNotFound, absl::StatusCode::kInvalidArgument,
                          absl::StatusCode::kAlreadyExists, absl::StatusCode::kPermissionDenied,
                          absl::StatusCode::kUnauthenticated, absl::StatusCode::kFailedPrecondition,
                          absl::StatusCode::kAborted, absl::StatusCode::kOutOfRange,
                          absl::StatusCode::kUnimplemented, absl::StatusCode::kDataLoss}) {
    const Verdict verdict = JudgeIdempotent(absl::Status(code, "x"), Origin::kHandler);
    EXPECT_EQ(verdict.instance, TryOutcome::kAnswered);
    EXPECT_TRUE(verdict.neighbour_answered);
    EXPECT_FALSE(verdict.retry);
    EXPECT_FALSE(verdict.connection_lost);
  }
}

TEST(CallRulesTest, ABrokenWireBlamesInstanceAndNeighbour) {
  const Verdict verdict = JudgeIdempotent(Unavailable("reset"), Origin::kTransport);
  EXPECT_EQ(verdict.instance, TryOutcome::kFailed);
  EXPECT_FALSE(verdict.neighbour_answered);
  EXPECT_TRUE(verdict.retry);
  EXPECT_TRUE(verdict.connection_lost);
}

TEST(CallRulesTest, AHandlerThatCannotBlamesOnlyTheInstance) {
  const Verdict verdict = JudgeIdempotent(Unavailable("no database"), Origin::kHandler);
  EXPECT_EQ(verdict.instance, TryOutcome::kFailed);
  EXPECT_TRUE(verdict.neighbour_answered);
  EXPECT_TRUE(verdict.retry);
  EXPECT_FALSE(verdict.connection_lost);
}

TEST(CallRulesTest, OurBugIsNotTriedAgainElsewhere) {
  EXPECT_FALSE(JudgeIdempotent(Internal("bug"), Origin::kHandler).retry);
  EXPECT_TRUE(JudgeIdempotent(Internal("stream broke"), Origin::kTransport).retry);
}

TEST(CallRulesTest, NothingThatMayHaveRunIsRepeatedUnlessIdempotent) {
  for (const Origin origin : {Origin::kHandler, Origin::kTransport}) {
    for (int code = 1; code <= 16; ++code) {
      const absl::Status status(static_cast<absl::StatusCode>(code), "x");
      EXPECT_FALSE(Judge({status, origin}, /*idempotent=*/false, true).retry) << code;
    }
  }
}

TEST(CallRulesTest, WhatWasDeclinedIsTriedElsewhereWhateverTheMethod) {
  const Verdict verdict =
      Judge({ResourceExhausted("full"), Origin::kDeclined}, /*idempotent=*/false, true);
  EXPECT_TRUE(verdict.retry);
  EXPECT_EQ(verdict.instance, TryOutcome::kFull);
  EXPECT_FALSE(Judge({DeadlineExceeded("waited"), Origin::kDeclined}, true, true).retry);
}

TEST(CallRulesTest, ATimeoutThatTheCallerCausedBlamesNobody) {
  const Verdict verdict = Judge({DeadlineExceeded("x"), Origin::kTransport}, true, false);
  EXPECT_EQ(verdict.instance, TryOutcome::kUnknown);
}

TEST(CallRulesTest, AnInstanceThatPushesBackIsLeftAloneAndAnotherTried) {
  const Verdict verdict =
      Judge({ResourceExhausted("full"), Origin::kDeclined, 300ms}, /*idempotent=*/false, true);
  EXPECT_TRUE(verdict.retry);
  EXPECT_EQ(verdict.leave_alone, 300ms);
}

TEST(CallRulesTest, ANegativePushbackMeansNobodyShouldTryAgain) {
  const Verdict verdict =
      Judge({ResourceExhausted("full"), Origin::kDeclined, -1ms}, /*idempotent=*/true, true);
  EXPECT_FALSE(verdict.retry);
  EXPECT_EQ(verdict.leave_alone, 0ms);
}

TEST(CallRulesTest, APushbackCannotLastForEver) {
  EXPECT_EQ(Judge({Unavailable("x"), Origin::kDeclined, 24h}, true, true).leave_alone, 10s);
  EXPECT_EQ(Judge({absl::OkStatus(), Origin::kHandler, 24h}, true, true).leave_alone, 0s);
}

TEST(CallRulesTest, WhatRefusesTheLowerClassesIsNotLeftAloneByTheOthers) {
  EXPECT_TRUE(HeedsPushback(Criticality::kCritical));
  EXPECT_TRUE(HeedsPushback(Criticality::kInteractive));
  EXPECT_FALSE(HeedsPushback(Criticality::kBackground));
  EXPECT_FALSE(HeedsPushback(Criticality::kBulk));
}

TEST(CallRulesTest, SlowIsMuchSlowerThanUsual) {
  EXPECT_EQ(SlowFrom(std::nullopt, 5, 50ms), Duration::max());
  EXPECT_EQ(SlowFrom(1ms, 5, 50ms), 50ms);
  EXPECT_EQ(SlowFrom(20ms, 5, 50ms), 100ms);
  EXPECT_EQ(WithSpeed(TryOutcome::kAnswered, 100ms, 100ms), TryOutcome::kSlow);
  EXPECT_EQ(WithSpeed(TryOutcome::kAnswered, 99ms, 100ms), TryOutcome::kAnswered);
  EXPECT_EQ(WithSpeed(TryOutcome::kFailed, 1s, 100ms), TryOutcome::kFailed);
}

TEST(CallRulesTest, AHedgeWaitsForTheUsualTime) {
  EXPECT_EQ(HedgeAfter(std::nullopt, 5ms, 150ms), std::nullopt);
  EXPECT_EQ(HedgeAfter(1ms, 5ms, 150ms), 5ms);
  EXPECT_EQ(HedgeAfter(40ms, 5ms, 150ms), 40ms);
  EXPECT_EQ(HedgeAfter(150ms, 5ms, 150ms), std::nullopt);
}

TEST(CallRulesTest, RetriesAreSpreadOverAPauseThatDoubles) {
  SeededRandom random(3);
  Duration longest[2] = {};
  for (int i = 0; i < 1000; ++i) {
    for (int retry : {1, 2}) {
      longest[retry - 1] = std::max(longest[retry - 1], RetryPause(retry, 10ms, random));
    }
  }
  EXPECT_GT(longest[0], 9ms);
  EXPECT_LE(longest[0], 10ms);
  EXPECT_GT(longest[1], 18ms);
  EXPECT_LE(longest[1], 20ms);
  EXPECT_EQ(RetryPause(1, 0ms, random), 0ms);
}

TEST(CallRulesTest, WhatMattersLessMayUseLess) {
  EXPECT_EQ(BulkheadFor(Criticality::kCritical, 256), 256);
  EXPECT_EQ(BulkheadFor(Criticality::kBulk, 256), 128);
  EXPECT_EQ(BulkheadFor(Criticality::kBulk, 1), 1) << "nobody is shut out by rounding";
  EXPECT_GT(BudgetPartFor(Criticality::kInteractive), BudgetPartFor(Criticality::kBackground));
  EXPECT_GT(BudgetPartFor(Criticality::kBackground), BudgetPartFor(Criticality::kBulk));
}

TEST(CallRulesTest, RetriesBecauseOfAFullInstanceLeaveMostOfTheBudget) {
  const Criticality critical = Criticality::kCritical;
  EXPECT_EQ(BudgetPartFor(critical, TryOutcome::kFailed), BudgetPartFor(critical));
  EXPECT_LE(BudgetPartFor(critical, TryOutcome::kFull), 0.5 * BudgetPartFor(critical));
}

}  // namespace
}  // namespace holdfast::rpc

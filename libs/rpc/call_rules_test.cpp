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
  EXPECT_EQ(TryTime(500ms, 200ms, true), 200ms);
  EXPECT_EQ(TryTime(150ms, 200ms, true), 75ms);
  EXPECT_EQ(TryTime(500ms, 200ms, false), 500ms);
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

}  // namespace
}  // namespace holdfast::rpc

#include "libs/rpc/peer.h"

#include <gtest/gtest.h>

#include "libs/testing/fake_clock.h"

namespace holdfast::rpc {
namespace {

using namespace std::chrono_literals;
using Health = Peer::Health;

class PeerTest : public testing::Test {
 protected:
  void Call(Peer& peer, TryOutcome outcome, Duration takes = 10ms) {
    Peer::Attempt attempt = peer.Begin();
    clock_.Advance(takes);
    attempt.Finish(outcome);
  }
  void Fail(int times) {
    for (int i = 0; i < times; ++i) Call(peer_, TryOutcome::kFailed);
  }

  test::FakeClock clock_;
  Peer peer_{{.id = "echo-0", .address = "127.0.0.1:1", .zone = "a"}, {}, clock_};
};

TEST_F(PeerTest, ANewInstanceIsUsedAfterItsFirstGoodProbe) {
  EXPECT_FALSE(peer_.usable());
  EXPECT_TRUE(peer_.ProbeSucceeded());
  EXPECT_TRUE(peer_.usable());
  EXPECT_FALSE(peer_.ProbeSucceeded());
}

TEST_F(PeerTest, OneLostProbeIsForgivenTwoAreNot) {
  peer_.ProbeSucceeded();
  peer_.ProbeFailed("late");
  peer_.ProbeSucceeded();
  peer_.ProbeFailed("late");
  EXPECT_TRUE(peer_.usable());
  peer_.ProbeFailed("late");
  EXPECT_EQ(peer_.health(), Health::kDown);
}

TEST_F(PeerTest, ABrokenConnectionCountsAtOnce) {
  peer_.ProbeSucceeded();
  peer_.ConnectionLost("reset");
  EXPECT_FALSE(peer_.usable());
}

TEST_F(PeerTest, ADrainingInstanceLeavesAtOnce) {
  peer_.ProbeSucceeded();
  peer_.SaidNotServing();
  EXPECT_FALSE(peer_.usable());
}

TEST_F(PeerTest, ComesBackAfterTwoGoodProbesInARow) {
  peer_.ProbeSucceeded();
  peer_.ConnectionLost("reset");
  peer_.ProbeSucceeded();
  peer_.ProbeFailed("refused");
  peer_.ProbeSucceeded();
  EXPECT_FALSE(peer_.usable());
  EXPECT_TRUE(peer_.ProbeSucceeded());
  EXPECT_TRUE(peer_.usable());
}

TEST_F(PeerTest, LeavesWhenItFailsCallsThoughItAnswersProbes) {
  peer_.ProbeSucceeded();
  Fail(3);
  EXPECT_EQ(peer_.health(), Health::kUp);
  EXPECT_FALSE(peer_.usable());
}

TEST_F(PeerTest, RefusalsForWantOfRoomDoNotEjectIt) {
  peer_.ProbeSucceeded();
  for (int i = 0; i < 20; ++i) Call(peer_, TryOutcome::kFull, 1ms);
  EXPECT_TRUE(peer_.usable());
  EXPECT_NEAR(peer_.Load(), 0.02, 0.001) << "but others are preferred for a moment";
}

TEST_F(PeerTest, OneGoodCanaryBringsItBack) {
  peer_.ProbeSucceeded();
  Fail(3);
  EXPECT_FALSE(peer_.BeginCanary());
  clock_.Advance(1s);
  auto canary = peer_.BeginCanary();
  ASSERT_TRUE(canary);
  EXPECT_FALSE(peer_.BeginCanary()) << "one at a time";
  EXPECT_FALSE(peer_.usable()) << "no caller is the canary";
  canary->Finish(TryOutcome::kAnswered);
  EXPECT_TRUE(peer_.usable());
}

TEST_F(PeerTest, ABadCanaryKeepsItOut) {
  peer_.ProbeSucceeded();
  Fail(3);
  clock_.Advance(1s);
  peer_.BeginCanary()->Finish(TryOutcome::kFailed);
  EXPECT_FALSE(peer_.BeginCanary());
  EXPECT_FALSE(peer_.usable());
}

TEST_F(PeerTest, WhereNothingCanBeCopiedARealCallIsTheCanaryInTheEnd) {
  peer_.ProbeSucceeded();
  Fail(3);
  clock_.Advance(5999ms);
  EXPECT_FALSE(peer_.usable());
  clock_.Advance(1ms);
  EXPECT_TRUE(peer_.usable());
  Call(peer_, TryOutcome::kFailed);
  EXPECT_FALSE(peer_.usable());
  clock_.Advance(7s);  // twice the first wait, and the patience
  Call(peer_, TryOutcome::kAnswered);
  EXPECT_TRUE(peer_.usable());
}

TEST_F(PeerTest, WhileARealCallIsTheCanaryNoSecondOneGoes) {
  peer_.ProbeSucceeded();
  Fail(3);
  clock_.Advance(6s);
  EXPECT_TRUE(peer_.usable());
  Peer::Attempt canary = peer_.Begin();
  EXPECT_FALSE(peer_.usable());
  canary.Finish(TryOutcome::kAnswered);
  EXPECT_TRUE(peer_.usable());
}

TEST_F(PeerTest, LeavesWhenMostOfItsCallsAreSlow) {
  peer_.ProbeSucceeded();
  for (int i = 0; i < 10; ++i) Call(peer_, TryOutcome::kSlow);
  EXPECT_FALSE(peer_.usable());
  clock_.Advance(1s);
  peer_.BeginCanary()->Finish(TryOutcome::kSlow);
  EXPECT_FALSE(peer_.usable()) << "still slow";
  clock_.Advance(2s);
  peer_.BeginCanary()->Finish(TryOutcome::kAnswered);
  EXPECT_TRUE(peer_.usable());
}

TEST_F(PeerTest, BeingOvertakenIsSlowButNoFault) {
  peer_.ProbeSucceeded();
  for (int i = 0; i < 20; ++i) Call(peer_, TryOutcome::kOvertaken, 50ms);
  EXPECT_TRUE(peer_.usable());
  EXPECT_NEAR(peer_.Load(), 0.05, 0.001);
}

TEST_F(PeerTest, IsLeftAloneForAsLongAsItAsked) {
  peer_.AskedToWait(300ms);
  EXPECT_TRUE(peer_.wants_to_wait());
  clock_.Advance(300ms);
  EXPECT_FALSE(peer_.wants_to_wait());
}

TEST_F(PeerTest, AReturnedOneBeginsWithATenthOfItsWeight) {
  peer_.ProbeSucceeded();
  EXPECT_EQ(peer_.Weight(), 100) << "nobody waits for a process that has just started";
  peer_.ConnectionLost("reset");
  peer_.ProbeSucceeded();
  peer_.ProbeSucceeded();
  EXPECT_NEAR(peer_.Weight(), 10, 0.01);
  clock_.Advance(5s);
  EXPECT_NEAR(peer_.Weight(), 55, 0.01);
  clock_.Advance(5s);
  EXPECT_EQ(peer_.Weight(), 100);
}

TEST_F(PeerTest, LoadGrowsWithCallsUnderWayLessOnAHeavyOne) {
  Peer heavy({.id = "echo-1", .weight = 200}, {}, clock_);
  Call(peer_, TryOutcome::kAnswered, 1ms);
  Call(heavy, TryOutcome::kAnswered, 1ms);
  clock_.Advance(1s);  // both at what is too fast to matter
  const double idle = peer_.Load();
  EXPECT_DOUBLE_EQ(heavy.Load(), idle);
  const Peer::Attempt under_way = peer_.Begin();
  const Peer::Attempt too = heavy.Begin();
  EXPECT_DOUBLE_EQ(peer_.Load(), 2 * idle);
  EXPECT_DOUBLE_EQ(heavy.Load(), 1.5 * idle);
}

TEST_F(PeerTest, ASlowAnswerCountsAtOnceAndIsForgottenSlowly) {
  Call(peer_, TryOutcome::kAnswered, 1ms);
  Call(peer_, TryOutcome::kAnswered, 100ms);
  EXPECT_NEAR(peer_.Load(), 0.1, 0.001);
  Call(peer_, TryOutcome::kAnswered, 1ms);
  EXPECT_NEAR(peer_.Load(), 0.1, 0.001);
  clock_.Advance(1s);
  EXPECT_NEAR(peer_.Load(), 0.1 / 2.718, 0.002);
}

TEST_F(PeerTest, FailingFastDoesNotLookFast) {
  Call(peer_, TryOutcome::kFailed, 1ms);
  EXPECT_NEAR(peer_.Load(), 0.02, 0.001);
}

TEST_F(PeerTest, AnInstanceThatOwesItsFirstAnswerGetsNoSecondCall) {
  Peer known({.id = "echo-1"}, {}, clock_);
  Call(known, TryOutcome::kAnswered, 500ms);
  EXPECT_LT(peer_.Load(), known.Load());
  const Peer::Attempt first = peer_.Begin();
  EXPECT_GT(peer_.Load(), known.Load());
}

TEST_F(PeerTest, AnInstanceThatComesBackBeginsAnew) {
  peer_.ProbeSucceeded();
  Call(peer_, TryOutcome::kFailed, 200ms);
  peer_.ConnectionLost("reset");
  peer_.ProbeSucceeded();
  peer_.ProbeSucceeded();
  EXPECT_EQ(peer_.Load(), 0);
  Call(peer_, TryOutcome::kAnswered, 2ms);
  EXPECT_NEAR(peer_.Load(), 0.002, 0.0001);
}

TEST_F(PeerTest, AnAttemptThatWasDroppedLeavesNoTrace) {
  peer_.ProbeSucceeded();
  for (int i = 0; i < 10; ++i) Peer::Attempt dropped = peer_.Begin();
  EXPECT_EQ(peer_.outstanding(), 0);
  EXPECT_TRUE(peer_.usable());
}

}  // namespace
}  // namespace holdfast::rpc

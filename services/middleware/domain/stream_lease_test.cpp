// The rules of slots of one account.
#include "services/middleware/domain/stream_lease.h"

#include <gtest/gtest.h>

#include "libs/testing/fake_clock.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr const char* kA = "00:1A:79:00:00:0A";
constexpr const char* kB = "00:1A:79:00:00:0B";
constexpr const char* kC = "00:1A:79:00:00:0C";

class StreamLeaseTest : public testing::Test {
 protected:
  AccountStreams::Moment Now() const { return {clock_.SteadyNow(), EpochMillis(clock_.Now())}; }
  SlotVerdict Link(const char* device, int limit = 2) {
    return streams_.Take({.device = device, .limit = limit}, leases_, Now());
  }
  SlotVerdict Load(std::uint64_t content, const char* device = kA) {
    return streams_.Take({.device = device, .limit = 1, .content = content, .reloads = true},
                         leases_, Now());
  }
  int Live() const { return streams_.Live(clock_.SteadyNow()); }

  test::FakeClock clock_;
  const StreamLeases leases_{.lease = 5min, .silent_lease = 10min, .reload_lease = 90s};
  AccountStreams streams_;
};

TEST_F(StreamLeaseTest, ADeviceThatZapsKeepsItsSlotAndOneBeyondTheLimitIsRefused) {
  EXPECT_EQ(Link(kA), SlotVerdict::kGranted);
  EXPECT_EQ(Link(kB), SlotVerdict::kGranted);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(Link(kA), SlotVerdict::kKept);
    EXPECT_EQ(Link(kC), SlotVerdict::kRefused);
  }
  EXPECT_EQ(Live(), 2);
  EXPECT_EQ(Link(kC, 0), SlotVerdict::kGranted) << "no limit";
  EXPECT_EQ(Link(kC, 2), SlotVerdict::kRefused) << "a limit that shrank: the latest goes";
  EXPECT_EQ(Live(), 2);
}

TEST_F(StreamLeaseTest, OneThatStoppedLeavesItsPlaceAtOnce) {
  Link(kA, 1);
  EXPECT_TRUE(streams_.GiveBack(kA, clock_.SteadyNow()));
  EXPECT_FALSE(streams_.GiveBack(kA, clock_.SteadyNow()));
  EXPECT_FALSE(streams_.GiveBack(kB, clock_.SteadyNow()));
  EXPECT_EQ(Link(kB, 1), SlotVerdict::kGranted);
}

TEST_F(StreamLeaseTest, ASilentPlayerCountsForItsLeaseAfterItsLastLink) {
  Link(kA, 1);
  clock_.Advance(9min);
  streams_.Heartbeat(kA, true, leases_, clock_.SteadyNow());  // as Kodi's, which says so always
  streams_.Heartbeat(kA, false, leases_, clock_.SteadyNow());
  clock_.Advance(1min - 1s);
  EXPECT_EQ(Link(kB, 1), SlotVerdict::kRefused);
  clock_.Advance(1s);
  EXPECT_EQ(Link(kB, 1), SlotVerdict::kGranted);
}

TEST_F(StreamLeaseTest, HeartbeatsOfABoxThatLogsWhatItPlaysAreBelieved) {
  Link(kA, 1);
  streams_.Plays(kA, leases_, Now());
  for (int i = 0; i < 100; ++i) {
    clock_.Advance(2min);
    streams_.Heartbeat(kA, true, leases_, clock_.SteadyNow());
    EXPECT_EQ(Link(kB, 1), SlotVerdict::kRefused);
  }
  clock_.Advance(5min - 1s);
  EXPECT_EQ(Link(kB, 1), SlotVerdict::kRefused);
  clock_.Advance(1s);  // it lost its power
  EXPECT_EQ(Link(kB, 1), SlotVerdict::kGranted);

  streams_.Plays(kB, leases_, Now());
  streams_.Heartbeat(kB, false, leases_, clock_.SteadyNow());
  EXPECT_EQ(Link(kA, 1), SlotVerdict::kGranted);
  streams_.Heartbeat(kB, true, leases_, clock_.SteadyNow());
  EXPECT_EQ(Live(), 1) << "a heartbeat takes no place";
}

TEST_F(StreamLeaseTest, WhoSaysThatItPlaysIsCountedAlsoBeyondTheLimit) {
  Link(kA, 1);
  clock_.Advance(1s);
  streams_.Plays(kB, leases_, Now());
  EXPECT_EQ(Live(), 2);
  EXPECT_EQ(Link(kA, 1), SlotVerdict::kKept) << "it was there first";
  EXPECT_EQ(Link(kB, 1), SlotVerdict::kRefused);
  EXPECT_EQ(Live(), 1);
}

TEST_F(StreamLeaseTest, APlayerThatComesBackForEachReloadIsMissedSoon) {
  EXPECT_EQ(Load(7), SlotVerdict::kGranted);
  for (const auto opening : {200ms, 600ms, 1000ms}) {  // opened several times: no reloads
    clock_.Advance(opening);
    Load(7);
  }
  clock_.Advance(9min);
  EXPECT_EQ(Load(1, kB), SlotVerdict::kRefused);
  for (int i = 0; i < 10; ++i) {
    Load(7);
    clock_.Advance(6s);
  }
  clock_.Advance(83s);
  EXPECT_EQ(Load(1, kB), SlotVerdict::kRefused);
  clock_.Advance(1s);
  EXPECT_EQ(Load(1, kB), SlotVerdict::kGranted);
}

TEST_F(StreamLeaseTest, AnotherChannelIsNoReload) {
  Load(7);
  clock_.Advance(10s);
  Load(8);
  clock_.Advance(2min);
  EXPECT_EQ(Load(1, kB), SlotVerdict::kRefused);
}

TEST_F(StreamLeaseTest, WhoGotTheLastPlaceOnTwoInstancesIsDecidedByWhoWasFirst) {
  Link(kB, 1);
  StreamSlot told{.device = kA,
                  .since_ms = EpochMillis(clock_.Now()) - 5,
                  .seen = clock_.SteadyNow() - 5ms,
                  .until = clock_.SteadyNow() + 10min};
  streams_.Learn(told, clock_.SteadyNow());
  EXPECT_EQ(Link(kB, 1), SlotVerdict::kRefused);
  EXPECT_EQ(Link(kA, 1), SlotVerdict::kKept);
  // And of the same moment by the device, so that all instances say the same.
  AccountStreams one, two;
  for (AccountStreams* streams : {&one, &two}) {
    for (const char* device : {streams == &one ? kA : kB, streams == &one ? kB : kA}) {
      told.device = device;
      streams->Learn(told, clock_.SteadyNow());
    }
    EXPECT_EQ(streams->Judge(kA, 1, clock_.SteadyNow()), SlotVerdict::kKept);
    EXPECT_EQ(streams->Judge(kB, 1, clock_.SteadyNow()), SlotVerdict::kRefused);
  }
}

TEST_F(StreamLeaseTest, AnOlderSignThatIsToldLateChangesNothing) {
  Link(kA, 1);
  const StreamSlot old{.device = kA,
                       .since_ms = EpochMillis(clock_.Now()),
                       .seen = clock_.SteadyNow() + 1s,
                       .until = clock_.SteadyNow() + 10min};
  clock_.Advance(2s);
  streams_.GiveBack(kA, clock_.SteadyNow());
  streams_.Learn(old, clock_.SteadyNow());
  EXPECT_EQ(Live(), 0);
  streams_.Forget(clock_.SteadyNow(), 15s);
  streams_.Learn(old, clock_.SteadyNow());
  EXPECT_EQ(Live(), 0) << "an end is remembered for a while";

  // A stop that is older than a link: the device plays.
  Link(kA, 1);
  StreamSlot stop = old;
  stop.seen = clock_.SteadyNow() - 1ms;
  stop.until = stop.seen;
  stop.told_until = stop.until;
  streams_.Learn(stop, clock_.SteadyNow());
  EXPECT_EQ(Live(), 1);
  ASSERT_EQ(streams_.slots().size(), 1u);
  EXPECT_TRUE(WorthTelling(streams_.slots()[0], clock_.SteadyNow())) << "others believe the stop";
}

TEST_F(StreamLeaseTest, WhatEndedIsForgottenAndThereIsRoomForSoManyOnly) {
  for (std::size_t i = 0; i < 2 * AccountStreams::kMostSlots; ++i) {
    EXPECT_EQ(Link(("app " + std::to_string(i)).c_str(), 0), SlotVerdict::kGranted);
  }
  EXPECT_EQ(streams_.slots().size(), AccountStreams::kMostSlots);
  clock_.Advance(10min);
  EXPECT_EQ(Link(kA, 1), SlotVerdict::kGranted) << "makes room";
  clock_.Advance(11min);
  streams_.Forget(clock_.SteadyNow(), 15s);
  EXPECT_TRUE(streams_.slots().empty());
}

TEST(PlayerNameTest, IsThePlayerAtItsNetwork) {
  EXPECT_EQ(NameOfPlayer("192.0.2.7", "VLC/3.0.18"), "app 192.0.2.7 VLC/3.0.18");
  EXPECT_EQ(NameOfPlayer("::ffff:192.0.2.7", "VLC"), NameOfPlayer("192.0.2.7", "VLC"));
  EXPECT_EQ(NameOfPlayer("2001:db8:1:2:3:4:5:6", "VLC"), "app 2001:db8:1:2 VLC");
  EXPECT_EQ(NameOfPlayer("2001:db8:1:2::9", "VLC"), "app 2001:db8:1:2 VLC");
  EXPECT_EQ(NameOfPlayer("2001:db8::9", "VLC"), "app 2001:db8 VLC");
  EXPECT_EQ(NameOfPlayer("", ""), "app  unknown");
  EXPECT_EQ(NameOfPlayer(std::string(1000, ':'), std::string(1000, 'x')).size(), 128u);
}

TEST(PlacesOfBoxesTest, OnlyWhatIsAStreamOfOursCounts) {
  for (const int place : {1, 2, 6, 7, 9, 11, 12, 14}) EXPECT_TRUE(PlaysStream(place)) << place;
  for (const int place : {-1, 0, 3, 5, 10, 13, 20, 99}) EXPECT_FALSE(PlaysStream(place)) << place;
}

}  // namespace
}  // namespace holdfast::middleware

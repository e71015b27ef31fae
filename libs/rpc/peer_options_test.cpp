#include "libs/rpc/peer_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/testing/status_matchers.h"

namespace holdfast::rpc {
namespace {

using namespace std::chrono_literals;
using absl::StatusCode;
using test::HasCode;
using test::HasMessage;
using test::IsOk;
using testing::HasSubstr;

TEST(PeerOptionsTest, TheDefaultsContradictNothing) { EXPECT_EQ(ContradictionIn({}), ""); }

TEST(PeerOptionsTest, KnobsThatContradictEachOtherAreRefusedAndTheOldOnesStay) {
  struct Case {
    std::vector<std::string> change;
    const char* named;
  };
  const Case cases[] = {
      {{"try_timeout=1s"}, "try_timeout is longer than timeout"},
      {{"max_in_flight=7", "timeout=100ms"}, "try_timeout is longer than timeout"},
      {{"timeout=900ms", "deadline_margin=1s"}, "deadline_margin leaves nothing of timeout"},
      {{"open_for_max=1s"}, "open_for_max is shorter than open_for"},
      {{"instance_open_for=1m"}, "instance_open_for_max is shorter than instance_open_for"},
  };
  for (const Case& refused : cases) {
    PeerOptions options;
    const std::string before = Show(options);
    const absl::Status status = Change(options, refused.change);
    EXPECT_THAT(status, HasCode(StatusCode::kInvalidArgument));
    EXPECT_THAT(status, HasMessage(refused.named));
    EXPECT_EQ(Show(options), before);
  }
}

TEST(PeerOptionsTest, TogetherTheyMayChange) {
  PeerOptions options;
  EXPECT_THAT(Change(options, {"try_timeout=1s", "timeout=2s"}), IsOk());
  EXPECT_EQ(options.try_timeout, 1s);
  EXPECT_THAT(Change(options, {"open_for_max=0ms"}), IsOk()) << "it does not grow";
}

TEST(PeerOptionsTest, WhatIsWrongAlreadyDoesNotBarOtherChanges) {
  PeerOptions options = {.timeout = 100ms};
  EXPECT_EQ(ContradictionIn(options), "try_timeout is longer than timeout");
  EXPECT_THAT(Change(options, {"max_in_flight=7"}), IsOk());
  EXPECT_THAT(Change(options, {"open_for_max=1s"}), HasMessage("open_for_max"));
}

TEST(PeerOptionsTest, EveryPolicyGetsItsKnobs) {
  PeerOptions options;
  ASSERT_THAT(Change(options, {"probes_to_close=7", "instance_probes_to_close=3",
                               "instance_canary_patience=9s"}),
              IsOk());
  EXPECT_EQ(NeighbourBreakerOptions(options).probes_to_close, 7);
  EXPECT_EQ(InstanceOptions(options).breaker.probes_to_close, 3);
  EXPECT_EQ(InstanceOptions(options).canary_patience, 9s);
  EXPECT_THAT(Show(options), HasSubstr("deadline_margin = 2ms"));
}

}  // namespace
}  // namespace holdfast::rpc

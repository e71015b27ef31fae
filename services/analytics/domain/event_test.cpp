#include "services/analytics/domain/event.h"

#include <gtest/gtest.h>

#include "libs/testing/status_matchers.h"

namespace holdfast::analytics {
namespace {

using namespace std::chrono_literals;
using test::HasCode;
using test::HasMessage;
using test::IsOk;

const WallTime kNow = FromEpochSeconds(1767348000);

PlaybackEvent GoodEvent() {
  return {.id = EventId("e1"), .kind = EventKind::kPlay, .channel = ChannelId("7"), .at = kNow};
}

TEST(EventTest, AnEventNeedsAnIdAndAChannel) {
  EXPECT_THAT(Validate(GoodEvent(), kNow), IsOk());
  PlaybackEvent event = GoodEvent();
  event.id = EventId();
  EXPECT_THAT(Validate(event, kNow), HasMessage("id"));
  event = GoodEvent();
  event.channel = ChannelId();
  EXPECT_THAT(Validate(event, kNow), HasMessage("channel"));
}

TEST(EventTest, AnErrorNeedsACode) {
  PlaybackEvent event = GoodEvent();
  event.kind = EventKind::kError;
  EXPECT_THAT(Validate(event, kNow), HasMessage("error"));
  event.error = "link_fault";
  EXPECT_THAT(Validate(event, kNow), IsOk());
}

TEST(EventTest, TextIsShortAndPrintable) {
  const std::string long_text(65, 'x');
  for (const std::string& bad :
       {long_text, std::string("a b"), std::string("a\0b", 3), std::string("a\nb"),
        std::string("\xc3\xa9"), std::string("\x7f")}) {
    PlaybackEvent event = GoodEvent();
    event.id = EventId(bad);
    EXPECT_THAT(Validate(event, kNow), HasCode(absl::StatusCode::kInvalidArgument)) << bad;
    event = GoodEvent();
    event.channel = ChannelId(bad);
    EXPECT_THAT(Validate(event, kNow), HasCode(absl::StatusCode::kInvalidArgument)) << bad;
    event = GoodEvent();
    event.edge = EdgeId(bad);
    EXPECT_THAT(Validate(event, kNow), HasCode(absl::StatusCode::kInvalidArgument)) << bad;
    event = GoodEvent();
    event.error = bad;
    EXPECT_THAT(Validate(event, kNow), HasCode(absl::StatusCode::kInvalidArgument)) << bad;
  }
}

TEST(EventTest, TimesMayBeAWeekOldAndHardlyAhead) {
  PlaybackEvent event = GoodEvent();
  event.at = kNow - kMaxEventAge;
  EXPECT_THAT(Validate(event, kNow), IsOk());
  event.at -= 1s;
  EXPECT_THAT(Validate(event, kNow), HasMessage("too old"));
  event.at = kNow + kMaxClockLead;
  EXPECT_THAT(Validate(event, kNow), IsOk());
  event.at += 1s;
  EXPECT_THAT(Validate(event, kNow), HasMessage("future"));
}

}  // namespace
}  // namespace holdfast::analytics

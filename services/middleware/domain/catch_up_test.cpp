#include "services/middleware/domain/catch_up.h"

#include <gtest/gtest.h>

namespace holdfast::middleware {
namespace {

constexpr std::int64_t kStart = 1767348000;  // 2026-01-02 10:00:00 UTC
constexpr std::int64_t kNow = kStart + 7200;

Channel WithHours(int hours) {
  Channel channel;
  channel.catch_up_hours = hours;
  return channel;
}

std::string Filled(std::string_view text) {
  return FillTemplate(text, {kStart, kStart + 3600}, kNow, "12_1767348000");
}

TEST(CatchUpTest, WhatIsKeptMayBeWatchedAlsoWhileItIsOn) {
  EXPECT_EQ(DecideCatchUp(WithHours(24), {kStart, kStart + 3600}, kNow), CatchUpVerdict::kAllowed);
  EXPECT_EQ(DecideCatchUp(WithHours(24), {kNow - 60, kNow + 3600}, kNow), CatchUpVerdict::kAllowed);
}

TEST(CatchUpTest, WhatIsNotKeptIsToldApart) {
  EXPECT_EQ(DecideCatchUp(WithHours(0), {kStart, kNow}, kNow), CatchUpVerdict::kNoArchive);
  EXPECT_EQ(DecideCatchUp(WithHours(1), {kNow + 1, kNow + 2}, kNow), CatchUpVerdict::kNotYet);
  EXPECT_EQ(DecideCatchUp(WithHours(2), {kStart, kNow}, kNow), CatchUpVerdict::kTooOld);
  EXPECT_EQ(DecideCatchUp(WithHours(2), {kStart + 1, kNow}, kNow), CatchUpVerdict::kAllowed);
}

TEST(CatchUpTest, NothingIsOfferedThatWasNeverRecorded) {
  Channel channel;
  channel.catch_up_hours = 24;
  channel.catch_up_since = 99'000;
  const std::int64_t now = 100'000;
  EXPECT_EQ(DecideCatchUp(channel, {98'000, 99'000}, now), CatchUpVerdict::kTooOld);
  EXPECT_EQ(DecideCatchUp(channel, {98'000, 99'001}, now), CatchUpVerdict::kAllowed);
  EXPECT_EQ(KeptPart(channel, {98'000, 101'000}, now).start, 99'000);  // begins with the archive
  EXPECT_EQ(KeptPart(channel, {99'500, 101'000}, now).start, 99'500);
  EXPECT_EQ(ArchiveBegins(channel, now), 99'000);
  EXPECT_EQ(ArchiveBegins(channel, 1'000'000), 1'000'000 - 24 * 3600 + 1);
}

TEST(CatchUpTest, TheFormOfTheSourceSaysWhereTheArchiveLies) {
  EXPECT_EQ(PlaceOfCatchUp(""), CatchUpPlace::kEdge);
  EXPECT_EQ(PlaceOfCatchUp("http://archive.example/{utc}"), CatchUpPlace::kAddress);
  EXPECT_EQ(PlaceOfCatchUp("?utc={utc}&lutc={lutc}"), CatchUpPlace::kBehindLive);
}

TEST(CatchUpTest, FilesOfOurEdgesSayStartAndDuration) {
  EXPECT_EQ(ArchiveFile({kStart, kStart + 5400}), "index-1767348000-5400.m3u8");
}

TEST(CatchUpTest, EveryPlaceholderThatPlayersKnowIsFilled) {
  EXPECT_EQ(Filled("a?s={utc}&n={lutc}&e={utcend}"), "a?s=1767348000&n=1767355200&e=1767351600");
  EXPECT_EQ(Filled("${start}-${end}-${now}-${timestamp}"),
            "1767348000-1767351600-1767355200-1767355200");
  EXPECT_EQ(Filled("{Y}/{m}/{d}/{H}-{M}-{S}"), "2026/01/02/10-00-00");
  EXPECT_EQ(Filled("{duration} {duration:60} {offset} {offset:60}"), "3600 60 7200 120");
  EXPECT_EQ(Filled("{utc:Y-m-d} ${start:YmdHMS}"), "2026-01-02 20260102100000");
  EXPECT_EQ(Filled("id={catchup-id}"), "id=12_1767348000");
}

TEST(CatchUpTest, WhatIsNoPlaceholderStays) {
  EXPECT_EQ(Filled(""), "");
  EXPECT_EQ(Filled("plain"), "plain");
  EXPECT_EQ(Filled("{what} {} {duration:0} {duration:x} {utc"),
            "{what} {} {duration:0} {duration:x} {utc");
  EXPECT_EQ(Filled("{{utc}}"), "{1767348000}");
  EXPECT_EQ(Filled("$5 ${what}"), "$5 ${what}");
}

}  // namespace
}  // namespace holdfast::middleware

#include "services/epg/domain/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>

#include "libs/base/random.h"

namespace holdfast::epg {
namespace {

RawProgramme Raw(std::int64_t start, std::int64_t stop, std::string title = "t",
                 std::int64_t length = 0) {
  return {.programme = {.start = start, .stop = stop, .title = std::move(title)}, .length_seconds = length};
}

Schedule Made(std::vector<RawProgramme> raw) {
  ScheduleRepairs repairs;
  return MakeSchedule(std::move(raw), repairs);
}

Programme P(std::int64_t start, std::int64_t stop, std::string title) {
  return {.start = start, .stop = stop, .title = std::move(title)};
}

TEST(MakeSchedule, SortsByStart) {
  EXPECT_EQ(Made({Raw(20, 30, "b"), Raw(10, 20, "a")}), (Schedule{P(10, 20, "a"), P(20, 30, "b")}));
}

TEST(MakeSchedule, AMissingStopIsTheNextStart) {
  EXPECT_EQ(Made({Raw(0, 0, "a"), Raw(600, 900, "b")})[0].stop, 600);
}

TEST(MakeSchedule, AMissingStopIsCappedByTheLengthElseThreeHours) {
  EXPECT_EQ(Made({Raw(0, 0, "a", 300), Raw(600, 900)})[0].stop, 300);
  EXPECT_EQ(Made({Raw(0, 0, "a")})[0].stop, 3 * 3600);
}

TEST(MakeSchedule, AnOverlapCutsTheOlderProgramme) {
  EXPECT_EQ(Made({Raw(0, 100, "a"), Raw(60, 200, "b")}), (Schedule{P(0, 60, "a"), P(60, 200, "b")}));
}

TEST(MakeSchedule, TheLaterEntryOfADoubleWins) {
  EXPECT_EQ(Made({Raw(0, 100, "a"), Raw(0, 100, "b")}), (Schedule{P(0, 100, "b")}));
}

TEST(MergeSchedule, WhatTheFeedDoesNotMentionStays) {
  const Schedule old = {P(0, 10, "yesterday"), P(10, 20, "now"), P(30, 40, "next week")};
  EXPECT_EQ(MergeSchedule(old, {P(10, 25, "fresh")}),
            (Schedule{P(0, 10, "yesterday"), P(10, 25, "fresh"), P(30, 40, "next week")}));
}

TEST(MergeSchedule, AnEmptyFeedChangesNothing) {
  const Schedule old = {P(0, 10, "a")};
  EXPECT_EQ(MergeSchedule(old, {}), old);
}

TEST(Between, IncludesTheProgrammeBegunBefore) {
  const Schedule schedule = {P(0, 10, "a"), P(10, 20, "b"), P(20, 30, "c")};
  EXPECT_EQ(Between(schedule, 15, 20), (Schedule{P(10, 20, "b")}));
  EXPECT_EQ(Between(schedule, 10, 21), (Schedule{P(10, 20, "b"), P(20, 30, "c")}));
  EXPECT_TRUE(Between(schedule, 30, 40).empty());
}

TEST(SplitIntoDays, AProgrammeBelongsToTheDayItStarts) {
  const auto pages = SplitIntoDays({P(86400 - 60, 86400 + 60, "late"), P(86400 + 60, 86400 + 120, "early")});
  ASSERT_EQ(pages.size(), 2u);
  EXPECT_EQ(pages[0].day, "19700101");
  EXPECT_EQ(pages[1].day, "19700102");
}

TEST(GenreOf, KnowsCommonWords) {
  EXPECT_EQ(GenreOf("Sports News"), 0x20);
  EXPECT_EQ(GenreOf("Children's film"), 0x50);
  EXPECT_EQ(GenreOf("Spielfilm"), 0x10);
  EXPECT_EQ(GenreOf("xyzzy"), 0);
}

// Whatever a feed says, the result ascends and does not overlap, and merging keeps it so.
TEST(Schedule, AnyFeedGivesAnAscendingScheduleWithoutOverlap) {
  const std::uint64_t seed = SecureSeed();
  std::cout << "seed " << seed << "\n";
  SeededRandom random(seed);
  Schedule merged;
  for (int round = 0; round < 300; ++round) {
    std::vector<RawProgramme> raw;
    const std::uint64_t n = random.Below(30);
    for (std::uint64_t i = 0; i < n; ++i) {
      const auto start = static_cast<std::int64_t>(1 + random.Below(5000));
      const auto stop = random.Below(4) == 0 ? 0 : start - 20 + static_cast<std::int64_t>(random.Below(300));
      raw.push_back(Raw(start, stop));
    }
    const Schedule schedule = Made(std::move(raw));
    merged = MergeSchedule(merged, schedule);
    for (const Schedule& s : {schedule, merged}) {
      for (std::size_t i = 0; i < s.size(); ++i) {
        ASSERT_LT(s[i].start, s[i].stop);
        if (i > 0) {
          ASSERT_LE(s[i - 1].stop, s[i].start);
        }
      }
    }
  }
}

}  // namespace
}  // namespace holdfast::epg

// How raw programmes of a feed become a schedule, and how a new schedule replaces an old one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "services/epg/domain/programme.h"

namespace holdfast::epg {

// A programme as a feed gave it: the stop may be unknown.
struct RawProgramme {
  Programme programme;              // stop 0: unknown
  std::int64_t length_seconds = 0;  // 0: not given
};

// What had to be mended; shown in the import report.
struct ScheduleRepairs {
  int filled_stops = 0;     // missing stop: the next start, capped by the length, else 3 h
  int dropped_empty = 0;    // zero or negative length
  int cut_overlaps = 0;     // an older programme ends where the next one begins
  int dropped_doubles = 0;  // the same start given twice: the later entry of the feed wins
};

// Sorts, fills, drops and cuts as ScheduleRepairs names it. Pure.
Schedule MakeSchedule(std::vector<RawProgramme> raw, ScheduleRepairs& repairs);

// The old schedule with the span that `fresh` covers replaced by it: what a feed does not mention
// (yesterday, next week) stays. A programme of the old one that reaches into the span is cut.
Schedule MergeSchedule(const Schedule& old, const Schedule& fresh);

// A day's page: the programmes that start on that UTC day.
struct SchedulePage {
  std::string day;  // "20260102"
  Schedule programmes;
};
std::vector<SchedulePage> SplitIntoDays(const Schedule& schedule);
std::string DayOf(std::int64_t epoch_seconds);

// Programmes that run at some time in [from, to): also the one begun before `from`.
Schedule Between(const Schedule& schedule, std::int64_t from, std::int64_t to);

// DVB genre (content nibbles) of a category in plain words; 0 when unknown.
int GenreOf(std::string_view category);

}  // namespace holdfast::epg

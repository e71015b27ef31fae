#include "services/epg/domain/schedule.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "libs/base/time_zone.h"

namespace holdfast::epg {
namespace {

constexpr std::int64_t kLongestGuess = 3 * 3600;  // for a stop that nothing tells

void FillStops(std::vector<RawProgramme>& raw, ScheduleRepairs& repairs) {
  for (std::size_t i = 0; i < raw.size(); ++i) {
    Programme& programme = raw[i].programme;
    if (programme.stop != 0) continue;
    const std::int64_t longest = raw[i].length_seconds > 0 ? raw[i].length_seconds : kLongestGuess;
    programme.stop = programme.start + longest;
    for (std::size_t next = i + 1; next < raw.size(); ++next) {
      if (raw[next].programme.start <= programme.start) continue;
      programme.stop = std::min(programme.stop, raw[next].programme.start);
      break;
    }
    ++repairs.filled_stops;
  }
}

}  // namespace

Schedule MakeSchedule(std::vector<RawProgramme> raw, ScheduleRepairs& repairs) {
  std::stable_sort(raw.begin(), raw.end(), [](const RawProgramme& a, const RawProgramme& b) {
    return a.programme.start < b.programme.start;
  });
  FillStops(raw, repairs);

  Schedule schedule;
  schedule.reserve(raw.size());
  for (RawProgramme& entry : raw) {
    Programme& programme = entry.programme;
    // Feeds mark sign-language slots and the like as empty programmes at the start of the real
    // one: those must not hide it.
    if (programme.stop <= programme.start) {
      ++repairs.dropped_empty;
      continue;
    }
    if (!schedule.empty() && schedule.back().start == programme.start) {
      schedule.back() = std::move(programme);
      ++repairs.dropped_doubles;
      continue;
    }
    if (!schedule.empty() && schedule.back().stop > programme.start) {
      schedule.back().stop = programme.start;
      ++repairs.cut_overlaps;
    }
    schedule.push_back(std::move(programme));
  }
  return schedule;
}

Schedule MergeSchedule(const Schedule& old, const Schedule& fresh) {
  if (fresh.empty()) return old;
  const std::int64_t from = fresh.front().start;
  const std::int64_t to = fresh.back().stop;
  Schedule merged;
  merged.reserve(old.size() + fresh.size());
  for (const Programme& programme : old) {
    if (programme.start >= from) break;
    merged.push_back(programme);
    merged.back().stop = std::min(merged.back().stop, from);
  }
  merged.insert(merged.end(), fresh.begin(), fresh.end());
  for (const Programme& programme : old) {
    if (programme.start >= to) merged.push_back(programme);
  }
  return merged;
}

std::string DayOf(std::int64_t epoch_seconds) {
  return TimeZone::Utc().Format("%Y%m%d", FromEpochSeconds(epoch_seconds));
}

std::vector<SchedulePage> SplitIntoDays(const Schedule& schedule) {
  std::vector<SchedulePage> pages;
  for (const Programme& programme : schedule) {
    std::string day = DayOf(programme.start);
    if (pages.empty() || pages.back().day != day) pages.push_back({.day = std::move(day)});
    pages.back().programmes.push_back(programme);
  }
  return pages;
}

Schedule Between(const Schedule& schedule, std::int64_t from, std::int64_t to) {
  const auto first = std::partition_point(schedule.begin(), schedule.end(),
                                          [&](const Programme& p) { return p.stop <= from; });
  const auto last = std::partition_point(first, schedule.end(),
                                         [&](const Programme& p) { return p.start < to; });
  return Schedule(first, last);
}

int GenreOf(std::string_view category) {
  struct Word {
    std::string_view word;
    int code;
  };
  // Order matters: "sports news" is news, a "children's film" is for children.
  static constexpr Word kWords[] = {
      {"news", 0x20},       {"nachricht", 0x20}, {"noticia", 0x20}, {"weather", 0x20},
      {"documentar", 0x23}, {"doku", 0x23},      {"child", 0x50},   {"kids", 0x50},
      {"kinder", 0x50},     {"infantil", 0x50},  {"cartoon", 0x55}, {"animat", 0x55},
      {"sport", 0x40},      {"football", 0x43},  {"soccer", 0x43},  {"deporte", 0x40},
      {"film", 0x10},       {"movie", 0x10},     {"drama", 0x10},   {"serie", 0x10},
      {"comedy", 0x14},     {"soap", 0x15},      {"cine", 0x10},    {"music", 0x60},
      {"musik", 0x60},      {"arts", 0x70},      {"culture", 0x70}, {"kultur", 0x70},
      {"politic", 0x80},    {"business", 0x80},  {"science", 0x90}, {"nature", 0x91},
      {"education", 0x90},  {"cook", 0xA5},      {"travel", 0xA1},  {"leisure", 0xA0},
      {"game", 0x31},       {"quiz", 0x31},      {"show", 0x30},    {"entertainment", 0x30},
      {"talk", 0x33},
  };
  const std::string lower =
      absl::AsciiStrToLower(absl::string_view(category.data(), category.size()));
  for (const Word& entry : kWords) {
    if (lower.find(entry.word) != std::string::npos) return entry.code;
  }
  return 0;
}

}  // namespace holdfast::epg

// Guide rows as boxes read them: a row has its times in the viewer's zone as text and in UTC as
// seconds. Types follow the portal protocol, section 7.5, to the letter.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "libs/base/time_zone.h"
#include "services/middleware/domain/guide.h"
#include "services/middleware/domain/lineup.h"
#include "services/middleware/json_writer.h"

namespace holdfast::middleware {

// Times of one instant in one zone, taken apart once.
class LocalTime {
 public:
  LocalTime(std::int64_t epoch_seconds, const TimeZone& zone);

  void AppendDateTime(std::string& out) const;  // 2026-01-02 10:00:00
  void AppendTime(std::string& out) const;      // 10:00
  std::string DateTime() const;
  std::string Time() const;
  std::string SpokenDay() const;  // FRIDAY 02.01.2026

 private:
  absl::CivilSecond civil_;
};

// A number for clients that want one: stable for a channel and start, below 2^31, not 0. Made of
// two marks, by which a programme is found again when a box hands the number back: the channel id
// modulo 24,855 and the minute of the start modulo sixty days.
std::int64_t RowId(ChannelId channel, std::int64_t start);

struct RowMarks {
  std::int64_t channel = 0;
  std::int64_t minute = 0;
};
std::optional<RowMarks> MarksOf(std::int64_t row_id);  // nothing for what RowId never gives
std::int64_t ChannelMark(ChannelId channel);
std::int64_t MinuteMark(std::int64_t start);

// "<channel>_<start>": by which reminders, records and the archive know a programme.
std::string RealId(ChannelId channel, std::int64_t start);

// Whether the programme can still be watched from the archive at `now`, also while it is on.
bool InArchive(const Channel& channel, const Programme& programme, std::int64_t now);

// The part of the day that a table shows: a programme that reaches beyond it is drawn with an
// arrow.
struct ShownTime {
  std::int64_t from = 0;
  std::int64_t to = 0;
};

// What a viewer has set on programmes, by their real ids.
struct GuideMarks {
  absl::flat_hash_set<std::string> reminders;
  absl::flat_hash_map<std::string, std::int64_t> recordings;  // the id of each
};

// Fields of one row; the caller opens and closes the object, so that it may add its own. `shown`
// may be null: all of the programme is. `marks` may be null: the viewer is not known here.
void AppendRowFields(JsonWriter& json, const Channel& channel, const Programme& programme,
                     const TimeZone& zone, std::int64_t now, const ShownTime* shown = nullptr,
                     const GuideMarks* marks = nullptr);

}  // namespace holdfast::middleware

#include "services/middleware/epg_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"

namespace holdfast::middleware {
namespace {

// Together just below 2^31.
constexpr std::int64_t kMarkedMinutes = 60 * 24 * 60;  // of sixty days
constexpr std::int64_t kMarkedChannels = 24'855;

constexpr std::array<std::string_view, 7> kDays = {"MONDAY", "TUESDAY",  "WEDNESDAY", "THURSDAY",
                                                   "FRIDAY", "SATURDAY", "SUNDAY"};

void AppendTwoDigits(std::string& out, int value) {
  out += static_cast<char>('0' + value / 10);
  out += static_cast<char>('0' + value % 10);
}

void AppendMarks(JsonWriter& json, const GuideMarks* marks, const std::string& real_id) {
  const bool any = marks != nullptr && (!marks->reminders.empty() || !marks->recordings.empty());
  if (!any) {
    json.Field("mark_rec", 0).Field("mark_memo", 0);
    return;
  }
  const auto recording = marks->recordings.find(real_id);
  json.Field("mark_rec", recording == marks->recordings.end() ? 0 : 1);
  if (recording != marks->recordings.end()) json.Key("rec_id").String(recording->second);
  json.Field("mark_memo", marks->reminders.contains(real_id) ? 1 : 0);
}

}  // namespace

LocalTime::LocalTime(std::int64_t epoch_seconds, const TimeZone& zone)
    : civil_(absl::ToCivilSecond(absl::FromUnixSeconds(epoch_seconds), zone.absl_zone())) {}

void LocalTime::AppendDateTime(std::string& out) const {
  absl::StrAppend(&out, civil_.year());
  out += '-';
  AppendTwoDigits(out, civil_.month());
  out += '-';
  AppendTwoDigits(out, civil_.day());
  out += ' ';
  AppendTime(out);
  out += ':';
  AppendTwoDigits(out, civil_.second());
}

void LocalTime::AppendTime(std::string& out) const {
  AppendTwoDigits(out, civil_.hour());
  out += ':';
  AppendTwoDigits(out, civil_.minute());
}

std::string LocalTime::DateTime() const {
  std::string text;
  AppendDateTime(text);
  return text;
}

std::string LocalTime::Time() const {
  std::string text;
  AppendTime(text);
  return text;
}

std::string LocalTime::SpokenDay() const {
  const auto day = static_cast<std::size_t>(absl::GetWeekday(civil_));
  std::string text(kDays[day]);
  text += ' ';
  AppendTwoDigits(text, civil_.day());
  text += '.';
  AppendTwoDigits(text, civil_.month());
  text += '.';
  absl::StrAppend(&text, civil_.year());
  return text;
}

std::int64_t RowId(ChannelId channel, std::int64_t start) {
  return ChannelMark(channel) * kMarkedMinutes + MinuteMark(start) + 1;
}

std::int64_t ChannelMark(ChannelId channel) { return channel.value() % kMarkedChannels; }

std::int64_t MinuteMark(std::int64_t start) { return start / 60 % kMarkedMinutes; }

std::optional<RowMarks> MarksOf(std::int64_t row_id) {
  if (row_id < 1 || row_id > kMarkedChannels * kMarkedMinutes) return std::nullopt;
  return RowMarks{(row_id - 1) / kMarkedMinutes, (row_id - 1) % kMarkedMinutes};
}

std::string RealId(ChannelId channel, std::int64_t start) {
  return absl::StrCat(channel.value(), "_", start);
}

bool InArchive(const Channel& channel, const Programme& programme, std::int64_t now) {
  return programme.start <= now && programme.start > now - channel.catch_up_hours * 3600LL &&
         programme.stop > channel.catch_up_since;
}

void AppendRowFields(JsonWriter& json, const Channel& channel, const Programme& programme,
                     const TimeZone& zone, std::int64_t now, const ShownTime* shown,
                     const GuideMarks* marks) {
  const LocalTime from(programme.start, zone);
  const LocalTime to(programme.stop, zone);
  const std::int64_t duration = programme.stop - programme.start;
  json.Key("id").String(RowId(channel.id, programme.start));
  json.Key("ch_id").String(channel.id.value());
  json.Field("time", from.DateTime());
  json.Field("time_to", to.DateTime());
  json.Key("duration").String(duration);
  json.Field("name", programme.title);
  json.Field("descr", programme.description);
  json.Field("real_id", RealId(channel.id, programme.start));
  json.Field("category", programme.category);
  json.Field("director", programme.director);
  json.Field("actor", programme.actors);
  json.Key("start_timestamp").String(programme.start);
  json.Key("stop_timestamp").String(programme.stop);
  json.Field("t_time", from.Time());
  json.Field("t_time_to", to.Time());
  const bool begins_before = shown != nullptr && programme.start < shown->from;
  const bool ends_after = shown != nullptr && programme.stop > shown->to;
  json.Key("display_duration");
  if (begins_before || ends_after) {
    json.Int(std::min(programme.stop, shown->to) - std::max(programme.start, shown->from));
  } else {
    json.String(duration);
  }
  json.Field("larr", begins_before ? 1 : 0);
  json.Field("rarr", ends_after ? 1 : 0);
  AppendMarks(json, marks, RealId(channel.id, programme.start));
  json.Field("mark_archive", InArchive(channel, programme, now) ? 1 : 0);
  json.Field("on_date", from.SpokenDay());
}

}  // namespace holdfast::middleware

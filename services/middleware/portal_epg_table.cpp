// The guide as a table: channels below each other, a part of the day beside each other.
#include <algorithm>
#include <optional>
#include <utility>

#include "services/middleware/channel_rows.h"
#include "services/middleware/epg_rows.h"
#include "services/middleware/guide_marks.h"
#include "services/middleware/json_writer.h"
#include "services/middleware/portal_epg.h"

namespace holdfast::middleware {
namespace {

constexpr std::size_t kChannelsPerPage = 10;
constexpr std::int64_t kUsualSpan = 2 * 3600;
constexpr std::int64_t kLongestSpan = 24 * 3600;
constexpr int kTimeMarks = 4;

// "2026-01-02 10:00:00" in that zone.
std::optional<std::int64_t> ParseLocalTime(std::string_view text, const TimeZone& zone) {
  absl::Time time;
  std::string error;
  const bool parsed =
      absl::ParseTime("%Y-%m-%d %H:%M:%S", absl::string_view(text.data(), text.size()),
                      zone.absl_zone(), &time, &error);
  if (!parsed) return std::nullopt;
  return absl::ToUnixSeconds(time);
}

// Milliseconds win over the text; noise gives two hours from the last half hour.
ShownTime ShownBy(const PortalCall& call, const TimeZone& zone) {
  const auto moment = [&](std::string_view millis, std::string_view text) {
    const std::int64_t ms = call.form.Int(millis, 0);
    return ms > 0 ? std::optional(ms / 1000) : ParseLocalTime(call.Get(text), zone);
  };
  const std::int64_t now = EpochSeconds(call.now);
  ShownTime shown;
  shown.from = moment("from_ts", "from").value_or(now - now % 1800);
  shown.to = moment("to_ts", "to").value_or(shown.from + kUsualSpan);
  if (shown.to <= shown.from) shown.to = shown.from + kUsualSpan;
  shown.to = std::min(shown.to, shown.from + kLongestSpan);
  return shown;
}

void AppendChannel(JsonWriter& json, const Channel& channel, const Guide& guide,
                   const ShownTime& shown, const TimeZone& zone, std::int64_t now,
                   const GuideMarks* marks) {
  json.BeginObject().Key("ch_id").String(channel.id.value()).Field("name", channel.name);
  json.Key("number").String(static_cast<std::int64_t>(channel.number)).Field("ch_type", "iptv");
  json.Key("dvb_id").Null().Field("epg_container", 1).Key("epg").BeginArray();
  const ChannelSchedule* schedule = guide.ScheduleOf(channel.guide_id);
  if (schedule != nullptr) {
    for (const Programme& programme : schedule->Between(shown.from, shown.to)) {
      json.BeginObject();
      AppendRowFields(json, channel, programme, zone, now, &shown, marks);
      json.EndObject();
    }
  }
  json.EndArray().EndObject();
}

}  // namespace

PortalAnswer EpgActions::GetDataTable(PortalCall& call) {
  const TimeZone zone = zones_.Find(call.time_zone).zone;
  const ShownTime shown = ShownBy(call, zone);
  const auto lineup = models_.lineup();
  const auto guide = models_.guide();
  const PackageSet& packages = call.knowledge.entitlement->packages;
  const auto channels = call.Get("fav") == "1"
                            ? FavouriteChannels(*lineup, packages, call.device->favourites)
                            : ChannelsFor(*lineup, packages, ListKind::kMain);

  // Without a page it is the one that holds the channel.
  const std::int64_t asked = call.form.Int("p", 0);
  const std::string_view from_channel = call.Get("from_ch_id");
  const ChannelId wanted =
      ParseChannelId(ParseChannelId(from_channel).value() == 0 ? call.Get("ch_id") : from_channel);
  const auto found = std::find_if(channels.begin(), channels.end(),
                                  [&](const Channel* c) { return c->id == wanted; });
  const auto position =
      found == channels.end() ? 0 : static_cast<std::size_t>(found - channels.begin());
  const std::size_t page =
      asked > 0 ? static_cast<std::size_t>(std::min<std::int64_t>(asked, 100'000)) - 1
                : position / kChannelsPerPage;
  const int selected = asked > 0 ? 0 : static_cast<int>(position % kChannelsPerPage) + 1;
  const std::size_t first = std::min(page * kChannelsPerPage, channels.size());
  const std::size_t last = std::min(first + kChannelsPerPage, channels.size());

  const std::optional<GuideMarks> chosen = MarksFor(viewers_, call);
  std::string js;
  OpenPage(js, channels.size(), static_cast<int>(kChannelsPerPage), selected,
           asked > 0 ? 0 : static_cast<int>(page) + 1);
  for (std::size_t i = first; i < last; ++i) {
    if (i > first) js += ',';
    JsonWriter json(js);
    AppendChannel(json, *channels[i], *guide, shown, zone, EpochSeconds(call.now),
                  chosen ? &*chosen : nullptr);
  }
  js += "],\"time_marks\":";
  JsonWriter marks(js);
  marks.BeginArray();
  for (int mark = 0; mark < kTimeMarks; ++mark) {
    const std::int64_t at = shown.from + (shown.to - shown.from) * mark / kTimeMarks;
    marks.String(LocalTime(at, zone).Time());
  }
  marks.EndArray();
  js += ",\"from_ts\":" + std::to_string(shown.from) + ",\"to_ts\":" + std::to_string(shown.to);
  js += '}';
  return Dated(PortalAnswer::Js(std::move(js)));
}

}  // namespace holdfast::middleware

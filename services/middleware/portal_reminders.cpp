#include "services/middleware/portal_reminders.h"

#include <algorithm>
#include <utility>

#include "services/middleware/archive_programmes.h"
#include "services/middleware/convert_items.h"
#include "services/middleware/epg_rows.h"
#include "services/middleware/json_writer.h"
#include "services/middleware/portal_itv.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr auto kViewerTimeout = 2s;
constexpr std::int64_t kMovesAtMost = 3 * 3600;  // a programme further away is another showing
constexpr std::size_t kMaxReminders = 200;
constexpr std::size_t kLongestName = 200;
constexpr std::string_view kList = "list";

void AppendReminder(JsonWriter& json, const Reminder& reminder, const TimeZone& zone) {
  json.BeginObject();
  json.Key("fire_ts").String(reminder.fire_at);
  json.Field("t_fire_time", LocalTime(reminder.fire_at, zone).Time());
  json.Field("itv_name", reminder.channel_name).Key("ch_id").String(reminder.channel.value());
  json.Field("program_name", reminder.programme_name);
  json.Key("tv_program_id").String(RowId(reminder.channel, reminder.start));
  json.Field("tv_program_real_id", RealId(reminder.channel, reminder.start));
  json.EndObject();
}

void AddLater(ActionTable& table, std::string_view type, std::string_view action,
              std::function<PortalAnswer(PortalCall&)> work,
              std::function<PortalAnswer(PortalCall&)> if_busy) {
  table.Add(type, action, Access::kSubscriber, [work, if_busy](PortalCall&) -> PortalOutcome {
    return Later{work, if_busy};
  });
}

PortalAnswer SayFalse(PortalCall&) { return PortalAnswer::False(); }
PortalAnswer SayNothing(PortalCall&) { return PortalAnswer::EmptyArray(); }

}  // namespace

Deadline ViewerDeadline() { return Deadline::After(kViewerTimeout); }

PortalAnswer Marked(PortalAnswer answer, bool degraded) {
  if (degraded) answer.degradations.push_back({Neighbour::kPostgres, {}});
  return answer;
}

PortalAnswer SavedAnswer(const absl::StatusOr<ViewerData::Written>& written, PortalAnswer if_kept) {
  if (written.ok()) return Marked(std::move(if_kept), written->degraded);
  // A viewer who has too much, or asks for nonsense, is not an outage.
  const bool refused =
      absl::IsFailedPrecondition(written.status()) || absl::IsInvalidArgument(written.status());
  return Marked(PortalAnswer::False(), !refused);
}

PortalAnswer SavedAnswer(const absl::StatusOr<ViewerData::Written>& written) {
  return SavedAnswer(written, PortalAnswer::True());
}

Reminder MovedWithProgramme(Reminder reminder, const ChannelSchedule* schedule) {
  if (schedule == nullptr || schedule->StartingAt(reminder.start) != nullptr) return reminder;
  const Programme* nearest = nullptr;
  const auto distance = [&](const Programme& p) { return std::abs(p.start - reminder.start); };
  for (const Programme& p :
       schedule->Between(reminder.start - kMovesAtMost, reminder.start + kMovesAtMost)) {
    if (p.title != reminder.programme_name) continue;
    if (nearest == nullptr || distance(p) < distance(*nearest)) nearest = &p;
  }
  if (nearest == nullptr) return reminder;
  reminder.fire_at += nearest->start - reminder.start;
  reminder.start = nearest->start;
  return reminder;
}

void ReminderActions::AddTo(ActionTable& table) {
  AddLater(
      table, "tvreminder", "get_all_active", [this](PortalCall& c) { return GetAllActive(c); },
      SayNothing);
  AddLater(
      table, "tvreminder", "add", [this](PortalCall& c) { return Add(c); }, SayFalse);
  AddLater(
      table, "tvreminder", "del", [this](PortalCall& c) { return Remove(c); }, SayFalse);
}

PortalAnswer ReminderActions::GetAllActive(const PortalCall& call) {
  const ViewerData::Loaded loaded = viewers_.Load(ViewerOf(*call.device), ViewerDeadline());
  const auto lineup = models_.lineup();
  const auto guide = models_.guide();
  std::vector<Reminder> active;
  for (const ViewerItem* item : loaded.items->Newest(ViewerItem::Kind::kReminder)) {
    const std::optional<Reminder> stored = ReminderIn(*item->text);
    if (!stored) continue;
    const Channel* channel = lineup->FindChannel(stored->channel);
    const ChannelSchedule* schedule =
        channel == nullptr ? nullptr : guide->ScheduleOf(channel->guide_id);
    Reminder reminder = MovedWithProgramme(*stored, schedule);
    if (reminder.fire_at > EpochSeconds(call.now)) active.push_back(std::move(reminder));
  }
  std::sort(active.begin(), active.end(),
            [](const Reminder& a, const Reminder& b) { return a.fire_at < b.fire_at; });
  const TimeZone zone = zones_.Find(call.time_zone).zone;
  std::string js;
  JsonWriter json(js);
  json.BeginArray();
  for (const Reminder& reminder : active) AppendReminder(json, reminder, zone);
  json.EndArray();
  return Marked(PortalAnswer::Js(std::move(js)), loaded.degraded);
}

PortalAnswer ReminderActions::Add(const PortalCall& call) {
  const auto lineup = models_.lineup();
  const auto guide = models_.guide();
  const auto found = FindByRealId(*lineup, *guide, call.Get("program_id"));
  // A channel that the box cannot see is one that is not there: no names of other packages.
  const Channel* channel = FindVisible(*lineup, call, call.Get("ch_id"));
  if (!found || channel == nullptr || channel != found->channel) return PortalAnswer::False();
  Reminder reminder{.fire_at = call.form.Int("fire_ts", found->programme->start),
                    .channel = channel->id,
                    .start = found->programme->start,
                    .channel_name = channel->name,
                    .programme_name = std::string(found->programme->title.substr(0, kLongestName))};
  const std::string viewer = ViewerOf(*call.device);
  const std::string key = RealId(channel->id, reminder.start);
  const ViewerData::Loaded loaded = viewers_.Load(viewer, ViewerDeadline());
  const bool full = loaded.items->Newest(ViewerItem::Kind::kReminder).size() >= kMaxReminders &&
                    loaded.items->Find(ViewerItem::Kind::kReminder, key) == nullptr;
  if (full) return PortalAnswer::False();
  std::string js;
  JsonWriter json(js);
  AppendReminder(json, reminder, zones_.Find(call.time_zone).zone);
  return SavedAnswer(
      viewers_.Save(viewer,
                    {{.kind = ViewerItem::Kind::kReminder, .key = key, .text = TextOf(reminder)}},
                    ViewerData::Path::kDatabaseFirst, ViewerDeadline()),
      PortalAnswer::Js(std::move(js)));
}

PortalAnswer ReminderActions::Remove(const PortalCall& call) {
  const std::string key(call.Get("program_id").substr(0, kLongestName));
  return SavedAnswer(viewers_.Save(ViewerOf(*call.device),
                                   {{.kind = ViewerItem::Kind::kReminder, .key = key, .text = {}}},
                                   ViewerData::Path::kDatabaseFirst, ViewerDeadline()));
}

void KeepsakeActions::AddTo(ActionTable& table) {
  using Kind = ViewerItem::Kind;
  const auto empty = [](PortalCall&) { return PortalAnswer::Js("\"\""); };
  AddLater(
      table, "media_favorites", "get_all",
      [this](PortalCall& c) { return Get(c, Kind::kMediaFavourites); }, empty);
  AddLater(
      table, "media_favorites", "save",
      [this](PortalCall& c) { return Save(c, Kind::kMediaFavourites, "favorites"); }, SayFalse);
  AddLater(
      table, "downloads", "get_all", [this](PortalCall& c) { return Get(c, Kind::kDownloads); },
      empty);
  AddLater(
      table, "itv", "save_dvb_channels",
      [this](PortalCall& c) { return Save(c, Kind::kDvbChannels, "channels"); }, SayFalse);
  AddLater(
      table, "downloads", "save",
      [this](PortalCall& c) { return Save(c, Kind::kDownloads, "downloads"); }, SayFalse);
}

// A JSON text that the box wrote, as a text.
PortalAnswer KeepsakeActions::Get(const PortalCall& call, ViewerItem::Kind kind) {
  const ViewerData::Loaded loaded = viewers_.Load("mac:" + call.device->mac, ViewerDeadline());
  const ViewerItem* item = loaded.items->Find(kind, kList);
  std::string js;
  JsonWriter(js).String(item == nullptr ? std::string_view() : std::string_view(*item->text));
  return Marked(PortalAnswer::Js(std::move(js)), loaded.degraded);
}

PortalAnswer KeepsakeActions::Save(const PortalCall& call, ViewerItem::Kind kind,
                                   std::string_view field) {
  return SavedAnswer(viewers_.Save(
      "mac:" + call.device->mac,
      {{.kind = kind, .key = std::string(kList), .text = std::string(call.Get(field))}},
      ViewerData::Path::kDatabaseFirst, ViewerDeadline()));
}

}  // namespace holdfast::middleware

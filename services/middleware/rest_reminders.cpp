#include "services/middleware/rest_reminders.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "services/middleware/archive_programmes.h"
#include "services/middleware/convert_items.h"
#include "services/middleware/domain/xtream_address.h"
#include "services/middleware/epg_rows.h"
#include "services/middleware/json_writer.h"
#include "services/middleware/portal_reminders.h"
#include "services/middleware/rest_pages.h"

namespace holdfast::middleware {
namespace {

constexpr std::int64_t kMaxReminders = 200;
constexpr std::size_t kLongestName = 200;

void AppendReminder(JsonWriter& json, const Reminder& reminder) {
  json.BeginObject().Field("programme_id", RealId(reminder.channel, reminder.start));
  json.Key("channel_id").String(reminder.channel.value());
  json.Field("channel_name", reminder.channel_name).Field("title", reminder.programme_name);
  json.Field("start", Rfc3339(reminder.start)).Field("remind_at", Rfc3339(reminder.fire_at));
  json.EndObject();
}

// Its programme may have been moved in the guide since it was remembered.
Reminder AsItStandsNow(const Reminder& stored, const Lineup& lineup, const Guide& guide) {
  const Channel* channel = lineup.FindChannel(stored.channel);
  return MovedWithProgramme(stored,
                            channel == nullptr ? nullptr : guide.ScheduleOf(channel->guide_id));
}

// When to remind, of the body: "" is the start of the programme. Nothing: it is no such body.
std::optional<std::int64_t> RemindAt(const std::string& body, std::int64_t start) {
  if (body.empty()) return start;
  const auto document = ParseObject(body);
  if (!document) return std::nullopt;
  if (!document->HasMember("remind_at")) return start;
  return ParseCatchUpStart(TextIn(*document, "remind_at"));
}

}  // namespace

http::Response RestReminders::List(const RestCall& call) {
  const PageWish wish = WishForPage(call, kMaxReminders, kMaxReminders);
  if (wish.problem) return *wish.problem;
  const RestProfiles::Person person = profiles_.PersonOf(call);
  if (person.problem) return *person.problem;
  const ViewerData::Loaded loaded = profiles_.Load(person);
  const auto lineup = models_.lineup();
  const auto guide = models_.guide();
  std::vector<Reminder> active;
  for (const ViewerItem* item : loaded.items->Newest(ViewerItem::Kind::kReminder)) {
    const std::optional<Reminder> stored = ReminderIn(*item->text);
    if (!stored) continue;
    Reminder reminder = AsItStandsNow(*stored, *lineup, *guide);
    if (reminder.fire_at > EpochSeconds(call.now)) active.push_back(std::move(reminder));
  }
  const auto place = [](const Reminder& r) {
    return ItemPosition{.at_ms = r.fire_at * 1000, .key = RealId(r.channel, r.start)};
  };
  std::sort(active.begin(), active.end(),
            [&](const Reminder& a, const Reminder& b) { return place(a) < place(b); });
  if (wish.after) {
    std::erase_if(active, [&](const Reminder& r) { return place(r) <= *wish.after; });
  }
  const std::size_t shown = std::min(wish.limit, active.size());
  std::string text;
  JsonWriter json(text);
  json.BeginObject().Key("items").BeginArray();
  for (std::size_t i = 0; i < shown; ++i) AppendReminder(json, active[i]);
  json.EndArray();
  EndPage(json, shown < active.size() ? std::optional(place(active[shown - 1])) : std::nullopt);
  return profiles_.Marked(JsonAnswer(call, std::move(text)), loaded.degraded);
}

http::Response RestReminders::Put(const RestCall& call) {
  const RestProfiles::Person person = profiles_.PersonOf(call);
  if (person.problem) return *person.problem;
  const auto lineup = models_.lineup();
  const auto guide = models_.guide();
  const auto found = FindByRealId(*lineup, *guide, call.parts.at(0));
  // One that the viewer cannot see is one that is not there. The name is that of its start.
  if (!found || RealId(found->channel->id, found->programme->start) != call.parts.at(0) ||
      FindForApp(*lineup, *call.knowledge.entitlement, found->channel->id, adult_) == nullptr) {
    return FieldProblem(404, "unknown-programme", "programme", "the guide has no such programme");
  }
  const auto at = RemindAt(call.body, found->programme->start);
  if (!at || *at > found->programme->stop) {
    return FieldProblem(400, "bad-reminder", "remind_at",
                        "remind_at is no time before the end of the programme");
  }
  if (*at <= EpochSeconds(call.now)) {
    return FieldProblem(400, "bad-reminder", "remind_at", "remind_at is over");
  }
  const Reminder reminder{
      .fire_at = *at,
      .channel = found->channel->id,
      .start = found->programme->start,
      .channel_name = found->channel->name,
      .programme_name = std::string(found->programme->title.substr(0, kLongestName))};
  const std::string key = RealId(reminder.channel, reminder.start);
  const ViewerData::Loaded loaded = profiles_.Load(person);
  const bool full =
      std::ssize(loaded.items->Newest(ViewerItem::Kind::kReminder)) >= kMaxReminders &&
      loaded.items->Find(ViewerItem::Kind::kReminder, key) == nullptr;
  if (full) return Problem(409, "too-many-reminders", "there are 200 reminders already");
  std::string text;
  JsonWriter json(text);
  AppendReminder(json, reminder);
  return profiles_.Kept(
      profiles_.Save(person,
                     {.kind = ViewerItem::Kind::kReminder, .key = key, .text = TextOf(reminder)}),
      FreshJson(std::move(text)));
}

http::Response RestReminders::Remove(const RestCall& call) {
  const RestProfiles::Person person = profiles_.PersonOf(call);
  if (person.problem) return *person.problem;
  const std::string& id = call.parts.at(0);
  const ViewerData::Loaded loaded = profiles_.Load(person);
  const auto lineup = models_.lineup();
  const auto guide = models_.guide();
  for (const ViewerItem* item : loaded.items->Newest(ViewerItem::Kind::kReminder)) {
    const std::optional<Reminder> stored = ReminderIn(*item->text);
    if (!stored) continue;
    const Reminder now = AsItStandsNow(*stored, *lineup, *guide);
    if (item->key != id && RealId(now.channel, now.start) != id) continue;
    const auto written =
        profiles_.Save(person, {.kind = ViewerItem::Kind::kReminder, .key = item->key, .text = {}});
    if (!written.ok() || written->degraded) return profiles_.Kept(written, NoContent());
  }
  return profiles_.Marked(NoContent(), loaded.degraded);  // what is not there is gone already
}

}  // namespace holdfast::middleware

#include "services/middleware/rest_history.h"

#include <rapidjson/document.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "libs/base/encoding.h"
#include "libs/security/hmac.h"
#include "services/middleware/app_call.h"
#include "services/middleware/convert_items.h"
#include "services/middleware/domain/viewer_records.h"
#include "services/middleware/domain/xtream_address.h"
#include "services/middleware/json_writer.h"
#include "services/middleware/rest_pages.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr auto kTimeout = 2s;
constexpr std::int64_t kLongestPosition = 7 * 86'400;
constexpr int kHighestEpisode = 100'000;
constexpr std::size_t kLongestId = 64;
constexpr int kMostCommands = 50;
constexpr std::int64_t kMostPoints = 1000;  // of one page

Deadline Soon() { return Deadline::After(kTimeout); }

bool IsId(std::string_view text) {
  return !text.empty() && text.size() <= kLongestId &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// A whole number of the object within bounds; `otherwise` if it is absent, nothing if it is another
// thing.
std::optional<std::int64_t> NumberIn(const rapidjson::Value& object, const char* name,
                                     std::int64_t otherwise, std::int64_t high) {
  const auto it = object.FindMember(name);
  if (it == object.MemberEnd()) return otherwise;
  if (!it->value.IsInt64() || it->value.GetInt64() < 0 || it->value.GetInt64() > high) {
    return std::nullopt;
  }
  return it->value.GetInt64();
}

constexpr std::pair<HistoryEntry::What, std::string_view> kWords[] = {
    {HistoryEntry::What::kChannel, "channel"},
    {HistoryEntry::What::kArchive, "catch-up"},
    {HistoryEntry::What::kTimeShift, "time-shift"},
    {HistoryEntry::What::kFilm, "film"}};

std::string_view WordOf(HistoryEntry::What what) {
  for (const auto& [value, word] : kWords) {
    if (value == what) return word;
  }
  return "channel";
}

std::optional<HistoryEntry::What> WhatOf(std::string_view word) {
  for (const auto& [value, name] : kWords) {
    if (name == word) return value;
  }
  return std::nullopt;
}

void AppendTime(JsonWriter& json, std::string_view name, std::int64_t epoch_seconds) {
  json.Key(name);
  if (epoch_seconds == 0) {
    json.Null();
  } else {
    json.String(Rfc3339(epoch_seconds));
  }
}

void AppendPoint(JsonWriter& json, std::string_view content, const ResumePoint& point) {
  json.BeginObject().Field("content_id", content);
  json.Field("position_seconds", point.position_seconds).Field("episode", point.episode);
  json.Field("file_id", point.file_id).Field("ended", point.ended).EndObject();
}

void AppendEntry(JsonWriter& json, std::string_view id, const HistoryEntry& entry) {
  json.BeginObject().Field("id", id).Field("what", WordOf(entry.what));
  json.Field("content_id", entry.content_id);
  AppendTime(json, "started_at", entry.started_at);
  AppendTime(json, "ended_at", entry.ended_at);
  json.EndObject();
}

std::optional<ResumePoint> PointIn(const rapidjson::Value& body) {
  const auto position = NumberIn(body, "position_seconds", -1, kLongestPosition);
  const auto episode = NumberIn(body, "episode", 0, kHighestEpisode);
  const auto ended = body.FindMember("ended");
  const std::string file = TextIn(body, "file_id");
  if (!position || *position < 0 || !episode || (!file.empty() && !IsId(file))) {
    return std::nullopt;
  }
  return ResumePoint{
      .position_seconds = *position,
      .episode = static_cast<int>(*episode),
      .file_id = file,
      .ended = ended != body.MemberEnd() && ended->value.IsBool() && ended->value.GetBool()};
}

std::optional<HistoryEntry> EntryIn(const rapidjson::Value& body) {
  const auto what = WhatOf(TextIn(body, "what"));
  const std::string content = TextIn(body, "content_id");
  const auto started = ParseCatchUpStart(TextIn(body, "started_at"));
  const std::string end = TextIn(body, "ended_at");
  const auto ended = end.empty() ? std::optional<std::int64_t>(0) : ParseCatchUpStart(end);
  if (!what || !IsId(content) || !started || !ended || (*ended != 0 && *ended < *started)) {
    return std::nullopt;
  }
  return HistoryEntry{
      .what = *what, .content_id = content, .started_at = *started, .ended_at = *ended};
}

// What was written of the one item, or what is newer.
const std::string* HeldText(const absl::StatusOr<ViewerData::Written>& written) {
  const bool there = written.ok() && !written->held.empty() && written->held[0].text;
  return there ? &*written->held[0].text : nullptr;
}

http::Response RemovedLater() {
  return Problem(409, "removed-later", "it was removed later than that");
}

// The same key gives the same entry on every instance: below 2^53, so that any client can read it.
std::int64_t IdOfKey(const RestCall& call) {
  static const security::HmacKey key("holdfast history entry");
  const auto tag = key.Sign(call.device->mac + "\n" + call.idempotency_key);
  std::int64_t id = 0;
  for (int i = 0; i < 6; ++i) id = id << 8 | tag[static_cast<std::size_t>(i)];
  return id + 1;
}

EventReceiver ReceiverOf(const RestCall& call) {
  return {.mac = call.device->mac,
          .account = call.account().value(),
          .model = call.device->model,
          .packages = call.knowledge.entitlement->packages};
}

}  // namespace

http::Response RestHistory::ResumePoints(const RestCall& call) {
  const PageWish wish = WishForPage(call, kMostPoints, kMostPoints);
  if (wish.problem) return *wish.problem;
  const RestProfiles::Person person = profiles_.PersonOf(call);
  if (person.problem) return *person.problem;
  const ViewerData::Loaded loaded = viewers_.Load(person.viewer, Soon());
  std::string text;
  JsonWriter json(text);
  json.BeginObject().Key("items").BeginArray();
  std::size_t shown = 0;
  std::optional<ItemPosition> last, more;
  for (const ViewerItem* item : loaded.items->Newest(ViewerItem::Kind::kResumePoint)) {
    const auto point = ResumePointIn(*item->text);
    if (!point || (wish.after && PositionOf(*item) >= *wish.after)) continue;
    if (shown == wish.limit) {
      more = last;
      break;
    }
    AppendPoint(json, item->key, *point);
    last = PositionOf(*item);
    ++shown;
  }
  json.EndArray();
  EndPage(json, more);
  return profiles_.Marked(JsonAnswer(call, std::move(text)), loaded.degraded);
}

http::Response RestHistory::PutResumePoint(const RestCall& call) {
  const std::string& content = call.parts.at(0);
  const auto body = ParseObject(call.body);
  const auto point = body ? PointIn(*body) : std::nullopt;
  if (!IsId(content) || !point) {
    return Problem(400, "bad-resume-point", "position_seconds is wanted, and a content id");
  }
  const DeviceTime time = DeviceTimeIn(*body, call.now);
  if (!time.wrong.empty()) return WrongDeviceTime(time);
  const RestProfiles::Person person = profiles_.PersonOf(call);
  if (person.problem) return *person.problem;
  const auto written = profiles_.Save(person, {.kind = ViewerItem::Kind::kResumePoint,
                                               .key = content,
                                               .text = TextOf(*point),
                                               .at_ms = time.at_ms,
                                               .sequence = time.sequence});
  const std::string* held = HeldText(written);
  if (written.ok() && held == nullptr) return RemovedLater();
  const auto kept = held == nullptr ? std::nullopt : ResumePointIn(*held);
  std::string text;
  JsonWriter json(text);
  AppendPoint(json, content, kept.value_or(*point));
  return profiles_.Kept(written, FreshJson(std::move(text)));
}

http::Response RestHistory::History(const RestCall& call) {
  const PageWish wish = WishForPage(call, 50, 200);
  if (wish.problem) return *wish.problem;
  const RestProfiles::Person person = profiles_.PersonOf(call);
  if (person.problem) return *person.problem;
  const ViewerData::HistoryPage page =
      viewers_.History(person.viewer, wish.after.value_or(ItemPosition{}), wish.limit, Soon());
  std::string text;
  JsonWriter json(text);
  json.BeginObject().Key("items").BeginArray();
  for (const ViewerItem& item : page.items) {
    if (const auto entry = HistoryEntryIn(*item.text)) AppendEntry(json, item.key, *entry);
  }
  json.EndArray();
  EndPage(json, page.more ? std::optional(PositionOf(page.items.back())) : std::nullopt);
  return profiles_.Marked(JsonAnswer(call, std::move(text)), page.degraded);
}

http::Response RestHistory::AddToHistory(const RestCall& call) {
  return answers_.Once(call, [&] { return AddEntry(call); });
}

http::Response RestHistory::AddEntry(const RestCall& call) {
  const auto body = ParseObject(call.body);
  const auto entry = body ? EntryIn(*body) : std::nullopt;
  if (!entry) {
    return Problem(400, "bad-entry", "what, content_id and started_at are wanted");
  }
  const DeviceTime time = DeviceTimeIn(*body, call.now);
  if (!time.wrong.empty()) return WrongDeviceTime(time);
  const std::int64_t id = call.idempotency_key.empty() ? viewers_.NewHistoryId() : IdOfKey(call);
  const std::string key = std::to_string(id);
  const RestProfiles::Person person = profiles_.PersonOf(call);
  if (person.problem) return *person.problem;
  const auto written = profiles_.Save(person, {.kind = ViewerItem::Kind::kHistory,
                                               .key = key,
                                               .text = TextOf(*entry),
                                               .at_ms = time.at_ms,
                                               .sequence = time.sequence});
  const std::string* held = HeldText(written);
  if (written.ok() && held == nullptr) return RemovedLater();
  const auto kept = held == nullptr ? std::nullopt : HistoryEntryIn(*held);
  std::string text;
  JsonWriter json(text);
  AppendEntry(json, key, kept.value_or(*entry));
  return profiles_.Kept(written, FreshJson(std::move(text)));
}

// Commands are for boxes: an app is done with them at once.
EventBoard::Found RestHistory::FirstMessage(const RestCall& call) {
  EventBoard::Found found = events_.Find(ReceiverOf(call), call.now);
  for (int i = 0; i < kMostCommands && found.event != nullptr; ++i) {
    if (IsMessage(found.event->word)) return found;
    events_.Done(found.event->id, call.device->mac, call.now);
    found = events_.Find(ReceiverOf(call), call.now);
  }
  return {};
}

http::Response RestHistory::Message(const RestCall& call) {
  const EventBoard::Found found = FirstMessage(call);
  const bool is_message = found.event != nullptr;
  std::string text;
  JsonWriter json(text);
  json.BeginObject().Field("waiting", is_message ? found.waiting : 0).Key("message");
  if (is_message) {
    json.BeginObject().Key("id").String(found.event->id).Field("text", found.event->text);
    json.Field("needs_confirmation", found.event->needs_confirmation);
    AppendTime(json, "sent_at", found.event->created_at_ms / 1000);
    json.EndObject();
  } else {
    json.Null();
  }
  json.EndObject();
  return FreshJson(std::move(text));
}

http::Response RestHistory::ConfirmMessage(const RestCall& call) {
  const EventBoard::Found found = FirstMessage(call);
  const bool same = found.event != nullptr && std::to_string(found.event->id) == call.parts.at(0);
  if (!same) return Problem(404, "unknown-message", "no such message goes first");
  events_.Done(found.event->id, call.device->mac, call.now);
  http::Response response;
  response.status = 204;
  return response;
}

}  // namespace holdfast::middleware

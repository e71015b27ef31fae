#include "services/middleware/portal_recordings.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/middleware/archive_programmes.h"
#include "services/middleware/channel_rows.h"
#include "services/middleware/convert_items.h"
#include "services/middleware/epg_rows.h"
#include "services/middleware/json_writer.h"
#include "services/middleware/portal_itv.h"
#include "services/middleware/portal_reminders.h"

namespace holdfast::middleware {
namespace {

constexpr std::int64_t kLongest =
    3 * 3600;  // of a recording without a programme: record_max_length
constexpr std::int64_t kLongestRequest = 24 * 3600;
constexpr std::string_view kEmptyList =
    R"({"total_items":0,"max_page_items":14,"selected_item":0,"cur_page":0,"data":[],)"
    R"("records_rest_length":0})";

PortalAnswer Error(std::string_view text) {
  std::string js;
  JsonWriter(js).BeginObject().Field("error", text).EndObject();
  return PortalAnswer::Js(std::move(js));
}

PortalAnswer TryAgainLater() {
  return Marked(Error("Not possible at the moment. Please try again."), /*degraded=*/true);
}

// "1:05:00"
std::string SpokenLength(std::int64_t seconds) {
  const auto two = [](std::int64_t n) { return (n < 10 ? "0" : "") + std::to_string(n); };
  return absl::StrCat(seconds / 3600, ":", two(seconds / 60 % 60), ":", two(seconds % 60));
}

std::string RealIdOf(const Recording& recording) {
  return recording.programme_start == 0 ? "" : RealId(recording.channel, recording.programme_start);
}

void AppendCommon(JsonWriter& json, const Recording& recording) {
  json.Key("id").String(recording.id).Key("ch_id").String(recording.channel.value());
  json.Field("local", recording.on_box() ? "1" : "0").Key("t_start_ts").String(recording.start);
  json.Key("t_stop_ts").String(recording.stop).Field("program", recording.programme_name);
  json.Field("file", recording.file).Field("program_real_id", RealIdOf(recording));
  json.Field("real_id", RealIdOf(recording)).Field("internal_id", recording.internal_id);
  json.Key("program_id")
      .String(recording.programme_start == 0 ? std::int64_t{0}
                                             : RowId(recording.channel, recording.programme_start));
}

}  // namespace

void RecordingActions::AddTo(ActionTable& table) {
  const auto add = [&](std::string_view action,
                       PortalAnswer (RecordingActions::*work)(const PortalCall&),
                       std::string_view if_busy) {
    table.Add("remote_pvr", action, Access::kSubscriber,
              [this, work, busy = std::string(if_busy)](PortalCall&) -> PortalOutcome {
                return Later{[this, work](PortalCall& c) { return (this->*work)(c); },
                             [busy](PortalCall&) { return PortalAnswer::Js(busy); }};
              });
  };
  constexpr std::string_view kBusy = R"({"error":"Not possible at the moment. Please try again."})";
  add("get_active_recordings", &RecordingActions::GetActive, "[]");
  add("get_ordered_list", &RecordingActions::GetList, kEmptyList);
  add("start_rec_now", &RecordingActions::StartNow, kBusy);
  add("start_rec_deferred", &RecordingActions::StartDeferred, kBusy);
  add("stop_rec", &RecordingActions::Stop, "false");
  add("stop_rec_deferred", &RecordingActions::StopDeferred, "false");
  add("del_rec", &RecordingActions::Delete, "false");
  add("create_link", &RecordingActions::CreateLink,
      R"({"id":"0","cmd":"","storage_id":"","load":"0","error":"link_fault"})");
  AddBoxActions(table);
}

const Recording* RecordingActions::FindById(const std::vector<Recording>& recordings,
                                            std::int64_t id) {
  const auto it = std::find_if(recordings.begin(), recordings.end(),
                               [&](const Recording& r) { return r.id == id; });
  return it == recordings.end() ? nullptr : &*it;
}

RecordingActions::Catalogue RecordingActions::Load(const PortalCall& call) {
  const ViewerData::Loaded loaded = parts_.viewers.Load(ViewerOf(*call.device), ViewerDeadline());
  Catalogue catalogue{.degraded = loaded.degraded};
  for (const ViewerItem* item : loaded.items->Newest(ViewerItem::Kind::kRecording)) {
    auto recording = RecordingIn(*item->text);
    if (recording && (!recording->on_box() || recording->mac == call.device->mac)) {
      catalogue.recordings.push_back(*std::move(recording));
    }
  }
  std::sort(catalogue.recordings.begin(), catalogue.recordings.end(),
            [](const Recording& a, const Recording& b) {
              return std::pair(a.start, a.id) > std::pair(b.start, b.id);
            });
  return catalogue;
}

absl::StatusOr<ViewerData::Written> RecordingActions::Save(const PortalCall& call,
                                                           const Recording& recording) {
  return parts_.viewers.Save(ViewerOf(*call.device),
                             {{.kind = ViewerItem::Kind::kRecording,
                               .key = std::to_string(recording.id),
                               .text = TextOf(recording)}},
                             ViewerData::Path::kDatabaseFirst, ViewerDeadline());
}

PortalAnswer RecordingActions::GetActive(const PortalCall& call) {
  const Catalogue catalogue = Load(call);
  std::string js;
  JsonWriter json(js);
  json.BeginArray();
  for (const Recording& recording : catalogue.recordings) {
    if (recording.stop <= EpochSeconds(call.now)) continue;
    json.BeginObject();
    AppendCommon(json, recording);
    json.EndObject();
  }
  json.EndArray();
  return Marked(PortalAnswer::Js(std::move(js)), catalogue.degraded);
}

PortalAnswer RecordingActions::GetList(const PortalCall& call) {
  const Catalogue catalogue = Load(call);
  const std::int64_t now = EpochSeconds(call.now);
  const TimeZone zone = parts_.zones.Find(call.time_zone).zone;
  const auto lineup = parts_.models.lineup();
  const auto page =
      static_cast<std::size_t>(std::clamp<std::int64_t>(call.form.Int("p", 1), 1, 1'000'000)) - 1;
  const std::size_t total = catalogue.recordings.size();
  const std::size_t first = std::min(page * kPageSize, total);
  std::string js;
  OpenPage(js, total, kPageSize, 0, 0);
  for (std::size_t i = first; i < std::min(first + kPageSize, total); ++i) {
    const Recording& recording = catalogue.recordings[i];
    if (i > first) js += ',';
    JsonWriter json(js);
    json.BeginObject();
    AppendCommon(json, recording);
    std::string name = recording.channel_name;
    if (!recording.programme_name.empty()) name += " - " + recording.programme_name;
    const LocalTime start(recording.start, zone);
    json.Field("name", name).Field("ch_name", name);
    json.Field("t_start", absl::StrCat(start.SpokenDay(), " ", start.Time()));
    json.Field("length", SpokenLength(recording.stop - recording.start));
    json.Field("cmd", recording.on_box() ? absl::StrCat("auto ", recording.file)
                                         : absl::StrCat("auto /media/", recording.id, ".mpg"));
    json.Field("started", recording.start <= now ? 1 : 0);
    json.Field("ended", recording.stop <= now ? 1 : 0);
    const Channel* channel = lineup->FindChannel(recording.channel);
    const bool kept = recording.on_box()
                          ? recording.start <= now
                          : channel != nullptr &&
                                DecideCatchUp(*channel, {recording.start, recording.stop}, now) ==
                                    CatchUpVerdict::kAllowed;
    json.Field("open", kept).EndObject();
  }
  js += "],";
  absl::StrAppend(&js, "\"records_rest_length\":", SecondsLeft(catalogue.recordings, quota_), "}");
  return Marked(PortalAnswer::Js(std::move(js)), catalogue.degraded);
}

PortalAnswer RecordingActions::Begin(const PortalCall& call, const Channel& channel,
                                     AirTime air_time, const Programme* programme) {
  if (MayWatch(*call.knowledge.entitlement, channel, call.now) != Verdict::kAllowed) {
    return Error("The channel is not part of your packages.");
  }
  const Catalogue catalogue = Load(call);
  if (catalogue.recordings.size() >= kMostRecordings)
    return Error("There are too many recordings.");
  const std::int64_t programme_start = programme == nullptr ? 0 : programme->start;
  switch (DecideRecording(catalogue.recordings, quota_, channel, programme_start,
                          EpochSeconds(call.now), air_time)) {
    case RecordingVerdict::kAllowed:
      break;
    case RecordingVerdict::kNotKept:
      return Error("This cannot be recorded.");
    case RecordingVerdict::kNoSpace:
      return Error("There is no space left for recordings.");
    case RecordingVerdict::kKnown:
      return Error("The programme is recorded already.");
  }
  const Recording recording{
      .id = parts_.viewers.NewHistoryId(),
      .channel = channel.id,
      .start = air_time.start,
      .stop = air_time.stop,
      .programme_start = programme_start,
      .channel_name = channel.name,
      .programme_name = programme == nullptr ? std::string() : std::string(programme->title)};
  const auto written = Save(call, recording);
  if (absl::IsFailedPrecondition(written.status())) return Error("There are too many recordings.");
  if (!written.ok()) return TryAgainLater();
  std::string js;
  JsonWriter(js).BeginObject().Key("data").String(recording.id).EndObject();
  return Marked(PortalAnswer::Js(std::move(js)), written->degraded);
}

PortalAnswer RecordingActions::StartNow(const PortalCall& call) {
  const std::int64_t now = EpochSeconds(call.now);
  const auto lineup = parts_.models.lineup();
  const auto guide = parts_.models.guide();
  const Channel* channel = FindVisible(*lineup, call, call.Get("ch_id"));
  if (channel == nullptr) return Error("There is no such channel.");
  const ChannelSchedule* schedule = guide->ScheduleOf(channel->guide_id);
  const Programme* programme = schedule == nullptr ? nullptr : schedule->At(now);
  const std::int64_t stop = programme == nullptr ? now + kLongest : programme->stop;
  const PortalAnswer begun = Begin(call, *channel, {now, stop}, programme);
  if (begun.text.find("\"error\"") != std::string::npos) return begun;
  // The box shows at once what is being recorded now.
  PortalAnswer active = GetActive(call);
  active.text = "{\"data\":" + active.text + "}";
  return active;
}

PortalAnswer RecordingActions::StartDeferred(const PortalCall& call) {
  const auto lineup = parts_.models.lineup();
  const auto guide = parts_.models.guide();
  const auto found = FindByRealId(*lineup, *guide, call.Get("program_id"));
  if (!found) return Error("There is no such programme.");
  return Begin(call, *found->channel, found->air_time(), found->programme);
}

PortalAnswer RecordingActions::Change(const PortalCall& call, const Recording& recording,
                                      std::int64_t stop) {
  Recording changed = recording;
  changed.stop = stop;
  return SavedAnswer(Save(call, changed));
}

PortalAnswer RecordingActions::Remove(const PortalCall& call, const std::string& key) {
  return SavedAnswer(parts_.viewers.Save(
      ViewerOf(*call.device), {{.kind = ViewerItem::Kind::kRecording, .key = key, .text = {}}},
      ViewerData::Path::kDatabaseFirst, ViewerDeadline()));
}

PortalAnswer RecordingActions::Stop(const PortalCall& call) {
  const Catalogue catalogue = Load(call);
  const Recording* recording = FindById(catalogue.recordings, call.form.Int("rec_id", 0));
  const std::int64_t now = EpochSeconds(call.now);
  if (recording == nullptr) return PortalAnswer::False();
  if (recording->stop <= now) return PortalAnswer::True();
  if (recording->start >= now) return Delete(call);  // nothing of it is there yet
  return Change(call, *recording, now);
}

// Ends so many minutes from now, within the quota.
PortalAnswer RecordingActions::StopDeferred(const PortalCall& call) {
  const Catalogue catalogue = Load(call);
  const std::int64_t id = call.form.Int("rec_id", call.form.Int("data", 0));
  const Recording* recording = FindById(catalogue.recordings, id);
  const std::int64_t seconds = call.form.Int("duration", 0) * 60;
  if (recording == nullptr || seconds <= 0 || seconds > kLongestRequest) {
    return PortalAnswer::False();
  }
  const std::int64_t most = recording->stop + SecondsLeft(catalogue.recordings, quota_);
  return Change(call, *recording, std::min(EpochSeconds(call.now) + seconds, most));
}

PortalAnswer RecordingActions::Delete(const PortalCall& call) {
  return Remove(call, std::string(call.Get("rec_id").substr(0, 30)));
}

PortalAnswer RecordingActions::CreateLink(const PortalCall& call) {
  const std::string_view cmd = call.Get("cmd");
  constexpr std::string_view kMark = "/media/";
  const std::size_t at = cmd.find(kMark);
  const std::string digits(at == std::string_view::npos ? "" : cmd.substr(at + kMark.size()));
  const Catalogue catalogue = Load(call);
  const Recording* recording = FindById(catalogue.recordings, std::atoll(digits.c_str()));
  const auto lineup = parts_.models.lineup();
  const Channel* channel = recording == nullptr ? nullptr : lineup->FindChannel(recording->channel);
  ArchiveActions::Outcome outcome{.error = "nothing_to_play"};
  if (channel != nullptr) {
    outcome = parts_.archive.LinkTo(*channel, {recording->start, recording->stop}, call);
  }
  std::string js;
  JsonWriter json(js);
  if (recording != nullptr && recording->on_box()) {
    json.BeginObject().Key("id").String(recording->id).Field("cmd", recording->file);
    json.Field("storage_id", "0").Field("load", "0").Field("error", "").Field("local", 1);
    json.EndObject();
    return Marked(PortalAnswer::Js(std::move(js)), catalogue.degraded);
  }
  json.BeginObject().Key("id").String(recording == nullptr ? std::int64_t{0} : recording->id);
  json.Field("cmd", outcome.error.empty() ? "ffmpeg " + outcome.address : std::string());
  json.Field("storage_id", "1").Field("load", "0").Field("error", outcome.error).EndObject();
  return Marked(PortalAnswer::Js(std::move(js)), catalogue.degraded);
}

}  // namespace holdfast::middleware

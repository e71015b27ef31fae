// What a box records onto its own disk ("start_record_on_stb" and its kin): remembered for that
// box, outside the quota, which is of what the network keeps.
#include <algorithm>
#include <utility>

#include "services/middleware/archive_programmes.h"
#include "services/middleware/domain/m3u.h"
#include "services/middleware/portal_itv.h"
#include "services/middleware/portal_recordings.h"
#include "services/middleware/portal_reminders.h"

namespace holdfast::middleware {
namespace {

constexpr std::int64_t kLongestOnBox = 24 * 3600;
constexpr std::size_t kLongestFile = 500;
constexpr std::size_t kLongestInternalId = 100;

bool IsShownText(std::string_view text, std::size_t longest) {
  return text.size() <= longest && CleanUtf8(text) == text;
}

bool IsAirTime(std::int64_t start, std::int64_t stop) {
  return start > 0 && stop > start && stop - start <= kLongestOnBox;
}

}  // namespace

void RecordingActions::AddBoxActions(ActionTable& table) {
  const auto add = [&](std::string_view action,
                       PortalAnswer (RecordingActions::*work)(const PortalCall&)) {
    table.Add("remote_pvr", action, Access::kSubscriber,
              [this, work](PortalCall&) -> PortalOutcome {
                return Later{[this, work](PortalCall& c) { return (this->*work)(c); },
                             [](PortalCall&) { return PortalAnswer::False(); }};
              });
  };
  add("start_record_on_stb", &RecordingActions::StartOnBox);
  add("start_deferred_record_on_stb", &RecordingActions::StartDeferredOnBox);
  add("stop_record_on_stb", &RecordingActions::StopOnBox);
  add("del_record_on_stb", &RecordingActions::DeleteOnBox);
  add("update_record_on_stb_end_time", &RecordingActions::MoveEndOnBox);
  add("set_internal_id", &RecordingActions::NameOnBox);
}

PortalAnswer RecordingActions::StartOnBox(const PortalCall& call) {
  const auto lineup = parts_.models.lineup();
  const auto guide = parts_.models.guide();
  const Channel* channel = FindVisible(*lineup, call, call.Get("ch_id"));
  if (channel == nullptr) return PortalAnswer::False();
  const ChannelSchedule* schedule = guide->ScheduleOf(channel->guide_id);
  return KeepOnBox(call, *channel,
                   schedule == nullptr ? nullptr : schedule->At(call.form.Int("start_ts", 0)));
}

// Of a programme of the guide, or of a time that the viewer chose.
PortalAnswer RecordingActions::StartDeferredOnBox(const PortalCall& call) {
  const std::string_view programme = call.Get("program_real_id");
  if (programme.empty() || programme == "0") return StartOnBox(call);
  const auto lineup = parts_.models.lineup();
  const auto guide = parts_.models.guide();
  const auto found = FindByRealId(*lineup, *guide, programme);
  const bool visible =
      found && FindVisible(*lineup, call, std::to_string(found->channel->id.value())) != nullptr;
  return visible ? KeepOnBox(call, *found->channel, found->programme) : PortalAnswer::False();
}

// Answers the number of the recording; of a programme that this box records already, the one
// before.
PortalAnswer RecordingActions::KeepOnBox(const PortalCall& call, const Channel& channel,
                                         const Programme* programme) {
  const std::string_view file = call.Get("file"), internal_id = call.Get("internal_id");
  const std::int64_t start = call.form.Int("start_ts", 0), stop = call.form.Int("stop_ts", 0);
  if (!IsAirTime(start, stop) || !IsShownText(file, kLongestFile) ||
      !IsShownText(internal_id, kLongestInternalId)) {
    return PortalAnswer::False();
  }
  const Catalogue catalogue = Load(call);
  const std::int64_t programme_start = programme == nullptr ? 0 : programme->start;
  for (const Recording& held : catalogue.recordings) {
    const bool same = held.on_box() && held.channel == channel.id && programme_start != 0 &&
                      held.programme_start == programme_start && held.stop > EpochSeconds(call.now);
    if (same) return Marked(PortalAnswer::Js(std::to_string(held.id)), catalogue.degraded);
  }
  if (catalogue.recordings.size() >= kMostRecordings) return PortalAnswer::False();
  const Recording recording{
      .id = parts_.viewers.NewHistoryId(),
      .channel = channel.id,
      .start = start,
      .stop = stop,
      .programme_start = programme_start,
      .channel_name = channel.name,
      .programme_name = programme == nullptr ? std::string() : std::string(programme->title),
      .mac = call.device->mac,
      .file = std::string(file),
      .internal_id = std::string(internal_id)};
  return SavedAnswer(Save(call, recording), PortalAnswer::Js(std::to_string(recording.id)));
}

PortalAnswer RecordingActions::ChangeOnBox(const PortalCall& call,
                                           const std::function<bool(Recording&)>& change) {
  const Catalogue catalogue = Load(call);
  const Recording* held = FindById(catalogue.recordings, call.form.Int("rec_id", 0));
  if (held == nullptr || !held->on_box()) {
    return Marked(PortalAnswer::False(), catalogue.degraded);
  }
  Recording changed = *held;
  return change(changed) ? SavedAnswer(Save(call, changed)) : PortalAnswer::False();
}

PortalAnswer RecordingActions::StopOnBox(const PortalCall& call) {
  return ChangeOnBox(call, [&](Recording& recording) {
    const std::int64_t now = EpochSeconds(call.now);
    // One that is stopped before it began has nothing in it.
    recording.start = std::min(recording.start, now);
    recording.stop = std::min(recording.stop, now);
    return true;
  });
}

PortalAnswer RecordingActions::DeleteOnBox(const PortalCall& call) {
  const Catalogue catalogue = Load(call);
  const Recording* held = FindById(catalogue.recordings, call.form.Int("rec_id", 0));
  if (held == nullptr || !held->on_box()) {
    return Marked(PortalAnswer::False(), catalogue.degraded);
  }
  return Remove(call, std::to_string(held->id));
}

PortalAnswer RecordingActions::MoveEndOnBox(const PortalCall& call) {
  return ChangeOnBox(call, [&](Recording& recording) {
    recording.stop = call.form.Int("stop_ts", 0);
    return IsAirTime(recording.start, recording.stop);
  });
}

PortalAnswer RecordingActions::NameOnBox(const PortalCall& call) {
  return ChangeOnBox(call, [&](Recording& recording) {
    recording.internal_id = call.Get("internal_id");
    return IsShownText(recording.internal_id, kLongestInternalId);
  });
}

}  // namespace holdfast::middleware

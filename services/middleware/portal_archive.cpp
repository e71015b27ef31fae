#include "services/middleware/portal_archive.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/middleware/domain/catch_up.h"
#include "services/middleware/epg_rows.h"
#include "services/middleware/json_writer.h"
#include "services/middleware/pin_gate.h"
#include "services/middleware/portal_itv.h"

namespace holdfast::middleware {
namespace {

constexpr std::int64_t kSecondsPerHour = 3600;
constexpr std::int64_t kLongestSearch = 30 * 24 * kSecondsPerHour;  // for the next programme

std::string_view WordFor(CatchUpVerdict verdict) {
  switch (verdict) {
    case CatchUpVerdict::kAllowed:
      return "";
    case CatchUpVerdict::kNoArchive:
    case CatchUpVerdict::kNotYet:
    case CatchUpVerdict::kTooOld:
      return "nothing_to_play";
  }
  return "nothing_to_play";
}

// "auto /media/123.mpg" or "auto /media/12_1767348000.mpg": what stands between.
std::string_view MediaName(std::string_view cmd) {
  constexpr std::string_view kMark = "/media/";
  const std::size_t at = cmd.find(kMark);
  if (at == std::string_view::npos) return {};
  cmd.remove_prefix(at + kMark.size());
  return cmd.substr(0, cmd.find_first_of(". "));
}

std::optional<FoundProgramme> Find(const Lineup& lineup, const Guide& guide, std::string_view name,
                                   std::int64_t now) {
  if (name.find('_') != std::string_view::npos) return FindByRealId(lineup, guide, name);
  std::int64_t row_id = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), row_id);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return FindByRowId(lineup, guide, row_id, now);
}

// The file name that a box proposes when a viewer keeps the programme.
std::string FileName(const FoundProgramme& found) {
  return absl::StrCat(std::string(found.channel->stream()), "_",
                      RealId(found.channel->id, found.programme->start), ".ts");
}

std::string LinkAnswer(std::string_view command, std::string_view error, std::string_view file_name,
                       std::string_view words = {}) {
  std::string js;
  JsonWriter json(js);
  json.BeginObject().Field("id", 0).Field("cmd", command).Field("storage_id", "1");
  json.Field("load", "0").Field("error", error).Field("download_cmd", false);
  json.Field("to_file", file_name);
  if (!words.empty()) json.Field("msg", words);
  json.EndObject();
  return js;
}

}  // namespace

StreamViewer ViewerOf(const PortalCall& call) {
  return {call.device->account.value(), std::to_string(call.device->id)};
}

void ArchiveActions::AddTo(ActionTable& table) {
  table.Add("tv_archive", "create_link", Access::kSubscriber,
            Bind(*this, &ArchiveActions::CreateLink));
  table.Add("tv_archive", "get_link_for_channel", Access::kSubscriber,
            Bind(*this, &ArchiveActions::GetLinkForChannel));
  table.Add("tv_archive", "get_next_part_url", Access::kSubscriber,
            Bind(*this, &ArchiveActions::GetNextPart));
}

ArchiveActions::Outcome ArchiveActions::LinkTo(const Channel& channel, const AirTime& air_time,
                                               const PortalCall& call) const {
  if (MayWatch(*call.knowledge.entitlement, channel, call.now) != Verdict::kAllowed ||
      (!call.locked_is_open && IsLocked(channel, call.device->settings))) {
    metrics_.catch_up_links.denied.Add();
    return {.error = "access_denied"};
  }
  const CatchUpVerdict verdict = DecideCatchUp(channel, air_time, EpochSeconds(call.now));
  if (verdict != CatchUpVerdict::kAllowed) {
    metrics_.catch_up_links.not_kept.Add();
    return {.error = WordFor(verdict)};
  }
  auto link = links_.CatchUp(channel, KeptPart(channel, air_time, EpochSeconds(call.now)),
                             RealId(channel.id, air_time.start), ViewerOf(call), call.now);
  if (!link) {
    metrics_.catch_up_links.no_edge.Add();
    return {.error = "link_fault"};
  }
  const Entitlement& entitlement = *call.knowledge.entitlement;
  if (!streams_.Admits(*call.device, entitlement)) {
    metrics_.catch_up_links.limit.Add();
    return {.error = "limit", .words = streams_.Words(call.device->account, entitlement)};
  }
  metrics_.catch_up_links.ok.Add();
  return {.address = std::move(link->address), .error = ""};
}

PortalAnswer ArchiveActions::Send(std::string js, const PortalCall& call) const {
  auto answer = PortalAnswer::Js(std::move(js));
  if (const auto age = links_.EdgesStaleSince()) {
    answer.degradations.push_back({Neighbour::kCdnRouting, age});
  }
  if (const auto age = StaleSince(models_.guide_replica())) {
    answer.degradations.push_back({Neighbour::kEpg, age});
  }
  if (const auto alone = streams_.Alone(*call.knowledge.entitlement)) {
    answer.degradations.push_back(*alone);
  }
  return answer;
}

PortalAnswer ArchiveActions::CreateLink(PortalCall& call) {
  const auto lineup = models_.lineup();
  const auto guide = models_.guide();
  const auto found = Find(*lineup, *guide, MediaName(call.Get("cmd")), EpochSeconds(call.now));
  if (!found) {
    metrics_.catch_up_links.unknown.Add();
    return Send(LinkAnswer("", "nothing_to_play", ""), call);
  }
  const Outcome outcome = LinkTo(*found->channel, found->air_time(), call);
  if (!outcome.error.empty()) return Send(LinkAnswer("", outcome.error, "", outcome.words), call);
  return Send(LinkAnswer("ffmpeg " + outcome.address, "", FileName(*found)), call);
}

// Time shift: the box plays from the archive at the present moment and may seek back to the
// beginning of the programme, or of the hour where the guide knows none.
PortalAnswer ArchiveActions::GetLinkForChannel(PortalCall& call) {
  const std::int64_t now = EpochSeconds(call.now);
  const auto lineup = models_.lineup();
  const auto guide = models_.guide();
  const Channel* channel = FindVisible(*lineup, call, call.Get("ch_id"));
  if (channel == nullptr) {
    metrics_.catch_up_links.unknown.Add();
    return Send(LinkAnswer("", "server_error", ""), call);
  }
  AirTime air_time{now - now % kSecondsPerHour, now - now % kSecondsPerHour + kSecondsPerHour};
  const ChannelSchedule* schedule = guide->ScheduleOf(channel->guide_id);
  const Programme* programme = schedule == nullptr ? nullptr : schedule->At(now);
  if (programme != nullptr) air_time = {programme->start, programme->stop};
  // What began before the archive did is played from where the archive begins.
  air_time = KeptPart(*channel, air_time, now);
  const Outcome outcome = LinkTo(*channel, air_time, call);
  if (!outcome.error.empty()) {
    return Send(LinkAnswer("",
                           outcome.error == "nothing_to_play" ? std::string_view("server_error")
                                                              : outcome.error,
                           "", outcome.words),
                call);
  }
  const std::int64_t position = now - air_time.start;
  return Send(LinkAnswer(absl::StrCat("ffmpeg ", outcome.address, " position:", position,
                                      " media_len:", position),
                         "", ""),
              call);
}

PortalAnswer ArchiveActions::GetNextPart(PortalCall& call) {
  const auto lineup = models_.lineup();
  const auto guide = models_.guide();
  const auto found = FindByRealId(*lineup, *guide, call.Get("id"));
  const ChannelSchedule* schedule = found ? guide->ScheduleOf(found->channel->guide_id) : nullptr;
  if (schedule == nullptr) return Send("false", call);
  const std::int64_t end = found->programme->stop;
  const auto later = schedule->Between(end, end + kLongestSearch);
  if (later.empty()) return Send("false", call);
  const Outcome outcome = LinkTo(*found->channel, {later.front().start, later.front().stop}, call);
  if (!outcome.error.empty()) return Send("false", call);
  std::string js;
  JsonWriter(js).String("ffmpeg " + outcome.address);
  return Send(std::move(js), call);
}

}  // namespace holdfast::middleware

// The zap: a box asks how to play a channel. Memory only: no call, no database, no disk.
#include <charconv>
#include <utility>

#include "services/middleware/json_writer.h"
#include "services/middleware/pin_gate.h"
#include "services/middleware/portal_archive.h"
#include "services/middleware/portal_itv.h"

namespace holdfast::middleware {
namespace {

// Boxes hand back the handle from the list with anything behind it: "ffrt http://localhost/ch/57_".
struct Handle {
  LinkId link{0};
  std::string_view tail;  // goes behind the answer as it came
};

constexpr std::size_t kLongestTail = 128;

std::optional<Handle> ParseHandle(std::string_view cmd) {
  constexpr std::string_view kMark = "/ch/";
  const std::size_t at = cmd.find(kMark);
  if (at == std::string_view::npos) return std::nullopt;
  cmd.remove_prefix(at + kMark.size());
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(cmd.data(), cmd.data() + cmd.size(), id);
  if (error != std::errc() || id <= 0) return std::nullopt;
  cmd.remove_prefix(static_cast<std::size_t>(end - cmd.data()));
  return Handle{LinkId(id), cmd.substr(0, kLongestTail)};
}

// `words`: for the viewer, where there is more to say than the error.
PortalAnswer Refusal(std::string_view error, LinkId link, std::string_view words = {}) {
  std::string js;
  JsonWriter json(js);
  json.BeginObject().Key("id").String(link.value()).Field("cmd", "").Field("streamer_id", 0);
  json.Field("link_id", link.value()).Field("load", 0).Field("error", error);
  if (!words.empty()) json.Field("msg", words);
  json.EndObject();
  return PortalAnswer::Js(std::move(js));
}

PlaybackReport ReportOf(const PortalCall& call, const Channel& channel) {
  PlaybackReport report;
  report.stream = channel.stream();
  report.model = call.device->model;
  report.account = call.device->account.value();
  report.at_ms = EpochMillis(call.now);
  return report;
}

}  // namespace

PortalAnswer ItvActions::CreateLink(PortalCall& call) {
  const std::optional<Handle> handle = ParseHandle(call.Get("cmd"));
  const auto lineup = parts_.models.lineup();
  const Channel* channel = handle ? lineup->FindLink(handle->link) : nullptr;
  if (channel == nullptr) {
    parts_.metrics.zaps.unknown_channel.Add();
    return Refusal("nothing_to_play", handle ? handle->link : LinkId(0));
  }
  if (MayWatch(*call.knowledge.entitlement, *channel, call.now) != Verdict::kAllowed) {
    parts_.metrics.zaps.denied.Add();
    return Refusal("access_denied", channel->link());
  }
  if (!call.locked_is_open && IsLocked(*channel, call.device->settings)) {
    parts_.metrics.zaps.denied.Add();
    return Refusal("access_denied", channel->link());
  }
  if (channel->monitoring.down) {
    parts_.metrics.zaps.limit.Add();
    return Refusal("limit", channel->link());
  }
  PlaybackReport report = ReportOf(call, *channel);
  std::optional<StreamLink> link = parts_.links.Live(*channel, ViewerOf(call), call.now);
  if (!link) {
    parts_.metrics.zaps.no_edge.Add();
    report.kind = PlaybackReport::Kind::kError;
    report.error = "no_edge";
    parts_.reporter.Report(std::move(report));
    return Refusal("link_fault", channel->link());
  }
  const Entitlement& entitlement = *call.knowledge.entitlement;
  const auto alone = parts_.streams.Alone(entitlement);
  if (!parts_.streams.Admits(*call.device, entitlement)) {
    parts_.metrics.zaps.limit.Add();
    return Refusal("limit", channel->link(),
                   parts_.streams.Words(call.device->account, entitlement))
        .With(alone);
  }
  parts_.metrics.zaps.ok.Add();
  report.edge_id = std::move(link->edge_id);
  report.device = call.device->mac;
  report.link_expires = ExpiryOfLink(link->address);
  parts_.reporter.Report(std::move(report));

  std::string js;
  js.reserve(link->address.size() + 160);
  JsonWriter json(js);
  json.BeginObject().Key("id").String(channel->id.value()).Key("cmd");
  js += "\"ffmpeg ";
  AppendJsonEscaped(js, link->address);
  AppendJsonEscaped(js, handle->tail);
  js += "\",\"streamer_id\":0,\"link_id\":";
  JsonWriter(js).Int(channel->link().value());
  js += ",\"load\":0,\"error\":\"\"}";

  auto answer = PortalAnswer::Js(std::move(js));
  if (const auto age = parts_.links.EdgesStaleSince()) {
    answer.degradations.push_back({Neighbour::kCdnRouting, age});
  }
  if (alone) answer.degradations.push_back(*alone);
  return answer;
}

}  // namespace holdfast::middleware

#include "services/middleware/portal_events.h"

#include <utility>

#include "services/middleware/json_writer.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kPlaceTv = "1";
constexpr std::string_view kNoEvents = R"({"data":{"msgs":0,"additional_services_on":"1"}})";
constexpr auto kWriteTimeout = 1s;
constexpr std::string_view kCutOffSetting = "cut_off";

std::string EventAnswer(const BoxEvent& event, int waiting) {
  std::string js;
  JsonWriter json(js);
  json.BeginObject().Key("data").BeginObject().Field("msgs", waiting);
  json.Key("id").String(event.id).Field("event", event.word);
  json.Field("need_confirm", event.needs_confirmation ? "1" : "0").Field("msg", event.text);
  json.Field("reboot_after_ok", event.reboot_after_ok ? "1" : "0");
  json.Key("auto_hide_timeout").String(static_cast<std::int64_t>(event.auto_hide_seconds));
  json.Field("param1", event.parameter).Field("additional_services_on", "1");
  json.EndObject().EndObject();
  return js;
}

// What the state of the account makes of itself: no operator sent it.
std::string OwnEvent(std::string_view word) {
  return EventAnswer({.word = std::string(word), .target = {}}, 1);
}

EventReceiver ReceiverOf(const PortalCall& call) {
  return {.mac = call.device->mac,
          .account = call.device->account.value(),
          .model = call.device->model,
          .packages = call.knowledge.entitlement->packages};
}

}  // namespace

void WatchdogActions::AddTo(ActionTable& table) {
  table.Add("watchdog", "get_events", Access::kUnknownToo,
            Bind(*this, &WatchdogActions::GetEvents));
  table.Add("watchdog", "confirm_event", Access::kBlockedToo,
            Bind(*this, &WatchdogActions::ConfirmEvent));
}

PortalOutcome WatchdogActions::GetEvents(PortalCall& call) {
  if (call.device == nullptr) return PortalAnswer::Js(std::string(kNoEvents));
  parts_.presence.Seen(call.device->mac, call.client_address);
  const bool blocked = call.knowledge.entitlement->blocked();
  const bool cut_off = SettingOr(call.device->settings, kCutOffSetting, "0") == "1";
  if (blocked || cut_off) {
    if (blocked) parts_.streams.GiveBack(call.device->account, call.device->mac);
    return CutOff(call);
  }
  if (!call.Get("cur_play_type").empty()) {
    parts_.streams.Heartbeat(call.device->account, call.device->mac,
                             PlaysStream(call.form.Int("cur_play_type", 0)));
  }

  ReportPlaying(call);
  const EventBoard::Found found = parts_.events.Find(ReceiverOf(call), call.now);
  if (found.event == nullptr) return PortalAnswer::Js(std::string(kNoEvents));
  if (!found.event->needs_confirmation) {
    parts_.events.Done(found.event->id, call.device->mac, call.now);
  }
  return PortalAnswer::Js(EventAnswer(*found.event, found.waiting));
}

// A blocked account: the box shows its cut-off screen. Once the account is good again it has to be
// told so, by whichever instance it asks: therefore that it was cut off is kept with the box.
PortalOutcome WatchdogActions::CutOff(const PortalCall& call) {
  const bool blocked = call.knowledge.entitlement->blocked();
  const std::string answer = OwnEvent(blocked ? "cut_off" : "cut_on");
  const std::string value = blocked ? "1" : "0";
  if (SettingOr(call.device->settings, kCutOffSetting, "0") == value) {
    return PortalAnswer::Js(answer);
  }
  return Later{[this, answer, value](PortalCall& c) {
                 parts_.writes
                     .SaveSettings(*c.device, {{std::string(kCutOffSetting), value}},
                                   Deadline::After(kWriteTimeout))
                     .IgnoreError();  // then it is told again with the next heartbeat
                 return PortalAnswer::Js(answer);
               },
               [answer](PortalCall&) { return PortalAnswer::Js(answer); }};
}

void WatchdogActions::ReportPlaying(const PortalCall& call) {
  if (call.Get("cur_play_type") != kPlaceTv || call.device->last_channel.value() == 0) return;
  const auto lineup = parts_.models.lineup();
  const Channel* channel = lineup->FindChannel(call.device->last_channel);
  if (channel == nullptr) return;
  PlaybackReport report{.kind = PlaybackReport::Kind::kHeartbeat};
  report.stream = channel->stream();
  report.model = call.device->model;
  report.account = call.device->account.value();
  report.at_ms = EpochMillis(call.now);
  parts_.reporter.Report(std::move(report));
}

PortalAnswer WatchdogActions::ConfirmEvent(PortalCall& call) {
  const std::int64_t event_id = call.form.Int("event_active_id", 0);
  if (event_id > 0) parts_.events.Done(event_id, call.device->mac, call.now);
  return PortalAnswer::Js(R"({"data":"ok"})");
}

}  // namespace holdfast::middleware

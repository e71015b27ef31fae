#include "services/middleware/portal_watchdog.h"

#include <utility>

#include "services/middleware/json_writer.h"
#include "services/middleware/portal_profile.h"

namespace holdfast::middleware {
namespace {

constexpr std::string_view kPlaceTv = "1";
constexpr std::string_view kNoEvents = R"({"data":{"msgs":0,"additional_services_on":"1"}})";
// A blocked account: the box shows its cut-off screen, and asks again later.
constexpr std::string_view kCutOff =
    R"({"data":{"msgs":1,"id":"0","event":"cut_off","need_confirm":"0","msg":"","reboot_after_ok":"0",)"
    R"("auto_hide_timeout":"0","param1":"","additional_services_on":"1"}})";

}  // namespace

void WatchdogActions::AddTo(ActionTable& table) {
  table.Add("watchdog", "get_events", Access::kUnknownToo,
            Bind(*this, &WatchdogActions::GetEvents));
  table.Add("watchdog", "confirm_event", Access::kBlockedToo,
            [](PortalCall&) { return PortalAnswer::Js(R"({"data":"ok"})"); });
}

PortalAnswer WatchdogActions::GetEvents(PortalCall& call) {
  if (call.device == nullptr) return PortalAnswer::Js(std::string(kNoEvents));
  presence_.Seen(call.device->mac);
  if (call.knowledge.entitlement->blocked()) return PortalAnswer::Js(std::string(kCutOff));
  if (call.Get("cur_play_type") == kPlaceTv && call.device->last_channel.value() != 0) {
    const auto lineup = models_.lineup();
    if (const Channel* channel = lineup->FindChannel(call.device->last_channel)) {
      PlaybackReport report{.kind = PlaybackReport::Kind::kHeartbeat};
      report.stream = channel->stream();
      report.model = call.device->model;
      report.account = call.device->account.value();
      report.at_ms = EpochMillis(call.now);
      reporter_.Report(std::move(report));
    }
  }
  return PortalAnswer::Js(std::string(kNoEvents));
}

void AccountActions::AddTo(ActionTable& table) {
  table.Add("account_info", "get_main_info", Access::kBlockedToo,
            Bind(*this, &AccountActions::GetMainInfo));
}

PortalAnswer AccountActions::GetMainInfo(PortalCall& call) {
  const AccountPage page = entitlements_.Page(call.device->account).value_or(AccountPage{});
  std::string js;
  JsonWriter json(js);
  json.BeginObject().Field("fname", page.full_name).Field("phone", page.phone);
  json.Field("ls", page.account_number).Field("mac", call.device->mac);
  json.Field("last_change_status", "");
  const auto end =
      SpokenEnd(*call.knowledge.entitlement, call.now, zones_.Find(call.time_zone).zone);
  if (end) json.Field("end_date", *end);
  if (!page.balance.empty()) json.Field("account_balance", page.balance);
  if (!page.tariff_plan_name.empty()) json.Field("tariff_plan", page.tariff_plan_name);
  json.EndObject();
  return PortalAnswer::Js(std::move(js));
}

}  // namespace holdfast::middleware

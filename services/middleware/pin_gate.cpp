#include "services/middleware/pin_gate.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "services/middleware/domain/parental.h"

namespace holdfast::middleware {

bool PinGate::Opens(const PortalCall& call) {
  if (!required_) return true;
  const std::string_view field = call.form.Has("pin") ? "pin" : "parent_password";
  if (!call.form.Has(field) || wrong_by_mac_.Exhausted(call.device->mac)) return false;
  const std::string_view pin = SettingOr(call.device->settings, "parent_password", kFirstPin);
  if (PinOpens(pin, call.Get(field))) return true;
  wrong_by_mac_.Allow(call.device->mac);
  return false;
}

bool AsksForLink(std::string_view action) {
  return action == "create_link" || action == "get_link_for_channel" ||
         action == "get_next_part_url";
}

bool IsLocked(const Channel& channel, const BoxSettings& settings) {
  return channel.adult ||
         SettingOr(settings, absl::StrCat(std::string(kCensoredOf), channel.id.value()), "0") ==
             "1";
}

}  // namespace holdfast::middleware

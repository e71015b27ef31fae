#include "services/middleware/portal_account.h"

#include <utility>

#include "services/middleware/json_writer.h"
#include "services/middleware/portal_profile.h"

namespace holdfast::middleware {
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

#include "services/middleware/portal_account.h"

#include <utility>

#include "services/middleware/json_writer.h"
#include "services/middleware/portal_profile.h"

namespace holdfast::middleware {

void AccountActions::AddTo(ActionTable& table) {
  table.Add("account_info", "get_main_info", Access::kBlockedToo,
            Bind(*this, &AccountActions::GetMainInfo));
  // Why there is nothing to watch, and what is to be paid.
  table.Add("account_info", "get_payment_info", Access::kBlockedToo,
            Bind(*this, &AccountActions::GetPaymentInfo));
  // Pages that operators write; an empty one shows nothing.
  for (const char* page : {"get_agreement_info", "get_terms_info", "get_demo_video_parts"}) {
    table.Add("account_info", page, Access::kBlockedToo,
              [](PortalCall&) { return PortalAnswer::Js("\"\""); });
  }
  const auto later = [&](std::string_view type, std::string_view action,
                         PortalAnswer (AccountActions::*work)(const PortalCall&),
                         std::function<PortalAnswer(PortalCall&)> if_busy) {
    table.Add(type, action, Access::kSubscriber,
              [this, work, if_busy = std::move(if_busy)](PortalCall&) -> PortalOutcome {
                return Later{[this, work](PortalCall& c) { return (this->*work)(c); }, if_busy};
              });
  };
  const auto try_again = [](PortalCall&) {
    return PortalAnswer::Js(R"({"message":"Not possible at the moment. Please try again."})");
  };
  later("account_info", "get_user_packages", &AccountActions::GetPackages,
        [this](PortalCall& c) { return KnownPackages(c); });
  later("account", "check_price", &AccountActions::CheckPrice, try_again);
  later("account", "subscribe_to_package", &AccountActions::Subscribe, try_again);
  later("account", "unsubscribe_from_package", &AccountActions::Unsubscribe, try_again);
  later("user", "get_package_description", &AccountActions::Describe,
        [](PortalCall&) { return PortalAnswer::Js("{}"); });
  table.Add("account", "check_video_price", Access::kSubscriber,
            Bind(*this, &AccountActions::CheckFilmPrice));
  table.Add("account", "rent_video", Access::kSubscriber, Bind(*this, &AccountActions::RentFilm));
}

PortalAnswer AccountActions::GetPaymentInfo(PortalCall& call) {
  const auto page = parts_.entitlements.Page(call.device->account);
  std::string js;
  JsonWriter(js).String(page ? page->notice : "");
  return PortalAnswer::Js(std::move(js));
}

PortalAnswer AccountActions::GetMainInfo(PortalCall& call) {
  const AccountPage page = parts_.entitlements.Page(call.device->account).value_or(AccountPage{});
  std::string js;
  JsonWriter json(js);
  json.BeginObject().Field("fname", page.full_name).Field("phone", page.phone);
  json.Field("ls", page.account_number).Field("mac", call.device->mac);
  json.Field("last_change_status", "");
  const auto end =
      SpokenEnd(*call.knowledge.entitlement, call.now, parts_.zones.Find(call.time_zone).zone);
  if (end) json.Field("end_date", *end);
  if (!page.balance.empty()) json.Field("account_balance", page.balance);
  if (!page.tariff_plan_name.empty()) json.Field("tariff_plan", page.tariff_plan_name);
  json.EndObject();
  return PortalAnswer::Js(std::move(js));
}

}  // namespace holdfast::middleware

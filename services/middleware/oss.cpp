#include "services/middleware/oss.h"

#include <chrono>
#include <string>
#include <utility>

#include "libs/base/encoding.h"
#include "libs/base/random.h"
#include "libs/base/status.h"

namespace holdfast::middleware {

using namespace std::chrono_literals;

Oss::Oss(const OssConfig& config, OssCredentials credentials, const Parts& parts)
    : parts_(parts),
      guide_(parts.epg, parts.context),
      monitoring_({parts.store, parts.models, parts.links, parts.metrics}),
      accounts_(config.restart_message,
                {parts.store, parts.devices, parts.billing, parts.desk, parts.entitlements,
                 parts.notes, parts.events, parts.presence, parts.clock}),
      boxes_({parts.store, parts.devices, parts.billing, parts.entitlements, parts.writes,
              parts.events, parts.models, parts.presence, parts.clock, accounts_}),
      catalogue_({parts.store, parts.billing, guide_, monitoring_, parts.models, parts.metrics}),
      hooks_(
          config,
          [this](const StartedBox& box, const http::Form& fields, Deadline deadline) {
            return Apply(box, fields, deadline);
          },
          [this](const std::string& account, Deadline deadline) {
            return LoginOf(account, deadline);
          },
          {parts.hook_spool, parts.registry, parts.clock}),
      api_({.enabled = config.enabled, .soap = config.soap}, std::move(credentials),
           {parts.audit, parts.workers, parts.registry, parts.clock}) {
  const auto add = [this]<class T>(std::string_view name, T& self,
                                   OssAnswer (T::*method)(const OssCall&)) {
    api_.AddResource(name, [&self, method](const OssCall& call) { return (self.*method)(call); });
  };
  add("accounts", accounts_, &OssAccounts::Accounts);
  add("users", accounts_, &OssAccounts::Accounts);
  add("account_subscription", accounts_, &OssAccounts::Subscriptions);
  add("stb", boxes_, &OssBoxes::Boxes);
  add("stb_auth", boxes_, &OssBoxes::ResetAuth);
  add("stb_msg", boxes_, &OssBoxes::SendMessage);
  add("send_event", boxes_, &OssBoxes::SendEvent);
  add("stb_modules", boxes_, &OssBoxes::Modules);
  add("itv_subscription", boxes_, &OssBoxes::ChannelsOf);
  add("tariffs", catalogue_, &OssCatalogue::Tariffs);
  add("services_package", catalogue_, &OssCatalogue::Packages);
  const auto nothing_new = [this](const OssCall& call) { return monitoring_.SaysNothingNew(call); };
  api_.AddResource(
      "itv", [this](const OssCall& call) { return catalogue_.Channels(call); }, nothing_new);
  api_.AddResource(
      "monitoring_links", [this](const OssCall& call) { return monitoring_.Links(call); },
      nothing_new);
  add("epg", catalogue_, &OssCatalogue::Guide);
}

// A hook is told with an empty login rather than late.
std::string Oss::LoginOf(const std::string& account, Deadline deadline) {
  const auto found = parts_.billing.Find(AccountId(account), deadline.AtMost(500ms));
  return found.ok() ? found->login() : std::string();
}

absl::Status Oss::Apply(const StartedBox& box, const http::Form& fields, Deadline deadline) {
  AccountId account(box.account);
  if (account.value().empty()) {
    const std::string number(fields.Get("ls"));
    const std::optional<Mac> mac = Mac::Parse(box.mac);
    if (number.empty() || !mac) return absl::OkStatus();  // nobody's: nothing to change
    HOLDFAST_ASSIGN_OR_RETURN(const auto found, accounts_.FindByNumber(number, deadline));
    account = AccountId(found.account_id());
    HOLDFAST_ASSIGN_OR_RETURN(Device device, parts_.store.PutDevice(deadline, *mac, account));
    parts_.devices.Put(std::move(device));
  }
  HOLDFAST_ASSIGN_OR_RETURN(const billing::v1::Account owner,
                            parts_.billing.Find(account, deadline));
  OssCall call;
  call.action = OssAction::kUpdate;
  call.resource = "accounts";
  for (const auto& [name, value] : fields.fields()) {
    if (name == "ls") continue;  // says whose box it is, not how the account is called
    call.form.Merge(std::string(name) + "=" + PercentEncode(value));
  }
  if (call.form.fields().empty()) return absl::OkStatus();
  call.actor = "profile_hook";
  call.idempotency_key = "hook-" + SecureHex(12);
  call.now = parts_.clock.Now();
  call.deadline = deadline;
  return accounts_.Update(owner, call);
}

std::vector<Job> Oss::Jobs() {
  return {{"oss_hooks", 2s, [this](Deadline d) { return hooks_.Deliver(d); }}};
}

}  // namespace holdfast::middleware

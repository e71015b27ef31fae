#include "services/middleware/oss_boxes.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "libs/base/encoding.h"
#include "libs/base/status.h"
#include "libs/base/string_map.h"
#include "services/middleware/domain/box_event.h"
#include "services/middleware/json_writer.h"
#include "services/middleware/presence.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;
namespace bv1 = billing::v1;

constexpr auto kPresenceTimeout = 1s;
constexpr auto kEntitlementTimeout = 1s;
constexpr int kPage = 1000;
constexpr std::size_t kMostBoxes = 20'000;  // in one answer
constexpr std::size_t kFewAccounts = 100;   // up to so many are asked for one by one
constexpr std::size_t kLongestModules = 900;

absl::Status NoBox() { return NotFound("STB not found"); }

}  // namespace

std::string ModulesIn(const BoxSettings& settings, std::string_view setting) {
  const std::string_view names = SettingOr(settings, setting, "");
  std::string js;
  JsonWriter json(js);
  json.BeginArray();
  for (const absl::string_view name :
       absl::StrSplit(absl::string_view(names.data(), names.size()), ',', absl::SkipEmpty())) {
    json.String(View(name));
  }
  json.EndArray();
  return js;
}

absl::StatusOr<std::vector<Device>> OssBoxes::AllBoxes(Deadline deadline) {
  std::vector<Device> boxes;
  std::string next;
  do {
    HOLDFAST_ASSIGN_OR_RETURN(DevicePage page,
                              parts_.store.ListDevices(deadline, AccountId(), next, kPage));
    for (Device& device : page.devices) boxes.push_back(std::move(device));
    next = page.next_mac;
  } while (!next.empty());
  return boxes;
}

absl::StatusOr<std::vector<Device>> OssBoxes::Choose(const OssCall& call) {
  if (call.ids.empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(std::vector<Device> all, AllBoxes(call.deadline));
    if (call.action != OssAction::kGet) return all;
    HOLDFAST_ASSIGN_OR_RETURN(const OssPart part, PartOf(call, all.size(), kMostBoxes));
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(part.end), all.end());
    all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(part.first));
    return all;
  }
  std::vector<Device> boxes;
  for (const std::string& id : call.ids) {
    if (call.by_mac) {
      const std::optional<Mac> mac = Mac::Parse(id);
      if (!mac) return InvalidArgument("Not valid mac address");
      HOLDFAST_ASSIGN_OR_RETURN(auto device, parts_.store.FindDevice(call.deadline, *mac));
      if (!device) return NoBox();
      boxes.push_back(*std::move(device));
      continue;
    }
    const auto account = parts_.accounts.FindByNumber(id, call.deadline);
    if (absl::IsNotFound(account.status())) return NoBox();
    if (!account.ok()) return account.status();
    HOLDFAST_ASSIGN_OR_RETURN(
        DevicePage page,
        parts_.store.ListDevices(call.deadline, AccountId(account->account_id()), "", kPage));
    for (Device& device : page.devices) boxes.push_back(std::move(device));
  }
  if (boxes.empty()) return NoBox();
  return boxes;
}

absl::StatusOr<StringMap<bv1::Account>> OssBoxes::OwnersOf(const std::vector<Device>& boxes,
                                                           Deadline deadline) {
  StringSet ids;
  for (const Device& device : boxes) {
    if (!device.account.value().empty()) ids.insert(device.account.value());
  }
  StringMap<bv1::Account> owners;
  if (ids.size() > kFewAccounts) {  // some pages instead of a call for each
    HOLDFAST_ASSIGN_OR_RETURN(std::vector<bv1::Account> all, parts_.billing.All(deadline));
    for (bv1::Account& account : all) {
      std::string id = account.account_id();
      if (ids.contains(id)) owners.emplace(std::move(id), std::move(account));
    }
    return owners;
  }
  for (const std::string& id : ids) {
    auto found = parts_.billing.Find(AccountId(id), deadline);
    if (found.ok()) {
      owners.emplace(id, *std::move(found));
    } else if (!absl::IsNotFound(found.status())) {
      return found.status();
    }
  }
  return owners;
}

OssAnswer OssBoxes::Show(const std::vector<Device>& boxes, const OssCall& call) {
  std::vector<std::string> macs;
  for (const Device& device : boxes) macs.push_back(device.mac);
  // Nobody knows who is online while Redis is away: then nobody is, and the answer is marked.
  auto seen_boxes =
      parts_.presence.Find(macs, parts_.clock.Now(), call.deadline.AtMost(kPresenceTimeout));
  if (!seen_boxes.ok()) call.presence_unknown = true;
  const auto known = std::move(seen_boxes).value_or(StringMap<SeenBox>());
  HOLDFAST_ASSIGN_OR_RETURN(const auto owners, OwnersOf(boxes, call.deadline));
  // Of many, those that billing has not told of yet count as switched on.
  const bool many = owners.size() > kFewAccounts;
  std::string results;
  JsonWriter json(results);
  json.BeginArray();
  for (const Device& device : boxes) {
    const bv1::Account* owner = Find(owners, device.account.value());
    const bv1::Account account = owner == nullptr ? bv1::Account() : *owner;
    SharedEntitlement entitlement;
    if (!device.account.value().empty()) {
      entitlement = many ? parts_.entitlements.Peek(device.account)
                         : parts_.entitlements.Load(device.account,
                                                    call.deadline.AtMost(kEntitlementTimeout));
    }
    const AccountPage page = parts_.entitlements.Page(device.account).value_or(AccountPage{});
    const SeenBox* box_seen = Find(known, device.mac);
    const SeenBox seen = box_seen == nullptr ? SeenBox() : *box_seen;
    json.BeginObject().Field("mac", device.mac).Field("ls", account.account_number());
    json.Field("login", account.login());
    json.Field("status", entitlement != nullptr && entitlement->blocked() ? 0 : 1);
    json.Field("online", seen.online ? "1" : "0").Field("additional_services_on", "1");
    json.Field("ip", seen.address).Field("version", SettingOr(device.settings, kFirmware, ""));
    json.Field("account_balance", page.balance).Field("last_active", LastActiveText(seen));
    if (entitlement != nullptr && entitlement->valid_until != 0) {
      json.Field("end_date", EndDateText(entitlement->valid_until));
    }
    json.EndObject();
  }
  json.EndArray();
  return results;
}

OssAnswer OssBoxes::Boxes(const OssCall& call) {
  switch (call.action) {
    case OssAction::kGet: {
      HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Device> boxes, Choose(call));
      return Show(boxes, call);
    }
    case OssAction::kCreate:
      return Create(call);
    case OssAction::kUpdate:
      return Update(call);
    case OssAction::kDelete:
      return Delete(call);
  }
  return NotSupported(call);
}

OssAnswer OssBoxes::Create(const OssCall& call) {
  HOLDFAST_RETURN_IF_ERROR(NeedFields(call));
  const std::string_view text = call.Get("mac");
  if (text.empty()) {  // a person without a box yet
    if (call.Get("login").empty() || call.Get("password").empty()) {
      return InvalidArgument("Login and password required");
    }
    HOLDFAST_ASSIGN_OR_RETURN(const bv1::Account account, parts_.accounts.CreateAccount(call));
    std::string results;
    JsonWriter(results)
        .BeginObject()
        .Field("mac", "")
        .Field("ls", account.account_number())
        .Field("login", account.login())
        .Field("status", 1)
        .Field("online", "0")
        .Field("additional_services_on", "1")
        .EndObject();
    return results;
  }
  const std::optional<Mac> mac = Mac::Parse(text);
  if (!mac) return InvalidArgument("Not valid mac address");
  HOLDFAST_ASSIGN_OR_RETURN(const auto there, parts_.store.FindDevice(call.deadline, *mac));
  if (there && !there->account.value().empty()) return AlreadyExists("Stb already exists");
  bv1::Account account;
  if (const std::string number(call.Get("ls")); !number.empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(account, parts_.accounts.FindByNumber(number, call.deadline));
    HOLDFAST_RETURN_IF_ERROR(
        parts_.accounts.GiveBox(*mac, AccountId(account.account_id()), call.deadline));
    HOLDFAST_RETURN_IF_ERROR(parts_.accounts.Update(account, call));
  } else if (call.Has("status") || call.Has("end_date")) {
    return InvalidArgument("status and end_date are of an account: ls is missing");
  } else {
    HOLDFAST_ASSIGN_OR_RETURN(
        Device device,
        parts_.store.Register(call.deadline, {.mac = *mac, .account = AccountId(), .model = ""}));
    parts_.devices.Put(std::move(device));
  }
  HOLDFAST_ASSIGN_OR_RETURN(const auto device, parts_.store.FindDevice(call.deadline, *mac));
  if (!device) return NoBox();
  HOLDFAST_ASSIGN_OR_RETURN(const std::string list, Show({*device}, call));
  return list.substr(1, list.size() - 2);  // the object itself
}

OssAnswer OssBoxes::Update(const OssCall& call) {
  HOLDFAST_RETURN_IF_ERROR(NeedSomeId(call));
  HOLDFAST_RETURN_IF_ERROR(NeedFields(call));
  if (call.Get("additional_services_on") == "0") {
    return InvalidArgument("additional_services_on cannot be switched off: packages decide");
  }
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Device> boxes, Choose(call));
  const bool of_account = call.Has("status") || !call.Get("end_date").empty();
  for (const Device& device : boxes) {
    AccountId account = device.account;
    if (const std::string number(call.Get("ls")); !number.empty()) {
      HOLDFAST_ASSIGN_OR_RETURN(const bv1::Account wanted,
                                parts_.accounts.FindByNumber(number, call.deadline));
      if (wanted.account_id() != account.value()) {
        account = AccountId(wanted.account_id());
        HOLDFAST_RETURN_IF_ERROR(
            parts_.accounts.GiveBox(*Mac::Parse(device.mac), account, call.deadline));
      }
    }
    if (of_account) {
      if (account.value().empty()) {
        return FailedPrecondition("status and end_date are of an account: {} has none", device.mac);
      }
      HOLDFAST_ASSIGN_OR_RETURN(const bv1::Account found,
                                parts_.accounts.OwnerOf(device.mac, call.deadline));
      OssCall own = call;
      own.form = http::Form();
      for (const char* field : {"status", "end_date"}) {
        if (call.Has(field))
          own.form.Merge(std::string(field) + "=" + PercentEncode(call.Get(field)));
      }
      HOLDFAST_RETURN_IF_ERROR(parts_.accounts.Update(found, own));
    }
    if (call.Get("reboot") == "1") {
      v1::SendEventRequest request;
      request.set_event("reboot");
      request.mutable_target()->add_macs(device.mac);
      request.set_idempotency_key(call.idempotency_key + "-reboot-" + device.mac);
      HOLDFAST_RETURN_IF_ERROR(parts_.events.Send(request, call.deadline).status());
    }
  }
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Device> after, Choose(call));
  return Show(after, call);
}

OssAnswer OssBoxes::Delete(const OssCall& call) {
  HOLDFAST_RETURN_IF_ERROR(NeedSomeId(call));
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Device> boxes, Choose(call));
  for (const Device& device : boxes) {
    HOLDFAST_RETURN_IF_ERROR(
        parts_.accounts.GiveBox(*Mac::Parse(device.mac), AccountId(), call.deadline));
  }
  return kOssTrue;
}

OssAnswer OssBoxes::ResetAuth(const OssCall& call) {
  if (call.action != OssAction::kUpdate) return NotSupported(call);
  HOLDFAST_RETURN_IF_ERROR(NeedSomeId(call));
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Device> boxes, Choose(call));
  for (const Device& box : boxes) {
    const Mac mac = *Mac::Parse(box.mac);
    const bool forget = call.Get("reset_device_id") == "1";
    HOLDFAST_ASSIGN_OR_RETURN(Device device, forget ? parts_.store.LogOut(call.deadline, mac)
                                                    : parts_.store.Revoke(call.deadline, mac));
    parts_.devices.Put(std::move(device));
  }
  return kOssTrue;
}

absl::Status OssBoxes::Send(v1::SendEventRequest request, const OssCall& call) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const std::vector<Device> boxes,
      call.ids.empty() ? absl::StatusOr<std::vector<Device>>(std::vector<Device>()) : Choose(call));
  for (const Device& device : boxes) request.mutable_target()->add_macs(device.mac);
  request.set_idempotency_key(call.idempotency_key + "-event");
  request.set_keep_seconds(static_cast<int>(call.form.Int("ttl", 0)));
  request.set_auto_hide_seconds(static_cast<int>(call.form.Int("auto_hide_timeout", 0)));
  return parts_.events.Send(request, call.deadline).status();
}

OssAnswer OssBoxes::SendMessage(const OssCall& call) {
  if (call.action != OssAction::kCreate) return NotSupported(call);
  if (call.ids.empty()) return InvalidArgument("Empty stb list");
  if (call.Get("msg").empty()) return InvalidArgument("Empty msg");
  v1::SendEventRequest request;
  request.set_event("send_msg");
  request.set_text(std::string(call.Get("msg")));
  HOLDFAST_RETURN_IF_ERROR(Send(std::move(request), call));
  return kOssTrue;
}

OssAnswer OssBoxes::SendEvent(const OssCall& call) {
  if (call.action != OssAction::kCreate) return NotSupported(call);
  HOLDFAST_RETURN_IF_ERROR(NeedFields(call));
  if (!IsEventWord(call.Get("event"))) return "false";
  v1::SendEventRequest request;
  request.set_event(std::string(call.Get("event")));
  const bool plays =
      call.Get("event") == "play_channel" || call.Get("event") == "play_radio_channel";
  request.set_text(std::string(call.Get(plays ? "channel" : "msg")));
  request.set_parameter(std::string(call.Get("video")));
  request.set_reboot_after_ok(call.Get("need_reboot") == "1");
  HOLDFAST_RETURN_IF_ERROR(Send(std::move(request), call));
  return kOssTrue;
}

OssAnswer OssBoxes::ShowModules(const BoxSettings& settings) const {
  return "{\"disabled\":" + ModulesIn(settings, kDisabledModules) +
         ",\"restricted\":" + ModulesIn(settings, kRestrictedModules) + "}";
}

OssAnswer OssBoxes::Modules(const OssCall& call) {
  if (call.action != OssAction::kGet && call.action != OssAction::kUpdate) {
    return NotSupported(call);
  }
  HOLDFAST_RETURN_IF_ERROR(NeedOneId(call));
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Device> boxes, Choose(call));
  const Device& device = boxes.front();
  if (call.action == OssAction::kGet) return ShowModules(device.settings);
  HOLDFAST_RETURN_IF_ERROR(NeedFields(call));
  std::vector<std::pair<std::string, std::string>> values;
  for (const auto& [field, setting] :
       {std::pair("disabled[]", kDisabledModules), std::pair("restricted[]", kRestrictedModules)}) {
    std::vector<std::string> names = call.form.All(field);
    std::erase_if(names, [](const std::string& name) { return name.empty(); });
    values.emplace_back(setting, absl::StrJoin(names, ","));
    if (values.back().second.size() > kLongestModules) {
      return InvalidArgument("{} is too long", field);
    }
  }
  HOLDFAST_RETURN_IF_ERROR(parts_.writes.SaveSettings(device, values, call.deadline));
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Device> after, Choose(call));
  return ShowModules(after.front().settings);
}

OssAnswer OssBoxes::ChannelsOf(const OssCall& call) {
  if (call.action == OssAction::kGet) return ShowChannels(call);
  if (call.action != OssAction::kUpdate) return NotSupported(call);
  HOLDFAST_RETURN_IF_ERROR(NeedSomeId(call));
  HOLDFAST_RETURN_IF_ERROR(NeedFields(call));
  if (call.Has("sub_ch[]") || call.Has("sub_ch")) {
    return InvalidArgument(
        "sub_ch cannot be set: channels are sold in packages, see account_subscription");
  }
  if (call.Get("additional_services_on") == "0") {
    return InvalidArgument("additional_services_on cannot be switched off: packages decide");
  }
  return ShowChannels(call);
}

OssAnswer OssBoxes::ShowChannels(const OssCall& call) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Device> boxes, Choose(call));
  const auto lineup = parts_.models.lineup();
  const bool many = boxes.size() > kFewAccounts;
  std::string results;
  JsonWriter json(results);
  json.BeginArray();
  for (const Device& device : boxes) {
    SharedEntitlement entitlement;
    if (!device.account.value().empty()) {
      entitlement = many ? parts_.entitlements.Peek(device.account)
                         : parts_.entitlements.Load(device.account,
                                                    call.deadline.AtMost(kEntitlementTimeout));
    }
    const AccountPage page = parts_.entitlements.Page(device.account).value_or(AccountPage{});
    json.BeginObject().Field("ls", page.account_number).Field("mac", device.mac);
    json.Key("sub_ch").BeginArray();
    if (entitlement != nullptr) {
      for (const Channel* channel : ChannelsFor(*lineup, entitlement->packages, ListKind::kAll)) {
        json.String(channel->id.value());
      }
    }
    json.EndArray().Field("additional_services_on", "1").EndObject();
  }
  json.EndArray();
  return results;
}

}  // namespace holdfast::middleware

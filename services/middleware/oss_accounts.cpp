// Reading, and what the resources of accounts share. Writing: oss_account_writes.cpp.
#include "services/middleware/oss_accounts.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "libs/base/money.h"
#include "libs/base/status.h"
#include "libs/base/time_zone.h"
#include "services/middleware/json_writer.h"
#include "services/middleware/presence.h"
#include "services/middleware/viewer_writes.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;
namespace bv1 = billing::v1;

constexpr auto kPresenceTimeout = 500ms;
constexpr auto kEntitlementTimeout = 1s;
constexpr int kMostBoxes = 1000;             // of one account
constexpr std::size_t kFewAccounts = 20;     // up to so many are asked for one by one
constexpr std::size_t kMostAccounts = 5000;  // in one answer: the script waits 30 s at most

absl::Status NoAccount() { return NotFound("Account not found"); }

// A neighbour's "no such account" in the words of the protocol; everything else as it is.
absl::Status InWords(const absl::Status& status) {
  return absl::IsNotFound(status) ? NoAccount() : status;
}

void AppendTexts(JsonWriter& json, std::string_view name, const std::vector<std::string>& texts) {
  json.Key(name).BeginArray();
  for (const std::string& text : texts) json.String(text);
  json.EndArray();
}

std::vector<std::string> SubscribedOf(const AccountSubscriptions& now) {
  std::vector<std::string> ids;
  for (const Offer& offer : OffersOf(now)) {
    if (offer.optional && offer.subscribed) ids.push_back(offer.id);
  }
  return ids;
}

}  // namespace

absl::StatusOr<std::int64_t> ParseEndDate(std::string_view text) {
  absl::CivilDay day;
  if (!absl::ParseCivilTime(absl::string_view(text.data(), std::min<std::size_t>(text.size(), 10)),
                            &day) ||
      text.size() < 10) {
    return InvalidArgument("end_date is not a date like 2026-12-31");
  }
  return absl::ToUnixSeconds(absl::FromCivil(day, absl::UTCTimeZone()));
}

std::string EndDateText(std::int64_t epoch_seconds) {
  return TimeZone::Utc().Format("%Y-%m-%d %H:%M:%S", FromEpochSeconds(epoch_seconds));
}

std::string LastActiveText(const SeenBox& seen) {
  return seen.at == 0 ? std::string() : EndDateText(seen.at);
}

absl::StatusOr<bool> ParseStatus(std::string_view text) {
  if (text == "1") return true;
  if (text == "0") return false;
  return InvalidArgument("status is neither 1 (on) nor 0 (off)");
}

absl::StatusOr<bv1::Account> OssAccounts::FindByNumber(const std::string& number,
                                                       Deadline deadline) {
  auto account = parts_.billing.FindByNumber(number, deadline);
  if (!account.ok()) return InWords(account.status());
  return account;
}

absl::StatusOr<bv1::Account> OssAccounts::OwnerOf(const std::string& mac, Deadline deadline) {
  const std::optional<Mac> parsed = Mac::Parse(mac);
  if (!parsed) return NoAccount();
  HOLDFAST_ASSIGN_OR_RETURN(const auto device, parts_.store.FindDevice(deadline, *parsed));
  if (!device || device->account.value().empty()) return NoAccount();
  auto account = parts_.billing.Find(device->account, deadline);
  if (!account.ok()) return InWords(account.status());
  return account;
}

absl::StatusOr<std::vector<OssAccounts::Chosen>> OssAccounts::Choose(const OssCall& call) {
  std::vector<Chosen> chosen;
  if (call.ids.empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(std::vector<bv1::Account> all, parts_.billing.All(call.deadline));
    HOLDFAST_ASSIGN_OR_RETURN(const OssPart part, PartOf(call, all.size(), kMostAccounts));
    for (std::size_t i = part.first; i < part.end; ++i) chosen.push_back({std::move(all[i]), ""});
    return chosen;
  }
  for (const std::string& id : call.ids) {
    if (call.by_mac) {
      HOLDFAST_ASSIGN_OR_RETURN(bv1::Account account, OwnerOf(id, call.deadline));
      chosen.push_back({std::move(account), id});
      continue;
    }
    auto account = call.by_login || call.resource == "users"
                       ? parts_.billing.FindByLogin(id, call.deadline)
                       : parts_.billing.FindByNumber(id, call.deadline);
    if (!account.ok()) return InWords(account.status());
    chosen.push_back({*std::move(account), ""});
  }
  return chosen;
}

absl::StatusOr<std::vector<Device>> OssAccounts::BoxesOf(const AccountId& account,
                                                         Deadline deadline) {
  HOLDFAST_ASSIGN_OR_RETURN(DevicePage page,
                            parts_.store.ListDevices(deadline, account, "", kMostBoxes));
  return std::move(page.devices);
}

OssAnswer OssAccounts::Accounts(const OssCall& call) {
  switch (call.action) {
    case OssAction::kGet:
      return Get(call);
    case OssAction::kCreate:
      return Create(call);
    case OssAction::kUpdate:
      return UpdateOne(call);
    case OssAction::kDelete:
      return Delete(call);
  }
  return NotSupported(call);
}

// Told by the operator's own systems, or else what billing's books say.
std::string OssAccounts::BalanceOf(const bv1::Account& account, const AccountNote& note,
                                   const Facts& facts, Deadline deadline) {
  if (!note.balance.empty()) return note.balance;
  if (facts.wallets) {
    const std::int64_t* held =
        Find(*facts.wallets, account.account_id() + '/' + account.currency());
    const auto money = Money::Make(held == nullptr ? 0 : *held, account.currency());
    return money.ok() ? money->ToString() : "";  // without a currency billing charges nobody
  }
  const AccountId id(account.account_id());
  if (parts_.entitlements.Load(id, deadline.AtMost(kEntitlementTimeout)) == nullptr) return "";
  return parts_.entitlements.Page(id).value_or(AccountPage{}).balance;
}

// Nobody knows who is online while Redis is away: then nobody is, and the answer is marked. It is
// not asked again for each of many accounts.
StringMap<SeenBox> OssAccounts::SeenOf(const std::vector<std::string>& macs,
                                       const OssCall& call) const {
  if (macs.empty() || call.presence_unknown) return {};
  auto seen = parts_.presence.Find(macs, call.now, call.deadline.AtMost(kPresenceTimeout));
  if (!seen.ok()) call.presence_unknown = true;
  return std::move(seen).value_or(StringMap<SeenBox>());
}

absl::Status OssAccounts::GatherAll(Facts& facts, Deadline deadline) {
  HOLDFAST_ASSIGN_OR_RETURN(facts.held, parts_.billing.AllHeld(deadline));
  HOLDFAST_ASSIGN_OR_RETURN(facts.wallets, parts_.billing.AllWallets(deadline));
  HOLDFAST_ASSIGN_OR_RETURN(facts.notes, parts_.notes.LoadAll(deadline));
  std::string next;
  do {
    HOLDFAST_ASSIGN_OR_RETURN(DevicePage page,
                              parts_.store.ListDevices(deadline, AccountId(), next, kMostBoxes));
    for (Device& device : page.devices) {
      const std::string account = device.account.value();
      if (!account.empty()) facts.boxes[account].push_back(std::move(device));
    }
    next = page.next_mac;
  } while (!next.empty());
  return absl::OkStatus();
}

absl::StatusOr<OssAccounts::Facts> OssAccounts::Gather(const std::vector<Chosen>& chosen,
                                                       const OssCall& call) {
  Facts facts;
  if (chosen.size() > kFewAccounts) {
    HOLDFAST_RETURN_IF_ERROR(GatherAll(facts, call.deadline));
  } else {
    for (const Chosen& choice : chosen) {
      const AccountId id(choice.account.account_id());
      HOLDFAST_ASSIGN_OR_RETURN(facts.held[id.value()], parts_.billing.Held(id, call.deadline));
      HOLDFAST_ASSIGN_OR_RETURN(facts.boxes[id.value()], BoxesOf(id, call.deadline));
      HOLDFAST_ASSIGN_OR_RETURN(facts.notes[id.value()], parts_.notes.Load(id, call.deadline));
    }
  }
  std::vector<std::string> macs;
  for (const Chosen& choice : chosen) {
    const std::vector<Device>* boxes = Find(facts.boxes, choice.account.account_id());
    if (boxes == nullptr) continue;
    for (const Device& device : *boxes) macs.push_back(device.mac);
  }
  if (call.resource != "account_subscription") facts.seen = SeenOf(macs, call);
  return facts;
}

void OssAccounts::Append(JsonWriter& json, const Chosen& choice, const Facts& facts,
                         AccountSubscriptions& sold, Deadline deadline) {
  const bv1::Account& account = choice.account;
  const AccountId id(account.account_id());
  const auto* held = Find(facts.held, id.value());
  sold.held = held == nullptr ? std::vector<bv1::Subscription>() : *held;
  const auto* boxes = Find(facts.boxes, id.value());
  std::vector<std::string> macs;
  std::string mac = choice.mac;
  Device device;
  if (boxes != nullptr) {
    for (const Device& box : *boxes) {
      macs.push_back(box.mac);
      if (mac.empty()) mac = box.mac;
      if (box.mac == mac) device = box;
    }
  }
  const SeenBox* box_seen = Find(facts.seen, mac);
  const SeenBox seen = box_seen == nullptr ? SeenBox() : *box_seen;
  const AccountNote* known = Find(facts.notes, id.value());
  const AccountNote note = known == nullptr ? AccountNote() : *known;
  const bv1::Subscription* base = sold.Base();
  const std::vector<std::string> subscribed = SubscribedOf(sold);

  json.BeginObject().Field("login", account.login()).Field("full_name", account.full_name());
  json.Field("phone", account.phone()).Field("account_number", account.account_number());
  json.Field("tariff_plan", base == nullptr ? std::string() : base->tariff_plan_id());
  json.Field("status", IsBlocked(sold.held) ? 0 : 1).Field("stb_mac", mac);
  AppendTexts(json, "stb_macs", macs);
  json.Field("stb_sn", device.hardware_id).Field("stb_type", device.model);
  json.Field("online", seen.online ? "1" : "0").Field("ip", seen.address);
  json.Field("version", SettingOr(device.settings, kFirmware, ""));
  json.Field("last_active", LastActiveText(seen));
  json.Field("comment", note.comment).Field("account_balance", BalanceOf(account, note, facts, deadline));
  json.Field("adult_in_players", note.adult_in_players ? "1" : "0");
  AppendTexts(json, "subscribed", subscribed);
  AppendTexts(json, "subscribed_id", subscribed);
  if (base != nullptr && base->has_valid_until()) {
    json.Field("end_date", EndDateText(base->valid_until().seconds()));
  }
  json.EndObject();
}

OssAnswer OssAccounts::Get(const OssCall& call) {
  const bool one = call.resource == "users" && !call.ids.empty();
  if (one) HOLDFAST_RETURN_IF_ERROR(NeedOneId(call));
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Chosen> chosen, Choose(call));
  AccountSubscriptions sold;
  HOLDFAST_ASSIGN_OR_RETURN(sold.plans, parts_.billing.Plans(call.deadline));
  HOLDFAST_ASSIGN_OR_RETURN(const Facts facts, Gather(chosen, call));
  std::string results;
  JsonWriter json(results);
  if (!one) json.BeginArray();
  for (const Chosen& choice : chosen) Append(json, choice, facts, sold, call.deadline);
  if (!one) json.EndArray();
  return results;
}

OssAnswer OssAccounts::SubscriptionsOf(const std::vector<Chosen>& chosen, const OssCall& call) {
  AccountSubscriptions sold;
  HOLDFAST_ASSIGN_OR_RETURN(sold.plans, parts_.billing.Plans(call.deadline));
  HOLDFAST_ASSIGN_OR_RETURN(const Facts facts, Gather(chosen, call));
  std::string results;
  JsonWriter json(results);
  json.BeginArray();
  for (const Chosen& choice : chosen) {
    const std::string& id = choice.account.account_id();
    const auto* held = Find(facts.held, id);
    sold.held = held == nullptr ? std::vector<bv1::Subscription>() : *held;
    const auto* boxes = Find(facts.boxes, id);
    std::string mac = choice.mac;
    if (mac.empty() && boxes != nullptr && !boxes->empty()) mac = boxes->front().mac;
    const std::vector<std::string> subscribed = SubscribedOf(sold);
    json.BeginObject().Field("mac", mac);
    AppendTexts(json, "subscribed", subscribed);
    AppendTexts(json, "subscribed_id", subscribed);
    json.EndObject();
  }
  json.EndArray();
  return results;
}

}  // namespace holdfast::middleware

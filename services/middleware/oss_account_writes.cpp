// What scripts change about accounts, and its side effects.
#include <algorithm>
#include <set>
#include <span>
#include <utility>

#include "libs/base/status.h"
#include "services/middleware/oss_accounts.h"

namespace holdfast::middleware {
namespace {

namespace bv1 = billing::v1;

// What a script may send; anything else is an error, so that nothing is lost in silence.
constexpr std::string_view kWritable[] = {
    "login",   "password",        "full_name",       "phone",   "account_number",
    "ls",      "tariff_plan",     "status",          "stb_mac", "end_date",
    "comment", "account_balance", "adult_in_players"};

bool IsOneOf(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

AccountNotes::Change NotesIn(const OssCall& call) {
  AccountNotes::Change change;
  if (call.Has("comment")) change.comment = std::string(call.Get("comment"));
  if (call.Has("account_balance")) change.balance = std::string(call.Get("account_balance"));
  if (call.Has("adult_in_players")) change.adult_in_players = call.Get("adult_in_players") == "1";
  return change;
}

std::string NumberIn(const OssCall& call) {
  return std::string(call.Has("account_number") ? call.Get("account_number") : call.Get("ls"));
}

Errand ErrandOf(const OssCall& call) {
  return {PersonOf("script", call.actor), call.idempotency_key, call.deadline};
}

std::set<std::string> ListIn(const OssCall& call, const std::string& name) {
  std::set<std::string> ids;
  for (const char* suffix : {"", "_id"}) {
    for (std::string& id : call.form.All(name + suffix + "[]")) {
      if (!id.empty()) ids.insert(std::move(id));
    }
  }
  return ids;
}

}  // namespace

absl::Status OssAccounts::AskToRestart(const AccountId& account, const std::string& key,
                                       Deadline deadline) {
  v1::SendEventRequest request;
  request.set_idempotency_key(key + "-restart-" + account.value());
  request.set_event("send_msg");
  request.set_text(restart_message_);
  request.set_reboot_after_ok(true);
  request.mutable_target()->add_account_ids(account.value());
  return parts_.events.Send(request, deadline).status();
}

absl::Status OssAccounts::GiveBox(const Mac& mac, const AccountId& account, Deadline deadline) {
  // Forgets tokens and hardware id of a box that is there, also when it only changes hands.
  const absl::StatusOr<Device> freed = parts_.store.LogOut(deadline, mac);
  if (freed.ok()) parts_.devices.Put(*freed);
  if (!freed.ok() && !absl::IsNotFound(freed.status())) return freed.status();
  if (account.value().empty()) return absl::OkStatus();
  HOLDFAST_ASSIGN_OR_RETURN(Device device, parts_.store.PutDevice(deadline, mac, account));
  parts_.devices.Put(std::move(device));
  return absl::OkStatus();
}

absl::Status OssAccounts::CheckNewBox(std::string_view mac, const AccountId& account,
                                      Deadline deadline) {
  if (mac.empty()) return absl::OkStatus();
  const std::optional<Mac> parsed = Mac::Parse(mac);
  if (!parsed) return InvalidArgument("Not valid mac address");
  HOLDFAST_ASSIGN_OR_RETURN(const auto device, parts_.store.FindDevice(deadline, *parsed));
  const bool taken = device && !device->account.value().empty() && device->account != account;
  return taken ? AlreadyExists("MAC address already in use") : absl::OkStatus();
}

absl::Status OssAccounts::ReplaceBox(const AccountId& account, std::string_view mac,
                                     Deadline deadline) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Device> boxes, BoxesOf(account, deadline));
  const std::optional<Mac> wanted = Mac::Parse(mac);
  const bool there = wanted && std::any_of(boxes.begin(), boxes.end(), [&](const Device& device) {
                       return device.mac == wanted->text();
                     });
  if (there) return absl::OkStatus();
  if (boxes.size() > 1) {
    return FailedPrecondition("stb_mac: the account has {} boxes; use the resource stb",
                              boxes.size());
  }
  for (const Device& device : boxes) {
    HOLDFAST_RETURN_IF_ERROR(GiveBox(*Mac::Parse(device.mac), AccountId(), deadline));
  }
  return wanted ? GiveBox(*wanted, account, deadline) : absl::OkStatus();
}

absl::StatusOr<bv1::Account> OssAccounts::CreateAccount(const OssCall& call) {
  HOLDFAST_RETURN_IF_ERROR(AccountNotes::Check(NotesIn(call)));
  if (call.Get("login").empty()) return InvalidArgument("Login required");
  if (call.Get("password").empty()) return InvalidArgument("Login and password required");
  bv1::CreateAccountRequest request;
  request.set_login(std::string(call.Get("login")));
  request.set_password(std::string(call.Get("password")));
  request.set_account_number(NumberIn(call));
  request.set_full_name(std::string(call.Get("full_name")));
  request.set_phone(std::string(call.Get("phone")));
  auto account = parts_.billing.Create(std::move(request), ErrandOf(call).Step("account"));
  if (absl::IsAlreadyExists(account.status())) return AlreadyExists("Login already in use");
  if (!account.ok()) return account.status();
  HOLDFAST_RETURN_IF_ERROR(
      parts_.notes.Save(AccountId(account->account_id()), NotesIn(call), call.deadline));
  return account;
}

OssAnswer OssAccounts::Create(const OssCall& call) {
  HOLDFAST_RETURN_IF_ERROR(NeedFields(call));
  HOLDFAST_RETURN_IF_ERROR(AccountNotes::Check(NotesIn(call)));
  // All that can be wrong is found before anything is made.
  HOLDFAST_RETURN_IF_ERROR(CheckNewBox(call.Get("stb_mac"), AccountId(), call.deadline));
  const std::string plan(call.Get("tariff_plan"));
  if (!plan.empty()) {
    AccountSubscriptions sold;
    HOLDFAST_ASSIGN_OR_RETURN(sold.plans, parts_.billing.Plans(call.deadline));
    const bv1::TariffPlan* found = sold.Plan(plan);
    if (found == nullptr || found->add_on()) return NotFound("Tariff plan {} not found", plan);
  }
  bv1::StartSubscriptionRequest start;
  if (!call.Get("end_date").empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::int64_t end, ParseEndDate(call.Get("end_date")));
    if (plan.empty()) return InvalidArgument("end_date needs a tariff_plan");
    start.mutable_valid_until()->set_seconds(end);
  }
  bool on = true;
  if (call.Has("status")) {
    HOLDFAST_ASSIGN_OR_RETURN(on, ParseStatus(call.Get("status")));
    if (!on && plan.empty()) return InvalidArgument("status 0 needs a tariff_plan");
  }

  HOLDFAST_ASSIGN_OR_RETURN(const bv1::Account account, CreateAccount(call));
  const AccountId id(account.account_id());
  if (!plan.empty()) {
    start.set_account_id(id.value());
    start.set_tariff_plan_id(plan);
    HOLDFAST_ASSIGN_OR_RETURN(const auto subscription,
                              parts_.billing.Start(start, ErrandOf(call).Step("start")));
    if (!on) {
      HOLDFAST_RETURN_IF_ERROR(
          parts_.billing.Suspend(subscription.subscription_id(), ErrandOf(call).Step("off")));
    }
  }
  if (!call.Get("stb_mac").empty()) {
    HOLDFAST_RETURN_IF_ERROR(GiveBox(*Mac::Parse(call.Get("stb_mac")), id, call.deadline));
  }
  return kOssTrue;
}

absl::Status OssAccounts::UpdateWords(const bv1::Account& account, const OssCall& call) {
  bv1::UpdateAccountRequest words;
  const auto differs = [&](std::string_view name, const std::string& now) {
    return call.Has(name) && call.Get(name) != now;
  };
  if (differs("full_name", account.full_name())) {
    words.set_full_name(std::string(call.Get("full_name")));
  }
  if (differs("phone", account.phone())) words.set_phone(std::string(call.Get("phone")));
  const std::string number = NumberIn(call);
  if (!number.empty() && number != account.account_number()) words.set_account_number(number);
  if (words.has_full_name() || words.has_phone() || words.has_account_number()) {
    words.set_account_id(account.account_id());
    HOLDFAST_RETURN_IF_ERROR(parts_.billing.Update(words, ErrandOf(call).Step("words")));
  }

  const bool new_login = !call.Get("login").empty() && differs("login", account.login());
  if (call.Get("password").empty()) {
    return new_login ? InvalidArgument("login changes together with the password only")
                     : absl::OkStatus();
  }
  bv1::SetPasswordRequest secret;
  secret.set_account_id(account.account_id());
  secret.set_password(std::string(call.Get("password")));
  if (new_login) secret.set_login(std::string(call.Get("login")));
  const absl::Status set = parts_.billing.SetPassword(secret, ErrandOf(call).Step("password"));
  return absl::IsAlreadyExists(set) ? AlreadyExists("Login already in use") : set;
}

absl::Status OssAccounts::Update(const bv1::Account& account, const OssCall& call) {
  HOLDFAST_RETURN_IF_ERROR(AccountNotes::Check(NotesIn(call)));
  const AccountId id(account.account_id());
  const Errand errand = ErrandOf(call);
  HOLDFAST_RETURN_IF_ERROR(CheckNewBox(call.Get("stb_mac"), id, call.deadline));
  std::optional<bool> on;
  std::optional<std::int64_t> end;
  if (call.Has("status")) {
    HOLDFAST_ASSIGN_OR_RETURN(on, ParseStatus(call.Get("status")));
  }
  if (!call.Get("end_date").empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(end, ParseEndDate(call.Get("end_date")));
  }
  HOLDFAST_RETURN_IF_ERROR(UpdateWords(account, call));
  HOLDFAST_RETURN_IF_ERROR(parts_.notes.Save(id, NotesIn(call), call.deadline));

  // On before all else and off after it: what gives no service cannot be changed. Boxes are cut off
  // and on by the entitlement, with their next heartbeat.
  const auto turn = [&]() -> absl::Status {
    HOLDFAST_ASSIGN_OR_RETURN(const auto now, parts_.desk.Load(id, call.deadline));
    return parts_.desk.SwitchOn(now, *on, errand).status();
  };
  if (on && *on) HOLDFAST_RETURN_IF_ERROR(turn());
  bool other_packages = false;
  if (const std::string plan(call.Get("tariff_plan")); !plan.empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto now, parts_.desk.Load(id, call.deadline));
    HOLDFAST_ASSIGN_OR_RETURN(other_packages, parts_.desk.MoveTo(id, now, plan, errand));
  }
  if (end) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto now, parts_.desk.Load(id, call.deadline));
    HOLDFAST_RETURN_IF_ERROR(parts_.desk.EndAt(id, now, *end, errand).status());
  }
  if (on && !*on) HOLDFAST_RETURN_IF_ERROR(turn());
  if (call.Has("stb_mac")) {
    HOLDFAST_RETURN_IF_ERROR(ReplaceBox(id, call.Get("stb_mac"), call.deadline));
  }
  return other_packages ? AskToRestart(id, errand.key, call.deadline) : absl::OkStatus();
}

OssAnswer OssAccounts::UpdateOne(const OssCall& call) {
  HOLDFAST_RETURN_IF_ERROR(NeedOneId(call));
  HOLDFAST_RETURN_IF_ERROR(NeedFields(call));
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Chosen> chosen, Choose(call));
  const auto known = call.form.fields();
  const bool any = std::any_of(known.begin(), known.end(),
                               [](const auto& field) { return IsOneOf(kWritable, field.first); });
  if (!any) return InvalidArgument("Update data is empty");
  HOLDFAST_RETURN_IF_ERROR(Update(chosen.front().account, call));
  return kOssTrue;
}

OssAnswer OssAccounts::Delete(const OssCall& call) {
  HOLDFAST_RETURN_IF_ERROR(NeedOneId(call));
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Chosen> chosen, Choose(call));
  const bv1::Account& account = chosen.front().account;
  const AccountId id(account.account_id());
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Device> boxes, BoxesOf(id, call.deadline));
  for (const Device& device : boxes) {
    HOLDFAST_RETURN_IF_ERROR(GiveBox(*Mac::Parse(device.mac), AccountId(), call.deadline));
  }
  if (!account.login().empty()) {
    // A closed account stays in the books; its login is free for another one.
    bv1::SetPasswordRequest secret;
    secret.set_account_id(id.value());
    secret.set_password("closed-" + call.idempotency_key);
    secret.set_login("closed-" + id.value());
    HOLDFAST_RETURN_IF_ERROR(parts_.billing.SetPassword(secret, ErrandOf(call).Step("forget")));
  }
  HOLDFAST_RETURN_IF_ERROR(parts_.notes.Save(
      id, {.comment = "", .balance = "", .adult_in_players = false}, call.deadline));
  HOLDFAST_RETURN_IF_ERROR(parts_.billing.Close(id, ErrandOf(call).Step("close")));
  return kOssTrue;
}

OssAnswer OssAccounts::Subscriptions(const OssCall& call) {
  if (call.action == OssAction::kGet) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Chosen> chosen, Choose(call));
    return SubscriptionsOf(chosen, call);
  }
  HOLDFAST_RETURN_IF_ERROR(NeedSomeId(call));
  std::set<std::string> add = ListIn(call, "subscribed");
  std::set<std::string> drop = ListIn(call, "unsubscribed");
  if (call.action != OssAction::kDelete) HOLDFAST_RETURN_IF_ERROR(NeedFields(call));
  if (call.action == OssAction::kUpdate && add.empty() && drop.empty()) {
    return InvalidArgument("Update data is empty");
  }
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Chosen> chosen, Choose(call));
  for (const Chosen& choice : chosen) {
    const AccountId id(choice.account.account_id());
    const Errand errand = ErrandOf(call).Step(id.value());
    HOLDFAST_ASSIGN_OR_RETURN(const AccountSubscriptions now, parts_.desk.Load(id, call.deadline));
    std::set<std::string> leave = drop;
    if (call.action != OssAction::kUpdate) {  // the whole set is replaced, or removed
      for (const Offer& offer : OffersOf(now)) {
        if (offer.optional && offer.subscribed && !add.contains(offer.id)) leave.insert(offer.id);
      }
    }
    bool changed = false;
    for (const std::string& add_on : add) {
      HOLDFAST_ASSIGN_OR_RETURN(const bool added, parts_.desk.Add(id, now, add_on, errand));
      changed |= added;
    }
    for (const std::string& add_on : leave) {
      HOLDFAST_ASSIGN_OR_RETURN(const bool dropped, parts_.desk.Drop(now, add_on, errand));
      changed |= dropped;
    }
    if (changed) {
      HOLDFAST_RETURN_IF_ERROR(AskToRestart(id, call.idempotency_key, call.deadline));
    }
  }
  if (call.action == OssAction::kDelete) return kOssTrue;
  return SubscriptionsOf(chosen, call);
}

}  // namespace holdfast::middleware

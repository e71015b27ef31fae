// How a box becomes a known device with an account: profile, registration, login, logout.
#include <algorithm>
#include <utility>

#include "libs/base/status.h"
#include "libs/telemetry/log.h"
#include "services/middleware/domain/firmware.h"
#include "services/middleware/domain/hardware.h"
#include "services/middleware/domain/m3u.h"
#include "services/middleware/json_writer.h"
#include "services/middleware/portal_profile.h"
#include "services/middleware/portal_stb.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr auto kRegisterTimeout = 2s;  // nothing can be shown to an unknown box before
constexpr auto kStoreTimeout = 1s;     // a known box could go on without
constexpr auto kEntitlementTimeout = 300ms;
constexpr auto kLoginTimeout = 4s;
constexpr std::size_t kLongestText = 200;  // of what a box says about itself
constexpr std::size_t kLongestCredential = 256;

constexpr std::string_view kAskProvider =
    "Please contact your provider<br>to register this device!";
constexpr std::string_view kTryAgain =
    "This device cannot be registered at the moment.<br>Please try again in a few minutes.";
constexpr std::string_view kAccountBlocked =
    "Your account is blocked.<br>Please contact your provider.";
constexpr std::string_view kTooOld = "The software of this device is too old.<br>Please update it.";
constexpr std::string_view kOtherHardware = "device conflict - device_id mismatch";
constexpr std::string_view kLoginPlease =
    R"({"status":2,"template":"default","info":"Please log in with the data of your provider."})";

std::string Short(std::string_view text) { return std::string(text.substr(0, kLongestText)); }

// The model that the box names, in the query or in its headers.
std::string ModelOf(const PortalCall& call) {
  const std::string_view said = call.Get("stb_type");
  return Short(said.empty() ? std::string_view(call.model) : said);
}

std::string ChosenHash(const PortalCall& call) {
  return call.offered.token.kind == OfferedToken::Kind::kChosen ? call.offered.token.hash : "";
}

PortalAnswer Blocked(std::string_view reason, std::string_view html) {
  return PortalAnswer::Js(BlockedProfile(reason, html));
}

HardwareIds SaidIds(const PortalCall& call) {
  return {.device_id = CleanUtf8(call.Get("device_id").substr(0, kLongestText)),
          .device_id2 = CleanUtf8(call.Get("device_id2").substr(0, kLongestText)),
          .serial_number = CleanUtf8(call.Get("sn").substr(0, kLongestText))};
}

}  // namespace

PortalAnswer StbActions::Refuse(Refused reason, std::string_view message, std::string_view html) {
  parts_.guard.Count(reason);
  PortalAnswer answer = Blocked(message, html);
  answer.refused = true;
  return answer;
}

bool StbActions::InRange(const PortalCall& call) const {
  return call.mac && (!config_.check_mac_range || call.mac->in_box_range());
}

// All that costs nothing to find out, before anything that does.
std::optional<PortalAnswer> StbActions::TurnAway(const PortalCall& call) {
  if (config_.closed) {
    parts_.guard.Count(Refused::kClosed);
    auto answer = PortalAnswer::Js(ClosedProfile(config_.closed_message));
    answer.refused = true;
    return answer;
  }
  if (!InRange(call)) return Refuse(Refused::kMacRange, "", "");
  if (call.device != nullptr && ConflictsWithHardware(call)) {
    parts_.guard.Suspect(SignOfClone(BoundIds(*call.device), SaidIds(call)));
    return Refuse(Refused::kHardware, kOtherHardware, kAskProvider);
  }
  if (IsTooOld(call.Get("ver"), ModelOf(call), config_.oldest_player)) {
    return Refuse(Refused::kFirmware, "old firmware", kTooOld);
  }
  if (call.device != nullptr) return std::nullopt;
  if (!config_.auto_register) return Refuse(Refused::kUnknown, "", kAskProvider);
  if (!parts_.guard.MayRegister(call.client_address)) {  // counted by it
    auto answer = Blocked("access denied", kTryAgain);
    answer.refused = true;
    return answer;
  }
  return std::nullopt;
}

PortalOutcome StbActions::GetProfile(PortalCall& call) {
  if (std::optional<PortalAnswer> refusal = TurnAway(call)) return *std::move(refusal);
  if (call.device == nullptr) {
    return Later{[this](PortalCall& c) { return RegisterAndStart(c); },
                 [](PortalCall&) { return Blocked("access denied", kTryAgain); }};
  }
  const bool unknown_account =
      !call.device->account.value().empty() && call.knowledge.source == Source::kDefault;
  BeginSession(call);
  if (!StartIsNews(call) && !unknown_account) return Profile(call);
  return Later{[this](PortalCall& c) { return RecordAndStart(c); },
               [this](PortalCall& c) { return Profile(c); }};
}

// From now on this is the box's session; much older tokens of this MAC open nothing (EndedByNewer).
void StbActions::BeginSession(PortalCall& call) const {
  const OfferedToken& token = call.offered.token;
  if (token.kind != OfferedToken::Kind::kOurs || token.mac != call.mac->text()) return;
  if (token.generation < call.device->generation) return;
  if (token.issued_at <= call.device->session_since) return;
  if (call.device->session_since != 0) parts_.metrics.sessions_replaced.Add();
  parts_.guard.SessionBegan(call.mac->text(), call.client_address, call.now);
  parts_.writes.NoteSession(*call.device, token.issued_at);
}

DeviceLimit StbActions::LimitOf(const AccountId& account, Deadline deadline) const {
  // Where billing has never said how many there may be, nobody is turned away.
  const SharedEntitlement known = parts_.entitlements.Load(account, deadline);
  return {.max_devices = known == nullptr ? 0 : known->max_devices,
          .when_full = config_.full_account == "refuse" ? DeviceLimit::WhenFull::kRefuse
                                                        : DeviceLimit::WhenFull::kReplaceOldest};
}

PortalAnswer StbActions::RegisterAndStart(PortalCall& call) {
  if (!parts_.database.usable())
    return Blocked("access denied", kTryAgain).With(Degradation{Neighbour::kPostgres, {}});
  // It may be known: another instance may have registered it a moment ago.
  absl::StatusOr<Device> device = parts_.store.Register(
      Deadline::After(kRegisterTimeout),
      {.mac = *call.mac, .account = AccountId(config_.default_account), .model = ModelOf(call)});
  if (!device.ok()) {
    if (telemetry::ShouldLog("device not registered")) {
      telemetry::Log(telemetry::Warning, "device not registered",
                     {{"error", ToString(device.status())}});
    }
    return Blocked("access denied", kTryAgain).With(Degradation{Neighbour::kPostgres, {}});
  }
  parts_.metrics.registrations.Add();
  parts_.devices.Put(*device);
  call.device = std::make_shared<const Device>(*std::move(device));
  return RecordAndStart(call);
}

bool StbActions::StartIsNews(const PortalCall& call) const {
  const Device& device = *call.device;
  const std::string model = ModelOf(call);
  const std::string hash = ChosenHash(call);
  return !device.started || (!model.empty() && model != device.model) ||
         (device.hardware_id.empty() && !call.Get("device_id").empty()) ||
         (!hash.empty() && hash != device.chosen_token_hash);
}

PortalAnswer StbActions::RecordAndStart(PortalCall& call) {
  if (!ConflictsWithHardware(call) && StartIsNews(call)) {
    const std::string hash = ChosenHash(call);
    if (!hash.empty() && hash != call.device->chosen_token_hash) {
      parts_.guard.SessionBegan(call.mac->text(), call.client_address, call.now);
    }
    const DeviceStart start{.model = ModelOf(call),
                            .hardware_id = SaidIds(call).device_id,
                            .chosen_token_hash = hash,
                            .session_since = hash.empty() ? 0 : EpochSeconds(call.now)};
    absl::StatusOr<Device> stored =
        parts_.database.usable()
            ? parts_.store.RecordStart(Deadline::After(kStoreTimeout), *call.mac, start)
            : absl::StatusOr<Device>(Unavailable("postgres is away"));
    // Without the database the start is known here only, which is enough to go on.
    Device device = stored.ok() ? *std::move(stored) : *call.device;
    device.started = true;
    if (!start.chosen_token_hash.empty()) device.chosen_token_hash = start.chosen_token_hash;
    device.session_since = std::max(device.session_since, start.session_since);
    parts_.devices.Put(device);
    call.device = std::make_shared<const Device>(std::move(device));
  }
  if (!call.device->account.value().empty() && call.knowledge.source == Source::kDefault) {
    const SharedEntitlement known =
        parts_.entitlements.Load(call.device->account, Deadline::After(kEntitlementTimeout));
    if (known != nullptr) call.knowledge = {known, Source::kBilling};
  }
  return Profile(call);
}

bool StbActions::ConflictsWithHardware(const PortalCall& call) const {
  switch (SignOfClone(BoundIds(*call.device), SaidIds(call))) {
    case CloneSign::kNone:
      return false;
    case CloneSign::kOtherDeviceId:
      return config_.check_hardware_id;
    case CloneSign::kNoDeviceId:
    case CloneSign::kOtherDeviceId2:
    case CloneSign::kOtherSerialNumber:
      return config_.check_hardware_id && config_.strict_hardware_id;
  }
  return false;
}

// The ids of a box that is let in: the first ones are kept, others are suspicious.
void StbActions::NoteHardware(const PortalCall& call) {
  const HardwareIds bound = BoundIds(*call.device);
  const HardwareIds said = SaidIds(call);
  const CloneSign sign = SignOfClone(bound, said);
  if (sign != CloneSign::kNone) return parts_.guard.Suspect(sign);
  if (said.device_id != bound.device_id) return;  // not stored yet
  const HardwareIds now = WithNew(bound, said);
  if (now != bound) parts_.writes.NoteOfBox(*call.device, kHardwareIds, HardwareSetting(now));
}

PortalAnswer StbActions::Profile(PortalCall& call) {
  const Device& device = *call.device;
  if (ConflictsWithHardware(call)) {  // with what another instance has stored meanwhile
    return Refuse(Refused::kHardware, kOtherHardware, kAskProvider);
  }
  NoteHardware(call);
  if (device.account.value().empty()) {
    if (config_.unbound_devices == "login") return PortalAnswer::Js(std::string(kLoginPlease));
    if (config_.unbound_devices == "block") {
      return Refuse(Refused::kBlocked, "access denied", kAskProvider);
    }
  }
  if (call.knowledge.entitlement->blocked()) {
    const auto page = parts_.entitlements.Page(device.account);
    if (!page || page->notice.empty()) {
      return Refuse(Refused::kBlocked, "access denied", kAccountBlocked);
    }
    return Refuse(Refused::kBlocked, "access denied",
                  page->notice + "<br>Please contact your provider.");
  }

  parts_.metrics.sessions_started.Add();
  parts_.hooks.BoxStarted({.mac = device.mac,
                           .serial_number = Short(call.Get("sn")),
                           .model = ModelOf(call),
                           .locale = std::string(SettingOr(device.settings, "locale", "")),
                           .address = call.client_address,
                           .account = device.account.value()});
  call.model = ModelOf(call);
  parts_.writes.NoteOfBox(device, kFirmware, CleanUtf8(call.Get("ver").substr(0, kLongestText)));
  const NamedZone zone = parts_.zones.Find(call.time_zone);
  const AccountPage account = parts_.entitlements.Page(device.account).value_or(AccountPage{});
  auto answer = PortalAnswer::Js(FullProfile({.config = config_,
                                              .device = device,
                                              .entitlement = *call.knowledge.entitlement,
                                              .account = account,
                                              .zone = zone,
                                              .default_zone = parts_.zones.default_zone()},
                                             call));
  if (const auto age = StaleSince(parts_.devices))
    answer.degradations.push_back({Neighbour::kPostgres, age});
  return answer;
}

PortalOutcome StbActions::DoAuth(PortalCall& call) {
  if (!InRange(call)) {
    if (call.mac) parts_.guard.Count(Refused::kMacRange);
    return PortalAnswer::False();
  }
  if (!logins_by_mac_.Allow(call.mac->text()) || !logins_by_address_.Allow(call.client_address)) {
    parts_.metrics.logins.With({"too_many_attempts"}).Add();
    return PortalAnswer::False();
  }
  return Later{[this](PortalCall& c) { return LogIn(c); }};
}

PortalAnswer StbActions::LogIn(PortalCall& call) {
  const Deadline deadline = Deadline::After(kLoginTimeout);
  const auto fail = [&](std::string_view result, std::optional<Degradation> degradation) {
    parts_.metrics.logins.With({result}).Add();
    return PortalAnswer::False().With(degradation);
  };
  const std::string login(call.Get("login").substr(0, kLongestCredential));
  const std::string password(call.Get("password").substr(0, kLongestCredential));
  if (login.empty()) return fail("wrong", std::nullopt);
  const absl::StatusOr<AccountId> account = parts_.billing.Authenticate(login, password, deadline);
  if (absl::IsUnauthenticated(account.status()) || absl::IsNotFound(account.status()) ||
      absl::IsInvalidArgument(account.status())) {
    return fail("wrong", std::nullopt);
  }
  if (!account.ok()) return fail("billing_away", Degradation{Neighbour::kBilling, {}});

  const DeviceLimit limit = LimitOf(*account, deadline.AtMost(kEntitlementTimeout));
  absl::StatusOr<BoundDevice> bound =
      parts_.store.Bind(deadline, {.mac = *call.mac,
                                   .account = *account,
                                   .chosen_token_hash = ChosenHash(call),
                                   .limit = limit});
  if (absl::IsResourceExhausted(bound.status())) return fail("account_full", std::nullopt);
  if (!bound.ok()) return fail("database_away", Degradation{Neighbour::kPostgres, {}});
  for (Device& gone : bound->released) parts_.devices.Put(std::move(gone));
  parts_.devices.Put(std::move(bound->device));
  parts_.metrics.logins.With({"ok"}).Add();
  return PortalAnswer::True();
}

PortalOutcome StbActions::LogOut(PortalCall&) {
  return Later{[this](PortalCall& c) {
    absl::StatusOr<Device> device = parts_.store.LogOut(Deadline::After(kStoreTimeout), *c.mac);
    if (!device.ok()) return PortalAnswer::False().With(Degradation{Neighbour::kPostgres, {}});
    parts_.devices.Put(*std::move(device));
    return PortalAnswer::True();
  }};
}

}  // namespace holdfast::middleware

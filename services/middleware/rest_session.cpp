#include "services/middleware/rest_session.h"

#include <fmt/format.h>
#include <rapidjson/document.h>

#include <algorithm>
#include <utility>

#include "libs/base/status.h"
#include "libs/security/hmac.h"
#include "services/middleware/json_writer.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr auto kLoginTimeout = 4s;
constexpr auto kEntitlementTimeout = 300ms;
constexpr auto kLogOutTimeout = 2s;
constexpr std::size_t kLongestDevice = 128;
constexpr int kMacAttempts = 4;

struct LoginRequest {
  Credentials credentials;
  std::string device;
};

std::optional<LoginRequest> ParseLogin(const std::string& body) {
  const auto document = ParseObject(body);
  if (!document) return std::nullopt;
  LoginRequest request{{TextIn(*document, "login"), TextIn(*document, "password")},
                       TextIn(*document, "device")};
  const bool complete = !request.credentials.login.empty() && !request.device.empty() &&
                        request.device.size() <= kLongestDevice;
  return complete ? std::optional(std::move(request)) : std::nullopt;
}

std::string_view StatusOf(const Entitlement& entitlement, WallTime now) {
  if (entitlement.blocked()) return "suspended";
  const std::int64_t end = ServedUntil(entitlement);
  if (end != 0 && EpochSeconds(now) >= end) return "expired";
  return entitlement.standing == Entitlement::Standing::kGrace ? "grace" : "active";
}

}  // namespace

Mac MacOfApp(const AccountId& account, std::string_view device, int attempt) {
  static const security::HmacKey key("holdfast app device");
  const auto tag = key.Sign(fmt::format("{}\n{}\n{}", account.value(), device, attempt));
  return *Mac::Parse(
      fmt::format("02:{:02X}:{:02X}:{:02X}:{:02X}:{:02X}", tag[0], tag[1], tag[2], tag[3], tag[4]));
}

absl::StatusOr<SharedDevice> RestSession::DeviceOf(const AccountId& account,
                                                   std::string_view device, Deadline deadline) {
  for (int attempt = 0; attempt < kMacAttempts; ++attempt) {
    const Mac mac = MacOfApp(account, device, attempt);
    SharedDevice held = parts_.devices.Find(mac.text());
    if (held != nullptr && held->account == account) return held;
    if (held != nullptr && !held->account.value().empty()) continue;  // somebody else's
    if (!parts_.database.usable()) return Unavailable("the database is away");
    const SharedEntitlement known =
        parts_.entitlements.Load(account, deadline.AtMost(kEntitlementTimeout, parts_.clock));
    HOLDFAST_ASSIGN_OR_RETURN(
        BoundDevice bound,
        parts_.store.Bind(Deadline::After(deadline.Remaining(parts_.clock)),
                          {.mac = mac,
                           .account = account,
                           .chosen_token_hash = "",
                           .limit = {.max_devices = known == nullptr ? 0 : known->max_devices}}));
    for (Device& gone : bound.released) parts_.devices.Put(std::move(gone));
    parts_.devices.Put(bound.device);
    return std::make_shared<const Device>(std::move(bound.device));
  }
  return ResourceExhausted("no free name for the device");
}

http::Response RestSession::LogIn(const RestCall& call) {
  const std::optional<LoginRequest> request = ParseLogin(call.body);
  if (!request) {
    return Problem(400, "bad-login", "login, password and device are wanted, as texts");
  }
  const Deadline deadline = Deadline::After(kLoginTimeout, parts_.clock);
  AppLogins::Found found = parts_.logins.Find(request->credentials, call.client_address);
  if (found.standing == AppLogins::Standing::kTooManyAttempts) {
    return Problem(429, "too-many-attempts", "too many logins");
  }
  if (found.standing == AppLogins::Standing::kAsk) {
    auto login = parts_.logins.LogIn(request->credentials, deadline);
    if (login.ok()) {
      found = {AppLogins::Standing::kKnown, *std::move(login)};
    } else if (!absl::IsUnauthenticated(login.status())) {
      return TryAgain("logins cannot be checked at the moment");
    }
  }
  if (found.login == nullptr) return Problem(401, "wrong-login", "login or password is wrong");
  const AccountId& account = found.login->account;
  const SharedEntitlement known =
      parts_.entitlements.Load(account, deadline.AtMost(kEntitlementTimeout, parts_.clock));
  if (known != nullptr && known->standing == Entitlement::Standing::kClosed) {
    parts_.logins.Refuse(account);
    return Problem(401, "wrong-login", "login or password is wrong");
  }
  const absl::StatusOr<SharedDevice> device = DeviceOf(account, request->device, deadline);
  if (!device.ok()) return TryAgain("the device cannot be registered at the moment");

  const Mac mac = *Mac::Parse((*device)->mac);
  const std::string token = parts_.sessions.Issue(mac, device->get(), known.get(), call.now);
  const ExaminedToken issued = parts_.sessions.Examine(token, call.now);
  if (issued.session == nullptr) return TryAgain("no key to sign a token with");
  std::string text;
  JsonWriter json(text);
  json.BeginObject().Field("token", token);
  json.Field("expires_at", Rfc3339(issued.session->claims.expires_at));
  json.Field("account_id", account.value()).Key("device_id").String((*device)->id);
  json.EndObject();
  return FreshJson(std::move(text));
}

http::Response RestSession::LogOut(const RestCall& call) {
  const absl::StatusOr<Device> device =
      parts_.store.LogOut(Deadline::After(kLogOutTimeout), *Mac::Parse(call.device->mac));
  if (!device.ok()) return TryAgain("the session cannot be ended at the moment");
  parts_.devices.Put(*device);
  http::Response response;
  response.status = 204;
  return response;
}

http::Response RestSession::Profile(const RestCall& call) const {
  const Entitlement& entitlement = *call.knowledge.entitlement;
  const AccountPage page = parts_.entitlements.Page(call.account()).value_or(AccountPage{});
  std::string text;
  JsonWriter json(text);
  json.BeginObject().Key("account").BeginObject();
  json.Field("id", call.account().value()).Field("number", page.account_number);
  json.Field("name", page.full_name).Field("tariff_plan", page.tariff_plan_name);
  json.Field("balance", page.balance).Field("status", StatusOf(entitlement, call.now));
  json.Key("served_until");
  if (const std::int64_t end = ServedUntil(entitlement); end != 0) {
    json.String(Rfc3339(end));
  } else {
    json.Null();
  }
  json.Key("packages").BeginArray();
  for (const std::string& id : entitlement.packages.ids()) json.String(id);
  json.EndArray().Field("max_streams", entitlement.max_streams);
  json.Field("max_devices", entitlement.max_devices).EndObject();
  json.Key("device").BeginObject().Key("id").String(call.device->id);
  json.EndObject().EndObject();
  return JsonAnswer(call, std::move(text));
}

}  // namespace holdfast::middleware

// Packages that a viewer adds or drops on the box. What is sold is billing's; the words of the
// protocol are in offers.h.
#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/random.h"
#include "libs/base/status.h"
#include "libs/telemetry/log.h"
#include "services/middleware/box_messages.h"
#include "services/middleware/channel_rows.h"
#include "services/middleware/json_writer.h"
#include "services/middleware/portal_account.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr auto kListTimeout = 2s;
constexpr auto kChangeTimeout = 8s;
constexpr std::string_view kNotHere = "Packages cannot be changed on this device.";

PortalAnswer Result(bool done) {
  return PortalAnswer::Js(done ? R"({"result":true})" : R"({"result":false})");
}

PortalAnswer Refused(const absl::Status& status) {
  return BoxRefusal(status,
                    absl::IsNotFound(status)
                        ? "This package is not offered to the account."
                        : "The package could not be changed. Please contact your provider.");
}

void AppendOffer(JsonWriter& json, const Offer& offer) {
  json.BeginObject().Field("package_id", offer.id).Field("id", offer.id);
  json.Field("optional", offer.optional).Field("subscribed", offer.subscribed);
  json.Field("name", offer.name).Field("type", "tv").Field("external_id", offer.id);
  json.Field("description", offer.price).Field("service_type", "periodic");
  json.Field("price", offer.price);
  if (offer.subscribed) {
    json.Field("subscribed_str", "Subscribed");
  } else {
    json.Field("not_subscribed_str", "Not subscribed");
  }
  json.EndObject();
}

Errand ErrandOf(const PortalCall& call, Deadline deadline) {
  return {PersonOf("viewer", call.device->mac), "box-" + SecureHex(12), deadline};
}

const Offer* FindOffer(const std::vector<Offer>& offers, std::string_view id) {
  const auto it =
      std::find_if(offers.begin(), offers.end(), [&](const Offer& o) { return o.id == id; });
  return it == offers.end() ? nullptr : &*it;
}

}  // namespace

PortalAnswer AccountActions::PackageList(const PortalCall& call,
                                         const std::vector<Offer>& offers) const {
  const std::int64_t p = std::max<std::int64_t>(1, call.form.Int("p", 1));
  const auto page = static_cast<std::size_t>(std::min<std::int64_t>(p, 1'000'000)) - 1;
  const std::size_t first = std::min(page * kPageSize, offers.size());
  const std::size_t last = std::min(first + kPageSize, offers.size());
  std::string js;
  OpenPage(js, offers.size(), kPageSize, 0, 0);
  for (std::size_t i = first; i < last; ++i) {
    if (i > first) js += ',';
    JsonWriter json(js);
    AppendOffer(json, offers[i]);
  }
  js += "]}";
  return PortalAnswer::Js(std::move(js));
}

// What the account is known to have, when nobody can say what else there is.
PortalAnswer AccountActions::KnownPackages(const PortalCall& call) {
  std::vector<Offer> offers;
  for (const std::string& id : call.knowledge.entitlement->packages.ids()) {
    offers.push_back({.id = id, .name = id, .subscribed = true});
  }
  return PackageList(call, offers).With(Degradation{Neighbour::kBilling, {}});
}

PortalAnswer AccountActions::GetPackages(const PortalCall& call) {
  if (call.device->account.value().empty()) return PackageList(call, {});
  const auto now = parts_.desk.Load(call.device->account, Deadline::After(kListTimeout));
  return now.ok() ? PackageList(call, OffersOf(*now)) : KnownPackages(call);
}

PortalAnswer AccountActions::CheckPrice(const PortalCall& call) {
  if (call.device->account.value().empty()) return BoxMessage(kDeviceWithoutAccount);
  const auto now = parts_.desk.Load(call.device->account, Deadline::After(kListTimeout));
  if (!now.ok()) return Refused(now.status());
  const std::vector<Offer> offers = OffersOf(*now);
  const Offer* offer = FindOffer(offers, call.Get("package_id"));
  if (offer == nullptr) return Refused(NotFound("not offered"));
  std::string js;
  JsonWriter(js).BeginObject().Field("result", offer->price).EndObject();
  return PortalAnswer::Js(std::move(js));
}

PortalAnswer AccountActions::Describe(const PortalCall& call) {
  const auto now = parts_.desk.Load(call.device->account, Deadline::After(kListTimeout));
  const std::vector<Offer> offers = now.ok() ? OffersOf(*now) : std::vector<Offer>();
  const Offer* offer = FindOffer(offers, call.Get("package_id"));
  if (offer == nullptr) return PortalAnswer::Js("{}");
  // What there is to see for it.
  std::string channels;
  const auto lineup = parts_.models.lineup();
  for (const Channel& channel : lineup->channels()) {
    if (std::find(offer->packages.begin(), offer->packages.end(), channel.package.value()) ==
        offer->packages.end()) {
      continue;
    }
    absl::StrAppend(&channels, channels.empty() ? "" : ", ", channel.name);
  }
  std::string js;
  JsonWriter(js)
      .BeginObject()
      .Field("name", offer->name)
      .Field("type", "tv")
      .Field("description", offer->price)
      .Field("services", channels)
      .Field("price", offer->price)
      .EndObject();
  return PortalAnswer::Js(std::move(js));
}

// The household's other boxes load their lists anew; the operator's own billing hears of it.
void AccountActions::TellOthers(const PortalCall& call, const AccountSubscriptions& before,
                                bool added) {
  const billing::v1::Subscription* base = before.Base();
  parts_.hooks.PackageChanged(
      {.mac = call.device->mac,
       .tariff_plan = base == nullptr ? std::string() : base->tariff_plan_id(),
       .package = std::string(call.Get("package_id")),
       .added = added});
  v1::SendEventRequest request;
  request.set_idempotency_key("box-" + SecureHex(12));
  request.set_event("update_subscription");
  request.mutable_target()->add_account_ids(call.device->account.value());
  const absl::Status told = parts_.events.Send(request, Deadline::After(2s)).status();
  if (!told.ok() && telemetry::ShouldLog("boxes not told of a package")) {
    telemetry::Log(telemetry::Warning, "boxes not told of a package", {{"error", ToString(told)}});
  }
}

PortalAnswer AccountActions::Subscribe(const PortalCall& call) {
  if (!config_.subscription_from_box) return BoxMessage(kNotHere);
  if (call.device->account.value().empty()) return BoxMessage(kDeviceWithoutAccount);
  const Deadline deadline = Deadline::After(kChangeTimeout);
  const auto now = parts_.desk.Load(call.device->account, deadline);
  if (!now.ok()) return Refused(now.status());
  const auto added =
      parts_.desk.Add(call.device->account, *now, call.Get("package_id"), ErrandOf(call, deadline));
  if (!added.ok()) return Refused(added.status());
  if (*added) TellOthers(call, *now, /*added=*/true);
  return Result(true);
}

PortalAnswer AccountActions::Unsubscribe(const PortalCall& call) {
  if (!config_.subscription_from_box) return BoxMessage(kNotHere);
  if (call.device->account.value().empty()) return BoxMessage(kDeviceWithoutAccount);
  const Deadline deadline = Deadline::After(kChangeTimeout);
  const auto now = parts_.desk.Load(call.device->account, deadline);
  if (!now.ok()) return Refused(now.status());
  const auto dropped = parts_.desk.Drop(*now, call.Get("package_id"), ErrandOf(call, deadline));
  if (!dropped.ok()) return Refused(dropped.status());
  if (*dropped) TellOthers(call, *now, /*added=*/false);
  return Result(*dropped);
}

}  // namespace holdfast::middleware

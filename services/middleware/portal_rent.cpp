// Films that are rented one by one (portal protocol, section 12.3): what one costs, and renting it.
//
// The price and what is rented already are known here. Only renting asks billing: while that is
// away, what is rented plays on and can be "rented" again, for nothing.
#include <chrono>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/random.h"
#include "services/middleware/billing_office.h"
#include "services/middleware/box_messages.h"
#include "services/middleware/json_writer.h"
#include "services/middleware/portal_account.h"
#include "services/middleware/vod_rows.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr auto kRentTimeout = 8s;
constexpr std::string_view kNotRented =
    "The film could not be rented. Please contact your provider.";
constexpr std::string_view kNotForRent = "This film is not for rent.";
constexpr std::string_view kNoPrice = "The price is missing. Please try again.";
constexpr std::string_view kBusy = "Not possible at the moment. Please try again.";

}  // namespace

PortalAnswer AccountActions::CheckFilmPrice(PortalCall& call) {
  if (call.device->account.value().empty()) return BoxMessage(kDeviceWithoutAccount);
  const auto catalogue = parts_.models.catalogue();
  const VodTitle* title = catalogue->FindTitle(call.form.Int("video_id", 0));
  const FilmRights rights = RightsOf(call);
  const FilmRight right = title == nullptr ? FilmRight() : rights.Of(*title);
  // A box that does not know yet that it is rented goes on without asking its viewer.
  const bool runs = right.access == FilmAccess::kRented;
  if (!runs && right.access != FilmAccess::kForRent) return BoxMessage(kNotForRent);
  std::string js;
  JsonWriter json(js);
  const bool free = runs || right.price->minor_units() == 0;
  json.BeginObject().Field("result", free ? std::string("0") : right.price->ToString());
  json.Field("rent_duration", right.offer != nullptr ? RentHours(right.offer->seconds) : 0);
  json.EndObject();
  return PortalAnswer::Js(std::move(js));
}

PortalOutcome AccountActions::RentFilm(PortalCall& call) {
  if (call.device->account.value().empty()) return BoxMessage(kDeviceWithoutAccount);
  const auto catalogue = parts_.models.catalogue();
  const VodTitle* title = catalogue->FindTitle(call.form.Int("video_id", 0));
  if (title == nullptr) return BoxMessage(kNotForRent);
  const FilmRights rights = RightsOf(call);
  const FilmRight right = rights.Of(*title);
  if (right.access == FilmAccess::kRented) return Rented(call, *title, right);
  if (right.access != FilmAccess::kForRent) return BoxMessage(kNotForRent);
  return Later{[this, id = title->id](PortalCall& c) { return AskToRent(c, id); },
               [](PortalCall&) { return BoxMessage(kBusy); }};
}

PortalAnswer AccountActions::AskToRent(const PortalCall& call, std::int64_t id) {
  const auto catalogue = parts_.models.catalogue();
  const VodTitle* title = catalogue->FindTitle(id);
  if (title == nullptr) return BoxMessage(kNotForRent);
  const FilmRights rights = RightsOf(call);
  FilmRight right = rights.Of(*title);
  if (right.access == FilmAccess::kRented) return Rented(call, *title, right);
  const std::optional<Money> price = ParsePrice(call.Get("price"), rights.currency());
  if (!price) return BoxMessage(kNoPrice);
  const auto rented = parts_.rentals.Rent({.account = call.device->account,
                                           .title = title->id,
                                           .name = title->name,
                                           .package = title->package,
                                           .price = *price,
                                           .key = "box-" + SecureHex(12),
                                           .person = PersonOf("viewer", call.device->mac)},
                                          Deadline::After(kRentTimeout));
  if (!rented.ok()) return BoxRefusal(rented.status(), kNotRented);
  right.until = rented->until;
  return Rented(call, *title, right);
}

PortalAnswer AccountActions::Rented(const PortalCall& call, const VodTitle& title,
                                    const FilmRight& right) const {
  std::string js;
  JsonWriter json(js);
  json.BeginObject().Field("result", 1);
  json.Field("rent_duration", right.offer != nullptr ? RentHours(right.offer->seconds) : 0);
  json.Field("package_id", title.package.value()).Key("rent_info");
  AppendRentInfo(json, right.until, EpochSeconds(call.now), parts_.zones.Find(call.time_zone).zone);
  json.EndObject();
  return PortalAnswer::Js(std::move(js));
}

}  // namespace holdfast::middleware

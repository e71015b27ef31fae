// Where the box stands: lists of countries, places and time zones to choose from.
#include <utility>

#include "absl/strings/match.h"
#include "services/middleware/json_writer.h"
#include "services/middleware/places.h"
#include "services/middleware/portal_settings.h"

namespace holdfast::middleware {
namespace {

constexpr int kMostFound = 100;

void AppendChoice(JsonWriter& json, std::string_view label, std::string_view value, bool chosen) {
  json.BeginObject().Field("label", label).Field("value", value);
  json.Field("selected", chosen ? 1 : 0).EndObject();
}

// The place that was chosen with set_locale, else the first of the box's time zone.
std::int64_t ChosenPlace(const PortalCall& call) {
  const std::string chosen(SettingOr(call.device->settings, "city", ""));
  for (const Country& country : Countries()) {
    for (const Place& place : country.places) {
      if (chosen.empty() ? place.zone == call.time_zone : std::to_string(place.id) == chosen) {
        return place.id;
      }
    }
  }
  return 0;
}

bool Holds(const Country& country, std::int64_t place_id) {
  for (const Place& place : country.places) {
    if (place.id == place_id) return true;
  }
  return false;
}

PortalAnswer ListCountries(PortalCall& call) {
  const std::int64_t chosen = ChosenPlace(call);
  std::string js;
  JsonWriter json(js);
  json.BeginArray();
  for (const Country& country : Countries()) {
    AppendChoice(json, country.name, std::to_string(country.id), Holds(country, chosen));
  }
  json.EndArray();
  return PortalAnswer::Js(std::move(js));
}

// Places of one country whose names begin with `search`, any case.
PortalAnswer ListPlaces(PortalCall& call) {
  const std::int64_t chosen = ChosenPlace(call);
  const std::int64_t wanted = call.form.Int("country_id", 0);
  const std::string search(call.Get("search"));
  int found = 0;
  std::string js;
  JsonWriter json(js);
  json.BeginArray();
  for (const Country& country : Countries()) {
    if (country.id != wanted) continue;
    for (const Place& place : country.places) {
      if (!absl::StartsWithIgnoreCase(place.name, search) || ++found > kMostFound) continue;
      AppendChoice(json, place.name, std::to_string(place.id), place.id == chosen);
    }
  }
  json.EndArray();
  return PortalAnswer::Js(std::move(js));
}

PortalAnswer ListTimeZones(PortalCall& call) {
  std::string js;
  JsonWriter json(js);
  json.BeginArray();
  for (const Country& country : Countries()) {
    for (const Place& place : country.places) {
      AppendChoice(json, place.zone, place.zone, place.zone == call.time_zone);
    }
  }
  json.EndArray();
  return PortalAnswer::Js(std::move(js));
}

}  // namespace

void SettingsActions::AddPlaces(ActionTable& table) {
  table.Add("stb", "get_countries", Access::kSubscriber, ListCountries);
  table.Add("stb", "get_cities", Access::kSubscriber, ListPlaces);
  table.Add("stb", "search_cities", Access::kSubscriber, ListPlaces);
  table.Add("stb", "get_timezones", Access::kSubscriber, ListTimeZones);
}

}  // namespace holdfast::middleware

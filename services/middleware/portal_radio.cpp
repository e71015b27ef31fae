#include "services/middleware/portal_radio.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/middleware/channel_rows.h"
#include "services/middleware/json_writer.h"
#include "services/middleware/portal_reminders.h"

namespace holdfast::middleware {
namespace {

constexpr std::string_view kList = "list";
constexpr std::string_view kNothing =
    R"({"total_items":0,"max_page_items":14,"selected_item":0,"cur_page":0,"data":[]})";

void AppendStation(JsonWriter& json, const RadioStation& station, int number, bool favourite,
                   std::int64_t page) {
  json.BeginObject().Key("id").String(station.id).Field("name", station.name);
  json.Key("number").String(static_cast<std::int64_t>(number)).Field("cmd", station.address);
  json.Field("count", "0").Field("status", "1").Field("volume_correction", "0");
  json.Field("enable_monitoring", "1").Field("monitoring_status", station.down ? "0" : "1");
  json.Field("fav", favourite ? 1 : 0).Field("error", station.down ? "limit" : "");
  json.Field("open", station.down ? 0 : 1).Field("radio", true);
  json.Field("page", page).EndObject();
}

std::string Lower(std::string_view text) {
  return absl::AsciiStrToLower(absl::string_view(text.data(), text.size()));
}

}  // namespace

void RadioActions::AddTo(ActionTable& table) {
  const auto add = [&](std::string_view action, std::function<PortalAnswer(PortalCall&)> work,
                       std::string_view if_busy) {
    table.Add("radio", action, Access::kSubscriber,
              [work, text = std::string(if_busy)](PortalCall&) -> PortalOutcome {
                return Later{work, [text](PortalCall&) { return PortalAnswer::Js(text); }};
              });
  };
  add(
      "get_ordered_list",
      [this](PortalCall& c) {
        return List(c, c.Get("fav") == "1" ? Show::kFavourites : Show::kAll);
      },
      kNothing);
  add(
      "get_all_fav_radio", [this](PortalCall& c) { return List(c, Show::kFavourites); }, kNothing);
  add(
      "get_fav_ids", [this](PortalCall& c) { return GetFavouriteIds(c); }, "[]");
  add(
      "set_fav", [this](PortalCall& c) { return SetFavourites(c); }, "false");
  table.Add(
      "radio", "get_channel_by_id", Access::kSubscriber, [this](PortalCall&) -> PortalOutcome {
        return Later{[this](PortalCall& c) {
                       const ViewerData::Loaded viewer =
                           parts_.viewers.Load(ViewerOf(*c.device), ViewerDeadline());
                       return Marked(GetByNumber(c, FavouritesIn(*viewer.items)), viewer.degraded);
                     },
                     [this](PortalCall& c) { return GetByNumber(c, {}); }};
      });
}

std::vector<std::int64_t> RadioActions::FavouritesIn(const ViewerItems& items) const {
  const ViewerItem* item = items.Find(ViewerItem::Kind::kFavouriteRadio, kList);
  std::vector<std::int64_t> ids;
  if (item == nullptr) return ids;
  for (const ChannelId id : ParseFavourites(*item->text)) ids.push_back(id.value());
  return ids;
}

std::optional<Degradation> RadioActions::CatalogueAge() const {
  const auto age = StaleSince(parts_.models.catalogue_replica());
  if (!age) return std::nullopt;
  return Degradation{Neighbour::kPostgres, age};
}

PortalAnswer RadioActions::List(const PortalCall& call, Show show) {
  const std::uint64_t revision =
      parts_.models.catalogue_replica().revision();  // the catalogue is not older
  const auto catalogue = parts_.models.catalogue();
  const ViewerData::Loaded viewer = parts_.viewers.Load(ViewerOf(*call.device), ViewerDeadline());
  const std::vector<std::int64_t> favourites = FavouritesIn(*viewer.items);
  const auto place = [&](const RadioStation& station) {
    return std::find(favourites.begin(), favourites.end(), station.id) - favourites.begin();
  };
  const auto is_favourite = [&](const RadioStation& station) {
    return place(station) < static_cast<std::ptrdiff_t>(favourites.size());
  };
  const auto send = [&](PortalAnswer answer) {
    return Marked(std::move(answer).With(CatalogueAge()), viewer.degraded);
  };
  const std::string search = Lower(call.Get("search"));
  const bool by_name = show == Show::kAll && call.Get("sortby") == "name";
  const bool whole = call.Get("all") == "1";
  const std::int64_t asked = std::clamp<std::int64_t>(call.form.Int("p", 0), 0, 1'000'000);
  const bool shared = show == Show::kAll && search.empty() && favourites.empty();
  const std::string key = absl::StrCat("radio|", revision, "|", by_name ? 1 : 0, whole ? 1 : 0, "|",
                                       asked, "|", call.knowledge.entitlement->packages.key());
  if (const auto page = shared ? parts_.lists.pages().Find(key) : nullptr) {
    return send(SendPage(*page, call));
  }
  std::vector<const RadioStation*> stations;
  for (const RadioStation& station : catalogue->stations()) {
    if (!MaySee(station.package, call.knowledge.entitlement->packages)) continue;
    if (show == Show::kFavourites && !is_favourite(station)) continue;
    if (!search.empty() && Lower(station.name).find(search) == std::string::npos) continue;
    stations.push_back(&station);
  }
  if (show == Show::kFavourites) {
    std::stable_sort(stations.begin(), stations.end(),
                     [&](const auto* a, const auto* b) { return place(*a) < place(*b); });
  } else if (by_name) {
    std::stable_sort(stations.begin(), stations.end(),
                     [](const auto* a, const auto* b) { return a->name < b->name; });
  }
  const auto index = static_cast<std::size_t>(std::max<std::int64_t>(asked - 1, 0));
  const std::size_t first = whole ? 0 : std::min(index * kPageSize, stations.size());
  const std::size_t last = whole ? stations.size() : std::min(first + kPageSize, stations.size());
  std::string js;
  OpenPage(js, stations.size(), kPageSize, 0, asked == 0 ? 1 : 0);
  for (std::size_t i = first; i < last; ++i) {
    if (i > first) js += ',';
    JsonWriter json(js);
    const int number = show == Show::kFavourites ? static_cast<int>(i) + 1 : stations[i]->number;
    AppendStation(json, *stations[i], number, is_favourite(*stations[i]),
                  static_cast<std::int64_t>(i / kPageSize) + 1);
  }
  js += "]}";
  if (!shared || first == last) return send(SendOwn(std::move(js), call));
  const auto page = parts_.lists.pages().GetOrMake(key, [&] { return MakePage(js); });
  return send(SendPage(*page, call));
}

PortalAnswer RadioActions::SetFavourites(const PortalCall& call) {
  std::vector<std::int64_t> ids;
  for (const ChannelId id : ParseFavourites(call.Get("fav_radio"))) ids.push_back(id.value());
  return SavedAnswer(parts_.viewers.Save(ViewerOf(*call.device),
                                         {{.kind = ViewerItem::Kind::kFavouriteRadio,
                                           .key = std::string(kList),
                                           .text = absl::StrJoin(ids, ",")}},
                                         ViewerData::Path::kDatabaseFirst, ViewerDeadline()));
}

PortalAnswer RadioActions::GetFavouriteIds(const PortalCall& call) {
  const ViewerData::Loaded viewer = parts_.viewers.Load(ViewerOf(*call.device), ViewerDeadline());
  std::string js;
  JsonWriter json(js);
  json.BeginArray();
  for (const std::int64_t id : FavouritesIn(*viewer.items)) json.String(id);
  json.EndArray();
  return Marked(PortalAnswer::Js(std::move(js)), viewer.degraded);
}

PortalAnswer RadioActions::GetByNumber(const PortalCall& call,
                                       const std::vector<std::int64_t>& favourites) {
  const auto catalogue = parts_.models.catalogue();
  const std::int64_t number = call.form.Int("number", 0);
  for (const RadioStation& station : catalogue->stations()) {
    if (station.number != number) continue;
    if (!MaySee(station.package, call.knowledge.entitlement->packages)) continue;
    std::string js;
    JsonWriter json(js);
    const bool favourite = std::ranges::find(favourites, station.id) != favourites.end();
    AppendStation(json, station, station.number, favourite, 1);
    return PortalAnswer::Js(std::move(js)).With(CatalogueAge());
  }
  return PortalAnswer::False().With(CatalogueAge());
}

}  // namespace holdfast::middleware

#include "services/middleware/portal_vod.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/middleware/channel_rows.h"
#include "services/middleware/convert_items.h"
#include "services/middleware/portal_reminders.h"
#include "services/middleware/vod_rows.h"

namespace holdfast::middleware {
namespace {

constexpr std::int64_t kSecondsPerDay = 86'400;
constexpr std::string_view kNoTitles =
    R"({"total_items":0,"max_page_items":14,"selected_item":0,"cur_page":0,"data":[]})";

// "*", "", "0" and noise mean all.
std::int64_t ChosenId(const PortalCall& call, std::string_view field) {
  return std::max<std::int64_t>(call.form.Int(field, 0), 0);
}

std::string_view ChosenText(const PortalCall& call, std::string_view field) {
  const std::string_view text = call.Get(field);
  const bool none = text == "*" || text == "0" || text == "undefined" || text == "false";
  return none ? std::string_view() : text;
}

VodQuery QueryOf(const PortalCall& call, bool series_only) {
  VodQuery query;
  query.only = series_only ? VodQuery::Only::kSeries : VodQuery::Only::kAll;
  query.category = ChosenId(call, "category");
  query.genre = static_cast<int>(std::min<std::int64_t>(ChosenId(call, "genre"), 1'000'000));
  query.year = ChosenText(call, "years");
  query.first_letter = ChosenText(call, "abc");
  query.search = ChosenText(call, "search");
  query.hd = call.Get("hd") == "1";
  const std::string_view order = call.Get("sortby");
  if (order == "added") query.order = VodQuery::Order::kAdded;
  if (order == "top" || order == "rating") query.order = VodQuery::Order::kRating;
  return query;
}

std::string_view AddedWord(std::int64_t added_at, std::int64_t now, const TimeZone& zone) {
  const auto day = [&](std::int64_t t) { return zone.Format("%Y%m%d", FromEpochSeconds(t)); };
  if (day(added_at) == day(now)) return "today";
  if (day(added_at) == day(now - kSecondsPerDay)) return "yesterday";
  return "week_and_more";
}

// Pages of 14 of anything: `append` writes one row.
template <class Row>
PortalAnswer PageOf(const PortalCall& call, const std::vector<const Row*>& rows,
                    const std::function<void(JsonWriter&, const Row&)>& append) {
  const std::int64_t asked = call.form.Int("p", 0);
  const auto index = static_cast<std::size_t>(std::clamp<std::int64_t>(asked - 1, 0, 1'000'000));
  const std::size_t first = std::min(index * kPageSize, rows.size());
  const std::size_t last = std::min(first + kPageSize, rows.size());
  std::string js;
  OpenPage(js, rows.size(), kPageSize, 0, asked <= 0 ? 1 : 0);
  for (std::size_t i = first; i < last; ++i) {
    if (i > first) js += ',';
    JsonWriter json(js);
    append(json, *rows[i]);
  }
  js += "]}";
  return PortalAnswer::Js(std::move(js));
}

template <class Row>
std::vector<const Row*> Pointers(const std::vector<Row>& rows) {
  std::vector<const Row*> pointers;
  for (const Row& row : rows) pointers.push_back(&row);
  return pointers;
}

void AppendChoice(JsonWriter& json, std::string_view id, std::string_view title) {
  json.BeginObject().Field("id", id).Field("title", title).EndObject();
}

}  // namespace

void VodActions::AddTo(ActionTable& table) {
  const auto later = [&](std::string_view action, std::function<PortalAnswer(PortalCall&)> work,
                         std::string_view if_busy) {
    table.Add("vod", action, Access::kSubscriber,
              [work, text = std::string(if_busy)](PortalCall&) -> PortalOutcome {
                return Later{work, [text](PortalCall&) { return PortalAnswer::Js(text); }};
              });
  };
  for (const char* type : {"vod", "series"}) {
    table.Add(type, "get_categories", Access::kSubscriber, Bind(*this, &VodActions::GetCategories));
    table.Add(type, "get_genres_by_category_alias", Access::kSubscriber,
              Bind(*this, &VodActions::GetGenres));
    table.Add(type, "get_years", Access::kSubscriber, Bind(*this, &VodActions::GetYears));
    table.Add(type, "get_abc", Access::kSubscriber, Bind(*this, &VodActions::GetLetters));
    table.Add(type, "create_link", Access::kSubscriber, Bind(*this, &VodActions::CreateLink));
    const bool series_only = std::string_view(type) == "series";
    table.Add(type, "get_ordered_list", Access::kSubscriber,
              [this, series_only](PortalCall&) -> PortalOutcome {
                return Later{
                    [this, series_only](PortalCall& c) { return OrderedList(c, series_only); },
                    [](PortalCall&) { return PortalAnswer::Js(std::string(kNoTitles)); }};
              });
  }
  later(
      "set_fav", [this](PortalCall& c) { return SaveFavourite(c, true); }, "false");
  later(
      "del_fav", [this](PortalCall& c) { return SaveFavourite(c, false); }, "false");
  later(
      "set_not_ended", [this](PortalCall& c) { return SaveResumePoint(c, false); }, "false");
  later(
      "set_ended", [this](PortalCall& c) { return SaveResumePoint(c, true); }, "false");
  later(
      "set_played", [this](PortalCall& c) { return SetPlayed(c); }, "false");
  table.Add("vod", "del_link", Access::kSubscriber,
            [](PortalCall&) { return PortalAnswer::True(); });
  table.Add("vod", "set_claim", Access::kSubscriber, [this](PortalCall&) {
    parts_.metrics.claims.Add();
    return PortalAnswer::True();
  });
}

std::optional<Degradation> VodActions::CatalogueAge() const {
  const auto age = StaleSince(parts_.models.catalogue_replica());
  if (!age) return std::nullopt;
  return Degradation{Neighbour::kPostgres, age};
}

PortalAnswer VodActions::GetCategories(PortalCall&) {
  const auto catalogue = parts_.models.catalogue();
  std::string js;
  JsonWriter json(js);
  json.BeginArray().BeginObject().Field("id", "*").Field("title", "All").Field("alias", "*");
  json.Field("censored", 0).EndObject();
  for (const VodCategory& category : catalogue->categories()) {
    json.BeginObject().Key("id").String(category.id).Field("title", category.title);
    json.Field("alias", category.alias).Field("censored", category.adult ? 1 : 0).EndObject();
  }
  json.EndArray();
  return PortalAnswer::Js(std::move(js)).With(CatalogueAge());
}

PortalAnswer VodActions::GetGenres(PortalCall& call) {
  const auto catalogue = parts_.models.catalogue();
  const std::string_view alias = call.Get("cat_alias");
  std::string js;
  JsonWriter json(js);
  json.BeginArray();
  AppendChoice(json, "*", "*");
  for (const VodCategory& category : catalogue->categories()) {
    if (category.alias != alias) continue;
    for (std::size_t i = 0; i < category.genres.size(); ++i) {
      AppendChoice(json, std::to_string(i + 1), category.genres[i]);
    }
  }
  json.EndArray();
  return PortalAnswer::Js(std::move(js)).With(CatalogueAge());
}

PortalAnswer VodActions::GetYears(PortalCall& call) {
  const auto catalogue = parts_.models.catalogue();
  const VodQuery query{.category = ChosenId(call, "category")};
  std::set<std::string, std::greater<>> years;
  for (const VodTitle* title :
       ChooseTitles(*catalogue, query, call.knowledge.entitlement->packages)) {
    if (!title->year.empty()) years.insert(title->year);
  }
  std::string js;
  JsonWriter json(js);
  json.BeginArray();
  AppendChoice(json, "*", "*");
  for (const std::string& year : years) AppendChoice(json, year, year);
  json.EndArray();
  return PortalAnswer::Js(std::move(js)).With(CatalogueAge());
}

PortalAnswer VodActions::GetLetters(PortalCall&) {
  std::string js;
  JsonWriter json(js);
  json.BeginArray();
  AppendChoice(json, "*", "*");
  for (char letter = 'A'; letter <= 'Z'; ++letter) {
    AppendChoice(json, std::string_view(&letter, 1), std::string_view(&letter, 1));
  }
  json.EndArray();
  return PortalAnswer::Js(std::move(js));
}

PortalAnswer VodActions::OrderedList(const PortalCall& call, bool series_only) {
  const std::int64_t movie = ChosenId(call, "movie_id");
  if (movie == 0) return Titles(call, series_only);
  const auto catalogue = parts_.models.catalogue();
  const VodTitle* title = catalogue->FindTitle(movie);
  const bool visible =
      title != nullptr && MaySee(title->package, call.knowledge.entitlement->packages);
  if (!visible) return PortalAnswer::Js(std::string(kNoTitles)).With(CatalogueAge());
  if (!title->is_series()) return Files(call, *title, title->files);
  const std::int64_t season_id = ChosenId(call, "season_id");
  if (season_id == 0) return Seasons(call, *title);
  const VodSeason* season = FindSeason(*title, static_cast<int>(season_id));
  if (season == nullptr) return PortalAnswer::Js(std::string(kNoTitles)).With(CatalogueAge());
  const std::int64_t episode_id = ChosenId(call, "episode_id");
  if (episode_id == 0) return Episodes(call, *title, *season);
  const VodEpisode* episode = FindEpisode(*season, static_cast<int>(episode_id));
  if (episode == nullptr) return PortalAnswer::Js(std::string(kNoTitles)).With(CatalogueAge());
  return Files(call, *title, episode->files);
}

PortalAnswer VodActions::Titles(const PortalCall& call, bool series_only) {
  const auto catalogue = parts_.models.catalogue();
  const ViewerData::Loaded viewer = parts_.viewers.Load(ViewerOf(*call.device), ViewerDeadline());
  const auto resume_of = [&](const VodTitle& title) -> std::optional<ResumePoint> {
    const ViewerItem* item =
        viewer.items->Find(ViewerItem::Kind::kResumePoint, std::to_string(title.id));
    return item == nullptr ? std::nullopt : ResumePointIn(*item->text);
  };
  const auto is_favourite = [&](const VodTitle& title) {
    return viewer.items->Find(ViewerItem::Kind::kFavouriteFilm, std::to_string(title.id)) !=
           nullptr;
  };
  std::vector<const VodTitle*> titles =
      ChooseTitles(*catalogue, QueryOf(call, series_only), call.knowledge.entitlement->packages);
  if (call.Get("fav") == "1") {
    std::erase_if(titles, [&](const VodTitle* t) { return !is_favourite(*t); });
  }
  if (call.Get("not_ended") == "1") {
    std::erase_if(titles, [&](const VodTitle* t) {
      const auto point = resume_of(*t);
      return !point || point->ended;
    });
  }
  const bool by_added = call.Get("sortby") == "added";
  const TimeZone zone = parts_.zones.Find(call.time_zone).zone;
  PortalAnswer answer = PageOf<VodTitle>(call, titles, [&](JsonWriter& json, const VodTitle& t) {
    AppendTitleRow(json, t, catalogue->FindCategory(t.category),
                   {.favourite = is_favourite(t),
                    .resume = resume_of(t),
                    .added = by_added ? AddedWord(t.added_at, EpochSeconds(call.now), zone)
                                      : std::string_view()});
  });
  return Marked(std::move(answer).With(CatalogueAge()), viewer.degraded);
}

PortalAnswer VodActions::Seasons(const PortalCall& call, const VodTitle& title) {
  return PageOf<VodSeason>(call, Pointers(title.seasons),
                           [&](JsonWriter& json, const VodSeason& season) {
                             AppendSeasonRow(json, title, season);
                           })
      .With(CatalogueAge());
}

PortalAnswer VodActions::Episodes(const PortalCall& call, const VodTitle& title,
                                  const VodSeason& season) {
  return PageOf<VodEpisode>(call, Pointers(season.episodes),
                            [&](JsonWriter& json, const VodEpisode& episode) {
                              AppendEpisodeRow(json, title, season, episode);
                            })
      .With(CatalogueAge());
}

PortalAnswer VodActions::Files(const PortalCall& call, const VodTitle& title,
                               const std::vector<VodFile>& files) {
  return PageOf<VodFile>(
             call, Pointers(files),
             [&](JsonWriter& json, const VodFile& file) { AppendFileRow(json, title, file); })
      .With(CatalogueAge());
}

}  // namespace holdfast::middleware

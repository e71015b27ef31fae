#include "services/middleware/portal_vod.h"

#include <algorithm>
#include <cstdint>
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
constexpr std::size_t kLongestChoice = 8;  // of a year or letter in a page that is kept
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

VodQuery QueryOf(const PortalCall& call, VodQuery::Only only) {
  VodQuery query;
  query.only = only;
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

// Which rows of a list of so many the box asks for.
struct Rows {
  std::size_t first = 0;
  std::size_t last = 0;  // one beyond
  int page = 0;          // 1 if the box leaves it to us
};

Rows RowsOf(const PortalCall& call, std::size_t total) {
  const std::int64_t asked = call.form.Int("p", 0);
  const auto index = static_cast<std::size_t>(std::clamp<std::int64_t>(asked - 1, 0, 1'000'000));
  const std::size_t first = std::min(index * kPageSize, total);
  return {first, std::min(first + kPageSize, total), asked <= 0 ? 1 : 0};
}

// Pages of 14 of anything: `append` writes one row.
template <class Row>
std::string PageOf(const PortalCall& call, const std::vector<const Row*>& rows,
                   const std::function<void(JsonWriter&, const Row&)>& append) {
  const Rows chosen = RowsOf(call, rows.size());
  std::string js;
  OpenPage(js, rows.size(), kPageSize, 0, chosen.page);
  for (std::size_t i = chosen.first; i < chosen.last; ++i) {
    if (i > chosen.first) js += ',';
    JsonWriter json(js);
    append(json, *rows[i]);
  }
  return js + "]}";
}

template <class Row>
std::vector<const Row*> Pointers(const std::vector<Row>& rows) {
  std::vector<const Row*> pointers;
  for (const Row& row : rows) pointers.push_back(&row);
  return pointers;
}

// What a viewer left on films: favourites and places where they went on.
class TitleMarks {
 public:
  explicit TitleMarks(const ViewerItems& items) : items_(items) {
    using Kind = ViewerItem::Kind;
    for (const Kind kind : {Kind::kFavouriteFilm, Kind::kResumePoint}) {
      for (const ViewerItem* item : items.Newest(kind)) marked_.insert(item->key);
    }
  }

  bool contains(std::int64_t title) const { return marked_.contains(std::to_string(title)); }
  bool is_favourite(const VodTitle& title) const {
    return items_.Find(ViewerItem::Kind::kFavouriteFilm, std::to_string(title.id)) != nullptr;
  }
  std::optional<ResumePoint> ResumeOf(const VodTitle& title) const {
    const ViewerItem* item = items_.Find(ViewerItem::Kind::kResumePoint, std::to_string(title.id));
    return item == nullptr ? std::nullopt : ResumePointIn(*item->text);
  }

  // Leaves of `titles` what the box asks for, in the order that it asks for.
  void Choose(const PortalCall& call, std::vector<const VodTitle*>& titles) const {
    if (call.Get("fav") == "1") {
      std::erase_if(titles, [&](const VodTitle* t) { return !is_favourite(*t); });
    }
    if (call.Get("not_ended") == "1") {
      std::erase_if(titles, [&](const VodTitle* t) {
        const auto point = ResumeOf(*t);
        return !point || point->ended;
      });
    }
    const std::string_view order = call.Get("sortby");
    if (order == "purchased") titles.clear();  // films are not sold one by one
    if (order == "last_ended") LastWatchedFirst(titles);
  }

 private:
  void LastWatchedFirst(std::vector<const VodTitle*>& titles) const {
    StringMap<std::size_t> place;
    for (const ViewerItem* item : items_.Newest(ViewerItem::Kind::kResumePoint)) {
      place.try_emplace(item->key, place.size());
    }
    const auto place_of = [&](const VodTitle* title) {
      const std::size_t* found = Find(place, std::to_string(title->id));
      return found == nullptr ? place.size() : *found;
    };
    std::ranges::stable_sort(titles, {}, place_of);
  }

  const ViewerItems& items_;
  StringSet marked_;
};

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
  for (const Shelf shelf : {Shelf::kAll, Shelf::kSeries}) {
    const char* type = shelf == Shelf::kSeries ? "series" : "vod";
    table.Add(type, "get_categories", Access::kSubscriber,
              [this, shelf](PortalCall& call) { return GetCategories(call, shelf); });
    table.Add(type, "get_genres_by_category_alias", Access::kSubscriber,
              Bind(*this, &VodActions::GetGenres));
    table.Add(type, "get_years", Access::kSubscriber, Bind(*this, &VodActions::GetYears));
    table.Add(type, "get_abc", Access::kSubscriber, Bind(*this, &VodActions::GetLetters));
    table.Add(type, "create_link", Access::kSubscriber, Bind(*this, &VodActions::CreateLink));
    table.Add(type, "get_ordered_list", Access::kSubscriber,
              [this, shelf](PortalCall&) -> PortalOutcome {
                return Later{[this, shelf](PortalCall& c) { return OrderedList(c, shelf); },
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

PortalOutcome VodActions::Shared(const PortalCall& call, const std::string& key, Render render) {
  if (const auto page = parts_.lists.pages().Find(key)) {
    return SendPage(*page, call).With(CatalogueAge());
  }
  return Later{
      [this, key, render](PortalCall& c) {
        const auto page = parts_.lists.pages().GetOrMake(key, [&] { return MakePage(render(c)); });
        return SendPage(*page, c).With(CatalogueAge());
      },
      [this, render](PortalCall& c) { return PortalAnswer::Js(render(c)).With(CatalogueAge()); }};
}

PortalOutcome VodActions::GetCategories(const PortalCall& call, Shelf shelf) {
  const std::uint64_t revision =
      parts_.models.catalogue_replica().revision();  // the catalogue is not older
  const auto catalogue = parts_.models.catalogue();
  const bool series_only = shelf == Shelf::kSeries;
  const std::string key =
      absl::StrCat("vod categories|", revision, "|",
                   series_only ? "series|" + call.knowledge.entitlement->packages.key() : "");
  return Shared(call, key, [catalogue, series_only](const PortalCall& c) {
    std::set<std::int64_t> of_series;
    if (series_only) {
      const VodQuery query{.only = VodQuery::Only::kSeries};
      for (const VodTitle* title :
           ChooseTitles(*catalogue, query, c.knowledge.entitlement->packages)) {
        of_series.insert(title->category);
      }
    }
    std::string js;
    JsonWriter json(js);
    json.BeginArray().BeginObject().Field("id", "*").Field("title", "All").Field("alias", "*");
    json.Field("censored", 0).EndObject();
    for (const VodCategory& category : catalogue->categories()) {
      if (series_only && !of_series.contains(category.id)) continue;
      json.BeginObject().Key("id").String(category.id).Field("title", category.title);
      json.Field("alias", category.alias).Field("censored", category.adult ? 1 : 0).EndObject();
    }
    json.EndArray();
    return js;
  });
}

PortalOutcome VodActions::GetGenres(PortalCall& call) {
  const std::uint64_t revision =
      parts_.models.catalogue_replica().revision();  // the catalogue is not older
  const auto catalogue = parts_.models.catalogue();
  const auto& categories = catalogue->categories();
  const auto category = std::ranges::find_if(
      categories, [&](const VodCategory& c) { return c.alias == call.Get("cat_alias"); });
  const bool known = category != categories.end();
  const Render render = [catalogue, category, known](const PortalCall&) {
    std::string js;
    JsonWriter json(js);
    json.BeginArray();
    AppendChoice(json, "*", "*");
    for (std::size_t i = 0; known && i < category->genres.size(); ++i) {
      AppendChoice(json, std::to_string(i + 1), category->genres[i]);
    }
    json.EndArray();
    return js;
  };
  // Not kept: anybody can make up names.
  if (!known) return PortalAnswer::Js(render(call)).With(CatalogueAge());
  return Shared(call, absl::StrCat("vod genres|", revision, "|", category->id), render);
}

PortalOutcome VodActions::GetYears(PortalCall& call) {
  const std::uint64_t revision =
      parts_.models.catalogue_replica().revision();  // the catalogue is not older
  const auto catalogue = parts_.models.catalogue();
  const VodQuery query{.category = ChosenId(call, "category")};
  const Render render = [catalogue, query](const PortalCall& c) {
    std::set<std::string, std::greater<>> years;
    for (const VodTitle* title :
         ChooseTitles(*catalogue, query, c.knowledge.entitlement->packages)) {
      if (!title->year.empty()) years.insert(title->year);
    }
    std::string js;
    JsonWriter json(js);
    json.BeginArray();
    AppendChoice(json, "*", "*");
    for (const std::string& year : years) AppendChoice(json, year, year);
    json.EndArray();
    return js;
  };
  if (query.category != 0 && catalogue->FindCategory(query.category) == nullptr) {
    return PortalAnswer::Js(render(call)).With(CatalogueAge());
  }
  return Shared(call,
                absl::StrCat("vod years|", revision, "|", query.category, "|",
                             call.knowledge.entitlement->packages.key()),
                render);
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

PortalAnswer VodActions::OrderedList(const PortalCall& call, Shelf shelf) {
  const std::int64_t movie = ChosenId(call, "movie_id");
  if (movie == 0) return Titles(call, shelf);
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

PortalAnswer VodActions::Titles(const PortalCall& call, Shelf shelf) {
  const std::uint64_t revision =
      parts_.models.catalogue_replica().revision();  // the catalogue is not older
  const auto catalogue = parts_.models.catalogue();
  const ViewerData::Loaded viewer = parts_.viewers.Load(ViewerOf(*call.device), ViewerDeadline());
  const TitleMarks marks(*viewer.items);
  const VodQuery query =
      QueryOf(call, shelf == Shelf::kSeries ? VodQuery::Only::kSeries : VodQuery::Only::kAll);
  const std::string_view order = call.Get("sortby");
  const TimeZone zone = parts_.zones.Find(call.time_zone).zone;
  const auto page = [&](const std::vector<const VodTitle*>& titles, bool marked) {
    return PageOf<VodTitle>(call, titles, [&](JsonWriter& json, const VodTitle& t) {
      VodRowVariant variant;
      if (marked) variant = {.favourite = marks.is_favourite(t), .resume = marks.ResumeOf(t)};
      if (order == "added") variant.added = AddedWord(t.added_at, EpochSeconds(call.now), zone);
      AppendTitleRow(json, t, catalogue->FindCategory(t.category), variant);
    });
  };
  const auto send = [&](PortalAnswer answer) {
    return Marked(std::move(answer).With(CatalogueAge()), viewer.degraded);
  };
  const bool chosen_by_viewer = call.Get("fav") == "1" || call.Get("not_ended") == "1" ||
                                order == "last_ended" || order == "purchased";
  const bool shared = !chosen_by_viewer && query.search.empty() &&
                      query.year.size() <= kLongestChoice &&
                      query.first_letter.size() <= kLongestChoice;
  const std::string key = absl::StrCat(
      "vod|", revision, "|", shelf == Shelf::kSeries ? 1 : 0, query.hd ? 1 : 0, "|", query.category,
      "|", query.genre, "|", std::string(query.year), "|", std::string(query.first_letter), "|",
      static_cast<int>(query.order), "|", order == "added" ? zone.Format("%Y%m%d", call.now) : "",
      "|", RowsOf(call, SIZE_MAX).first, "|", RowsOf(call, 0).page, "|",
      call.knowledge.entitlement->packages.key());
  PageCache& pages = parts_.lists.pages();
  auto held = shared ? pages.Find(key) : nullptr;
  const auto is_marked = [&](std::int64_t id) { return marks.contains(id); };
  if (held != nullptr && std::ranges::none_of(held->shown, is_marked)) {
    return send(SendPage(*held, call));
  }
  std::vector<const VodTitle*> titles =
      ChooseTitles(*catalogue, query, call.knowledge.entitlement->packages);
  if (chosen_by_viewer) marks.Choose(call, titles);
  const Rows rows = RowsOf(call, titles.size());
  std::vector<std::int64_t> shown;
  for (std::size_t i = rows.first; i < rows.last; ++i) shown.push_back(titles[i]->id);
  if (shared && held == nullptr && !shown.empty()) {
    held = pages.GetOrMake(key, [&] { return MakePage(page(titles, false), shown); });
  }
  if (held != nullptr && std::ranges::none_of(shown, is_marked)) {
    return send(SendPage(*held, call));
  }
  return send(SendOwn(page(titles, true), call));
}

PortalAnswer VodActions::Seasons(const PortalCall& call, const VodTitle& title) {
  return SendOwn(PageOf<VodSeason>(call, Pointers(title.seasons),
                                   [&](JsonWriter& json, const VodSeason& season) {
                                     AppendSeasonRow(json, title, season);
                                   }),
                 call)
      .With(CatalogueAge());
}

PortalAnswer VodActions::Episodes(const PortalCall& call, const VodTitle& title,
                                  const VodSeason& season) {
  return SendOwn(PageOf<VodEpisode>(call, Pointers(season.episodes),
                                    [&](JsonWriter& json, const VodEpisode& episode) {
                                      AppendEpisodeRow(json, title, season, episode);
                                    }),
                 call)
      .With(CatalogueAge());
}

PortalAnswer VodActions::Files(const PortalCall& call, const VodTitle& title,
                               const std::vector<VodFile>& files) {
  return SendOwn(PageOf<VodFile>(call, Pointers(files),
                                 [&](JsonWriter& json, const VodFile& file) {
                                   AppendFileRow(json, title, file);
                                 }),
                 call)
      .With(CatalogueAge());
}

}  // namespace holdfast::middleware

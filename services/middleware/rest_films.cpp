#include "services/middleware/rest_films.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>
#include <vector>

#include "services/middleware/json_writer.h"
#include "services/middleware/rest_pages.h"
#include "services/middleware/rest_rentals.h"
#include "services/middleware/xtream_films.h"

namespace holdfast::middleware {
namespace {

constexpr std::size_t kLongestQuery = 100;
constexpr std::int64_t kMaxFavouriteFilms = 1000;

http::Response UnknownFilm() {
  return FieldProblem(404, "unknown-film", "film", "there is no such film");
}

std::int64_t NumberOf(std::string_view text) { return ParseChannelId(text).value(); }

void AppendGenres(JsonWriter& json, const VodTitle& title, const VodCategory* category) {
  json.Key("genres").BeginArray();
  for (const int position : title.genres) {
    const bool known = category != nullptr && position >= 1 &&
                       position <= static_cast<int>(category->genres.size());
    if (known) json.String(category->genres[static_cast<std::size_t>(position - 1)]);
  }
  json.EndArray();
}

// The fields that a list shows, of an object that is open.
void AppendSummary(JsonWriter& json, const VodTitle& title, const Catalogue& catalogue,
                   const FilmRight& right) {
  json.Key("id").String(title.id).Field("kind", title.is_series() ? "series" : "film");
  json.Field("name", title.name).Key("category_id").String(title.category);
  AppendGenres(json, title, catalogue.FindCategory(title.category));
  json.Field("year", title.year).Field("minutes", title.minutes).Field("age", title.age);
  json.Field("rating", title.rating_imdb).Field("hd", title.hd).Field("adult", title.adult);
  json.Field("poster", title.poster).Field("added_at", Rfc3339(title.added_at));
  AppendRental(json.Key("rental"), right);
}

void AppendFiles(JsonWriter& json, const std::vector<VodFile>& files) {
  json.Key("files").BeginArray();
  for (const VodFile& file : files) {
    json.BeginObject().Key("id").String(file.id).Field("quality", file.quality);
    json.Field("languages", file.languages).Field("format", ContainerOf(file)).EndObject();
  }
  json.EndArray();
}

void AppendSeasons(JsonWriter& json, const VodTitle& title) {
  json.Key("seasons").BeginArray();
  for (const VodSeason& season : title.seasons) {
    json.BeginObject().Field("number", season.number).Field("title", season.title);
    json.Key("episodes").BeginArray();
    for (const VodEpisode& episode : season.episodes) {
      json.BeginObject().Field("number", episode.number).Field("title", episode.title);
      json.Field("minutes", episode.minutes);
      AppendFiles(json, episode.files);
      json.EndObject();
    }
    json.EndArray().EndObject();
  }
  json.EndArray();
}

struct Wish {
  VodQuery query;
  std::optional<FilmKind> kind;
};

// What the list is asked for; the parameter at fault in `field` otherwise.
std::optional<Wish> WishOf(const RestCall& call, std::string& field) {
  Wish wish;
  const std::string_view kind = call.Get("kind"), order = call.Get("order");
  const auto category = NumberBetween(call, "category", 0, 1, 1'000'000'000'000);
  const auto genre = NumberBetween(call, "genre", 0, 1, 10'000);
  if (kind == "film") wish.kind = FilmKind::kFilms;
  if (kind == "series") wish.kind = FilmKind::kSeries;
  if (!kind.empty() && !wish.kind) field = "kind";
  if (order == "added") wish.query.order = VodQuery::Order::kAdded;
  if (order == "rating") wish.query.order = VodQuery::Order::kRating;
  if (!order.empty() && order != "name" && wish.query.order == VodQuery::Order::kName) {
    field = "order";
  }
  if (!category) field = "category";
  if (!genre) field = "genre";
  if (!field.empty()) return std::nullopt;
  wish.query.category = *category;
  wish.query.genre = static_cast<int>(*genre);
  wish.query.year = call.Get("year");
  wish.query.search = call.Get("q").substr(0, kLongestQuery);
  return wish;
}

// Where the page begins: behind the film that was the last, or where it was if it is gone.
std::size_t BeginOfPage(const std::vector<const VodTitle*>& titles, const Cursor& after) {
  if (after.major <= 0) return 0;
  const auto last = std::find_if(titles.begin(), titles.end(),
                                 [&](const VodTitle* t) { return t->id == after.minor; });
  if (last != titles.end()) return static_cast<std::size_t>(last - titles.begin()) + 1;
  return std::min(static_cast<std::size_t>(after.major), titles.size());
}

}  // namespace

http::Response RestFilms::WithCatalogueAge(http::Response response) const {
  if (const auto age = StaleSince(parts_.models.catalogue_replica())) {
    MarkDegraded(response, {{Neighbour::kPostgres, age}}, "rest", parts_.metrics);
  }
  return response;
}

const VodTitle* RestFilms::Visible(const RestCall& call, const RestProfiles::Person& person,
                                   const Catalogue& catalogue, std::int64_t id) const {
  const VodTitle* title = catalogue.FindTitle(id);
  if (title == nullptr) return nullptr;
  const FilmKind kind = title->is_series() ? FilmKind::kSeries : FilmKind::kFilms;
  if (FindTitleForApp(catalogue, RightsOf(call), adult_, kind, id, Shelf::kForRentToo) == nullptr) {
    return nullptr;
  }
  return IsForAge(*title, person.profile ? person.profile->max_age : std::nullopt) ? title
                                                                                   : nullptr;
}

http::Response RestFilms::Categories(const RestCall& call) {
  const RestProfiles::Person person = parts_.profiles.PersonOf(call);
  if (person.problem) return *person.problem;
  const std::uint64_t revision =
      parts_.models.catalogue_replica().revision();  // the catalogue is not older
  const auto catalogue = parts_.models.catalogue();
  const Entitlement& entitlement = *call.knowledge.entitlement;
  const std::optional<int> max_age = person.profile ? person.profile->max_age : std::nullopt;
  const std::string key = fmt::format("film categories|{}|{}|{}|{}", revision, max_age.value_or(-1),
                                      entitlement.blocked() ? "!" : "", RightsOf(call).key());
  const auto body = parts_.bodies.GetOrMake(
      key, [&] { return JsonBody(CategoriesText(call, person, *catalogue)); });
  return WithCatalogueAge(JsonAnswer(call, *body));
}

std::string RestFilms::CategoriesText(const RestCall& call, const RestProfiles::Person& person,
                                      const Catalogue& catalogue) const {
  std::set<std::int64_t> present;
  for (const VodTitle& title : catalogue.titles()) {
    if (Visible(call, person, catalogue, title.id) != nullptr) present.insert(title.category);
  }
  std::string text;
  JsonWriter json(text);
  json.BeginObject().Key("items").BeginArray();
  for (const VodCategory& category : catalogue.categories()) {
    if (!present.contains(category.id)) continue;
    json.BeginObject().Key("id").String(category.id).Field("title", category.title);
    json.Key("genres").BeginArray();
    for (std::size_t i = 0; i < category.genres.size(); ++i) {
      json.BeginObject().Key("id").String(static_cast<std::int64_t>(i) + 1);
      json.Field("title", category.genres[i]).EndObject();
    }
    json.EndArray().EndObject();
  }
  json.EndArray().EndObject();
  return text;
}

http::Response RestFilms::List(const RestCall& call) {
  std::string field;
  const std::optional<Wish> wish = WishOf(call, field);
  if (!wish)
    return FieldProblem(400, "bad-parameter", field, field + " has a value that is not known");
  const auto limit = NumberBetween(call, "limit", 50, 1, 200);
  if (!limit) return FieldProblem(400, "bad-limit", "limit", "limit is not from 1 to 200");
  const std::optional<Cursor> after = ParseCursor(call.Get("cursor"));
  if (!after) return FieldProblem(400, "bad-cursor", "cursor", "cursor is none of a list");
  const RestProfiles::Person person = parts_.profiles.PersonOf(call);
  if (person.problem) return *person.problem;

  const auto catalogue = parts_.models.catalogue();
  const FilmRights rights = RightsOf(call);
  std::vector<const VodTitle*> titles = ChooseTitles(*catalogue, wish->query, rights);
  std::erase_if(titles, [&](const VodTitle* title) {
    const bool other_kind = wish->kind && title->is_series() != (*wish->kind == FilmKind::kSeries);
    return other_kind || Visible(call, person, *catalogue, title->id) == nullptr;
  });
  const std::size_t begin = BeginOfPage(titles, *after);
  const std::size_t end = std::min(titles.size(), begin + static_cast<std::size_t>(*limit));
  std::string text;
  JsonWriter json(text);
  json.BeginObject().Key("items").BeginArray();
  for (std::size_t i = begin; i < end; ++i) {
    json.BeginObject();
    AppendSummary(json, *titles[i], *catalogue, rights.Of(*titles[i]));
    json.EndObject();
  }
  json.EndArray().Key("next_cursor");
  if (end < titles.size()) {
    json.String(ToText(Cursor{static_cast<std::int64_t>(end), titles[end - 1]->id}));
  } else {
    json.Null();
  }
  json.EndObject();
  return WithCatalogueAge(JsonAnswer(call, std::move(text)));
}

http::Response RestFilms::Details(const RestCall& call) {
  const RestProfiles::Person person = parts_.profiles.PersonOf(call);
  if (person.problem) return *person.problem;
  const auto catalogue = parts_.models.catalogue();
  const VodTitle* title = Visible(call, person, *catalogue, NumberOf(call.parts.at(0)));
  if (title == nullptr) return UnknownFilm();
  const FilmRights rights = RightsOf(call);
  std::string text;
  JsonWriter json(text);
  json.BeginObject();
  AppendSummary(json, *title, *catalogue, rights.Of(*title));
  json.Field("original_name", title->original_name).Field("description", title->description);
  json.Field("director", title->director).Field("actors", title->actors);
  json.Field("country", title->country);
  AppendFiles(json, title->files);
  AppendSeasons(json, *title);
  json.EndObject();
  return WithCatalogueAge(JsonAnswer(call, std::move(text)));
}

http::Response RestFilms::Link(const RestCall& call) {
  const RestProfiles::Person person = parts_.profiles.PersonOf(call);
  if (person.problem) return *person.problem;
  const auto catalogue = parts_.models.catalogue();
  const auto found = catalogue->FindFile(NumberOf(call.parts.at(0)));
  if (found && IsUnknown(RightsOf(call).Of(*found->title), call.knowledge.source)) {
    parts_.metrics.film_links.With({"link_fault"}).Add();
    http::Response unknown = TryAgain("what the account has rented is not known at the moment");
    MarkDegraded(unknown, {Degradation{Neighbour::kBilling, {}}}, "rest", parts_.metrics);
    return unknown;
  }
  if (!found || Visible(call, person, *catalogue, found->title->id) == nullptr) {
    parts_.metrics.film_links.With({"nothing_to_play"}).Add();
    return FieldProblem(404, "unknown-file", "file", "there is no such file");
  }
  const FilmRight right = RightsOf(call).Of(*found->title);
  if (!right.plays()) {
    parts_.metrics.film_links.With({"access_denied"}).Add();
    return Problem(403, "not-rented", "the film is rented one by one, and is not rented now");
  }
  if (MayPlay(*call.knowledge.entitlement, right, call.now) != Verdict::kAllowed) {
    parts_.metrics.film_links.With({"access_denied"}).Add();
    return Problem(403, "lapsed", "the paid time is over");
  }
  if (auto locked = found->title->adult ? parts_.parental.Demand(call) : std::nullopt) {
    parts_.metrics.film_links.With({"access_denied"}).Add();
    return *std::move(locked);
  }
  const VodFile& file = *found->file;
  std::string address = file.address;
  if (address.empty()) {
    const auto link = parts_.links.File(file.directory, file.file, call.now);
    if (!link) {
      parts_.metrics.film_links.With({"link_fault"}).Add();
      return TryAgain("no edge can serve the film");
    }
    address = link->address;
  }
  if (auto refused = parts_.streams.Refuse(call, static_cast<std::uint64_t>(found->title->id))) {
    parts_.metrics.film_links.With({"limit"}).Add();
    return *std::move(refused);
  }
  parts_.metrics.film_links.With({"ok"}).Add();
  std::string text;
  JsonWriter json(text);
  json.BeginObject().Field("url", address).Field("format", ContainerOf(file));
  json.Key("subtitles").BeginArray();
  for (const VodSubtitle& subtitle : file.subtitles) {
    json.BeginObject().Field("url", subtitle.address).Field("language", subtitle.language);
    json.EndObject();
  }
  json.EndArray().EndObject();
  http::Response response = FreshJson(std::move(text));
  if (const auto age = parts_.links.EdgesStaleSince()) {
    MarkDegraded(response, {{Neighbour::kCdnRouting, age}}, "rest", parts_.metrics);
  }
  return parts_.streams.Marked(call, std::move(response));
}

http::Response RestFilms::Favourites(const RestCall& call) {
  const PageWish wish = WishForPage(call, kMaxFavouriteFilms, kMaxFavouriteFilms);
  if (wish.problem) return *wish.problem;
  const RestProfiles::Person person = parts_.profiles.PersonOf(call);
  if (person.problem) return *person.problem;
  const ViewerData::Loaded loaded = parts_.profiles.Load(person);
  const auto catalogue = parts_.models.catalogue();
  const FilmRights rights = RightsOf(call);
  std::string text;
  JsonWriter json(text);
  json.BeginObject().Key("items").BeginArray();
  std::size_t shown = 0;
  std::optional<ItemPosition> last, more;
  for (const ViewerItem* item : loaded.items->Newest(ViewerItem::Kind::kFavouriteFilm)) {
    const VodTitle* title = Visible(call, person, *catalogue, NumberOf(item->key));
    const bool before = wish.after && PositionOf(*item) >= *wish.after;
    if (title == nullptr || before) continue;  // not forgotten: it may return
    if (shown == wish.limit) {
      more = last;
      break;
    }
    json.BeginObject();
    AppendSummary(json, *title, *catalogue, rights.Of(*title));
    json.EndObject();
    last = PositionOf(*item);
    ++shown;
  }
  json.EndArray();
  EndPage(json, more);
  return parts_.profiles.Marked(JsonAnswer(call, std::move(text)), loaded.degraded);
}

http::Response RestFilms::AddFavourite(const RestCall& call) {
  const RestProfiles::Person person = parts_.profiles.PersonOf(call);
  if (person.problem) return *person.problem;
  const auto catalogue = parts_.models.catalogue();
  const VodTitle* title = Visible(call, person, *catalogue, NumberOf(call.parts.at(0)));
  if (title == nullptr) return UnknownFilm();
  const std::string key = std::to_string(title->id);
  const ViewerData::Loaded loaded = parts_.profiles.Load(person);
  using Kind = ViewerItem::Kind;
  if (loaded.items->Find(Kind::kFavouriteFilm, key) != nullptr) return NoContent();
  if (std::ssize(loaded.items->Newest(Kind::kFavouriteFilm)) >= kMaxFavouriteFilms) {
    return Problem(409, "too-many-favourites", "there are 1000 favourite films already");
  }
  return parts_.profiles.Kept(
      parts_.profiles.Save(person, {.kind = Kind::kFavouriteFilm, .key = key, .text = ""}),
      NoContent());
}

http::Response RestFilms::RemoveFavourite(const RestCall& call) {
  const RestProfiles::Person person = parts_.profiles.PersonOf(call);
  if (person.problem) return *person.problem;
  const std::string key = std::to_string(NumberOf(call.parts.at(0)));
  const ViewerData::Loaded loaded = parts_.profiles.Load(person);
  if (loaded.items->Find(ViewerItem::Kind::kFavouriteFilm, key) == nullptr) return NoContent();
  return parts_.profiles.Kept(
      parts_.profiles.Save(person,
                           {.kind = ViewerItem::Kind::kFavouriteFilm, .key = key, .text = {}}),
      NoContent());
}

}  // namespace holdfast::middleware

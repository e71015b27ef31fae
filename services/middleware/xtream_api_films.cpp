// Films and series of the Xtream API.
#include <fmt/format.h>

#include <utility>

#include "services/middleware/xtream_api.h"
#include "services/middleware/xtream_films.h"

namespace holdfast::middleware {

std::vector<Degradation> XtreamApi::CatalogueAge() const {
  const auto age = StaleSince(parts_.models.catalogue_replica());
  if (!age) return {};
  return {{Neighbour::kPostgres, age}};
}

// What is rented is this account's alone.
std::string XtreamApi::KeyOf(std::string_view name, const AppCall& call) const {
  return fmt::format("{}|{}", name, RightsOf(call, parts_.models).key());
}

std::string XtreamApi::FilmCategoriesOf(const AppCall& call, FilmKind kind) const {
  const auto catalogue = parts_.models.catalogue();
  return middleware::FilmCategories(*catalogue,
                                    TitlesOfApp(*catalogue, RightsOf(call, parts_.models),
                                                adult_.InPlayers(call.login->account), kind));
}

std::optional<http::Response> XtreamApi::SharedFilmCategories(const AppCall& call, FilmKind kind) {
  const std::string_view name = kind == FilmKind::kFilms ? "film categories" : "series categories";
  auto response = Shared(call, KeyOf(name, call), parts_.models.catalogue_replica().revision(),
                         [&] { return FilmCategoriesOf(call, kind); });
  if (response) MarkDegraded(*response, CatalogueAge(), player_.name, parts_.metrics);
  return response;
}

std::optional<http::Response> XtreamApi::FilmCategories(AppCall& call) {
  return SharedFilmCategories(call, FilmKind::kFilms);
}

std::optional<http::Response> XtreamApi::SeriesCategories(AppCall& call) {
  return SharedFilmCategories(call, FilmKind::kSeries);
}

std::optional<http::Response> XtreamApi::FilmList(AppCall& call, FilmKind kind) {
  const std::uint64_t revision =
      parts_.models.catalogue_replica().revision();  // the catalogue is not older
  const auto catalogue = parts_.models.catalogue();
  const std::optional<std::int64_t> wanted = CategoryWanted(call);
  if (wanted && catalogue->FindCategory(*wanted) == nullptr) return Json("[]");
  const std::string name =
      fmt::format("{} {}", kind == FilmKind::kFilms ? "films" : "series", wanted.value_or(0));
  auto response = Shared(call, KeyOf(name, call), revision, [&] {
    return middleware::FilmList(*catalogue,
                                TitlesOfApp(*catalogue, RightsOf(call, parts_.models),
                                            adult_.InPlayers(call.login->account), kind),
                                kind, wanted.value_or(0));
  });
  if (response) MarkDegraded(*response, CatalogueAge(), player_.name, parts_.metrics);
  return response;
}

std::optional<http::Response> XtreamApi::Films(AppCall& call) {
  return FilmList(call, FilmKind::kFilms);
}

std::optional<http::Response> XtreamApi::Series(AppCall& call) {
  return FilmList(call, FilmKind::kSeries);
}

std::optional<http::Response> XtreamApi::TitleInfo(AppCall& call, FilmKind kind,
                                                   std::string_view field) {
  const auto catalogue = parts_.models.catalogue();
  const VodTitle* title =
      FindTitleForApp(*catalogue, RightsOf(call, parts_.models),
                      adult_.InPlayers(call.login->account), kind, call.form.Int(field, 0));
  http::Response response =
      Json(kind == FilmKind::kFilms ? middleware::FilmInfo(*catalogue, title)
                                    : middleware::SeriesInfo(*catalogue, title));
  MarkDegraded(response, CatalogueAge(), player_.name, parts_.metrics);
  return response;
}

std::optional<http::Response> XtreamApi::FilmInfo(AppCall& call) {
  return TitleInfo(call, FilmKind::kFilms, "vod_id");
}

std::optional<http::Response> XtreamApi::SeriesInfo(AppCall& call) {
  return TitleInfo(call, FilmKind::kSeries, "series_id");
}

}  // namespace holdfast::middleware

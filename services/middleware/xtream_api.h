// The Xtream Codes API: what most apps on phones, televisions and sticks speak (portal protocol,
// section 17). Lists come from memory and are rendered once for all accounts with the same
// packages.
//
//   /player_api.php            who am I, lists, guide
//   /panel_api.php             the older form: everything at once
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "libs/base/string_map.h"
#include "services/middleware/adult_rule.h"
#include "services/middleware/app_call.h"
#include "services/middleware/body_cache.h"
#include "services/middleware/read_models.h"
#include "services/middleware/stream_gate.h"

namespace holdfast::middleware {

enum class FilmKind { kFilms, kSeries };

// The channels that an app of this account sees: those of its packages while the account is not
// suspended. Adult ones only where the operator lets apps show them, for apps ask for no PIN.
std::vector<const Channel*> ChannelsOfApp(const Lineup& lineup, const Entitlement& entitlement,
                                          AdultChannels adult);
// Null if the app may not see it.
const Channel* FindForApp(const Lineup& lineup, const Entitlement& entitlement, ChannelId id,
                          AdultChannels adult);

// Thread-safe. Everything it is given outlives it.
class XtreamApi {
 public:
  struct Parts {
    AppGate& gate;
    ReadModels& models;
    BodyCache& bodies;
    const StreamGate& streams;
    Metrics& metrics;
  };

  XtreamApi(const AdultRule& adult, const Parts& parts);

  void AddRoutes(http::Router& router);

 private:
  // Credentials are in the address: no cache on the way may keep an answer.
  static http::Response Json(std::string text);
  // The category that a list is wanted of; nothing: all, for which apps have several words.
  static std::optional<std::int64_t> CategoryWanted(const AppCall& call);

  using Action = std::optional<http::Response> (XtreamApi::*)(AppCall&);

  std::optional<http::Response> PlayerApi(AppCall& call);
  std::optional<http::Response> PanelApi(AppCall& call);
  http::Response Refuse(const AppCall& call, AppRefusal refusal) const;

  std::optional<http::Response> Info(AppCall& call);
  std::optional<http::Response> LiveCategories(AppCall& call);
  std::optional<http::Response> LiveStreams(AppCall& call);
  std::optional<http::Response> ShortEpg(AppCall& call);
  std::optional<http::Response> DataTable(AppCall& call);
  // xtream_api_films.cpp
  std::string FilmCategoriesOf(const AppCall& call, FilmKind kind) const;
  std::string KeyOf(std::string_view name, const AppCall& call) const;
  std::optional<http::Response> SharedFilmCategories(const AppCall& call, FilmKind kind);
  std::optional<http::Response> FilmList(AppCall& call, FilmKind kind);
  std::optional<http::Response> TitleInfo(AppCall& call, FilmKind kind, std::string_view field);
  std::optional<http::Response> FilmCategories(AppCall& call);
  std::optional<http::Response> Films(AppCall& call);
  std::optional<http::Response> FilmInfo(AppCall& call);
  std::optional<http::Response> SeriesCategories(AppCall& call);
  std::optional<http::Response> Series(AppCall& call);
  std::optional<http::Response> SeriesInfo(AppCall& call);

  // A list that is the same for all accounts with these packages, of this revision.
  std::optional<http::Response> Shared(const AppCall& call, std::string_view kind,
                                       std::uint64_t revision,
                                       const std::function<std::string()>& render);
  http::Response Listings(const AppCall& call, std::string listings) const;
  std::vector<const Channel*> ChannelsOf(const AppCall& call, const Lineup& lineup) const;
  std::vector<Degradation> LineupAge() const;
  std::vector<Degradation> CatalogueAge() const;

  const AdultRule adult_;
  const Parts parts_;
  StringMap<Action> actions_;
  AppRoute player_, panel_;
};

}  // namespace holdfast::middleware

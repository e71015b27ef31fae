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
#include "services/middleware/app_call.h"
#include "services/middleware/body_cache.h"
#include "services/middleware/read_models.h"

namespace holdfast::middleware {

enum class AdultChannels { kHidden, kShown };

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
    Metrics& metrics;
  };

  XtreamApi(AdultChannels adult, const Parts& parts);

  void AddRoutes(http::Router& router);

 private:
  using Action = std::optional<http::Response> (XtreamApi::*)(AppCall&);

  std::optional<http::Response> PlayerApi(AppCall& call);
  std::optional<http::Response> PanelApi(AppCall& call);
  http::Response Refuse(const AppCall& call, AppRefusal refusal) const;

  std::optional<http::Response> Info(AppCall& call);
  std::optional<http::Response> LiveCategories(AppCall& call);
  std::optional<http::Response> LiveStreams(AppCall& call);
  std::optional<http::Response> ShortEpg(AppCall& call);
  std::optional<http::Response> DataTable(AppCall& call);
  std::optional<http::Response> EmptyList(AppCall& call);
  std::optional<http::Response> UnknownFilm(AppCall& call);
  std::optional<http::Response> UnknownSeries(AppCall& call);

  // A list that is the same for all accounts with these packages.
  std::optional<http::Response> Shared(const AppCall& call, std::string_view kind,
                                       const std::function<std::string(const Lineup&)>& render);
  http::Response Listings(const AppCall& call, std::string listings) const;
  std::vector<const Channel*> ChannelsOf(const AppCall& call, const Lineup& lineup) const;
  std::vector<Degradation> LineupAge() const;

  const AdultChannels adult_;
  const Parts parts_;
  StringMap<Action> actions_;
  AppRoute player_, panel_;
};

}  // namespace holdfast::middleware
